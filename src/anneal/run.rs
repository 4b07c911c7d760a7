//! An annealing on its way.

use std::ops::{ControlFlow, Deref};
use std::time::Instant;

use super::checkpoint::{Checkpoint, Kept};
use super::climb::Climb;
use super::events::{Observer, Watch};
use super::ladder::Ladder;
use super::multi_start::{Climber, MultiStart};
use super::race::{Race, Stage};
use super::results::{Annealing, Level, StartResult, Stop};
use super::starts::Starts;
use super::{Annealer, Schedule, spanning, starts};
use crate::action::Action;
use crate::error::{Error, Result, check_count};
use crate::minimize::Termination;

/// More starts or threads than these are refused as a mistake, before memory is asked
/// for.
const MOST_STARTS: usize = 1_000_000;
const MOST_THREADS: usize = 4096;

/// An annealing that is stepped by hand, from [`Annealer::begin`].
///
/// Each [`step`](Self::step) takes every start one level further; between steps
/// there is [`annealing`](Self::annealing), with all levels so far, and starts
/// that do not deserve more can be [stopped](Self::stop). However the steps are
/// made, each start reaches the same levels, bit by bit.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 101)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?))?;
/// # let builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window()?);
/// # let builder = builder.parameter("sigma", Parameter::fixed(10.0));
/// # let builder = builder.parameter("rho", Bounds::new(0.0, 60.0)?);
/// # let builder = builder.parameter("beta", Parameter::fixed(8.0 / 3.0));
/// # let action = builder.build()?;
/// let annealer = Annealer::new(Schedule::geometric(1e-4, 2.0, 0..=30)?).starts(2);
/// let mut run = annealer.begin(&action)?;
/// while run.step()? {
///     // From β = 20 on the lower start goes on alone.
///     let level = |k: usize| {
///         let mut levels = run.annealing().starts[k].levels.iter();
///         levels.find(|level| level.beta == 20.0).map(|level| level.action.total)
///     };
///     if let (Some(a), Some(b)) = (level(0), level(1)) {
///         run.stop(usize::from(a <= b));
///     }
/// }
/// let annealing = run.into_annealing();
/// assert_eq!(annealing.starts.iter().filter(|start| start.finished).count(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a run does nothing until it is stepped"]
pub struct Run<'a> {
    annealer: Annealer,
    ladder: Ladder,
    action: Held<'a>,
    annealing: Annealing,
    /// One a start.
    climbers: Vec<Climber>,
    /// Whether starts of a race may take as long as they like, because all of
    /// them do.
    patient: bool,
    deadline: Option<Instant>,
    checkpoint: Option<Checkpoint>,
    #[cfg(feature = "rayon")]
    pool: Option<rayon::ThreadPool>,
}

/// The action that is annealed.
enum Held<'a> {
    Given(&'a Action),
    /// The same with the shape that was not given.
    Balanced(Box<Action>),
}

impl Deref for Held<'_> {
    type Target = Action;

    fn deref(&self) -> &Action {
        match self {
            Self::Given(action) => action,
            Self::Balanced(action) => action,
        }
    }
}

impl<'a> Held<'a> {
    fn new(schedule: &Schedule, action: &'a Action) -> Result<Self> {
        let shape = match schedule.finds_rf() {
            true => spanning::unset_shape(action)?,
            false if action.is_unshaped() => schedule.shape().to_vec(),
            false => Vec::new(),
        };
        Ok(match shape.is_empty() {
            true => Self::Given(action),
            false => Self::Balanced(Box::new(action.balanced_by(&shape)?)),
        })
    }
}

