//! The line search of Moré and Thuente, ACM TOMS 20, 286 (1994).

use super::interval::{Interval, Sample};

/// Least decrease, as a part of what the slope promises (L-BFGS-B's value).
const DECREASE: f64 = 1e-3;
/// Largest slope left, as a part of the slope at the start (L-BFGS-B's value).
const CURVATURE: f64 = 0.9;
/// Relative width at which a bracket is no longer divided.
const NARROWEST: f64 = 0.1;
/// Trials with finite values, as in L-BFGS-B.
const MOST_TRIALS: usize = 20;
/// Trials with values that are not finite.
const MOST_RETREATS: i32 = 30;

/// What to do after a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Advice {
    /// Take the trial.
    Accept,
    /// Try this step length.
    Try(f64),
    /// No better step length than those tried can be told.
    Stop,
}

/// A search for a step length with sufficient decrease and a small slope
/// (strong Wolfe conditions).
pub(super) struct LineSearch {
    start: Sample,
    longest: f64,
    invisible: f64,
    /// The end of the interval with the lower value.
    best: Sample,
    /// The other end.
    other: Sample,
    bracketed: bool,
    /// First stage: no step with sufficient decrease and rising value yet.
    first_stage: bool,
    low: f64,
    high: f64,
    width: f64,
    earlier_width: f64,
    trials: usize,
    retreats: i32,
    /// Curvature along the line from the start to the last trial.
    curvature: f64,
}

impl Sample {
    /// The sample of value + tilt·step.
    fn tilted(self, tilt: f64) -> Sample {
        let value = self.value + tilt * self.step;
        Sample {
            value,
            slope: self.slope + tilt,
            ..self
        }
    }
}

impl LineSearch {
    /// The first step length to try: the whole step, within the bounds.
    pub(super) fn first_step(&self) -> f64 {
        1.0_f64.min(self.longest)
    }

    /// From a point with `value` and a negative `slope`; steps up to `longest`.
    /// Decreases below `invisible` do not show in the value.
    pub(super) fn new(value: f64, slope: f64, longest: f64, invisible: f64) -> Self {
        let start = Sample {
            step: 0.0,
            value,
            slope,
        };
        let first = 1.0_f64.min(longest);
        LineSearch {
            start,
            longest,
            invisible,
            best: start,
            other: start,
            bracketed: false,
            first_stage: true,
            low: 0.0,
            high: 5.0 * first,
            width: longest,
            earlier_width: 2.0 * longest,
            trials: 0,
            retreats: 0,
            curvature: f64::NAN,
        }
    }

    /// Decrease that the line itself promises: slope²/(2·curvature), by the
    /// last trial; infinite where the curvature is not positive.
    pub(super) fn predicted_decrease(&self) -> f64 {
        let decrease = 0.5 * self.start.slope * (self.start.slope / self.curvature);
        if decrease >= 0.0 {
            decrease
        } else {
            f64::INFINITY
        }
    }

    /// Judges a trial and says what comes next.
    pub(super) fn judge(&mut self, trial: Sample) -> Advice {
        if !(trial.value.is_finite() && trial.slope.is_finite()) {
            return self.retreat(trial.step);
        }
        self.trials += 1;
        if self.satisfies_wolfe(trial) || self.stands_at_the_end(trial) {
            return Advice::Accept;
        }
        self.curvature = (trial.slope - self.start.slope) / trial.step;
        if self.first_stage && self.decreases(trial) && trial.slope >= 0.0 {
            self.first_stage = false;
        }
        if self.is_below_rounding(trial) || self.trials >= MOST_TRIALS {
            return Advice::Stop;
        }
        self.next(trial)
    }

    /// A value that is not finite: come back, faster each time, and never go
    /// as far again.
    fn retreat(&mut self, step: f64) -> Advice {
        self.retreats += 1;
        if self.retreats > MOST_RETREATS {
            return Advice::Stop;
        }
        let next = self.best.step + 0.5_f64.powi(self.retreats) * (step - self.best.step);
        if next <= self.best.step {
            return Advice::Stop;
        }
        self.longest = next;
        Advice::Try(next)
    }

    fn decreases(&self, trial: Sample) -> bool {
        trial.value <= self.start.value + DECREASE * trial.step * self.start.slope
    }

    /// Strong Wolfe conditions. Sufficient decrease may also show in the slope
    /// (the approximate condition of Hager and Zhang, SIAM J. Optim. 16, 170,
    /// 2005), which is exact where differences of values drown in rounding.
    fn satisfies_wolfe(&self, trial: Sample) -> bool {
        let by_slope = trial.value <= self.start.value
            && trial.slope <= (2.0 * DECREASE - 1.0) * self.start.slope;
        trial.slope.abs() <= -CURVATURE * self.start.slope && (self.decreases(trial) || by_slope)
    }

    /// As far as the bounds allow, and still going down.
    fn stands_at_the_end(&self, trial: Sample) -> bool {
        trial.step >= self.longest
            && self.decreases(trial)
            && trial.slope <= DECREASE * self.start.slope
    }

    /// No decrease where none could be seen.
    fn is_below_rounding(&self, trial: Sample) -> bool {
        trial.value >= self.start.value && -self.start.slope * trial.step <= self.invisible
    }

    fn next(&mut self, trial: Sample) -> Advice {
        let mut step = self.interpolate(trial);
        if self.bracketed {
            step = self.halve_if_slow(step);
            self.low = self.best.step.min(self.other.step);
            self.high = self.best.step.max(self.other.step);
        } else {
            self.low = step + 1.1 * (step - self.best.step);
            self.high = step + 4.0 * (step - self.best.step);
        }
        step = step.max(0.0).min(self.longest);
        let outside = step <= self.low || step >= self.high;
        let spent = self.bracketed && (outside || self.high - self.low <= NARROWEST * self.high);
        if spent || step == trial.step || step <= 0.0 || !step.is_finite() {
            return Advice::Stop;
        }
        Advice::Try(step)
    }

    /// The next step by interpolation of the values, or, while the value is
    /// low but its decrease not sufficient, of the values less the decrease
    /// asked for (the auxiliary function ψ of the paper).
    fn interpolate(&mut self, trial: Sample) -> f64 {
        let auxiliary =
            self.first_stage && trial.value <= self.best.value && !self.decreases(trial);
        let tilt = if auxiliary {
            DECREASE * self.start.slope
        } else {
            0.0
        };
        let (best, other) = (self.best.tilted(-tilt), self.other.tilted(-tilt));
        let (low, high) = (self.low, self.high.min(self.longest));
        let mut interval = Interval {
            best,
            other,
            bracketed: self.bracketed,
        };
        let step = interval.update(trial.tilted(-tilt), low, high);
        self.best = interval.best.tilted(tilt);
        self.other = interval.other.tilted(tilt);
        self.bracketed = interval.bracketed;
        step
    }

    /// Bisects when the bracket did not shrink to two thirds in two trials.
    fn halve_if_slow(&mut self, step: f64) -> f64 {
        let width = (self.other.step - self.best.step).abs();
        let slow = width >= 0.66 * self.earlier_width;
        self.earlier_width = self.width;
        self.width = width;
        if slow {
            self.best.step + 0.5 * (self.other.step - self.best.step)
        } else {
            step
        }
    }
}
