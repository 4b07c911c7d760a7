//! Newton steps of an action: factor, solve, keep bounds.

use crate::evaluate::{Newton, Worker, by_group, groups, sum_borders};
use ndarray::Array2;

use super::ActionAt;
use crate::action::Equations;
use crate::minimize::{Curvature, Indefinite, LEAST_CURVATURE, QuadraticStep};
use crate::newton::{Arrangement, Arrows, NOT_SOLVED, Solved};

impl ActionAt<'_> {
    /// A state that stands at a bound and is pushed out stays there.
    pub(crate) fn hold(&mut self, x: &[f64], gradient: &[f64]) {
        if self.bounded {
            self.moved.clear();
            self.moved.resize(x.len(), 0.0);
            for i in 0..self.action.layout().border() {
                self.held[i] = self.lower[i] >= self.upper[i]
                    || (x[i] <= self.lower[i] && gradient[i] > 0.0)
                    || (x[i] >= self.upper[i] && gradient[i] < 0.0);
            }
        }
    }

    /// Moves the states that `step` takes out of their bounds to the bound and
    /// holds them there; returns whether there were any.
    fn hold_where_out(&mut self, x: &[f64], step: &[f64]) -> bool {
        let mut any = false;
        for i in 0..self.action.layout().border() {
            let to = (x[i] + step[i]).max(self.lower[i]).min(self.upper[i]);
            if !self.held[i] && to != x[i] + step[i] {
                self.held[i] = true;
                self.moved[i] = to - x[i];
                any = true;
            }
        }
        any
    }

    /// The chains of all groups of windows, and a border of so many unknowns.
    pub(crate) fn arrangement(&self, border: usize) -> Arrangement {
        let layout = self.action.layout();
        let chains = |worker: &Worker| {
            let windows = layout.windows[worker.windows.clone()].iter();
            windows.map(|w| w.chain()).collect()
        };
        Arrangement {
            groups: self.workers.iter().map(chains).collect(),
            first: layout.border(),
            border,
            parts: layout.border_parts(),
        }
    }

    /// Factors the damped Hessian at `x`, with −gradient as right-hand side:
    /// every group's chains, then the border that they share.
    pub(crate) fn factor(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
    ) -> Solved {
        let action = self.action;
        let visit = self.visit(x);
        self.newton.exact = false;
        let rhs = negative(gradient);
        let mut arrows = match self.newton.arrows.take() {
            Some(arrows) => arrows,
            None => {
                let of = self.arrangement(action.layout().slots.len());
                Arrows::new(of, action.backend).map_err(|_| NOT_SOLVED)?
            }
        };
        let newton = Newton {
            curvature,
            damping,
            scales: &self.scales,
            held: self.bounded.then_some(&self.held[..]),
        };
        let added = self.border_diagonal(x, curvature, damping);
        let mut groups = groups(&mut self.workers, action, &visit, &newton);
        let factored = arrows.factor(&mut groups, &rhs, &added);
        self.newton.arrows = Some(arrows);
        factored?;
        self.newton.exact = curvature == Curvature::Exact && damping == 0.0;
        Ok(())
    }

    /// What priors and damping add to the diagonal of the border.
    fn border_diagonal(&self, x: &[f64], curvature: Curvature, damping: f64) -> Vec<f64> {
        let layout = self.action.layout();
        let places = layout.border()..;
        let added = layout.slots.iter().zip(places).map(|(slot, place)| {
            let prior = self.action.parameters[slot.parameter].prior;
            let curvature = prior.map_or(0.0, |prior| {
                let [_, _, gauss_newton, exact] = prior.at(x[place]);
                match curvature {
                    Curvature::GaussNewton => gauss_newton,
                    Curvature::Exact => exact,
                }
            });
            let scale = self.scales[place];
            curvature + damping / (scale * scale)
        });
        added.collect()
    }

    /// The damped Newton step, by whatever way its equations are solved: see
    /// `Objective::newton_step`.
    pub(crate) fn step_by(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        match (self.equations().equations, curvature) {
            (Equations::ResidualSpace, Curvature::GaussNewton) => {
                self.step_by_residuals(x, damping, gradient, step)
            }
            (Equations::ConjugateGradients, Curvature::GaussNewton) => {
                self.step_by_iteration(x, damping, gradient, step)
            }
            (_, Curvature::GaussNewton) if self.condenses && !self.is_held() => {
                self.step_condensed(x, damping, gradient, step)
            }
            _ => self.step_nearly(x, curvature, damping, gradient, step),
        }
    }

    /// The step by the block arrow; one without damping, where the Hessian is singular
    /// by rounding, with the least damping.
    fn step_nearly(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let indefinite = match self.step(x, curvature, damping, gradient, step) {
            Err(indefinite) if damping == 0.0 => indefinite,
            stepped => return stepped,
        };
        let least = self.least_damping(x, indefinite)?;
        let mut stepped = self.step(x, curvature, least, gradient, step)?;
        self.newton.exact = curvature == Curvature::Exact && stepped.factorizations == 1;
        stepped.factorizations += 1;
        Ok(stepped)
    }

    /// The damping that makes a Hessian definite which is singular by rounding, because
    /// nothing was measured of some direction: as little as no saddle needs.
    ///
    /// # Errors
    /// `indefinite`, where that is no rounding.
    pub(crate) fn least_damping(
        &mut self,
        x: &[f64],
        indefinite: Indefinite,
    ) -> std::result::Result<f64, Indefinite> {
        let least = LEAST_CURVATURE * self.terms(x).total;
        let scales = self.scales[..self.action.layout().border()].iter();
        let largest = scales.copied().fold(0.0, f64::max);
        // NaN is no rounding.
        if indefinite.pivot.abs() * largest * largest <= least && least > 0.0 {
            Ok(least)
        } else {
            Err(indefinite)
        }
    }

    /// The same by the block arrow, within all bounds.
    fn step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, curvature, damping, gradient)?;
        let (lower, upper) = (self.room(&self.lower, x), self.room(&self.upper, x));
        let within = self.arrows()?.solve((&lower, &upper), step)?;
        if self.bounded && self.hold_where_out(x, step) {
            self.hold(x, gradient);
            let solved = (curvature == Curvature::GaussNewton).then_some(within.complete);
            return self.step_within(x, damping, gradient, step, solved);
        }
        let mut slope = 0.0;
        let mut damped = 0.0;
        for ((s, g), scale) in step.iter().zip(gradient).zip(&self.scales) {
            slope -= g * s;
            damped += (s / scale).powi(2);
        }
        // (H + λS⁻²)s = −g + μ, so sᵀHs = −gᵀs + μᵀs − λ|s/S|².
        let predicted_decrease = 0.5 * (slope - within.work + damping * damped);
        if predicted_decrease.is_finite() {
            Ok(QuadraticStep {
                complete: within.complete,
                ..QuadraticStep::new(predicted_decrease)
            })
        } else {
            Err(NOT_SOLVED)
        }
    }

    /// What is left from the border at `x` to its bounds.
    fn room(&self, bound: &[f64], x: &[f64]) -> Vec<f64> {
        let border = self.action.layout().border();
        let bounds = bound[border..].iter().zip(&x[border..]);
        bounds.map(|(bound, x)| bound - x).collect()
    }

    /// The Schur complement of the border in the damped Gauss-Newton Hessian at
    /// `x`.
    pub(crate) fn border_matrix(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
    ) -> std::result::Result<Array2<f64>, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, Curvature::GaussNewton, damping, gradient)?;
        self.arrows()?.border_matrix()
    }

    /// The factor at hand.
    pub(crate) fn arrows(&mut self) -> std::result::Result<&mut Arrows, Indefinite> {
        self.newton.arrows.as_mut().ok_or(NOT_SOLVED)
    }

    /// The step within the bounds of the states: those that leave their bounds
    /// are held there and the others solved for anew, a few times; then it is
    /// cut. Gauss-Newton curvature throughout, because states that are held at
    /// another place need a product with the Hessian; `solved` says that the
    /// first step is such a one, and whether its border is at the minimum.
    fn step_within(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
        mut solved: Option<bool>,
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let border = self.action.layout().border();
        let mut factorizations = 1;
        let (lower, upper) = (self.room(&self.lower, x), self.room(&self.upper, x));
        let mut shifted = gradient.to_vec();
        let (mut complete, mut border_complete) = (false, true);
        while !complete && factorizations <= MOST_ROUNDS {
            border_complete = match solved.take() {
                Some(complete) => complete,
                None => {
                    self.factor(x, Curvature::GaussNewton, damping, &shifted)?;
                    factorizations += 1;
                    let within = self.arrows()?.solve((&lower, &upper), step)?;
                    for (s, moved) in step.iter_mut().zip(&self.moved) {
                        *s += moved;
                    }
                    within.complete
                }
            };
            complete = !self.hold_where_out(x, step);
            if !complete {
                let moved = std::mem::take(&mut self.moved);
                self.product(x, &moved, &mut shifted);
                self.moved = moved;
                for (slot, g) in shifted.iter_mut().zip(gradient) {
                    *slot += g;
                }
            }
        }
        if !complete {
            for i in 0..border {
                step[i] = (self.lower[i] - x[i]).max(step[i].min(self.upper[i] - x[i]));
            }
        }
        let mut product = shifted;
        self.product(x, step, &mut product);
        let pairs = product.iter().zip(gradient).zip(&*step);
        let decrease = pairs.map(|((h, g), s)| -(g + 0.5 * h) * s).sum::<f64>();
        // States held at bounds too early may leave no descent: more damping
        // makes shorter steps, which reach fewer bounds.
        if decrease.is_nan() || decrease <= 0.0 {
            return Err(NOT_SOLVED);
        }
        Ok(QuadraticStep {
            predicted_decrease: decrease,
            complete: complete && border_complete,
            factorizations,
        })
    }

    /// H s with the Gauss-Newton H.
    pub(crate) fn product(&mut self, x: &[f64], step: &[f64], product: &mut [f64]) {
        let action = self.action;
        let layout = action.layout();
        // What a change of g weighs, without multipliers.
        let visit = self.visit(x).without_multipliers();
        let (states, by_border) = product.split_at_mut(layout.border());
        by_group(&mut self.workers, action, states, |_, worker, part| {
            worker.product(action, &visit, step, part);
        });
        sum_borders(&self.workers, by_border);
        for (k, slot) in layout.slots.iter().enumerate() {
            if let Some(prior) = action.parameters[slot.parameter].prior {
                let place = layout.border() + k;
                by_border[k] += prior.at(x[place])[2] * step[place];
            }
        }
    }
}
/// Factorizations that one step within bounds may take.
const MOST_ROUNDS: usize = 4;

/// Right-hand sides are given as gradients.
pub(crate) fn negative(gradient: &[f64]) -> Vec<f64> {
    gradient.iter().map(|g| -g).collect()
}
