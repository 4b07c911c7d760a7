//! Variants of Levenberg-Marquardt that were tried: see docs/minimizers.md.

use std::ops::ControlFlow;

use deepest::minimize::{
    Curvature, Indefinite, Iteration, Minimizer, Objective, Outcome, QuadraticStep, Termination,
    Work,
};

/// When to use second derivatives of the residuals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SecondOrder {
    Never,
    Always,
    /// Once the predicted decrease is below this part of the value.
    Near(f64),
    /// Once the predicted decrease is no less than this part of the one before
    /// (and below 1e-2 of the value).
    Slow(f64),
}

/// How the damping λ answers to a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Damping {
    /// Grows by 2, 4, 8 …; shrinks by 1 − (2ρ − 1)³, 1/9 at least.
    Nielsen,
    /// Delayed gratification: fixed factors up and down (Transtrum and Sethna 2012).
    Fixed(f64, f64),
}

/// Levenberg-Marquardt with every choice open.
#[derive(Debug, Clone)]
pub struct Marquardt {
    pub damping: Damping,
    /// First λ in natural units.
    pub first: f64,
    /// λ below this in natural units is zero.
    pub least: f64,
    pub second_order: SecondOrder,
    /// Further steps with the same factorization after a full step.
    pub chords: usize,
    /// Accepts values below the highest of this many.
    pub memory: usize,
    /// Stops by the decrease that is left, as far as the rate of convergence
    /// tells, also while there is damping (unsafe where scales are bad).
    pub foresee: bool,
    /// As the library's.
    pub tolerance: f64,
}

impl Default for Marquardt {
    fn default() -> Self {
        Self {
            damping: Damping::Nielsen,
            first: 1e-4,
            least: 1e-9,
            second_order: SecondOrder::Never,
            chords: 0,
            memory: 1,
            foresee: false,
            tolerance: 1e-9,
        }
    }
}

pub const ROUNDING: f64 = 64.0 * f64::EPSILON;
pub const LIMIT: usize = 500;

pub struct Point {
    pub x: Vec<f64>,
    pub value: f64,
    pub gradient: Vec<f64>,
}

pub fn evaluate(objective: &mut dyn Objective, x: Vec<f64>, work: &mut Work) -> Point {
    let mut gradient = vec![0.0; x.len()];
    let value = objective.value_and_gradient(&x, &mut gradient);
    work.evaluations += 1;
    Point { x, value, gradient }
}

impl Point {
    pub fn finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite())
    }

    pub fn moved(&self, step: &[f64], objective: &dyn Objective) -> Vec<f64> {
        let ends = self.x.iter().zip(step).map(|(x, s)| x + s);
        let bounds = objective.lower().iter().zip(objective.upper());
        ends.zip(bounds)
            .map(|(x, (l, u))| x.max(*l).min(*u))
            .collect()
    }
}

pub fn natural(point: &Point, objective: &dyn Objective) -> f64 {
    let scaled = point.gradient.iter().zip(objective.scales());
    let slope: f64 = scaled.map(|(g, s)| (g * s).powi(2)).sum();
    let natural = slope / point.value.abs().max(f64::MIN_POSITIVE);
    if natural.is_finite() && natural > 0.0 {
        natural
    } else {
        1.0
    }
}

/// Of an objective without Newton steps.
const NONE: Indefinite = Indefinite { pivot: f64::NAN };

impl Marquardt {
    fn factor(
        &self,
        objective: &mut dyn Objective,
        at: &Point,
        (damping, exact): (f64, bool),
        step: &mut [f64],
        work: &mut Work,
    ) -> Result<QuadraticStep, Indefinite> {
        work.factorizations += 1;
        let objective = objective.newton().ok_or(NONE)?;
        if exact {
            let found = objective.newton_step(&at.x, Curvature::Exact, damping, &at.gradient, step);
            if found.is_ok() {
                return found;
            }
            work.factorizations += 1;
        }
        objective.newton_step(&at.x, Curvature::GaussNewton, damping, &at.gradient, step)
    }

    /// Steps with the factorization that is at hand, while they keep their promise.
    fn chord(
        &self,
        objective: &mut dyn Objective,
        at: &mut Point,
        (old, damping): (&[f64], f64),
        work: &mut Work,
    ) -> f64 {
        let mut last = f64::INFINITY;
        for _ in 0..self.chords {
            let mut step = vec![0.0; at.x.len()];
            // The same matrix again: one solve, not counted as a factorization.
            let Some(newton) = objective.newton() else {
                break;
            };
            let found = newton.newton_step(
                old,
                Curvature::GaussNewton,
                damping,
                &at.gradient,
                &mut step,
            );
            let Ok(found) = found else { break };
            let predicted = found.predicted_decrease;
            let end = at.moved(&step, objective);
            let trial = evaluate(objective, end, work);
            if !trial.finite() || at.value - trial.value < 0.25 * predicted {
                break;
            }
            let ratio = (at.value - trial.value) / predicted;
            *at = trial;
            work.iterations += 1;
            last = predicted;
            if predicted <= self.tolerance * at.value.abs() || ratio < 0.5 {
                break;
            }
        }
        last
    }
}

