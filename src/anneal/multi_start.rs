//! Many starts on their ladders at once.

use std::ops::ControlFlow;

use super::Annealer;
use super::checkpoint::{Checkpoint, Kept};
use super::climb::Climb;
use super::events::{Event, Watch};
use super::ladder::Ladder;
use super::race::Stage;
use super::results::StartResult;
use super::spans;
use crate::action::Action;
use crate::error::Result;
use crate::minimize::Termination;

/// What all starts that go up have in common.
pub(super) struct MultiStart<'a> {
    pub(super) annealer: &'a Annealer,
    pub(super) ladder: &'a Ladder,
    pub(super) action: &'a Action,
    pub(super) watch: Watch<'a>,
    pub(super) stage: Stage,
    /// Whether a start that has not ended goes another level.
    pub(super) more: &'a (dyn Fn(&StartResult) -> bool + Sync),
    pub(super) checkpoint: Option<&'a Checkpoint>,
}

/// Who goes up a start's ladder, and what the observer knows of it.
#[derive(Default)]
pub(super) struct Climber {
    /// Made with the first level.
    pub(super) climb: Option<Climb>,
    began: bool,
    paused: bool,
    ended: bool,
}

impl MultiStart<'_> {
    #[cfg(feature = "rayon")]
    pub(super) fn in_parallel(
        &self,
        starts: &mut [StartResult],
        climbers: &mut [Climber],
    ) -> Result<()> {
        use rayon::prelude::*;
        let pairs = starts.par_iter_mut().zip(climbers).with_max_len(1);
        pairs
            .map(|(start, climber)| self.advance(start, climber))
            .collect()
    }

    pub(super) fn one_by_one(
        &self,
        starts: &mut [StartResult],
        climbers: &mut [Climber],
    ) -> Result<()> {
        let mut pairs = starts.iter_mut().zip(climbers);
        pairs.try_for_each(|(start, climber)| self.advance(start, climber))
    }

    /// Takes one start as far as it is to go.
    fn advance(&self, start: &mut StartResult, climber: &mut Climber) -> Result<()> {
        if !climber.began {
            climber.began = true;
            let answer = self.watch.tell(Event::StartBegan { start: start.index });
            if !start.ended() {
                start.stopped = answer.break_value();
            }
        }
        if self.annealer.races && climber.paused && self.goes_on(start) {
            climber.paused = false;
            self.tell_frame(Event::StartResumed { start: start.index });
        }
        let climbed = self.climb(start, &mut climber.climb);
        if start.ended() || climbed.is_err() {
            climber.tell_end(start, &self.watch);
        } else if self.annealer.races && !climber.paused {
            climber.paused = true;
            self.tell_frame(Event::StartPaused { start: start.index });
        }
        climbed
    }

    /// Whether a start has somewhere to go in this stage.
    fn goes_on(&self, start: &StartResult) -> bool {
        !start.ended() && (self.more)(start)
    }

    /// The next event tells what the observer answers.
    fn tell_frame(&self, event: Event) {
        let _: ControlFlow<_> = self.watch.tell(event);
    }

    fn climb(&self, start: &mut StartResult, climb: &mut Option<Climb>) -> Result<()> {
        let _span = spans::start(start);
        if !self.goes_on(start) {
            return Ok(());
        }
        let (way, action) = ((self.annealer, self.ladder), self.action);
        let climb = match climb {
            Some(climb) => climb,
            none => none.insert(Climb::begin(way, action, start, &self.watch)?),
        };
        let mut objective = climb.objective(self.ladder, action)?;
        while self.goes_on(start) {
            let k = climb.advance(way, self.stage, &mut objective, start, &self.watch)?;
            let level = &start.levels[k];
            // One that was broken off is gone through again.
            if let (Some(checkpoint), true) =
                (self.checkpoint, level.termination != Termination::Cancelled)
            {
                checkpoint.note(start, Some(climb), std::slice::from_ref(level));
                checkpoint.write_when_rested()?;
            }
        }
        Ok(())
    }
}

impl Climber {
    /// Goes on from where a checkpoint was written.
    pub(super) fn restore(&mut self, annealer: &Annealer, start: &mut StartResult, kept: Kept) {
        start.kind = kept.kind;
        start.finished = kept.finished;
        start.stopped = kept.stopped;
        start.end = kept.end;
        start.levels = kept.levels;
        start.levels.sort_by(|a, b| a.beta.total_cmp(&b.beta));
        self.climb = kept.climb;
        start.origin = self.climb.as_ref().map(Climb::origin);
        if !start.ended() {
            let spent = self.climb.as_ref().map(|climb| climb.spent(start));
            let allowed = annealer
                .budget
                .allows(spent.unwrap_or_default(), usize::MAX);
            start.stopped = allowed.break_value();
        }
    }

    /// The start is over whatever the observer answers.
    pub(super) fn tell_end(&mut self, start: &StartResult, watch: &Watch<'_>) {
        if !self.ended {
            self.ended = true;
            let _: ControlFlow<_> = watch.tell(Event::StartEnded { start: start.index });
        }
    }
}
