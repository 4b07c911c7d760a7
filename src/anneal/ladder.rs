//! A schedule as it is for one action.

use super::hill::Hill;
use super::results::{End, Level};
use super::schedule::{Adaptive, Plan, Schedule, Step};
use super::{spanning, starts};
use crate::action::Action;
use crate::discretization::Rule;
use crate::error::Result;
use crate::model::Model;
use crate::precision::check_positive;

/// How far above its beginning an automatic end is at most.
const BEYOND: f64 = 1e40;

#[derive(Debug, Clone)]
pub(super) enum Ladder {
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
    /// The model error that ends it before the last step.
    enough: Option<f64>,
}

impl Ladder {
    pub(super) fn new<M: Model, R: Rule<M>>(
        schedule: &Schedule,
        action: &Action<M, R>,
    ) -> Result<Self> {
        let adaptive = match schedule.plan() {
            Plan::Fixed(steps) => return Ok(Self::Fixed(steps.clone())),
            Plan::Adaptive(adaptive) => adaptive,
        };
        let first = spanning::first(action)?;
        if !first.is_finite() {
            return Err(action.at(1.0)?.locate_non_finite(&starts::rest(action)?));
        }
        check_positive("R_f0", || "adaptive schedule".into(), first)?;
        let enough = spanning::CONVERGED * action.noise_deviation();
        Ok(Self::Adaptive(Range::new(adaptive, first, enough)))
    }

    /// The smallest R_f.
    pub(super) fn lowest(&self) -> f64 {
        match self {
            Self::Fixed(steps) => steps[0].rf,
            Self::Adaptive(range) => range.first,
        }
    }

    /// The largest R_f.
    pub(super) fn highest(&self) -> f64 {
        match self {
            Self::Fixed(steps) => steps[steps.len() - 1].rf,
            Self::Adaptive(range) => range.last.rf,
        }
    }

    /// The first R_f from `rf` on that starts can stand at.
    pub(super) fn at_or_above(&self, rf: f64) -> f64 {
        match self {
            Self::Fixed(steps) => {
                let step = steps.iter().find(|step| step.rf >= rf);
                step.map_or(self.highest(), |step| step.rf)
            }
            Self::Adaptive(_) => rf,
        }
    }

    /// Whether a start with that many levels can have another.
    pub(super) fn has_more(&self, levels: usize) -> bool {
        match self {
            Self::Fixed(steps) => levels < steps.len(),
            Self::Adaptive(_) => true,
        }
    }

    /// Why a start ends with `level`, its `count`th, if it does.
    pub(super) fn ends_with(&self, level: &Level, count: usize) -> Option<End> {
        match self {
            Self::Fixed(steps) => (count == steps.len()).then_some(End::Schedule),
            Self::Adaptive(range) => range.ends_with(level),
        }
    }
}

impl Range {
    fn new(adaptive: &Adaptive, first: f64, enough: f64) -> Self {
        let (rf0, alpha) = adaptive.origin.unwrap_or((first, spanning::ALPHA));
        let mut range = Self {
            first,
            last: Step { beta: 0.0, rf: 0.0 },
            logs: (rf0.ln(), alpha.ln()),
            enough: None,
        };
        match adaptive.last {
            Some(last) => {
                range.last = last;
                range.first = first.min(last.rf);
            }
            None => {
                range.last = range.step((BEYOND * first).min(f64::MAX));
                range.enough = Some(enough);
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

    fn ends_with(&self, level: &Level) -> Option<End> {
        // Where the model does not matter yet its error is small too: the end is
        // where it falls.
        let small = |enough| level.action.model <= enough;
        if level.hill == Hill::Behind && self.enough.is_some_and(small) {
            return Some(End::ModelError);
        }
        (level.rf >= self.last.rf).then_some(End::Schedule)
    }
}
