//! Gauss-Newton on the whole path with a Levenberg-Marquardt trust region.

use std::ops::ControlFlow;

use super::{
    Curvature, Iteration, Minimizer, Objective, Outcome, Termination, Work, check_setting, project,
};
use crate::error::Result;

/// Structured Gauss-Newton with a trust region.
///
/// Each iteration solves (H + λS⁻²) s = −∇A with H from first derivatives of
/// the residuals and S the scales of the unknowns; λ follows the ratio of
/// actual to predicted decrease (H. B. Nielsen, *Damping parameter in
/// Marquardt's method*, IMM-REP-1999-05) and is zero while full steps keep
/// their promise. The walk ends when the quadratic model predicts no decrease
/// above `tolerance` times the value: no unit, no dependence on R_f.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussNewton {
    tolerance: f64,
    max_iterations: usize,
    curvature: Curvature,
}

impl Default for GaussNewton {
    /// Tolerance 1e-9, at most 500 iterations.
    fn default() -> Self {
        Self {
            tolerance: 1e-9,
            max_iterations: 500,
            curvature: Curvature::GaussNewton,
        }
    }
}

impl GaussNewton {
    /// The largest predicted decrease, relative to the value, to stop at.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite),
    /// [`Error::NotPositive`](crate::Error::NotPositive).
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self> {
        check_setting("tolerance", "Gauss-Newton", tolerance)?;
        self.tolerance = tolerance;
        Ok(self)
    }

    /// The limit on factorizations of one minimization.
    #[must_use]
    pub fn max_iterations(mut self, limit: usize) -> Self {
        self.max_iterations = limit;
        self
    }

    /// Which second derivatives to use; an exact Hessian that is not positive
    /// definite falls back to Gauss-Newton for that step.
    #[must_use]
    pub fn curvature(mut self, curvature: Curvature) -> Self {
        self.curvature = curvature;
        self
    }
}

/// Predicted decreases below this fraction of the value are rounding.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// One walk: the point, the trial and the damping.
struct Walk<'a> {
    settings: &'a GaussNewton,
    objective: &'a mut dyn Objective,
    x: &'a mut [f64],
    value: f64,
    gradient: Vec<f64>,
    step: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    /// λ; zero is a full Gauss-Newton step.
    damping: f64,
    /// What λ grows by at the next failure.
    growth: f64,
    work: Work,
}

/// What a trial step led to.
enum Trial {
    Accepted { predicted: f64 },
    Rejected { predicted: f64 },
    Indefinite,
}

impl Walk<'_> {
    fn start(&mut self) -> Option<Termination> {
        self.value = self
            .objective
            .value_and_gradient(self.x, &mut self.gradient);
        self.work.evaluations += 1;
        let finite = self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite());
        (!finite).then_some(Termination::NonFinite)
    }

    /// λ of the size of the curvature along the scaled gradient, the natural
    /// unit of damping: gᵀS²HS²g / gᵀS²g is not known, so use |Sg|²/value,
    /// which has the same unit for a sum of squares.
    fn natural_damping(&self) -> f64 {
        let scales = self.objective.scales();
        let squares = self
            .gradient
            .iter()
            .zip(scales)
            .map(|(g, s)| (g * s).powi(2));
        let slope: f64 = squares.sum();
        let natural = slope / self.value.abs().max(f64::MIN_POSITIVE);
        if natural.is_finite() && natural > 0.0 {
            natural
        } else {
            1.0
        }
    }

    fn newton_step(&mut self) -> Option<f64> {
        self.work.factorizations += 1;
        let mut step = |curvature| {
            self.objective.newton_step(
                self.x,
                curvature,
                self.damping,
                &self.gradient,
                &mut self.step,
            )
        };
        let exact = step(self.settings.curvature);
        let result = match exact {
            Err(_) if self.settings.curvature == Curvature::Exact => {
                self.work.factorizations += 1;
                step(Curvature::GaussNewton)
            }
            other => other,
        };
        result.ok().map(|quadratic| quadratic.predicted_decrease)
    }

    fn try_step(&mut self) -> Trial {
        let Some(predicted) = self.newton_step() else {
            return Trial::Indefinite;
        };
        for ((t, x), s) in self.trial.iter_mut().zip(&*self.x).zip(&self.step) {
            *t = x + s;
        }
        project(
            &mut self.trial,
            self.objective.lower(),
            self.objective.upper(),
        );
        let value = self
            .objective
            .value_and_gradient(&self.trial, &mut self.trial_gradient);
        self.work.evaluations += 1;
        let finite = value.is_finite() && self.trial_gradient.iter().all(|g| g.is_finite());
        let ratio = (self.value - value) / predicted;
        // Below rounding the ratio is noise: any step that does not raise the
        // value by more than rounding is as good.
        let noise = ROUNDING * self.value.abs();
        let good = ratio > 1e-4 || (predicted <= noise && value <= self.value + noise);
        if !finite || !good {
            return Trial::Rejected { predicted };
        }
        self.relax(ratio);
        self.x.copy_from_slice(&self.trial);
        std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
        self.value = value;
        self.work.iterations += 1;
        Trial::Accepted { predicted }
    }

    /// Less damping after a step that kept its promise.
    fn relax(&mut self, ratio: f64) {
        let factor = (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 9.0, 2.0);
        self.damping *= factor;
        self.growth = 2.0;
        if self.damping < 1e-9 * self.natural_damping() {
            self.damping = 0.0;
        }
    }

    /// More damping after a step that did not.
    fn tighten(&mut self) {
        let natural = self.natural_damping();
        if self.damping > 0.0 {
            self.damping *= self.growth;
            self.growth *= 2.0;
        } else {
            self.damping = 1e-4 * natural;
        }
    }

    fn run(&mut self, observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>) -> Termination {
        if let Some(termination) = self.start() {
            return termination;
        }
        let mut failures = 0;
        while self.work.factorizations < self.settings.max_iterations {
            if self.value == 0.0 || self.gradient.iter().all(|g| *g == 0.0) {
                return Termination::Converged;
            }
            let undamped = self.damping == 0.0;
            match self.try_step() {
                Trial::Accepted { predicted } => {
                    failures = 0;
                    let iteration = Iteration {
                        number: self.work.iterations,
                        value: self.value,
                    };
                    if observe(iteration).is_break() {
                        return Termination::Cancelled;
                    }
                    let size = self.value.abs();
                    if undamped && predicted <= self.settings.tolerance * size {
                        return Termination::Converged;
                    }
                    if predicted <= ROUNDING * size {
                        return Termination::RoundingLimit;
                    }
                }
                Trial::Rejected { predicted } => {
                    failures += 1;
                    if predicted <= ROUNDING * self.value.abs() {
                        return Termination::RoundingLimit;
                    }
                    if failures > 60 {
                        return Termination::NoProgress;
                    }
                    self.tighten();
                }
                Trial::Indefinite => {
                    failures += 1;
                    if failures > 60 {
                        return Termination::NoProgress;
                    }
                    self.tighten();
                }
            }
        }
        Termination::IterationLimit
    }
}

impl Minimizer for GaussNewton {
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        project(x, objective.lower(), objective.upper());
        let n = x.len();
        let mut walk = Walk {
            settings: self,
            objective,
            x,
            value: f64::NAN,
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            trial: vec![0.0; n],
            trial_gradient: vec![0.0; n],
            damping: 0.0,
            growth: 2.0,
            work: Work::default(),
        };
        let termination = walk.run(observe);
        Outcome {
            value: walk.value,
            termination,
            work: walk.work,
        }
    }

    fn name(&self) -> &'static str {
        "gauss-newton"
    }
}
