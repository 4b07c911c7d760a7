//! The engine for rules whose residual is one generic function of the two
//! layers of an interval: layer maps and composed steps.

use std::sync::Arc;

use super::evaluator::{Evaluator, Rows};
use super::interval::Span;
use super::plans::{Plans, StepPlan};
use super::residual::{Between, Residual};
use crate::derivative::{Differentiator, Generic, Plan};
use crate::linalg::Front;
use crate::model::{Scope, Sparsity};

/// The memory for one interval's function.
struct Step {
    differentiator: Option<Differentiator>,
    rows: Rows,
}

/// Evaluates a [`Residual`].
pub struct Direct<K> {
    scope: Arc<Scope>,
    /// One plan for each interval, or one for all.
    plans: Arc<[StepPlan]>,
    steps: Vec<Step>,
    current: usize,
    scratch: Vec<f64>,
    kind: K,
}

impl<K> Direct<K> {
    pub(super) fn new(kind: K, plans: &Plans) -> Self {
        let steps = plans.steps.iter().map(|plan| Step {
            differentiator: plan.duals.get().cloned().map(Differentiator::new),
            rows: Rows {
                values: vec![0.0; plan.rows.positions.len()],
                ..plan.rows.clone()
            },
        });
        Self {
            scope: plans.scope.clone(),
            steps: steps.collect(),
            plans: plans.steps.clone(),
            current: 0,
            scratch: Vec::new(),
            kind,
        }
    }

    fn plan_of(&self, interval: usize) -> usize {
        interval.min(self.plans.len() - 1)
    }
}

impl<K: Residual> Evaluator for Direct<K> {
    fn residual_count(&self, interval: usize) -> usize {
        self.plans[self.plan_of(interval)].rows.starts.len() - 1
    }

    fn residual(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        let between = Between {
            kind: &self.kind,
            scope: &self.scope,
            span,
        };
        between.call(x, theta, &mut self.scratch, g);
    }

    fn linearize(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        self.current = self.plan_of(span.index);
        let (plan, step) = (&self.plans[self.current], &mut self.steps[self.current]);
        let between = Between {
            kind: &self.kind,
            scope: &self.scope,
            span,
        };
        let values = &mut step.rows.values;
        if let Some((layer, columns)) = &plan.dense {
            let layers = x.split_at(layer.times * layer.before);
            let theta = &theta[self.kind.parameters(span.index)];
            layer.write_jacobian(columns, layers, theta, g, values);
        } else if let Some(differentiator) = &mut step.differentiator {
            differentiator.jacobian(&between, x, theta, g, values);
        }
    }

    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]) {
        let (rows, states) = (
            &self.steps[self.current].rows,
            &self.plans[self.current].states,
        );
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
        let (rows, states) = (
            &self.steps[self.current].rows,
            &self.plans[self.current].states,
        );
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
        &self.steps[self.current].rows
    }

    fn add_gram(&mut self, weights: &[f64], border: &[usize], front: &mut Front<'_>) {
        let rows = &self.steps[self.current].rows;
        for (i, &weight) in weights.iter().enumerate() {
            rows.add_square(i, weight, border, front);
        }
    }

    fn add_curvature(
        &mut self,
        span: Span<'_>,
        (x, theta): (&[f64], &[f64]),
        v: &[f64],
        border: &[usize],
        front: &mut Front<'_>,
    ) {
        let current = self.plan_of(span.index);
        let (plan, step) = (&self.plans[current], &mut self.steps[current]);
        let between = Between {
            kind: &self.kind,
            scope: &self.scope,
            span,
        };
        let (states, own) = (plan.states, &plan.border);
        let place = |c: usize| match c.checked_sub(states) {
            None => c,
            Some(c) => states + border[own[c]],
        };
        let duals = || {
            let traced = || Plan::new(&between, theta.len(), &plan.used, &Sparsity::Traced);
            let duals = plan.duals.get_or_init(|| Arc::new(traced()));
            Differentiator::new(duals.clone())
        };
        step.differentiator.get_or_insert_with(duals).contract(
            &between,
            x,
            theta,
            v,
            |a, b, value| {
                let (a, b) = (place(a), place(b));
                front.add(a.max(b), a.min(b), value);
            },
        );
    }
}
