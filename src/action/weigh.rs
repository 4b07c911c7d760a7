//! What the residuals of the model count: R_f, the shape of the model precision, units.

use std::ops::Range;

use super::conventions::PrecisionUnit;
use super::evaluation_point::EvaluationPoint;
use super::model_shape::ModelShape;
use super::problem::Action;
use super::terms::Sums;
use crate::discretization::Span;
use crate::problem::inputs::Inputs;

/// The model's own rows of residual group `r` of groups `width` wide.
pub(crate) fn own_rows(r: usize, width: usize, drifting: usize) -> Range<usize> {
    r * width..(r + 1) * width - drifting
}

impl Action {
    /// What a residual of interval `k` of window `w` counts, before R_f and its
    /// shape, in a group with the factor `c` of [`Evaluate::per_time`].
    ///
    /// [`Evaluate::per_time`]: crate::discretization::Evaluate::per_time
    pub(crate) fn residual_weight(&self, (w, k): (usize, usize), c: f64) -> f64 {
        let (steps, first) = (self.dynamics.steps(), self.layout.windows[w].first(k));
        let factor = self.windows[w].precision_factor(first, steps);
        match self.precision_unit {
            PrecisionUnit::PerStep => factor,
            PrecisionUnit::PerTime => factor * c / self.span(w, k).length(),
        }
    }

    /// Writes the weights and v = R g of interval `k` of window `w` and books
    /// ½ gᵀ R g, with multipliers v = R g + λ and ½ gᵀ R g + λᵀg; returns whether R
    /// is diagonal.
    pub(crate) fn weigh(
        &self,
        visit: &EvaluationPoint<'_>,
        (w, k): (usize, usize),
        g: &[f64],
        (weights, v): (&mut [f64], &mut [f64]),
        sums: &mut Sums,
    ) -> bool {
        let per_time = self.dynamics.per_time();
        let h = self.span(w, k).length();
        let drifting = &self.layout.scope.drifting;
        let width = g.len() / per_time.len();
        let mut diagonal = true;
        for (r, c) in per_time.iter().enumerate() {
            let own = own_rows(r, width, drifting.len());
            let scale = visit.rf * self.model_weight * self.residual_weight((w, k), *c);
            let shape = &self.model_shape;
            diagonal = shape.weights(scale, &mut weights[own.clone()]);
            let rest = &mut weights[own.end..(r + 1) * width];
            for (slot, (_, drift)) in rest.iter_mut().zip(drifting) {
                *slot = match visit.model_alone {
                    true => 0.0,
                    false => drift.precision * c / h,
                };
            }
            let all = r * width..(r + 1) * width;
            let products = weights[all.clone()].iter().zip(&g[all.clone()]);
            for (slot, (weight, g)) in v[all].iter_mut().zip(products) {
                *slot = weight * g;
            }
            if let ModelShape::Full { matrix, .. } = shape {
                for (slot, row) in v[own.clone()].iter_mut().zip(matrix.rows()) {
                    let products = row.iter().zip(&g[own.clone()]);
                    *slot = scale * products.map(|(r, g)| r * g).sum::<f64>();
                }
            }
            let energy = |rows: Range<usize>| 0.5 * dot(&g[rows.clone()], &v[rows]);
            sums.model += energy(own.clone());
            // What a parameter may do in time is known beforehand.
            sums.prior += energy(own.end..(r + 1) * width);
        }
        if let Some(multipliers) = &visit.multipliers {
            let of = multipliers.of(w, k);
            sums.model += dot(of, g);
            for (slot, value) in v.iter_mut().zip(of) {
                *slot += value;
            }
        }
        diagonal
    }

    /// The diagonal of the precision of all residuals of window `w`.
    pub(crate) fn precision_of(&self, visit: &EvaluationPoint<'_>, w: usize) -> Vec<f64> {
        let window = &self.layout.windows[w];
        let mut all = Vec::with_capacity(window.all().len());
        for k in 0..window.intervals() {
            let last = window.layer(window.first(k) + self.dynamics.steps());
            let zero = vec![0.0; last.len() * self.dynamics.per_time().len()];
            let (mut weights, mut v) = (zero.clone(), zero.clone());
            let weighed = (&mut weights[..], &mut v[..]);
            self.weigh(visit, (w, k), &zero, weighed, &mut Sums::default());
            if let ModelShape::Full { matrix, .. } = &self.model_shape {
                let groups = self.dynamics.per_time().len();
                let width = weights.len() / groups;
                for r in 0..groups {
                    let own = own_rows(r, width, self.layout.scope.drifting.len());
                    for (slot, r) in weights[own].iter_mut().zip(matrix.diag()) {
                        *slot *= r;
                    }
                }
            }
            all.extend(weights);
        }
        all
    }

    /// Interval `k` of window `w`.
    pub(crate) fn span(&self, w: usize, k: usize) -> Span<'_> {
        let window = &self.windows[w];
        let first = self.layout.windows[w].first(k);
        let inputs = window.known_inputs();
        // Held inputs may jump where two intervals meet.
        let smooth = !inputs.is_some_and(Inputs::are_held);
        Span {
            index: k,
            times: &window.grid().times()[first..=first + self.dynamics.steps()],
            follows: k > 0 && smooth,
            followed: k + 1 < self.layout.windows[w].intervals() && smooth,
            inputs,
        }
    }
}

/// aᵀb in eight sums side by side: one alone would wait for each addition.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let ((a, last_a), (b, last_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..8 {
            sums[l] += a[l] * b[l];
        }
    }
    for (sum, (a, b)) in sums.iter_mut().zip(last_a.iter().zip(last_b)) {
        *sum += a * b;
    }
    sums.iter().sum()
}
