//! The model's errors as unknowns in the place of the states.
//!
//! x(n+1) = f(x(n), θ) + e(n+1): x(0), the errors and the parameters tell the whole
//! path. By them the model's term is ½ R_f Σ|e|², as well scaled at one R_f as at
//! another, and at large R_f what is left is the gradient by the parameters, that is
//! back-propagation (the *forcing* formulation of weak-constraint 4D-Var; Trémolet,
//! Q. J. R. Meteorol. Soc. 132, 2483 (2006)).

use std::ops::ControlFlow;

use super::ActionAt;
use crate::action::Action;
use crate::evaluate::{Together, Worker, add_borders, by_group};
use crate::minimize::{Iteration, Minimizer, Objective, Outcome, Termination};

/// Layers that enlarge what comes into them enlarge rounding too: where the path that
/// its errors make is higher than the start by more than this share of it, the states
/// are the unknowns.
const ASTRAY: f64 = 1e-6;

/// An action at one R_f as a function of the errors that its model makes, in the place
/// of the states that it makes them to: [`ActionAt::by_errors`].
///
/// Unknowns by errors are as long as those by states, [`Action::pack`], and have the
/// same order. The state of a window's first layer is itself; that of layer n + 1 is
/// replaced by e(n+1) = x(n+1) − f(x(n), θ); parameters are themselves. Bounds are
/// those of the action, of parameters only, because states with bounds have no errors as
/// unknowns. Newton steps it has none: it is to be minimized by gradients.
pub struct ByErrors<'b, 'a> {
    at: &'b mut ActionAt<'a>,
    /// The path at hand.
    x: Vec<f64>,
    scales: Vec<f64>,
}

impl ByErrors<'_, '_> {
    /// The unknowns by errors that belong to a path `x` as [`Action::pack`] makes it,
    /// all NaN for a vector of another length.
    #[must_use]
    pub fn errors(&mut self, x: &[f64]) -> Vec<f64> {
        let mut errors = vec![f64::NAN; self.x.len()];
        if x.len() == errors.len() {
            errors.copy_from_slice(x);
            self.at.write_errors(&mut errors, x);
        }
        errors
    }

    /// The path that belongs to unknowns by errors, as [`Action::unpack`] takes it, all
    /// NaN for a vector of another length.
    #[must_use]
    pub fn states(&mut self, errors: &[f64]) -> Vec<f64> {
        let mut x = vec![f64::NAN; self.x.len()];
        if errors.len() == x.len() {
            self.at.write_states(errors, &mut x);
        }
        x
    }

    /// Moves the path at hand to unknowns by errors; false for another length.
    fn go_to(&mut self, errors: &[f64]) -> bool {
        let fits = errors.len() == self.x.len();
        if fits {
            self.at.write_states(errors, &mut self.x);
        }
        fits
    }
}

/// NaN for vectors of another length.
impl Objective for ByErrors<'_, '_> {
    fn dimension(&self) -> usize {
        self.x.len()
    }

    fn lower(&self) -> &[f64] {
        &self.at.lower
    }

    fn upper(&self) -> &[f64] {
        &self.at.upper
    }

    fn scales(&self) -> &[f64] {
        &self.scales
    }

    fn value(&mut self, errors: &[f64]) -> f64 {
        match self.go_to(errors) {
            true => self.at.value(&self.x),
            false => f64::NAN,
        }
    }

    fn value_and_gradient(&mut self, errors: &[f64], gradient: &mut [f64]) -> f64 {
        if gradient.len() != self.x.len() || !self.go_to(errors) {
            gradient.fill(f64::NAN);
            return f64::NAN;
        }
        let value = self.at.value_and_gradient(&self.x, gradient);
        self.at.chain(&self.x, gradient);
        value
    }

    fn rounding(&mut self, errors: &[f64]) -> f64 {
        match self.go_to(errors) {
            true => self.at.rounding(&self.x),
            false => f64::NAN,
        }
    }
}

impl<'a> ActionAt<'a> {
    /// The action by errors, with scales that belong to the path `x`: one over the root
    /// of what an unknown's own terms curve.
    ///
    /// `None` where errors cannot be the unknowns: they can for networks of feed-forward
    /// and residual layers whose states have no bounds and whose windows share all
    /// parameters. `None` too where `x` does not have the action's dimension.
    pub fn by_errors(&mut self, x: &[f64]) -> Option<ByErrors<'_, 'a>> {
        if !self.has_errors() || x.len() != self.scales.len() {
            return None;
        }
        let scales = self.scales_of_errors(x);
        Some(ByErrors {
            at: self,
            x: x.to_vec(),
            scales,
        })
    }

