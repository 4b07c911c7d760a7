//! What an annealing came to: whether the lowest level can be right, whether the
//! starts and the data decide, and what to measure next.
//!
//! In the repository, `docs/verdict.md` says what each number means and what to
//! do about it.

mod conclusions;
mod findings;
mod held_out;
mod influence;
mod level;
mod measurements;
mod minima;
mod normal;
mod priors;
mod residuals;
mod steps;
mod words;

pub use findings::Finding;
pub use held_out::HeldOut;
pub use level::{LevelTest, ModelError};
pub use measurements::{Further, Gain};
pub use minima::Minima;
pub use priors::PriorTest;
pub use residuals::Correlation;
pub use steps::{LongSteps, StepTest};

use crate::action::{Action, AtBound};
use crate::anneal::{Annealing, Level, imbalance};
use crate::error::{Error, Result};
use crate::objective::ParameterSpread;
use conclusions::provisional;
use influence::Influence;

/// Components of a shape that nobody chose are uneven beyond this ratio.
const UNEVEN: f64 = 1e3;

/// Most multiplications of a factorization of the exact Hessian: about ten seconds.
const AFFORDABLE: f64 = 1e11;

/// A judgement of an annealing, from its starts and levels alone. All actions
/// are in nats, those of the *sum* normalization.
///
/// `Display` writes it for people, the findings as sentences.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?))?;
/// # let builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window()?);
/// # let builder = builder.parameter("sigma", Parameter::fixed(10.0));
/// # let builder = builder.parameter("rho", Bounds::new(0.0, 60.0)?);
/// # let builder = builder.parameter("beta", Parameter::fixed(8.0 / 3.0));
/// let action = builder.build()?;
/// let annealing = Annealer::new(Schedule::adaptive()).race(8).run(&action)?;
/// let verdict = annealing.verdict(&action)?;
/// println!("{verdict}");
/// assert!(verdict.findings.is_empty());
/// assert!(verdict.level.expect("more data than unknowns").probability > 0.01);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Verdict {
    /// R_f of the lowest level, [`Annealing::best`].
    pub rf: f64,
    /// The level against what it should be; `None` where nothing is expected, and where
    /// the lowest start did not come to an end that can be judged.
    pub level: Option<LevelTest>,
    /// The priors' term against what it should be; `None` without priors that matter,
    /// and where there is no level to judge.
    #[cfg_attr(feature = "serde", serde(default))]
    pub priors: Option<PriorTest>,
    /// What the errors of the steps do; `None` where layers are no instants of a flow,
    /// where the Hessian is singular or too large, and where there is no level to judge.
    #[cfg_attr(feature = "serde", serde(default))]
    pub steps: Option<StepTest>,
    /// What the starts found.
    pub minima: Minima,
    /// Whether what the measurements leave is noise; `None` without two values
    /// in succession.
    pub residuals: Option<Correlation>,
    /// The static parameters with their standard deviations; empty where the
    /// Hessian is singular, or takes more than 10¹¹ multiplications to factor.
    pub parameters: Vec<ParameterSpread>,
    /// State components and varying parameters that stand at a bound, counted
    /// layer by layer.
    pub states_at_bounds: usize,
    /// What further measurements would tell, the most telling first: each
    /// component of the state that no set of components has, measured wherever
    /// others are with their mean ratio of signal to noise; everything once more,
    /// all the time or in a quarter of it; and for as long again. Empty where the Hessian is singular or nothing that is measured
    /// changes. The Hessian is that of the lowest level: what is said of a
    /// minimum that is not the right one is of no use.
    pub measurements: Vec<Gain>,
    /// What a user should know or do, the most pressing first; empty where all
    /// is as it should be.
    pub findings: Vec<Finding>,
}

