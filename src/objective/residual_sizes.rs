//! How large residuals are.

use crate::action::{Action, ResidualSizes, own_rows};
use crate::error::Result;

impl Action {
    /// Sizes of the residuals at a vector of unknowns.
    ///
    /// # Errors
    /// [`ModelNotFinite`](crate::Error::ModelNotFinite).
    pub(crate) fn residual_sizes(&self, x: &[f64]) -> Result<ResidualSizes> {
        let per_time = self.dynamics.per_time();
        let drifting = self.layout.scope.drifting.len();
        let components = self.components_told();
        let mut sums = vec![[0.0; 3]; components];
        let mut at = self.at(1.0)?;
        for worker in &mut at.workers {
            worker.linearize_each(self, x, |_, g, interval| {
                let width = g.len() / per_time.len();
                for (r, c) in per_time.iter().enumerate() {
                    let weight = self.residual_weight(interval, *c);
                    for (i, g) in g[own_rows(r, width, drifting)].iter().enumerate() {
                        let [count, square, weighted] = &mut sums[i % components];
                        *count += 1.0;
                        *square += g * g;
                        *weighted += weight * g * g;
                    }
                }
            });
        }
        if sums.iter().flatten().any(|sum| !sum.is_finite()) {
            return Err(at.locate_non_finite(x));
        }
        let mean = |k: usize| sums.iter().map(|sums| sums[k] / sums[0]).collect();
        Ok(ResidualSizes {
            squares: mean(1),
            weighted: mean(2),
        })
    }
}
