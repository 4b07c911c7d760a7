//! The same problem on other layers.

use super::builder::ActionBuilder;
use super::{Action, Estimate};
use crate::error::Result;
use crate::problem::grid::Grid;
use crate::problem::path::Path;

impl Action {
    /// The same action with these grids of its windows.
    ///
    /// # Errors
    /// As [`Window::observations`](crate::Window::observations) where a grid has no
    /// layer at an observation, and as [`ActionBuilder::build`].
    pub(crate) fn regridded(&self, grids: impl IntoIterator<Item = Grid>) -> Result<Self> {
        let windows = self.windows.iter().zip(grids);
        let windows = windows
            .map(|(window, grid)| window.regridded(grid))
            .collect::<Result<_>>()?;
        ActionBuilder::of(self, windows).build()
    }

    /// The same action on every `k`-th layer, and what was measured there; `None`
    /// where layers are no instants of a flow, where the rule does not take the steps
    /// that are left, or hardly anything was measured there.
    pub(crate) fn thinned(&self, k: usize) -> Option<Self> {
        if !self.dynamics.is_in_time() {
            return None;
        }
        let steps = self.dynamics.steps();
        let windows = self.windows.iter().map(|window| window.thinned(k, steps));
        let thinned = ActionBuilder::of(self, windows.collect::<Option<_>>()?).weighted_as(self);
        let thinned = thinned.build().ok()?;
        let enough = 2 * k * thinned.counts.measured >= self.counts.measured;
        enough.then_some(thinned)
    }

    /// An estimate on this action's layers, linear between those of `from`.
    pub(crate) fn interpolated(&self, from: &Self, estimate: &Estimate) -> Estimate {
        let path = |w: usize, path: &Path| {
            let grid = |action: &Self| action.windows[w].grid().clone();
            between(&grid(from), path, &grid(self))
        };
        let all = |paths: &[Path]| {
            let paths = paths.iter().enumerate();
            paths.map(|(w, of)| path(w, of)).collect()
        };
        Estimate {
            paths: all(&estimate.paths),
            varying: all(&estimate.varying),
            ..estimate.clone()
        }
    }
}

/// A path on the layers of `to`.
fn between(from: &Grid, path: &Path, to: &Grid) -> Path {
    let times = from.times();
    Path::from_layers(to.times().iter().map(|&t| {
        let right = times.partition_point(|&s| s < t).clamp(1, times.len() - 1);
        let (a, b) = (path.layer(right - 1), path.layer(right));
        let part = (t - times[right - 1]) / (times[right] - times[right - 1]);
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| a + part * (b - a)).collect::<Vec<f64>>()
    }))
}
