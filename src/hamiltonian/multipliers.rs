//! Perfect and nearly perfect models, without their condition numbers.

use super::NEGLIGIBLE;
use super::boundary::{BoundaryProblem, Extremal, descend};
use super::momenta::Momenta;
use crate::action::Estimate;
use crate::error::{Error, Result};
use crate::minimize::{Termination, Work};
use crate::problem::precision::check_positive;

/// Rounds of the method.
const MOST_ROUNDS: usize = 60;

/// What residuals that do not belong to their multipliers may do to the action,
/// relative to it, for the last digits to be asked for: multipliers are then known to
/// about half as many digits.
const NEARLY: f64 = 1e-12;

/// The same far below rounding: nothing is left to do.
const NOTHING: f64 = 1e-26;

/// The same by the rounding of residuals, which are sums of several numbers of the
/// states' size.
const SEVERAL: f64 = 1e4;

impl BoundaryProblem<'_> {
    /// Solves the problem at an R_f that may be very large or infinite, by the
    /// method of multipliers (M. R. Hestenes, J. Optim. Theory Appl. 4, 303
    /// (1969); M. J. D. Powell in *Optimization*, 1969).
    ///
    /// Residuals g are held by multipliers λ beside a moderate precision r,
    /// r/R_f of the wanted one: each round minimizes
    /// V + λ′ᵀg + ½ r′ gᵀg with λ′ = λ R_f/(r + R_f), r′ = r R_f/(r + R_f) and takes
    /// λ ← λ′ + r′ g, which is R_f g at the end. Every Hessian is as well
    /// conditioned as that of r, while Newton's method at R_f itself loses the
    /// digits that residuals of size λ/R_f do not have. The multipliers are exact
    /// where R_f g is rounding, and so are the momenta that are made of them.
    ///
    /// `penalty` is the first r, such as the last level of an annealing that led to
    /// `guess`; it grows tenfold where the distance of residuals g from λ/R_f does not
    /// fall tenfold in a round. The rounds end where that distance is rounding.
    ///
    /// # Errors
    /// As [`solve`](Self::solve), and [`Error::NotPositive`] for a penalty;
    /// [`Error::Contradiction`] where R_f is infinite, both ends of a window are
    /// fixed and there are fewer parameters to estimate than components to meet. A
    /// problem that is not solved in 60 rounds is no error but
    /// [`Termination::IterationLimit`].
    pub fn solve_by_multipliers(&self, guess: &Estimate, penalty: f64) -> Result<Extremal> {
        let place = || String::from("method of multipliers");
        if self.rf.is_nan() || self.rf <= 0.0 {
            return Err(Error::NotPositive {
                what: "R_f",
                place: place(),
                found: self.rf,
            });
        }
        check_positive("penalty", place, penalty)?;
        if self.rf.is_infinite() {
            self.check_solvable()?;
        }
        let (mut at, mut x) = self.open(penalty, guess)?;
        at.set_rf(penalty * share(penalty, self.rf))?;
        let (mut penalty, mut before) = (penalty, f64::INFINITY);
        let mut work = Work::default();
        let mut termination = Termination::IterationLimit;
        for _ in 0..MOST_ROUNDS {
            let (ended, took) = descend(&mut at, &mut x, self.watch)?;
            work.add(took);
            if ended == Termination::Cancelled {
                termination = ended;
                break;
            }
            // With multipliers the terms can cancel each other.
            let terms = at.terms(&x);
            let size = terms.measurement + terms.prior + terms.model.abs();
            let rounding = at.rounding_of_squares(&x);
            let (multipliers, left) = at.multipliers_at(&x, self.rf);
            let small = (NEARLY * size).max(SEVERAL * rounding);
            let settled = left <= small && left > 0.25 * before;
            if settled || left <= (NOTHING * size).max(rounding) {
                termination = ended;
                break;
            }
            // Differences of residuals are squared in what is left.
            if left > 0.01 * before {
                penalty *= 10.0;
            }
            before = left;
            let share = share(penalty, self.rf);
            at.hold_by(multipliers.scaled(share));
            at.set_rf(penalty * share)?;
        }
        let momenta = Momenta::of(&mut at, &x)?;
        let wanted = if self.rf.is_finite() {
            self.rf
        } else {
            NEGLIGIBLE
        };
        Ok(Extremal {
            momenta,
            action: self.action.at(wanted)?.terms(&x),
            estimate: self.action.estimate_of(&x),
            termination,
            work,
        })
    }
}

/// R_f/(r + R_f).
fn share(penalty: f64, rf: f64) -> f64 {
    if rf.is_finite() {
        rf / (penalty + rf)
    } else {
        1.0
    }
}
