//! Newton steps by conjugate gradients: for networks with too many pairs and
//! weights for any matrix of theirs.
//!
//! With the states eliminated exactly, chain by chain, the damped Gauss-Newton
//! system is S p = r in the parameters alone, S = H_θθ − H_θx H_xx⁻¹ H_xθ. Products
//! with H_xθ and H_θθ are products with the residuals' Jacobian for all windows at
//! once; S itself is never made. The diagonal of H_θθ is the preconditioner.

use super::ActionAt;
use crate::action::EvaluationPoint;
use crate::evaluate::{Newton, add_borders, by_group, groups, sum_borders};
use crate::minimize::{Curvature, Indefinite, QuadraticStep};
use crate::newton::{Arrows, NOT_SOLVED, conjugate_gradients};

impl ActionAt<'_> {
    /// The damped Gauss-Newton step.
    pub(crate) fn step_by_iteration(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        self.factor_states(x, damping)?;
        let visit = self.visit(x).without_multipliers();
        let border = self.action.layout().border();
        let (states, parameters) = step.split_at_mut(border);
        let curvature = self.parameter_curvature(&visit, damping);
        // r = −∇_θ + H_θx H_xx⁻¹ ∇_x.
        states.copy_from_slice(&gradient[..border]);
        self.solve_states(states)?;
        for v in states.iter_mut() {
            *v = -*v;
        }
        let mut residual = vec![0.0; parameters.len()];
        self.product_of_states(&visit, states, None, (&mut [], &mut residual));
        for (r, g) in residual.iter_mut().zip(&gradient[border..]) {
            *r = -g - *r;
        }
        let (diagonal, own) = &curvature;
        let mut pulled = vec![0.0; border];
        let multiply = |direction: &[f64], product: &mut [f64]| {
            // S d = H_θθ d − H_θx H_xx⁻¹ H_xθ d.
            let along = (&mut pulled[..], &mut *product);
            self.product_of_states(&visit, &[], Some(direction), along);
            self.solve_states(&mut pulled)?;
            for v in &mut pulled {
                *v = -*v;
            }
            let to = (&mut [][..], &mut *product);
            self.product_of_states(&visit, &pulled, Some(direction), to);
            for (q, (own, d)) in product.iter_mut().zip(own.iter().zip(direction)) {
                *q += own * d;
            }
            Ok(())
        };
        let left = conjugate_gradients(multiply, diagonal, residual, parameters)?;
        // s_x = −H_xx⁻¹ (∇_x + H_xθ p).
        pulled.fill(0.0);
        let mut unused = vec![0.0; parameters.len()];
        self.product_of_states(&visit, &[], Some(parameters), (&mut pulled, &mut unused));
        for (state, (g, h)) in states.iter_mut().zip(gradient.iter().zip(&pulled)) {
            *state = -g - h;
        }
        self.solve_states(states)?;
        // (H + Λ)s = −g − e where e is what the iteration left.
        let slope: f64 = step.iter().zip(gradient).map(|(s, g)| -g * s).sum();
        let scaled = step.iter().zip(&self.scales);
        let damped = damping * scaled.map(|(s, scale)| (s / scale).powi(2)).sum::<f64>();
        let missed: f64 = left.iter().zip(&step[border..]).map(|(e, p)| e * p).sum();
        let decrease = 0.5 * (slope + missed + damped);
        match decrease.is_finite() {
            true => Ok(QuadraticStep::new(decrease)),
            false => Err(NOT_SOLVED),
        }
    }

    /// Factors the chains of H_xx and linearizes all windows.
    fn factor_states(&mut self, x: &[f64], damping: f64) -> Result<(), Indefinite> {
        let action = self.action;
        let visit = self.visit(x);
        let mut chains = match self.newton.chains.take() {
            Some(chains) => chains,
            None => Arrows::new(self.arrangement(0), action.backend).map_err(|_| NOT_SOLVED)?,
        };
        let newton = Newton {
            curvature: Curvature::GaussNewton,
            damping,
            scales: &self.scales,
            held: None,
        };
        let zero = vec![0.0; action.layout().border()];
        let mut groups = groups(&mut self.workers, action, &visit, &newton);
        let factored = chains.factor(&mut groups, &zero, &[]);
        self.newton.chains = Some(chains);
        factored?;
        by_group(&mut self.workers, action, &mut [], |_, worker, _| {
            if let Some(together) = &mut worker.together {
                together.linearize_all(action, x, &worker.theta);
            }
        });
        Ok(())
    }

    /// Replaces `states` by H_xx⁻¹ `states`.
    fn solve_states(&mut self, states: &mut [f64]) -> Result<(), Indefinite> {
        let chains = self.newton.chains.as_mut().ok_or(NOT_SOLVED)?;
        chains.solve_chains(states)
    }

    /// GᵀRG times a change of the states and of the parameters, either of which may
    /// be empty; the parts of the product by states and by parameters are written
    /// to `to`, that by the states only where it has room.
    fn product_of_states(
        &mut self,
        visit: &EvaluationPoint<'_>,
        states: &[f64],
        parameters: Option<&[f64]>,
        to: (&mut [f64], &mut [f64]),
    ) {
        let action = self.action;
        by_group(&mut self.workers, action, to.0, |_, worker, part| {
            worker.gram_product(action, visit, (states, parameters), part);
        });
        sum_borders(&self.workers, to.1);
    }

    /// The diagonal of H_θθ with priors and damping, and the latter two alone.
    fn parameter_curvature(
        &mut self,
        visit: &EvaluationPoint<'_>,
        damping: f64,
    ) -> (Vec<f64>, Vec<f64>) {
        let action = self.action;
        let layout = action.layout();
        let first = layout.border();
        let own = |(k, slot): (usize, &crate::action::Slot)| {
            let prior = action.parameters[slot.parameter].prior;
            let curvature = prior.map_or(0.0, |prior| prior.at(visit.x[first + k])[2]);
            curvature + damping / self.scales[first + k].powi(2)
        };
        let own: Vec<f64> = layout.slots.iter().enumerate().map(own).collect();
        by_group(&mut self.workers, action, &mut [], |_, worker, _| {
            worker.gram_diagonal(action, visit);
        });
        let mut diagonal = own.clone();
        add_borders(&self.workers, &mut diagonal);
        (diagonal, own)
    }
}
