//! The minimum as a curve over s = ln R_f, followed from level to level.

use super::plain::plain_struct;
use super::results::Hill;
use super::results::Level;
use super::units::Limits;
use crate::action::ActionTerms;
use crate::minimize::{Objective, Termination, project};
use crate::objective::{ActionAt, Change};

/// So many times what rounding makes of it by one operation for each residual, a
/// model error is nothing but rounding.
const ROUNDED: f64 = 100.0;

/// Data that are fitted to less than this part of what noise leaves do not show
/// where the model becomes a constraint: a perfect fit has no model error at any R_f.
const TOO_GOOD: f64 = 0.25;

/// A level is before the hill where noise would raise the action by more than this
/// part of what it leaves.
const HALFWAY: f64 = 0.5;

/// The action of a level behind the hill rises by so many times the model error
/// that is asked for at most.
const MOST_RISE: f64 = 2.0;

/// The tangents dx/ds of the last two levels.
#[derive(Debug, Clone, Default)]
pub(super) struct Predictor {
    last: Option<Tangent>,
    before: Option<Tangent>,
}

/// A minimum's action and tangent.
#[derive(Debug, Clone)]
struct Tangent {
    rf: f64,
    terms: ActionTerms,
    slope: Vec<f64>,
    /// dM/ds of the model error M.
    change: f64,
}

plain_struct!(Predictor { last, before });
plain_struct!(Tangent {
    rf,
    terms,
    slope,
    change
});

impl Predictor {
    /// Whether it is one of that many unknowns.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        let mut tangents = self.last.iter().chain(&self.before);
        tangents.all(|tangent| tangent.slope.len() == dimension)
    }

    /// Notes the tangent at the minimum `x`, which the last Newton step's
    /// factor gives nearly for nothing; returns the factorizations that it took,
    /// as an error where the Hessian is not positive definite: there is none at
    /// a saddle.
    pub(super) fn note(&mut self, objective: &mut ActionAt<'_>, x: &[f64]) -> Result<usize, usize> {
        self.before = self.last.take();
        let mut slope = vec![0.0; x.len()];
        let (rf, terms) = (objective.rf(), objective.terms(x));
        match objective.tangent(x, &mut slope) {
            Ok(Change {
                model,
                factorizations,
            }) => {
                self.last = Some(Tangent {
                    rf,
                    terms,
                    slope,
                    change: model,
                });
                Ok(factorizations)
            }
            Err(_) => {
                self.before = None;
                Err(1)
            }
        }
    }

    /// Where the minimum `x`, whose level is `level`, stands on the hill of the model
    /// error, by its own tangent, and the factorizations that it took to know; `other`
    /// is another level, for one without a tangent. Where it `may_end` the start, it
    /// must be behind the hills of every component and of every window, and behind
    /// that which noise would make.
    pub(super) fn hill(
        &self,
        objective: &mut ActionAt<'_>,
        x: &[f64],
        (level, other): (&Level, Option<&Level>),
        (limits, may_end): (Limits, bool),
    ) -> (Hill, usize) {
        let model = level.action.model;
        let growth = (limits.rf / level.rf).max(1.0);
        let minimum = matches!(
            level.termination,
            Termination::Converged | Termination::RoundingLimit
        );
        let tangent = self.last.as_ref().filter(|last| last.rf == level.rf);
        let nothing = model <= ROUNDED * objective.model_rounding(x)
            || (minimum && model * growth <= limits.enough);
        let hill = match (tangent, other) {
            _ if nothing => Hill::Behind,
            (Some(tangent), _) => Hill::of(tangent.change / tangent.terms.model),
            (None, Some(other)) => Hill::between(other, level),
            (None, None) => Hill::Unknown,
        };
        if !may_end || hill != Hill::Behind || model > limits.enough {
            return (hill, 0);
        }
        let rises = |tangent: &Tangent| {
            objective.rise(x, &tangent.slope, growth) > MOST_RISE * limits.enough
        };
        if !nothing && tangent.is_some_and(rises) {
            return (Hill::On, 0);
        }
        let noise = objective.action().noise_level();
        if level.action.total >= TOO_GOOD * noise {
            return (hill, 0);
        }
        match objective.expected_rise(x) {
            Some((rise, work)) if rise > HALFWAY * noise => (Hill::Before, work),
            Some((rise, work)) if rise > limits.enough => (Hill::On, work),
            Some((_, work)) => (hill, work),
            None => (hill, 0),
        }
    }

    /// Moves `x` to where the minimum is expected at the objective's R_f: by
    /// the last tangent and its change since the one before, or by the tangent
    /// alone, or not at all where both raise the action; returns whether `x`
    /// moved.
    pub(super) fn predict(&self, objective: &mut ActionAt<'_>, x: &mut [f64]) -> bool {
        let Some(last) = &self.last else {
            return false;
        };
        let way = (objective.rf() / last.rf).ln();
        let Tangent { rf, terms, .. } = last;
        let model = terms.model * (objective.rf() / rf);
        let lowest = terms.measurement + model + terms.prior;
        let mut trial = x.to_vec();
        let bend = self.before.as_ref().map(|before| {
            let scale = 0.5 * way * way / (last.rf / before.rf).ln();
            (before, scale)
        });
        for bend in bend.map(Some).into_iter().chain([None]) {
            for (i, slot) in trial.iter_mut().enumerate() {
                let bent = bend.map_or(0.0, |(before, scale)| {
                    scale * (last.slope[i] - before.slope[i])
                });
                *slot = x[i] + way * last.slope[i] + bent;
            }
            project(&mut trial, objective.lower(), objective.upper());
            if objective.value(&trial) < lowest {
                x.copy_from_slice(&trial);
                return true;
            }
        }
        false
    }
}
