//! A schedule as it is for one action.

use super::rest::rest;
use super::results::Hill;
use super::results::{End, Level};
use super::schedule::{Adaptive, Plan, Schedule, Step};
use super::spanning;
use super::units::Limits;
use crate::action::Action;
use crate::error::Result;
use crate::problem::precision::check_positive;

/// How far above its beginning an automatic end is at most, wherever rounding counts.
const BEYOND: f64 = 1e40;

#[derive(Debug, Clone)]
pub(super) struct Ladder {
    pub(super) steps: Steps,
    /// Where a model error says nothing more.
    pub(super) limits: Limits,
}

#[derive(Debug, Clone)]
pub(super) enum Steps {
    /// At least one step.
    Fixed(Vec<Step>),
    Adaptive(Range),
}

/// Where adaptive steps go.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) first: f64,
    pub(super) last: Step,
    /// Of R_f0 and α, by which β is counted.
    logs: (f64, f64),
    /// Whether the last step is where rounding counts, and a small model error ends
    /// it before that.
    open: bool,
}

impl Range {
    /// All numbers that the steps depend on.
    pub(super) fn numbers(&self) -> [f64; 6] {
        let (rf0, alpha) = self.logs;
        let open = f64::from(u8::from(self.open));
        [self.first, self.last.beta, self.last.rf, rf0, alpha, open]
    }
}

impl Ladder {
    pub(super) fn new(schedule: &Schedule, action: &Action) -> Result<Self> {
        let limits = Limits::new(action)?;
        let adaptive = match schedule.plan() {
            Plan::Fixed(steps) => {
                let steps = Steps::Fixed(steps.clone());
                return Ok(Self { steps, limits });
            }
            Plan::Adaptive(adaptive) => adaptive,
        };
        let first = spanning::first(action)?;
        if !first.is_finite() {
            return Err(action.at(1.0)?.locate_non_finite(&rest(action)?));
        }
        check_positive("R_f0", || "adaptive schedule".into(), first)?;
        let steps = Steps::Adaptive(Range::new(adaptive, first, limits.rf));
        Ok(Self { steps, limits })
    }

    pub(super) fn is_adaptive(&self) -> bool {
        matches!(self.steps, Steps::Adaptive(_))
    }

    /// The smallest R_f.
    pub(super) fn lowest(&self) -> f64 {
        match &self.steps {
            Steps::Fixed(steps) => steps[0].rf,
            Steps::Adaptive(range) => range.first,
        }
    }

    /// The largest R_f.
    pub(super) fn highest(&self) -> f64 {
        match &self.steps {
            Steps::Fixed(steps) => steps[steps.len() - 1].rf,
            Steps::Adaptive(range) => range.last.rf,
        }
    }

    /// The first R_f from `rf` on that starts can stand at.
    pub(super) fn at_or_above(&self, rf: f64) -> f64 {
        match &self.steps {
            Steps::Fixed(steps) => {
                let step = steps.iter().find(|step| step.rf >= rf);
                step.map_or(self.highest(), |step| step.rf)
            }
            Steps::Adaptive(_) => rf,
        }
    }

    /// Whether a start with that many levels can have another.
    pub(super) fn has_more(&self, levels: usize) -> bool {
        match &self.steps {
            Steps::Fixed(steps) => levels < steps.len(),
            Steps::Adaptive(_) => true,
        }
    }

    /// Why a start ends with `level`, its `count`th, if it does.
    pub(super) fn ends_with(&self, level: &Level, count: usize) -> Option<End> {
        match &self.steps {
            Steps::Fixed(steps) => (count == steps.len()).then_some(End::Schedule),
            Steps::Adaptive(range) => range.ends_with(level, self.limits.enough),
        }
    }

    /// Whether a start may end with its `count`th level.
    pub(super) fn may_end(&self, count: usize) -> bool {
        match &self.steps {
            Steps::Fixed(steps) => count == steps.len(),
            Steps::Adaptive(_) => true,
        }
    }
}

impl Range {
    /// `most` is the R_f at which rounding counts.
    fn new(adaptive: &Adaptive, first: f64, most: f64) -> Self {
        let (rf0, alpha) = adaptive.origin.unwrap_or((first, spanning::ALPHA));
        let mut range = Self {
            first,
            last: Step { beta: 0.0, rf: 0.0 },
            logs: (rf0.ln(), alpha.ln()),
            open: false,
        };
        match adaptive.last {
            Some(last) => {
                range.last = last;
                range.first = first.min(last.rf);
            }
            None => {
                range.first = first.min(most);
                range.last = range.step((BEYOND * range.first).min(most));
                range.open = true;
            }
        }
        range
    }

    /// The step at an R_f, the last one at most.
    pub(super) fn step(&self, rf: f64) -> Step {
        if self.last.rf > 0.0 && rf >= self.last.rf {
            return self.last;
        }
        let (rf0, alpha) = self.logs;
        let beta = (rf.ln() - rf0) / alpha;
        Step { beta, rf }
    }

    fn ends_with(&self, level: &Level, enough: f64) -> Option<End> {
        // Where the model does not matter yet its error is small too: the end is
        // where it falls.
        if self.open && level.hill == Hill::Behind && level.action.model <= enough {
            return Some(End::ModelError);
        }
        let end = if self.open {
            End::Rounding
        } else {
            End::Schedule
        };
        (level.rf >= self.last.rf).then_some(end)
    }
}
