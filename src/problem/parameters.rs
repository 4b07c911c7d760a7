//! Parameters: estimated or fixed, static or changing, bounded, with priors.
//!
//! An action takes one [`Parameter`] for each entry of the model's `theta`, in
//! its order; [`Bounds`] alone stand for a parameter to estimate within them.
//! Bounds are exact at every iterate, and they also tell the size of a change
//! that matters and where starts look for a parameter: give them.

use crate::error::{Error, Result};
use crate::problem::bounds::Bounds;
use crate::problem::grid::check_finite;
use crate::problem::precision::{PRECISION, check_positive};

/// A Gaussian prior of one parameter.
///
/// ```
/// # use deepest::{models::LotkaVolterra, prelude::*};
/// # fn term(death: Parameter, value: f64) -> deepest::Result<f64> {
/// #     let data = Observations::of_components(&[0], [0.0], ndarray::array![[1.0]], Precision::scalar(1.0)?)?;
/// #     let action = Action::builder(LotkaVolterra, Trapezoid)
/// #         .window(Window::new(Grid::uniform(0.0, 1.0, 2)?).observations(data)?)
/// #         .parameter_block("rates", [0.5, 0.03].map(Parameter::fixed))
/// #         .parameter("death", death)
/// #         .parameter("growth", Parameter::fixed(0.02))
/// #         .build()?;
/// #     let path = Path::from_layers([[1.0, 1.0], [1.0, 1.0]]);
/// #     Ok(action.terms(1.0, &Estimate::new(vec![path], [0.5, 0.03, value, 0.02]))?.prior)
/// # }
/// # fn main() -> deepest::Result<()> {
/// // A death rate of 0.8 ± 0.1: one deviation away the action gets ½.
/// let death = Parameter::estimated().prior(Gaussian::new(0.8, 0.1)?);
/// assert!((term(death, 0.9)? - 0.5).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[doc(alias("prior", "regularization", "normal distribution"))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// The mean.
    pub(crate) mean: f64,
    /// One over the variance.
    pub(crate) precision: f64,
}

impl Gaussian {
    /// Mean and standard deviation, in the parameter's unit.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`] for the deviation, and
    /// where one over its square is zero or, [`Error::InfinitePrecision`],
    /// infinite.
    pub fn new(mean: f64, standard_deviation: f64) -> Result<Self> {
        check_finite("mean", "Gaussian prior", mean)?;
        check_positive(
            "standard deviation",
            || "Gaussian prior".into(),
            standard_deviation,
        )?;
        let precision = standard_deviation.powi(-2);
        check_positive(PRECISION, || "Gaussian prior".into(), precision)?;
        Ok(Self { mean, precision })
    }
}

/// A log-normal prior of one positive parameter: ln θ ~ N(μ, σ²).
///
/// ```
/// # use deepest::{models::LotkaVolterra, prelude::*};
/// # fn term(death: Parameter, value: f64) -> deepest::Result<f64> {
/// #     let data = Observations::of_components(&[0], [0.0], ndarray::array![[1.0]], Precision::scalar(1.0)?)?;
/// #     let action = Action::builder(LotkaVolterra, Trapezoid)
/// #         .window(Window::new(Grid::uniform(0.0, 1.0, 2)?).observations(data)?)
/// #         .parameter_block("rates", [0.5, 0.03].map(Parameter::fixed))
/// #         .parameter("death", death)
/// #         .parameter("growth", Parameter::fixed(0.02))
/// #         .build()?;
/// #     let path = Path::from_layers([[1.0, 1.0], [1.0, 1.0]]);
/// #     Ok(action.terms(1.0, &Estimate::new(vec![path], [0.5, 0.03, value, 0.02]))?.prior)
/// # }
/// # fn main() -> deepest::Result<()> {
/// // A death rate of 0.8 but for a factor of 1.5: ln θ = ln 0.8 ± ln 1.5.
/// let (mu, sigma) = (0.8_f64.ln(), 1.5_f64.ln());
/// let death = Parameter::estimated().prior(LogNormal::new(mu, sigma)?);
/// // The most probable value is exp(μ − σ²).
/// assert!(term(death, (mu - sigma * sigma).exp())? < 1e-12);
/// # Ok(())
/// # }
/// ```
///
/// Its density by θ is the Gaussian one of ln θ divided by θ, so that the
/// action gets ½(ln θ − μ)²/σ² + ln θ = ½(ln θ − (μ − σ²))²/σ² + constant; the
/// constant is left out.
#[doc(alias = "positive parameter")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogNormal {
    mode: f64,
    deviation: f64,
}

