//! Gauss-Newton on the whole path with a Levenberg-Marquardt trust region.

mod curvature;
mod damping;
mod stopping;

use std::ops::ControlFlow;

use curvature::Choice;
use damping::Damping;
use stopping::{Step, Stopping};

use super::{
    Curvature, Iteration, Minimizer, Objective, Outcome, QuadraticStep, Termination, Work,
    check_setting, fits, is_stationary, project,
};
use crate::error::Result;

/// Structured Gauss-Newton with a trust region.
///
/// Each iteration solves (H + λS⁻²) s = −∇A with H from first derivatives of
/// the residuals and S the scales of the unknowns; λ follows the ratio of
/// actual to predicted decrease (H. B. Nielsen, *Damping parameter in
/// Marquardt's method*, IMM-REP-1999-05) and is zero while full steps keep
/// their promise. First derivatives alone converge linearly, and at large
/// residuals not at all without damping: so near the minimum, where the last
/// step promised less than a hundredth of the value, H is the exact Hessian. One
/// that is not positive definite gives way to first derivatives for that step, and
/// if that happens again, for twice as many (up to 8).
///
/// The walk ends when no decrease above `tolerance` times the value is left,
/// by the quadratic model or by the rate at which its predictions fall, or where
/// the last tenth of the steps, ten at least, together brought no more than that:
/// no unit, no dependence on R_f.
///
/// An objective without [Newton steps](Objective::newton) ends it at once, with
/// [`Termination::NoNewtonSteps`].
#[derive(Debug, Clone, PartialEq)]
pub struct GaussNewton {
    tolerance: f64,
    max_factorizations: usize,
    curvature: Curvature,
}

impl Default for GaussNewton {
    /// Tolerance 1e-9, at most 500 iterations, exact curvature near the minimum.
    fn default() -> Self {
        Self {
            tolerance: 1e-9,
            max_factorizations: 500,
            curvature: Curvature::Exact,
        }
    }
}

impl GaussNewton {
    /// The largest decrease still to gain, relative to the value, to stop at.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite),
    /// [`Error::NotPositive`](crate::Error::NotPositive).
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self> {
        check_setting("tolerance", "Gauss-Newton", tolerance)?;
        self.tolerance = tolerance;
        Ok(self)
    }

    /// The limit on factorizations of one minimization. A step that reports none
    /// counts as one.
    #[must_use]
    pub fn max_factorizations(mut self, limit: usize) -> Self {
        self.max_factorizations = limit;
        self
    }

    /// Which second derivatives to use near the minimum; elsewhere they are
    /// always those of Gauss-Newton, and so they are where an objective has no
    /// others.
    #[must_use]
    pub fn curvature(mut self, curvature: Curvature) -> Self {
        self.curvature = curvature;
        self
    }
}

/// Damping that takes less than this part of a step's predicted decrease tells
/// nothing wrong about what is left to gain.
const LITTLE_RESISTANCE: f64 = 1e-2;
/// Damping that takes less than this part of a step's predicted decrease is none.
const NO_RESISTANCE: f64 = 1e-3;
/// The least actual decrease, as part of the predicted one, of a step that is accepted.
const LEAST_RATIO: f64 = 1e-4;
/// Steps in a row that may fail.
const MOST_FAILURES: usize = 60;

/// One walk: the point, the step from there and what it leads to.
struct Walk<'a> {
    objective: &'a mut dyn Objective,
    x: &'a mut [f64],
    value: f64,
    gradient: Vec<f64>,
    step: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    damping: Damping,
    curvature: Choice,
    /// Whether the step at hand is one of the exact Hessian.
    exact: bool,
    work: Work,
    /// Factorizations against the limit, one at least for each step.
    spent: usize,
}

