//! When a walk has come to its end: by decreases relative to the value, never by a unit.

use crate::minimize::Termination;

/// Predicted decreases below this fraction of the value are rounding.
const ROUNDING: f64 = 64.0 * f64::EPSILON;
/// Steps whose decrease is judged together: at least so many, and this part of all.
const SHORTEST_WINDOW: usize = 10;
const WINDOW_PART: usize = 10;

/// An accepted step, as far as stopping goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The decrease that the quadratic model predicted, and the actual one as part of it.
    pub(super) predicted: f64,
    pub(super) ratio: f64,
    /// Whether it was a full step of the exact Hessian.
    pub(super) newton: bool,
    /// Whether damping hardly shortened it.
    pub(super) full: bool,
}

/// What is known of the decrease that is left.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    tolerance: f64,
    /// Values that are zero but for rounding.
    zero: f64,
    /// The value at the start: the largest, because the walk only descends.
    first: f64,
    /// The present value, and all after the first, newest last.
    value: f64,
    values: Vec<f64>,
    /// The decrease that the step before predicted, where it compares with the next: no
    /// more damping in between.
    before: Option<f64>,
}

impl Stopping {
    /// At the start, with this value; values up to `zero` are zero but for rounding.
    pub(super) fn new(tolerance: f64, value: f64, zero: f64) -> Self {
        Self {
            tolerance,
            zero,
            first: value,
            value,
            values: Vec::new(),
            before: None,
        }
    }

    /// What decreases are measured by: the value, or the rounding of the first where the
    /// minimum is zero.
    pub(super) fn size(&self) -> f64 {
        self.value.abs().max(f64::EPSILON * self.first.abs())
    }

    /// Decreases up to here are rounding.
    pub(super) fn noise(&self) -> f64 {
        ROUNDING * self.size()
    }

    /// Whether the value is zero but for rounding, where it cannot be less.
    pub(super) fn is_zero(&self) -> bool {
        self.zero > 0.0 && (0.0..=self.zero).contains(&self.value)
    }

    /// The next prediction does not compare with the last: there is more damping.
    pub(super) fn forget_rate(&mut self) {
        self.before = None;
    }

    /// What the steps after this one have to gain together. What a full step with the
    /// exact Hessian missed of its promise is what lies beyond the quadratic model, and
    /// so is what it left. Otherwise predictions go on falling at the rate q of the last
    /// two: p(q + q² + …). Infinite where neither is known.
    pub(super) fn decrease_left(&mut self, step: &Step) -> f64 {
        let predicted = step.predicted;
        let missed = (1.0 - step.ratio).abs();
        let left = match self.before {
            _ if step.newton && missed < 0.1 => (missed * predicted).max(self.noise()),
            Some(before) if predicted < before && step.ratio > 0.5 => {
                let rate = predicted / before;
                predicted * rate / (1.0 - rate)
            }
            _ => f64::INFINITY,
        };
        self.before = Some(predicted);
        left
    }

    /// The walk has stepped to this value.
    pub(super) fn accept(&mut self, value: f64) {
        self.value = value;
        self.values.push(value);
    }

    /// The end, where a complete step after which so much is left was the last one.
    pub(super) fn end(&self, step: &Step, left: f64) -> Option<Termination> {
        let small = self.tolerance * self.size();
        if (step.full && left.min(step.predicted) <= small) || self.recent_decrease() <= small {
            return Some(Termination::Converged);
        }
        (step.predicted <= self.noise()).then_some(Termination::RoundingLimit)
    }

