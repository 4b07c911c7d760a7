//! How an elimination ends.

/// A pivot that is not a positive finite number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BadPivot {
    /// Pivot column of the front.
    pub(crate) row: usize,
    /// Its value; NaN where it is not finite.
    pub(crate) pivot: f64,
}

impl BadPivot {
    /// Accepts a positive finite pivot.
    #[inline(always)]
    pub(super) fn check(row: usize, pivot: f64) -> std::result::Result<(), Self> {
        if pivot > 0.0 && pivot < f64::INFINITY {
            return Ok(());
        }
        let pivot = if pivot.is_finite() { pivot } else { f64::NAN };
        Err(Self { row, pivot })
    }
}

pub(super) type Eliminated = std::result::Result<(), BadPivot>;
