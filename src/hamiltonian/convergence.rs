//! What a quantity converges to as steps become shorter, and how fast.

use crate::error::{Error, Result};

/// What a quantity converges to when the number of steps doubles, by Richardson
/// extrapolation.
///
/// ```
/// use deepest::hamiltonian::Convergence;
///
/// // The trapezoidal rule on ∫₀¹ eˣ dx with 4, 8 and 16 steps.
/// let values = [1.727221904557517, 1.7205185921643018, 1.7188411285799945];
/// let found = Convergence::of(&values, 2)?;
/// assert!((found.order - 2.0).abs() < 0.01);
/// assert!((found.limit - 1.0_f64.exp() + 1.0).abs() < 0.01 * found.error);
/// # Ok::<(), deepest::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Convergence {
    /// The order q that the last three values show: halving steps divides
    /// differences by 2^q.
    pub order: f64,
    /// The limit of infinitely many layers, if the order is the expected one.
    pub limit: f64,
    /// How far the last value is from it.
    pub error: f64,
}

/// How far the order found may be from the one expected.
const SLACK: f64 = 0.5;

impl Convergence {
    /// The convergence of `values` on grids of which each has twice the steps of
    /// the one before, in that order, at the order that is expected of the rule.
    /// Compare values at the same time, and with R_f per time.
    ///
    /// # Errors
    /// [`Error::Length`] for fewer than three values, [`Error::NotFinite`] for one
    /// that is not finite; [`Error::GridTooCoarse`] where the last three do not
    /// show the order to within ½: their grids are too coarse for it, or the
    /// values converged to rounding, or it is not the order of the rule.
    pub fn of(values: &[f64], order: u32) -> Result<Self> {
        let place = || String::from("convergence with layers");
        if let Some(&found) = values.iter().find(|v| !v.is_finite()) {
            return Err(Error::NotFinite {
                what: "value",
                place: place(),
                found,
            });
        }
        let [.., coarse, middle, fine] = values else {
            return Err(Error::Length {
                what: "values, at least",
                place: place(),
                expected: 3,
                found: values.len(),
            });
        };
        let found = ((middle - coarse) / (fine - middle)).log2();
        let expected = f64::from(order);
        if found.is_nan() || (found - expected).abs() > SLACK {
            return Err(Error::GridTooCoarse {
                what: "the order of the rule",
                place: place(),
                expected,
                found,
            });
        }
        let left = (fine - middle) / (expected.exp2() - 1.0);
        Ok(Self {
            order: found,
            limit: fine + left,
            error: left.abs(),
        })
    }
}
