//! Known inputs of a model: stimuli, forcings, controls.

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::problem::grid::{Grid, check_increasing};

/// Checks that a model with `expected` inputs is given so many.
pub(crate) fn check_given(
    inputs: Option<&Inputs>,
    expected: usize,
    place: impl Fn() -> String,
) -> Result<()> {
    match inputs {
        None if expected > 0 => Err(Error::Missing {
            what: "inputs",
            place: format!("{}, model with {expected} inputs", place()),
        }),
        Some(inputs) if inputs.count() != expected => Err(Error::Length {
            what: "inputs",
            place: place(),
            expected,
            found: inputs.count(),
        }),
        _ => Ok(()),
    }
}

/// Time series that the model reads, given at their own times.
///
/// ```
/// use deepest::prelude::*;
/// use ndarray::array;
///
/// // One current, which is switched on at t = 1.
/// let current = Inputs::constant([0.0, 1.0], array![[0.0], [10.0]])?;
/// assert_eq!(current.count(), 1);
/// let window = Window::new(Grid::uniform(0.0, 0.1, 21)?).inputs(current)?;
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// The model sees their values at every time where the discretization
/// evaluates it, between layers too. Use [`linear`](Self::linear) for what was
/// sampled and varies smoothly, [`constant`](Self::constant) for what a device
/// held between its updates. The times must reach over the whole window.
#[doc(alias("stimulus", "forcing", "control", "input current"))]
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    times: Vec<f64>,
    values: Array2<f64>,
    holds: bool,
}

impl Inputs {
    /// Linear between the given times. `values` has a row for each of the
    /// times and a column for each input of the model, in its order.
    ///
    /// # Errors
    /// [`Error::Empty`] without times, [`Error::NotIncreasing`] and
    /// [`Error::NotFinite`] for times, [`Error::Length`] for rows that do not
    /// fit them, [`Error::NotFinite`] for a value.
    pub fn linear(times: impl Into<Vec<f64>>, values: Array2<f64>) -> Result<Self> {
        Self::new(times.into(), values, false)
    }

    /// Constant from each given time up to the next, where it jumps; the last
    /// value holds for ever. An interval that ends at a jump sees the value
    /// before it, the interval that begins there the value after it. A jump that is
    /// at a layer but for rounding is at the layer: within a millionth of a step, or
    /// the rounding of times that were summed step by step (N ε max |t| for N steps,
    /// and at most a thousandth of the shortest step).
    ///
    /// # Errors
    /// As [`Inputs::linear`].
    pub fn constant(times: impl Into<Vec<f64>>, values: Array2<f64>) -> Result<Self> {
        Self::new(times.into(), values, true)
    }

