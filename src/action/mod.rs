//! The action: measurement error + model error + priors over whole paths.
//!
//! An [`Action`] is a model, a discretization, windows with observations, and
//! precisions. It is immutable and shared by all starts; [`Action::at`] gives
//! the objective at one value of R_f.

mod assemble;
mod builder;
mod layout;
mod linearized;
mod objective;
mod terms;

pub use builder::ActionBuilder;
pub use objective::ActionAt;

use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::parameters::Parameter;
use crate::path::Path;
use crate::windows::Window;
use layout::Layout;
use terms::{ModelShape, WindowTerms};

/// What the sums of squares are divided by.
///
/// K_y counts the finite measured values, K_t the layers that carry one, K_g
/// the components of the model residuals, over all windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Normalization {
    /// ½ R_m Σ(…)² + ½ R_f Σ(…)²: a negative log posterior, and the only one
    /// that priors, covariances and χ² go with.
    #[default]
    Sum,
    /// R_m Σ(…)² / K_y + R_f Σ(…)² / K_g, as in the Python package varanneal.
    Mean,
    /// (R_m Σ(…)² + R_f Σ(…)²) / K_t, as in minAone.
    Minaone,
}

impl Normalization {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Minaone => "minaone",
        }
    }
}

/// What one unit of model precision means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PrecisionUnit {
    /// R_f weighs each residual as it is, whatever its interval's length (the
    /// custom of varanneal). Unit: state⁻².
    PerStep,
    /// R_f is the inverse density of white model noise; an interval of length
    /// h weighs with R_f / h (Simpson-Hermite: R_f/h on g¹ and 4R_f/h on g²),
    /// so that the problem does not change when the grid is refined. Unit:
    /// time · state⁻².
    PerTime,
}

/// The action by its terms; `total` is their sum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ActionTerms {
    /// The action.
    pub total: f64,
    /// Measurement error.
    pub measurement: f64,
    /// Model error.
    pub model: f64,
    /// Priors.
    pub prior: f64,
}

/// How many numbers enter the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// K_y, finite measured values.
    pub measured: usize,
    /// K_t, layers with a measured value.
    pub measured_layers: usize,
    /// K_g, components of the model residuals.
    pub residuals: usize,
    /// Unknowns: all states and the estimated parameters.
    pub unknowns: usize,
}

/// Paths of all windows and all parameters, the fixed ones included.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Estimate {
    /// One path a window.
    pub paths: Vec<Path>,
    /// All P parameters, in the model's order.
    pub parameters: Vec<f64>,
}

/// Measurement error + model error + priors. See the [module](self).
#[derive(Debug)]
pub struct Action<M, R> {
    model: M,
    rule: R,
    windows: Vec<Window>,
    names: Vec<String>,
    parameters: Vec<Parameter>,
    normalization: Normalization,
    precision_unit: PrecisionUnit,
    layout: Layout,
    terms: Vec<WindowTerms>,
    model_shape: ModelShape,
    /// Twice the factor of R_f Σ(…)²: the action holds ½ w R_f g².
    model_weight: f64,
    counts: Counts,
}

impl<M: Model, R: Rule<M>> Action<M, R> {
    /// Begins an action of a model and a discretization.
    pub fn builder(model: M, rule: R) -> ActionBuilder<M, R> {
        ActionBuilder::new(model, rule)
    }

    /// The objective at model precision `rf` times the precision's shape.
    ///
    /// # Errors
    /// [`Error::NotPositive`], [`Error::NotFinite`].
    pub fn at(&self, rf: f64) -> Result<ActionAt<'_, M, R>> {
        ActionAt::new(self, rf)
    }

    /// The action's terms at an estimate.
    ///
    /// # Errors
    /// As [`Action::at`], and [`Error::Length`] for an estimate of another
    /// shape.
    pub fn terms(&self, rf: f64, estimate: &Estimate) -> Result<ActionTerms> {
        let x = self.pack(estimate)?;
        Ok(self.at(rf)?.terms(&x))
    }

    /// The model.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The discretization.
    pub fn rule(&self) -> &R {
        &self.rule
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Names and kinds of all P parameters.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.names.iter().map(String::as_str).zip(&self.parameters)
    }

    /// The normalization.
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// What one unit of model precision means.
    pub fn precision_unit(&self) -> PrecisionUnit {
        self.precision_unit
    }

    /// How many numbers enter.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The vector of unknowns of an estimate: all states window by window and
    /// layer by layer, then the estimated parameters.
    ///
    /// # Errors
    /// [`Error::Length`] naming the window, layer or parameter list that does
    /// not fit; [`Error::NotFinite`] for a value.
    pub fn pack(&self, estimate: &Estimate) -> Result<Vec<f64>> {
        let same = |what, place: &dyn Fn() -> String, expected, found| {
            if expected == found {
                Ok(())
            } else {
                Err(Error::Length {
                    what,
                    place: place(),
                    expected,
                    found,
                })
            }
        };
        let here = || String::from("estimate");
        same("paths", &here, self.windows.len(), estimate.paths.len())?;
        let p = self.parameters.len();
        same("parameters", &here, p, estimate.parameters.len())?;
        let mut x = Vec::with_capacity(self.layout.dimension());
        for (w, (path, layout)) in estimate.paths.iter().zip(&self.layout.windows).enumerate() {
            let place = || format!("estimate, path {w}");
            same("layers", &place, layout.layers(), path.layers())?;
            for n in 0..layout.layers() {
                let place = || format!("estimate, path {w}, layer {n}");
                let state = path.layer(n);
                same("components", &place, layout.layer(n).len(), state.len())?;
                if let Some(i) = state.iter().position(|v| !v.is_finite()) {
                    return Err(Error::NotFinite {
                        what: "state",
                        place: format!("{}, component {i}", place()),
                        found: state[i],
                    });
                }
                x.extend_from_slice(state);
            }
        }
        for &k in &self.layout.free {
            crate::grid::check_finite("parameter", &self.names[k], estimate.parameters[k])?;
            x.push(estimate.parameters[k]);
        }
        Ok(x)
    }

    /// The estimate in a vector of unknowns of the right length.
    pub(crate) fn unpack(&self, x: &[f64]) -> Estimate {
        let paths = self.layout.windows.iter();
        let mut parameters = vec![0.0; self.parameters.len()];
        self.all_parameters(x, &mut parameters);
        Estimate {
            paths: paths.map(|window| window.path(x)).collect(),
            parameters,
        }
    }

    /// Writes all P parameters: the estimated ones from `x`, the others as
    /// they were fixed.
    pub(crate) fn all_parameters(&self, x: &[f64], theta: &mut [f64]) {
        for (slot, parameter) in theta.iter_mut().zip(&self.parameters) {
            *slot = parameter.fixed.unwrap_or(0.0);
        }
        let border = &x[self.layout.border()..];
        for (&k, &value) in self.layout.free.iter().zip(border) {
            theta[k] = value;
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}
