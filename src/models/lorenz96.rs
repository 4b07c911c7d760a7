//! The model of Lorenz (1996) on a ring of sites.

use crate::model::{Flow, Model};
use crate::scalar::Scalar;

/// Lorenz 1996 on a ring of sites:
/// ẋᵢ = xᵢ₋₁(xᵢ₊₁ − xᵢ₋₂) − xᵢ + θ₀, with the forcing θ₀ common to all sites.
///
/// E. N. Lorenz, *Predictability: a problem partly solved*, ECMWF seminar
/// (1996). Chaotic at a forcing of about 8.
#[derive(Debug, Clone, Copy)]
pub struct Lorenz96 {
    /// Number of sites D; the field needs at least 4 to be the usual one.
    pub sites: usize,
}

impl Model for Lorenz96 {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for Lorenz96 {
    fn width(&self) -> usize {
        self.sites
    }

    #[inline(always)]
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        let d = x.len();
        // Indices without a division: the ring is walked once.
        let (mut two_behind, mut behind) = (d.saturating_sub(2), d.saturating_sub(1));
        for i in 0..d {
            let ahead = if i + 1 == d { 0 } else { i + 1 };
            dx[i] = x[behind] * (x[ahead] - x[two_behind]) - x[i] + theta[0];
            two_behind = behind;
            behind = i;
        }
    }
}
