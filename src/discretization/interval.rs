//! One interval between layers, and a window of them.

use std::ops::Range;

use crate::problem::inputs::Inputs;

/// A pull towards data while a model is integrated.
#[derive(Debug)]
pub struct Pull<'a> {
    /// The data of components.
    pub(crate) targets: &'a [Target],
    /// The gain K in units of one over the step.
    pub(crate) gain: f64,
    /// Equal sub-steps of the integration in one step.
    pub(crate) substeps: usize,
}

/// A component's data at both ends of a step, linear between.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub(crate) component: usize,
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

/// One interval of a window.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Number of the interval in its window.
    pub(crate) index: usize,
    /// Times of its layers, `steps + 1` of them.
    pub(crate) times: &'a [f64],
    /// Whether the last call was for the interval just before this one, at the
    /// same point: what was computed at the shared layer is still good.
    pub(crate) follows: bool,
    /// Whether the next call will be for the interval just after this one, at
    /// the same point.
    pub(crate) followed: bool,
    /// The known inputs; only a model without inputs has none.
    pub(crate) inputs: Option<&'a Inputs>,
}

impl Span<'_> {
    /// Length h of the interval.
    pub(crate) fn length(&self) -> f64 {
        self.end() - self.times[0]
    }

    pub(crate) fn end(&self) -> f64 {
        self.times[self.times.len() - 1]
    }

    /// Writes the inputs at a time of the interval. `out` is as long as the
    /// model has inputs.
    #[inline]
    pub(crate) fn write_inputs(&self, t: f64, out: &mut Vec<f64>) {
        if let Some(inputs) = self.inputs {
            // A last stage may lie beyond the end by rounding. The later end is the
            // first one, where time runs backwards.
            let end = self.end().max(self.times[0]);
            inputs.write(t.min(end), t >= end, out);
        }
    }
}

/// A whole window at one point.
pub struct Course<'a> {
    /// Number of intervals.
    pub(crate) intervals: usize,
    /// Gives an interval, and where the states of its layers stand in `x`.
    pub(crate) interval: &'a dyn Fn(usize) -> (Span<'a>, Range<usize>),
    /// All states of the window.
    pub(crate) x: &'a [f64],
    /// All parameters.
    pub(crate) theta: &'a [f64],
}
