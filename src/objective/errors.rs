//! The model's errors as unknowns in the place of the states.
//!
//! x(n+1) = f(x(n), θ) + e(n+1): x(0), the errors and the parameters tell the whole
//! path. By them the model's term is ½ R_f Σ|e|², as well scaled at one R_f as at
//! another, and at large R_f what is left is the gradient by the parameters, that is
//! back-propagation (the *forcing* formulation of weak-constraint 4D-Var; Trémolet,
//! Q. J. R. Meteorol. Soc. 132, 2483 (2006)).

use super::ActionAt;
use crate::action::Action;
use crate::evaluate::{Together, Worker};
use crate::parallel::in_parallel;

impl ActionAt<'_> {
    /// Whether errors can be the unknowns: of feed-forward and residual networks whose
    /// states have no bounds.
    pub(crate) fn has_errors(&self) -> bool {
        let mut groups = self.workers.iter().map(|w| &w.together);
        !self.is_held() && groups.all(|t| t.as_ref().is_some_and(Together::unrolls))
    }

    /// Whether errors can be the unknowns, of vectors of these lengths.
    pub(crate) fn takes<const N: usize>(&self, lengths: [usize; N]) -> bool {
        self.has_errors() && lengths.iter().all(|&length| length == self.scales.len())
    }

    /// Writes the unknowns by errors that belong to the path `x`, and a scale for each:
    /// one over the root of what its own terms curve, of the inputs with their usual
    /// scale as one term more.
    pub(crate) fn write_errors(&mut self, x: &[f64], errors: &mut [f64], scales: &mut [f64]) {
        errors.copy_from_slice(x);
        self.by_group(x, errors, |together, action, theta, states, _| {
            together.write_errors(action, x, theta, states);
        });
        let (action, visit) = (self.action, self.visit(x));
        scales.copy_from_slice(&self.scales);
        for worker in &mut self.workers {
            for w in worker.windows.clone() {
                let window = &action.layout.windows[w];
                worker.take_parameters(action, x, w);
                let places = window.all();
                let first = window.layer(0).len();
                let precision = action.precision_of(&visit, w);
                let curvature = &mut scales[places];
                for scale in &mut curvature[..first] {
                    *scale = (*scale).powi(-2);
                }
                curvature[first..].copy_from_slice(&precision);
                for n in 0..window.layers() {
                    let own = window.layer(n);
                    let begin = own.start - window.all().start;
                    let mut add = |a: usize, b: usize, value: f64| {
                        if a == b && a < own.len() {
                            curvature[begin + a] += value;
                        }
                    };
                    worker.layer_hessian(action, &visit, (w, n), false, &mut add);
                }
                for scale in curvature {
                    *scale = scale.sqrt().recip();
                }
            }
        }
    }

    /// Writes the path that belongs to unknowns by errors.
    pub(crate) fn write_states(&mut self, errors: &[f64], x: &mut [f64]) {
        x.copy_from_slice(errors);
        self.by_group(errors, x, |together, action, theta, states, _| {
            together.unroll(action, errors, theta, states);
        });
    }

    /// The gradient by the unknowns `x` becomes that by errors.
    pub(crate) fn chain(&mut self, x: &[f64], gradient: &mut [f64]) {
        let border = self.action.layout().border();
        self.by_group(x, gradient, |together, action, theta, states, free| {
            together.chain(action, x, theta, (states, free));
        });
        for worker in &self.workers {
            for (slot, value) in gradient[border..].iter_mut().zip(&worker.border) {
                *slot += value;
            }
        }
    }

    /// Calls `work` with each group of windows, the parameters in `x`, the group's part
    /// of the states in `unknowns`, and room for what its parameters have of it.
    fn by_group<F>(&mut self, x: &[f64], unknowns: &mut [f64], work: F)
    where
        F: Fn(&mut Together, &Action, &[f64], &mut [f64], &mut [f64]) + Sync + Send,
    {
        let action = self.action;
        let mut jobs = Vec::with_capacity(self.workers.len());
        for worker in &mut self.workers {
            worker.take_parameters(action, x, worker.windows.start);
            jobs.push((worker, &mut [][..]));
        }
        let mut rest = &mut unknowns[..action.layout().border()];
        for (worker, part) in &mut jobs {
            (*part, rest) = rest.split_at_mut(worker.states(action).len());
        }
        in_parallel(&mut jobs, |(worker, states)| {
            let Worker {
                together,
                theta,
                free,
                border,
                windows,
                ..
            } = &mut **worker;
            free.fill(0.0);
            border.fill(0.0);
            if let Some(together) = together {
                work(together, action, theta, states, free);
            }
            for (&slot, value) in action.layout.border_of(windows.start).iter().zip(free) {
                border[slot] += *value;
                *value = 0.0;
            }
        });
    }
}
