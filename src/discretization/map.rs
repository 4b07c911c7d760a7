use std::ops::Range;

use super::direct::{Direct, Residual, UNKNOWN_INPUT};
use super::{Evaluate, Pull, Rule, Span};
use crate::dense::DenseLayer;
use crate::model::{Layers, Scope};
use crate::scalar::Scalar;

/// The layer map itself: g is the residual that the model writes. Times only
/// order the layers where the model precision is per step; on grids with
/// unequal steps say so ([`PrecisionUnit::PerStep`](crate::PrecisionUnit)).
#[derive(Debug, Clone, Copy, Default)]
pub struct Map;

impl<M: Layers> Rule<M> for Map {
    fn name(&self) -> &'static str {
        "map"
    }
    fn steps(&self) -> usize {
        1
    }
    fn width(&self, model: &M, n: usize) -> usize {
        model.width(n)
    }
}

impl<M: Layers> Evaluate<M> for Map {
    type Evaluator = Direct<Map>;

    fn evaluator(&self, model: &M, intervals: usize, scope: &Scope) -> Direct<Map> {
        Direct::new(model, intervals, scope)
    }
    /// The forward pass: the next layer is where the residual, taken at zero,
    /// says; observed components are then moved towards their targets.
    fn advance(
        &self,
        model: &M,
        span: Span<'_>,
        x: &[f64],
        theta: &[f64],
        pull: &Pull<'_>,
        next: &mut [f64],
    ) {
        let zero = vec![0.0; next.len()];
        let mut input = Vec::new();
        span.write_inputs(span.times[0], &mut input);
        let n = span.index;
        let theta = &theta[model.parameters_of(n)];
        match model.dense(n) {
            Some(layer) => next.copy_from_slice(&layer.forward(x, theta)),
            None => {
                model.layer(n, x, &zero, theta, &input, next);
                for v in next.iter_mut() {
                    *v = -*v;
                }
            }
        }
        for target in pull.targets {
            if let Some(v) = next.get_mut(target.component) {
                *v += pull.gain.min(1.0) * (target.end - *v);
            }
        }
    }
    fn is_in_time(&self) -> bool {
        false
    }
    fn parameters(&self, model: &M, interval: usize) -> Range<usize> {
        model.parameters_of(interval)
    }
    fn dense(&self, model: &M, interval: usize) -> Option<DenseLayer> {
        model.dense(interval)
    }
    fn per_time(&self) -> &'static [f64] {
        &[1.0]
    }
}

impl<M: Layers> Residual<M> for Map {
    const UNIFORM: bool = false;

    fn widths(model: &M, interval: usize) -> (usize, usize) {
        (model.width(interval), model.width(interval + 1))
    }
    fn parameters(model: &M, interval: usize) -> Range<usize> {
        model.parameters_of(interval)
    }
    fn dense(model: &M, interval: usize) -> Option<DenseLayer> {
        model.dense(interval)
    }
    #[inline(always)]
    fn residual<S: Scalar>(
        model: &M,
        span: Span<'_>,
        (x, next): (&[S], &[S]),
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        if let Some(layer) = model.dense(span.index) {
            return layer.write_residual(x, next, theta, out);
        }
        let mut input = Vec::new();
        span.write_inputs(span.times[0], &mut input);
        scratch.clear();
        scratch.extend(input.iter().map(|&u| S::from(u)));
        scratch.resize(model.input_count(), S::from(UNKNOWN_INPUT));
        model.layer(span.index, x, next, theta, scratch, out);
    }
}
