//! A few steps of a minimizer at one R_f, before the first level.

use std::ops::ControlFlow;

use super::descent::Descent;
use crate::action::{Action, Estimate};
use crate::error::Result;
use crate::minimize::{Iteration, Work};

/// Settling ends with an iteration that lowers the action by less than this
/// part, or after so many iterations.
pub(super) const SETTLED: f64 = 0.01;
const MOST_ITERATIONS: usize = 15;

/// What settling needs: a minimizer, the smallest R_f of the ladder, and who
/// is told the R_f and each iteration.
pub(super) struct Settling<'a> {
    pub(super) descent: Descent<'a>,
    pub(super) lowest: f64,
    pub(super) watch: &'a mut dyn FnMut(f64, Iteration) -> ControlFlow<()>,
}

/// Settles one estimate after the other at the same R_f.
pub(super) struct Settler<'a> {
    settling: Settling<'a>,
    /// Zero: nothing is minimized.
    rf: f64,
    work: Work,
    over: bool,
    /// Whether some windows of what it settled could not be nudged.
    lost: bool,
}

impl<'a> Settler<'a> {
    pub(super) fn new(settling: Settling<'a>) -> Self {
        Self {
            settling,
            rf: 0.0,
            work: Work::default(),
            over: false,
            lost: false,
        }
    }

    /// Takes the smallest of these within the ladder.
    pub(super) fn choose_rf(&mut self, of: impl Iterator<Item = f64>) {
        let lowest = self.settling.lowest;
        let of = of.filter(|rf| rf.is_finite() && *rf > lowest);
        self.rf = of.reduce(f64::min).unwrap_or(0.0);
    }

    /// Notes in how many windows the path that is gone on with was not nudged.
    pub(super) fn lose(&mut self, windows: usize) {
        self.lost = windows > 0;
    }

    /// Whether there are such windows.
    pub(super) fn has_lost(&self) -> bool {
        self.lost
    }

    /// Whether the observer wants no more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The action, and the unknowns, after a few steps from an estimate.
    pub(super) fn minimize(
        &mut self,
        action: &Action,
        estimate: &Estimate,
    ) -> Result<(f64, Vec<f64>)> {
        let mut x = action.pack(estimate)?;
        if self.rf == 0.0 || self.over {
            return Ok((f64::INFINITY, x));
        }
        let mut objective = action.at(self.rf)?;
        objective.scale_from(&x);
        let mut last = f64::INFINITY;
        let mut watch = |iteration: Iteration| {
            let decrease = last - iteration.value;
            last = iteration.value;
            self.over |= (self.settling.watch)(self.rf, iteration).is_break();
            if self.over || decrease < SETTLED * last || iteration.number >= MOST_ITERATIONS {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let descent = self.settling.descent;
        let outcome = descent.minimize(&mut objective, (&mut x, false), &mut watch);
        self.work.add(outcome.work);
        Ok((outcome.value, x))
    }

    /// Where it settles; zero where it does not.
    pub(super) fn rf(&self) -> f64 {
        self.rf
    }

    /// What it took.
    pub(super) fn work(&self) -> Work {
        self.work
    }
}
