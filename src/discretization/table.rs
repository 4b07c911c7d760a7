//! The coefficients of a rule.

use super::interval::Span;

/// Most layers, and most stages, in an interval.
pub(super) const MOST: usize = 3;

/// The coefficients of a rule. Unused places are zero.
#[derive(Debug)]
pub struct Table {
    pub(super) name: &'static str,
    /// See [`FlowRule::order`](super::FlowRule::order).
    pub(super) order: u32,
    pub(super) steps: usize,
    /// Coefficients a and b of each group of D residuals.
    pub(super) groups: &'static [Group],
    /// Coefficients c of each stage; they add up to one.
    pub(super) stages: &'static [[f64; MOST]],
    /// Whether the first stage of an interval is the last of the one before.
    pub(super) shares_ends: bool,
    /// See [`Dynamics::per_time`](super::Dynamics::per_time).
    pub(super) per_time: &'static [f64],
    /// See [`Dynamics::quadrature`](super::Dynamics::quadrature).
    pub(super) quadrature: &'static [(f64, [f64; MOST])],
}

impl Table {
    /// Place of layer `j` in the order of elimination: interior layers first.
    pub(super) fn rank(&self, j: usize) -> usize {
        match j {
            0 => self.steps - 1,
            j if j == self.steps => self.steps,
            interior => interior - 1,
        }
    }

    /// State and time of stage `s` of an interval with layers `x`; `between`, as
    /// long as a layer, is for a state between layers.
    pub(super) fn stage<'a>(
        &self,
        s: usize,
        span: Span<'_>,
        x: &'a [f64],
        between: &'a mut [f64],
    ) -> (&'a [f64], f64) {
        let weights = &self.stages[s][..=self.steps];
        let d = between.len();
        if let Some(j) = weights.iter().position(|&c| c == 1.0) {
            return (&x[j * d..(j + 1) * d], span.times[j]);
        }
        between.fill(0.0);
        let mut time = 0.0;
        for (j, &c) in weights.iter().enumerate() {
            time += c * span.times[j];
            for (slot, v) in between.iter_mut().zip(&x[j * d..]) {
                *slot += c * v;
            }
        }
        (between, time)
    }

    /// The one stage through which residual group `r` sees layer `j`, and the
    /// factor of its Jacobian but for h.
    pub(super) fn stage_of(&self, group: &Group, j: usize) -> Option<(usize, f64)> {
        let stages = self.stages.iter().enumerate();
        stages
            .map(|(s, c)| (s, group.stages[s] * c[j]))
            .find(|&(_, factor)| factor != 0.0)
    }
}

/// Coefficients of one group of residuals.
#[derive(Debug)]
pub struct Group {
    pub(super) layers: [f64; MOST],
    pub(super) stages: [f64; MOST],
}
