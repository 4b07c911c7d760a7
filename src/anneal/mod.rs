//! Annealing: minima of the action followed from small to large R_f.
//!
//! At R_f → 0 the model does not matter and the minimum is known. Raising R_f
//! step by step and starting each minimization from the last minimum follows
//! that minimum to where the model is a hard constraint. Several starts show
//! whether the lowest level was found.

mod nudging;
mod results;
mod schedule;
mod signal;
mod spanning;
mod starts;
mod track;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nudging::Settling;
pub use results::{Annealing, Level, StartResult};
pub use schedule::{Schedule, Step};
pub use starts::Starts;
use track::Track;

use crate::action::{Action, ActionAt};
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::minimize::{GaussNewton, Iteration, Minimizer, Termination};
use crate::model::Model;

/// Follows minima of an action along a schedule of R_f, from several starts:
/// each minimization begins at the minimum of a neighbouring R_f. The first
/// one begins at the start's initial path, at the smallest R_f; a nudged path,
/// which belongs to a larger one, is followed down and up from there.
///
/// The same seed gives the same bits for any number of threads.
#[derive(Clone)]
#[must_use = "an annealer does nothing until it is run"]
pub struct Annealer {
    schedule: Schedule,
    starts: Starts,
    count: usize,
    seed: u64,
    threads: Option<usize>,
    minimizer: Arc<dyn Minimizer>,
}

/// What an annealing tells its observer while it runs.
///
/// The events of one start come in this order: `StartBegan`; `Settling`, where
/// the start is nudged; the levels, each with its `Iteration`s and then
/// `LevelReached`; `StartEnded`. A nudged start settles at some R_f of its own:
/// its levels come downwards from there to the smallest R_f, then upwards from
/// there to the largest. Other starts go upwards only. [`StartResult::levels`]
/// are in the order of β however they were reached. `StartBegan` and
/// `StartEnded` come for every start, also when the observer has stopped the
/// annealing; the other events then come no more.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A start begins, on the thread that will run all of it.
    StartBegan {
        /// Its index.
        start: usize,
    },
    /// A step of a minimizer was accepted while a start was made, before the
    /// first level.
    Settling {
        /// Index of the start.
        start: usize,
        /// The model precision R_f.
        rf: f64,
        /// The action.
        action: f64,
    },
    /// A step of a minimizer was accepted.
    Iteration {
        /// Index of the start.
        start: usize,
        /// The exponent β.
        beta: f64,
        /// Number of the iteration at this level, from 1.
        number: usize,
        /// The action.
        action: f64,
    },
    /// A level was reached; not sent for one that was cancelled or whose
    /// values are not finite.
    LevelReached {
        /// Index of the start.
        start: usize,
        /// The exponent β.
        beta: f64,
        /// The model precision.
        rf: f64,
        /// The action.
        action: f64,
    },
    /// A start has ended, on the same thread.
    StartEnded {
        /// Its index.
        start: usize,
    },
}

/// Sees the events of all starts, from several threads; `Break` stops all of
/// them, and what was reached is returned.
pub type Observer<'a> = dyn Fn(Event) -> ControlFlow<()> + Sync + 'a;