    /// Minimizes [by errors](Self::by_errors) from the path `x`, which holds the best
    /// path at the end. By states instead, as `minimizer` does it alone, where errors
    /// cannot be the unknowns, where the minimizer needs Newton steps, and where the
    /// errors do not lead back to `x`, because layers enlarge rounding.
    pub fn minimize_by_errors(
        &mut self,
        minimizer: &dyn Minimizer,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        match self.walk_by_errors(minimizer, (&mut *x, false), observe) {
            Some(outcome) => outcome,
            None => minimizer.minimize(self, x, observe),
        }
    }

    /// The same, where it is done by errors; else nothing.
    pub(crate) fn walk_by_errors(
        &mut self,
        minimizer: &dyn Minimizer,
        (x, near): (&mut [f64], bool),
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Option<Outcome> {
        if !self.has_errors() {
            return None;
        }
        let begin = self.value(x);
        let mut by_errors = self.by_errors(x)?;
        let mut errors = by_errors.errors(x);
        let leads_back = by_errors.value(&errors) <= begin + ASTRAY * begin.abs();
        if !leads_back {
            return None;
        }
        let outcome = match near {
            true => minimizer.minimize_nearby(&mut by_errors, &mut errors, observe),
            false => minimizer.minimize(&mut by_errors, &mut errors, observe),
        };
        match outcome.termination {
            Termination::NoNewtonSteps => return None,
            Termination::NonFinite => {}
            _ => by_errors.at.write_states(&errors, x),
        }
        Some(outcome)
    }

    /// Whether errors can be the unknowns: of feed-forward and residual networks whose
    /// states have no bounds.
    fn has_errors(&self) -> bool {
        let mut groups = self.workers.iter().map(|w| &w.together);
        !self.is_held() && groups.all(|t| t.as_ref().is_some_and(Together::unrolls))
    }

    /// The path `x`, which `errors` holds too, becomes the unknowns by errors there.
    fn write_errors(&mut self, errors: &mut [f64], x: &[f64]) {
        self.each_network(x, errors, |together, action, theta, states, _| {
            together.write_errors(action, x, theta, states);
        });
    }

    /// A scale for each unknown by errors: one over the root of what its own terms
    /// curve, of the inputs with their usual scale as one term more.
    fn scales_of_errors(&mut self, x: &[f64]) -> Vec<f64> {
        let (action, visit) = (self.action, self.visit(x));
        let mut scales = self.scales.clone();
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
        scales
    }

    /// Writes the path that belongs to unknowns by errors.
    fn write_states(&mut self, errors: &[f64], x: &mut [f64]) {
        x.copy_from_slice(errors);
        self.each_network(errors, x, |together, action, theta, states, _| {
            together.unroll(action, errors, theta, states);
        });
    }

    /// The gradient by the unknowns `x` becomes that by errors.
    fn chain(&mut self, x: &[f64], gradient: &mut [f64]) {
        let border = self.action.layout().border();
        self.each_network(x, gradient, |together, action, theta, states, free| {
            together.chain(action, x, theta, (states, free));
        });
        add_borders(&self.workers, &mut gradient[border..]);
    }

    /// Calls `work` with each group of windows, the parameters in `x`, the group's part
    /// of the states in `unknowns`, and room for what its parameters have of it.
    fn each_network<F>(&mut self, x: &[f64], unknowns: &mut [f64], work: F)
    where
        F: Fn(&mut Together, &Action, &[f64], &mut [f64], &mut [f64]) + Sync + Send,
    {
        let action = self.action;
        let states = &mut unknowns[..action.layout().border()];
        by_group(&mut self.workers, action, states, |_, worker, part| {
            worker.take_parameters(action, x, worker.windows.start);
            let Worker {
                together,
                theta,
                free,
                border,
                windows,
                ..
            } = worker;
            free.fill(0.0);
            border.fill(0.0);
            if let Some(together) = together {
                work(together, action, theta, part, free);
            }
            for (&slot, value) in action.layout.border_of(windows.start).iter().zip(free) {
                border[slot] += *value;
                *value = 0.0;
            }
        });
    }
}
