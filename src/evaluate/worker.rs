//! The evaluation of a group of windows, with the memory for it.

use super::together::Together;
use crate::action::{Action, At, EvaluationPoint, NonFinite, Scratch, Sums};
use std::ops::Range;

use crate::discretization::{Course, Evaluator};
use crate::error::Error;

/// Evaluates the windows of one group, one after the other. Groups depend on
/// the problem alone, so that results do not depend on threads.
pub(crate) struct Worker {
    pub(crate) windows: Range<usize>,
    pub(crate) evaluator: Box<dyn Evaluator>,
    /// All P parameters: of the window at hand, and as of one layer.
    pub(crate) theta: Vec<f64>,
    theta_here: Vec<f64>,
    /// Residuals g, weighted residuals R g, and the weights' diagonal.
    pub(crate) g: Vec<f64>,
    pub(crate) v: Vec<f64>,
    pub(crate) weights: Vec<f64>,
    /// A dense Jacobian of one interval, for correlated model errors.
    pub(crate) dense: Vec<f64>,
    /// The gradient by one window's free parameters, and by the border.
    pub(crate) free: Vec<f64>,
    pub(crate) border: Vec<f64>,
    /// The parameters that operators may depend on.
    wanted: Vec<usize>,
    scratch: Scratch,
    /// Where the windows can be evaluated together.
    pub(crate) together: Option<Together>,
}

impl Worker {
    pub(crate) fn new(action: &Action, windows: Range<usize>) -> Self {
        let layout = action.layout();
        let intervals = layout.windows[windows.clone()].iter();
        let most = intervals.map(|w| w.intervals()).max().unwrap_or(0);
        let scope = &layout.scope;
        let evaluator = action.dynamics.evaluator(&action.plans);
        let count = (0..most).map(|k| evaluator.residual_count(k)).max();
        let count = count.unwrap_or(0);
        let drifting = scope.drifting.iter().map(|(p, _)| *p);
        let together = Together::new(action, windows.clone());
        Self {
            windows,
            evaluator,
            theta: vec![0.0; action.parameters.len()],
            theta_here: Vec::new(),
            g: vec![0.0; count],
            v: vec![0.0; count],
            weights: vec![0.0; count],
            dense: Vec::new(),
            free: vec![0.0; scope.free.len()],
            border: vec![0.0; layout.slots.len()],
            wanted: drifting.chain(scope.free.iter().copied()).collect(),
            scratch: Scratch::default(),
            together,
        }
    }

    /// Where the group's states stand among the unknowns.
    pub(crate) fn states(&self, action: &Action) -> Range<usize> {
        let windows = &action.layout.windows[self.windows.clone()];
        let first = windows.first().map_or(0, |w| w.all().start);
        first..windows.last().map_or(first, |w| w.all().end)
    }

    /// The parameters of window `w`, after those of the group's windows before it.
    pub(crate) fn take_parameters(&mut self, action: &Action, x: &[f64], w: usize) {
        if w == self.windows.start || !action.layout.shares_all() {
            action.window_parameters(x, w, &mut self.theta);
        }
    }

    /// The group's sums; its part of the gradient is written to `gradient`
    /// (by its states) and `border`.
    pub(crate) fn evaluate(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        mut gradient: Option<&mut [f64]>,
    ) -> Sums {
        let origin = self.states(action).start;
        if let Some(gradient) = gradient.as_deref_mut() {
            gradient.fill(0.0);
        }
        self.border.fill(0.0);
        let mut sums = Sums::default();
        let shared = action.layout.shares_all();
        self.free.fill(0.0);
        self.take_parameters(action, visit.x, self.windows.start);
        if let Some(together) = &mut self.together {
            let by = gradient.as_deref_mut().map(|g| (g, &mut self.free[..]));
            let (theta, weights) = (&self.theta, &mut self.weights);
            together.evaluate(action, visit, theta, weights, by, &mut sums);
        }
        for w in self.windows.clone() {
            let window = &action.layout.windows[w];
            self.take_parameters(action, visit.x, w);
            if self.together.is_none() {
                let all = window.all();
                let part = gradient.as_deref_mut();
                let part = part.map(|g| &mut g[all.start - origin..all.end - origin]);
                self.intervals(action, visit, w, part, &mut sums);
            }
            let layers = if visit.model_alone {
                0
            } else {
                window.layers()
            };
            for n in (0..layers).filter(|&n| !action.terms[w].is_empty(n)) {
                let layer = window.layer(n);
                let part = gradient.as_deref_mut();
                let part = part.map(|g| &mut g[layer.start - origin..layer.end - origin]);
                self.layer(action, visit, (w, n), part, &mut sums);
            }
            if !shared || w + 1 == self.windows.end {
                let places = action.layout.border_of(w);
                for (&slot, value) in places.iter().zip(&mut self.free) {
                    self.border[slot] += *value;
                    *value = 0.0;
                }
            }
        }
        sums
    }

    /// The sizes of the group's states and of its measured values, weighted like
    /// its residuals and its errors.
    pub(crate) fn magnitude(&mut self, action: &Action, visit: &EvaluationPoint<'_>) -> [f64; 2] {
        let visit = visit.clone().without_multipliers();
        let mut sums = Sums::default();
        for w in self.windows.clone() {
            let window = &action.layout.windows[w];
            for k in 0..window.intervals() {
                let last = window.layer(window.first(k) + action.dynamics.steps());
                let groups = action.dynamics.per_time().len();
                let sizes = visit.x[last].repeat(groups);
                let weighed = (&mut self.weights[..], &mut self.v[..sizes.len()]);
                action.weigh(&visit, (w, k), &sizes, weighed, &mut sums);
            }
            let layers = 0..window.layers();
            sums.measurement += layers.map(|n| action.terms[w].magnitude(n)).sum::<f64>();
        }
        [sums.model, sums.measurement]
    }

