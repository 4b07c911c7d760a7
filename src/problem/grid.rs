//! The times of the layers.
//!
//! Measurements sit on layers: a [`Grid`] contains every observation time, and
//! may have more layers between them ([`Grid::from_times`]). Steps may differ,
//! except inside an interval of Simpson-Hermite. The unit of time is that of
//! the model's derivative.

use std::ops::Range;

use crate::error::{Error, Result, check_count};

/// Strictly increasing times, one for each layer; at least two.
///
/// ```
/// use deepest::Grid;
///
/// let grid = Grid::uniform(0.0, 0.01, 201)?; // 201 layers, 0.01 apart
/// assert_eq!(grid.layers(), 201);
/// // Measured at 0, 1 and 1.5, with two steps of the model from each to the next.
/// let finer = Grid::from_times(&[0.0, 1.0, 1.5], 2)?;
/// assert_eq!(finer.times(), [0.0, 0.5, 1.0, 1.25, 1.5]);
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("time step", "dt", "sampling"))]
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    times: Vec<f64>,
}

/// More layers than this are refused as a mistake, before memory is asked for.
const MOST_LAYERS: usize = u32::MAX as usize;

impl Grid {
    /// `layers` times from `start`, `step` apart: tₙ = start + n·step.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a start or step that is not a number,
    /// [`Error::NotPositive`] for a step ≤ 0, [`Error::Length`] for fewer than
    /// two layers, [`Error::OutOfRange`] for more than 2³² − 1 or than memory can hold,
    /// [`Error::NotIncreasing`] when the step vanishes by rounding.
    pub fn uniform(start: f64, step: f64, layers: usize) -> Result<Self> {
        check_count("layers", || "grid".into(), layers, MOST_LAYERS)?;
        check_finite("start", "grid", start)?;
        check_finite("step", "grid", step)?;
        if step <= 0.0 {
            return Err(Error::NotPositive {
                what: "step",
                place: "grid".into(),
                found: step,
            });
        }
        let mut times = room_for(layers)?;
        times.extend((0..layers).map(|n| start + n as f64 * step));
        Self::new(times)
    }

    /// Explicit times.
    ///
    /// # Errors
    /// [`Error::Length`] for fewer than two times, [`Error::NotFinite`] and
    /// [`Error::NotIncreasing`] with the index of the offending one.
    pub fn new(times: Vec<f64>) -> Result<Self> {
        if times.len() < 2 {
            return Err(Error::Length {
                what: "layers, at least",
                place: "grid".into(),
                expected: 2,
                found: times.len(),
            });
        }
        check_increasing("times", "grid", &times)?;
        Ok(Self { times })
    }

    /// The given (observation) times with `steps_between` equal steps from
    /// each to the next. The given times are layers exactly; a time that is given
    /// several times, or again but for rounding, is one layer.
    ///
    /// # Errors
    /// As [`Grid::new`], but for [`Error::Decreasing`] where times go back;
    /// [`Error::NotPositive`] when `steps_between` is 0, [`Error::OutOfRange`] for
    /// more layers than memory can hold.
    pub fn from_times(times: &[f64], steps_between: usize) -> Result<Self> {
        let layers = times.len().saturating_mul(steps_between);
        check_count("layers", || "grid".into(), layers, MOST_LAYERS)?;
        if steps_between == 0 {
            return Err(Error::NotPositive {
                what: "steps between times",
                place: "grid".into(),
                found: 0.0,
            });
        }
        check_not_decreasing("times", "grid", times)?;
        let times = distinct(times);
        let mut all = room_for(times.len().saturating_mul(steps_between))?;
        for pair in times.windows(2) {
            let step = (pair[1] - pair[0]) / steps_between as f64;
            all.push(pair[0]);
            all.extend((1..steps_between).map(|k| pair[0] + k as f64 * step));
        }
        all.extend(times.last());
        Self::new(all)
    }

    /// Some consecutive layers, at least two.
    pub(crate) fn part(&self, layers: Range<usize>) -> Self {
        let times = self.times[layers].to_vec();
        Self { times }
    }

