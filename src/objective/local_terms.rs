//! The action by intervals and layers.

use crate::action::{Action, Sums};
use crate::error::Result;

/// The terms of a window by what they belong to.
#[derive(Debug, Default)]
pub(crate) struct LocalTerms {
    /// Model errors of intervals.
    pub(crate) intervals: Vec<f64>,
    /// Measurement errors on layers.
    pub(crate) layers: Vec<f64>,
}

impl Action {
    /// What intervals and layers of each window add to the action at R_f = `rf`.
    pub(crate) fn local_terms(&self, rf: f64, x: &[f64]) -> Result<Vec<LocalTerms>> {
        let mut at = self.at(rf)?;
        let visit = at.visit(x);
        let windows = self.windows.iter();
        let mut all: Vec<_> = windows.map(|_| LocalTerms::default()).collect();
        for worker in &mut at.workers {
            let (mut weights, mut v) = (worker.weights.clone(), worker.v.clone());
            worker.linearize_each(self, x, |_, g, (w, k)| {
                let mut sums = Sums::default();
                let v = &mut v[..g.len()];
                self.weigh(&visit, (w, k), g, (&mut weights, v), &mut sums);
                all[w].intervals.push(sums.terms().total);
            });
            for w in worker.windows.clone() {
                self.window_parameters(x, w, &mut worker.theta);
                for n in 0..self.layout.windows[w].layers() {
                    let mut sums = Sums::default();
                    worker.layer(self, &visit, (w, n), None, &mut sums);
                    all[w].layers.push(sums.terms().total);
                }
            }
        }
        Ok(all)
    }
}
