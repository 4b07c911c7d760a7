use std::ops::Range;

use super::direct::{Direct, Residual, UNKNOWN_INPUT};
use super::{Evaluate, Plans, Pull, Rule, Span};
use crate::dense::DenseLayer;
use crate::derivative::{Generic, Pattern, Sparsity, Structure, lacking};
use crate::error::{Error, Result};
use crate::model::{FlowPlan, KnownPattern, Layers, Places, Scope, declared_rows};
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

    fn plans(
        &self,
        model: &M,
        intervals: usize,
        scope: &Scope,
        places: &Places<'_>,
    ) -> Result<Plans> {
        let none = (FlowPlan::none(), places);
        Plans::of_steps::<M, Self>(model, intervals, scope, none)
    }
    fn evaluator(&self, plans: &Plans) -> Direct<Map> {
        Direct::new(plans)
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
    fn pattern(
        model: &M,
        interval: usize,
        wanted: &[usize],
        places: &Places<'_>,
    ) -> Result<KnownPattern> {
        layer_pattern(model, interval, wanted, places)
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

/// The map from a layer with one input: the generic function of both layers and θ.
struct LayerAt<'a, M> {
    model: &'a M,
    n: usize,
    input: &'a [f64],
}

impl<M: Layers> Generic for LayerAt<'_, M> {
    fn inputs(&self) -> usize {
        self.model.width(self.n) + self.model.width(self.n + 1)
    }
    fn outputs(&self) -> usize {
        self.model.width(self.n + 1)
    }
    fn call<S: Scalar>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        scratch.clear();
        scratch.extend(self.input.iter().map(|&u| S::from(u)));
        let (x, next) = x.split_at(self.model.width(self.n));
        let theta = &theta[self.model.parameters_of(self.n)];
        self.model.layer(self.n, x, next, theta, scratch, out);
    }
}

/// The pattern of the map from layer `n` by both layers and the `wanted` parameters.
///
/// # Errors
/// As [`flow_pattern`](crate::model::flow_pattern).
fn layer_pattern<M: Layers>(
    model: &M,
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
