//! The Hessian of the action, interval by interval, straight into the fronts
//! of the factorization.

use super::objective::{ActionAt, span};
use super::terms::ModelShape;
use crate::discretization::{Evaluator, Rows, Rule};
use crate::linalg::Front;
use crate::minimize::{Curvature, Objective};
use crate::model::Model;

impl<M: Model, R: Rule<M>> ActionAt<'_, M, R> {
    /// Adds what interval `k` of window `w` holds: its residuals, the terms of
    /// its left and interior layers, and, at the last node, of that layer.
    #[inline]
    pub(super) fn assemble(
        &mut self,
        x: &[f64],
        (w, k): (usize, usize),
        curvature: Curvature,
        damping: f64,
        front: &mut Front<'_>,
    ) {
        let window = &self.action.layout().windows[w];
        let first = window.first(k);
        if k < window.intervals() {
            self.assemble_residuals(x, (w, k), curvature, front);
            let mut position = 0;
            for n in first + 1..window.first(k + 1) {
                self.assemble_layer((w, n), position, damping, front);
                position += window.layer(n).len();
            }
            self.assemble_layer((w, first), position, damping, front);
        } else {
            self.assemble_layer((w, first), 0, damping, front);
        }
        if w == 0 && k == 0 {
            self.assemble_border(damping, front);
        }
    }

    fn assemble_layer(
        &self,
        (w, n): (usize, usize),
        position: usize,
        damping: f64,
        front: &mut Front<'_>,
    ) {
        self.action.terms[w].hessian(n, |a, b, value| {
            front.add(position + a, position + b, value);
        });
        if damping > 0.0 {
            let layer = self.action.layout().windows[w].layer(n);
            for (i, scale) in self.scales()[layer].iter().enumerate() {
                front.add(position + i, position + i, damping / (scale * scale));
            }
        }
    }

    fn assemble_border(&self, damping: f64, front: &mut Front<'_>) {
        let layout = self.action.layout();
        let sizes = front.sizes();
        let first = sizes.total() - sizes.border;
        let scales = &self.scales()[layout.border()..];
        for ((slot, &k), scale) in (first..).zip(&layout.free).zip(scales) {
            let prior = self.action.parameters[k].prior;
            let precision = prior.map_or(0.0, |prior| prior.precision);
            front.add(slot, slot, precision + damping / (scale * scale));
        }
    }

    #[inline]
    fn assemble_residuals(
        &mut self,
        x: &[f64],
        (w, k): (usize, usize),
        curvature: Curvature,
        front: &mut Front<'_>,
    ) {
        let action = self.action;
        let window = &action.layout().windows[w];
        let times = action.windows[w].grid().times();
        let span = span(times, window.first(k), action.rule.steps(), k);
        let x = &x[window.span(k)];
        let count = self.evaluator.residual_count(k);
        let theta = &self.work.theta;
        self.evaluator
            .linearize(&action.model, span, x, theta, &mut self.work.g[..count]);
        let groups = action.rule.per_time().len();
        let width = count / groups;
        for r in 0..groups {
            let weight = self.group_weight(r, span.length());
            let range = r * width..(r + 1) * width;
            let rows = self.evaluator.rows();
            match &action.model_shape {
                ModelShape::Scalar(shape) => {
                    scatter(rows, range, |_| weight * shape, front);
                }
                ModelShape::Diagonal(shape) => {
                    scatter(rows, range, |i| weight * shape[i], front);
                }
                ModelShape::Full { factor, .. } => {
                    let n = front.sizes().total();
                    let dense = &mut self.work.dense;
                    dense.clear();
                    dense.resize(width * n, 0.0);
                    // Rows of Lᵀ G, with R = L Lᵀ.
                    for (i, row) in range.enumerate() {
                        for e in rows.starts[row]..rows.starts[row + 1] {
                            for m in 0..=i {
                                dense[m * n + rows.positions[e]] +=
                                    weight.sqrt() * factor[(i, m)] * rows.values[e];
                            }
                        }
                    }
                    front.add_gram(dense, width);
                }
            }
        }
        if curvature == Curvature::Exact {
            self.weigh(count, span.length());
            let (v, theta) = (&self.work.v[..count], &self.work.theta);
            self.evaluator
                .curvature(&action.model, span, x, theta, v, &mut |a, b, value| {
                    front.add(a, b, value);
                });
        }
    }
}

/// Adds Σ weight(i) · rowᵢ rowᵢᵀ over a range of rows.
#[inline(always)]
fn scatter(
    rows: &Rows,
    range: std::ops::Range<usize>,
    weight: impl Fn(usize) -> f64,
    front: &mut Front<'_>,
) {
    let (buffer, bases) = front.parts();
    for (i, row) in range.enumerate() {
        let entries = rows.starts[row]..rows.starts[row + 1];
        let positions = &rows.positions[entries.clone()];
        let values = &rows.values[entries];
        let weight = weight(i);
        for (p, (&column, &value)) in positions.iter().zip(values).enumerate() {
            let scaled = weight * value;
            let base = bases[column];
            for (&position, &other) in positions[p..].iter().zip(&values[p..]) {
                buffer[base + position] += scaled * other;
            }
        }
    }
}
