//! The exact Hessian by the unknowns that are free: for the way down from a saddle.

use super::ActionAt;
use super::step::negative;
use crate::minimize::{Curvature, ExactHessian};
use crate::newton::{NOT_SOLVED, Solved};

impl ExactHessian for ActionAt<'_> {
    fn factor_on(
        &mut self,
        x: &[f64],
        free: &[bool],
        damping: f64,
        right: &[f64],
        solved: &mut [f64],
    ) -> Solved {
        let border = self.action.layout().border();
        let bounded = self.bounded;
        for (held, free) in self.held[..border].iter_mut().zip(free) {
            *held = !free;
            self.bounded |= !free;
        }
        let right = negative(right);
        let factored = self.factor(x, Curvature::Exact, damping, &right);
        self.bounded = bounded;
        factored?;
        self.solve_held(free, solved)
    }

    fn solve_on(&mut self, free: &[bool], right: &[f64], solved: &mut [f64]) -> Solved {
        self.substitute(&negative(right))?;
        self.solve_held(free, solved)
    }
}

impl ActionAt<'_> {
    /// Solves with the factor at hand; parameters that are not free stay where
    /// they are, as states do that the factor holds.
    pub(crate) fn solve_held(&mut self, free: &[bool], solved: &mut [f64]) -> Solved {
        let border = self.action.layout().border();
        let parameters = free.get(border..).ok_or(NOT_SOLVED)?.iter();
        let upper = parameters.map(|free| if *free { f64::INFINITY } else { 0.0 });
        let upper: Vec<f64> = upper.collect();
        let lower: Vec<f64> = upper.iter().map(|v| -v).collect();
        self.arrows()?.solve((&lower, &upper), solved).map(|_| ())
    }
}
