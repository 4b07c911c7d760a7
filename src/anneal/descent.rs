//! A minimizer with the kind of unknowns that an annealer gives it.

use std::ops::ControlFlow;

use crate::minimize::{Iteration, Minimizer, Outcome};
use crate::objective::ActionAt;

/// A minimizer, by states or by errors.
#[derive(Clone, Copy)]
pub(super) struct Descent<'a> {
    pub(super) minimizer: &'a dyn Minimizer,
    pub(super) by_errors: bool,
}

impl Descent<'_> {
    /// Minimizes from the path `x`; `near` where it is expected close to the minimum.
    pub(super) fn minimize(
        self,
        at: &mut ActionAt<'_>,
        (x, near): (&mut [f64], bool),
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        if self.by_errors
            && let Some(outcome) = at.walk_by_errors(self.minimizer, (x, near), observe)
        {
            return outcome;
        }
        match near {
            true => self.minimizer.minimize_nearby(at, x, observe),
            false => self.minimizer.minimize(at, x, observe),
        }
    }
}
