//! When to stop: only ratios of values, so that no unit matters.

use crate::minimize::Termination;

/// Steps whose decrease must be small when the predicted decrease is: at least
/// these, and this part of the whole walk.
const WINDOW: usize = 10;
const WINDOW_PART: usize = 10;
/// Steps that are enough when the predicted decrease is below rounding.
const SHORT_WINDOW: usize = 2;
/// Fewest steps before the predicted decrease is trusted at all.
const FEWEST: usize = 3;
/// Decreases below this part of the value may be rounding of a long sum.
const ROUNDING: f64 = 1e3 * f64::EPSILON;

/// The values of the newest iterates, judged against what is predicted.
///
/// The decrease that the quadratic model predicts, p = ½gᵀHg on the free
/// unknowns, does not depend on units, but early in a walk the limited memory
/// may underestimate it by far (a long valley whose flat direction it has not
/// met yet). The decrease of a single step misleads as well (a short step).
/// So the walk has converged when p ≤ tolerance·v **and** the last tenth of its
/// steps together, ten at least (or all of them, if three), decreased the value
/// by no more than tolerance·v. A tenth, because a walk that converges linearly
/// with a time constant of T steps takes about T·ln(1/tolerance) ≈ 28 T of
/// them: the last tenth spans about 3 T, so that what remains is a small part
/// of what was judged, however slow the walk. Where p is below the rounding of
/// v itself, the last two steps are enough: nothing that the model knows could
/// be seen in the value.
///
/// The measure v is |value|, but at least ε times the largest |value| met on
/// the walk. Without that floor a minimum of exactly 0 would be approached
/// until the value underflows; with it, decreases below tolerance·ε ≈ 10⁻²⁸ of
/// the start are nothing, and a minimum as small as ε times the start is still
/// found to full relative precision.
pub(super) struct Progress {
    /// All of them, newest last.
    values: Vec<f64>,
    largest: f64,
    tolerance: f64,
}

impl Progress {
    pub(super) fn new(value: f64, tolerance: f64) -> Self {
        Progress {
            values: vec![value],
            largest: value.abs(),
            tolerance,
        }
    }

    pub(super) fn record(&mut self, value: f64) {
        self.largest = self.largest.max(value.abs());
        self.values.push(value);
    }

    /// Whether the walk has converged, by the predicted decrease.
    pub(super) fn has_converged(&self, predicted: f64) -> bool {
        let negligible = self.tolerance * self.measure();
        let invisible = self.invisible();
        let window = WINDOW.max(self.values.len() / WINDOW_PART);
        (predicted <= negligible && self.decrease(FEWEST, window) <= negligible)
            || (predicted <= negligible.min(invisible)
                && self.decrease(SHORT_WINDOW, SHORT_WINDOW) <= negligible)
    }

    /// Whether ten steps in a row left the value as it was to the last bit.
    pub(super) fn has_stalled(&self) -> bool {
        self.decrease(WINDOW, WINDOW) <= 0.0
    }

    /// The verdict where no step decreases the value.
    pub(super) fn without_decrease(&self, predicted: f64) -> Termination {
        if predicted <= ROUNDING * self.measure() {
            Termination::RoundingLimit
        } else if predicted <= self.tolerance * self.measure() {
            Termination::Converged
        } else {
            Termination::NoProgress
        }
    }

    /// Decreases that do not show in the value.
    pub(super) fn invisible(&self) -> f64 {
        f64::EPSILON * self.measure()
    }

    fn measure(&self) -> f64 {
        let newest = self.values.last().copied().unwrap_or(0.0);
        newest.abs().max(f64::EPSILON * self.largest)
    }

    /// Decrease over the last `most` steps, or over all if they are fewer;
    /// infinite if there are fewer than `fewest`.
    fn decrease(&self, fewest: usize, most: usize) -> f64 {
        let steps = self.values.len() - 1;
        if steps < fewest {
            return f64::INFINITY;
        }
        let earlier = self.values[steps - steps.min(most)];
        earlier - self.values[steps]
    }
}
