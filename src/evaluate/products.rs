//! Products of a group's Hessian with a step: for solvers that iterate, states held at
//! bounds, spreads.

use super::worker::Worker;
use crate::action::{Action, EvaluationPoint, Sums};
use crate::linalg::BlockTridiagonal;

impl Worker {
    /// H s with the Gauss-Newton H and no damping, for a step `s` of all
    /// unknowns: its part by the group's states is written to `product`, the
    /// group's share of that by the border to [`border`](Self::border).
    pub(crate) fn product(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        step: &[f64],
        product: &mut [f64],
    ) {
        let origin = self.states(action).start;
        let border = &step[action.layout.border()..];
        product.fill(0.0);
        self.border.fill(0.0);
        for w in self.windows.clone() {
            let window = &action.layout.windows[w];
            action.window_parameters(visit.x, w, &mut self.theta);
            let places = action.layout.border_of(w);
            let free: Vec<f64> = places.iter().map(|&slot| border[slot]).collect();
            self.free.fill(0.0);
            for k in 0..window.intervals() {
                let states = window.span(k);
                let x = &visit.x[states.clone()];
                let count = self.evaluator.residual_count(k);
                let (span, theta) = (action.span(w, k), &self.theta);
                let g = &mut self.g[..count];
                self.evaluator.linearize(span, x, theta, g);
                g.fill(0.0);
                self.evaluator.push(&step[states.clone()], &free, g);
                let (weights, v) = (&mut self.weights, &mut self.v);
                action.weigh(visit, (w, k), g, (weights, v), &mut Sums::default());
                let part = &mut product[states.start - origin..states.end - origin];
                self.evaluator
                    .pullback(&self.v[..count], part, &mut self.free);
            }
            let mut by_free = std::mem::take(&mut self.free);
            for n in 0..window.layers() {
                let layer = window.layer(n);
                let change = &step[layer.clone()];
                let part = &mut product[layer.start - origin..layer.end - origin];
                let mut add = |a: usize, b: usize, value: f64| {
                    let of = |c: usize| match c.checked_sub(change.len()) {
                        None => change[c],
                        Some(c) => free[c],
                    };
                    let (by_a, by_b) = (value * of(b), value * of(a));
                    let mut book = |c: usize, v: f64| match c.checked_sub(change.len()) {
                        None => part[c] += v,
                        Some(c) => by_free[c] += v,
                    };
                    book(a, by_a);
                    if a != b {
                        book(b, by_b);
                    }
                };
                self.layer_hessian(action, visit, (w, n), false, &mut add);
            }
            for (&slot, value) in places.iter().zip(&by_free) {
                self.border[slot] += value;
            }
            self.free = by_free;
        }
    }

    /// GᵀRG times a change of the states (of all groups, none where it is empty)
    /// and of the border: its part by the group's states is written to `product`
    /// where that has room, its share of that by the border to
    /// [`border`](Self::border). The windows must have been linearized together.
    pub(crate) fn gram_product(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        change: (&[f64], Option<&[f64]>),
        product: &mut [f64],
    ) {
        product.fill(0.0);
        self.border.fill(0.0);
        if let Some(together) = &mut self.together {
            let to = (product, &mut self.border[..]);
            together.gram_product(action, visit, change, &mut self.weights, to);
        }
    }

    /// Linearizes the group's windows and condenses their states, with D⁻¹ of all
    /// states; a pivot that is not positive is an error.
    pub(crate) fn condense(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        inverse: &[f64],
        chains: &mut Vec<BlockTridiagonal>,
    ) -> std::result::Result<(), f64> {
        self.take_parameters(action, visit.x, self.windows.start);
        match &mut self.together {
            Some(together) => together.condense(action, visit, &self.theta, inverse, chains),
            None => Err(f64::NAN),
        }
    }

    /// As [`gram_product`](Self::gram_product), with what condensed states leave in
    /// the place of the precision.
    pub(crate) fn condensed_product(
        &mut self,
        action: &Action,
        chains: &[BlockTridiagonal],
        change: (&[f64], Option<&[f64]>),
        product: &mut [f64],
    ) {
        product.fill(0.0);
        self.border.fill(0.0);
        if let Some(together) = &mut self.together {
            let to = (product, &mut self.border[..]);
            together.condensed_product(action, chains, change, to);
        }
    }

    /// The group's share of the diagonal of GᵀRG by the border, in
    /// [`border`](Self::border).
    pub(crate) fn gram_diagonal(&mut self, action: &Action, visit: &EvaluationPoint<'_>) {
        self.border.fill(0.0);
        if let Some(together) = &mut self.together {
            together.gram_diagonal(action, visit, &mut self.weights, &mut self.border);
        }
    }
}
