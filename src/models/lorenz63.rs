//! The model of Lorenz (1963).

use crate::model::{Flow, Model};
use crate::scalar::Scalar;

/// Lorenz 1963: ẋ = σ(y − x), ẏ = x(ρ − z) − y, ż = xy − βz; θ = (σ, ρ, β).
///
/// E. N. Lorenz, *Deterministic nonperiodic flow*, J. Atmos. Sci. 20, 130
/// (1963). Chaotic at σ = 10, ρ = 28, β = 8/3.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lorenz63;

impl Model for Lorenz63 {
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Flow for Lorenz63 {
    fn width(&self) -> usize {
        3
    }

    #[inline(always)]
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = theta[0] * (x[1] - x[0]);
        dx[1] = x[0] * (theta[1] - x[2]) - x[1];
        dx[2] = x[0] * x[1] - theta[2] * x[2];
    }
}
