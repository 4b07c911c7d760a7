//! The objective: value, gradient and Newton steps of an action at one R_f.

use std::ops::Range;
use std::sync::Arc;

use crate::action::{Action, ActionTerms, Equations, Estimate, EvaluationPoint, Multipliers, Sums};
use crate::evaluate::{Worker, by_group, sum_borders};

use super::choice::EquationsChoice;
use super::strategies::Strategies;
use crate::error::{Error, Result};
use crate::minimize::{Curvature, Indefinite, NewtonSteps, Objective, QuadraticStep};
use crate::newton::NOT_SOLVED;
use crate::problem::precision::check_positive;

/// Windows are evaluated in at most so many groups, in parallel.
const MOST_GROUPS: usize = 8;

/// An action at one value of R_f, with the memory that evaluations need.
///
/// The unknowns are all states, window by window and layer by layer (each
/// layer followed by its parameters that change in time), then the estimated
/// static parameters: [`Action::pack`].
pub struct ActionAt<'a> {
    pub(crate) action: &'a Action,
    pub(crate) rf: f64,
    pub(crate) workers: Vec<Worker>,
    pub(crate) lower: Vec<f64>,
    pub(crate) upper: Vec<f64>,
    pub(crate) scales: Vec<f64>,
    /// Whether any state has a bound.
    pub(crate) bounded: bool,
    pub(crate) held: Vec<bool>,
    /// How far a held state moves all the same, to its bound.
    pub(crate) moved: Vec<f64>,
    /// Of the residuals, where they are held by more than their precision.
    pub(crate) multipliers: Option<Arc<Multipliers>>,
    /// Where the last evaluation was, its R_f and its terms.
    known_x: Vec<f64>,
    pub(crate) known: Option<(f64, ActionTerms)>,
    /// How Newton steps are solved, once it is known.
    pub(crate) equations: Option<EquationsChoice>,
    pub(crate) affords_exact: bool,
    /// Whether Gauss-Newton steps can condense the states of each window apart.
    pub(crate) condenses: bool,
    pub(crate) newton: Strategies,
}

impl<'a> ActionAt<'a> {
    pub(crate) fn new(action: &'a Action, rf: f64) -> Result<Self> {
        check_positive("R_f", || "objective".into(), rf)?;
        let layout = action.layout();
        let n = layout.dimension();
        let count = action.windows.len();
        let groups = count.min(MOST_GROUPS);
        let workers = (0..groups)
            .map(|g| Worker::new(action, g * count / groups..(g + 1) * count / groups))
            .collect();
        let mut at = Self {
            action,
            rf,
            workers,
            lower: vec![f64::NEG_INFINITY; n],
            upper: vec![f64::INFINITY; n],
            scales: vec![1.0; n],
            bounded: false,
            held: vec![false; n],
            moved: Vec::new(),
            multipliers: None,
            known_x: Vec::new(),
            known: None,
            equations: None,
            affords_exact: true,
            condenses: false,
            newton: Strategies::default(),
        };
        at.set_bounds();
        at.condenses = action.condenses(&at);
        Ok(at)
    }

    fn set_bounds(&mut self) {
        let layout = self.action.layout();
        let mut bound = |slot: usize, bounds: crate::Bounds, scale: f64| {
            self.lower[slot] = bounds.lower();
            self.upper[slot] = bounds.upper();
            self.scales[slot] = scale;
        };
        for (slot, of) in (layout.border()..).zip(&layout.slots) {
            let parameter = &self.action.parameters[of.parameter];
            bound(slot, parameter.range(), parameter.scale());
        }
        for window in &layout.windows {
            for n in 0..window.layers() {
                let first = window.layer(n).start;
                for &(component, bounds) in &self.action.state_bounds {
                    let scale = bounds.width().map_or(1.0, |w| 0.25 * w);
                    bound(first + component, bounds, scale);
                }
                for (slot, (p, _)) in window.drifting(n).zip(&layout.scope.drifting) {
                    let parameter = &self.action.parameters[*p];
                    bound(slot, parameter.range(), parameter.scale());
                }
            }
        }
        let states = ..layout.border();
        self.bounded = self.lower[states].iter().any(|v| v.is_finite())
            || self.upper[states].iter().any(|v| v.is_finite());
    }