impl Minimizer for Marquardt {
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        _: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        let mut work = Work::default();
        let mut at = evaluate(objective, x.to_vec(), &mut work);
        let mut values = vec![at.value];
        let (mut damping, mut growth) = (0.0, 2.0);
        let mut before = f64::INFINITY;
        let mut near = false;
        let mut step = vec![0.0; x.len()];
        let mut failures = 0;
        let mut termination = Termination::IterationLimit;
        while work.factorizations < LIMIT {
            let exact = match self.second_order {
                SecondOrder::Never => false,
                SecondOrder::Always => true,
                _ => near,
            };
            let result = self.factor(objective, &at, (damping, exact), &mut step, &mut work);
            let predicted = result.map_or(f64::NAN, |r| r.predicted_decrease);
            let trial = match result {
                Ok(_) => {
                    let end = at.moved(&step, objective);
                    Some(evaluate(objective, end, &mut work))
                }
                Err(_) => None,
            };
            let reference = values
                .iter()
                .rev()
                .take(self.memory)
                .fold(f64::MIN, |a, b| a.max(*b));
            let noise = ROUNDING * at.value.abs();
            let value = trial.as_ref().map_or(f64::NAN, |t| t.value);
            let ratio = (at.value - value) / predicted;
            let good = (reference - value) / predicted > 1e-4
                || (predicted <= noise && value <= at.value + noise);
            match trial {
                Some(trial) if trial.finite() && good => {
                    failures = 0;
                    let undamped = damping == 0.0;
                    let used = damping;
                    let factor = match self.damping {
                        Damping::Nielsen => {
                            (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 9.0, 2.0)
                        }
                        Damping::Fixed(_, down) => 1.0 / down,
                    };
                    damping *= factor;
                    growth = 2.0;
                    let old = std::mem::replace(&mut at, trial);
                    if damping < self.least * natural(&old, objective) {
                        damping = 0.0;
                    }
                    work.iterations += 1;
                    values.push(at.value);
                    let size = at.value.abs();
                    let rate = predicted / before;
                    let remaining = if self.foresee && rate < 1.0 {
                        predicted * rate / (1.0 - rate)
                    } else {
                        f64::INFINITY
                    };
                    // Without a step before, the rate is not known.
                    let remaining = if before.is_finite() {
                        remaining
                    } else {
                        f64::INFINITY
                    };
                    let slow =
                        before.is_finite() && rate > 0.1 || !before.is_finite() && used > 0.0;
                    before = predicted;
                    if undamped && predicted <= self.tolerance * size
                        || remaining <= self.tolerance * size && ratio > 0.5
                    {
                        termination = Termination::Converged;
                        break;
                    }
                    if predicted <= ROUNDING * size {
                        termination = Termination::RoundingLimit;
                        break;
                    }
                    if let SecondOrder::Near(part) = self.second_order {
                        near = predicted <= part * size;
                    }
                    if let SecondOrder::Slow(part) = self.second_order {
                        near = predicted <= part * size && (near || slow);
                    }
                    if self.chords > 0 && ratio > 0.5 && !exact {
                        let last = self.chord(objective, &mut at, (&old.x, used), &mut work);
                        values.push(at.value);
                        if undamped && last <= self.tolerance * size {
                            termination = Termination::Converged;
                            break;
                        }
                    }
                }
                _ => {
                    failures += 1;
                    if predicted <= ROUNDING * at.value.abs() {
                        termination = Termination::RoundingLimit;
                        break;
                    }
                    if failures > 60 {
                        termination = Termination::NoProgress;
                        break;
                    }
                    before = f64::INFINITY;
                    if damping > 0.0 {
                        match self.damping {
                            Damping::Nielsen => {
                                damping *= growth;
                                growth *= 2.0;
                            }
                            Damping::Fixed(up, _) => damping *= up,
                        }
                    } else {
                        damping = self.first * natural(&at, objective);
                    }
                }
            }
        }
        x.copy_from_slice(&at.x);
        outcome(at.value, termination, work)
    }

    fn name(&self) -> &'static str {
        "marquardt"
    }
}

/// `Outcome` cannot be made outside the library: a walk of no step carries ours.
pub fn outcome(value: f64, termination: Termination, work: Work) -> Outcome {
    struct Nothing;
    impl Objective for Nothing {
        fn dimension(&self) -> usize {
            0
        }
        fn lower(&self) -> &[f64] {
            &[]
        }
        fn upper(&self) -> &[f64] {
            &[]
        }
        fn scales(&self) -> &[f64] {
            &[]
        }
        fn value(&mut self, _: &[f64]) -> f64 {
            0.0
        }
        fn value_and_gradient(&mut self, _: &[f64], _: &mut [f64]) -> f64 {
            0.0
        }
    }
    let walk = &mut |_: Iteration| ControlFlow::Continue(());
    let mut made = deepest::Lbfgs::default().minimize(&mut Nothing, &mut [], walk);
    (made.value, made.termination, made.work) = (value, termination, work);
    made
}
