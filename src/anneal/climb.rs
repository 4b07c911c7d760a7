//! One start on its ladder, level by level.

use std::ops::ControlFlow;

use super::Annealer;
use super::descent::Descent;
use super::events::{Event, Watch};
use super::hash::Hash;
use super::ladder::{Ladder, Steps};
use super::plain::plain_struct;
use super::predictor::Predictor;
use super::race::Stage;
use super::results::Hill;
use super::results::{Level, StartResult, Stop};
use super::schedule::Step;
use super::settling::Settling;
use super::step_length::StepLength;
use super::units::Limits;
use super::{spans, starts};
use crate::action::Action;
use crate::error::Result;
use crate::minimize::{Iteration, NewtonSteps, Termination, Work, leave_saddle};
use crate::objective::ActionAt;

/// Saddles that are left at one level.
const MOST_SADDLES: usize = 4;

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
    /// How far the next adaptive step goes.
    step_length: StepLength,
}

#[derive(Debug, Clone)]
struct Place {
    x: Vec<f64>,
    predictor: Predictor,
}

plain_struct!(Climb {
    initial,
    rf,
    unbooked,
    here,
    turn,
    step_length
});
plain_struct!(Place { x, predictor });

impl Climb {
    /// Makes the start `start.index`.
    pub(super) fn begin(
        (annealer, ladder): (&Annealer, &Ladder),
        action: &Action,
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
            descent: annealer.descent(),
            lowest: ladder.lowest(),
            watch: &mut told,
        };
        let made = starts::make(action, &annealer.kinds(), (index, start.seed), settling)?;
        start.kind = made.kind.into();
        start.origin = Some(Hash::of_numbers(&made.x));
        Ok(Self {
            initial: made.x.clone(),
            rf: made.rf,
            unbooked: made.work,
            here: Place {
                x: made.x,
                predictor: Predictor::default(),
            },
            turn: None,
            step_length: StepLength::default(),
        })
    }

    /// The objective, with this start's scales.
    pub(super) fn objective<'a>(
        &self,
        ladder: &Ladder,
        action: &'a Action,
    ) -> Result<ActionAt<'a>> {
        let mut objective = action.at(ladder.lowest())?;
        objective.scale_from(&self.initial);
        Ok(objective)
    }

    /// Goes one level further and adds it to the result, which then says
    /// whether the start has ended; returns the place of the level there. One
    /// that was broken off leaves the climb as it was.
    pub(super) fn advance(
        &mut self,
        (annealer, ladder): (&Annealer, &Ladder),
        stage: Stage,
        objective: &mut ActionAt<'_>,
        start: &mut StartResult,
        watch: &Watch<'_>,
    ) -> Result<usize> {
        let (reached, down, place) = loop {
            let (step, down) = self.next(ladder, stage, &start.levels);
            objective.set_rf(step.rf)?;
            let mut place = match &self.turn {
                Some(turn) if !down => turn.clone(),
                _ => self.here.clone(),
            };
            let last = start.levels.last();
            let last = last.filter(|_| ladder.is_adaptive());
            let most = last.map_or(usize::MAX, |_| self.step_length.most());
            let way = (&mut place, step, [most, stage.most]);
            let reached = self.reach(annealer, objective, way, start, watch);
            let stands = reached.answer.is_break()
                || last.is_none_or(|last| {
                    self.step_length
                        .judge(last, &reached.level, ladder.limits.enough)
                });
            if stands {
                break (reached, down, place);
            }
            // Taken back: the next try is shorter.
            self.unbooked.add(reached.level.work);
        };
        let Reached {
            mut level,
            mut answer,
        } = reached;
        level.work.add(self.unbooked);
        let before = start.levels.partition_point(|l| l.beta < level.beta);
        if answer.is_continue() {
            // On the way down the level above is the only one to compare with.
            let other = start.levels.get(before.saturating_sub(1));
            let may_end = ladder.may_end(start.levels.len() + 1);
            place.locate(objective, (&mut level, other), (ladder.limits, may_end));
            self.settle_at(place, down);
            answer = watch.tell(Event::LevelReached {
                start: start.index,
                beta: level.beta,
                rf: level.rf,
                action: level.action.total,
            });
            start.end = ladder.ends_with(&level, start.levels.len() + 1);
            start.finished = start.end.is_some();
        }
        start.levels.insert(before, level);
        if !start.finished {
            let spent = self.spent(start);
            let answer = answer.break_value();
            start.stopped =
                answer.or_else(|| annealer.budget.allows(spent, stage.most).break_value());
        }
        Ok(before)
    }

    /// Minimizes at one step, under the eyes of the observer and the budget, and
    /// gives up after so many factorizations; or for good, after so many in all.
    fn reach(
        &self,
        annealer: &Annealer,
        objective: &mut ActionAt<'_>,
        (place, step, [most, in_all]): (&mut Place, Step, [usize; 2]),
        start: &StartResult,
        watch: &Watch<'_>,
    ) -> Reached {
        let spent = self.spent(start);
        let span = spans::level(step);
        let mut given_up = false;
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
            annealer.budget.allows(work, in_all)?;
            given_up = iteration.work.factorizations >= most;
            match given_up {
                true => ControlFlow::Break(Stop::Cancelled),
                false => ControlFlow::Continue(()),
            }
        };
        let descent = annealer.descent();
        let mut reached = minimize(descent, objective, place, step, &mut observe);
        if given_up {
            reached.answer = ControlFlow::Continue(());
        }
        spans::reached(&span, &reached.level);
        reached
    }

    /// The step after the levels that were reached, and whether it leads down.
    fn next(&self, ladder: &Ladder, stage: Stage, levels: &[Level]) -> (Step, bool) {
        match &ladder.steps {
            Steps::Fixed(steps) => {
                let below = steps.partition_point(|step| step.rf < self.rf);
                if levels.len() < below {
                    (steps[below - 1 - levels.len()], true)
                } else {
                    (steps[levels.len()], false)
                }
            }
            Steps::Adaptive(range) => {
                let first = range.first.max(self.rf);
                let end = range.last.rf.min(stage.rung);
                let rf = levels
                    .last()
                    .map_or(first, |last| self.step_length.after(last.rf, end));
                (range.step(rf), false)
            }
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

    /// The fingerprint of the start.
    pub(super) fn origin(&self) -> u64 {
        Hash::of_numbers(&self.initial)
    }

    /// The R_f at which the start was made, zero where it has none of its own.
    pub(super) fn own_rf(&self) -> f64 {
        self.rf
    }

    /// Whether it is one of that many unknowns.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        let mut places = std::iter::once(&self.here).chain(&self.turn);
        self.initial.len() == dimension
            && places.all(|place| place.x.len() == dimension && place.predictor.fits(dimension))
    }

    /// What the start has cost so far.
    pub(super) fn spent(&self, start: &StartResult) -> Work {
        let mut work = start.work();
        work.add(self.unbooked);
        work
    }
}

