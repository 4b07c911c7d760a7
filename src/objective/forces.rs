//! The gradient of an action by what it comes from: intervals and layers.

use super::ActionAt;
use crate::action::{Action, Sums};
use crate::problem::precision::Precision;

/// What the terms of a window contribute to the gradient by its states.
#[derive(Debug, Default)]
pub(crate) struct Forces {
    /// For each interval k the derivatives of its model error ½ gᵀ R_f g by all
    /// of its layers, in their order.
    pub(crate) intervals: Vec<Vec<f64>>,
    /// For each layer those of the measurement errors and priors on it.
    pub(crate) layers: Vec<Vec<f64>>,
}

impl ActionAt<'_> {
    /// The forces of all windows at the unknowns `x`, as [`Action::pack`] gives
    /// them, in the action's own normalization.
    ///
    /// [`Action::pack`]: crate::Action::pack
    pub(crate) fn forces(&mut self, x: &[f64]) -> Vec<Forces> {
        let action = self.action;
        let visit = self.visit(x);
        let windows = &action.layout().windows;
        let mut all: Vec<Forces> = windows.iter().map(|_| Forces::default()).collect();
        let mut free = vec![0.0; action.layout().scope.free.len()];
        for worker in &mut self.workers {
            let mut weights = worker.weights.clone();
            let mut v = worker.v.clone();
            worker.linearize_each(action, x, |evaluator, g, (w, k)| {
                let v = &mut v[..g.len()];
                action.weigh(&visit, (w, k), g, (&mut weights, v), &mut Sums::default());
                let mut force = vec![0.0; windows[w].span(k).len()];
                evaluator.pullback(v, &mut force, &mut free);
                all[w].intervals.push(force);
            });
            for w in worker.windows.clone() {
                action.window_parameters(x, w, &mut worker.theta);
                for n in 0..windows[w].layers() {
                    let mut force = vec![0.0; windows[w].layer(n).len()];
                    let sums = &mut Sums::default();
                    worker.layer(action, &visit, (w, n), Some(&mut force), sums);
                    all[w].layers.push(force);
                }
            }
        }
        all
    }
}

impl Forces {
    /// All of them, to be scaled.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let parts = self.intervals.iter_mut().chain(&mut self.layers);
        parts.flatten()
    }
}

impl Action {
    /// What turns the action's value into that of the *sum* normalization.
    pub(crate) fn to_sum(&self) -> f64 {
        self.measurement_weight.recip()
    }

    /// The slope by the first layer of window `w` of what was known of it
    /// beforehand.
    pub(crate) fn first_layer_slope(&self, x: &[f64], w: usize) -> Vec<f64> {
        let layout = &self.layout.windows[w];
        let mut slope = vec![0.0; layout.layer(0).len()];
        if let Some(prior) = self.windows[w].state_prior() {
            let error: Vec<f64> = x[layout.state(0)]
                .iter()
                .zip(&prior.mean)
                .map(|(x, mean)| x - mean)
                .collect();
            prior.precision.apply(&error, &mut slope);
        }
        for (place, (p, _)) in layout.drifting(0).zip(&self.layout.scope.drifting) {
            if let Some(prior) = self.parameters[*p].prior {
                slope[place - layout.layer(0).start] = prior.at(x[place])[1];
            }
        }
        slope
    }

    /// R_f⁻¹ p with R_f per time, as the model error of interval `k` of window
    /// `w` has it in the *sum* normalization; `covariance` is the inverse of the
    /// model precision's shape.
    pub(crate) fn disperse(
        &self,
        (rf, covariance): (f64, &Precision),
        (w, k): (usize, usize),
        p: &[f64],
    ) -> Vec<f64> {
        let drifting = &self.layout.scope.drifting;
        let own = p.len() - drifting.len();
        let length = self.span(w, k).length();
        let weight = self.model_weight * self.to_sum() * self.residual_weight((w, k), 1.0);
        let mut noise = vec![0.0; p.len()];
        covariance.apply(&p[..own], &mut noise[..own]);
        for slot in &mut noise[..own] {
            *slot /= rf * weight * length;
        }
        for ((slot, p), (_, drift)) in noise[own..].iter_mut().zip(&p[own..]).zip(drifting) {
            *slot = p / drift.precision;
        }
        noise
    }

    /// The residuals R⁻¹v that multipliers v of interval `k` of window `w` belong to,
    /// with arguments as [`disperse`](Self::disperse).
    pub(crate) fn strain(
        &self,
        at: (f64, &Precision),
        (w, k): (usize, usize),
        v: &[f64],
    ) -> Vec<f64> {
        let per_time = self.dynamics.per_time();
        let length = self.span(w, k).length();
        let groups = v.chunks(v.len() / per_time.len()).zip(per_time);
        let of = |(v, c): (&[f64], &f64)| {
            let noise = self.disperse(at, (w, k), v).into_iter();
            noise.map(|noise| noise * length / c).collect::<Vec<f64>>()
        };
        groups.flat_map(of).collect()
    }
}
