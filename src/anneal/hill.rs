//! The hill of the model error M over ln R_f, and where a level stands on it.
//!
//! Where the model does not matter M grows like R_f: residuals stay as they are and
//! weigh more. Where the model is a constraint M falls like 1/R_f: R_f g, the
//! force that holds a residual g, stays as it is. M alone does not tell the two
//! apart, for it is small on both sides; its slope does. In a linear problem M is a
//! sum of c u/(1 + u)², with u proportional to R_f, each with the slope
//! d ln M/d ln R_f = (1 − u)/(1 + u), and the action is short of its limit by the
//! sum of c/(1 + u).

use super::results::Level;

/// The slope d ln M/d ln R_f below which a level is behind the hill: u = 3, where the
/// action is short of its limit by 4/3 of M.
const BEHIND: f64 = -0.5;

/// Where a level stands on the hill that the model error makes over ln R_f.
///
/// It comes from dM/d ln R_f along the minimum, which the tangent gives exactly,
/// or from two neighbouring levels where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Hill {
    /// Nothing is known: no minimum was found, or no tangent and no second level.
    #[default]
    Unknown,
    /// The model error grows with R_f. The level says nothing about the limit
    /// R_f → ∞, however small its model error is.
    Before,
    /// The model error falls, but not yet like 1/R_f.
    On,
    /// The model error falls like 1/R_f: the level is short of the limit R_f → ∞ by
    /// little more than its model error. Of data that are fitted better than noise
    /// allows, whose model error may be rounding at every R_f, the last level is
    /// behind the hill that noise would make.
    Behind,
}

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
