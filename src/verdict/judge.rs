//! How an annealing is judged.

use super::conclusions::provisional;
use super::findings::Finding;
use super::influence::Influence;
use super::judgement::Verdict;
use super::known::Known;
use super::level::LevelTest;
use super::minima::Minima;
use super::residuals::Correlation;
use crate::action::{Action, AtBound};
use crate::anneal::{Annealing, End, Level, imbalance};
use crate::error::{Error, Result};

/// Components of a shape that nobody chose are uneven beyond this ratio.
const UNEVEN: f64 = 1e3;

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
        let short = verdict.level.as_ref().is_some_and(|level| !level.converged);
        if short && best.0.end == Some(End::Rounding) {
            (verdict.level, verdict.priors) = (None, None);
            verdict.findings.insert(0, Finding::EndedByRounding { rf });
            verdict.find_parameters();
            return Ok(verdict);
        }
        verdict.find_ends(action, best.1);
        verdict.find_level();
        verdict.find_minima(best.1, unit);
        verdict.find_parameters();
        verdict.find_unknown(&known);
        Ok(verdict)
    }
}