    /// The times.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// Number N of layers.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.times.len()
    }

    /// Whether all steps are equal up to rounding of the times.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.has_steps_of(self)
    }

    /// Whether all steps are the first step of `other` up to rounding of the
    /// times of both.
    pub(crate) fn has_steps_of(&self, other: &Self) -> bool {
        let step = other.times[1] - other.times[0];
        let largest = |grid: &Self| grid.times.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
        let rounding = 4.0 * f64::EPSILON * (largest(self) + largest(other));
        let steps = self.times.windows(2).map(|pair| pair[1] - pair[0]);
        steps
            .map(|found| (found - step).abs())
            .all(|difference| difference <= rounding + 1e-12 * step)
    }

    /// Checks that the layers make whole intervals of a rule that takes `steps`
    /// equal steps in each.
    pub(crate) fn check_intervals(
        &self,
        rule: &'static str,
        steps: usize,
        place: impl Fn() -> String,
    ) -> Result<()> {
        if !(self.layers() - 1).is_multiple_of(steps) {
            return Err(Error::IncompleteInterval {
                place: place(),
                rule,
                per_interval: steps,
                found: self.layers(),
            });
        }
        for layer in (0..self.layers() - 1).step_by(steps) {
            let first = self.times[layer + 1] - self.times[layer];
            for pair in self.times[layer..=layer + steps].windows(2) {
                let second = pair[1] - pair[0];
                let rounding = 4.0 * f64::EPSILON * pair[1].abs().max(pair[0].abs());
                if (second - first).abs() > 1e-9 * first + rounding {
                    return Err(Error::UnequalSteps {
                        place: place(),
                        rule,
                        layer,
                        first,
                        second,
                    });
                }
            }
        }
        Ok(())
    }

    /// How far a time may be from the layer that it means, where `count` times were
    /// given: as far as sums of so many steps are rounded, but no further than a
    /// thousandth of the shortest step.
    pub(crate) fn slack(&self, count: usize) -> f64 {
        slack(&self.times, self.layers().max(count))
    }

    /// The layer at a time: the nearest, if it is within `slack`
    /// ([`slack`](Self::slack)) or a millionth of the step beside it.
    pub(crate) fn layer_at(
        &self,
        time: f64,
        slack: f64,
        place: impl Fn() -> String,
    ) -> Result<usize> {
        let after = self.times.partition_point(|&t| t < time);
        let last = self.layers() - 1;
        let nearest = if after > last
            || (after > 0 && time - self.times[after - 1] <= self.times[after] - time)
        {
            after - 1
        } else {
            after
        };
        let before = nearest.min(last - 1);
        let step = self.times[before + 1] - self.times[before];
        if (self.times[nearest] - time).abs() <= slack.max(1e-6 * step) {
            Ok(nearest)
        } else {
            Err(Error::TimeOffGrid {
                place: place(),
                time,
                nearest,
                nearest_time: self.times[nearest],
            })
        }
    }
}

/// Memory for the times of so many layers.
fn room_for(layers: usize) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    match times.try_reserve_exact(layers) {
        Ok(()) => Ok(times),
        Err(_) => Err(Error::OutOfRange {
            what: "layers",
            place: "grid, memory".into(),
            low: 2.0,
            high: (isize::MAX as usize / size_of::<f64>()) as f64,
            found: layers as f64,
        }),
    }
}

/// How far two computations of the same time may differ: by the rounding of a sum of
/// `count` steps up to the largest of the times, and a thousandth of the shortest step
/// that is longer than that.
fn slack(times: &[f64], count: usize) -> f64 {
    let largest = times.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    let rounding = count as f64 * f64::EPSILON * largest;
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let shortest = steps
        .filter(|step| *step > 0.0)
        .fold(f64::INFINITY, f64::min);
    rounding.min(1e-3 * shortest)
}

/// Times that do not go back, each once: of those that are the same but for rounding
/// the first.
fn distinct(times: &[f64]) -> Vec<f64> {
    let largest = times.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
    let rounding = times.len() as f64 * f64::EPSILON * largest;
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    // Of times that differ by rounding alone nobody knows which are the same.
    let shortest = steps
        .filter(|step| *step > rounding)
        .fold(0.0, |shortest, step| {
            if shortest == 0.0 {
                step
            } else {
                f64::min(shortest, step)
            }
        });
    let slack = rounding.min(1e-3 * shortest);
    let mut distinct: Vec<f64> = Vec::with_capacity(times.len());
    for &time in times {
        if distinct.last().is_none_or(|last| time - last > slack) {
            distinct.push(time);
        }
    }
    distinct
}

pub(crate) fn check_finite(what: &'static str, place: &str, found: f64) -> Result<()> {
    if found.is_finite() {
        Ok(())
    } else {
        Err(Error::NotFinite {
            what,
            place: place.into(),
            found,
        })
    }
}

pub(crate) fn check_increasing(what: &'static str, place: &str, times: &[f64]) -> Result<()> {
    for (index, &found) in times.iter().enumerate() {
        check_finite(what, &format!("{place}, index {index}"), found)?;
        if index > 0 && found <= times[index - 1] {
            return Err(Error::NotIncreasing {
                what,
                place: place.into(),
                index,
                previous: times[index - 1],
                found,
            });
        }
    }
    Ok(())
}

/// Times of measurements: several values may stand at one.
pub(crate) fn check_not_decreasing(what: &'static str, place: &str, times: &[f64]) -> Result<()> {
    for (index, &found) in times.iter().enumerate() {
        check_finite(what, &format!("{place}, index {index}"), found)?;
        if index > 0 && found < times[index - 1] {
            return Err(Error::Decreasing {
                what,
                place: place.into(),
                index,
                previous: times[index - 1],
                found,
            });
        }
    }
    Ok(())
}
