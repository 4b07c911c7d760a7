//! What an annealing came to: whether the lowest level can be right, whether the
//! starts and the data decide, and what to measure next.
//!
//! In the repository, `docs/verdict.md` says what each number means and what to
//! do about it.

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

use crate::action::{Action, AtBound, ParameterSpread};
use crate::anneal::{Annealing, End, Hill, Level, StartResult};
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::minimize::Termination;
use crate::model::Model;
use influence::Influence;
use steps::{Deviations, distance_of_predictions};

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

/// Two ends are one minimum where their actions differ by fewer nats, parameters and
/// predictions by less than this part of how well they are known,
const SAME_NATS: f64 = 0.5;
const SAME_SPREAD: f64 = 0.5;

/// and each component of the states by less than this part of its root mean square.
const SAME_STATE: f64 = 0.2;

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
        let known = match large {
            true => None,
            false => determined(Influence::at(action, rf, estimate))?,
        };
        let (known_at, influence) = known.map_or((rf, None), |(at, of)| (at, Some(of)));
        let (parameters, measurements) = match large {
            true => (None, None),
            false => (
                determined(action.parameter_spreads(known_at, estimate))?,
                determined(measurements::ranked(action, known_at, estimate))?,
            ),
        };
        let held = at_bounds.len() - states_at_bounds;
        let mut verdict = Verdict {
            rf,
            level: None,
            priors: None,
            steps: None,
            minima: Minima::new(self, best, action.measurement_scale(), &|_, _| false),
            residuals: Correlation::new(action, &x, 0.0),
            states_at_bounds,
            findings: Vec::new(),
            measurements: measurements.clone().unwrap_or_default(),
            parameters: parameters.unwrap_or_default(),
        };
        let counted = || Influence::counted(action, held);
        let influence = influence.unwrap_or_else(counted);
        if let Some(finding) = provisional(best) {
            verdict.findings.push(finding);
            verdict.find_few(action, &counted());
            return Ok(verdict);
        }
        verdict.find_few(action, &influence);
        let one = |a: &Level, b: &Level| verdict.are_one(action, &influence, a, b);
        let minima = Minima::new(self, best, action.measurement_scale(), &one);
        verdict.minima = minima;
        verdict.residuals = Correlation::new(action, &x, influence.correlation());
        verdict.level = LevelTest::new(action, best, &influence, held)?;
        verdict.judge_priors(action, best.1, &influence, at_bounds.len());
        if !large {
            verdict.judge_steps(action, known_at, &x, &influence)?;
        }
        verdict.find_ends(action, best.1);
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

