//! The model residuals as a map of the unknowns, with its tangent-linear and
//! adjoint: what the tests of operational data assimilation ask for.

use super::ActionAt;
use crate::error::{Error, Result};
use crate::minimize::Objective;

impl ActionAt<'_> {
    /// The unweighted model residuals g(x), window by window and interval by
    /// interval, in units of the states: [`residuals`](crate::Counts::residuals)
    /// of them, and those of the parameters that change in time.
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` has one value for each unknown.
    pub fn residuals(&mut self, x: &[f64]) -> Result<Vec<f64>> {
        self.check("unknowns", self.dimension(), x)?;
        let mut all = Vec::new();
        for worker in &mut self.workers {
            worker.linearize_each(self.action, x, |_, g, _| all.extend_from_slice(g));
        }
        Ok(all)
    }

    /// G dx, with G = ∂g/∂x the exact Jacobian of
    /// [`residuals`](Self::residuals) at `x` and `dx` a perturbation of the
    /// unknowns.
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` and `dx` have one value for each unknown.
    pub fn tangent_linear(&mut self, x: &[f64], dx: &[f64]) -> Result<Vec<f64>> {
        self.check("unknowns", self.dimension(), x)?;
        self.check("perturbation", self.dimension(), dx)?;
        let layout = self.action.layout();
        let (states, border) = dx.split_at(layout.border());
        let mut all = Vec::new();
        for worker in &mut self.workers {
            worker.linearize_each(self.action, x, |evaluator, g, (w, k)| {
                let places = layout.border_of(w);
                let free: Vec<f64> = places.iter().map(|&slot| border[slot]).collect();
                let first = all.len();
                all.resize(first + g.len(), 0.0);
                let states = &states[layout.windows[w].span(k)];
                evaluator.push(states, &free, &mut all[first..]);
            });
        }
        Ok(all)
    }

    /// Gᵀ v, one value for each unknown: the transpose of
    /// [`tangent_linear`](Self::tangent_linear).
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` has one value for each unknown and `v` one
    /// for each residual.
    pub fn adjoint(&mut self, x: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        let count = self.residuals(x)?.len();
        self.check("weights of residuals", count, v)?;
        let layout = self.action.layout();
        let mut all = vec![0.0; x.len()];
        let (states, border) = all.split_at_mut(layout.border());
        let mut rest = v;
        for worker in &mut self.workers {
            worker.linearize_each(self.action, x, |evaluator, g, (w, k)| {
                let (here, later) = rest.split_at(g.len());
                rest = later;
                let places = layout.border_of(w);
                let mut free = vec![0.0; places.len()];
                let states = &mut states[layout.windows[w].span(k)];
                evaluator.pullback(here, states, &mut free);
                for (&slot, value) in places.iter().zip(&free) {
                    border[slot] += value;
                }
            });
        }
        Ok(all)
    }

    fn check(&self, what: &'static str, expected: usize, given: &[f64]) -> Result<()> {
        if given.len() == expected {
            return Ok(());
        }
        Err(Error::Length {
            what,
            place: "linearized residuals".into(),
            expected,
            found: given.len(),
        })
    }
}
