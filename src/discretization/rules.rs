//! The rules, as a user names them.

use std::sync::Arc;

use super::Dynamics;
use super::map::LayerMap;
use super::rk4::RungeKutta;
use super::tables::{EULER, MIDPOINT, SIMPSON_HERMITE, TRAPEZOID};
use crate::model::{Flow, Layers, Model};
use sealed::Discretize;

/// A discretization of a model: the residuals of one interval of layers.
///
/// | rule | takes | residual over one interval, h its length | order of the step |
/// |---|---|---|---|
/// | [`Map`] | [`Layers`](crate::Layers) | g = x₁ − f(x₀) | exact |
/// | [`Euler`] | [`Flow`] | g = x₁ − x₀ − h F₀ | 1 |
/// | [`Trapezoid`] | `Flow` | g = x₁ − x₀ − ½h (F₀ + F₁) | 2 |
/// | [`Midpoint`] | `Flow` | g = x₁ − x₀ − h F(½(x₀ + x₁)) | 2 |
/// | [`Rk4`] | `Flow` | g = x₁ − Φ(x₀), Φ the classical Runge-Kutta step | 4 |
/// | [`SimpsonHermite`] | `Flow` | two steps: g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂), g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂) | 4 |
///
/// A rule and a model that do not belong together do not compile.
///
/// This trait is implemented by the rules of this module only; a program
/// names it in generic signatures and calls the methods documented here.
pub trait Rule<M: Model>: sealed::Discretize<M> + Copy + Send + Sync {
    /// The rule's name.
    fn name(&self) -> &'static str;

    /// Steps in one interval: 2 for Simpson-Hermite, whose midpoints are
    /// layers too, else 1.
    fn steps(&self) -> usize;
}

pub(crate) mod sealed {
    use crate::discretization::Dynamics;

    /// What a rule gives to the action, out of the public eye.
    pub trait Discretize<M> {
        /// A model with this rule.
        fn dynamics(self, model: M) -> Dynamics;
    }
}

/// The rules that discretize a vector field: all but [`Map`].
pub trait FlowRule<M: Flow>: Rule<M> {
    /// The order in the step by which path, momenta and action tend to those of the
    /// continuous problem, with R_f per time. Where the model has errors these are
    /// rough, and a step of fourth order does not help.
    fn order(&self) -> u32;
}

/// The explicit Euler rule, g = x₁ − x₀ − h F₀: first order.
///
/// With momenta p₁ = R_f g it is the symplectic Euler method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Euler;

/// The trapezoidal rule, g = x₁ − x₀ − ½h (F₀ + F₁): second order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trapezoid;

/// The implicit midpoint rule, g = x₁ − x₀ − h F(½(x₀ + x₁)): second order,
/// symplectic.
#[derive(Debug, Clone, Copy, Default)]
pub struct Midpoint;

/// Simpson's rule with a Hermite midpoint over pairs of steps; fourth order.
///
/// Over an interval of length h = t₂ − t₀, g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂)
/// and g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂). Midpoints are layers: they may
/// carry measurements, and the number of layers is odd. White model noise of
/// one density gives g¹ the variance of h, g² that of h/4. Both steps of a pair
/// are equal.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimpsonHermite;

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

/// The classical Runge-Kutta step of fourth order, g = x₁ − Φ(x₀).
#[derive(Debug, Clone, Copy, Default)]
pub struct Rk4;

impl<M: Flow> Rule<M> for Rk4 {
    fn name(&self) -> &'static str {
        RungeKutta::NAME
    }
    fn steps(&self) -> usize {
        1
    }
}

impl<M: Flow> Discretize<M> for Rk4 {
    fn dynamics(self, model: M) -> Dynamics {
        Dynamics::by_runge_kutta(Arc::new(model))
    }
}

impl<M: Flow> FlowRule<M> for Rk4 {
    fn order(&self) -> u32 {
        RungeKutta::ORDER
    }
}

/// The layer map itself: g is the residual that the model writes. Times only
/// order the layers where the model precision is per step; on grids with
/// unequal steps say so ([`PrecisionUnit::PerStep`](crate::PrecisionUnit)).
#[derive(Debug, Clone, Copy, Default)]
pub struct Map;

impl<M: Layers> Rule<M> for Map {
    fn name(&self) -> &'static str {
        LayerMap::NAME
    }
    fn steps(&self) -> usize {
        1
    }
}

impl<M: Layers> Discretize<M> for Map {
    fn dynamics(self, model: M) -> Dynamics {
        Dynamics::of_layers(Arc::new(model))
    }
}
