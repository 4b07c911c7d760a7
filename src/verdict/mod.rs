//! What an annealing came to: whether the lowest level can be right, whether the
//! starts and the data decide, and what to measure next.
//!
//! In the repository, `docs/verdict.md` says what each number means and what to
//! do about it.

mod findings;
mod held_out;
mod level;
mod measurements;
mod minima;
mod normal;
mod residuals;
mod words;

pub use findings::Finding;
pub use held_out::HeldOut;
pub use level::{LevelTest, ModelError};
pub use measurements::{Further, Gain};
pub use minima::Minima;
pub use residuals::Correlation;

use crate::action::{Action, AtBound, ParameterSpread};
use crate::anneal::{Annealing, Level, StartResult};
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::model::Model;

/// Findings are what chance makes more rarely than this.
const RARE: f64 = 0.01;

/// Residuals are correlated beyond so many standard deviations.
const CORRELATED: f64 = 3.0;

/// Two standard deviations 2√(2ν) of a χ² with ν degrees of freedom reach down
/// to zero at ν = 8.
const FEW: usize = 8;

/// More parameters than these are not named one by one.
const MANY: usize = 5;

/// Most multiplications of a factorization of the exact Hessian: about ten seconds.
const AFFORDABLE: f64 = 1e11;

/// A gap of so many nats, twenty to one, leaves it open which minimum is right.
const FEW_NATS: f64 = 3.0;

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
    /// The level against what it should be; `None` where nothing is expected.
    pub level: Option<LevelTest>,
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
    /// component of the state that is not measured, and ten more; and where the
    /// lowest start began above the action that is expected, some minimizations
    /// on the way down to it.
    ///
    /// # Errors
    /// [`Error::Empty`] where no level was reached with a finite action;
    /// what [`Action::pack`] says of an annealing of another action.
    pub fn verdict<M: Model, R: Rule<M>>(&self, action: &Action<M, R>) -> Result<Verdict> {
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
        let multiplications = action.newton_costs().exact;
        let large = multiplications > AFFORDABLE;
        let (parameters, measurements) = match large {
            true => (None, None),
            false => (
                determined(action.parameter_spreads(rf, estimate))?,
                determined(measurements::ranked(action, rf, estimate))?,
            ),
        };
        let held = at_bounds.len() - states_at_bounds;
        let mut verdict = Verdict {
            rf,
            level: LevelTest::new(action, best, held)?,
            minima: Minima::new(self, best, action.measurement_scale()),
            residuals: Correlation::new(action, &x),
            states_at_bounds,
            findings: Vec::new(),
            measurements: measurements.clone().unwrap_or_default(),
            parameters: parameters.unwrap_or_default(),
        };
        verdict.find_ends(action, best);
        verdict.find_level();
        verdict.find_minima();
        verdict.find_parameters();
        if large {
            let finding = Finding::TooLarge { multiplications };
            verdict.findings.push(finding);
        } else if measurements.is_none() {
            verdict.findings.push(Finding::NotDetermined);
        }
        Ok(verdict)
    }
}

/// `None` where the Hessian is singular.
fn determined<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::NotPositiveDefinite { .. }) => Ok(None),
        result => result.map(Some),
    }
}

impl Verdict {
    /// Whether the annealing came to an end that can be judged.
    fn find_ends<M: Model, R: Rule<M>>(
        &mut self,
        action: &Action<M, R>,
        (start, level): (&StartResult, &Level),
    ) {
        if !start.finished {
            let stopped = start.stopped;
            self.findings.push(Finding::NotFinished { stopped });
        }
        if self.level.as_ref().is_some_and(|level| !level.converged) {
            let model_error = level.action.model / action.measurement_scale();
            self.findings.push(Finding::NotConverged { model_error });
        }
        let freedom = action.degrees_of_freedom();
        if freedom.is_none_or(|freedom| freedom <= FEW) {
            self.findings.push(Finding::TooFewMeasurements { freedom });
        }
    }

    /// What level and residuals say together.
    fn find_level(&mut self) {
        let correlated = self
            .residuals
            .is_some_and(|r| r.value > CORRELATED * r.deviation);
        let alone = self.minima.found == 1;
        let Some(level) = &self.level else {
            return;
        };
        let factor = level.noise_factor;
        let surprising = level.probability < RARE;
        let finding = match (surprising, level.z > 0.0) {
            (true, true) if correlated && alone => Finding::MinimumMissed,
            (true, true) if correlated => Finding::ModelWrong,
            (true, true) => Finding::NoiseUnderestimated { factor },
            // A larger R_f may still raise it.
            (true, false) if level.converged => Finding::NoiseOverestimated { factor },
            (false, _) if correlated => Finding::CorrelatedResiduals,
            _ => return,
        };
        self.findings.push(finding);
    }

    fn find_minima(&mut self) {
        if let Some(gap) = self.minima.gap.filter(|gap| *gap < FEW_NATS) {
            self.findings.push(Finding::Undecided { gap });
        }
        let said = self.findings.contains(&Finding::MinimumMissed);
        if self.minima.found == 1 && !said {
            let starts = self.minima.starts;
            self.findings.push(Finding::FoundOnce { starts });
        }
    }

    fn find_parameters(&mut self) {
        let unknown = self.parameters.iter();
        let unknown = unknown.filter(|p| p.at_bound.is_none() && !p.identifiable);
        let (count, of) = (unknown.count(), self.parameters.len());
        if count > MANY {
            let finding = Finding::ManyNotIdentifiable { count, of };
            self.findings.push(finding);
        }
        for spread in &self.parameters {
            let (name, window) = (spread.name.clone(), spread.window);
            if let Some(bound) = spread.at_bound {
                let finding = Finding::ParameterAtBound {
                    name,
                    window,
                    bound,
                };
                self.findings.push(finding);
            } else if !spread.identifiable && count <= MANY {
                let finding = Finding::NotIdentifiable { name, window };
                self.findings.push(finding);
            }
        }
    }
}