impl Walk<'_> {
    /// Minimizes; the names are those of the algorithm: a step of the damped equations is
    /// tried, its actual decrease is compared with the predicted one, the damping follows
    /// the ratio, and the step is taken where the value does not rise.
    fn run(
        &mut self,
        settings: &GaussNewton,
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Termination {
        let Some(mut stopping) = self.begin(settings.tolerance) else {
            return Termination::NonFinite;
        };
        let mut failures = 0;
        while self.spent < settings.max_factorizations {
            if stopping.is_zero() || self.is_stationary() {
                return Termination::Converged;
            }
            if failures > MOST_FAILURES {
                return Termination::NoProgress;
            }
            let Some(step) = self.damped_step() else {
                failures += 1;
                stopping.forget_rate();
                self.damping
                    .grow(1e-4 * self.natural_damping(stopping.size()));
                continue;
            };
            let predicted = step.predicted_decrease;
            let value = self.try_step();
            let ratio = (self.value - value) / predicted;
            if !self.is_acceptable(value, predicted, ratio, stopping.noise()) {
                failures += 1;
                stopping.forget_rate();
                self.damping
                    .tighten(predicted, ratio, self.squared_length());
                if step.complete && predicted <= stopping.noise() {
                    return Termination::RoundingLimit;
                }
                continue;
            }
            failures = 0;
            let resistance = self.damping.lambda() * self.squared_length();
            let accepted = Step {
                predicted,
                ratio,
                newton: self.exact && self.damping.lambda() == 0.0,
                full: resistance <= LITTLE_RESISTANCE * predicted,
            };
            let left = stopping.decrease_left(&accepted);
            if self
                .damping
                .relax(ratio, resistance <= NO_RESISTANCE * predicted)
            {
                stopping.forget_rate();
            }
            if step.complete && self.curvature.choose(predicted, value) {
                // The damping was the other matrix's: a full step comes first.
                self.damping.clear();
            }
            self.accept(value);
            stopping.accept(value);
            let iteration = Iteration::new(self.work.iterations, value, self.work);
            if observe(iteration).is_break() {
                return Termination::Cancelled;
            }
            let end = stopping.end(&accepted, left);
            if let Some(end) = end.filter(|_| step.complete) {
                return end;
            }
        }
        Termination::IterationLimit
    }

    /// Evaluates the start; `None` where it is not finite.
    fn begin(&mut self, tolerance: f64) -> Option<Stopping> {
        self.value = self
            .objective
            .value_and_gradient(self.x, &mut self.gradient);
        self.work.evaluations += 1;
        let zero = self.objective.rounding(self.x);
        let finite = self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite());
        finite.then(|| Stopping::new(tolerance, self.value, zero))
    }

    /// Whether there is no slope but what bounds withstand.
    fn is_stationary(&self) -> bool {
        let bounds = (self.objective.lower(), self.objective.upper());
        is_stationary(self.x, &self.gradient, bounds)
    }

    /// The step at the present damping, with exact second derivatives where
    /// they are wanted and positive definite; `None` where no matrix was.
    fn damped_step(&mut self) -> Option<QuadraticStep> {
        if self.curvature.is_exact() {
            self.exact = true;
            if let Some(step) = self.solve(Curvature::Exact) {
                self.curvature.note_definite();
                return Some(step);
            }
            self.curvature.note_indefinite();
        }
        self.exact = false;
        let step = self.solve(Curvature::GaussNewton);
        self.curvature.note_first_derivatives();
        step
    }

    fn solve(&mut self, curvature: Curvature) -> Option<QuadraticStep> {
        let step = self.objective.newton()?.newton_step(
            self.x,
            curvature,
            self.damping.lambda(),
            &self.gradient,
            &mut self.step,
        );
        let took = step.map_or(1, |step| step.factorizations);
        self.work.factorizations = self.work.factorizations.saturating_add(took);
        self.spent = self.spent.saturating_add(took.max(1));
        step.ok()
    }

    /// Evaluates the point that the step leads to, within the bounds.
    fn try_step(&mut self) -> f64 {
        for ((t, x), s) in self.trial.iter_mut().zip(&*self.x).zip(&self.step) {
            *t = x + s;
        }
        let (lower, upper) = (self.objective.lower(), self.objective.upper());
        project(&mut self.trial, lower, upper);
        self.work.evaluations += 1;
        self.objective
            .value_and_gradient(&self.trial, &mut self.trial_gradient)
    }

    /// Below rounding the ratio is noise: any step that does not raise the value by more
    /// than rounding is as good.
    fn is_acceptable(&self, value: f64, predicted: f64, ratio: f64, noise: f64) -> bool {
        let finite = value.is_finite() && self.trial_gradient.iter().all(|g| g.is_finite());
        finite && value <= self.value + noise && (predicted <= noise || ratio > LEAST_RATIO)
    }

    fn accept(&mut self, value: f64) {
        self.x.copy_from_slice(&self.trial);
        std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
        self.value = value;
        self.work.iterations += 1;
    }

    /// λ of the size of the curvature along the scaled gradient, the natural
    /// unit of damping: gᵀS²HS²g / gᵀS²g is not known, so use |Sg|²/value,
    /// which has the same unit for a sum of squares, and |Sg| where the value is zero.
    fn natural_damping(&self, size: f64) -> f64 {
        let scaled = self.gradient.iter().zip(self.objective.scales());
        let slope: f64 = scaled.map(|(g, s)| (g * s).powi(2)).sum();
        let usable = |v: &f64| v.is_finite() && *v > 0.0;
        let mut units = [slope / size, slope.sqrt()].into_iter();
        units.find(usable).unwrap_or(1.0)
    }

    /// |s/S|², the squared length of the step in scaled unknowns.
    fn squared_length(&self) -> f64 {
        let scaled = self.step.iter().zip(self.objective.scales());
        scaled.map(|(s, scale)| (s / scale).powi(2)).sum()
    }
}

impl GaussNewton {
    fn walk(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        first: Curvature,
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        if !fits(objective, x) {
            return Outcome::new(f64::NAN, Termination::NonFinite, Work::default());
        }
        let Some(newton) = objective.newton() else {
            return Outcome::new(f64::NAN, Termination::NoNewtonSteps, Work::default());
        };
        let (first, near) = match newton.has_exact_curvature() {
            true => (first, self.curvature),
            false => (Curvature::GaussNewton, Curvature::GaussNewton),
        };
        project(x, objective.lower(), objective.upper());
        let n = x.len();
        let mut walk = Walk {
            objective,
            x,
            value: f64::NAN,
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            trial: vec![0.0; n],
            trial_gradient: vec![0.0; n],
            damping: Damping::none(),
            curvature: Choice::new(first, near),
            exact: false,
            work: Work::default(),
            spent: 0,
        };
        let termination = walk.run(self, observe);
        Outcome::new(walk.value, termination, walk.work)
    }
}

impl Minimizer for GaussNewton {
    /// As the trait says.
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        self.walk(objective, x, Curvature::GaussNewton, observe)
    }

    /// Begins with the second derivatives that are used near the minimum.
    fn minimize_nearby(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        self.walk(objective, x, self.curvature, observe)
    }

    fn name(&self) -> &'static str {
        "gauss-newton"
    }

    fn settings(&self) -> String {
        format!("{self:?}")
    }
}
