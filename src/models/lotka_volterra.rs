//! The model of Lotka and Volterra: predator and prey.

use crate::model::{Flow, Model};
use crate::scalar::Scalar;

/// Predator and prey: u̇ = (α − βv)u, v̇ = (−γ + δu)v; θ = (α, β, γ, δ),
/// u the prey, v the predator.
///
/// A. J. Lotka, *Elements of Physical Biology* (1925); V. Volterra, Nature
/// 118, 558 (1926).
#[derive(Debug, Clone, Copy, Default)]
pub struct LotkaVolterra;

impl Model for LotkaVolterra {
    fn parameter_count(&self) -> usize {
        4
    }
}

impl Flow for LotkaVolterra {
    fn width(&self) -> usize {
        2
    }

    #[inline(always)]
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = (theta[0] - theta[1] * x[1]) * x[0];
        dx[1] = (theta[3] * x[0] - theta[2]) * x[1];
    }
}
