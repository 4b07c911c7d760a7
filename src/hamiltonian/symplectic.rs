//! How far a map of phase space is from a symplectic one.

use ndarray::{Array2, s};

use crate::error::{Error, Result};

/// By how much the tangent map T of a phase-space map fails to keep the
/// symplectic form: the largest entry of TᵀJT − J, relative to the largest entry
/// of |T|ᵀ|J||T|, which bounds its rounding. J = (0, I; −I, 0).
///
/// ```
/// use deepest::hamiltonian::symplectic_defect;
/// use ndarray::array;
///
/// // A rotation of the phase plane keeps areas, a contraction does not.
/// let (s, c) = 0.3_f64.sin_cos();
/// assert!(symplectic_defect(&array![[c, s], [-s, c]])? < 1e-15);
/// assert!(symplectic_defect(&array![[0.9, 0.0], [0.0, 1.0]])? > 0.09);
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] for a matrix that is not square or of odd order.
pub fn symplectic_defect(tangent: &Array2<f64>) -> Result<f64> {
    let n = tangent.nrows();
    let d = n / 2;
    for (what, expected, found) in [
        ("columns", n, tangent.ncols()),
        ("rows, twice the states,", 2 * d, n),
    ] {
        if expected != found {
            return Err(Error::Length {
                what,
                place: "tangent of a phase-space map".into(),
                expected,
                found,
            });
        }
    }
    let form = |m: &Array2<f64>, sign: f64| {
        let (states, momenta) = (m.slice(s![..d, ..]), m.slice(s![d.., ..]));
        states.t().dot(&momenta) + momenta.t().dot(&states) * sign
    };
    let mut kept = form(tangent, -1.0);
    for i in 0..d {
        kept[(i, d + i)] -= 1.0;
        kept[(d + i, i)] += 1.0;
    }
    let largest = |m: &Array2<f64>| m.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    Ok(largest(&kept) / largest(&form(&tangent.mapv(f64::abs), 1.0)))
}
