//! The minimum as a curve over s = ln R_f, followed from level to level.

use super::checkpoint::plain_struct;
use super::hill::Hill;
use crate::action::{ActionAt, ActionTerms, Change};
use crate::discretization::Rule;
use crate::minimize::{Objective, project};
use crate::model::Model;

/// The tangents dx/ds of the last two levels.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    last: Option<Tangent>,
    before: Option<Tangent>,
}

/// A minimum's action and tangent.
#[derive(Debug, Clone)]
struct Tangent {
    rf: f64,
    terms: ActionTerms,
    slope: Vec<f64>,
}

/// What a tangent shows of the minimum where it was taken, and what it took.
pub(super) struct Noted {
    pub(super) hill: Hill,
    pub(super) factorizations: usize,
}

plain_struct!(Track { last, before });
plain_struct!(Tangent { rf, terms, slope });

impl Track {
    /// Whether it is one of that many unknowns.
    pub(super) fn fits(&self, dimension: usize) -> bool {
        let mut tangents = self.last.iter().chain(&self.before);
        tangents.all(|tangent| tangent.slope.len() == dimension)
    }

    /// Notes the tangent at the minimum `x`, which the last Newton step's
    /// factor gives nearly for nothing. As an error the factorizations that it
    /// took where the Hessian is not positive definite: there is none at a
    /// saddle.
    pub(super) fn note<M: Model, R: Rule<M>>(
        &mut self,
        objective: &mut ActionAt<'_, M, R>,
        x: &[f64],
    ) -> Result<Noted, usize> {
        self.before = self.last.take();
        let mut slope = vec![0.0; x.len()];
        let (rf, terms) = (objective.rf(), objective.terms(x));
        match objective.tangent(x, &mut slope) {
            Ok(Change {
                model,
                factorizations,
            }) => {
                self.last = Some(Tangent { rf, terms, slope });
                let hill = Hill::of(model, terms.model, objective.model_rounding(x));
                Ok(Noted {
                    hill,
                    factorizations,
                })
            }
            Err(_) => {
                self.before = None;
                Err(1)
            }
        }
    }

    /// Moves `x` to where the minimum is expected at the objective's R_f: by
    /// the last tangent and its change since the one before, or by the tangent
    /// alone, or not at all where both raise the action; returns whether `x`
    /// moved.
    pub(super) fn predict<M: Model, R: Rule<M>>(
        &self,
        objective: &mut ActionAt<'_, M, R>,
        x: &mut [f64],
    ) -> bool {
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
