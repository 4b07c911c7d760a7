//! Residuals that are held by more than their precision.

use std::sync::Arc;

use super::ActionAt;
use crate::action::{Multipliers, Sums, own_rows};

impl ActionAt<'_> {
    /// Adds λᵀg to the action from now on, in its own normalization.
    pub(crate) fn hold_by(&mut self, multipliers: Multipliers) {
        self.multipliers = Some(Arc::new(multipliers));
        self.known = None;
        self.newton.exact = false;
    }

    /// v = R g + λ at `x`, the multipliers that would make `x` stationary without R_f,
    /// and Σ |R d · d|, by how much the action knows d from zero: how far residuals
    /// are from those that belong to v at the wanted R_f, d = g − v/R_f.
    pub(crate) fn multipliers_at(&mut self, x: &[f64], wanted: f64) -> (Multipliers, f64) {
        let action = self.action;
        let visit = self.visit(x);
        // R d = R g − (R/R_f) v.
        let part = self.rf / wanted;
        let (groups, drifting) = (
            action.dynamics().per_time().len(),
            action.layout().scope.drifting.len(),
        );
        let mut found = Multipliers {
            windows: vec![Vec::new(); action.windows().len()],
        };
        let mut work = 0.0;
        for worker in &mut self.workers {
            let mut weights = worker.weights.clone();
            worker.linearize_each(action, x, |_, g, (w, k)| {
                let mut v = vec![0.0; g.len()];
                let sums = &mut Sums::default();
                action.weigh(&visit, (w, k), g, (&mut weights, &mut v), sums);
                let width = g.len() / groups;
                for r in 0..groups {
                    v[own_rows(r, width, drifting).end..(r + 1) * width].fill(0.0);
                }
                let held = visit.multipliers.as_ref();
                for (i, (v, g)) in v.iter().zip(g).enumerate() {
                    let before = held.map_or(0.0, |held| held.of(w, k)[i]);
                    let force = v - before - part * v;
                    work += match weights[i] {
                        weight if part > 0.0 && weight > 0.0 => force * force / weight,
                        _ => (force * g).abs(),
                    };
                }
                found.windows[w].push(v);
            });
        }
        (found, work)
    }
}