    /// Decrease over the last steps together: a tenth of all, ten at least; infinite
    /// where there were not as many. However slow a walk that converges linearly,
    /// it then has little left.
    fn recent_decrease(&self) -> f64 {
        let window = SHORTEST_WINDOW.max(self.values.len() / WINDOW_PART);
        let before = self.values.len().checked_sub(window + 1);
        before.map_or(f64::INFINITY, |before| self.values[before] - self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(predicted: f64, ratio: f64) -> Step {
        Step {
            predicted,
            ratio,
            newton: false,
            full: true,
        }
    }

    #[test]
    fn predictions_that_fall_by_a_rate_tell_what_is_left() {
        let mut stopping = Stopping::new(1e-9, 10.0, 0.0);
        assert_eq!(stopping.decrease_left(&step(8.0, 1.0)), f64::INFINITY);
        // 2 + 2/4 + 2/16 + … behind a step of 2 is 2/3.
        let left = stopping.decrease_left(&step(2.0, 1.0));
        assert!((left - 2.0 / 3.0).abs() < 1e-15);
        // A poor step, one that predicts more, and one after more damping say nothing.
        assert_eq!(stopping.decrease_left(&step(1.0, 0.5)), f64::INFINITY);
        assert_eq!(stopping.decrease_left(&step(4.0, 1.0)), f64::INFINITY);
        stopping.forget_rate();
        assert_eq!(stopping.decrease_left(&step(1.0, 1.0)), f64::INFINITY);
    }

    #[test]
    fn a_newton_step_leaves_what_it_missed() {
        let mut stopping = Stopping::new(1e-9, 10.0, 0.0);
        let newton = |ratio| Step {
            newton: true,
            ..step(1.0, ratio)
        };
        assert_eq!(stopping.decrease_left(&newton(0.9375)), 0.0625);
        assert_eq!(stopping.decrease_left(&newton(1.0625)), 0.0625);
        // Nothing is less than rounding.
        assert_eq!(stopping.decrease_left(&newton(1.0)), stopping.noise());
        assert_eq!(stopping.decrease_left(&newton(0.75)), f64::INFINITY);
    }

    #[test]
    fn it_ends_where_the_tolerance_or_rounding_is_reached() {
        let mut stopping = Stopping::new(1e-3, 10.0, 0.0);
        stopping.accept(1.0);
        assert_eq!(
            stopping.end(&step(1e-3, 1.0), 1.0),
            Some(Termination::Converged)
        );
        assert_eq!(
            stopping.end(&step(1.0, 1.0), 1e-3),
            Some(Termination::Converged)
        );
        assert_eq!(stopping.end(&step(1.0, 1.0), 1.0), None);
        // A step that damping shortened promises nothing.
        let short = Step {
            full: false,
            ..step(1e-4, 1.0)
        };
        assert_eq!(stopping.end(&short, 1.0), None);
        let rounding = Step {
            predicted: 64.0 * f64::EPSILON,
            ..short
        };
        assert_eq!(
            stopping.end(&rounding, 1.0),
            Some(Termination::RoundingLimit)
        );
    }

    /// Ten steps together bring less than a thousandth, though each predicts more.
    #[test]
    fn a_walk_that_crawls_ends() {
        let mut stopping = Stopping::new(1e-3, 10.0, 0.0);
        let ends: Vec<bool> = (0..12)
            .map(|k| {
                stopping.accept(1.0 - 1e-5 * f64::from(k));
                stopping.end(&step(0.5, 0.0), 1.0).is_some()
            })
            .collect();
        assert_eq!(ends.iter().position(|end| *end), Some(10));
    }

    #[test]
    fn zero_is_zero_but_for_rounding() {
        let at = |value: f64, zero: f64| Stopping::new(1e-9, value, zero).is_zero();
        assert!(at(0.0, 1e-20) && at(1e-20, 1e-20));
        assert!(!at(2e-20, 1e-20) && !at(-1e-21, 1e-20) && !at(0.0, 0.0));
        // Behind a large first value, decreases are measured by its rounding.
        let mut stopping = Stopping::new(1e-9, 4.0, 0.0);
        stopping.accept(0.0);
        assert_eq!(stopping.size(), 4.0 * f64::EPSILON);
    }
}
