//! The engine for rules whose residual is one generic function of the two
//! layers of an interval: layer maps and composed steps.

use std::marker::PhantomData;
use std::ops::Range;

use super::{Evaluator, Rows, Span};
use crate::derivative::{Differentiator, Generic, Sparsity};
use crate::model::Model;
use crate::scalar::Scalar;

/// The residual of an interval as a generic function of (x_n, x_{n+1}, θ).
pub trait Residual<M: Model>: Send {
    /// Whether all intervals have the same function but for their times.
    const UNIFORM: bool;

    /// Components of the layers at both ends of an interval.
    fn widths(model: &M, interval: usize) -> (usize, usize);

    /// The parameters that the interval is handed.
    fn parameters(model: &M, interval: usize) -> Range<usize>;

    /// Writes the residual.
    fn residual<S: Scalar>(
        model: &M,
        span: Span<'_>,
        input: &[f64],
        layers: (&[S], &[S]),
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    );
}

/// The residual of one interval, ready to be differentiated.
struct Between<'a, M, K> {
    model: &'a M,
    span: Span<'a>,
    input: &'a [f64],
    kind: PhantomData<K>,
}

impl<M: Model, K: Residual<M>> Generic for Between<'_, M, K> {
    fn inputs(&self) -> usize {
        let (left, right) = K::widths(self.model, self.span.index);
        left + right
    }
    fn outputs(&self) -> usize {
        K::widths(self.model, self.span.index).1
    }
    #[inline(always)]
    fn call<S: Scalar>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        let layers = x.split_at(K::widths(self.model, self.span.index).0);
        K::residual(
            self.model, self.span, self.input, layers, theta, scratch, out,
        );
    }
}

/// What is known of the function of one interval.
struct Plan {
    differentiator: Differentiator,
    rows: Rows,
    parameters: Range<usize>,
    /// Place in the border of each free parameter that the interval uses.
    border: Vec<usize>,
    states: usize,
}

/// Evaluates a [`Residual`].
pub struct Direct<K> {
    /// One plan for each interval, or one for all.
    plans: Vec<Plan>,
    current: usize,
    input: Vec<f64>,
    scratch: Vec<f64>,
    kind: PhantomData<K>,
}

impl<K> Direct<K> {
    pub(super) fn new<M: Model>(model: &M, intervals: usize, free: &[usize]) -> Self
    where
        K: Residual<M>,
    {
        let input = vec![0.5; model.input_count()];
        let count = if K::UNIFORM { 1 } else { intervals };
        let plans = (0..count)
            .map(|interval| plan::<M, K>(model, interval, free, &input))
            .collect();
        Self {
            plans,
            current: 0,
            input,
            scratch: Vec::new(),
            kind: PhantomData,
        }
    }

    fn plan_of(&self, interval: usize) -> usize {
        interval.min(self.plans.len() - 1)
    }
}

fn plan<M: Model, K: Residual<M>>(
    model: &M,
    interval: usize,
    free: &[usize],
    input: &[f64],
) -> Plan {
    let parameters = K::parameters(model, interval);
    let used = free.iter().enumerate();
    let (border, local): (Vec<usize>, Vec<usize>) = used
        .filter(|(_, p)| parameters.contains(p))
        .map(|(k, p)| (k, p - parameters.start))
        .unzip();
    let between = Between::<M, K> {
        model,
        span: Span {
            index: interval,
            times: &[0.0, 0.25],
            follows: false,
        },
        input,
        kind: PhantomData,
    };
    let differentiator = Differentiator::new(&between, parameters.len(), &local, &Sparsity::Traced);
    let states = between.inputs();
    let pattern = differentiator.pattern();
    let mut rows = Rows {
        starts: vec![0],
        ..Rows::default()
    };
    for i in 0..pattern.rows() {
        rows.positions.extend(pattern.row(i).0.iter().map(|&c| {
            if c < states {
                c
            } else {
                states + border[c - states]
            }
        }));
        rows.starts.push(rows.positions.len());
    }
    rows.values = vec![0.0; rows.positions.len()];
    Plan {
        differentiator,
        rows,
        parameters,
        border,
        states,
    }
}

impl<M: Model, K: Residual<M>> Evaluator<M> for Direct<K> {
    fn residual_count(&self, interval: usize) -> usize {
        self.plans[self.plan_of(interval)]
            .differentiator
            .pattern()
            .rows()
    }

    fn residual(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        let theta = &theta[K::parameters(model, span.index)];
        let layers = x.split_at(K::widths(model, span.index).0);
        K::residual(
            model,
            span,
            &self.input,
            layers,
            theta,
            &mut self.scratch,
            g,
        );
    }

    fn linearize(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        self.current = self.plan_of(span.index);
        let plan = &mut self.plans[self.current];
        let between = Between::<M, K> {
            model,
            span,
            input: &self.input,
            kind: PhantomData,
        };
        let theta = &theta[plan.parameters.clone()];
        plan.differentiator
            .jacobian(&between, x, theta, g, &mut plan.rows.values);
    }

    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]) {
        let Plan { rows, states, .. } = &self.plans[self.current];
        for (i, v) in v.iter().enumerate() {
            for e in rows.starts[i]..rows.starts[i + 1] {
                let position = rows.positions[e];
                // Without interior layers positions are in the layers' order.
                let slot = if position < *states {
                    &mut gradient[position]
                } else {
                    &mut border[position - states]
                };
                *slot += v * rows.values[e];
            }
        }
    }

    fn rows(&mut self) -> &Rows {
        &self.plans[self.current].rows
    }

    fn curvature(
        &mut self,
        model: &M,
        span: Span<'_>,
        x: &[f64],
        theta: &[f64],
        v: &[f64],
        add: &mut dyn FnMut(usize, usize, f64),
    ) {
        let current = self.plan_of(span.index);
        let plan = &mut self.plans[current];
        let between = Between::<M, K> {
            model,
            span,
            input: &self.input,
            kind: PhantomData,
        };
        let (states, border) = (plan.states, &plan.border);
        let position = |c: usize| {
            if c < states {
                c
            } else {
                states + border[c - states]
            }
        };
        let theta = &theta[plan.parameters.clone()];
        plan.differentiator
            .contract(&between, x, theta, v, &mut |a, b, value| {
                add(position(a), position(b), value);
            });
    }
}
