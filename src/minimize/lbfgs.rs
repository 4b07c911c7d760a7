//! L-BFGS-B: limited-memory BFGS within bounds.
//!
//! The model of the objective around an iterate is a quadratic whose matrix
//! comes from the last few steps and changes of gradient. Each iteration
//! minimizes the model over the bounds and searches along the way there:
//!
//! 1. Where no bound holds an unknown and the model's minimizer −Hg lies
//!    inside the bounds, it is the answer: two-loop recursion, O(m n).
//! 2. Else the generalized Cauchy point tells which bounds are active and the
//!    model is minimized over the remaining unknowns. Only unknowns with a
//!    finite bound are looked at for that; what is as long as x is one product
//!    with Wᵀ and one with W, so that this too costs O(m n).
//! 3. Moré-Thuente line search, within the bounds.
//!
//! Everything happens in the scaled unknowns z = x / scale, except that
//! iterates are kept as x, so that bounds are met exactly. Where the walk seems
//! to end, the scales are equilibrated and it has to end once more.
//!
//! Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16, 1190 (1995); Zhu, Byrd,
//! Lu and Nocedal, ACM TOMS 23, 550 (1997); Morales and Nocedal, ACM TOMS 38,
//! 7 (2011).

mod bounds;
mod cauchy;
mod compact;
mod equilibration;
mod gram;
mod interval;
mod line_search;
mod pairs;
mod stopping;
mod subspace;
#[cfg(test)]
mod tests;
mod vectors;
mod walk;

use std::ops::ControlFlow;

use super::{Iteration, Minimizer, Objective, Outcome, Termination, Work};
use crate::error::{Error, Result};
use walk::Walk;

/// Largest memory that is accepted; more than a few dozen pairs never pay.
const MOST_PAIRS: usize = 1000;

/// Limited-memory BFGS with bounds (L-BFGS-B).
///
/// Needs values and gradients only. One iteration costs about 4·m·n
/// multiplications beside one evaluation, m being the memory and n the number
/// of unknowns.
///
/// It has converged when the decrease that the quadratic model predicts,
/// ½gᵀHg, and the decrease over the last tenth of the walk are both at most
/// `tolerance`·|value|. Values below 2⁻⁵² of the largest met count as that
/// much, so that a minimum of exactly 0 is an end too. Both sides change alike
/// with the unit of the value, and the unit of an unknown does not matter.
///
/// Scales may be wrong by many powers of ten: before the walk ends they are
/// measured anew by 12 gradients, and it ends only if nothing more is gained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    memory: usize,
    max_iterations: usize,
    tolerance: f64,
}

impl Default for Lbfgs {
    /// Memory 10, at most 100,000 iterations, tolerance 1e-12.
    fn default() -> Self {
        Lbfgs {
            memory: 10,
            max_iterations: 100_000,
            tolerance: 1e-12,
        }
    }
}

impl Lbfgs {
    /// Sets the number of pairs of step and change of gradient to remember,
    /// 1 to 1000.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for any other number.
    pub fn memory(mut self, memory: usize) -> Result<Self> {
        if !(1..=MOST_PAIRS).contains(&memory) {
            return Err(Error::OutOfRange {
                what: "memory",
                place: "Lbfgs".to_owned(),
                low: 1.0,
                high: MOST_PAIRS as f64,
                found: memory as f64,
            });
        }
        self.memory = memory;
        Ok(self)
    }

    /// Sets the largest number of accepted steps.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the decrease, relative to the value, that does not matter. At 0
    /// the walk goes on until rounding stops it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless 0 ≤ `tolerance` < 1.
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&tolerance) {
            return Err(Error::OutOfRange {
                what: "tolerance",
                place: "Lbfgs".to_owned(),
                low: 0.0,
                high: 1.0,
                found: tolerance,
            });
        }
        self.tolerance = tolerance;
        Ok(self)
    }
}

impl Minimizer for Lbfgs {
    /// As the trait says.
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        match Walk::start(objective, x, self.memory) {
            Some(mut walk) => walk.run(self, observe),
            None => Outcome {
                value: f64::NAN,
                termination: Termination::NonFinite,
                work: Work::default(),
            },
        }
    }

    fn name(&self) -> &'static str {
        "L-BFGS-B"
    }

    fn settings(&self) -> String {
        format!("{self:?}")
    }
}
