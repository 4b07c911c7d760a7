//! What is known of the derivatives of all intervals before any evaluation: made once
//! for an action, and shared by all that evaluate it.

use std::sync::Arc;

use super::direct::StepPlan;
use crate::derivative::{AnyFlow, FlowPlan, Places};
use crate::error::Result;
use crate::model::Scope;

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

    /// The flow's own.
    pub(crate) fn flow(&self) -> &Arc<FlowPlan> {
        &self.flow
    }

    /// Whether they do for another problem of the same model and rule.
    pub(crate) fn serve(&self, intervals: usize, scope: &Scope) -> bool {
        self.intervals.is_none_or(|known| known >= intervals) && *self.scope == *scope
    }
}
