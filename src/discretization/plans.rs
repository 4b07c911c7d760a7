//! What is known of the derivatives of all intervals before any evaluation: made once
//! for an action, and shared by all that evaluate it.

use std::sync::{Arc, OnceLock};

use super::evaluator::Rows;
use super::residual::Residual;
use crate::derivative::{AnyFlow, FlowPlan, Places, Plan};
use crate::error::Result;
use crate::model::{Pattern, Scope};
use crate::networks::{Columns, DenseLayer};

/// The plans of a model's intervals.
#[derive(Debug, Clone)]
pub struct Plans {
    pub(super) scope: Arc<Scope>,
    /// Of the flow; layer maps have none.
    pub(super) flow: Arc<FlowPlan>,
    /// Of each interval, or one for all, for rules that differentiate their steps as
    /// they are.
    pub(super) steps: Arc<[StepPlan]>,
    /// Where the intervals differ, how many there are.
    pub(super) intervals: Option<usize>,
}

impl Plans {
    /// For rules that need nothing but the flow.
    ///
    /// # Errors
    /// As [`flow_pattern`](crate::model::flow_pattern).
    pub(super) fn of_flow(model: &dyn AnyFlow, scope: &Scope, places: &Places<'_>) -> Result<Self> {
        Ok(Self {
            scope: Arc::new(scope.clone()),
            flow: Arc::new(FlowPlan::new(model, scope, places)?),
            steps: Arc::new([]),
            intervals: None,
        })
    }

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

    /// The flow's own.
    pub(crate) fn flow(&self) -> &Arc<FlowPlan> {
        &self.flow
    }

    /// Whether they do for another problem of the same model and rule.
    pub(crate) fn serve(&self, intervals: usize, scope: &Scope) -> bool {
        self.intervals.is_none_or(|known| known >= intervals) && *self.scope == *scope
    }
}

/// What is known of the function of one interval before any evaluation.
#[derive(Debug)]
pub struct StepPlan {
    /// For dual numbers; of dense layers for second derivatives only, and not made
    /// before.
    pub(super) duals: OnceLock<Arc<Plan>>,
    /// First derivatives of a dense layer.
    pub(super) dense: Option<(DenseLayer, Columns)>,
    /// Without values.
    pub(super) rows: Rows,
    /// The free parameters that the interval uses.
    pub(super) used: Vec<usize>,
    /// Place among the free parameters of each one that the interval uses.
    pub(super) border: Vec<usize>,
    pub(super) states: usize,
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
