//! The walk: direction, line search, memory, until there is a reason to stop.

use std::mem::swap;
use std::ops::ControlFlow;

use super::Lbfgs;
use super::bounds::Bounds;
use super::cauchy::{Place, cauchy_point};
use super::compact::{Compact, Grams};
use super::interval::Sample;
use super::line_search::{Advice, LineSearch};
use super::pairs::Pairs;
use super::stopping::Progress;
use super::subspace::subspace_step;
use super::vectors::{dot, norm};
use crate::minimize::{Iteration, Objective, Outcome, Termination, Work, fits, project};

/// One minimization under way.
pub(super) struct Walk<'a> {
    pub(super) objective: &'a mut dyn Objective,
    pub(super) bounds: Bounds,
    pub(super) scales: Vec<f64>,
    inverse_scales: Vec<f64>,
    pairs: Pairs,
    grams: Grams,
    /// The iterate, its value and its gradient in scaled unknowns.
    pub(super) x: &'a mut [f64],
    value: f64,
    pub(super) gradient: Vec<f64>,
    /// Step that the model asks for: first scaled, then in units of x.
    step: Vec<f64>,
    scratch: Vec<f64>,
    /// Step lengths at which the bounded unknowns meet their bounds.
    reach: Vec<f64>,
    pub(super) trial: Trial,
    /// The best of the trials that were not accepted at once.
    kept: Trial,
    /// Whether a pair ever told the curvature.
    met_curvature: bool,
    pub(super) work: Work,
}

/// A point on the line, with the gradient in units of x.
pub(super) struct Trial {
    pub(super) x: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) value: f64,
    step_length: f64,
}

impl Trial {
    fn new(dimension: usize) -> Self {
        let zeros = vec![0.0; dimension];
        Trial {
            x: zeros.clone(),
            gradient: zeros,
            value: f64::NAN,
            step_length: 0.0,
        }
    }
}

impl<'a> Walk<'a> {
    /// Projects the start; `None` if no walk can begin there.
    pub(super) fn start(
        objective: &'a mut dyn Objective,
        x: &'a mut [f64],
        memory: usize,
    ) -> Option<Self> {
        if !fits(objective, x) {
            return None;
        }
        let n = objective.dimension();
        let scales = objective.scales().to_vec();
        let (lower, upper) = (objective.lower(), objective.upper());
        project(x, lower, upper);
        let bounds = Bounds::new(lower, upper);
        Some(Walk {
            inverse_scales: scales.iter().map(|s| 1.0 / s).collect(),
            scales,
            pairs: Pairs::new(n, memory),
            grams: Grams::new(n, &bounds.index),
            bounds,
            x,
            value: f64::NAN,
            gradient: vec![0.0; n],
            step: vec![0.0; n],
            scratch: vec![0.0; n],
            reach: Vec::new(),
            trial: Trial::new(n),
            kept: Trial::new(n),
            met_curvature: false,
            work: Work::default(),
            objective,
        })
    }

    /// Walks until there is a reason to stop.
    pub(super) fn run(
        &mut self,
        settings: &Lbfgs,
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        let termination = if self.evaluate_start() {
            self.descend(settings, observe)
        } else {
            Termination::NonFinite
        };
        Outcome {
            value: self.value,
            termination,
            work: self.work,
        }
    }

    fn descend(
        &mut self,
        settings: &Lbfgs,
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Termination {
        let mut progress = Progress::new(self.value, settings.tolerance);
        let rounding = self.objective.rounding(self.x);
        loop {
            let nothing = rounding > 0.0 && (0.0..=rounding).contains(&self.value);
            if self.is_stationary() || nothing {
                return Termination::Converged;
            }
            if self.work.iterations >= settings.max_iterations {
                return Termination::IterationLimit;
            }
            if let Some(verdict) = self.advance(&progress) {
                if let Some(confirmed) = progress.confirm(verdict) {
                    return confirmed;
                }
                self.rescale(progress.measure());
                continue;
            }
            progress.record(self.value);
            let number = self.work.iterations;
            if observe(Iteration::new(number, self.value, self.work)).is_break() {
                return Termination::Cancelled;
            }
        }
    }

    /// Takes one step, or says why there is none to take.
    fn advance(&mut self, progress: &Progress) -> Option<Termination> {
        let Some(slope) = self.direction() else {
            return Some(Termination::NoProgress);
        };
        let predicted = -0.5 * slope;
        let by_memory = !self.pairs.is_empty();
        if by_memory && progress.has_converged(predicted) {
            return Some(Termination::Converged);
        }
        if by_memory && progress.has_stalled() {
            return Some(progress.without_decrease(predicted));
        }
        let along_line = self.search(slope, progress.invisible()).err()?;
        let promised = if by_memory { predicted } else { along_line };
        Some(progress.without_decrease(promised))
    }

    /// Value and gradient at the start; whether they are finite.
    fn evaluate_start(&mut self) -> bool {
        if self.x.iter().any(|v| !v.is_finite()) {
            return false;
        }
        self.work.evaluations += 1;
        self.value = self
            .objective
            .value_and_gradient(self.x, &mut self.gradient);
        for (g, s) in self.gradient.iter_mut().zip(&self.scales) {
            *g *= s;
        }
        self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite())
    }

    /// Whether the projected gradient is zero.
    fn is_stationary(&self) -> bool {
        let mut bounded = (0..self.bounds.index.len()).peekable();
        self.gradient.iter().enumerate().all(|(i, &g)| {
            let k = bounded.next_if(|&k| self.bounds.index[k] == i);
            g == 0.0 || k.is_some_and(|k| self.bounds.holds(k, self.x, &self.gradient))
        })
    }

