//! Where a slope of the model is infinite.

use super::ActionAt;
use crate::action::{Action, Slope, Unknown};
use crate::error::Error;

impl ActionAt<'_> {
    /// The first slope of the model that is not finite at `x`, as an error.
    pub(crate) fn infinite_slope(&mut self, x: &[f64]) -> Option<Error> {
        let action = self.action;
        let groups = action.dynamics.per_time().len();
        let mut error = None;
        for worker in &mut self.workers {
            worker.linearize_each(action, x, |evaluator, g, (w, k)| {
                if error.is_some() {
                    return;
                }
                let rows = evaluator.rows();
                let first = |i: usize| {
                    let (positions, values) = rows.row(i);
                    let place = values.iter().position(|v| !v.is_finite())?;
                    Some((i, positions[place], values[place]))
                };
                if let Some((row, position, found)) = (0..g.len()).find_map(first) {
                    let (layer, unknown) = unknown_at(action, (w, k), position);
                    let slope = Slope {
                        component: row % (g.len() / groups),
                        unknown,
                        found,
                    };
                    error = Some(slope.error(&action.names, format!("window {w}, layer {layer}")));
                }
            });
        }
        error
    }
}

/// The layer and the unknown at a position of interval `k` in window `w`, in the order
/// of elimination. A parameter counts to the interval's first layer.
fn unknown_at(action: &Action, (w, k): (usize, usize), position: usize) -> (usize, Unknown) {
    let (window, scope) = (&action.layout.windows[w], &action.layout.scope);
    let (first, steps) = (window.first(k), action.dynamics.steps());
    let interior = first + 1..first + steps;
    let mut before = 0;
    for n in interior.chain([first, first + steps]) {
        let (all, own) = (window.layer(n).len(), window.state(n).len());
        let here = position - before;
        if here < own {
            return (n, Unknown::State(here));
        }
        if here < all {
            return (n, Unknown::Parameter(scope.drifting[here - own].0));
        }
        before += all;
    }
    (first, Unknown::Parameter(scope.free[position - before]))
}
