//! The Colpitts oscillator.

use crate::model::{Flow, Model};
use crate::scalar::Scalar;

/// The Colpitts oscillator, a transistor circuit, in its scaled form: ẋ₁ = αx₂,
/// ẋ₂ = −γ(x₁ + x₃) − qx₂, ẋ₃ = η(x₂ + 1 − e^(−x₁)); θ = (α, γ, q, η).
///
/// Chaotic at α = 5, γ = 0.0797, q = 0.6898, η = 6.2723: D. R. Creveling,
/// P. E. Gill, H. D. I. Abarbanel, Physics Letters A 372, 2640 (2008).
#[derive(Debug, Clone, Copy, Default)]
pub struct Colpitts;

impl Model for Colpitts {
    fn parameter_count(&self) -> usize {
        4
    }
}

impl Flow for Colpitts {
    fn width(&self) -> usize {
        3
    }

    #[inline(always)]
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = theta[0] * x[1];
        dx[1] = -theta[1] * (x[0] + x[2]) - theta[2] * x[1];
        dx[2] = theta[3] * (x[1] + 1.0 - (-x[0]).exp());
    }
}
