//! The way down from a saddle.

use super::{Curvature, Objective, project};

/// Damping of the first try, in units of the value, and its growth.
const FIRST: f64 = 1e-8;
const GROWTH: f64 = 100.0;
const TRIES: usize = 9;

/// Steps of the inverse iteration.
const ITERATIONS: usize = 4;

/// Lengths that are tried along the direction: the largest change of an unknown
/// in its scale is 2⁻ᵏ.
const LENGTHS: std::ops::Range<i32> = 0..20;

/// A decrease below this part of the value is none.
const NOTHING: f64 = 1e-9;

/// Moves `x`, where the gradient vanishes and the exact Hessian is indefinite,
/// along the direction of the most negative curvature to where the value is
/// lower; returns whether there is such a place, and how many factorizations it
/// took.
///
/// That direction is the eigenvector of (H, S⁻²) with the lowest eigenvalue,
/// by inverse iteration with a damping that makes H + λS⁻² positive definite.
pub(crate) fn leave_saddle(objective: &mut dyn Objective, x: &mut [f64]) -> (bool, usize) {
    let n = x.len();
    let mut gradient = vec![0.0; n];
    let value = objective.value_and_gradient(x, &mut gradient);
    let scales = objective.scales().to_vec();
    // A vector that no symmetry of the problem is likely to have.
    let mut direction: Vec<f64> = (0..n).map(|i| (1.0 + i as f64).sqrt().sin()).collect();
    let mut solved = vec![0.0; n];
    let (mut damping, mut left) = (FIRST * value.abs().max(f64::MIN_POSITIVE), ITERATIONS);
    let mut factorizations = 0;
    for _ in 0..TRIES + ITERATIONS {
        let right = direction.iter().zip(&scales).map(|(v, s)| -v / s);
        let right: Vec<f64> = right.collect();
        factorizations += 1;
        let step = objective.newton_step(x, Curvature::Exact, damping, &right, &mut solved);
        if step.is_err() {
            damping *= GROWTH;
            continue;
        }
        for ((v, s), scale) in direction.iter_mut().zip(&solved).zip(&scales) {
            *v = s / scale;
        }
        let largest = direction.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if !(largest > 0.0 && largest.is_finite()) {
            return (false, factorizations);
        }
        direction.iter_mut().for_each(|v| *v /= largest);
        left -= 1;
        if left == 0 {
            break;
        }
    }
    let mut best = value - NOTHING * value.abs();
    let mut moved = false;
    let from = x.to_vec();
    let mut trial = from.clone();
    for (k, sign) in LENGTHS.flat_map(|k| [(k, 1.0), (k, -1.0)]) {
        let length = sign * 0.5_f64.powi(k);
        for (i, slot) in trial.iter_mut().enumerate() {
            *slot = from[i] + length * scales[i] * direction[i];
        }
        project(&mut trial, objective.lower(), objective.upper());
        let lower = objective.value(&trial);
        if lower < best {
            best = lower;
            moved = true;
            x.copy_from_slice(&trial);
        }
    }
    (moved, factorizations)
}
