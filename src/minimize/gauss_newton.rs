//! Gauss-Newton on the whole path with a Levenberg-Marquardt trust region.

use std::ops::ControlFlow;

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
    max_iterations: usize,
    curvature: Curvature,
}

impl Default for GaussNewton {
    /// Tolerance 1e-9, at most 500 iterations, exact curvature near the minimum.
    fn default() -> Self {
        Self {
            tolerance: 1e-9,
            max_iterations: 500,
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
    pub fn max_iterations(mut self, limit: usize) -> Self {
        self.max_iterations = limit;
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

/// Predicted decreases below this fraction of the value are rounding.
const ROUNDING: f64 = 64.0 * f64::EPSILON;
/// Predicted decreases below this fraction of the value are near the minimum.
const NEAR: f64 = 1e-2;
/// Damping that takes less than this part of a step's predicted decrease tells
/// nothing wrong about what is left to gain.
const LITTLE_RESISTANCE: f64 = 1e-2;
/// Damping that takes less than this part of a step's predicted decrease is none.
const NO_RESISTANCE: f64 = 1e-3;
/// Steps whose decrease is judged together: at least so many, and this part of all.
const SHORTEST_WINDOW: usize = 10;
const WINDOW_PART: usize = 10;
/// Most steps between two trials of the exact Hessian.
const LONGEST_SPELL: usize = 8;

/// One walk: the point, the trial and the damping.
struct Walk<'a> {
    settings: &'a GaussNewton,
    objective: &'a mut dyn Objective,
    x: &'a mut [f64],
    value: f64,
    /// All values, newest last.
    values: Vec<f64>,
    /// Values that are zero but for rounding.
    rounding: f64,
    /// The value at the start: the largest, because the walk only descends.
    first: f64,
    gradient: Vec<f64>,
    step: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    /// λ; zero is a full Gauss-Newton step.
    damping: f64,
    /// What λ grows by at the next failure.
    growth: f64,
    /// Second derivatives of the next step, and of those near the minimum.
    curvature: Curvature,
    near: Curvature,
    /// Whether the step at hand is one of the exact Hessian.
    exact: bool,
    /// Steps to go before an exact Hessian is tried again, and how many there
    /// were after the last that was not positive definite.
    wait: usize,
    spell: usize,
    /// Predicted decrease of the step before, where it compares with the next:
    /// no more damping in between.
    before: Option<f64>,
    work: Work,
    /// Factorizations against the limit, one at least for each step.
    spent: usize,
}

/// What a trial step led to.
enum Trial {
    /// `left` is the decrease that remains, as far as the rate tells.
    Accepted {
        predicted: f64,
        left: f64,
        complete: bool,
        /// Whether the damping hardly shortened the step.
        full: bool,
    },
    Rejected {
        predicted: f64,
        complete: bool,
    },
    Indefinite,
}

impl Walk<'_> {
    fn start(&mut self) -> Option<Termination> {
        self.value = self
            .objective
            .value_and_gradient(self.x, &mut self.gradient);
        self.work.evaluations += 1;
        self.first = self.value;
        self.rounding = self.objective.rounding(self.x);
        let finite = self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite());
        (!finite).then_some(Termination::NonFinite)
    }

    /// What decreases are measured by: the value, or the rounding of the start
    /// where the minimum is zero.
    fn size(&self) -> f64 {
        self.value.abs().max(f64::EPSILON * self.first.abs())
    }

    /// λ of the size of the curvature along the scaled gradient, the natural
    /// unit of damping: gᵀS²HS²g / gᵀS²g is not known, so use |Sg|²/value,
    /// which has the same unit for a sum of squares, and |Sg| where the value is zero.
    fn natural_damping(&self) -> f64 {
        let scales = self.objective.scales();
        let squares = self
            .gradient
            .iter()
            .zip(scales)
            .map(|(g, s)| (g * s).powi(2));
        let slope: f64 = squares.sum();
        let usable = |v: &f64| v.is_finite() && *v > 0.0;
        let mut units = [slope / self.size(), slope.sqrt()].into_iter();
        units.find(usable).unwrap_or(1.0)
    }

    /// The step at the present damping, with exact second derivatives where
    /// they are wanted and positive definite.
    fn newton_step(&mut self) -> Option<QuadraticStep> {
        if self.curvature == Curvature::Exact && self.wait == 0 {
            self.exact = true;
            if let Some(step) = self.solve(Curvature::Exact) {
                self.spell = 0;
                return Some(step);
            }
            self.spell = (2 * self.spell).clamp(1, LONGEST_SPELL);
            self.wait = self.spell;
        }
        self.exact = false;
        let step = self.solve(Curvature::GaussNewton);
        self.wait = self.wait.saturating_sub(1);
        step
    }

    fn solve(&mut self, curvature: Curvature) -> Option<QuadraticStep> {
        let step = self.objective.newton()?.newton_step(
            self.x,
            curvature,
            self.damping,
            &self.gradient,
            &mut self.step,
        );
        let took = step.map_or(1, |step| step.factorizations);
        self.work.factorizations = self.work.factorizations.saturating_add(took);
        self.spent = self.spent.saturating_add(took.max(1));
        step.ok()
    }

    /// |s/S|², the squared length of the step in scaled unknowns.
    fn squared_length(&self) -> f64 {
        let scaled = self.step.iter().zip(self.objective.scales());
        scaled.map(|(s, scale)| (s / scale).powi(2)).sum()
    }

    fn try_step(&mut self) -> Trial {
        let Some(step) = self.newton_step() else {
            return Trial::Indefinite;
        };
        let (predicted, complete) = (step.predicted_decrease, step.complete);
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
        let resistance = self.damping * self.squared_length();
        // Below rounding the ratio is noise: any step that does not raise the
        // value by more than rounding is as good.
        let noise = ROUNDING * self.size();
        let good = value <= self.value + noise && (predicted <= noise || ratio > 1e-4);
        if !finite || !good {
            self.tighten(predicted, ratio);
            return Trial::Rejected {
                predicted,
                complete,
            };
        }
        let left = self.decrease_left(predicted, ratio);
        self.before = Some(predicted);
        self.relax(ratio, resistance <= NO_RESISTANCE * predicted);
        if complete {
            self.choose_curvature(predicted, value);
        }
        self.x.copy_from_slice(&self.trial);
        std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
        self.value = value;
        self.values.push(value);
        self.work.iterations += 1;
        Trial::Accepted {
            predicted,
            left,
            complete,
            full: resistance <= LITTLE_RESISTANCE * predicted,
        }
    }

    /// Second derivatives of the step after this one.
    fn choose_curvature(&mut self, predicted: f64, value: f64) {
        let near = predicted <= NEAR * value.abs();
        let next = if near {
            self.near
        } else {
            Curvature::GaussNewton
        };
        if next == Curvature::Exact && self.curvature != next {
            // The damping was the other matrix's: a full step comes first.
            self.damping = 0.0;
        }
        self.curvature = next;
    }

    /// What the steps after this one have to gain together. What a full step
    /// with the exact Hessian missed of its promise is what lies beyond the
    /// quadratic model, and so is what it left. Otherwise predictions go on
    /// falling at the rate q of the last two: p(q + q² + …). Infinite where
    /// neither is known.
    fn decrease_left(&self, predicted: f64, ratio: f64) -> f64 {
        let missed = (1.0 - ratio).abs();
        if self.exact && self.damping == 0.0 && missed < 0.1 {
            return (missed * predicted).max(ROUNDING * self.size());
        }
        match self.before {
            Some(before) if predicted < before && ratio > 0.5 => {
                let rate = predicted / before;
                predicted * rate / (1.0 - rate)
            }
            _ => f64::INFINITY,
        }
    }

    /// Less damping after a step that kept its promise; none where it made no
    /// difference.
    fn relax(&mut self, ratio: f64, free: bool) {
        let factor = (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 9.0, 2.0);
        self.damping *= factor;
        self.growth = 2.0;
        if factor > 1.0 {
            self.before = None;
        }
        if free && factor <= 1.0 {
            self.damping = 0.0;
        }
    }

    /// More damping after a step that broke its promise. The first is measured
    /// by the curvature along that step, 2p/|s/S|², and by how much shorter the
    /// step has to be if what is beyond the quadratic model grows with the
    /// third power of its length.
    fn tighten(&mut self, predicted: f64, ratio: f64) {
        let curvature = 2.0 * predicted / self.squared_length();
        let shorter = if ratio.is_finite() {
            (1.0 - ratio).sqrt()
        } else {
            10.0
        };
        self.damp(curvature * shorter.clamp(1.0, 100.0));
    }

    /// More damping where no matrix was positive definite.
    fn stiffen(&mut self) {
        self.damp(1e-4 * self.natural_damping());
    }

    /// More damping, `first` where there was none.
    fn damp(&mut self, first: f64) {
        self.before = None;
        if self.damping > 0.0 {
            self.damping *= self.growth;
            self.growth *= 2.0;
        } else {
            self.damping = first;
        }
    }

    /// Decrease over the last steps together: a tenth of all, ten at least; infinite
    /// where there were not as many. However slow a walk that converges linearly,
    /// it then has little left.
    fn decrease(&self) -> f64 {
        let window = SHORTEST_WINDOW.max(self.values.len() / WINDOW_PART);
        let before = self.values.len().checked_sub(window + 1);
        before.map_or(f64::INFINITY, |before| self.values[before] - self.value)
    }

    /// Whether the value is zero but for rounding, where it cannot be less, or there
    /// is no slope.
    fn is_at_the_end(&self) -> bool {
        let bounds = (self.objective.lower(), self.objective.upper());
        let nothing = self.rounding > 0.0 && (0.0..=self.rounding).contains(&self.value);
        nothing || is_stationary(self.x, &self.gradient, bounds)
    }

    fn run(&mut self, observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>) -> Termination {
        if let Some(termination) = self.start() {
            return termination;
        }
        let mut failures = 0;
        while self.spent < self.settings.max_iterations {
            if self.is_at_the_end() {
                return Termination::Converged;
            }
            match self.try_step() {
                Trial::Accepted {
                    predicted,
                    left,
                    complete,
                    full,
                } => {
                    failures = 0;
                    let (number, value) = (self.work.iterations, self.value);
                    if observe(Iteration::new(number, value, self.work)).is_break() {
                        return Termination::Cancelled;
                    }
                    if !complete {
                        continue;
                    }
                    let size = self.size();
                    let small = self.settings.tolerance * size;
                    if (full && left.min(predicted) <= small) || self.decrease() <= small {
                        return Termination::Converged;
                    }
                    if predicted <= ROUNDING * size {
                        return Termination::RoundingLimit;
                    }
                }
                Trial::Rejected {
                    predicted,
                    complete,
                } => {
                    failures += 1;
                    if complete && predicted <= ROUNDING * self.size() {
                        return Termination::RoundingLimit;
                    }
                    if failures > 60 {
                        return Termination::NoProgress;
                    }
                }
                Trial::Indefinite => {
                    failures += 1;
                    if failures > 60 {
                        return Termination::NoProgress;
                    }
                    self.stiffen();
                }
            }
        }
        Termination::IterationLimit
    }
}

impl GaussNewton {
    fn walk(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        curvature: Curvature,
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        if !fits(objective, x) {
            return Outcome::new(f64::NAN, Termination::NonFinite, Work::default());
        }
        let Some(newton) = objective.newton() else {
            return Outcome::new(f64::NAN, Termination::NoNewtonSteps, Work::default());
        };
        let (curvature, near) = match newton.has_exact_curvature() {
            true => (curvature, self.curvature),
            false => (Curvature::GaussNewton, Curvature::GaussNewton),
        };
        project(x, objective.lower(), objective.upper());
        let n = x.len();
        let mut walk = Walk {
            settings: self,
            objective,
            x,
            value: f64::NAN,
            first: f64::NAN,
            values: Vec::new(),
            rounding: 0.0,
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            trial: vec![0.0; n],
            trial_gradient: vec![0.0; n],
            damping: 0.0,
            growth: 2.0,
            curvature,
            near,
            exact: false,
            wait: 0,
            spell: 0,
            before: None,
            work: Work::default(),
            spent: 0,
        };
        let termination = walk.run(observe);
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