    pub(crate) fn action(&self) -> &'a Action {
        self.action
    }

    /// Fixes the state of layer `n` of window `w`.
    pub(crate) fn fix(&mut self, w: usize, n: usize, state: &[f64]) {
        self.fix_at(self.action.layout().windows[w].state(n), state);
    }

    /// Fixes unknowns of the states.
    pub(crate) fn fix_at(&mut self, places: Range<usize>, values: &[f64]) {
        self.lower[places.clone()].copy_from_slice(values);
        self.upper[places].copy_from_slice(values);
        self.bounded = true;
    }

    /// The model precision R_f.
    #[must_use]
    pub fn rf(&self) -> f64 {
        self.rf
    }

    /// Moves to another model precision; memory is kept.
    ///
    /// # Errors
    /// As [`Action::at`].
    pub fn set_rf(&mut self, rf: f64) -> Result<()> {
        check_positive("R_f", || "objective".into(), rf)?;
        self.rf = rf;
        self.newton.exact = false;
        Ok(())
    }

    /// Measures each state component in units of its spread along the path
    /// `x`, so that steps, trust region and stopping do not depend on units.
    /// A component that is constant there takes the mean spread of the others, in its
    /// own [unit](Action::units); one with two bounds keeps a quarter of their distance.
    pub(crate) fn scale_from(&mut self, x: &[f64]) {
        let layout = self.action.layout();
        let states = || {
            let windows = layout.windows.iter();
            windows.flat_map(|w| (0..w.layers()).map(|n| w.state(n)))
        };
        let width = states().map(|s| s.len()).max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0, 0.0); width];
        for state in states() {
            for ((count, sum, squares), v) in sums.iter_mut().zip(&x[state]) {
                *count += 1.0;
                *sum += v;
                *squares += v * v;
            }
        }
        let spread = |&(count, sum, squares): &(f64, f64, f64)| {
            let mean = sum / count;
            // Below rounding of the mean a spread is none.
            let variance = squares / count - mean * mean;
            let floor = 1e-14 * mean * mean;
            if variance > floor {
                variance.sqrt()
            } else {
                0.0
            }
        };
        let spreads: Vec<f64> = sums.iter().map(spread).collect();
        let units = self.action.units();
        let moving = spreads.iter().enumerate().filter(|(_, s)| **s > 0.0);
        let count = moving.clone().count();
        let fallback = if count > 0 {
            moving.map(|(i, s)| s / units.of(i)).sum::<f64>() / count as f64
        } else {
            1.0
        };
        let bounded = |i: usize| {
            let mut bounds = self.action.state_bounds.iter();
            bounds.any(|(c, bounds)| *c == i && bounds.width().is_some())
        };
        for state in states() {
            for (i, &s) in spreads.iter().enumerate().take(state.len()) {
                if !bounded(i) {
                    self.scales[state.start + i] = if s > 0.0 { s } else { units.of(i) * fallback };
                }
            }
        }
    }

    /// The action's terms at a vector of unknowns (NaN where its length is
    /// wrong).
    #[must_use]
    pub fn terms(&mut self, x: &[f64]) -> ActionTerms {
        match self.known {
            Some((rf, known)) if rf == self.rf && self.known_x == x => known,
            _ => self.evaluate(&self.visit(x), None),
        }
    }

    /// The part of the action that rounding makes of residuals and errors that are
    /// zero: each is a difference of numbers as large as the states. NaN for a vector
    /// of another length.
    pub(crate) fn rounding_of_squares(&mut self, x: &[f64]) -> f64 {
        if !self.is_long_as([x.len()]) {
            return f64::NAN;
        }
        let sizes = self.magnitudes(x);
        f64::EPSILON.powi(2) * sizes.map(|[model, errors]| model + errors).sum::<f64>()
    }

    /// Whether vectors have as many values as there are unknowns.
    fn is_long_as<const N: usize>(&self, lengths: [usize; N]) -> bool {
        lengths == [self.scales.len(); N]
    }

    /// An evaluation of everything at `x`.
    pub(crate) fn visit<'b>(&self, x: &'b [f64]) -> EvaluationPoint<'b> {
        EvaluationPoint {
            rf: self.rf,
            x,
            model_alone: false,
            multipliers: self.multipliers.clone(),
        }
    }

    /// The model error that residuals have by rounding alone.
    pub(crate) fn model_rounding(&mut self, x: &[f64]) -> f64 {
        let sizes = self.magnitudes(x);
        f64::EPSILON.powi(2) * sizes.map(|[model, _]| model).sum::<f64>()
    }

    /// The sizes of states and of measured values, group by group, weighted like
    /// residuals and errors.
    fn magnitudes<'b>(&'b mut self, x: &'b [f64]) -> impl Iterator<Item = [f64; 2]> + 'b {
        let action = self.action;
        let visit = self.visit(x);
        let workers = self.workers.iter_mut();
        workers.map(move |worker| worker.magnitude(action, &visit))
    }

    pub(crate) fn evaluate(
        &mut self,
        visit: &EvaluationPoint<'_>,
        gradient: Option<&mut [f64]>,
    ) -> ActionTerms {
        let x = visit.x;
        if x.len() != self.dimension() {
            return ActionTerms {
                total: f64::NAN,
                ..ActionTerms::default()
            };
        }
        let action = self.action;
        let border = action.layout().border();
        let wanted = gradient.is_some();
        let gradient = gradient.unwrap_or_default();
        let (by_states, by_border) = gradient.split_at_mut(border.min(gradient.len()));
        let parts = by_group(&mut self.workers, action, by_states, |_, worker, part| {
            worker.evaluate(action, visit, wanted.then_some(part))
        });
        let mut sums = Sums::default();
        for part in parts {
            sums.add(part);
        }
        sum_borders(&self.workers, by_border);
        if visit.model_alone {
            return sums.terms();
        }
        for (k, slot) in action.layout().slots.iter().enumerate() {
            if let Some(prior) = action.parameters[slot.parameter].prior {
                let [value, slope, ..] = prior.at(x[border + k]);
                sums.prior += value;
                if let Some(slot) = by_border.get_mut(k) {
                    *slot += slope;
                }
            }
        }
        let terms = sums.terms();
        self.known = Some((visit.rf, terms));
        self.known_x.clear();
        self.known_x.extend_from_slice(x);
        terms
    }

    /// The first residual or observed value that is not finite at `x`, as an
    /// error.
    pub(crate) fn locate_non_finite(&mut self, x: &[f64]) -> Error {
        let action = self.action;
        let groups = action.dynamics.per_time().len();
        let mut found = None;
        for worker in &mut self.workers {
            worker.linearize_each(action, x, |_, g, (w, k)| {
                let bad = g.iter().position(|v| !v.is_finite());
                if let (Some(i), None) = (bad, &found) {
                    let first = action.layout().windows[w].first(k);
                    found = Some(Error::ModelNotFinite {
                        place: format!("window {w}, interval from layer {first}"),
                        component: i % (g.len() / groups),
                        found: g[i],
                    });
                }
            });
        }
        for worker in &mut self.workers {
            if let (None, Some(error)) = (&found, worker.non_finite_observation(action, x)) {
                found = Some(error);
            }
        }
        let found = found.or_else(|| self.infinite_slope(x));
        found.unwrap_or_else(|| Error::ModelNotFinite {
            place: "derivatives at the start".into(),
            component: 0,
            found: f64::NAN,
        })
    }
}

