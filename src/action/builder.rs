//! The builder of an action, which checks the parts of a problem against each other.

use std::ops::Range;
use std::sync::OnceLock;

use super::layout::Layout;
use super::model_shape::ModelShape;
use super::places::places;
use super::terms::WindowTerms;
use super::units::Units;
use super::{Action, Counts, Equations, Normalization, PrecisionUnit, ShapeBy};
use crate::discretization::{Dynamics, Plans, Rule};
use crate::error::{Error, Result};
use crate::linalg::Backend;
use crate::model::Model;
use crate::problem::bounds::Bounds;
use crate::problem::parameters::Parameter;
use crate::problem::precision::Precision;
use crate::problem::windows::Window;

/// Collects the parts of an [`Action`]; [`build`](Self::build) checks them
/// against each other.
#[derive(Debug)]
#[must_use = "an action begins with `build()`"]
pub struct ActionBuilder {
    pub(super) dynamics: Dynamics,
    pub(super) windows: Vec<Window>,
    pub(super) parameters: Vec<(String, Parameter)>,
    pub(super) state_bounds: Vec<(usize, Bounds)>,
    pub(super) model_precision: Option<Precision>,
    /// Whether an annealer chose it.
    pub(super) balanced: bool,
    pub(super) precision_unit: Option<PrecisionUnit>,
    pub(super) normalization: Normalization,
    pub(super) backend: Backend,
    pub(super) equations: Equations,
    /// The factors of measurement and model error of a whole of which this is
    /// a part.
    pub(super) weights: Option<[f64; 2]>,
    /// The units of states that such a whole has.
    pub(super) units: OnceLock<Units>,
    /// Of an action of the same model and rule.
    pub(super) plans: Option<Plans>,
}

impl ActionBuilder {
    /// What an action was made of, with other windows.
    pub(crate) fn of(action: &Action, windows: Vec<Window>) -> Self {
        let parameters = action.names.iter().cloned();
        Self {
            dynamics: action.dynamics.clone(),
            windows,
            parameters: parameters.zip(action.parameters.iter().copied()).collect(),
            state_bounds: action.state_bounds.clone(),
            model_precision: (action.shape != ShapeBy::Nobody)
                .then(|| action.model_precision.clone()),
            balanced: action.shape == ShapeBy::Annealer,
            precision_unit: Some(action.precision_unit),
            normalization: action.normalization,
            backend: action.backend,
            equations: action.equations,
            weights: None,
            units: OnceLock::from(action.units().clone()),
            plans: Some(action.plans.clone()),
        }
    }

    /// The same with parameters as `change` makes them of what they are, in the
    /// model's order.
    pub(crate) fn with_parameters(
        mut self,
        mut change: impl FnMut(usize, Parameter) -> Parameter,
    ) -> Self {
        for (p, (_, parameter)) in self.parameters.iter_mut().enumerate() {
            *parameter = change(p, *parameter);
        }
        self
    }

    pub(crate) fn new(dynamics: Dynamics) -> Self {
        Self {
            dynamics,
            windows: Vec::new(),
            parameters: Vec::new(),
            state_bounds: Vec::new(),
            model_precision: None,
            balanced: false,
            precision_unit: None,
            normalization: Normalization::default(),
            backend: Backend::Auto,
            equations: Equations::Automatic,
            weights: None,
            units: OnceLock::new(),
            plans: None,
        }
    }

    /// The same as parts of `whole`: R_f and the terms mean what they mean there.
    pub(crate) fn weighted_as(mut self, whole: &Action) -> Self {
        self.weights = Some([whole.measurement_weight, whole.model_weight]);
        self
    }

    /// Adds a window: once for each recording, trial or input/output pair.
    pub fn window(mut self, window: Window) -> Self {
        self.windows.push(window);
        self
    }

