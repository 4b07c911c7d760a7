//! The engine for rules whose residual is one generic function of the two
//! layers of an interval: layer maps and composed steps.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::{Evaluator, Plans, Rows, Span};
use crate::derivative::{Differentiator, FlowPlan, Generic, KnownPattern, Number, Places, Plan};
use crate::error::Result;
use crate::linalg::Front;
use crate::model::{Pattern, Scope, Sparsity};
use crate::networks::{Columns, DenseLayer};

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
struct Between<'a, K> {
    kind: &'a K,
    scope: &'a Scope,
    span: Span<'a>,
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

/// What is known of the function of one interval before any evaluation.
#[derive(Debug)]
pub struct StepPlan {
    /// For dual numbers; of dense layers for second derivatives only, and not made
    /// before.
    duals: OnceLock<Arc<Plan>>,
    /// First derivatives of a dense layer.
    dense: Option<(DenseLayer, Columns)>,
    /// Without values.
    rows: Rows,
    /// The free parameters that the interval uses.
    used: Vec<usize>,
    /// Place among the free parameters of each one that the interval uses.
    border: Vec<usize>,
    states: usize,
}

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

impl Plans {
    /// For a rule that differentiates its steps as they are; `flow` is that of the
    /// model, where it has one.
    ///
    /// # Errors
    /// As [`Residual::pattern`].
    pub(super) fn of_steps<K: Residual>(
        kind: &K,
        intervals: usize,
        scope: &Scope,
        (flow, places): (FlowPlan, &Places<'_>),
    ) -> Result<Self> {
        let count = if K::UNIFORM { 1 } else { intervals };
        let steps = (0..count).map(|interval| step_plan(kind, interval, scope, places));
        Ok(Self {
            scope: Arc::new(scope.clone()),
            flow: Arc::new(flow),
            steps: steps.collect::<Result<_>>()?,
            intervals: (!K::UNIFORM).then_some(intervals),
        })
    }
}

fn step_plan<K: Residual>(
    kind: &K,
    interval: usize,
    scope: &Scope,
    places: &Places<'_>,
) -> Result<StepPlan> {
    let parameters = kind.parameters(interval);
    let (border, used): (Vec<usize>, Vec<usize>) = scope
        .free
        .iter()
        .enumerate()
        .filter(|(_, p)| parameters.contains(p))
        .unzip();
    let (left, right) = kind.widths(interval);
    let states = left + right + 2 * scope.drifting.len();
    // What changes in time is beyond a dense layer.
    let dense = kind.dense(interval).filter(|_| scope.drifting.is_empty());
    let duals = OnceLock::new();
    let (dense, pattern) = match dense {
        Some(layer) => {
            let mut places = vec![None; parameters.len()];
            for (column, p) in (states..).zip(&used) {
                places[p - parameters.start] = Some(column);
            }
            let columns = Columns::new(places);
            let pattern = layer.pattern(&columns);
            (Some((layer, columns)), pattern)
        }
        None => {
            let (pattern, traced) = pattern_of(kind, interval, scope, places)?;
            let rows = (0..pattern.rows()).map(|i| pattern.row(i).0.to_vec());
            let rows = rows.collect();
            duals.get_or_init(|| Arc::new(Plan::of(pattern, &used, traced)));
            (None, rows)
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
    Ok(StepPlan {
        duals,
        dense,
        rows,
        used,
        border,
        states,
    })
}

/// The pattern of an interval by all its unknowns, and whether it was traced.
/// Parameters that change in time stand behind both layers; the step sees the left
/// ones, and their own residual both.
fn pattern_of<K: Residual>(
    kind: &K,
    interval: usize,
    scope: &Scope,
    places: &Places<'_>,
) -> Result<(Pattern, bool)> {
    let handed = kind.parameters(interval);
    let mut wanted = scope.wanted();
    wanted.retain(|p| handed.contains(p));
    let known = kind.pattern(interval, &wanted, places)?;
    let (left, right) = kind.widths(interval);
    let drifting = scope.drifting.len();
    let states = left + right + 2 * drifting;
    let of_parameter: Vec<usize> = {
        let mut free = states..;
        let place = |p: &usize| match scope.drifting.iter().position(|(q, _)| q == p) {
            Some(k) => left + k,
            None => free.next().unwrap_or(states),
        };
        wanted.iter().map(place).collect()
    };
    let place = |c: usize| match c.checked_sub(left + right) {
        Some(k) => of_parameter[k],
        None if c < left => c,
        None => c + drifting,
    };
    let own = known.rows.into_iter();
    let own = own.map(|row| row.into_iter().map(place).collect());
    let changes = (0..drifting).map(|k| vec![left + k, left + drifting + right + k]);
    let free = wanted.len() - of_parameter.iter().filter(|c| **c < states).count();
    let pattern = Pattern::from_rows(states + free, own.chain(changes));
    Ok((pattern, known.traced))
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
