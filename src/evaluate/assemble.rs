//! The Hessian of the action, interval by interval, straight into the fronts
//! of the factorization.

use super::worker::Worker;
use crate::action::{Action, EvaluationPoint, ModelShape, Sums, own_rows};
use crate::linalg::Front;
use crate::minimize::Curvature;
use crate::newton::Assemble;

/// What a Newton step adds to the point where it begins.
pub(crate) struct Newton<'a> {
    pub(crate) curvature: Curvature,
    pub(crate) damping: f64,
    pub(crate) scales: &'a [f64],
    /// Which states stay where they are; `None` where all are free.
    pub(crate) held: Option<&'a [bool]>,
}

/// A group of windows whose Hessian is asked for at one point.
pub(crate) struct Group<'a> {
    worker: &'a mut Worker,
    action: &'a Action,
    visit: &'a EvaluationPoint<'a>,
    newton: &'a Newton<'a>,
}

/// All groups.
pub(crate) fn groups<'a>(
    workers: &'a mut [Worker],
    action: &'a Action,
    visit: &'a EvaluationPoint<'a>,
    newton: &'a Newton<'a>,
) -> Vec<Group<'a>> {
    let group = |worker| Group {
        worker,
        action,
        visit,
        newton,
    };
    workers.iter_mut().map(group).collect()
}

impl Assemble for Group<'_> {
    fn assemble(&mut self, c: usize, k: usize, front: &mut Front<'_>) {
        let (action, visit) = (self.action, self.visit);
        let w = self.worker.windows.start + c;
        if k == 0 {
            self.worker.take_parameters(action, visit.x, w);
        }
        self.worker
            .assemble(action, visit, self.newton, (w, k), front);
    }
}

impl Worker {
    /// Adds what interval `k` of window `w` holds: its residuals, the terms of
    /// its left and interior layers, and, at the last node, of that layer.
    fn assemble(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        newton: &Newton<'_>,
        (w, k): (usize, usize),
        front: &mut Front<'_>,
    ) {
        let window = &action.layout.windows[w];
        if k < window.intervals() {
            self.assemble_residuals(action, visit, newton, (w, k), front);
        }
        let interval = window.begins(k);
        let mut position = 0;
        for n in (interval.start + 1..interval.end).chain([interval.start]) {
            self.assemble_layer(action, visit, newton, (w, n), position, front);
            position += window.layer(n).len();
        }
        if let Some(held) = newton.held {
            let right = (interval.end < window.layers()).then_some(interval.end);
            let layers = (interval.start + 1..interval.end).chain([interval.start]);
            let mut position = 0;
            for n in layers.chain(right) {
                for (i, _) in held[window.layer(n)]
                    .iter()
                    .enumerate()
                    .filter(|(_, h)| **h)
                {
                    front.hold(position + i);
                }
                position += window.layer(n).len();
            }
        }
    }

    fn assemble_layer(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        newton: &Newton<'_>,
        (w, n): (usize, usize),
        position: usize,
        front: &mut Front<'_>,
    ) {
        let layer = action.layout.windows[w].layer(n);
        let sizes = front.sizes();
        let (first, width) = (sizes.total() - sizes.border, layer.len());
        let places = action.layout.border_of(w);
        let place = |a: usize| match a.checked_sub(width) {
            None => position + a,
            Some(c) => first + places[c],
        };
        let exact = newton.curvature == Curvature::Exact;
        let mut add = |a: usize, b: usize, value: f64| {
            let (a, b) = (place(a), place(b));
            front.add(a.max(b), a.min(b), value);
        };
        self.layer_hessian(action, visit, (w, n), exact, &mut add);
        if newton.damping > 0.0 {
            for (i, scale) in newton.scales[layer].iter().enumerate() {
                let value = newton.damping / (scale * scale);
                front.add(position + i, position + i, value);
            }
        }
    }

    fn assemble_residuals(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        newton: &Newton<'_>,
        (w, k): (usize, usize),
        front: &mut Front<'_>,
    ) {
        let x = &visit.x[action.layout.windows[w].span(k)];
        let span = action.span(w, k);
        let count = self.evaluator.residual_count(k);
        let theta = &self.theta;
        let (g, v) = (&mut self.g[..count], &mut self.v[..count]);
        self.evaluator.linearize(span, x, theta, g);
        let weighed = (&mut self.weights[..], v);
        let diagonal = action.weigh(visit, (w, k), g, weighed, &mut Sums::default());
        let places = action.layout.border_of(w);
        if diagonal {
            self.evaluator
                .add_gram(&self.weights[..count], places, front);
        } else if let ModelShape::Full { factor, .. } = &action.model_shape {
            self.add_correlated(action, count, factor, places, front);
        }
        if newton.curvature == Curvature::Exact {
            let (v, point) = (&self.v[..count], (x, &self.theta[..]));
            self.evaluator.add_curvature(span, point, v, places, front);
        }
    }

    /// Gᵀ R G with R = L Lᵀ for all components of a group of residuals.
    fn add_correlated(
        &mut self,
        action: &Action,
        count: usize,
        factor: &ndarray::Array2<f64>,
        places: &[usize],
        front: &mut Front<'_>,
    ) {
        let sizes = front.sizes();
        let (n, first) = (sizes.total(), sizes.total() - sizes.border);
        let drifting = action.layout.scope.drifting.len();
        let groups = action.dynamics.per_time().len();
        let width = count / groups;
        let rows = self.evaluator.rows();
        for r in 0..groups {
            let own = own_rows(r, width, drifting);
            let root = self.weights[own.start].sqrt();
            self.dense.clear();
            self.dense.resize(own.len() * n, 0.0);
            for (i, row) in own.clone().enumerate() {
                let (positions, values) = rows.row(row);
                for (&position, value) in positions.iter().zip(values) {
                    let column = match position.checked_sub(first) {
                        None => position,
                        Some(c) => first + places[c],
                    };
                    for m in 0..=i {
                        self.dense[m * n + column] += root * factor[(i, m)] * value;
                    }
                }
            }
            front.add_gram(&self.dense, own.len());
            for row in own.end..(r + 1) * width {
                rows.add_square(row, self.weights[row], places, front);
            }
        }
    }
}
