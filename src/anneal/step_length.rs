//! How long an adaptive step in s = ln R_f may be.

use super::plain::plain_struct;
use super::results::Level;
use crate::minimize::Termination;

/// The first step, and limits.
const FIRST: f64 = 2.4;
const SHORTEST: f64 = 0.2;
const LONGEST: f64 = 4.8;

/// A step may be so many times longer where it then comes to the end, or to a rung of
/// a race; not the shortest.
const STRETCH: f64 = 2.0;

/// Factorizations of a level that are few, that are many, and that are too many.
const WORK: [usize; 3] = [4, 8, 12];

/// A fall of the action by less than this part of what ends a ladder is rounding, or
/// what minimizing left: of exact data it is all that there is.
const ROUNDING: f64 = 1e-6;

/// The length of the next step.
#[derive(Debug, Clone)]
pub(super) struct StepLength {
    length: f64,
}
plain_struct!(StepLength { length });

impl Default for StepLength {
    fn default() -> Self {
        Self { length: FIRST }
    }
}

impl StepLength {
    /// R_f after `rf`, at most `end`, to which no short step is left.
    pub(super) fn after(&self, rf: f64, end: f64) -> f64 {
        let way = (end / rf).ln();
        let stretch = if self.length > SHORTEST { STRETCH } else { 1.0 };
        if way <= stretch * self.length {
            end
        } else {
            rf * self.length.exp()
        }
    }

    /// How many factorizations the next level may take before it is given up
    /// for a nearer one.
    pub(super) fn most(&self) -> usize {
        if self.length > SHORTEST {
            WORK[2]
        } else {
            usize::MAX
        }
    }

    /// Judges the step from one level to the next; returns whether it stands.
    ///
    /// Along one minimum the action rises. A minimum that is lost at a fold
    /// shows as a fall, by more than a little of the model error that is `enough` to
    /// end the ladder, or as a long search.
    pub(super) fn judge(&mut self, from: &Level, to: &Level, enough: f64) -> bool {
        let work = to.work.factorizations;
        let fell = to.action.total < from.action.total - ROUNDING * enough;
        let minimum = matches!(
            to.termination,
            Termination::Converged | Termination::RoundingLimit
        );
        if fell || !minimum {
            let stands = self.length <= SHORTEST;
            self.length = (0.25 * self.length).max(SHORTEST);
            return stands;
        }
        if work > WORK[1] {
            self.length = (0.5 * self.length).max(SHORTEST);
        } else if work <= WORK[0] {
            self.length = (2.0 * self.length).min(LONGEST);
        }
        true
    }
}
