//! The engine for rules whose residual is one generic function of the two
//! layers of an interval: layer maps and composed steps.

use std::marker::PhantomData;
use std::ops::Range;

use super::{Evaluator, Rows, Span};
use crate::dense::{Columns, DenseLayer};
use crate::derivative::{Differentiator, Generic, Sparsity};
use crate::linalg::Front;
use crate::model::{Model, Scope};
use crate::scalar::Scalar;

/// What inputs are while patterns are traced.
pub(super) const UNKNOWN_INPUT: f64 = 0.5;

/// The residual of an interval as a generic function of (x_n, x_{n+1}, θ).
pub trait Residual<M: Model>: Send {
    /// Whether all intervals have the same function but for their times.
    const UNIFORM: bool;

    /// Components of the model's layers at both ends of an interval.
    fn widths(model: &M, interval: usize) -> (usize, usize);

    /// The parameters that the interval is handed.
    fn parameters(model: &M, interval: usize) -> Range<usize>;

    /// What the interval is, where it is a dense layer of a network.
    fn dense(_model: &M, _interval: usize) -> Option<DenseLayer> {
        None
    }

    /// Writes the residual.
    fn residual<S: Scalar>(
        model: &M,
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
struct Between<'a, M, K> {
    model: &'a M,
    scope: &'a Scope,
    span: Span<'a>,
    kind: PhantomData<K>,
}

impl<M: Model, K: Residual<M>> Generic for Between<'_, M, K> {
    fn inputs(&self) -> usize {
        let (left, right) = K::widths(self.model, self.span.index);
        left + right + 2 * self.scope.drifting.len()
    }
    fn outputs(&self) -> usize {
        K::widths(self.model, self.span.index).1 + self.scope.drifting.len()
    }
    #[inline(always)]
    fn call<S: Scalar>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        let (left, right) = K::widths(self.model, self.span.index);
        let range = K::parameters(self.model, self.span.index);
        let drifting = &self.scope.drifting;
        let (x, next) = x.split_at(left + drifting.len());
        if drifting.is_empty() {
            let theta = &theta[range];
            return K::residual(self.model, self.span, (x, next), theta, scratch, out);
        }
        let mut theta = theta.to_vec();
        self.scope.set_drifting(x, left, &mut theta);
        let layers = (&x[..left], &next[..right]);
        let g = &mut out[..right];
        K::residual(self.model, self.span, layers, &theta[range], scratch, g);
        let h = self.span.length();
        for (k, (_, drift)) in drifting.iter().enumerate() {
            let (now, then) = (x[left + k], next[right + k]);
            out[right + k] = then - now + (now - drift.mean) * (h * drift.rate);
        }
    }
}

/// What is known of the function of one interval.
struct Plan {
    /// Dual numbers; of dense layers for second derivatives only, and not made
    /// before.
    differentiator: Option<Differentiator>,
    /// First derivatives of a dense layer.
    dense: Option<(DenseLayer, Columns)>,
    rows: Rows,
    /// The free parameters that the interval uses.
    used: Vec<usize>,
    /// Place among the free parameters of each one that the interval uses.
    border: Vec<usize>,
    states: usize,
}

/// Evaluates a [`Residual`].
pub struct Direct<K> {
    scope: Scope,
    /// One plan for each interval, or one for all.
    plans: Vec<Plan>,
    current: usize,
    scratch: Vec<f64>,
    kind: PhantomData<K>,
}

impl<K> Direct<K> {
    pub(super) fn new<M: Model>(model: &M, intervals: usize, scope: &Scope) -> Self
    where
        K: Residual<M>,
    {
        let count = if K::UNIFORM { 1 } else { intervals };
        Self {
            scope: scope.clone(),
            plans: (0..count)
                .map(|interval| plan::<M, K>(model, interval, scope))
                .collect(),
            current: 0,
            scratch: Vec::new(),
            kind: PhantomData,
        }
    }

    fn plan_of(&self, interval: usize) -> usize {
        interval.min(self.plans.len() - 1)
    }
}

