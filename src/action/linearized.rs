//! The model residuals as a map of the unknowns, with its tangent-linear and
//! adjoint: what the tests of operational data assimilation ask for.

use super::objective::{ActionAt, span};
use crate::discretization::{Evaluator, Rule};
use crate::error::{Error, Result};
use crate::minimize::Objective;
use crate::model::Model;

impl<M: Model, R: Rule<M>> ActionAt<'_, M, R> {
    /// The unweighted model residuals g(x): all
    /// [`residuals`](super::Counts::residuals) of them, window by window and
    /// interval by interval, in units of the states.
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` has one value for each unknown.
    pub fn residuals(&mut self, x: &[f64]) -> Result<Vec<f64>> {
        self.check("unknowns", self.dimension(), x)?;
        let mut all = Vec::with_capacity(self.action.counts().residuals);
        self.linearize_each(x, |at, _, count| {
            all.extend_from_slice(&at.work.g[..count]);
        });
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
        let mut all = Vec::with_capacity(self.action.counts().residuals);
        let mut local = Vec::new();
        self.linearize_each(x, |at, (w, k), _| {
            let window = &layout.windows[w];
            let (left, right) = (window.first(k), window.first(k + 1));
            // In the order of positions.
            local.clear();
            for n in (left + 1..right).chain([left, right]) {
                local.extend_from_slice(&dx[window.layer(n)]);
            }
            local.extend_from_slice(&dx[layout.border()..]);
            let rows = at.evaluator.rows();
            all.extend(rows.starts.windows(2).map(|ends| {
                let entries = ends[0]..ends[1];
                let positions = &rows.positions[entries.clone()];
                let products = positions.iter().zip(&rows.values[entries]);
                products.map(|(&p, value)| value * local[p]).sum::<f64>()
            }));
        });
        Ok(all)
    }

    /// Gᵀ v, one value for each unknown: the transpose of
    /// [`tangent_linear`](Self::tangent_linear).
    ///
    /// # Errors
    /// [`Error::Length`] unless `x` has one value for each unknown and `v` one
    /// for each residual.
    pub fn adjoint(&mut self, x: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        self.check("unknowns", self.dimension(), x)?;
        self.check("weights of residuals", self.action.counts().residuals, v)?;
        let layout = self.action.layout();
        let mut all = vec![0.0; x.len()];
        let (states, border) = all.split_at_mut(layout.border());
        let mut rest = v;
        self.linearize_each(x, |at, (w, k), count| {
            let (here, later) = rest.split_at(count);
            rest = later;
            let span = layout.windows[w].span(k);
            at.evaluator.pullback(here, &mut states[span], border);
        });
        Ok(all)
    }

    /// Linearizes interval after interval, and after each calls `visit` with
    /// its window and number and with how many residuals it has.
    fn linearize_each(
        &mut self,
        x: &[f64],
        mut visit: impl FnMut(&mut Self, (usize, usize), usize),
    ) {
        let action = self.action;
        action.all_parameters(x, &mut self.work.theta);
        for (w, window) in action.layout().windows.iter().enumerate() {
            let times = action.windows[w].grid().times();
            for k in 0..window.intervals() {
                let span = span(times, window.first(k), action.rule.steps(), k);
                let count = self.evaluator.residual_count(k);
                self.evaluator.linearize(
                    &action.model,
                    span,
                    &x[window.span(k)],
                    &self.work.theta,
                    &mut self.work.g[..count],
                );
                visit(self, (w, k), count);
            }
        }
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