impl LogNormal {
    /// μ and σ, mean and standard deviation of the logarithm.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`] for σ.
    pub fn new(mu: f64, sigma: f64) -> Result<Self> {
        check_finite("mean of the logarithm", "log-normal prior", mu)?;
        let place = || String::from("log-normal prior");
        check_positive("deviation of the logarithm", place, sigma)?;
        Ok(Self {
            mode: mu - sigma * sigma,
            deviation: sigma,
        })
    }
}

/// What is known of a parameter before any measurement.
#[doc(alias("regularization", "Bayes"))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Prior {
    /// Normal.
    Gaussian(Gaussian),
    /// Log-normal; the parameter is kept positive.
    LogNormal(LogNormal),
}

impl From<Gaussian> for Prior {
    fn from(prior: Gaussian) -> Self {
        Self::Gaussian(prior)
    }
}

impl From<LogNormal> for Prior {
    fn from(prior: LogNormal) -> Self {
        Self::LogNormal(prior)
    }
}

impl Prior {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Gaussian(_) => "gaussian",
            Self::LogNormal(_) => "log-normal",
        }
    }

    /// The numbers that tell it from others of its name.
    pub(crate) fn numbers(&self) -> [f64; 2] {
        match self {
            Self::Gaussian(Gaussian { mean, precision }) => [*mean, *precision],
            Self::LogNormal(LogNormal { mode, deviation }) => [*mode, *deviation],
        }
    }

    /// Value, slope, Gauss-Newton curvature and exact curvature of the
    /// negative log density at `theta`.
    pub(crate) fn at(&self, theta: f64) -> [f64; 4] {
        match self {
            Self::Gaussian(Gaussian { mean, precision }) => {
                let error = theta - mean;
                let force = precision * error;
                [0.5 * force * error, force, *precision, *precision]
            }
            Self::LogNormal(LogNormal { mode, deviation }) => {
                let z = (theta.ln() - mode) / deviation;
                let slope = (deviation * theta).recip();
                let curvature = slope * slope;
                [
                    0.5 * z * z,
                    z * slope,
                    curvature,
                    curvature - z * slope / theta,
                ]
            }
        }
    }

    /// The most probable value, and how far from there is still likely.
    pub(crate) fn center(&self) -> (f64, f64) {
        match self {
            Self::Gaussian(Gaussian { mean, precision }) => (*mean, precision.sqrt().recip()),
            Self::LogNormal(LogNormal { mode, deviation }) => {
                let center = mode.exp();
                (center, center * deviation.min(1.0))
            }
        }
    }

    /// The value that a standard normal number `z` stands for.
    pub(crate) fn draw(&self, z: f64) -> f64 {
        match self {
            Self::Gaussian(_) => {
                let (mean, deviation) = self.center();
                mean + deviation * z
            }
            Self::LogNormal(LogNormal { mode, deviation }) => {
                (mode + deviation * deviation + deviation * z).exp()
            }
        }
    }
}

/// How a parameter changes in time: φ̇ = −(φ − m)/τ + noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drift {
    /// m, where the parameter returns to.
    pub(crate) mean: f64,
    /// 1/τ; zero for a random walk.
    pub(crate) rate: f64,
    /// One over the noise's density, time · parameter⁻².
    pub(crate) precision: f64,
}

/// For what stretch one value of a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    All,
    Window,
    Layer(Drift),
}