    fn new(times: Vec<f64>, values: Array2<f64>, holds: bool) -> Result<Self> {
        if times.is_empty() {
            return Err(Error::Empty {
                what: "times",
                place: "inputs".into(),
            });
        }
        check_increasing("times", "inputs", &times)?;
        if values.nrows() != times.len() {
            return Err(Error::Length {
                what: "rows of values",
                place: "inputs".into(),
                expected: times.len(),
                found: values.nrows(),
            });
        }
        if let Some(((row, column), &found)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::NotFinite {
                what: "input",
                place: format!("row {row}, column {column}"),
                found,
            });
        }
        Ok(Self {
            times,
            values,
            holds,
        })
    }

    /// Number of inputs.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.ncols()
    }

    /// The times of the samples.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// One row a time, one column an input.
    #[must_use]
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// Whether values are held constant between the times.
    #[must_use]
    pub fn are_held(&self) -> bool {
        self.holds
    }

    /// Checks that the series reach over the grid, but for rounding.
    pub(crate) fn check_reach(&self, grid: &Grid, place: impl Fn() -> String) -> Result<()> {
        let times = grid.times();
        let reach = [times[0], times[times.len() - 1]];
        self.check_reach_over(reach, grid.slack(self.times.len()), place)
    }

    /// Checks that the series reach from `start` to `end`, but for rounding.
    pub(crate) fn check_reach_over(
        &self,
        [start, end]: [f64; 2],
        slack: f64,
        place: impl Fn() -> String,
    ) -> Result<()> {
        let slack = slack.max(1e-9 * (end - start));
        let first = self.times[0];
        let last = self.times[self.times.len() - 1];
        if first > start + slack {
            return Err(Error::OutOfRange {
                what: "first time of the inputs",
                place: place(),
                low: f64::NEG_INFINITY,
                high: start,
                found: first,
            });
        }
        if !self.holds && last < end - slack {
            return Err(Error::OutOfRange {
                what: "last time of the inputs",
                place: place(),
                low: end,
                high: f64::INFINITY,
                found: last,
            });
        }
        Ok(())
    }

    /// The series with jumps at the layers that they are meant for: a held
    /// value that changes at a layer but for rounding does so there, else one
    /// interval would see both sides of it.
    pub(crate) fn aligned(mut self, grid: &Grid) -> Self {
        if self.holds {
            let slack = grid.slack(self.times.len());
            for time in &mut self.times {
                if let Ok(layer) = grid.layer_at(*time, slack, String::new) {
                    *time = grid.times()[layer];
                }
            }
        }
        self
    }

    /// How many samples lie before `t`, one at `t` included unless `before`.
    #[inline]
    fn count_until(&self, t: f64, before: bool) -> usize {
        let passed = |s: f64| if before { s < t } else { s <= t };
        // Samples are equally far apart more often than not.
        let (first, last) = (self.times[0], self.times[self.times.len() - 1]);
        let intervals = (self.times.len() - 1) as f64;
        // Times may be so near each other that the quotient is infinite.
        let guess = ((t - first) / (last - first) * intervals).min(intervals) as usize;
        for count in guess..=guess + 2 {
            let below = count == 0 || self.times.get(count - 1).is_some_and(|s| passed(*s));
            let above = self.times.get(count).is_none_or(|s| !passed(*s));
            if below && above {
                return count;
            }
        }
        self.times.partition_point(|s| passed(*s))
    }

    /// Writes the values at `t`; `before` asks for the side before a jump.
    #[inline]
    pub(crate) fn write(&self, t: f64, before: bool, out: &mut Vec<f64>) {
        out.clear();
        let after = self.count_until(t, before);
        let last = self.times.len() - 1;
        let left = after.saturating_sub(1);
        let inputs = 0..self.count();
        if self.holds || left == last || after == 0 {
            out.extend(inputs.map(|i| self.values[(left, i)]));
            return;
        }
        let part = (t - self.times[left]) / (self.times[left + 1] - self.times[left]);
        out.extend(inputs.map(|i| {
            let (a, b) = (self.values[(left, i)], self.values[(left + 1, i)]);
            a + part * (b - a)
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn values_between_samples_and_at_jumps() {
        let times = [0.0, 1.0, 3.0];
        let values = array![[0.0, 5.0], [2.0, 5.0], [6.0, 9.0]];
        let mut out = Vec::new();
        let linear = Inputs::linear(times, values.clone()).unwrap();
        for (t, expected) in [
            (0.0, [0.0, 5.0]),
            (0.5, [1.0, 5.0]),
            (2.0, [4.0, 7.0]),
            (3.0, [6.0, 9.0]),
        ] {
            for before in [false, true] {
                linear.write(t, before, &mut out);
                assert_eq!(out, expected);
            }
        }
        let held = Inputs::constant(times, values).unwrap();
        held.write(1.0, true, &mut out);
        assert_eq!(out, [0.0, 5.0]);
        held.write(1.0, false, &mut out);
        assert_eq!(out, [2.0, 5.0]);
        held.write(9.0, false, &mut out);
        assert_eq!(out, [6.0, 9.0]);
    }
}
