//! Static parameters: estimated or fixed, bounded, with priors.
//!
//! An action takes one [`Parameter`] for each entry of the model's `theta`, in
//! its order; [`Bounds`] alone stand for a parameter to estimate within them.
//! Bounds are exact at every iterate, and they also tell the size of a change
//! that matters and where starts look for a parameter: give them.

use crate::error::{Error, Result};
use crate::grid::check_finite;
use crate::precision::check_positive;

/// An interval that a value must stay in; either end may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    lower: f64,
    upper: f64,
}

impl Bounds {
    /// No bounds.
    pub const NONE: Self = Self {
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
    };

    /// # Errors
    /// [`Error::BoundsUpsideDown`] unless lower < upper (also for NaN).
    pub fn new(lower: f64, upper: f64) -> Result<Self> {
        if lower < upper {
            Ok(Self { lower, upper })
        } else {
            Err(Error::BoundsUpsideDown {
                place: "new bounds".into(),
                lower,
                upper,
            })
        }
    }

    /// The lower end.
    #[must_use]
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end.
    #[must_use]
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// upper − lower where both are finite.
    #[must_use]
    pub fn width(&self) -> Option<f64> {
        let width = self.upper - self.lower;
        width.is_finite().then_some(width)
    }
}

/// A Gaussian prior of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// The mean.
    pub(crate) mean: f64,
    /// One over the variance.
    pub(crate) precision: f64,
}

impl Gaussian {
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`] for the deviation.
    pub fn new(mean: f64, standard_deviation: f64) -> Result<Self> {
        check_finite("mean", "Gaussian prior", mean)?;
        check_positive(
            "standard deviation",
            || "Gaussian prior".into(),
            standard_deviation,
        )?;
        Ok(Self {
            mean,
            precision: standard_deviation.powi(-2),
        })
    }
}

/// One static parameter of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub(crate) fixed: Option<f64>,
    pub(crate) bounds: Bounds,
    pub(crate) prior: Option<Gaussian>,
    pub(crate) guess: Option<f64>,
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

    /// Adds ½ (θ − mean)² / σ² to the action.
    #[must_use]
    pub fn prior(mut self, prior: Gaussian) -> Self {
        self.prior = Some(prior);
        self
    }

    /// Where the first start begins; without it, the prior's mean, the middle
    /// of the bounds, or the finite bound nearest to zero, else zero.
    #[must_use]
    pub fn guess(mut self, guess: f64) -> Self {
        self.guess = Some(guess);
        self
    }

    pub(crate) fn initial(&self) -> f64 {
        let Bounds { lower, upper } = self.bounds;
        let middle = self.bounds.width().map(|w| lower + 0.5 * w);
        let value = self.fixed.or(self.guess);
        let value = value.or(self.prior.map(|p| p.mean)).or(middle);
        value.unwrap_or(0.0).max(lower).min(upper)
    }

    /// The size of a change that matters: from the prior, the bounds or the
    /// guess.
    pub(crate) fn scale(&self) -> f64 {
        let from_prior = self.prior.map(|p| p.precision.sqrt().recip());
        let from_bounds = self.bounds.width().map(|w| 0.25 * w);
        let size = self.initial().abs();
        let from_guess = (size > 0.0).then_some(size);
        let candidates = [from_prior, from_bounds];
        let known = candidates.into_iter().flatten().reduce(f64::min);
        known.or(from_guess).unwrap_or(1.0)
    }

    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let Bounds { lower, upper } = self.bounds;
        let inside = |what, value: Option<f64>| match value {
            Some(v) if !v.is_finite() => Err(Error::NotFinite {
                what,
                place: format!("parameter {name}"),
                found: v,
            }),
            Some(v) if v < lower || v > upper => Err(Error::OutOfRange {
                what,
                place: format!("parameter {name}"),
                low: lower,
                high: upper,
                found: v,
            }),
            _ => Ok(()),
        };
        inside("fixed value", self.fixed)?;
        inside("guess", self.guess)?;
        inside("mean of the prior", self.prior.map(|p| p.mean))
    }
}

impl From<Bounds> for Parameter {
    /// A parameter to estimate within bounds.
    fn from(bounds: Bounds) -> Self {
        Self::estimated().bounds(bounds)
    }
}