impl Place {
    /// Notes where the level that was reached here stands on the hill of the model
    /// error.
    fn locate(
        &self,
        objective: &mut ActionAt<'_>,
        (level, other): (&mut Level, Option<&Level>),
        ends: (Limits, bool),
    ) {
        let found = self
            .predictor
            .hill(objective, &self.x, (level, other), ends);
        let (hill, factorizations) = found;
        level.hill = hill;
        level.work.factorizations += factorizations;
    }
}

/// What a minimization came to.
struct Reached {
    level: Level,
    /// `Break` where there is no minimum to go on from.
    answer: ControlFlow<Stop>,
}

/// Minimizes from the place where the last level was, and moves it.
fn minimize(
    descent: Descent<'_>,
    objective: &mut ActionAt<'_>,
    Place { x, predictor }: &mut Place,
    step: Step,
    observe: &mut dyn FnMut(Iteration) -> ControlFlow<Stop>,
) -> Reached {
    let mut answer = ControlFlow::Continue(());
    let mut observe = |iteration: Iteration| {
        answer = observe(iteration);
        answer.map_break(|_| ())
    };
    let near = predictor.predict(objective, x);
    let mut outcome = descent.minimize(objective, (&mut *x, near), &mut observe);
    let mut work = outcome.work;
    // Whether it has curvature to tell a minimum from a saddle.
    let curved =
        work.factorizations > 0 || (work.iterations == 0 && objective.has_exact_curvature());
    for _ in 0..MOST_SADDLES {
        let ended = outcome.termination;
        if !curved || !matches!(ended, Termination::Converged | Termination::RoundingLimit) {
            break;
        }
        match predictor.note(objective, x) {
            Ok(factorizations) => {
                work.factorizations += factorizations;
                break;
            }
            Err(factorizations) => work.factorizations += factorizations,
        }
        let (left, factorizations) = leave_saddle(objective, x);
        work.factorizations += factorizations;
        if !left {
            break;
        }
        outcome = descent.minimize(objective, (&mut *x, false), &mut observe);
        work.add(outcome.work);
    }
    let termination = outcome.termination;
    let level = Level {
        beta: step.beta,
        rf: step.rf,
        action: objective.terms(x),
        hill: Hill::Unknown,
        estimate: objective.action().estimate_of(x),
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
    Reached { level, answer }
}