/// One parameter of the model.
///
/// ```
/// use deepest::{models::LotkaVolterra, prelude::*};
///
/// # fn main() -> deepest::Result<()> {
/// # let data = Observations::of_components(&[0], [0.0], ndarray::array![[1.0]], Precision::scalar(1.0)?)?;
/// # let window = Window::new(Grid::uniform(0.0, 0.1, 3)?).observations(data)?;
/// let builder = Action::builder(LotkaVolterra, Trapezoid)
/// #     .window(window)
///     .parameter("birth", Bounds::new(0.0, 2.0)?) // estimated within bounds
///     .parameter("predation", Parameter::fixed(0.03)) // known
///     .parameter("death", Parameter::estimated().prior(Gaussian::new(0.8, 0.1)?))
///     .parameter("growth", Parameter::estimated().guess(0.02));
/// // Three parameters and 3 layers of 2 components.
/// assert_eq!(builder.build()?.counts().unknowns, 3 + 3 * 2);
/// # Ok(())
/// # }
/// ```
///
/// | kind | made by | unknowns |
/// |---|---|---|
/// | fixed | [`fixed`](Self::fixed) | none |
/// | static, shared by all windows | [`estimated`](Self::estimated), [`Bounds`] | 1 |
/// | static, one value a window | [`per_window`](Self::per_window) | 1 a window |
/// | random walk | [`random_walk`](Self::random_walk) | 1 a layer |
/// | free a layer, smooth | [`correlated`](Self::correlated) | 1 a layer |
///
/// A parameter that changes in time becomes a state component of every layer,
/// behind the model's own; its noise has a precision of its own, which R_f
/// does not multiply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub(crate) fixed: Option<f64>,
    pub(crate) bounds: Bounds,
    pub(crate) prior: Option<Prior>,
    pub(crate) guess: Option<f64>,
    pub(crate) reach: Reach,
}

impl Parameter {
    /// A parameter to estimate, without bounds or prior.
    #[must_use]
    pub fn estimated() -> Self {
        Self {
            fixed: None,
            bounds: Bounds::NONE,
            prior: None,
            guess: None,
            reach: Reach::All,
        }
    }

    /// A parameter with a known value, which is not estimated.
    #[must_use]
    pub fn fixed(value: f64) -> Self {
        Self {
            fixed: Some(value),
            ..Self::estimated()
        }
    }

    /// Keeps the estimate within bounds, at every iterate.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Adds the prior's negative log density to the action: once for a static
    /// parameter, once a window for one a window, and for the first layer of
    /// each window where the parameter changes in time. A log-normal prior
    /// keeps the parameter positive.
    #[must_use]
    pub fn prior(mut self, prior: impl Into<Prior>) -> Self {
        self.prior = Some(prior.into());
        self
    }

    /// Where the first start begins; without it, the prior's most probable
    /// value, the middle of the bounds, or the finite bound nearest to zero,
    /// else zero.
    #[must_use]
    pub fn guess(mut self, guess: f64) -> Self {
        self.guess = Some(guess);
        self
    }

    /// Gives every window a value of its own; bounds and prior hold for each.
    #[must_use]
    pub fn per_window(mut self) -> Self {
        self.reach = Reach::Window;
        self
    }

