//! Gradients and products with the exact Hessian against central differences.
//!
//! Along one direction at h = 1e-3 … 1e-6 a central difference of values errs by h² of
//! a third derivative and by rounding over h, together about 1e-10 of numbers of size
//! one at best; one of gradients alike. Where a switch is nearer than the step, the
//! smallest steps stay on one side.

use crate::fixtures::{Noise, dot, norm, plus};
use deepest::Curvature;
use deepest::prelude::*;

pub const RF: f64 = 1.7;

/// The smallest of the errors at some steps.
pub fn best(error: impl FnMut(f64) -> f64) -> f64 {
    let steps = [1e-3, 1e-4, 1e-5, 1e-6].into_iter();
    steps.map(error).fold(f64::INFINITY, f64::min)
}

/// At random points of that size: gᵀu against differences of A, and (H + λS⁻²)s = −r against
/// differences of g.
pub fn check(action: &Action, points: usize, size: f64, name: &str) {
    let mut at = action.at(RF).unwrap();
    let n = action.counts().unknowns;
    let mut noise = Noise(3);
    let (mut g, mut up, mut down, mut s) = (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for point in 0..points {
        let x: Vec<f64> = noise.vector(n).iter().map(|v| size * v).collect();
        let u = noise.vector(n);
        at.value_and_gradient(&x, &mut g);
        let error = best(|h| {
            let (up, down) = (at.value(&plus(&x, h, &u)), at.value(&plus(&x, -h, &u)));
            ((up - down) / (2.0 * h) - dot(&g, &u)).abs()
        });
        let size = norm(&g) * norm(&u);
        assert!(
            error <= 1e-8 * size,
            "{name}, point {point}: {error:e} of {size:e}"
        );

        let rhs = noise.vector(n);
        let mut dampings = std::iter::once(0.0).chain((-6..12).map(|k| 4.0_f64.powi(k)));
        let solved = |lambda: &f64| {
            at.newton_step(&x, Curvature::Exact, *lambda, &rhs, &mut s)
                .is_ok()
        };
        let damping = dampings.find(solved).unwrap();
        let damped: Vec<f64> = s
            .iter()
            .zip(at.scales())
            .map(|(s, scale)| damping * s / (scale * scale))
            .collect();
        let unit = norm(&s);
        let mut size = norm(&rhs) + RF * unit;
        let error = best(|h| {
            let h = h / unit;
            at.value_and_gradient(&plus(&x, h, &s), &mut up);
            at.value_and_gradient(&plus(&x, -h, &s), &mut down);
            let pairs = up.iter().zip(&down);
            let hs: Vec<f64> = pairs.map(|(a, b)| (a - b) / (2.0 * h)).collect();
            size = size.max(norm(&hs));
            norm(&plus(&plus(&hs, 1.0, &damped), 1.0, &rhs))
        });
        assert!(
            error <= 1e-7 * size,
            "{name}, product at point {point}: {error:e} of {size:e}"
        );
    }
}
