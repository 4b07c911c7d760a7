//! Annealing: minima of the action followed from small to large R_f.
//!
//! At R_f → 0 the model does not matter and the minimum is known. Raising R_f
//! step by step and starting each minimization from the last minimum follows
//! that minimum to where the model is a hard constraint. Several starts show
//! whether the lowest level was found.

mod budget;
mod checkpoint;
mod climb;
mod coarse;
mod descent;
mod events;
mod growing;
mod hash;
mod hill;
mod ladder;
mod minibatches;
mod multi_start;
mod nudging;
mod plain;
mod predictor;
mod race;
mod rest;
mod results;
mod run;
mod schedule;
mod settling;
mod signal;
mod spanning;
mod spans;
mod starts;
mod step_length;
mod units;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use budget::Budget;
pub use events::{Event, Observer};
pub use minibatches::{Minibatches, Turn};
pub(crate) use nudging::lengthened;
pub(crate) use race::same_minimum;
pub use results::{Annealing, End, Hill, Level, StartResult, Stop};
pub use run::Run;
pub use schedule::{Schedule, Step};
pub(crate) use spanning::imbalance;
pub use starts::Starts;

use crate::action::Action;
use crate::error::Result;
use crate::minimize::{GaussNewton, Minimizer};
use descent::Descent;

/// Follows minima of an action along a schedule of R_f, from several starts:
/// each minimization begins at the minimum of a neighbouring R_f, moved along
/// that minimum's tangent where this lowers the action. The first one begins
/// at the start's initial path, at the smallest R_f; a nudged path, which
/// belongs to a larger one, is followed down and up from there.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let action = Action::builder(Lorenz63, SimpsonHermite)
/// #     .window(twin.window()?)
/// #     .parameter("sigma", Parameter::fixed(10.0))
/// #     .parameter("rho", Bounds::new(0.0, 60.0)?)
/// #     .parameter("beta", Parameter::fixed(8.0 / 3.0))
/// #     .build()?;
/// // Lorenz-63 with ρ = 28, of which x and y were measured.
/// let annealer = Annealer::new(Schedule::adaptive()).race(4).seed(7);
/// let annealing = annealer.run(&action)?;
/// let (_, best) = annealing.best().expect("a start that reached the end");
/// let spreads = action.parameter_spreads(best.rf, &best.estimate)?;
/// let deviation = spreads[0].deviation.expect("no bound");
/// assert!((best.estimate.parameters[1] - 28.0).abs() < 4.0 * deviation);
/// # Ok(())
/// # }
/// ```
///
/// The same seed gives the same bits for any number of threads.
#[doc(alias("4D-Var", "data assimilation", "smoothing", "least squares", "fit"))]
#[derive(Clone)]
#[must_use = "an annealer does nothing until it is run"]
pub struct Annealer {
    schedule: Schedule,
    /// Where it is not given, it depends on whether they race.
    starts: Option<Starts>,
    count: usize,
    races: bool,
    seed: u64,
    threads: Option<usize>,
    budget: Budget,
    checkpoint: Option<PathBuf>,
    minimizer: Arc<dyn Minimizer>,
    by_errors: bool,
}

