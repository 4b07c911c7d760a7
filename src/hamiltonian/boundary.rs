//! Boundary value problems: the path of least action between given ends.

use std::ops::ControlFlow;

use super::momenta::Momenta;
use crate::action::{Action, ActionTerms, Estimate};
use crate::error::{Error, Result, check_length};
use crate::minimize::{
    Curvature, GaussNewton, Iteration, Minimizer, NewtonSteps, Objective, Termination, Work,
};
use crate::objective::ActionAt;
use crate::problem::grid::check_finite;

/// The two-point boundary value problem of an action at one R_f: the
/// Euler-Lagrange equations between the first and the last layer of each window.
///
/// Where nothing is fixed the boundary conditions are the *natural* ones: p = 0 at
/// both ends, or p = B⁻¹(x − x_b) at the first where the window has a prior. A
/// fixed state takes the place of its condition.
///
/// The linearized flow has pairs ±λ of exponents, so that no shooting from one
/// end can solve it over a long window. Here all layers are unknowns together:
/// Newton's method with exact second derivatives, which are block tridiagonal,
/// and Gauss-Newton steps with a trust region where those are not positive
/// definite. The path found is a minimum of the action, given the ends.
#[derive(Debug)]
#[must_use = "a boundary value problem is solved with `solve`"]
pub struct BoundaryProblem<'a> {
    pub(super) action: &'a Action,
    pub(super) rf: f64,
    pub(super) fixed: Vec<(usize, End, Vec<f64>)>,
    pub(super) watch: Watch<'a>,
}

/// Who sees each accepted step.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a>(&'a dyn Fn(Iteration) -> ControlFlow<()>);

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

/// An end of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Its first layer.
    First,
    /// Its last layer.
    Last,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

/// The solution of a [`BoundaryProblem`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Extremal {
    /// Paths and parameters.
    pub estimate: Estimate,
    /// Their momenta. At a fixed end the Euler-Lagrange residual is not zero but
    /// ∓p(t), with p the momentum that the path has there, outside of what is
    /// measured: minus at the first layer, plus at the last.
    pub momenta: Momenta,
    /// The action's terms, in its own normalization.
    pub action: ActionTerms,
    /// How the iteration ended.
    pub termination: Termination,
    /// What it took.
    pub work: Work,
}

impl<'a> BoundaryProblem<'a> {
    /// The problem at model precision `rf` with natural boundary conditions;
    /// [`solve_by_multipliers`](Self::solve_by_multipliers) takes an infinite one
    /// too.
    pub fn new(action: &'a Action, rf: f64) -> Self {
        Self {
            action,
            rf,
            fixed: Vec::new(),
            watch: Watch(&|_| ControlFlow::Continue(())),
        }
    }

    /// Shows each accepted step to an observer. `Break` ends the solution where it
    /// is, with [`Termination::Cancelled`]; its estimate is the guess from which
    /// to go on.
    pub fn watch(mut self, observer: &'a dyn Fn(Iteration) -> ControlFlow<()>) -> Self {
        self.watch = Watch(observer);
        self
    }

    /// Fixes the state at one end of a window.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a window that the action does not have,
    /// [`Error::Length`] and [`Error::NotFinite`] for the state,
    /// [`Error::Contradiction`] where that end is fixed already, has a prior, or
    /// the state lies outside bounds.
    pub fn fix(mut self, window: usize, end: End, state: impl Into<Vec<f64>>) -> Result<Self> {
        let state = state.into();
        let windows = self.action.windows().len();
        if window >= windows {
            return Err(Error::OutOfRange {
                what: "window",
                place: "boundary value problem".into(),
                low: 0.0,
                high: (windows - 1) as f64,
                found: window as f64,
            });
        }
        let place = || format!("{} layer of window {window}", end.name());
        let width = self.action.layout().windows[window].state(self.layer(window, end));
        check_length("fixed state", place, width.len(), state.len())?;
        for &value in &state {
            check_finite("fixed state", &place(), value)?;
        }
        if let Some(other) = self.against(window, end, &state) {
            return Err(Error::Contradiction {
                place: place(),
                first: "a fixed state".into(),
                second: other,
            });
        }
        self.fixed.push((window, end, state));
        Ok(self)
    }

    /// What else says what the state at an end is.
    fn against(&self, window: usize, end: End, state: &[f64]) -> Option<String> {
        if self.fixed.iter().any(|(w, e, _)| (*w, *e) == (window, end)) {
            return Some("another one".into());
        }
        if end == End::First && self.action.windows()[window].state_prior().is_some() {
            return Some("a prior of it".into());
        }
        let mut bounds = self.action.bounded_states().iter();
        let (component, range) = bounds.find(|(component, range)| {
            let value = state[*component];
            value < range.lower() || value > range.upper()
        })?;
        let (lower, upper) = (range.lower(), range.upper());
        Some(format!(
            "the bounds {lower} to {upper} of component {component}"
        ))
    }

