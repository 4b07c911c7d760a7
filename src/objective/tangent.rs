//! How the minimum moves as R_f grows.

use super::ActionAt;
use super::step::negative;
use crate::minimize::{Curvature, Indefinite, NewtonSteps, Objective};
use crate::newton::NOT_SOLVED;

/// What a tangent shows.
pub(crate) struct Change {
    /// dM/d ln R_f of the model error M along the minimum: M + ∇M · dx/d ln R_f.
    pub(crate) model: f64,
    /// What the tangent took.
    pub(crate) factorizations: usize,
}

impl Change {
    fn new(model: f64, pull: &[f64], tangent: &[f64], factorizations: usize) -> Self {
        let products = pull.iter().zip(tangent).map(|(p, t)| p * t);
        Self {
            model: model + products.sum::<f64>(),
            factorizations,
        }
    }
}

impl ActionAt<'_> {
    /// dx/d ln R_f along the minimum, for the minimum `x`: the solution of
    /// H t = −∂∇A/∂ln R_f, with H the exact Hessian, or that of Gauss-Newton where
    /// there is no other. Unknowns at bounds stay there. The factor that the last Newton step left serves where it is one
    /// of H, close enough to `x`.
    ///
    /// # Errors
    /// [`Indefinite`] where `x` is no minimum.
    pub(crate) fn tangent(
        &mut self,
        x: &[f64],
        tangent: &mut [f64],
    ) -> std::result::Result<Change, Indefinite> {
        // R_f ∂∇A/∂R_f is the gradient of the model error.
        let mut pull = vec![0.0; x.len()];
        let model_error = self.visit(x).for_model_error();
        let model = self.evaluate(&model_error, Some(&mut pull)).model;
        if !self.has_exact_curvature() {
            let step = self.step_by(x, Curvature::GaussNewton, 0.0, &pull, tangent)?;
            return Ok(Change::new(model, &pull, tangent, step.factorizations));
        }
        let mut factorizations = 0;
        if !self.newton.exact {
            let mut gradient = vec![0.0; x.len()];
            if self.bounded {
                self.value_and_gradient(x, &mut gradient);
            }
            self.hold(x, &gradient);
            factorizations += self.factor_nearly(x, &pull)?;
        } else {
            self.substitute(&pull)?;
        }
        self.solve_free(x, tangent)?;
        Ok(Change::new(model, &pull, tangent, factorizations))
    }

    /// Factors the exact Hessian; where it is singular to rounding, because nothing
    /// was measured of some direction, with as little damping as no saddle needs.
    /// Returns the factorizations that it took.
    fn factor_nearly(&mut self, x: &[f64], pull: &[f64]) -> std::result::Result<usize, Indefinite> {
        let Err(indefinite) = self.factor(x, Curvature::Exact, 0.0, pull) else {
            return Ok(1);
        };
        let damping = self.least_damping(x, indefinite)?;
        self.factor(x, Curvature::Exact, damping, pull).map(|()| 2)
    }

    /// Solves for what moves with the right-hand side at hand: unknowns of the border
    /// at their bounds stay there.
    pub(crate) fn solve_free(
        &mut self,
        x: &[f64],
        moved: &mut [f64],
    ) -> std::result::Result<(), Indefinite> {
        let inside = x.iter().zip(self.lower.iter().zip(&self.upper));
        let inside: Vec<bool> = inside.map(|(x, (l, u))| l < x && x < u).collect();
        self.solve_held(&inside, moved)
    }

    /// Puts −`gradient` in the place of the right-hand side that was factored.
    pub(crate) fn substitute(&mut self, gradient: &[f64]) -> std::result::Result<(), Indefinite> {
        let rhs = negative(gradient);
        let arrows = self.newton.arrows.as_mut().ok_or(NOT_SOLVED)?;
        arrows.substitute(&rhs, &self.held)
    }
}
