//! What the numbers of a verdict come to.

use super::findings::Finding;
use super::influence::{Influence, count};
use super::judgement::Verdict;
use super::known::Known;
use super::priors::PriorTest;
use super::steps::{Deviations, StepTest, distance_of_predictions};
use crate::action::{Action, ActionTerms};
use crate::anneal::{End, Hill, Level, StartResult};
use crate::error::Result;
use crate::minimize::Termination;
use crate::objective::ParameterSpread;

/// Findings are what chance makes more rarely than this.
const RARE: f64 = 0.01;

/// Residuals are correlated beyond so many standard deviations.
const CORRELATED: f64 = 3.0;

/// Two standard deviations 2√(2ν) of a χ² with ν degrees of freedom reach down
/// to zero at ν = 8.
const FEW: usize = 8;

/// More parameters than these are not named one by one.
const MANY: usize = 5;

/// A gap of so many nats, twenty to one, leaves it open which minimum is right.
const FEW_NATS: f64 = 3.0;

/// So few nats are a perfect fit: there is nothing that another minimum could be lower by.
const PERFECT: f64 = 1e-3;

/// Two ends are one minimum where their actions differ by fewer nats, parameters and
/// predictions by less than this part of how well they are known,
const SAME_NATS: f64 = 0.5;
const SAME_SPREAD: f64 = 0.5;

/// and each component of the states by less than this part of its root mean square.
const SAME_STATE: f64 = 0.2;

/// What the lowest start did not come to: nothing is concluded from its level then.
pub(super) fn provisional((start, level): (&StartResult, &Level)) -> Option<Finding> {
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

impl Verdict {
    /// Whether two ends are one minimum, as far as their spreads tell.
    pub(super) fn are_one(
        &self,
        action: &Action,
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
            && are_near(action, a, b)
    }

    pub(super) fn judge_priors(
        &mut self,
        action: &Action,
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

    pub(super) fn judge_steps(
        &mut self,
        action: &Action,
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

    pub(super) fn find_few(&mut self, action: &Action, influence: &Influence) {
        let freedom = action.degrees_of_freedom();
        let freedom = freedom.map(|_| influence.freedom().round() as usize);
        let freedom = freedom.filter(|freedom| *freedom > 0);
        if freedom.is_none_or(|freedom| freedom <= FEW) {
            self.findings.push(Finding::TooFewMeasurements { freedom });
        }
    }

    /// Whether the schedule went far enough.
    pub(super) fn find_ends(&mut self, action: &Action, level: &Level) {
        if self.level.as_ref().is_some_and(|level| !level.converged) {
            let model_error = level.action.model / action.measurement_scale();
            let finding = Finding::NotConverged { model_error };
            self.findings.insert(0, finding);
        }
    }

    /// What level, priors and residuals say together, where the steps are not to blame
    /// and there are enough values.
    pub(super) fn find_level(&mut self) {
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

    pub(super) fn find_minima(&mut self, level: &Level, unit: f64) {
        if let Some(gap) = self.minima.gap.filter(|gap| *gap < FEW_NATS) {
            self.findings.push(Finding::Undecided { gap });
        }
        let said = self.findings.contains(&Finding::MinimumMissed);
        // No squares are negative, so that no minimum is lower than a perfect fit.
        let ActionTerms {
            measurement,
            model,
            prior,
            ..
        } = level.action;
        let perfect = measurement + model + prior.abs() < PERFECT * unit;
        if self.minima.found == 1 && !said && !perfect {
            let starts = self.minima.starts;
            self.findings.push(Finding::FoundOnce { starts });
        }
    }

    /// What could not be found out at all.
    pub(super) fn find_unknown(&mut self, known: &Known) {
        if let Some(multiplications) = known.too_large {
            let finding = Finding::TooLarge { multiplications };
            self.findings.push(finding);
        } else if known.measurements.is_none() {
            self.findings.push(Finding::NotDetermined);
        }
    }

    pub(super) fn find_parameters(&mut self) {
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

/// Whether the states of two levels are near each other, component by component. States
/// of a window with fewer values than a state has components may be anything that gives
/// these values.
fn are_near(action: &Action, a: &Level, b: &Level) -> bool {
    let mut sums: Vec<[f64; 2]> = Vec::new();
    let paths = a.estimate.paths.iter().zip(&b.estimate.paths);
    for (window, (a, b)) in action.windows().iter().zip(paths) {
        if a.layers() == 0 || count(window) < a.layer(0).len() {
            continue;
        }
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
