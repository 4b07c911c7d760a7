//! What the curvature at a level tells.

use super::influence::Influence;
use super::measurements::{self, Gain, determined};
use crate::action::Action;
use crate::anneal::Level;
use crate::error::Result;
use crate::objective::ParameterSpread;

/// Most multiplications of a factorization of the exact Hessian: about ten seconds.
const AFFORDABLE: f64 = 1e11;

/// What the curvature at the lowest level tells.
pub(super) struct Known {
    /// The multiplications of a factorization, where they are too many.
    pub(super) too_large: Option<f64>,
    /// The R_f where the rest was found.
    pub(super) at: f64,
    /// `None` where the Hessian is singular, or too large.
    pub(super) influence: Option<Influence>,
    pub(super) parameters: Option<Vec<ParameterSpread>>,
    pub(super) measurements: Option<Vec<Gain>>,
}

impl Known {
    pub(super) fn new(action: &Action, level: &Level) -> Result<Self> {
        let estimate = &level.estimate;
        let multiplications = action.newton_costs().exact;
        let mut known = Self {
            too_large: (multiplications > AFFORDABLE).then_some(multiplications),
            at: level.rf,
            influence: None,
            parameters: None,
            measurements: None,
        };
        if known.too_large.is_some() {
            return Ok(known);
        }
        if let Some((at, influence)) = determined(Influence::at(action, level.rf, estimate))? {
            known.at = at;
            known.influence = Some(influence);
        }
        known.parameters = determined(action.parameter_spreads(known.at, estimate))?;
        known.measurements = determined(measurements::ranked(action, known.at, estimate))?;
        Ok(known)
    }
}