impl Objective for ActionAt<'_> {
    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn lower(&self) -> &[f64] {
        &self.lower
    }

    fn upper(&self) -> &[f64] {
        &self.upper
    }

    fn scales(&self) -> &[f64] {
        &self.scales
    }

    fn value(&mut self, x: &[f64]) -> f64 {
        self.terms(x).total
    }

    /// All NaN for vectors of another length.
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        if !self.is_long_as([x.len(), gradient.len()]) {
            gradient.fill(f64::NAN);
            return f64::NAN;
        }
        self.evaluate(&self.visit(x), Some(gradient)).total
    }

    /// The action that residuals and errors have by rounding alone; 0 where
    /// multipliers hold residuals, because the action can then be negative, and NaN
    /// for a vector of another length.
    fn rounding(&mut self, x: &[f64]) -> f64 {
        match self.multipliers {
            None => self.rounding_of_squares(x),
            Some(_) => 0.0,
        }
    }

    fn newton(&mut self) -> Option<&mut dyn NewtonSteps> {
        Some(self)
    }
}

impl NewtonSteps for ActionAt<'_> {
    /// A step of NaN, with a pivot of NaN, for vectors of another length.
    fn newton_step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        if !self.is_long_as([x.len(), gradient.len(), step.len()]) {
            step.fill(f64::NAN);
            return Err(NOT_SOLVED);
        }
        self.step_by(x, curvature, damping, gradient, step)
    }

    fn has_exact_curvature(&mut self) -> bool {
        self.equations().equations == Equations::BlockArrow
            && (self.is_held() || self.affords_exact)
    }
}

impl Action {
    /// The objective at model precision `rf` times the precision's shape, which is
    /// one where none was given. For the R_f of a result whose shape the annealer
    /// balanced, take [`Action::shaped_as`] first.
    ///
    /// # Errors
    /// [`Error::NotPositive`](crate::Error::NotPositive),
    /// [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn at(&self, rf: f64) -> Result<ActionAt<'_>> {
        ActionAt::new(self, rf)
    }

    /// The action's terms at an estimate, with the shape of the model precision that
    /// the estimate carries.
    ///
    /// # Errors
    /// As [`Action::at`], and [`Error::Length`](crate::Error::Length) for an estimate of another
    /// shape.
    pub fn terms(&self, rf: f64, estimate: &Estimate) -> Result<ActionTerms> {
        if let Some(shaped) = self.reshaped(estimate)? {
            return shaped.terms(rf, estimate);
        }
        let x = self.pack(estimate)?;
        Ok(self.at(rf)?.terms(&x))
    }
}