    /// The intervals of window `w`.
    fn intervals(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        w: usize,
        gradient: Option<&mut [f64]>,
        sums: &mut Sums,
    ) {
        let window = &action.layout.windows[w];
        let theta = &self.theta[..];
        let (evaluator, weights) = (&mut self.evaluator, &mut self.weights);
        match gradient {
            None => {
                for k in 0..window.intervals() {
                    let count = evaluator.residual_count(k);
                    let (g, v) = (&mut self.g[..count], &mut self.v[..count]);
                    let x = &visit.x[window.span(k)];
                    evaluator.residual(action.span(w, k), x, theta, g);
                    action.weigh(visit, (w, k), g, (weights, v), sums);
                }
            }
            Some(gradient) => {
                let all = window.all();
                let interval = |k: usize| {
                    let states = window.span(k);
                    let states = states.start - all.start..states.end - all.start;
                    (action.span(w, k), states)
                };
                let course = Course {
                    intervals: window.intervals(),
                    interval: &interval,
                    x: &visit.x[all.clone()],
                    theta,
                };
                let mut weigh = |k: usize, g: &[f64], v: &mut [f64]| {
                    action.weigh(visit, (w, k), g, (weights, v), sums);
                };
                evaluator.gradient(&course, &mut weigh, gradient, &mut self.free);
            }
        }
    }

    pub(crate) fn layer(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        (w, n): (usize, usize),
        gradient: Option<&mut [f64]>,
        sums: &mut Sums,
    ) {
        let window = &action.layout.windows[w];
        let at = At {
            layer: &visit.x[window.layer(n)],
            width: window.state(n).len(),
            theta: drift_to(action, visit.x, (w, n), &self.theta, &mut self.theta_here),
            wanted: &self.wanted,
        };
        let gradient = gradient.map(|layer| (layer, &mut self.free[..]));
        action.terms[w].evaluate(n, at, sums, gradient, &mut self.scratch);
    }

    /// Linearizes interval after interval and calls `see(evaluator, residuals,
    /// window and interval)` after each.
    pub(crate) fn linearize_each(
        &mut self,
        action: &Action,
        x: &[f64],
        mut see: impl FnMut(&mut dyn Evaluator, &[f64], (usize, usize)),
    ) {
        for w in self.windows.clone() {
            let window = &action.layout.windows[w];
            self.take_parameters(action, x, w);
            for k in 0..window.intervals() {
                let count = self.evaluator.residual_count(k);
                let (span, states) = (action.span(w, k), &x[window.span(k)]);
                let g = &mut self.g[..count];
                self.evaluator.linearize(span, states, &self.theta, g);
                see(&mut *self.evaluator, g, (w, k));
            }
        }
    }

    /// The first value of an observation operator, or slope of one, that is not
    /// finite, as an error.
    pub(crate) fn non_finite_observation(&mut self, action: &Action, x: &[f64]) -> Option<Error> {
        for w in self.windows.clone() {
            action.window_parameters(x, w, &mut self.theta);
            for n in 0..action.layout.windows[w].layers() {
                let (at, scratch) = self.at(action, x, (w, n));
                let place = || format!("observation operator, window {w}, layer {n}");
                match action.terms[w].non_finite(n, at, scratch) {
                    Some(NonFinite::Value(component, found)) => {
                        return Some(Error::ModelNotFinite {
                            place: place(),
                            component,
                            found,
                        });
                    }
                    Some(NonFinite::Slope(slope)) => {
                        return Some(slope.error(&action.names, place()));
                    }
                    None => {}
                }
            }
        }
        None
    }

    pub(crate) fn layer_hessian(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        (w, n): (usize, usize),
        exact: bool,
        add: &mut dyn FnMut(usize, usize, f64),
    ) {
        let (at, scratch) = self.at(action, visit.x, (w, n));
        action.terms[w].hessian(n, at, exact, scratch, add);
    }

    /// Layer `n` as its terms see it, and the memory for them.
    fn at<'b>(
        &'b mut self,
        action: &Action,
        x: &'b [f64],
        (w, n): (usize, usize),
    ) -> (At<'b>, &'b mut Scratch) {
        let window = &action.layout.windows[w];
        let at = At {
            layer: &x[window.layer(n)],
            width: window.state(n).len(),
            theta: drift_to(action, x, (w, n), &self.theta, &mut self.theta_here),
            wanted: &self.wanted,
        };
        (at, &mut self.scratch)
    }
}

/// All parameters as of layer `n`: the window's, with those that change in time,
/// if there are any, as they are there.
fn drift_to<'a>(
    action: &Action,
    x: &[f64],
    (w, n): (usize, usize),
    theta: &'a [f64],
    here: &'a mut Vec<f64>,
) -> &'a [f64] {
    let scope = &action.layout.scope;
    if scope.drifting.is_empty() {
        return theta;
    }
    here.clear();
    here.extend_from_slice(theta);
    let window = &action.layout.windows[w];
    scope.set_drifting(&x[window.layer(n)], window.state(n).len(), here);
    here
}
