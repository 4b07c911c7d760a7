//! One start on its ladder, level by level.

use std::ops::ControlFlow;

use super::Annealer;
use super::checkpoint::plain_struct;
use super::events::{Event, Watch};
use super::nudging::Settling;
use super::results::{Level, StartResult, Stop};
use super::schedule::Step;
use super::track::Track;
use super::{spans, starts};
use crate::action::{Action, ActionAt};
use crate::discretization::Rule;
use crate::error::Result;
use crate::minimize::{Iteration, Minimizer, Termination, Work};
use crate::model::Model;

/// Where a start stands: with the levels in its [`StartResult`], all that its
/// next level depends on.
#[derive(Debug, Clone)]
pub(super) struct Climb {
    /// The start's initial path, which gives the unknowns their scales.
    initial: Vec<f64>,
    /// The R_f that it belongs to: the ladder leads down from there, then up
    /// from the first level. Zero where it only leads up.
    rf: f64,
    /// What making the start took, to be booked with the first level.
    unbooked: Work,
    /// The last minimum.
    here: Place,
    /// The minimum from which the way up begins, while the way leads down.
    turn: Option<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    x: Vec<f64>,
    track: Track,
}

plain_struct!(Climb {
    initial,
    rf,
    unbooked,
    here,
    turn
});
plain_struct!(Place { x, track });

impl Climb {
    /// Makes the start `start.index`.
    pub(super) fn begin<M: Model, R: Rule<M>>(
        annealer: &Annealer,
        action: &Action<M, R>,
        start: &mut StartResult,
        watch: &Watch<'_>,
    ) -> Result<Self> {
        let index = start.index;
        let _span = spans::settling();
        let mut told = |rf, iteration: Iteration| {
            spans::iteration(&iteration);
            let event = Event::Settling {
                start: index,
                rf,
                action: iteration.value,
            };
            watch.tell(event).map_break(|_| ())
        };
        let settling = Settling {
            minimizer: &*annealer.minimizer,
            lowest: annealer.schedule.first().rf,
            watch: &mut told,
        };
        let made = starts::make(action, &annealer.starts, (index, start.seed), settling)?;
        start.kind = made.kind.into();
        Ok(Self {
            initial: made.x.clone(),
            rf: made.rf,
            unbooked: made.work,
            here: Place {
                x: made.x,
                track: Track::default(),
            },
            turn: None,
        })
    }

    /// The objective, with this start's scales.
    pub(super) fn objective<'a, M: Model, R: Rule<M>>(
        &self,
        annealer: &Annealer,
        action: &'a Action<M, R>,
    ) -> Result<ActionAt<'a, M, R>> {
        let mut objective = action.at(annealer.schedule.first().rf)?;
        objective.scale_from(&self.initial);
        Ok(objective)
    }

    /// Goes one level further and adds it to the result, which then says
    /// whether the start has ended; returns the place of the level there. One
    /// that was broken off leaves the climb as it was.
    pub(super) fn advance<M: Model, R: Rule<M>>(
        &mut self,
        annealer: &Annealer,
        objective: &mut ActionAt<'_, M, R>,
        start: &mut StartResult,
        watch: &Watch<'_>,
    ) -> Result<usize> {
        let steps = annealer.schedule.steps();
        let (step, down) = self.next(steps, start.levels.len());
        objective.set_rf(step.rf)?;
        let mut place = match &self.turn {
            Some(turn) if !down => turn.clone(),
            _ => self.here.clone(),
        };
        let spent = self.spent(start);
        let span = spans::level(step);
        let mut observe = |iteration: Iteration| {
            spans::iteration(&iteration);
            let event = Event::Iteration {
                start: start.index,
                beta: step.beta,
                number: iteration.number,
                action: iteration.value,
            };
            watch.tell(event)?;
            let mut work = spent;
            work.add(iteration.work);
            annealer.budget.allows(work)
        };
        let (mut level, mut answer) = minimize(
            &*annealer.minimizer,
            objective,
            &mut place,
            step,
            &mut observe,
        );
        level.work.add(self.unbooked);
        spans::reached(&span, &level);
        let event = Event::LevelReached {
            start: start.index,
            beta: step.beta,
            rf: step.rf,
            action: level.action.total,
        };
        if answer.is_continue() {
            self.settle_at(place, down);
            answer = watch.tell(event);
            start.finished = start.levels.len() + 1 == steps.len();
        }
        let before = start.levels.partition_point(|l| l.beta < level.beta);
        start.levels.insert(before, level);
        if !start.finished {
            let spent = self.spent(start);
            let answer = answer.break_value();
            start.stopped = answer.or_else(|| annealer.budget.allows(spent).break_value());
        }
        Ok(before)
    }

    /// The step after those that were reached, and whether it leads down.
    fn next(&self, steps: &[Step], reached: usize) -> (Step, bool) {
        let below = steps.partition_point(|step| step.rf < self.rf);
        if reached < below {
            (steps[below - 1 - reached], true)
        } else {
            (steps[reached], false)
        }
    }

    /// A level was reached here.
    fn settle_at(&mut self, place: Place, down: bool) {
        self.unbooked = Work::default();
        if !down {
            self.turn = None;
        } else if self.turn.is_none() {
            self.turn = Some(place.clone());
        }
        self.here = place;
    }

    /// Whether it is one of that many unknowns.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        let mut places = std::iter::once(&self.here).chain(&self.turn);
        self.initial.len() == dimension
            && places.all(|place| place.x.len() == dimension && place.track.fits(dimension))
    }

    /// What the start has cost so far.
    pub(super) fn spent(&self, start: &StartResult) -> Work {
        let mut work = start.work();
        work.add(self.unbooked);
        work
    }
}

/// Minimizes from the place where the last level was, and moves it; `Break`
/// where there is no minimum to go on from.
fn minimize<M: Model, R: Rule<M>>(
    minimizer: &dyn Minimizer,
    objective: &mut ActionAt<'_, M, R>,
    Place { x, track }: &mut Place,
    step: Step,
    observe: &mut dyn FnMut(Iteration) -> ControlFlow<Stop>,
) -> (Level, ControlFlow<Stop>) {
    let mut answer = ControlFlow::Continue(());
    let mut observe = |iteration: Iteration| {
        answer = observe(iteration);
        answer.map_break(|_| ())
    };
    let outcome = if track.predict(objective, x) {
        minimizer.minimize_nearby(objective, x, &mut observe)
    } else {
        minimizer.minimize(objective, x, &mut observe)
    };
    let mut work = outcome.work;
    let termination = outcome.termination;
    let minimum = matches!(
        termination,
        Termination::Converged | Termination::RoundingLimit
    );
    if minimum && work.factorizations > 0 {
        work.factorizations += track.note(objective, x);
    }
    let level = Level {
        beta: step.beta,
        rf: step.rf,
        action: objective.terms(x),
        estimate: objective.action().unpack(x),
        termination,
        work,
    };
    let answer = match termination {
        Termination::NonFinite => ControlFlow::Break(Stop::NonFinite),
        Termination::Cancelled => {
            ControlFlow::Break(answer.break_value().unwrap_or(Stop::Cancelled))
        }
        _ => ControlFlow::Continue(()),
    };
    (level, answer)
}
