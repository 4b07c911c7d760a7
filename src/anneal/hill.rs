//! The hill of the model error M over ln R_f, and where a level stands on it.
//!
//! Where the model does not matter M grows like R_f: residuals stay as they are and
//! weigh more. Where the model is a constraint M falls like 1/R_f: R_f g, the
//! force that holds a residual g, stays as it is. M alone does not tell the two
//! apart, for it is small on both sides; its slope does. In a linear problem M is a
//! sum of c u/(1 + u)², with u proportional to R_f, each with the slope
//! d ln M/d ln R_f = (1 − u)/(1 + u), and the action is short of its limit by the
//! sum of c/(1 + u).

use super::results::{Hill, Level};

/// The slope d ln M/d ln R_f below which a level is behind the hill: u = 3, where the
/// action is short of its limit by 4/3 of M.
const BEHIND: f64 = -0.5;

impl Hill {
    /// By d ln M/d ln R_f.
    pub(super) fn of(slope: f64) -> Self {
        match slope {
            slope if slope <= BEHIND => Self::Behind,
            slope if slope < 0.0 => Self::On,
            slope if slope >= 0.0 => Self::Before,
            _ => Self::Unknown,
        }
    }

    /// By two levels of a start.
    pub(super) fn between(a: &Level, b: &Level) -> Self {
        let way = (b.rf / a.rf).ln();
        let rise = (b.action.model / a.action.model).ln();
        Self::of(rise / way)
    }
}
