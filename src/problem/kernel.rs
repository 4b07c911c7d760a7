//! Measurements that take time.

use crate::error::{Error, Result};
use crate::problem::grid::Grid;
use crate::problem::precision::check_positive;

/// κ(s) = (15/16w)(1 − s²/w²)² for |s| < w: once continuously differentiable, of
/// integral one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kernel {
    half_width: f64,
}

impl Kernel {
    pub(crate) fn new(half_width: f64) -> Result<Self> {
        check_positive(
            "half-width of a kernel",
            || "observations".into(),
            half_width,
        )?;
        Ok(Self { half_width })
    }

    /// The layers that a measurement around `time` acts on, with their shares: the
    /// trapezoidal rule for κ, divided by its sum. At an end of the grid the
    /// half of the kernel that is there counts in full, and a time beyond it by no more
    /// than `slack` is at the end.
    pub(crate) fn shares(
        self,
        grid: &Grid,
        time: f64,
        slack: f64,
        place: impl Fn() -> String,
    ) -> Result<Vec<(usize, f64)>> {
        let (times, last) = (grid.times(), grid.layers() - 1);
        if !(times[0] - slack..=times[last] + slack).contains(&time) {
            return Err(Error::OutOfRange {
                what: "time of a smooth measurement",
                place: place(),
                low: times[0],
                high: times[last],
                found: time,
            });
        }
        let time = time.clamp(times[0], times[last]);
        let w = self.half_width;
        let steps = times.windows(2);
        let under = steps.filter(|pair| pair[0] < time + w && pair[1] > time - w);
        let longest = under.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        if longest > 0.5 * w {
            return Err(Error::GridTooCoarse {
                what: "a smooth measurement; longest step",
                place: place(),
                expected: 0.5 * w,
                found: longest,
            });
        }
        let first = times.partition_point(|&t| t <= time - w);
        let end = times.partition_point(|&t| t < time + w);
        let share = |n: usize| {
            let kernel = (1.0 - ((times[n] - time) / w).powi(2)).powi(2);
            let width = times[(n + 1).min(last)] - times[n.saturating_sub(1)];
            (n, kernel * width)
        };
        let shares: Vec<(usize, f64)> = (first..end).map(share).collect();
        let sum: f64 = shares.iter().map(|(_, share)| share).sum();
        let parts = shares.into_iter();
        Ok(parts.map(|(n, share)| (n, share / sum)).collect())
    }
}