    /// Finds the step to the model's minimizer within the bounds and gives the
    /// slope along it; `None` if that is no way down.
    fn direction(&mut self) -> Option<f64> {
        if self.pairs.is_empty() && !self.met_curvature {
            self.guess_curvature();
        }
        let slope = match self.unlimited_step() {
            Some(slope) => slope,
            None => self.limited_step()?,
        };
        (slope < 0.0 && slope.is_finite()).then_some(slope)
    }

    /// Curvature for the first step, along the steepest descent: the step gets
    /// the length of one scale or the length at which the slope would bring
    /// the value to zero, whichever is less.
    fn guess_curvature(&mut self) {
        self.scratch.copy_from_slice(&self.gradient);
        for (k, &i) in self.bounds.index.iter().enumerate() {
            if self.bounds.holds(k, self.x, &self.gradient) {
                self.scratch[i] = 0.0;
            }
        }
        let steepness = norm(&self.scratch);
        let to_zero = self.value.abs() / steepness;
        let length = if to_zero > 0.0 { to_zero.min(1.0) } else { 1.0 };
        self.pairs.set_theta(steepness / length);
    }

    /// The step −Hg, if no bound is in its way: then no other step within the
    /// bounds is better for the model.
    fn unlimited_step(&mut self) -> Option<f64> {
        if self.bounds.hold_any(self.x, &self.gradient) {
            return None;
        }
        let slope = -self.pairs.apply_inverse(&self.gradient, &mut self.step);
        for (d, s) in self.step.iter_mut().zip(&self.scales) {
            *d *= -s;
        }
        self.bounds.contain(self.x, &self.step).then_some(slope)
    }

    /// The step by Cauchy point and subspace minimization.
    fn limited_step(&mut self) -> Option<f64> {
        let compact = Compact::of(&self.pairs, &mut self.grams)?;
        let place = Place {
            x: self.x,
            gradient: &self.gradient,
            bounds: &self.bounds,
            scales: &self.scales,
            pairs: &self.pairs,
        };
        let cauchy = cauchy_point(&place, &compact, &mut self.scratch);
        subspace_step(&place, &compact, &mut self.grams, &cauchy, &mut self.step)?;
        let slope = dot(&self.step, &self.gradient);
        for (d, s) in self.step.iter_mut().zip(&self.scales) {
            *d *= s;
        }
        Some(slope)
    }

    /// Measures the unknowns by the curvature here, and forgets the pairs, whose
    /// curvature off their span is one for all unknowns.
    fn rescale(&mut self, size: f64) {
        let factors = self.equilibrate(self.pairs.theta(), size);
        for (i, factor) in factors.into_iter().enumerate() {
            let scale = self.scales[i] * factor;
            if scale.is_normal() && scale.recip().is_normal() {
                self.scales[i] = scale;
                self.inverse_scales[i] = scale.recip();
                self.gradient[i] *= factor;
            }
        }
        self.pairs.clear();
        self.pairs.set_theta(1.0);
        self.met_curvature = true;
    }

    /// Searches along the step and moves to a lower point. Where none is
    /// found, the error is the decrease that the line promises.
    fn search(&mut self, slope: f64, invisible: f64) -> Result<(), f64> {
        self.bounds.reach(self.x, &self.step, &mut self.reach);
        let longest = self.reach.iter().copied().fold(f64::INFINITY, f64::min);
        let mut search = LineSearch::new(self.value, slope, longest, invisible);
        self.kept.value = f64::INFINITY;
        let mut step_length = search.first_step();
        loop {
            let sample = self.evaluate(step_length);
            let advice = search.judge(sample);
            if advice == Advice::Accept {
                self.accept(slope);
                return Ok(());
            }
            if sample.value < self.kept.value && sample.slope.is_finite() {
                swap(&mut self.trial, &mut self.kept);
            }
            match advice {
                Advice::Try(next) => step_length = next,
                _ if self.kept.value < self.value => {
                    swap(&mut self.trial, &mut self.kept);
                    self.accept(slope);
                    return Ok(());
                }
                _ => return Err(search.predicted_decrease()),
            }
        }
    }

    /// Value and slope at one step length.
    fn evaluate(&mut self, step_length: f64) -> Sample {
        let trial = &mut self.trial;
        for ((t, x), d) in trial.x.iter_mut().zip(self.x.iter()).zip(&self.step) {
            *t = x + step_length * d;
        }
        self.bounds
            .snap(&mut trial.x, &self.step, &self.reach, step_length);
        self.work.evaluations += 1;
        trial.value = self
            .objective
            .value_and_gradient(&trial.x, &mut trial.gradient);
        trial.step_length = step_length;
        let slope = dot(&trial.gradient, &self.step);
        Sample {
            step: step_length,
            value: trial.value,
            slope,
        }
    }

    /// Moves to the trial and remembers what it told about the curvature.
    fn accept(&mut self, slope: f64) {
        let trial = &self.trial;
        let (x, gradient) = (&mut *self.x, &mut self.gradient);
        let (scales, inverse_scales) = (&self.scales, &self.inverse_scales);
        self.pairs.offer(slope * trial.step_length, |s, y| {
            let ends = trial.x.iter().zip(inverse_scales);
            for ((s, x), (end, inverse)) in s.iter_mut().zip(x).zip(ends) {
                *s = (end - *x) * inverse;
                *x = *end;
            }
            let ends = trial.gradient.iter().zip(scales);
            for ((y, g), (end, scale)) in y.iter_mut().zip(gradient).zip(ends) {
                let scaled = end * scale;
                *y = scaled - *g;
                *g = scaled;
            }
        });
        self.met_curvature |= !self.pairs.is_empty();
        self.value = trial.value;
        self.work.iterations += 1;
    }
}