/// What the lowest start did not come to: nothing is concluded from its level then.
fn provisional((start, level): (&StartResult, &Level)) -> Option<Finding> {
    let termination = level.termination;
    let ended = matches!(
        termination,
        Termination::Converged | Termination::RoundingLimit
    );
    if !start.finished {
        let stopped = start.stopped;
        Some(Finding::NotFinished { stopped })
    } else if !ended {
        Some(Finding::NotMinimized { termination })
    } else if level.hill == Hill::Before {
        let rounding = start.end == Some(End::Rounding);
        Some(Finding::BeforeHill { rounding })
    } else {
        None
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
    /// Whether two ends are one minimum, as far as their spreads tell.
    fn are_one<M: Model, R: Rule<M>>(
        &self,
        action: &Action<M, R>,
        influence: &Influence,
        a: &Level,
        b: &Level,
    ) -> bool {
        let height = |level: &Level| level.action.total + level.action.model;
        let nats = (height(a) - height(b)).abs() / action.measurement_scale();
        let (Ok(x), Ok(y)) = (action.pack(&a.estimate), action.pack(&b.estimate)) else {
            return false;
        };
        let first = action.layout().border();
        let parameters = self
            .parameters
            .iter()
            .zip(x[first..].iter().zip(&y[first..]));
        let near = |(spread, (a, b)): (&ParameterSpread, (&f64, &f64))| match spread.deviation {
            Some(deviation) => (a - b).abs() <= SAME_SPREAD * deviation,
            None => (a - b).abs() <= 1e-6 * a.abs().max(b.abs()),
        };
        let known = SAME_SPREAD * SAME_SPREAD * influence.trace.max(1.0);
        nats <= SAME_NATS
            && parameters.into_iter().all(near)
            && distance_of_predictions(action, &x, &y) <= known
            && are_near(a, b)
    }

    fn judge_priors<M: Model, R: Rule<M>>(
        &mut self,
        action: &Action<M, R>,
        level: &Level,
        influence: &Influence,
        at_bounds: usize,
    ) {
        let (Some(freedom), Some(_)) = (action.degrees_of_freedom(), &self.level) else {
            return;
        };
        if action.counts().priors > 0 {
            let nats = level.action.prior / action.measurement_scale();
            let drifts = !action.layout().scope.drifting.is_empty();
            self.priors = PriorTest::new(nats, freedom + at_bounds, influence, drifts);
        }
    }

    fn judge_steps<M: Model, R: Rule<M>>(
        &mut self,
        action: &Action<M, R>,
        rf: f64,
        x: &[f64],
        influence: &Influence,
    ) -> Result<()> {
        let noise = action.noise_deviation() / action.measurement_scale();
        let level = self.level.as_ref();
        let known = Deviations {
            action: level.map_or(noise, |level| level.deviation),
            parameters: &self.parameters,
            predictions: influence.trace,
        };
        self.steps = StepTest::new(action, rf, x, &known)?;
        let long = self.steps.as_ref().filter(|s| !s.intervals.is_empty());
        if let Some(steps) = long {
            let (effect, intervals) = (steps.effect, steps.intervals.clone());
            let finding = Finding::StepsTooLong { effect, intervals };
            self.findings.push(finding);
        }
        Ok(())
    }

    fn find_few<M: Model, R: Rule<M>>(&mut self, action: &Action<M, R>, influence: &Influence) {
        let freedom = action.degrees_of_freedom();
        let freedom = freedom.map(|_| influence.freedom().round() as usize);
        if freedom.is_none_or(|freedom| freedom <= FEW) {
            self.findings.push(Finding::TooFewMeasurements { freedom });
        }
    }

    /// Whether the schedule went far enough.
    fn find_ends<M: Model, R: Rule<M>>(&mut self, action: &Action<M, R>, level: &Level) {
        if self.level.as_ref().is_some_and(|level| !level.converged) {
            let model_error = level.action.model / action.measurement_scale();
            let finding = Finding::NotConverged { model_error };
            self.findings.insert(0, finding);
        }
    }

    /// What level, priors and residuals say together, where the steps are not to blame
    /// and there are enough values.
    fn find_level(&mut self) {
        use Finding::{StepsTooLong, TooFewMeasurements};
        let silent = |f: &Finding| matches!(f, StepsTooLong { .. } | TooFewMeasurements { .. });
        let Some(level) = &self.level else {
            return;
        };
        if self.findings.iter().any(silent) {
            return;
        }
        if let Some(priors) = &self.priors
            && priors.is_surprising(RARE)
            && priors.z.abs() > level.z.abs()
        {
            let (factor, drifts) = (priors.factor, priors.drifts);
            self.findings.push(Finding::PriorsWrong { factor, drifts });
            return;
        }
        let correlated = self.residuals.is_some_and(|r| r.is_beyond(CORRELATED));
        let blind = self.residuals.is_none();
        let alone = self.minima.found == 1;
        let factor = level.noise_factor;
        let surprising = level.probability < RARE;
        let finding = match (surprising, level.z > 0.0) {
            (true, true) if correlated && alone => Finding::MinimumMissed,
            (true, true) if correlated => Finding::ModelWrong,
            (true, true) if blind => Finding::LevelTooHigh { factor },
            (true, true) => Finding::NoiseUnderestimated { factor },
            // A larger R_f may still raise it.
            (true, false) if level.converged => Finding::NoiseOverestimated { factor },
            (false, _) if correlated => Finding::CorrelatedResiduals,
            _ => return,
        };
        let low = matches!(finding, Finding::NoiseOverestimated { .. });
        self.findings.push(finding);
        if low && correlated {
            self.findings.push(Finding::CorrelatedResiduals);
        }
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
        let unknown = unknown.filter(|p| p.at_bound.is_none() && !p.identifiable && !p.hidden);
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
            } else if spread.hidden {
                let rf = self.rf;
                let finding = Finding::HiddenByRounding { name, window, rf };
                self.findings.push(finding);
            } else if !spread.identifiable && count <= MANY {
                let finding = Finding::NotIdentifiable { name, window };
                self.findings.push(finding);
            }
        }
    }
}

/// Whether the states of two levels are near each other, component by component.
fn are_near(a: &Level, b: &Level) -> bool {
    let mut sums: Vec<[f64; 2]> = Vec::new();
    for (a, b) in a.estimate.paths.iter().zip(&b.estimate.paths) {
        for n in 0..a.layers().min(b.layers()) {
            let (a, b) = (a.layer(n), b.layer(n));
            sums.resize(sums.len().max(a.len()), [0.0; 2]);
            for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                sum[0] += (a - b).powi(2);
                sum[1] += a * a;
            }
        }
    }
    let near = |[difference, size]: &[f64; 2]| *difference <= SAME_STATE * SAME_STATE * size;
    sums.iter().all(near)
}