    /// Lets the parameter walk: its change over a time h has the variance
    /// `diffusion` · h (unit of `diffusion`: parameter² / time).
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`].
    #[doc(alias = "time-varying parameter")]
    pub fn random_walk(mut self, diffusion: f64) -> Result<Self> {
        check_positive("diffusion", || "random walk".into(), diffusion)?;
        self.reach = Reach::Layer(Drift {
            mean: 0.0,
            rate: 0.0,
            precision: diffusion.recip(),
        });
        Ok(self)
    }

    /// Gives every layer a value of its own that stays near `mean` within
    /// `deviation` and forgets over `time`: an Ornstein-Uhlenbeck process,
    /// which has correlation exp(−|t|/time). The first layer has this process'
    /// stationary distribution as prior unless another one is given.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`].
    #[doc(alias("time-varying parameter", "Ornstein-Uhlenbeck"))]
    pub fn correlated(mut self, mean: f64, deviation: f64, time: f64) -> Result<Self> {
        let gaussian = Gaussian::new(mean, deviation)?;
        check_positive("correlation time", || "parameter".into(), time)?;
        self.reach = Reach::Layer(Drift {
            mean,
            rate: time.recip(),
            precision: 0.5 * time * gaussian.precision,
        });
        self.prior = self.prior.or(Some(Prior::Gaussian(gaussian)));
        Ok(self)
    }

    /// The bounds, cut to the positive numbers for a log-normal prior.
    pub(crate) fn range(&self) -> Bounds {
        match self.prior {
            Some(Prior::LogNormal(_)) if self.bounds.lower() <= 0.0 => {
                Bounds::new(f64::MIN_POSITIVE, self.bounds.upper()).unwrap_or(self.bounds)
            }
            _ => self.bounds,
        }
    }

    pub(crate) fn initial(&self) -> f64 {
        let middle = self.bounds.width().map(|w| self.bounds.lower() + 0.5 * w);
        let value = self.fixed.or(self.guess);
        let value = value.or(self.prior.map(|p| p.center().0)).or(middle);
        self.range().nearest(value.unwrap_or(0.0))
    }

    /// The size of a change that matters: from the prior, the bounds or the
    /// guess.
    pub(crate) fn scale(&self) -> f64 {
        let from_prior = self.prior.map(|p| p.center().1);
        let from_bounds = self.bounds.width().map(|w| 0.25 * w);
        let size = self.initial().abs();
        let from_guess = (size > 0.0).then_some(size);
        let candidates = [from_prior, from_bounds];
        let known = candidates.into_iter().flatten().reduce(f64::min);
        known.or(from_guess).unwrap_or(1.0)
    }

    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let inside = |what, value: Option<f64>| match value {
            Some(v) if !v.is_finite() => Err(Error::NotFinite {
                what,
                place: format!("parameter {name}"),
                found: v,
            }),
            Some(v) if !self.bounds.contain(v) => Err(Error::OutOfRange {
                what,
                place: format!("parameter {name}"),
                low: self.bounds.lower(),
                high: self.bounds.upper(),
                found: v,
            }),
            _ => Ok(()),
        };
        inside("fixed value", self.fixed)?;
        inside("guess", self.guess)?;
        if let Reach::Layer(drift) = self.reach
            && drift.rate > 0.0
        {
            inside("mean of a correlated parameter", Some(drift.mean))?;
        }
        match self.prior {
            Some(Prior::Gaussian(prior)) => inside("mean of the prior", Some(prior.mean)),
            Some(prior @ Prior::LogNormal(_)) => {
                inside("most probable value of the prior", Some(prior.center().0))
            }
            None => Ok(()),
        }
    }
}

impl From<Bounds> for Parameter {
    /// A parameter to estimate within bounds.
    fn from(bounds: Bounds) -> Self {
        Self::estimated().bounds(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prior_is_its_negative_log_density_but_for_a_constant() {
        // −ln p of the log-normal density, taken as differences.
        let (mu, sigma) = (0.3, 0.7);
        let prior = Prior::from(LogNormal::new(mu, sigma).unwrap());
        let density = |x: f64| 0.5 * ((x.ln() - mu) / sigma).powi(2) + x.ln();
        let difference = prior.at(2.5).first().unwrap() - prior.at(0.4).first().unwrap();
        approx::assert_relative_eq!(
            difference,
            density(2.5) - density(0.4),
            max_relative = 1e-14
        );
        for x in [0.2, 1.0, 3.0] {
            let h = 1e-5 * x;
            let ([_, slope, _, curvature], above, below) =
                (prior.at(x), prior.at(x + h), prior.at(x - h));
            approx::assert_relative_eq!(
                slope,
                (above[0] - below[0]) / (2.0 * h),
                max_relative = 1e-8,
                epsilon = 1e-9
            );
            let second = (above[1] - below[1]) / (2.0 * h);
            approx::assert_relative_eq!(curvature, second, max_relative = 1e-8, epsilon = 1e-8);
        }
    }
}