impl Annealer {
    /// An annealer with 4 nudged starts, seed 0 and Gauss-Newton.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            starts: Starts::default(),
            count: 4,
            seed: 0,
            threads: None,
            minimizer: Arc::new(GaussNewton::default()),
        }
    }

    /// Number of starts. Starts that would be identical are run once:
    /// [`Starts::Given`], and [`Starts::Mean`] with fixed parameters only.
    pub fn starts(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// How initial paths are made.
    pub fn start_with(mut self, starts: Starts) -> Self {
        self.starts = starts;
        self
    }

    /// The seed of everything random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Number of threads; without it, those of the current rayon pool. Without
    /// the feature `rayon` there is one.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The minimizer.
    pub fn minimizer(mut self, minimizer: impl Minimizer + 'static) -> Self {
        self.minimizer = Arc::new(minimizer);
        self
    }

    /// Anneals every start to the end of the schedule.
    ///
    /// # Errors
    /// [`Error::Empty`] for no starts, [`Error::NotPositive`] for no threads,
    /// [`Error::ModelNotFinite`] when the model gives NaN or infinity at every
    /// start's initial path, and what [`Action::pack`] says of a given path.
    pub fn run<M: Model, R: Rule<M>>(&self, action: &Action<M, R>) -> Result<Annealing> {
        self.run_observed(action, &|_| ControlFlow::Continue(()))
    }

    /// The same under the eyes of an observer.
    ///
    /// # Errors
    /// As [`Annealer::run`].
    pub fn run_observed<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        observer: &Observer<'_>,
    ) -> Result<Annealing> {
        if self.count == 0 {
            return Err(Error::Empty {
                what: "starts",
                place: "annealer".into(),
            });
        }
        if self.threads == Some(0) {
            return Err(Error::NotPositive {
                what: "threads",
                place: "annealer".into(),
                found: 0.0,
            });
        }
        let stop = AtomicBool::new(false);
        let tell = |event| {
            let frame = matches!(event, Event::StartBegan { .. } | Event::StartEnded { .. });
            let told = frame || !stop.load(Ordering::Relaxed);
            if told && observer(event).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let count = self.starts.distinct(action, self.count);
        let starts = self.in_parallel(count, |index| self.anneal(action, index, &tell))?;
        let annealing = Annealing { starts };
        self.check_finite(action, &annealing)?;
        Ok(annealing)
    }

    #[cfg(feature = "rayon")]
    fn in_parallel(
        &self,
        count: usize,
        one: impl Fn(usize) -> Result<StartResult> + Sync + Send,
    ) -> Result<Vec<StartResult>> {
        use rayon::prelude::*;
        let all = || {
            let indices = (0..count).into_par_iter().with_max_len(1);
            indices.map(&one).collect()
        };
        match self.threads {
            Some(1) => (0..count).map(one).collect(),
            Some(threads) => rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .map_err(|error| Error::Threads {
                    expected: threads,
                    reason: error.to_string(),
                })?
                .install(all),
            None => all(),
        }
    }

    #[cfg(not(feature = "rayon"))]
    fn in_parallel(
        &self,
        count: usize,
        one: impl Fn(usize) -> Result<StartResult>,
    ) -> Result<Vec<StartResult>> {
        (0..count).map(one).collect()
    }

    /// One start from its initial path to the end of the schedule.
    fn anneal<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        index: usize,
        tell: &dyn Fn(Event) -> ControlFlow<()>,
    ) -> Result<StartResult> {
        let seed = starts::seed_of(self.seed, index);
        let mut result = StartResult {
            index,
            kind: self.starts.name().into(),
            seed,
            levels: Vec::new(),
            finished: false,
        };
        let climbed = match tell(Event::StartBegan { start: index }) {
            ControlFlow::Continue(()) => self.climb(action, &mut result, tell),
            ControlFlow::Break(()) => Ok(()),
        };
        // The start is over whatever the observer answers.
        let _ = tell(Event::StartEnded { start: index });
        climbed.map(|()| result)
    }

    /// Makes one start and adds its levels to the result.
    fn climb<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        result: &mut StartResult,
        tell: &dyn Fn(Event) -> ControlFlow<()>,
    ) -> Result<()> {
        let (index, seed) = (result.index, result.seed);
        let Some(first) = self.schedule.steps().first() else {
            return Ok(());
        };
        let mut watch = |rf, action| {
            tell(Event::Settling {
                start: index,
                rf,
                action,
            })
        };
        let settling = Settling {
            minimizer: &*self.minimizer,
            lowest: first.rf,
            watch: &mut watch,
        };
        let start = starts::make(action, &self.starts, (index, seed), settling)?;
        result.kind = start.kind.into();
        let mut objective = action.at(first.rf)?;
        objective.scale_from(&start.x);
        // A settled path belongs to one R_f: the ladder leads down from there
        // as well as up.
        let steps = self.schedule.steps();
        let (below, above) = steps.split_at(steps.partition_point(|step| step.rf < start.rf));
        let mut work = start.work;
        let legs = [(true, below), (false, above)];
        'legs: for (down, leg) in legs {
            let mut x = start.x.clone();
            let mut track = Track::default();
            for k in 0..leg.len() {
                let step = leg[if down { leg.len() - 1 - k } else { k }];
                objective.set_rf(step.rf)?;
                let mut level = self.level(
                    action,
                    (&mut objective, &mut track),
                    &mut x,
                    (index, step),
                    tell,
                );
                level.work.add(std::mem::take(&mut work));
                let termination = level.termination;
                let reached = Event::LevelReached {
                    start: index,
                    beta: step.beta,
                    rf: step.rf,
                    action: level.action.total,
                };
                result.levels.push(level);
                let ended = matches!(termination, Termination::Cancelled | Termination::NonFinite);
                if ended || tell(reached).is_break() {
                    break 'legs;
                }
            }
        }
        result.levels.sort_by(|a, b| a.beta.total_cmp(&b.beta));
        let usable = |level: &Level| {
            !matches!(
                level.termination,
                Termination::Cancelled | Termination::NonFinite
            )
        };
        result.finished =
            result.levels.len() == self.schedule.steps().len() && result.levels.iter().all(usable);
        Ok(())
    }

    fn level<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        (objective, track): (&mut ActionAt<'_, M, R>, &mut Track),
        x: &mut [f64],
        (start, step): (usize, Step),
        tell: &dyn Fn(Event) -> ControlFlow<()>,
    ) -> Level {
        let mut watch = |iteration: Iteration| {
            tell(Event::Iteration {
                start,
                beta: step.beta,
                number: iteration.number,
                action: iteration.value,
            })
        };
        let outcome = if track.predict(objective, x) {
            self.minimizer.minimize_nearby(objective, x, &mut watch)
        } else {
            self.minimizer.minimize(objective, x, &mut watch)
        };
        let mut work = outcome.work;
        let minimum = matches!(
            outcome.termination,
            Termination::Converged | Termination::RoundingLimit
        );
        if minimum && work.factorizations > 0 {
            work.factorizations += track.note(objective, x);
        }
        Level {
            beta: step.beta,
            rf: step.rf,
            action: objective.terms(x),
            estimate: action.unpack(x),
            termination: outcome.termination,
            work,
        }
    }

    /// A model that is finite nowhere is bad input.
    fn check_finite<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        annealing: &Annealing,
    ) -> Result<()> {
        let broken = |start: &StartResult| {
            let mut levels = start.levels.iter();
            !start.levels.is_empty() && levels.all(|l| l.termination == Termination::NonFinite)
        };
        if annealing.starts.iter().all(broken) {
            let mut objective = action.at(self.schedule.steps()[0].rf)?;
            let level = &annealing.starts[0].levels[0];
            let x = action.pack(&level.estimate)?;
            return Err(objective.locate_non_finite(&x));
        }
        Ok(())
    }
}
