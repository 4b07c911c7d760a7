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
///
/// All this rests on the memory, and off its pairs the memory has one curvature
/// for all unknowns, mostly the largest: where a scale is wrong by a factor of
/// 10⁶, p is too small by 10¹². So the verdict of a first stretch does not count:
/// the scales are made anew, the memory is dropped, and a verdict stands when
/// the stretch that it ends has changed nothing that matters. A right verdict
/// is confirmed by a dozen gradients and a step or two.
pub(super) struct Progress {
    /// All of them, newest last.
    values: Vec<f64>,
    /// Where the present stretch began, and by which verdict; none at first.
    stretch: Option<(usize, Termination)>,
    largest: f64,
    tolerance: f64,
}

impl Progress {
    pub(super) fn new(value: f64, tolerance: f64) -> Self {
        Progress {
            values: vec![value],
            stretch: None,
            largest: value.abs(),
            tolerance,
        }
    }

    pub(super) fn record(&mut self, value: f64) {
        self.largest = self.largest.max(value.abs());
        self.values.push(value);
    }

    /// Whether a verdict ends the walk: if its stretch decreased the value by no
    /// more than the tolerance, or than rounding. Else a new stretch begins.
    /// Without progress in the second stretch the verdict of the first stands.
    pub(super) fn confirm(&mut self, verdict: Termination) -> Option<Termination> {
        let newest = self.values.len() - 1;
        if let Some((start, earlier)) = self.stretch
            && self.values[start] - self.values[newest] <= self.worth()
        {
            let unsure = verdict == Termination::NoProgress;
            return Some(if unsure { earlier } else { verdict });
        }
        self.stretch = Some((newest, verdict));
        None
    }

    /// The least decrease that matters and can be seen.
    fn worth(&self) -> f64 {
        self.tolerance.max(ROUNDING) * self.measure()
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

    /// What decreases are measured by.
    pub(super) fn measure(&self) -> f64 {
        let newest = self.values.last().copied().unwrap_or(0.0);
        newest.abs().max(f64::EPSILON * self.largest)
    }

    /// Decrease over the last `most` steps of the stretch, or over all if they
    /// are fewer;
    /// infinite if there are fewer than `fewest`.
    fn decrease(&self, fewest: usize, most: usize) -> f64 {
        let stretch = &self.values[self.stretch.map_or(0, |s| s.0)..];
        let steps = stretch.len() - 1;
        if steps < fewest {
            return f64::INFINITY;
        }
        let earlier = stretch[steps - steps.min(most)];
        earlier - stretch[steps]
    }
}
