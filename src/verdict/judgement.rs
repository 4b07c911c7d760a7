//! What a verdict holds.

use super::findings::Finding;
use super::level::LevelTest;
use super::measurements::Gain;
use super::minima::Minima;
use super::priors::PriorTest;
use super::residuals::Correlation;
use super::steps::StepTest;
use crate::objective::ParameterSpread;

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
///
/// This prints:
///
/// ```text
/// level         182.9 nats, expected 199.0 ± 14.1 (z = -1.2, p = 0.25)
/// model error   at most 8.83e-2 a step (R_f = 1.28e2)
/// steps         their errors change the action by 5.0e-4 deviations, parameters by 2.3e-3, predictions by 2.8e-3
/// minima        the lowest was found by 8 of 8 starts
/// residuals     correlate by 0.01 from time to time; noise would by -0.01 ± 0.05
/// measure next  as long again (+4.1 nats), all again (+1.4 nats), component 2 (+0.7 nats)
/// => Model, errors and data agree, and the starts agree on the minimum.
/// ```
#[doc(alias("goodness of fit", "chi-squared", "p-value", "identifiability"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Verdict {
    /// R_f of the lowest level, [`Annealing::best`](crate::Annealing::best).
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
