//! The block arrow of a network with the states of each window condensed apart.
//!
//! Elimination front by front drags all parameters along. A network's window leaves
//! BᵀMB in the equations of the parameters (see `dense::condensed`), in which each
//! weight meets a state by one unit only: products of matrices over many windows
//! make it with a small part of the operations. Gauss-Newton only.

use super::ActionAt;
use super::strategies::Condensed;
use crate::action::{Action, EvaluationPoint};
use crate::evaluate::{by_group, sum_borders};
use crate::linalg::BlockTridiagonal;
use crate::linalg::DenseMatrix;
use crate::minimize::{Indefinite, QuadraticStep};
use crate::newton::{FLOOR, NOT_SOLVED, predicted};
use crate::parallel::in_parallel;

impl Action {
    /// Whether every window can be condensed, for Gauss-Newton steps.
    pub(crate) fn condenses(&self, at: &ActionAt<'_>) -> bool {
        let condenses = |t: &crate::evaluate::Together| t.condenses();
        let mut workers = at.workers.iter().map(|w| w.together.as_ref());
        workers.all(|together| together.is_some_and(condenses))
            && self.layout.scope.free.len() == self.parameters.len()
            && self.has_diagonal_terms()
    }
}

impl ActionAt<'_> {
    /// The damped Gauss-Newton step.
    pub(crate) fn step_condensed(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        let mut condensed = match self.newton.condensed.take() {
            Some(condensed) => condensed,
            None => self.new_condensed().ok_or(NOT_SOLVED)?,
        };
        let solved = self.solve_condensed(&mut condensed, (x, damping), gradient, step);
        let predicted = predicted(step, gradient, &condensed.damped);
        self.newton.condensed = Some(condensed);
        solved.and(predicted)
    }

    fn new_condensed(&self) -> Option<Condensed> {
        let order = self.workers.first()?.together.as_ref()?.unit_order();
        let steps = self.action.layout().windows[0].intervals();
        let columns = |k: usize| vec![0.0; order.step(k).len() * order.stride(k)];
        Some(Condensed {
            columns: (0..steps).map(columns).collect(),
            matrix: DenseMatrix::new(order.order()),
            order,
            chains: vec![Vec::new(); self.workers.len()],
            inverse: Vec::new(),
            damped: Vec::new(),
        })
    }

    fn solve_condensed(
        &mut self,
        condensed: &mut Condensed,
        (x, damping): (&[f64], f64),
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<(), Indefinite> {
        let action = self.action;
        let visit = self.visit(x).without_multipliers();
        self.set_condensed_diagonal(condensed, &visit, damping);
        self.condense(condensed, &visit)?;
        let border = action.layout().border();
        // r = −∇_θ + BᵀM A D⁻¹∇_x.
        let (states, parameters) = step.split_at_mut(border);
        for ((s, g), d) in states.iter_mut().zip(gradient).zip(&condensed.inverse) {
            *s = d * g;
        }
        let mut product = vec![0.0; parameters.len()];
        self.condensed_product(&condensed.chains, (states, None), (&mut [], &mut product));
        for (p, g) in product.iter_mut().zip(&gradient[border..]) {
            *p -= g;
        }
        let by_unit = |q: usize| condensed.order.parameters[q];
        let mut solution: Vec<f64> = (0..product.len()).map(|q| product[by_unit(q)]).collect();
        condensed.matrix.solve(&mut solution);
        for (q, value) in solution.into_iter().enumerate() {
            parameters[by_unit(q)] = value;
        }
        // s_x = −D⁻¹(∇_x − AᵀM (A D⁻¹∇_x − B s_θ)).
        let change: Vec<f64> = parameters.iter().map(|v| -v).collect();
        let mut pulled = vec![0.0; border];
        let to = (&mut pulled[..], &mut product[..]);
        self.condensed_product(&condensed.chains, (states, Some(&change)), to);
        for (k, s) in states.iter_mut().enumerate() {
            *s = condensed.inverse[k] * (pulled[k] - gradient[k]);
        }
        Ok(())
    }

    /// The diagonal of what is not model error, and what is added to it, by all
    /// unknowns: damping, and for states at least a floor.
    fn condensed_states(
        &mut self,
        visit: &EvaluationPoint<'_>,
        damping: f64,
    ) -> (Vec<f64>, Vec<f64>) {
        let border = self.action.layout().border();
        let diagonal = self.diagonal(visit);
        let (action, scales) = (self.action, &self.scales);
        let scaled = |k: usize, d: f64| d * scales[k] * scales[k];
        let measured = (0..border).map(|k| scaled(k, diagonal[k]));
        let measured = measured.fold(0.0, f64::max);
        let mut model: f64 = 0.0;
        for (w, window) in action.layout().windows.iter().enumerate() {
            let residuals = window.layer(1).start..;
            for (k, r) in residuals.zip(action.precision_of(visit, w)) {
                model = model.max(scaled(k, r));
            }
        }
        let of_states = damping.max(FLOOR * measured.min(model));
        let damped = scales.iter().enumerate().map(|(k, scale)| {
            let damping = if k < border { of_states } else { damping };
            damping / (scale * scale)
        });
        let damped = damped.collect();
        (diagonal, damped)
    }

    /// D⁻¹ of the states, and the parameters' own part of their matrix.
    fn set_condensed_diagonal(
        &mut self,
        condensed: &mut Condensed,
        visit: &EvaluationPoint<'_>,
        damping: f64,
    ) {
        let border = self.action.layout().border();
        let (diagonal, damped) = self.condensed_states(visit, damping);
        condensed.inverse = inverses(&diagonal, &damped, border);
        condensed.matrix.clear();
        for (q, &p) in condensed.order.parameters.iter().enumerate() {
            let own = diagonal[border + p] + damped[border + p];
            condensed.matrix.add(q, q, own);
        }
        condensed.damped = damped;
    }

    /// Factors the chains of all windows, with D⁻¹ of all states.
    fn condense_windows(
        &mut self,
        visit: &EvaluationPoint<'_>,
        inverse: &[f64],
        chains: &mut [Vec<BlockTridiagonal>],
    ) -> Result<(), Indefinite> {
        let action = self.action;
        let jobs = self.workers.iter_mut().zip(chains);
        let mut jobs: Vec<_> = jobs.map(|job| (job, Ok(()))).collect();
        in_parallel(&mut jobs, |((worker, chains), done)| {
            *done = worker.condense(action, visit, inverse, chains);
        });
        let mut ends = jobs.into_iter().map(|(_, done)| done);
        ends.try_for_each(|done| done.map_err(|pivot| Indefinite { pivot }))
    }

    /// The diagonal of the Gauss-Newton Hessian by the parameters once the states
    /// are condensed, without the priors of the parameters.
    pub(crate) fn condensed_diagonal(&mut self, x: &[f64]) -> Result<Vec<f64>, Indefinite> {
        let action = self.action;
        let visit = self.visit(x).without_multipliers();
        let (diagonal, damped) = self.condensed_states(&visit, 0.0);
        let inverse: Vec<f64> = inverses(&diagonal, &damped, action.layout().border());
        let mut chains = vec![Vec::new(); self.workers.len()];
        self.condense_windows(&visit, &inverse, &mut chains)?;
        let mut sum = vec![0.0; action.layout().slots.len()];
        for (worker, chains) in self.workers.iter_mut().zip(&chains) {
            if let Some(together) = &mut worker.together {
                together.condensed_diagonal(action, chains, &mut sum);
            }
        }
        Ok(sum)
    }

    /// Factors the chains of all windows and the matrix of the parameters.
    fn condense(
        &mut self,
        condensed: &mut Condensed,
        visit: &EvaluationPoint<'_>,
    ) -> Result<(), Indefinite> {
        let inverse = &condensed.inverse;
        self.condense_windows(visit, inverse, &mut condensed.chains)?;
        let together: Vec<_> = self
            .workers
            .iter()
            .filter_map(|w| w.together.as_ref())
            .collect();
        let (order, chains) = (&condensed.order, &condensed.chains);
        let mut jobs: Vec<_> = condensed.columns.iter_mut().enumerate().collect();
        jobs.iter_mut().for_each(|(_, columns)| columns.fill(0.0));
        for (together, chains) in together.iter().zip(chains) {
            for c in 0..together.parts() {
                let inverses = together.inverses(c, chains);
                in_parallel(&mut jobs, |(k, columns)| {
                    together.add_condensed(order, (c, &inverses), (*k, columns));
                });
            }
        }
        for (k, columns) in condensed.columns.iter().enumerate() {
            let range = order.step(k);
            let stride = order.stride(k);
            for (column, values) in range.clone().zip(columns.chunks_exact(stride)) {
                let below = column - range.start..order.order() - range.start;
                condensed.matrix.add_column(column, column, &values[below]);
            }
        }
        condensed
            .matrix
            .factor()
            .map_err(|pivot| Indefinite { pivot })
    }

    /// GᵀM G times a change of the states and of the parameters, written by states,
    /// where there is room, and by parameters.
    fn condensed_product(
        &mut self,
        chains: &[Vec<BlockTridiagonal>],
        (states, parameters): (&[f64], Option<&[f64]>),
        to: (&mut [f64], &mut [f64]),
    ) {
        let action = self.action;
        by_group(&mut self.workers, action, to.0, |g, worker, part| {
            worker.condensed_product(action, &chains[g], (states, parameters), part);
        });
        sum_borders(&self.workers, to.1);
    }
}

/// D⁻¹ of the states.
fn inverses(diagonal: &[f64], damped: &[f64], border: usize) -> Vec<f64> {
    let states = diagonal[..border].iter().zip(damped);
    states.map(|(d, damped)| (d + damped).recip()).collect()
}
