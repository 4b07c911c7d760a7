//! Conjugate gradients for a matrix that is known by its products alone.

use super::NOT_SOLVED;
use crate::minimize::Indefinite;

/// The size of the residual of S p = r, by that of r, to stop at: the step then
/// gains all but the square of it of what it could.
const TOLERANCE: f64 = 0.03;

/// Most iterations of one step.
const MOST: usize = 400;

/// Solves S p = r to the tolerance, with S positive semidefinite: `multiply` writes S
/// times a vector. Returns what is left of r. Preconditioned with `diagonal`, and stopped
/// early: T. Steihaug, *The conjugate gradient method and trust regions in large scale
/// optimization*, SIAM J. Numer. Anal. 20, 626 (1983).
///
/// # Errors
/// What `multiply` says, and [`Indefinite`] where a product is NaN.
pub(crate) fn conjugate_gradients(
    mut multiply: impl FnMut(&[f64], &mut [f64]) -> Result<(), Indefinite>,
    diagonal: &[f64],
    mut residual: Vec<f64>,
    p: &mut [f64],
) -> Result<Vec<f64>, Indefinite> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let precondition = |r: &[f64]| -> Vec<f64> {
        let pairs = r.iter().zip(diagonal);
        pairs
            .map(|(r, d)| if *d > 0.0 { r / d } else { *r })
            .collect()
    };
    p.fill(0.0);
    let mut z = precondition(&residual);
    let mut direction = z.clone();
    let mut rz = dot(&residual, &z);
    let enough = TOLERANCE * TOLERANCE * rz;
    let mut product = vec![0.0; p.len()];
    for _ in 0..MOST {
        if rz <= enough || rz == 0.0 {
            break;
        }
        multiply(&direction, &mut product)?;
        let curvature = dot(&direction, &product);
        if curvature.is_nan() {
            return Err(NOT_SOLVED);
        }
        // Directions without any curvature lead nowhere.
        if curvature <= 0.0 {
            break;
        }
        let length = rz / curvature;
        for (p, d) in p.iter_mut().zip(&direction) {
            *p += length * d;
        }
        for (r, q) in residual.iter_mut().zip(&product) {
            *r -= length * q;
        }
        z = precondition(&residual);
        let next = dot(&residual, &z);
        for (d, z) in direction.iter_mut().zip(&z) {
            *d = z + next / rz * *d;
        }
        rz = next;
    }
    Ok(residual)
}
