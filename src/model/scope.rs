//! Which unknowns an evaluation has.

use crate::problem::parameters::Drift;
use crate::scalar::Scalar;

/// Which unknowns an evaluation has besides the model's own state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Index of each estimated static parameter.
    pub(crate) free: Vec<usize>,
    /// Parameters that change in time: one more component of every layer each.
    pub(crate) drifting: Vec<(usize, Drift)>,
}

impl Scope {
    /// The parameters that are estimated: those that change in time, then the others.
    pub(crate) fn wanted(&self) -> Vec<usize> {
        let drifting = self.drifting.iter().map(|(p, _)| *p);
        drifting.chain(self.free.iter().copied()).collect()
    }

    /// Parameters with those that change in time taken from the end of a
    /// layer's state, whose own `width` components come first.
    #[inline(always)]
    pub(crate) fn set_drifting<S: Scalar>(&self, x: &[S], width: usize, theta: &mut [S]) {
        for (&(parameter, _), &value) in self.drifting.iter().zip(&x[width..]) {
            theta[parameter] = value;
        }
    }

    /// φ̇ of the parameters that change in time, without the noise.
    #[inline(always)]
    pub(crate) fn drift<S: Scalar>(&self, x: &[S], width: usize, out: &mut [S]) {
        let values = x[width..].iter().zip(&mut out[width..]);
        for ((_, drift), (&value, slot)) in self.drifting.iter().zip(values) {
            *slot = (value - drift.mean) * -drift.rate;
        }
    }
}
