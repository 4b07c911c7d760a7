//! How much of the measured values the estimate follows.

use crate::action::{Action, Estimate};
use crate::error::{Error, Result};
use crate::objective::Knowledge;
use crate::problem::observations::Observations;
use crate::problem::windows::Window;

/// The share of the measurements' precision by which the Hessian is varied. Richardson's
/// extrapolation leaves ⅔ of its square of a trace.
const SHARE: f64 = 0.03;

/// tr P of the influence P = R_m J H⁻¹ Jᵀ of the K measured values on what the estimate
/// has in their place. The eigenvalues of P lie between 0 and 1.
///
/// With right errors, priors and model the residuals have the covariance (I − P)/R_m:
/// Σ eᵀR_m e has the mean K − tr P, and the variance 2 tr (I − P)², which is at most
/// twice the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Influence {
    values: f64,
    pub(super) trace: f64,
}

impl Influence {
    /// From ln det(H + ε Jᵀ R_m J) − ln det H = Σ ln(1 + ε λ), over the eigenvalues λ of P,
    /// for two values of ε.
    pub(super) fn new(action: &Action, knowledge: &Knowledge) -> Result<Self> {
        let windows = action.windows().iter().enumerate();
        let sets: Vec<(usize, &Observations)> = windows
            .flat_map(|(w, window)| window.observation_sets().map(move |set| (w, set)))
            .collect();
        let with = |share: f64| {
            let sets = sets.iter().map(|(w, set)| (*w, set.gaussian(share)));
            let further = action.with_observations(&sets.collect::<Vec<_>>())?;
            Ok(2.0 * knowledge.gained(&further)?)
        };
        let values = action.counts().measured as f64;
        Self::of(values, with(SHARE)?, with(2.0 * SHARE)?).ok_or_else(|| {
            Error::NotPositiveDefinite {
                what: "Hessian to within rounding",
                place: "influence of the measurements".into(),
                pivot: 0,
                found: f64::NAN,
            }
        })
    }

    /// `None` where no eigenvalues between 0 and 1 have such sums: a direction of which
    /// nothing is known has a pivot that is rounding, and its logarithm is anything.
    fn of(values: f64, once: f64, twice: f64) -> Option<Self> {
        // Of one eigenvalue the second sum is between these multiples of the first.
        let least = (2.0 * SHARE).ln_1p() / SHARE.ln_1p();
        // What half an unknown makes of the second sum.
        let rough = 2.0 * SHARE * ROUGH;
        let possible = least * once - rough..=2.0 * once + rough;
        let trace = (4.0 * once - twice) / (2.0 * SHARE);
        (twice >= -rough && possible.contains(&twice)).then(|| Self {
            values,
            trace: trace.clamp(0.0, values),
        })
    }

    /// The largest trace that there can be as R_f → ∞: of each window no more directions
    /// are free than its first state has, nor followed than it has values.
    fn most(action: &Action) -> f64 {
        let layout = action.layout();
        let windows = action.windows().iter().zip(&layout.windows);
        let of_states = windows.map(|(window, layout)| layout.state(0).len().min(count(window)));
        (of_states.sum::<usize>() + layout.slots.len()) as f64
    }

    /// By the number of terms and unknowns, where the Hessian cannot be had: as if the
    /// priors told nothing.
    pub(super) fn counted(action: &Action, held: usize) -> Self {
        let values = action.counts().measured as f64;
        let freedom = action.degrees_of_freedom().map_or(0, |f| f + held);
        Self {
            values,
            trace: (values - freedom as f64).max(0.0),
        }
    }

    /// K − tr P.
    pub(super) fn freedom(&self) -> f64 {
        self.values - self.trace
    }

    /// What fitting alone makes of the correlation of neighbouring residuals.
    pub(super) fn correlation(&self) -> f64 {
        -self.trace / self.values
    }

    /// The influence as R_f → ∞ of an estimate at `rf`, and the R_f where it was found.
    ///
    /// It falls with R_f, down to the unknowns that the residuals of the model leave.
    /// Where it is above that, larger ones are tried: a perfect fit ends a schedule long
    /// before the model is a constraint. Where rounding makes the Hessian singular,
    /// smaller ones are.
    pub(super) fn at(action: &Action, rf: f64, estimate: &Estimate) -> Result<(f64, Self)> {
        let at = |rf: f64| Self::new(action, &Knowledge::new(action, rf, estimate)?);
        let counts = action.counts();
        let free = counts.unknowns.saturating_sub(counts.residuals) as f64;
        let (mut place, mut found) = (rf, at(rf));
        for _ in 0..TRIES {
            if found.is_ok() {
                break;
            }
            place /= RATIO;
            found = at(place);
        }
        let mut found = found?;
        // The errors of parameters that change in time stay what they are.
        let drifts = !action.layout().scope.drifting.is_empty();
        let most = match drifts {
            true => found.values,
            false => Self::most(action),
        };
        for _ in 0..TRIES {
            if found.trace <= free + ROUGH {
                break;
            }
            match at(place * RATIO) {
                Ok(higher) if higher.trace < found.trace => {
                    (place, found) = (place * RATIO, higher);
                }
                _ => break,
            }
        }
        found.trace = found.trace.min(most);
        Ok((place, found))
    }
}

/// The number of values that a window has.
pub(super) fn count(window: &Window) -> usize {
    let sets = window.observation_sets();
    sets.map(|set| set.values().iter().filter(|v| !v.is_nan()).count())
        .sum()
}

/// Other values of R_f that are tried, and their ratio.
const TRIES: usize = 4;
const RATIO: f64 = 1e4;

/// The part of one unknown that does not matter.
const ROUGH: f64 = 0.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_sums_of_eigenvalues() {
        let eigenvalues = [1.0_f64, 1.0, 0.5, 0.01, 0.0];
        let f = |share: f64| eigenvalues.iter().map(|l| (share * l).ln_1p()).sum::<f64>();
        let influence = Influence::of(5.0, f(SHARE), f(2.0 * SHARE)).unwrap();
        // ⅔ of SHARE² of the trace.
        approx::assert_relative_eq!(influence.trace, 2.51, max_relative = 0.0007);
        approx::assert_relative_eq!(influence.freedom(), 2.49, max_relative = 0.0007);
    }

    /// Two sums that no eigenvalues have, by rounding of one of them.
    #[test]
    fn sums_that_no_eigenvalues_have_are_refused() {
        let f = |share: f64| 10.0 * share.ln_1p();
        let (once, twice) = (f(SHARE), f(2.0 * SHARE));
        assert!(Influence::of(20.0, once, twice).is_some());
        assert!(Influence::of(20.0, once, twice + 0.1).is_none());
        assert!(Influence::of(20.0, once, twice - 0.1).is_none());
        assert!(Influence::of(20.0, -0.1, -0.2).is_none());
        assert!(Influence::of(20.0, f64::NAN, twice).is_none());
    }
}
