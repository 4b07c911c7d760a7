use super::collocation::{Collocation, Group, Table};
use super::{Evaluate, Plans, Pull, Rule, Span, nudge};
use crate::error::Result;
use crate::model::{Flow, Places, Scope};

/// The explicit Euler rule, g = x₁ − x₀ − h F₀: first order.
///
/// With momenta p₁ = R_f g it is the symplectic Euler method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Euler;

static TABLE: Table = Table {
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-1.0, 0.0, 0.0],
    }],
    stages: &[[1.0, 0.0, 0.0]],
    shares_ends: false,
};

impl<M: Flow> Rule<M> for Euler {
    fn name(&self) -> &'static str {
        "euler"
    }
    fn steps(&self) -> usize {
        TABLE.steps
    }
    fn width(&self, model: &M, _n: usize) -> usize {
        model.width()
    }
}

impl<M: Flow> Evaluate<M> for Euler {
    type Evaluator = Collocation;

    fn plans(
        &self,
        model: &M,
        _intervals: usize,
        scope: &Scope,
        places: &Places<'_>,
    ) -> Result<Plans> {
        Plans::of_flow(model, scope, places)
    }
    fn evaluator(&self, plans: &Plans) -> Collocation {
        Collocation::new(&TABLE, plans)
    }
    fn advance(
        &self,
        model: &M,
        span: Span<'_>,
        x: &[f64],
        theta: &[f64],
        pull: &Pull<'_>,
        next: &mut [f64],
    ) {
        nudge::integrate(model, span, x, theta, pull, next);
    }
    fn per_time(&self) -> &'static [f64] {
        &[1.0]
    }
}
