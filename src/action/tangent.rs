//! How the minimum moves as R_f grows.

use super::ActionAt;
use super::objective::in_parallel;
use super::step::{NOT_SOLVED, own_rhs};
use super::worker::Visit;
use crate::discretization::Rule;
use crate::minimize::{Curvature, Indefinite, Objective};
use crate::model::Model;

/// What a tangent shows.
pub(crate) struct Change {
    /// dM/d ln R_f of the model error M along the minimum: M + ∇M · dx/d ln R_f.
    pub(crate) model: f64,
    /// What the tangent took.
    pub(crate) factorizations: usize,
}

impl Change {
    fn new(model: f64, pull: &[f64], tangent: &[f64], factorizations: usize) -> Self {
        let products = pull.iter().zip(tangent).map(|(p, t)| p * t);
        Self {
            model: model + products.sum::<f64>(),
            factorizations,
        }
    }
}

impl<M: Model, R: Rule<M>> ActionAt<'_, M, R> {
    /// dx/d ln R_f along the minimum, for the minimum `x`: the solution of
    /// H t = −∂∇A/∂ln R_f, with H the exact Hessian, or that of Gauss-Newton where
    /// there is no other. Unknowns at bounds stay there. The factor that the last Newton step left serves where it is one
    /// of H, close enough to `x`.
    ///
    /// # Errors
    /// [`Indefinite`] where `x` is no minimum.
    pub(crate) fn tangent(
        &mut self,
        x: &[f64],
        tangent: &mut [f64],
    ) -> std::result::Result<Change, Indefinite> {
        // R_f ∂∇A/∂R_f is the gradient of the model error, which is linear in R_f.
        let mut pull = vec![0.0; x.len()];
        let model_error = Visit {
            model_alone: true,
            multipliers: None,
            ..self.visit(x)
        };
        let model = self.evaluate(&model_error, Some(&mut pull)).model;
        if !self.has_exact_curvature() {
            let step = self.step_by(x, Curvature::GaussNewton, 0.0, &pull, tangent)?;
            return Ok(Change::new(model, &pull, tangent, step.factorizations));
        }
        let fresh = !self.exact;
        if fresh {
            let mut gradient = vec![0.0; x.len()];
            if self.bounded {
                self.value_and_gradient(x, &mut gradient);
            }
            self.hold(x, &gradient);
            self.factor(x, Curvature::Exact, 0.0, &pull)?;
        } else {
            self.substitute(&pull)?;
        }
        self.solve_free(x, tangent)?;
        Ok(Change::new(model, &pull, tangent, usize::from(fresh)))
    }

    /// Solves for what moves with the right-hand side at hand: unknowns of the border
    /// at their bounds stay there.
    pub(super) fn solve_free(
        &mut self,
        x: &[f64],
        moved: &mut [f64],
    ) -> std::result::Result<(), Indefinite> {
        let border = self.action.layout().border();
        let ends = |k: usize| {
            let k = border + k;
            let free = self.lower[k] < x[k] && x[k] < self.upper[k];
            if free { f64::INFINITY } else { 0.0 }
        };
        let upper: Vec<f64> = (0..x.len() - border).map(ends).collect();
        let lower: Vec<f64> = upper.iter().map(|v| -v).collect();
        self.solve((&lower, &upper), moved).map(|_| ())
    }

    /// Puts −`gradient` in the place of the right-hand side that was factored.
    pub(super) fn substitute(&mut self, gradient: &[f64]) -> std::result::Result<(), Indefinite> {
        self.set_rhs(gradient);
        let action = self.action;
        let (rhs, held) = (&self.rhs, &self.held);
        let mut jobs: Vec<_> = self.workers.iter_mut().map(|w| (w, false)).collect();
        in_parallel(&mut jobs, |(worker, done)| {
            let mut own = own_rhs(
                worker.states(action),
                worker.windows.start,
                rhs,
                action.layout().border(),
            )
            .into_owned();
            for (slot, held) in own.iter_mut().zip(&held[worker.states(action)]) {
                if *held {
                    *slot = 0.0;
                }
            }
            let arrow = worker.arrow.as_mut();
            *done = arrow.is_some_and(|arrow| arrow.substitute_forward(&mut own).is_ok());
        });
        if jobs.iter().any(|(_, done)| !done) {
            return Err(NOT_SOLVED);
        }
        let mut arrows = self.workers.iter_mut().filter_map(|w| w.arrow.as_mut());
        let first = arrows.next().ok_or(NOT_SOLVED)?;
        for arrow in arrows {
            first.absorb_rhs(arrow).map_err(|_| NOT_SOLVED)?;
        }
        Ok(())
    }
}