    /// Checks that a model without errors can lead from all fixed first states to
    /// the fixed last ones.
    pub(super) fn check_solvable(&self) -> Result<()> {
        let of = |at: End| self.fixed.iter().filter(move |(_, end, _)| *end == at);
        let both = of(End::Last).filter(|(w, ..)| of(End::First).any(|(v, ..)| v == w));
        if !self.action.layout().scope.drifting.is_empty() {
            return Ok(());
        }
        let mut free = self.action.layout().slots.len();
        for (window, end, state) in both {
            free = match free.checked_sub(state.len()) {
                Some(left) => left,
                None => {
                    return Err(Error::Contradiction {
                        place: format!("{} layer of window {window}", end.name()),
                        first: "a fixed state".into(),
                        second: "a perfect model of a fixed first state".into(),
                    });
                }
            };
        }
        Ok(())
    }

    fn layer(&self, window: usize, end: End) -> usize {
        match end {
            End::First => 0,
            End::Last => self.action.layout().windows[window].layers() - 1,
        }
    }

    /// Solves the problem from a first guess of all paths and parameters.
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`];
    /// [`Error::ModelNotFinite`] where the model is not finite along the guess.
    pub fn solve(&self, guess: &Estimate) -> Result<Extremal> {
        let (mut at, mut x) = self.open(self.rf, guess)?;
        let (termination, work) = descend(&mut at, &mut x, self.watch)?;
        Ok(Extremal {
            momenta: Momenta::of(&mut at, &x)?,
            action: at.terms(&x),
            estimate: self.action.estimate_of(&x),
            termination,
            work,
        })
    }

    /// The action at `rf` with its ends fixed, and the unknowns of a guess.
    pub(super) fn open(&self, rf: f64, guess: &Estimate) -> Result<(ActionAt<'a>, Vec<f64>)> {
        if self.action.reshaped(guess)?.is_some() {
            return Err(Error::Contradiction {
                place: "boundary value problem".into(),
                first: "an action whose model precision has the shape one".into(),
                second: "a guess that carries another, for which Action::shaped_as is there".into(),
            });
        }
        let x = self.action.pack(guess)?;
        let mut at = self.action.at(rf)?;
        at.scale_from(&x);
        for (window, end, state) in &self.fixed {
            at.fix(*window, self.layer(*window, *end), state);
        }
        Ok((at, x))
    }
}

/// Newton's method from `x` to a minimum.
pub(super) fn descend(
    at: &mut ActionAt<'_>,
    x: &mut [f64],
    Watch(observer): Watch<'_>,
) -> Result<(Termination, Work)> {
    let newton = GaussNewton::default().curvature(Curvature::Exact);
    let newton = newton.tolerance(TOLERANCE)?;
    let outcome = newton.minimize(at, x, &mut |iteration| observer(iteration));
    let mut work = outcome.work;
    match outcome.termination {
        Termination::NonFinite => return Err(at.locate_non_finite(x)),
        Termination::Cancelled => {}
        _ => work.add(polish(at, x)),
    }
    Ok((outcome.termination, work))
}

/// The relative decrease of the action to stop at, before Newton steps on the
/// gradient alone go on.
const TOLERANCE: f64 = 1e-12;

/// Newton steps without a look at the value, which cannot tell points apart that
/// are closer than the root of its rounding, as long as they grow shorter.
fn polish<O: Objective + NewtonSteps>(at: &mut O, x: &mut [f64]) -> Work {
    let mut work = Work::default();
    let mut gradient = vec![0.0; x.len()];
    let mut step = vec![0.0; x.len()];
    let mut before = f64::INFINITY;
    loop {
        at.value_and_gradient(x, &mut gradient);
        work.evaluations += 1;
        work.factorizations += 1;
        let Ok(quadratic) = at.newton_step(x, Curvature::Exact, 0.0, &gradient, &mut step) else {
            return work;
        };
        // A decrease is a squared length: half as long is a quarter.
        let gain = quadratic.predicted_decrease;
        if gain.is_nan() || gain > 0.25 * before || gain <= 0.0 {
            return work;
        }
        before = gain;
        work.iterations += 1;
        for (x, step) in x.iter_mut().zip(&step) {
            *x += step;
        }
    }
}
