//! The residuals' Jacobian as a whole, for steps in their space.

use super::ActionAt;
use crate::action::{Action, EvaluationPoint, Sums};
use crate::minimize::{Indefinite, QuadraticStep};
use crate::newton::ResidualSpace;

impl Action {
    /// The unknowns that each model residual depends on.
    pub(crate) fn residual_columns(&self, at: &mut ActionAt<'_>) -> Vec<Vec<usize>> {
        let x = vec![0.0; self.layout.dimension()];
        let border = self.layout.border();
        let mut all = Vec::new();
        for worker in &mut at.workers {
            worker.linearize_each(self, &x, |evaluator, g, (w, k)| {
                let states = self.layout.windows[w].span(k);
                let places = self.layout.border_of(w);
                let rows = evaluator.rows();
                // Positions begin with the interior layers.
                let left = self.layout.windows[w].first(k);
                let left = self.layout.windows[w].layer(left).len();
                let interior = self.layout.windows[w].chain().interiors[k];
                let column = |&position: &usize| match position.checked_sub(states.len()) {
                    None if position < interior => states.start + left + position,
                    None if position < interior + left => states.start + position - interior,
                    None => states.start + position,
                    Some(c) => border + places[c],
                };
                all.extend((0..g.len()).map(|i| rows.row(i).0.iter().map(column).collect()));
            });
        }
        all
    }
}

impl ActionAt<'_> {
    /// Linearizes at `x` and factors.
    fn factor_residual_space(
        &mut self,
        space: &mut ResidualSpace,
        x: &[f64],
        damping: f64,
    ) -> Result<(), Indefinite> {
        let action = self.action;
        let visit = self.visit(x);
        let (mut entry, mut row) = (0, 0);
        for worker in &mut self.workers {
            let (mut weights, mut v) = (worker.weights.clone(), worker.v.clone());
            worker.linearize_each(action, x, |evaluator, g, interval| {
                let weighed = (&mut weights[..g.len()], &mut v[..g.len()]);
                action.weigh(&visit, interval, g, weighed, &mut Sums::default());
                space.precision[row..row + g.len()].copy_from_slice(&weights[..g.len()]);
                row += g.len();
                let values = &evaluator.rows().values;
                space.values[entry..entry + values.len()].copy_from_slice(values);
                entry += values.len();
            });
        }
        let diagonal = self.diagonal(&visit);
        space.set_diagonal(&diagonal, damping, &self.scales);
        space.factor()
    }

    /// The curvature of everything but the model error, which is diagonal.
    pub(crate) fn diagonal(&mut self, visit: &EvaluationPoint<'_>) -> Vec<f64> {
        let action = self.action;
        let layout = action.layout();
        let mut diagonal = vec![0.0; layout.dimension()];
        for worker in &mut self.workers {
            for w in worker.windows.clone() {
                let window = &layout.windows[w];
                for n in (0..window.layers()).filter(|&n| !action.terms[w].is_empty(n)) {
                    let first = window.layer(n).start;
                    let mut add = |a: usize, _, value: f64| diagonal[first + a] += value;
                    worker.layer_hessian(action, visit, (w, n), false, &mut add);
                }
            }
        }
        let border = layout.border();
        for (k, slot) in (border..).zip(&layout.slots) {
            let prior = action.parameters[slot.parameter].prior;
            diagonal[k] += prior.map_or(0.0, |prior| prior.at(visit.x[k])[2]);
        }
        diagonal
    }

    /// The damped Gauss-Newton step.
    pub(crate) fn step_by_residuals(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        let mut space = match self.newton.residual_space.take() {
            Some(space) => space,
            None => {
                let columns = self.action.residual_columns(self);
                ResidualSpace::new(&columns, x.len())
            }
        };
        let factored = self.factor_residual_space(&mut space, x, damping);
        let stepped = space.solve(gradient, step);
        self.newton.residual_space = Some(space);
        factored.and(stepped)
    }
}
