//! The rules that are rows of coefficients for one engine.

use std::sync::Arc;

use super::collocation::{Group, Table};
use super::sealed::Discretize;
use super::{Dynamics, FlowRule, Rule};
use crate::model::Flow;

/// The explicit Euler rule, g = x₁ − x₀ − h F₀: first order.
///
/// With momenta p₁ = R_f g it is the symplectic Euler method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Euler;

static EULER: Table = Table {
    name: "euler",
    order: 1,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-1.0, 0.0, 0.0],
    }],
    stages: &[[1.0, 0.0, 0.0]],
    shares_ends: false,
    per_time: &[1.0],
    quadrature: &[(1.0, [1.0, 0.0, 0.0])],
};

/// The trapezoidal rule, g = x₁ − x₀ − ½h (F₀ + F₁): second order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trapezoid;

static TRAPEZOID: Table = Table {
    name: "trapezoid",
    order: 2,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-0.5, -0.5, 0.0],
    }],
    stages: &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    shares_ends: true,
    per_time: &[1.0],
    quadrature: &[(0.5, [1.0, 0.0, 0.0]), (0.5, [0.0, 1.0, 0.0])],
};

/// The implicit midpoint rule, g = x₁ − x₀ − h F(½(x₀ + x₁)): second order,
/// symplectic.
#[derive(Debug, Clone, Copy, Default)]
pub struct Midpoint;

static MIDPOINT: Table = Table {
    name: "midpoint",
    order: 2,
    steps: 1,
    groups: &[Group {
        layers: [-1.0, 1.0, 0.0],
        stages: [-1.0, 0.0, 0.0],
    }],
    stages: &[[0.5, 0.5, 0.0]],
    shares_ends: false,
    per_time: &[1.0],
    quadrature: &[(1.0, [0.5, 0.5, 0.0])],
};

/// Simpson's rule with a Hermite midpoint over pairs of steps; fourth order.
///
/// Over an interval of length h = t₂ − t₀, g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂)
/// and g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂). Midpoints are layers: they may
/// carry measurements, and the number of layers is odd. White model noise of
/// one density gives g¹ the variance of h, g² that of h/4. Both steps of a pair
/// are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimpsonHermite;

static SIMPSON_HERMITE: Table = Table {
    name: "simpson-hermite",
    order: 2,
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
    per_time: &[1.0, 4.0],
    quadrature: &[
        (1.0 / 6.0, [1.0, 0.0, 0.0]),
        (4.0 * (1.0 / 6.0), [0.0, 1.0, 0.0]),
        (1.0 / 6.0, [0.0, 0.0, 1.0]),
    ],
};

macro_rules! rules {
    ($($rule:ty: $table:ident),*) => {$(
        impl<M: Flow> Rule<M> for $rule {
            fn name(&self) -> &'static str {
                $table.name
            }
            fn steps(&self) -> usize {
                $table.steps
            }
        }

        impl<M: Flow> Discretize<M> for $rule {
            fn dynamics(self, model: M) -> Dynamics {
                Dynamics::by_table(Arc::new(model), &$table)
            }
        }

        impl<M: Flow> FlowRule<M> for $rule {
            fn order(&self) -> u32 {
                $table.order
            }
        }
    )*};
}
rules!(Euler: EULER, Trapezoid: TRAPEZOID, Midpoint: MIDPOINT, SimpsonHermite: SIMPSON_HERMITE);