impl Annealer {
    /// An annealing to be gone through step by step: see [`Run`].
    ///
    /// # Errors
    /// [`Error::Empty`] for no starts, [`Error::NotPositive`] for no threads,
    /// [`Error::OutOfRange`] for more than a million starts or 4096 threads,
    /// [`Error::Threads`] where there cannot be so many; [`Error::Checkpoint`]
    /// for a checkpoint that is damaged or belongs to another annealing,
    /// [`Error::File`] for one that cannot be read or written.
    pub fn begin<'a>(&self, action: &'a Action) -> Result<Run<'a>> {
        if self.count == 0 {
            return Err(Error::Empty {
                what: "starts",
                place: "annealer".into(),
            });
        }
        let place = || String::from("annealer");
        check_count("starts", place, self.count, MOST_STARTS)?;
        check_count("threads", place, self.threads.unwrap_or(1), MOST_THREADS)?;
        if self.starts.as_ref().is_some_and(Starts::is_empty) {
            return Err(Error::Empty {
                what: "kinds of starts",
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
        Run::new(self.clone(), action)
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(annealer: Annealer, action: &'a Action) -> Result<Self> {
        let action = Held::new(&annealer.schedule, action)?;
        let kinds = annealer.kinds();
        let count = kinds.distinct(&action, annealer.count);
        let start = |index| StartResult {
            index,
            kind: kinds.of(index).name().into(),
            seed: starts::seed_of(annealer.seed, index),
            origin: None,
            levels: Vec::new(),
            finished: false,
            stopped: None,
            end: None,
        };
        let mut run = Self {
            annealing: Annealing {
                starts: (0..count).map(start).collect(),
            },
            climbers: (0..count).map(|_| Climber::default()).collect(),
            patient: false,
            checkpoint: None,
            deadline: annealer.budget.deadline(),
            ladder: Ladder::new(&annealer.schedule, &action)?,
            #[cfg(feature = "rayon")]
            pool: pool(annealer.threads, action.windows().len())?,
            annealer,
            action,
        };
        run.open_checkpoint()?;
        Ok(run)
    }

    /// Goes on from the checkpoint, or begins one.
    fn open_checkpoint(&mut self) -> Result<()> {
        let Some(path) = &self.annealer.checkpoint else {
            return Ok(());
        };
        let mut checkpoint = Checkpoint::new(path, (&self.annealer, &self.ladder), &self.action)?;
        let found = checkpoint.load(&|kept| self.fits(kept))?;
        let fresh = found.is_none();
        let starts = self.annealing.starts.iter_mut();
        let pairs = starts.zip(&mut self.climbers);
        for ((start, climber), kept) in pairs.zip(found.into_iter().flatten()) {
            climber.restore(&self.annealer, start, kept);
        }
        for (start, climber) in self.annealing.starts.iter().zip(&self.climbers) {
            checkpoint.add(start, climber.climb.as_ref());
        }
        if fresh {
            // Whether it can be written shows now.
            checkpoint.write_now()?;
        }
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// Whether a start of this run can have come to that.
    fn fits(&self, kept: &Kept) -> bool {
        let shape = |level: &Level| {
            let x = self.action.pack(&level.estimate);
            !matches!(x, Err(crate::Error::Length { .. }))
        };
        let ended = kept.finished || kept.stopped.is_some();
        let dimension = self.action.layout().dimension();
        kept.climb
            .as_ref()
            .is_none_or(|climb| climb.fits(dimension))
            && kept.climb.is_some() != kept.levels.is_empty()
            && kept.levels.iter().all(shape)
            && (ended || self.ladder.has_more(kept.levels.len()))
    }

    /// Takes every start that has not ended one level further; the first step
    /// makes the starts too. Returns whether any start can go on.
    ///
    /// # Errors
    /// [`Error::ModelNotFinite`](crate::Error::ModelNotFinite) when the model
    /// gives NaN or infinity at every start's initial path, what
    /// [`Action::pack`] says of a given path, and
    /// [`Error::File`](crate::Error::File) when the checkpoint cannot be
    /// written.
    pub fn step(&mut self) -> Result<bool> {
        self.step_observed(&|_| ControlFlow::Continue(()))
    }

    /// The same under the eyes of an observer. `Break` stops all starts for
    /// good.
    ///
    /// # Errors
    /// As [`Run::step`].
    pub fn step_observed(&mut self, observer: &Observer<'_>) -> Result<bool> {
        if self.annealer.races {
            return self.run_to_next_rung(observer);
        }
        let levels: Vec<usize> = self.starts().map(|start| start.levels.len()).collect();
        let fresh = |start: &StartResult| start.levels.len() == levels[start.index];
        self.advance_while(observer, Stage::ALL, &fresh)?;
        Ok(self.starts().any(|start| !start.ended()))
    }

    /// One stage of a race.
    fn run_to_next_rung(&mut self, observer: &Observer<'_>) -> Result<bool> {
        let Some(stage) = self.judge()? else {
            // Those who were dropped are told of.
            self.advance_while(observer, Stage::ALL, &|_| false)?;
            return Ok(false);
        };
        let ahead = |start: &StartResult| stage.is_ahead_of(start);
        self.advance_while(observer, stage, &ahead)?;
        Ok(self.starts().any(|start| !start.ended()) || self.judge()?.is_some())
    }

    /// Drops those who lag behind; the next stage of the race.
    fn judge(&mut self) -> Result<Option<Stage>> {
        let climbs = self.climbers.iter().filter_map(|c| c.climb.as_ref());
        let own = climbs.map(Climb::own_rf).fold(0.0, f64::max);
        let first = match own > 0.0 {
            true => own,
            false => spanning::balance(&self.action)?,
        };
        let mut race = Race {
            ladder: &self.ladder,
            first,
            deviation: self.action.noise_deviation(),
            patient: self.patient,
        };
        let starts = &mut self.annealing.starts;
        let before: Vec<_> = starts.iter().map(|start| start.stopped).collect();
        let mut stage = race.judge(starts);
        let crawls = |start: &&mut StartResult| start.stopped == Some(Stop::Crawling);
        if stage.is_none() && !race.patient && !starts.iter().any(|start| start.finished) {
            // Where all are slow, none is slower than others.
            for start in starts.iter_mut().filter(crawls) {
                start.stopped = None;
                start
                    .levels
                    .retain(|l| l.termination != Termination::Cancelled);
            }
            self.patient = true;
            race.patient = true;
            stage = race.judge(starts);
        }
        if let Some(checkpoint) = &self.checkpoint {
            for (start, climber) in starts.iter().zip(&self.climbers) {
                if start.stopped != before[start.index] {
                    checkpoint.note(start, climber.climb.as_ref(), &[]);
                }
            }
        }
        Ok(stage)
    }

    /// Takes every start to the end of the schedule.
    ///
    /// # Errors
    /// As [`Run::step`].
    pub fn finish(&mut self) -> Result<()> {
        self.finish_observed(&|_| ControlFlow::Continue(()))
    }

    /// The same under the eyes of an observer.
    ///
    /// # Errors
    /// As [`Run::step`].
    pub fn finish_observed(&mut self, observer: &Observer<'_>) -> Result<()> {
        if self.annealer.races {
            while self.run_to_next_rung(observer)? {}
            return Ok(());
        }
        self.advance_while(observer, Stage::ALL, &|_| true)
    }

    /// Lets a start go no further: it ends as [`Stop::Dropped`]. Nothing
    /// happens to one that has ended, or that does not exist.
    pub fn stop(&mut self, start: usize) {
        let running = self.annealing.starts.get_mut(start);
        if let Some(start) = running.filter(|start| !start.ended()) {
            start.stopped = Some(Stop::Dropped);
            if let (Some(checkpoint), Some(climber)) =
                (&self.checkpoint, self.climbers.get(start.index))
            {
                checkpoint.note(start, climber.climb.as_ref(), &[]);
            }
        }
    }

    /// What there is so far.
    #[must_use]
    pub fn annealing(&self) -> &Annealing {
        &self.annealing
    }

    /// What there is, for keeps.
    #[must_use]
    pub fn into_annealing(self) -> Annealing {
        self.annealing
    }

    fn starts(&self) -> impl Iterator<Item = &StartResult> {
        self.annealing.starts.iter()
    }

    /// Takes each start from level to level as long as `more` says so and
    /// it has not ended.
    fn advance_while(
        &mut self,
        observer: &Observer<'_>,
        stage: Stage,
        more: &(dyn Fn(&StartResult) -> bool + Sync),
    ) -> Result<()> {
        let multi_start = MultiStart {
            annealer: &self.annealer,
            ladder: &self.ladder,
            action: &self.action,
            watch: Watch::new(observer, self.deadline),
            stage,
            more,
            checkpoint: self.checkpoint.as_ref(),
        };
        let (starts, climbers) = (&mut self.annealing.starts, &mut self.climbers);
        #[cfg(feature = "rayon")]
        match &self.pool {
            Some(pool) => pool.install(|| multi_start.in_parallel(starts, climbers))?,
            None if self.annealer.threads == Some(1) => multi_start.one_by_one(starts, climbers)?,
            None => multi_start.in_parallel(starts, climbers)?,
        }
        #[cfg(not(feature = "rayon"))]
        multi_start.one_by_one(starts, climbers)?;
        if let ControlFlow::Break(why) = multi_start.watch.answer() {
            // Some had come to where they were to go before.
            for (start, climber) in starts.iter_mut().zip(climbers) {
                if !start.ended() {
                    start.stopped = Some(why);
                }
                climber.tell_end(start, &multi_start.watch);
            }
        }
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.write_now()?;
        }
        self.check_finite()
    }

    /// A model that is finite nowhere is bad input.
    fn check_finite(&self) -> Result<()> {
        let broken = |start: &StartResult| {
            let mut levels = start.levels.iter();
            !start.levels.is_empty() && levels.all(|l| l.termination == Termination::NonFinite)
        };
        if self.starts().all(broken) {
            let mut objective = self.action.at(self.ladder.lowest())?;
            let level = &self.annealing.starts[0].levels[0];
            let x = self.action.pack(&level.estimate)?;
            return Err(objective.locate_non_finite(&x));
        }
        Ok(())
    }
}

/// The threads that were asked for; none where those at hand serve. A single
/// one must be a pool where windows would spread over the threads at hand.
#[cfg(feature = "rayon")]
fn pool(threads: Option<usize>, windows: usize) -> Result<Option<rayon::ThreadPool>> {
    let Some(threads) = threads.filter(|threads| *threads > 1 || windows > 1) else {
        return Ok(None);
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map(Some).map_err(|error| crate::Error::Threads {
        expected: threads,
        reason: error.to_string(),
    })
}
