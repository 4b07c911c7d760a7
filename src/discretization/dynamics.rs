//! A model with the rule that discretizes it, behind a pointer.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::collocation::Collocation;
use super::direct::Direct;
use super::evaluator::Evaluator;
use super::interval::{Pull, Span};
use super::map::{LayerMap, forward};
use super::nudge::integrate;
use super::plans::Plans;
use super::residual::Residual;
use super::rk4::RungeKutta;
use super::table::Table;
use crate::derivative::{AnyFlow, AnyLayers, FlowPlan, Places};
use crate::error::Result;
use crate::model::Scope;
use crate::networks::DenseLayer;

/// What an action knows of its model: residuals between layers, whatever the model's
/// type and the rule.
#[derive(Clone)]
pub struct Dynamics(Kind);

#[derive(Clone)]
enum Kind {
    Table(Arc<dyn AnyFlow>, &'static Table),
    RungeKutta(RungeKutta),
    Layers(LayerMap),
}

impl fmt::Debug for Dynamics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model by {}", self.rule_name())
    }
}

impl Dynamics {
    pub(super) fn by_table(flow: Arc<dyn AnyFlow>, table: &'static Table) -> Self {
        Self(Kind::Table(flow, table))
    }

    pub(super) fn by_runge_kutta(flow: Arc<dyn AnyFlow>) -> Self {
        Self(Kind::RungeKutta(RungeKutta(flow)))
    }

    pub(super) fn of_layers(layers: Arc<dyn AnyLayers>) -> Self {
        Self(Kind::Layers(LayerMap(layers)))
    }

    /// The flow, where the layers are instants of one.
    pub(crate) fn flow(&self) -> Option<&dyn AnyFlow> {
        match &self.0 {
            Kind::Table(flow, _) | Kind::RungeKutta(RungeKutta(flow)) => Some(&**flow),
            Kind::Layers(_) => None,
        }
    }

    pub(crate) fn rule_name(&self) -> &'static str {
        match &self.0 {
            Kind::Table(_, table) => table.name,
            Kind::RungeKutta(_) => RungeKutta::NAME,
            Kind::Layers(_) => LayerMap::NAME,
        }
    }

    /// See [`FlowRule::order`](super::FlowRule::order); layer maps have none.
    pub(crate) fn order(&self) -> Option<u32> {
        match &self.0 {
            Kind::Table(_, table) => Some(table.order),
            Kind::RungeKutta(_) => Some(RungeKutta::ORDER),
            Kind::Layers(_) => None,
        }
    }

    /// Steps in one interval.
    pub(crate) fn steps(&self) -> usize {
        match &self.0 {
            Kind::Table(_, table) => table.steps,
            Kind::RungeKutta(_) | Kind::Layers(_) => 1,
        }
    }

    /// Number of components of layer `n`.
    pub(crate) fn width(&self, n: usize) -> usize {
        match &self.0 {
            Kind::Table(flow, _) | Kind::RungeKutta(RungeKutta(flow)) => flow.width(),
            Kind::Layers(LayerMap(layers)) => layers.width(n),
        }
    }

    pub(crate) fn parameter_count(&self) -> usize {
        match &self.0 {
            Kind::Table(flow, _) | Kind::RungeKutta(RungeKutta(flow)) => flow.parameter_count(),
            Kind::Layers(LayerMap(layers)) => layers.parameter_count(),
        }
    }

    pub(crate) fn input_count(&self) -> usize {
        match &self.0 {
            Kind::Table(flow, _) | Kind::RungeKutta(RungeKutta(flow)) => flow.input_count(),
            Kind::Layers(LayerMap(layers)) => layers.input_count(),
        }
    }

    /// What is known of the derivatives of `intervals` intervals before any
    /// evaluation.
    ///
    /// # Errors
    /// As [`flow_pattern`](crate::model::flow_pattern), also for layer maps.
    pub(crate) fn plans(
        &self,
        intervals: usize,
        scope: &Scope,
        places: &Places<'_>,
    ) -> Result<Plans> {
        match &self.0 {
            Kind::Table(flow, _) => Plans::of_flow(&**flow, scope, places),
            Kind::RungeKutta(step) => {
                let flow = FlowPlan::new(&*step.0, scope, places)?;
                Plans::of_steps(step, intervals, scope, (flow, places))
            }
            Kind::Layers(map) => Plans::of_steps(map, intervals, scope, (FlowPlan::none(), places)),
        }
    }

    /// An evaluator by plans that were made here.
    pub(crate) fn evaluator(&self, plans: &Plans) -> Box<dyn Evaluator> {
        match &self.0 {
            Kind::Table(flow, table) => Box::new(Collocation::new(flow.clone(), table, plans)),
            Kind::RungeKutta(step) => Box::new(Direct::new(step.clone(), plans)),
            Kind::Layers(map) => Box::new(Direct::new(map.clone(), plans)),
        }
    }

    /// One step between the two layers of `span`, pulled towards data.
    pub(crate) fn advance(
        &self,
        span: Span<'_>,
        x: &[f64],
        theta: &[f64],
        pull: &Pull<'_>,
        next: &mut [f64],
    ) {
        match &self.0 {
            Kind::Table(flow, _) | Kind::RungeKutta(RungeKutta(flow)) => {
                integrate(&**flow, span, x, theta, pull, next);
            }
            Kind::Layers(LayerMap(layers)) => forward(&**layers, span, x, theta, pull, next),
        }
    }

    /// Whether layers are instants of a flow: the grid can have more or fewer of
    /// them, go on, and be gone through backwards.
    pub(crate) fn is_in_time(&self) -> bool {
        self.flow().is_some()
    }

    /// The parameters that an interval may depend on.
    pub(crate) fn parameters(&self, interval: usize) -> Range<usize> {
        match &self.0 {
            Kind::Layers(map) => map.parameters(interval),
            _ => 0..self.parameter_count(),
        }
    }

    /// What an interval is, where it is a dense layer of a network.
    pub(crate) fn dense(&self, interval: usize) -> Option<DenseLayer> {
        match &self.0 {
            Kind::Layers(map) => map.dense(interval),
            _ => None,
        }
    }

    /// For each group of residuals the factor c in R_f(discrete) =
    /// c R_f(continuous) / h that makes white noise of one density.
    pub(crate) fn per_time(&self) -> &'static [f64] {
        match &self.0 {
            Kind::Table(_, table) => table.per_time,
            Kind::RungeKutta(_) | Kind::Layers(_) => &[1.0],
        }
    }

    /// How a potential is integrated over an interval: points (w, c) with
    /// the weight w h and the state Σ_j c_j x_j. By the left layer where the
    /// residual books its whole error at the right one.
    pub(crate) fn quadrature(&self) -> &'static [(f64, [f64; 3])] {
        match &self.0 {
            Kind::Table(_, table) => table.quadrature,
            Kind::RungeKutta(_) | Kind::Layers(_) => &[(1.0, [1.0, 0.0, 0.0])],
        }
    }
}
