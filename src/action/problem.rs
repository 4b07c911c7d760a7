//! The problem: what an action is made of. It does not change.

use std::sync::OnceLock;

use super::conventions::{Counts, Equations, Normalization, PrecisionUnit};
use super::layout::Layout;
use super::model_shape::ModelShape;
use super::terms::WindowTerms;
use super::units::Units;
use crate::discretization::{Dynamics, Plans};
use crate::linalg::Backend;
use crate::problem::bounds::Bounds;
use crate::problem::parameters::Parameter;
use crate::problem::precision::Precision;
use crate::problem::windows::Window;

/// Who chose the shape of the model precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShapeBy {
    /// It is unset: one where R_f is given.
    Nobody,
    /// [`ActionBuilder::model_precision`] or [`Action::balanced`].
    User,
    /// An annealer that found R_f itself: estimates carry it.
    Annealer,
}

/// The action: measurement error + model error + priors over whole paths.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let window = twin.window()?;
/// let action = Action::builder(Lorenz63, SimpsonHermite)
///     .window(window) // 402 measured values
///     .parameter("sigma", Parameter::fixed(10.0))
///     .parameter("rho", Bounds::new(0.0, 60.0)?)
///     .parameter("beta", Parameter::fixed(8.0 / 3.0))
///     .build()?;
/// // At the truth twice the measurement error is χ² with 402 degrees of freedom.
/// let truth = Estimate::new(vec![twin.truth], [10.0, 28.0, 8.0 / 3.0]);
/// assert!((action.terms(1.0, &truth)?.measurement - 201.0).abs() < 4.0 * 201_f64.sqrt());
/// # Ok(())
/// # }
/// ```
///
/// An action is a model, a discretization, windows with observations, and
/// precisions. It is immutable and shared by all starts; [`Action::at`] gives
/// the objective at one value of R_f. It has no type parameter: actions of different
/// models stand in one `Vec`.
#[doc(alias(
    "likelihood",
    "cost function",
    "loss function",
    "objective",
    "least squares"
))]
#[derive(Debug)]
pub struct Action {
    /// The model with its rule, shared with the same action on other layers, or on
    /// some of them.
    pub(crate) dynamics: Dynamics,
    pub(crate) windows: Vec<Window>,
    pub(crate) names: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    /// What each parameter is before anything is known of it.
    pub(crate) initial: Vec<f64>,
    /// Bounds of state components, at every layer that has them.
    pub(crate) state_bounds: Vec<(usize, Bounds)>,
    pub(crate) normalization: Normalization,
    /// What eliminates the fronts of Newton equations.
    pub(crate) backend: Backend,
    /// How Newton equations are to be solved.
    pub(crate) equations: Equations,
    pub(crate) precision_unit: PrecisionUnit,
    pub(crate) layout: Layout,
    /// How the model is differentiated: made once, whatever R_f and the threads.
    pub(crate) plans: Plans,
    pub(crate) terms: Vec<WindowTerms>,
    pub(crate) model_precision: Precision,
    /// Who chose it.
    pub(crate) shape: ShapeBy,
    pub(crate) model_shape: ModelShape,
    /// The action holds ½ w R_m (…)² and ½ w R_f g² with these weights.
    pub(crate) measurement_weight: f64,
    pub(crate) model_weight: f64,
    /// Found where they are needed first; parts have those of the whole.
    pub(crate) units: OnceLock<Units>,
    pub(crate) counts: Counts,
}

impl Action {
    /// The name of the discretization, as [`Rule::name`](crate::Rule::name).
    #[must_use]
    pub fn rule_name(&self) -> &'static str {
        self.dynamics.rule_name()
    }

    /// The windows.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Names and kinds of all P parameters.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.names.iter().map(String::as_str).zip(&self.parameters)
    }

    /// Where the parameter of that name stands in the model's `theta` and in
    /// [`Estimate::parameters`]; the first of several that share the name.
    ///
    /// ```
    /// # use deepest::{models::LotkaVolterra, prelude::*};
    /// # fn main() -> deepest::Result<()> {
    /// # let data = Observations::of_components(&[0], [0.0], ndarray::array![[1.0]], Precision::scalar(1.0)?)?;
    /// # let window = Window::new(Grid::uniform(0.0, 0.1, 3)?).observations(data)?;
    /// let mut builder = Action::builder(LotkaVolterra, Trapezoid).window(window);
    /// for name in ["birth", "predation", "death", "growth"] {
    ///     builder = builder.parameter(name, Bounds::new(0.0, 1.0)?);
    /// }
    /// let action = builder.build()?;
    /// assert_eq!(action.parameter_index("death"), Some(2));
    /// assert_eq!(action.parameter_index("migration"), None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Estimate::parameters`]: crate::Estimate::parameters
    pub fn parameter_index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The normalization.
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    /// The shape of the model precision, which R_f multiplies; one where it was not
    /// given.
    pub fn model_precision(&self) -> &Precision {
        &self.model_precision
    }

    /// What one unit of model precision means.
    pub fn precision_unit(&self) -> PrecisionUnit {
        self.precision_unit
    }

    /// How many numbers enter.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn bounded_states(&self) -> &[(usize, Bounds)] {
        &self.state_bounds
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn dynamics(&self) -> &Dynamics {
        &self.dynamics
    }

    pub(crate) fn plans(&self) -> &Plans {
        &self.plans
    }
}