    /// Adds windows.
    #[doc(alias("several recordings", "trials"))]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows.extend(windows);
        self
    }

    /// The next parameter of the model, in the order of its `theta`: bounds
    /// for one to estimate, or a [`Parameter`].
    pub fn parameter(mut self, name: impl Into<String>, parameter: impl Into<Parameter>) -> Self {
        self.parameters.push((name.into(), parameter.into()));
        self
    }

    /// The next parameters of the model, many of one kind: the `k`-th is named
    /// `name[k]`.
    ///
    /// ```
    /// # use deepest::{models::LotkaVolterra, prelude::*};
    /// let rates = [0.5, 0.03, 0.8, 0.02].map(|guess| Parameter::estimated().guess(guess));
    /// let builder = Action::builder(LotkaVolterra, Trapezoid).parameter_block("rates", rates);
    /// ```
    pub fn parameter_block<P: Into<Parameter>>(
        mut self,
        name: &str,
        parameters: impl IntoIterator<Item = P>,
    ) -> Self {
        for (k, parameter) in parameters.into_iter().enumerate() {
            self = self.parameter(format!("{name}[{k}]"), parameter);
        }
        self
    }

    /// Keeps a state component within bounds, at every layer and every iterate.
    /// Two finite bounds also set its scale and where unobserved components
    /// start.
    #[doc(alias("constraint", "positivity"))]
    pub fn state_bounds(mut self, component: usize, bounds: Bounds) -> Self {
        self.state_bounds.push((component, bounds));
        self
    }

    /// The shape of the model precision, which R_f multiplies. Where it is not given
    /// it is *unset*: where the schedule finds R_f itself ([`Schedule::adaptive`],
    /// [`Schedule::spanning`]) the annealer takes that of [`Action::balanced`],
    /// if its components differ by more than 100, and says so in the result
    /// ([`Annealing::balanced_shape`]); else, and with a given R_f, it is one for every
    /// component. Dense layers always have one for all.
    ///
    /// [`Schedule::adaptive`]: crate::Schedule::adaptive
    /// [`Schedule::spanning`]: crate::Schedule::spanning
    /// [`Annealing::balanced_shape`]: crate::Annealing::balanced_shape
    #[doc(alias("model error", "process noise", "weak constraint"))]
    pub fn model_precision(mut self, precision: Precision) -> Self {
        self.model_precision = Some(precision);
        self.balanced = false;
        self
    }

    /// The same as an annealer chose it.
    pub(crate) fn balanced(mut self, precision: Precision) -> Self {
        self.model_precision = Some(precision);
        self.balanced = true;
        self
    }

    /// What one unit of model precision means. Where it is not given: per step
    /// when all steps of all windows are equal, else per time.
    pub fn precision_unit(mut self, unit: PrecisionUnit) -> Self {
        self.precision_unit = Some(unit);
        self
    }

    /// The normalization; [`Normalization::Sum`] where it is not given.
    pub fn normalization(mut self, normalization: Normalization) -> Self {
        self.normalization = normalization;
        self
    }

    /// The dense kernel of Newton equations: [`Backend::Auto`] where it is not given.
    /// [`Backend::Lapack`] lets LAPACK eliminate the fronts, which are as wide as two
    /// layers and the parameters.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// How the linear equations of Newton steps are solved:
    /// [`Equations::Automatic`] where it is not given. Where what is asked for is not
    /// open, the cheapest way is taken; [`ActionAt::equations`] tells which it is, and
    /// why.
    ///
    /// [`ActionAt::equations`]: crate::ActionAt::equations
    pub fn equations(mut self, equations: Equations) -> Self {
        self.equations = equations;
        self
    }

    /// Checks everything and makes the action.
    ///
    /// # Errors
    /// [`Error::Empty`] without a window or without any observation, and for a
    /// parameter's name without characters; [`Error::DuplicateName`] for one given
    /// twice;
    /// [`Error::Length`] when parameters, precisions or priors do not fit the
    /// model; [`Error::OutOfRange`] for observed components the model does not
    /// have, fixed values and prior means outside bounds;
    /// [`Error::IncompleteInterval`] and [`Error::UnequalSteps`] for grids the
    /// rule cannot take; [`Error::Missing`] for a model with inputs and a
    /// window without, [`Error::Length`] for another number of them;
    /// [`Error::OutOfRange`] for a layer map that uses parameters which the
    /// model does not have, [`Error::Length`] and what the step of a residual
    /// layer cannot be for a dense layer that does not fit where it stands;
    /// [`Error::NotWritten`] for a component that the model does not set,
    /// [`Error::ModelPanicked`] where it panics, as it does where it reads a parameter or
    /// an input that it has not declared;
    /// [`Error::BackendNotBuilt`] for a kernel that this build does not have;
    /// [`Error::Duplicate`] and [`Error::OutOfRange`] for bounds of a component
    /// given twice or that a layer does not have; [`Error::Normalization`] for
    /// priors and for parameters that change in time with another
    /// normalization than sum; [`Error::UndeclaredPattern`] for a model that looks at
    /// values and is too large to be taken for dense;
    /// [`Error::OutOfRange`] for a pair of a declared pattern that the Jacobian does
    /// not have, [`Error::IncompletePattern`] for a pattern that lacks an entry which
    /// is not zero at one of many points of the problem.
    pub fn build(self) -> Result<Action> {
        self.backend.check()?;
        self.check_parameters()?;
        let widths = self
            .windows
            .iter()
            .enumerate()
            .map(|(w, window)| self.check_window(w, window))
            .collect::<Result<Vec<_>>>()?;
        if self.windows.is_empty() {
            return Err(Error::Empty {
                what: "windows",
                place: "action".into(),
            });
        }
        let (precision, shape) = match &self.model_precision {
            Some(precision) if self.balanced => (precision.clone(), ShapeBy::Annealer),
            Some(precision) => (precision.clone(), ShapeBy::User),
            None => (Precision::scalar(1.0)?, ShapeBy::Nobody),
        };
        self.check_model_precision(&precision, &widths)?;
        self.check_state_bounds(&widths)?;
        let parameters: Vec<Parameter> = self.parameters.iter().map(|(_, p)| *p).collect();
        let layout = Layout::new(&widths, self.dynamics.steps(), &parameters);
        let plans = self.plans(&layout, &parameters)?;
        let counts = self.count(&layout, &parameters, &plans);
        if counts.measured == 0 {
            return Err(Error::Empty {
                what: "observations",
                place: "action".into(),
            });
        }
        let weights = self
            .weights
            .unwrap_or_else(|| self.normalization.weights(&counts));
        let [measurement_weight, model_weight] = weights;
        let first = self.windows[0].grid();
        let equal = self.windows.iter().all(|w| w.grid().has_steps_of(first));
        let default_unit = if equal {
            PrecisionUnit::PerStep
        } else {
            PrecisionUnit::PerTime
        };
        let drifting = layout.scope.drifting.iter();
        let priors: Vec<_> = drifting.map(|(p, _)| parameters[*p].prior).collect();
        let windows = self.windows.iter();
        let terms = windows
            .map(|window| WindowTerms::new(window, measurement_weight, &priors))
            .collect();
        let names = self.parameters.into_iter().map(|(name, _)| name).collect();
        Ok(Action {
            dynamics: self.dynamics,
            windows: self.windows,
            names,
            initial: parameters.iter().map(Parameter::initial).collect(),
            parameters,
            state_bounds: self.state_bounds,
            normalization: self.normalization,
            backend: self.backend,
            equations: self.equations,
            precision_unit: self.precision_unit.unwrap_or(default_unit),
            layout,
            plans,
            terms,
            model_shape: ModelShape::new(&precision),
            model_precision: precision,
            shape,
            measurement_weight,
            model_weight,
            units: self.units,
            counts,
        })
    }

    /// How the model is differentiated, unless that is known.
    fn plans(&self, layout: &Layout, parameters: &[Parameter]) -> Result<Plans> {
        let most = layout.windows.iter().map(|w| w.intervals()).max();
        let (most, scope) = (most.unwrap_or(0), &layout.scope);
        if let Some(known) = &self.plans
            && known.serve(most, scope)
        {
            return Ok(known.clone());
        }
        let places = places(&self.windows, parameters, &self.state_bounds);
        self.dynamics.plans(most, scope, &places)
    }

    fn count(&self, layout: &Layout, parameters: &[Parameter], plans: &Plans) -> Counts {
        let informed = |p: &usize| parameters[*p].prior.is_some();
        let slots = layout.slots.iter().filter(|slot| informed(&slot.parameter));
        let drifting = layout.scope.drifting.iter();
        let drifting = drifting.filter(|(p, _)| informed(p)).count();
        let mut counts = Counts {
            unknowns: layout.dimension(),
            priors: slots.count() + drifting * self.windows.len(),
            ..Counts::default()
        };
        let evaluator = self.dynamics.evaluator(plans);
        let own = self.dynamics.per_time().len() * layout.scope.drifting.len();
        for (window, layout) in self.windows.iter().zip(&layout.windows) {
            counts.measured_layers += WindowTerms::new(window, 1.0, &[]).measured_layers();
            let values = window.observation_sets().flat_map(|set| set.values());
            counts.measured += values.filter(|value| !value.is_nan()).count();
            counts.priors += window.state_prior().map_or(0, |prior| prior.mean.len());
            counts.priors += own * layout.intervals();
            let intervals = 0..layout.intervals();
            counts.residuals += intervals
                .map(|k| evaluator.residual_count(k) - own)
                .sum::<usize>();
        }
        counts
    }
}

impl Action {
    /// Begins an action of a model and a discretization.
    pub fn builder<M: Model, R: Rule<M>>(model: M, rule: R) -> ActionBuilder {
        ActionBuilder::new(rule.dynamics(model))
    }

    /// The action of some layers of each window, whole intervals of the rule. `None`
    /// where nothing was measured there, or where sets know their rows by number.
    pub(crate) fn part(&self, layers: &[Range<usize>]) -> Option<Self> {
        let windows = self.windows.iter().zip(layers);
        let windows = windows.map(|(window, layers)| window.part(layers.clone()));
        let part = ActionBuilder::of(self, windows.collect::<Option<_>>()?);
        part.weighted_as(self).build().ok()
    }

    /// The same action with parameters as `change` makes them of what they are, in
    /// the model's order.
    ///
    /// # Errors
    /// As [`ActionBuilder::build`].
    pub(crate) fn with_parameters(
        &self,
        change: impl FnMut(usize, Parameter) -> Parameter,
    ) -> Result<Self> {
        let same = ActionBuilder::of(self, self.windows.clone());
        same.weighted_as(self).with_parameters(change).build()
    }
}
