//! What an annealing found.

use crate::action::{ActionTerms, Estimate};
use crate::minimize::{Termination, Work};

/// Everything that an annealing found, start by start.
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
/// # let annealing = Annealer::new(Schedule::adaptive()).starts(2).run(&action)?;
/// let (start, best) = annealing.best().expect("a start that reached the end");
/// println!("start {} is the lowest: {}", start.index, best.action.total);
/// for start in &annealing.starts {
///     assert!(start.finished);
///     assert!(start.levels.last().expect("levels").action.total > best.action.total - 0.1);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Annealing {
    /// The starts, in the order of their indices.
    pub starts: Vec<StartResult>,
}

/// What one start led to.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StartResult {
    /// Its index.
    pub index: usize,
    /// How its path was made: `nudged`, `growing`, `mean`, `uniform`, `smooth`,
    /// `given`; a nudged or growing start that could not be integrated says
    /// `mean`.
    pub kind: String,
    /// Its own seed, derived from the annealer's.
    pub seed: u64,
    /// A fingerprint of its initial path and parameters: starts that were the same to
    /// the last bit have the same. `None` before it was made.
    #[cfg_attr(feature = "serde", serde(default))]
    pub origin: Option<u64>,
    /// One minimum for each step of the schedule that was reached, in the order
    /// of β.
    pub levels: Vec<Level>,
    /// Whether every step of the schedule was done.
    pub finished: bool,
    /// Why the start ended before that; `None` where it finished or, in a
    /// [`Run`](crate::Run), is still on its way.
    pub stopped: Option<Stop>,
    /// What made its last level the end of the schedule; `None` where it did not
    /// finish.
    #[cfg_attr(feature = "serde", serde(default))]
    pub end: Option<End>,
}

/// What makes a level the end of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum End {
    /// It is the last step that the schedule was given.
    Schedule,
    /// The model error falls like 1/R_f, and is so small that all which a larger
    /// R_f can add to the action is a hundredth of its standard deviation.
    ModelError,
    /// At a larger R_f the rounding of residuals would weigh as much as what is
    /// asked for, while the model error does not say that the end is near.
    Rounding,
}

/// Why a start ended before the last step of the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Stop {
    /// The observer answered `Break`, or the minimizer gave up as if it had.
    Cancelled,
    /// The action or its gradient is NaN or infinite.
    NonFinite,
    /// [`Annealer::time_budget`](crate::Annealer::time_budget) is spent.
    TimeBudget,
    /// A budget of work is spent:
    /// [`Annealer::factorization_budget`](crate::Annealer::factorization_budget),
    /// [`Annealer::evaluation_budget`](crate::Annealer::evaluation_budget).
    WorkBudget,
    /// [`Run::stop`](crate::Run::stop) was called for this start, or it was
    /// higher than others in a [race](crate::Annealer::race).
    Dropped,
    /// In a race it came to the minimum of another start.
    Duplicate,
    /// In a race it took too long to the next rung.
    Crawling,
}

/// Where a level stands on the hill that the model error makes over ln R_f.
///
/// It comes from dM/d ln R_f along the minimum, which the tangent gives exactly,
/// or from two neighbouring levels where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Hill {
    /// Nothing is known: no minimum was found, or no tangent and no second level.
    #[default]
    Unknown,
    /// The model error grows with R_f. The level says nothing about the limit
    /// R_f → ∞, however small its model error is.
    Before,
    /// The model error falls, but not yet like 1/R_f.
    On,
    /// The model error falls like 1/R_f: the level is short of the limit R_f → ∞ by
    /// little more than its model error. Of data that are fitted better than noise
    /// allows, whose model error may be rounding at every R_f, the last level is
    /// behind the hill that noise would make.
    Behind,
}

/// The minimum at one value of R_f.
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
/// # let annealing = Annealer::new(Schedule::adaptive()).starts(2).run(&action)?;
/// let (start, best) = annealing.best().expect("a start that reached the end");
/// for level in &start.levels {
///     println!("{:e} {} {}", level.rf, level.action.total, level.estimate.parameters[1]);
/// }
/// // At the end the model is a constraint.
/// assert!(best.action.model < 0.01 * best.action.measurement);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Level {
    /// The exponent β.
    pub beta: f64,
    /// The model precision R_f, which multiplies the action's shape or the one that
    /// the estimate carries.
    pub rf: f64,
    /// The action and its terms.
    pub action: ActionTerms,
    /// Where it stands on the hill of the model error.
    #[cfg_attr(feature = "serde", serde(default))]
    pub hill: Hill,
    /// Paths and parameters.
    pub estimate: Estimate,
    /// Why the minimization ended.
    pub termination: Termination,
    /// What it took.
    pub work: Work,
}

impl Annealing {
    /// The lowest minimum at the end of the starts that finished (if none
    /// finished: at the largest β that any start came to), with its start.
    /// Where adaptive schedules ended at different R_f, minima are compared as
    /// R_f → ∞: the action is still short of that limit by little more than its
    /// model error, dA/d ln R_f, which falls as 1/R_f. `None` where no level was
    /// reached with a finite action.
    #[doc(alias("solution", "result"))]
    #[must_use]
    pub fn best(&self) -> Option<(&StartResult, &Level)> {
        let finished = self.starts.iter().any(|s| s.finished);
        let starts = self.starts.iter().filter(|s| s.finished || !finished);
        let ends = starts.filter_map(|s| Some((s, s.levels.last()?)));
        let ends = ends.filter(|(_, level)| level.action.total.is_finite());
        let last = ends.clone().map(|(_, level)| level.beta);
        let last = last.fold(f64::NEG_INFINITY, f64::max);
        let together = ends.clone().all(|(_, level)| level.beta == last);
        let candidates = ends.filter(|(_, level)| finished || level.beta == last);
        let height = |level: &Level| match finished && !together {
            true => level.action.total + level.action.model,
            false => level.action.total,
        };
        // The first of equals, so that the result does not depend on order.
        candidates.reduce(|a, b| if height(b.1) < height(a.1) { b } else { a })
    }

    /// The diagonal shape of the model precision that the R_f of all levels
    /// multiplies, where the action was given none and the annealer balanced it
    /// ([`Action::balanced`]); `None` where it is the action's own. Estimates carry
    /// it ([`Estimate::shape`]), and [`Action::shaped_as`] gives the action with it.
    ///
    /// [`Action::balanced`]: crate::Action::balanced
    /// [`Action::shaped_as`]: crate::Action::shaped_as
    #[must_use]
    pub fn balanced_shape(&self) -> Option<&[f64]> {
        let level = self.starts.iter().find_map(|start| start.levels.first())?;
        let shape = &level.estimate.shape;
        (!shape.is_empty()).then_some(shape)
    }

    /// The work of all starts and levels together.
    #[must_use]
    pub fn work(&self) -> Work {
        let levels = self.starts.iter().flat_map(|s| &s.levels);
        levels.fold(Work::default(), |mut sum, level| {
            sum.add(level.work);
            sum
        })
    }
}

impl StartResult {
    /// Whether it goes no further.
    pub(super) fn ended(&self) -> bool {
        self.finished || self.stopped.is_some()
    }

    /// The work of all levels together.
    #[must_use]
    pub fn work(&self) -> Work {
        self.levels.iter().fold(Work::default(), |mut sum, level| {
            sum.add(level.work);
            sum
        })
    }
}
