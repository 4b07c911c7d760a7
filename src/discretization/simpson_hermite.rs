use super::collocation::{Collocation, Group, Table};
use super::{Evaluate, Plans, Pull, Rule, Span, nudge};
use crate::error::Result;
use crate::model::{Flow, Places, Scope};

/// Simpson's rule with a Hermite midpoint over pairs of steps; fourth order.
///
/// Over an interval of length h = t₂ − t₀, g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂)
/// and g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂). Midpoints are layers: they may
/// carry measurements, and the number of layers is odd. White model noise of
/// one density gives g¹ the variance of h, g² that of h/4. Both steps of a pair
/// are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimpsonHermite;

static TABLE: Table = Table {
    steps: 2,
    groups: &[
        Group {
            layers: [-1.0, 0.0, 1.0],
            stages: [-1.0 / 6.0, -4.0 / 6.0, -1.0 / 6.0],
        },
        Group {
            layers: [-0.5, 1.0, -0.5],
            stages: [-1.0 / 8.0, 0.0, 1.0 / 8.0],
        },
    ],
    stages: &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    shares_ends: true,
};

impl<M: Flow> Rule<M> for SimpsonHermite {
    fn name(&self) -> &'static str {
        "simpson-hermite"
    }
    fn steps(&self) -> usize {
        TABLE.steps
    }
    fn width(&self, model: &M, _n: usize) -> usize {
        model.width()
    }
}

impl<M: Flow> Evaluate<M> for SimpsonHermite {
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
        &[1.0, 4.0]
    }
    fn quadrature(&self) -> &'static [(f64, [f64; 3])] {
        const SIXTH: f64 = 1.0 / 6.0;
        &[
            (SIXTH, [1.0, 0.0, 0.0]),
            (4.0 * SIXTH, [0.0, 1.0, 0.0]),
            (SIXTH, [0.0, 0.0, 1.0]),
        ]
    }
}
