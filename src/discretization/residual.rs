//! Residuals of an interval that are one generic function of its two layers.

use std::ops::Range;

use super::interval::Span;
use crate::derivative::{Generic, KnownPattern, Number, Places};
use crate::error::Result;
use crate::model::Scope;
use crate::networks::DenseLayer;

/// What inputs are where a step is traced without any.
pub(super) const UNKNOWN_INPUT: f64 = 0.5;

/// The residual of an interval as a generic function of (x_n, x_{n+1}, θ).
pub(super) trait Residual: Send {
    /// Whether all intervals have the same function but for their times.
    const UNIFORM: bool;

    /// Components of the model's layers at both ends of an interval.
    fn widths(&self, interval: usize) -> (usize, usize);

    /// The parameters that the interval is handed.
    fn parameters(&self, interval: usize) -> Range<usize>;

    /// What the interval is, where it is a dense layer of a network.
    fn dense(&self, _interval: usize) -> Option<DenseLayer> {
        None
    }

    /// The pattern of its Jacobian. Columns: components of the left and of the right
    /// layer, then the `wanted` parameters.
    ///
    /// # Errors
    /// As [`flow_pattern`](crate::model::flow_pattern).
    fn pattern(
        &self,
        interval: usize,
        wanted: &[usize],
        places: &Places<'_>,
    ) -> Result<KnownPattern>;

    /// Writes the residual.
    fn residual<S: Number>(
        &self,
        span: Span<'_>,
        layers: (&[S], &[S]),
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    );
}

/// The residual of one interval, ready to be differentiated. Parameters that
/// change in time stand at the end of both layers; the step sees their value
/// at its beginning, and their own residual is an Euler step.
pub(super) struct Between<'a, K> {
    pub(super) kind: &'a K,
    pub(super) scope: &'a Scope,
    pub(super) span: Span<'a>,
}

impl<K: Residual> Generic for Between<'_, K> {
    fn inputs(&self) -> usize {
        let (left, right) = self.kind.widths(self.span.index);
        left + right + 2 * self.scope.drifting.len()
    }
    fn outputs(&self) -> usize {
        self.kind.widths(self.span.index).1 + self.scope.drifting.len()
    }
    #[inline(always)]
    fn call<S: Number>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        let (left, right) = self.kind.widths(self.span.index);
        let range = self.kind.parameters(self.span.index);
        let drifting = &self.scope.drifting;
        let (x, next) = x.split_at(left + drifting.len());
        if drifting.is_empty() {
            let theta = &theta[range];
            return self
                .kind
                .residual(self.span, (x, next), theta, scratch, out);
        }
        let mut theta = theta.to_vec();
        self.scope.set_drifting(x, left, &mut theta);
        let layers = (&x[..left], &next[..right]);
        let g = &mut out[..right];
        self.kind
            .residual(self.span, layers, &theta[range], scratch, g);
        let h = self.span.length();
        for (k, (_, drift)) in drifting.iter().enumerate() {
            let (now, then) = (x[left + k], next[right + k]);
            out[right + k] = then - now + (now - drift.mean) * (h * drift.rate);
        }
    }
}
