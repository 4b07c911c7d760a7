//! Layer maps.

use std::ops::Range;
use std::sync::Arc;

use super::interval::{Pull, Span};
use super::residual::{Residual, UNKNOWN_INPUT};
use crate::derivative::{
    AnyLayers, Generic, KnownPattern, Number, Places, Structure, check_layer, declared_rows,
    lacking,
};
use crate::error::{Error, Result};
use crate::model::{Pattern, Sparsity};
use crate::networks::DenseLayer;

/// The forward pass: the next layer is where the residual, taken at zero,
/// says; observed components are then moved towards their targets.
pub(crate) fn forward(
    model: &dyn AnyLayers,
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
            model.values(n, (x, &zero), theta, &input, next);
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

/// The maps of a layer model.
#[derive(Clone)]
pub(super) struct LayerMap(pub(super) Arc<dyn AnyLayers>);

impl LayerMap {
    pub(super) const NAME: &str = "map";
}

impl Residual for LayerMap {
    const UNIFORM: bool = false;

    fn widths(&self, interval: usize) -> (usize, usize) {
        (self.0.width(interval), self.0.width(interval + 1))
    }
    fn parameters(&self, interval: usize) -> Range<usize> {
        self.0.parameters_of(interval)
    }
    fn dense(&self, interval: usize) -> Option<DenseLayer> {
        self.0.dense(interval)
    }
    fn pattern(
        &self,
        interval: usize,
        wanted: &[usize],
        places: &Places<'_>,
    ) -> Result<KnownPattern> {
        layer_pattern(&*self.0, interval, wanted, places)
    }
    #[inline(always)]
    fn residual<S: Number>(
        &self,
        span: Span<'_>,
        (x, next): (&[S], &[S]),
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        if let Some(layer) = self.0.dense(span.index) {
            return layer.write_residual(x, next, theta, out);
        }
        let mut input = Vec::new();
        span.write_inputs(span.times[0], &mut input);
        scratch.clear();
        scratch.extend(input.iter().map(|&u| S::from(u)));
        scratch.resize(self.0.input_count(), S::from(UNKNOWN_INPUT));
        S::layer(&*self.0, span.index, (x, next), theta, scratch, out);
    }
}

/// The map from a layer with one input: the generic function of both layers and θ.
struct LayerAt<'a> {
    model: &'a dyn AnyLayers,
    n: usize,
    input: &'a [f64],
}

impl Generic for LayerAt<'_> {
    fn inputs(&self) -> usize {
        self.model.width(self.n) + self.model.width(self.n + 1)
    }
    fn outputs(&self) -> usize {
        self.model.width(self.n + 1)
    }
    fn call<S: Number>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        scratch.clear();
        scratch.extend(self.input.iter().map(|&u| S::from(u)));
        let (x, next) = x.split_at(self.model.width(self.n));
        let theta = &theta[self.model.parameters_of(self.n)];
        S::layer(self.model, self.n, (x, next), theta, scratch, out);
    }
}

/// The pattern of the map from layer `n` by both layers and the `wanted` parameters.
///
/// # Errors
/// As [`flow_pattern`](crate::model::flow_pattern).
fn layer_pattern(
    model: &dyn AnyLayers,
    n: usize,
    wanted: &[usize],
    places: &Places<'_>,
) -> Result<KnownPattern> {
    let (left, right) = (model.width(n), model.width(n + 1));
    let (handed, p) = (model.parameters_of(n), model.parameter_count());
    let input = vec![UNKNOWN_INPUT; model.input_count()];
    let at = LayerAt {
        model,
        n,
        input: &input,
    };
    let (state, theta) = (vec![0.5; left + right], vec![0.5; handed.len()]);
    check_layer(model, n, (&state, &theta, &input))?;
    let sparsity = model.sparsity(n);
    let (states, columns) = (left + right, left + right + wanted.len());
    let mut known = KnownPattern::new(
        Structure::of(&at, p, wanted),
        &sparsity,
        (columns, left.max(right) + wanted.len()),
        ("Layers::sparsity", || format!("map from layer {n}")),
    )?;
    let Sparsity::Declared(pairs) = sparsity else {
        return Ok(known);
    };
    let place = |unknown: usize| match unknown.checked_sub(states) {
        None => Some(unknown),
        Some(k) => {
            let of = wanted.iter().position(|&w| w == handed.start + k);
            of.map(|k| states + k)
        }
    };
    let size = (right, states + handed.len());
    known.rows = declared_rows(&pairs, size, "Layers::sparsity", place)?;
    let pattern = Pattern::from_rows(columns, known.rows.iter().cloned());
    places.each_at_layer(n, (states, p, input.len()), |point| {
        let at = LayerAt {
            input: &point.input,
            ..at
        };
        match lacking(&at, &pattern, wanted, (&point.state, &point.theta)) {
            None => Ok(()),
            Some((row, column, slope)) => Err(Error::IncompletePattern {
                place: format!("`Layers::sparsity`, map from layer {n}"),
                row,
                column: match column.checked_sub(states) {
                    None => column,
                    Some(k) => states + wanted[k] - handed.start,
                },
                slope,
            }),
        }
    })?;
    Ok(known)
}