impl Annealing {
    /// Judges the annealing of `action`. It takes a factorization for each
    /// component of the state that is not measured, and some fifteen more; and where the
    /// lowest start began above the action that is expected, some minimizations
    /// on the way down to it. Of a flow it integrates every step some times in small
    /// sub-steps. None of it is booked as [`Work`](crate::Work).
    ///
    /// # Errors
    /// [`Error::Empty`] where no level was reached with a finite action;
    /// what [`Action::pack`] says of an annealing of another action.
    pub fn verdict(&self, action: &Action) -> Result<Verdict> {
        let best = self.best().ok_or_else(|| Error::Empty {
            what: "levels with a finite action",
            place: "verdict".into(),
        })?;
        if let Some(shaped) = action.reshaped(&best.1.estimate)? {
            return self.verdict(&shaped);
        }
        let (rf, estimate) = (best.1.rf, &best.1.estimate);
        let x = action.pack(estimate)?;
        let at_bounds = action.at_bounds(estimate)?;
        let states = at_bounds.iter();
        let states = states.filter(|at| matches!(at, AtBound::State { .. }));
        let states_at_bounds = states.count();
        let held = at_bounds.len() - states_at_bounds;
        let known = Known::new(action, best.1)?;
        let unit = action.measurement_scale();
        let mut verdict = Verdict {
            rf,
            level: None,
            priors: None,
            steps: None,
            minima: Minima::new(self, best, unit, &|_, _| false),
            residuals: Correlation::new(action, &x, 0.0),
            states_at_bounds,
            findings: Vec::new(),
            measurements: known.measurements.clone().unwrap_or_default(),
            parameters: known.parameters.clone().unwrap_or_default(),
        };
        let ratio = imbalance(action).filter(|ratio| *ratio > UNEVEN);
        let uneven = ratio.map(|ratio| Finding::UnevenShape { ratio });
        verdict.findings.extend(uneven);
        let counted = || Influence::counted(action, held);
        if let Some(finding) = provisional(best) {
            verdict.findings.insert(0, finding);
            verdict.find_few(action, &counted());
            return Ok(verdict);
        }
        let influence = known.influence.unwrap_or_else(counted);
        verdict.find_few(action, &influence);
        let one = |a: &Level, b: &Level| verdict.are_one(action, &influence, a, b);
        verdict.minima = Minima::new(self, best, unit, &one);
        verdict.residuals = Correlation::new(action, &x, influence.correlation());
        verdict.level = LevelTest::new(action, best, &influence, held)?;
        verdict.judge_priors(action, best.1, &influence, at_bounds.len());
        if known.too_large.is_none() {
            verdict.judge_steps(action, known.at, &x, &influence)?;
        }
        verdict.find_ends(action, best.1);
        verdict.find_level();
        verdict.find_minima(best.1, unit);
        verdict.find_parameters();
        verdict.find_unknown(&known);
        Ok(verdict)
    }
}

/// What the curvature at the lowest level tells.
struct Known {
    /// The multiplications of a factorization, where they are too many.
    too_large: Option<f64>,
    /// The R_f where the rest was found.
    at: f64,
    /// `None` where the Hessian is singular, or too large.
    influence: Option<Influence>,
    parameters: Option<Vec<ParameterSpread>>,
    measurements: Option<Vec<Gain>>,
}

impl Known {
    fn new(action: &Action, level: &Level) -> Result<Self> {
        let estimate = &level.estimate;
        let multiplications = action.newton_costs().exact;
        let mut known = Self {
            too_large: (multiplications > AFFORDABLE).then_some(multiplications),
            at: level.rf,
            influence: None,
            parameters: None,
            measurements: None,
        };
        if known.too_large.is_some() {
            return Ok(known);
        }
        if let Some((at, influence)) = determined(Influence::at(action, level.rf, estimate))? {
            known.at = at;
            known.influence = Some(influence);
        }
        known.parameters = determined(action.parameter_spreads(known.at, estimate))?;
        known.measurements = determined(measurements::ranked(action, known.at, estimate))?;
        Ok(known)
    }
}

/// `None` where the Hessian is singular.
fn determined<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::NotPositiveDefinite { .. }) => Ok(None),
        result => result.map(Some),
    }
}