impl Annealer {
    /// An annealer with 4 nudged starts, seed 0 and Gauss-Newton.
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            starts: None,
            count: 4,
            races: false,
            seed: 0,
            threads: None,
            budget: Budget::default(),
            checkpoint: None,
            minimizer: Arc::new(GaussNewton::default()),
            by_errors: false,
        }
    }

    /// Number of starts. Starts that would be identical are run once:
    /// [`Starts::Given`], and [`Starts::Mean`] with fixed parameters only.
    #[doc(alias = "multi-start")]
    pub fn starts(mut self, count: usize) -> Self {
        self.count = count;
        self.races = false;
        self
    }

    /// Number of starts of a race (successive halving): all of them reach their
    /// first levels, then a first rung of R_f where the higher half of them is
    /// [dropped](Stop::Dropped), then further ones. Dropped are also those that
    /// stand at the [same minimum](Stop::Duplicate) as a lower one, are above
    /// the lowest by five standard deviations of the action, or
    /// [crawl](Stop::Crawling). Two are left at the end, if they differ: the
    /// gap between them says how sure the data are.
    ///
    /// Rungs are 130 times the R_f apart, and the first is where all paths have
    /// settled: levels separate early, and finding out costs little.
    #[doc(alias("global minimum", "global optimization", "multi-start"))]
    pub fn race(mut self, count: usize) -> Self {
        self.count = count;
        self.races = true;
        self
    }

    /// How initial paths are made; where this is not called, as
    /// [`Starts::Nudged`], or in a race as [`Starts::portfolio`].
    pub fn start_with(mut self, starts: Starts) -> Self {
        self.starts = Some(starts);
        self
    }

    /// The seed of everything random.
    #[doc(alias("reproducible", "random"))]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Number of threads, in a pool of the run's own. Without it, those of the
    /// rayon pool in which the run is called, which is how to give it one:
    /// `pool.install(|| annealer.run(&action))`. Starts and windows share
    /// them. Without the feature `rayon` there is one.
    #[doc(alias("parallel", "cores"))]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The minimizer.
    #[doc(alias("optimizer", "learning rate"))]
    pub fn minimizer(mut self, minimizer: impl Minimizer + 'static) -> Self {
        self.minimizer = Arc::new(minimizer);
        self
    }

    /// Minimizes over the [errors](crate::ByErrors) that the model makes in the place
    /// of the states, as [`ActionAt::minimize_by_errors`] does: for minimizers that go
    /// by gradients, and networks of feed-forward and residual layers. Others are
    /// minimized by their states as ever.
    ///
    /// By states a large R_f ties each to the one before it, and steps become short;
    /// by errors it is a scale. At R_f → ∞ this is back-propagation.
    ///
    /// [`ActionAt::minimize_by_errors`]: crate::ActionAt::minimize_by_errors
    pub fn by_errors(mut self) -> Self {
        self.by_errors = true;
        self
    }

    /// The minimizer with the unknowns that it is to have.
    fn descent(&self) -> Descent<'_> {
        Descent {
            minimizer: &*self.minimizer,
            by_errors: self.by_errors,
        }
    }

    /// Stops all starts when so much time has passed since the run began or was
    /// resumed, at the next step of their minimizers: [`Stop::TimeBudget`].
    #[doc(alias = "timeout")]
    pub fn time_budget(mut self, time: Duration) -> Self {
        self.budget.time = Some(time);
        self
    }

    /// Stops each start, at the next step of its minimizer, when it has taken
    /// that many factorizations, those before it was resumed included:
    /// [`Stop::WorkBudget`]. Every start has its own, so that the cut is the
    /// same for any number of threads.
    pub fn factorization_budget(mut self, most: usize) -> Self {
        self.budget.factorizations = Some(most);
        self
    }

    /// The same for evaluations of the action: for minimizers that factor
    /// nothing.
    pub fn evaluation_budget(mut self, most: usize) -> Self {
        self.budget.evaluations = Some(most);
        self
    }

    /// Keeps the state of a run in a file, and goes on from that file where it
    /// exists: the same program, started again after any end, comes to the same
    /// bits (on the same build and instruction set) as one that never ended.
    ///
    /// The file is written after each level, but never so often that it takes
    /// more than a tenth of the time, and when a run ends or is
    /// [stepped](Run::step). Budgets and an observer's `Break` leave it where
    /// one can go on. It is refused where the action, the data or a setting
    /// of the annealer that results depend on has changed: not budgets and
    /// threads. Delete it, or name another, to begin anew. Only one run at a
    /// time may keep a file.
    #[doc(alias("resume", "save", "restart"))]
    pub fn checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(path.into());
        self
    }

    /// Anneals every start to the end of the schedule.
    ///
    /// # Errors
    /// [`Error::Empty`] for no starts, [`Error::NotPositive`] for no threads,
    /// [`Error::OutOfRange`] for more than a million starts or 4096 threads,
    /// [`Error::ModelNotFinite`] when the model gives NaN or infinity at every
    /// start's initial path, and what [`Action::pack`] says of a given path;
    /// [`Error::Checkpoint`] and [`Error::File`] as [`Annealer::begin`].
    ///
    /// [`Error::Empty`]: crate::Error::Empty
    /// [`Error::NotPositive`]: crate::Error::NotPositive
    /// [`Error::OutOfRange`]: crate::Error::OutOfRange
    /// [`Error::ModelNotFinite`]: crate::Error::ModelNotFinite
    /// [`Error::Checkpoint`]: crate::Error::Checkpoint
    /// [`Error::File`]: crate::Error::File
    pub fn run(&self, action: &Action) -> Result<Annealing> {
        self.run_observed(action, &|_| ControlFlow::Continue(()))
    }

    /// The same under the eyes of an observer, as the page of [`Event`] shows.
    ///
    /// # Errors
    /// As [`Annealer::run`].
    #[doc(alias("cancel", "progress", "callback"))]
    pub fn run_observed(&self, action: &Action, observer: &Observer<'_>) -> Result<Annealing> {
        let mut run = self.begin(action)?;
        run.finish_observed(observer)?;
        Ok(run.into_annealing())
    }

    fn kinds(&self) -> Starts {
        let default = || match self.races {
            true => Starts::portfolio(),
            false => Starts::Nudged,
        };
        self.starts.clone().unwrap_or_else(default)
    }
}