fn plan<M: Model, K: Residual<M>>(model: &M, interval: usize, scope: &Scope) -> Plan {
    let parameters = K::parameters(model, interval);
    let (border, used): (Vec<usize>, Vec<usize>) = scope
        .free
        .iter()
        .enumerate()
        .filter(|(_, p)| parameters.contains(p))
        .unzip();
    let (left, right) = K::widths(model, interval);
    let states = left + right + 2 * scope.drifting.len();
    // What changes in time is beyond a dense layer.
    let dense = K::dense(model, interval).filter(|_| scope.drifting.is_empty());
    let (differentiator, dense, pattern) = match dense {
        Some(layer) => {
            let mut places = vec![None; parameters.len()];
            for (column, p) in (states..).zip(&used) {
                places[p - parameters.start] = Some(column);
            }
            let columns = Columns::new(places);
            let pattern = layer.pattern(&columns);
            (None, Some((layer, columns)), pattern)
        }
        None => {
            let differentiator = differentiate::<M, K>(model, interval, scope, &used);
            let pattern = differentiator.pattern();
            let rows = (0..pattern.rows()).map(|i| pattern.row(i).0.to_vec());
            let rows = rows.collect();
            (Some(differentiator), None, rows)
        }
    };
    let mut rows = Rows {
        starts: vec![0],
        ..Rows::default()
    };
    let position = |&c: &usize| match c.checked_sub(states) {
        None => c,
        Some(c) => states + border[c],
    };
    for row in &pattern {
        rows.positions.extend(row.iter().map(position));
        rows.starts.push(rows.positions.len());
    }
    rows.values = vec![0.0; rows.positions.len()];
    Plan {
        differentiator,
        dense,
        rows,
        used,
        border,
        states,
    }
}

/// The differentiator of one interval, by its states and the parameters `used`.
fn differentiate<M: Model, K: Residual<M>>(
    model: &M,
    interval: usize,
    scope: &Scope,
    used: &[usize],
) -> Differentiator {
    let between = Between::<M, K> {
        model,
        scope,
        span: Span {
            index: interval,
            times: &[0.0, 0.25],
            follows: false,
            followed: false,
            inputs: None,
        },
        kind: PhantomData,
    };
    Differentiator::new(&between, model.parameter_count(), used, &Sparsity::Traced)
}

impl<M: Model, K: Residual<M>> Evaluator<M> for Direct<K> {
    fn residual_count(&self, interval: usize) -> usize {
        self.plans[self.plan_of(interval)].rows.starts.len() - 1
    }

    fn residual(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        let between = Between::<M, K> {
            model,
            scope: &self.scope,
            span,
            kind: PhantomData,
        };
        between.call(x, theta, &mut self.scratch, g);
    }

    fn linearize(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        self.current = self.plan_of(span.index);
        let plan = &mut self.plans[self.current];
        let between = Between::<M, K> {
            model,
            scope: &self.scope,
            span,
            kind: PhantomData,
        };
        if let Some((layer, columns)) = &plan.dense {
            let layers = x.split_at(layer.times * layer.before);
            let theta = &theta[K::parameters(model, span.index)];
            layer.write_jacobian(columns, layers, theta, g, &mut plan.rows.values);
        } else if let Some(differentiator) = &mut plan.differentiator {
            differentiator.jacobian(&between, x, theta, g, &mut plan.rows.values);
        }
    }

    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]) {
        let Plan { rows, states, .. } = &self.plans[self.current];
        for (i, v) in v.iter().enumerate() {
            let (positions, values) = rows.row(i);
            for (&position, &value) in positions.iter().zip(values) {
                // Without interior layers positions are in the layers' order.
                let slot = match position.checked_sub(*states) {
                    None => &mut gradient[position],
                    Some(c) => &mut border[c],
                };
                *slot += v * value;
            }
        }
    }

    fn push(&self, change: &[f64], border: &[f64], g: &mut [f64]) {
        let Plan { rows, states, .. } = &self.plans[self.current];
        for (i, g) in g.iter_mut().enumerate() {
            let (positions, values) = rows.row(i);
            for (&position, &value) in positions.iter().zip(values) {
                *g += value
                    * match position.checked_sub(*states) {
                        None => change[position],
                        Some(c) => border[c],
                    };
            }
        }
    }

    fn rows(&mut self) -> &Rows {
        &self.plans[self.current].rows
    }

    fn add_gram(&mut self, weights: &[f64], border: &[usize], front: &mut Front<'_>) {
        let rows = &self.plans[self.current].rows;
        for (i, &weight) in weights.iter().enumerate() {
            rows.add_square(i, weight, border, front);
        }
    }

    fn add_curvature(
        &mut self,
        model: &M,
        span: Span<'_>,
        (x, theta): (&[f64], &[f64]),
        v: &[f64],
        border: &[usize],
        front: &mut Front<'_>,
    ) {
        let current = self.plan_of(span.index);
        let plan = &mut self.plans[current];
        let between = Between::<M, K> {
            model,
            scope: &self.scope,
            span,
            kind: PhantomData,
        };
        let (states, own) = (plan.states, &plan.border);
        let place = |c: usize| match c.checked_sub(states) {
            None => c,
            Some(c) => states + border[own[c]],
        };
        plan.differentiator
            .get_or_insert_with(|| {
                differentiate::<M, K>(model, span.index, &self.scope, &plan.used)
            })
            .contract(&between, x, theta, v, |a, b, value| {
                let (a, b) = (place(a), place(b));
                front.add(a.max(b), a.min(b), value);
            });
    }
}
