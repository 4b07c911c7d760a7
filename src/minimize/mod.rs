//! Minimizers of a smooth objective with bounds. They know no model.
//!
//! An [`Objective`] gives values and gradients, and [`NewtonSteps`] if it can; a
//! [`Minimizer`] walks downhill. Both work in *scaled* unknowns: unknown `i` is measured in
//! units of [`Objective::scales`]`[i]`, so that a change of unit changes
//! nothing but rounding. Stopping is relative to the objective's own value and
//! to the decrease that the local quadratic model predicts; no tolerance has
//! a unit.

use std::ops::ControlFlow;

mod box_quadratic;
mod gauss_newton;
mod lbfgs;
mod saddle;

pub(crate) use box_quadratic::{BoxMinimum, BoxQuadratic};
pub use gauss_newton::GaussNewton;
pub use lbfgs::Lbfgs;
pub(crate) use saddle::{ExactHessian, FIRST as LEAST_CURVATURE, leave_saddle};

use crate::problem::precision::check_positive;

/// Which second derivatives a Newton step uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curvature {
    /// First derivatives of the residuals only: positive semidefinite.
    GaussNewton,
    /// The exact Hessian: shows saddles, converges quadratically.
    Exact,
}

/// What a Newton step says about itself.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct QuadraticStep {
    /// Decrease of the *undamped* quadratic model along the step: −gᵀs − ½sᵀHs.
    pub predicted_decrease: f64,
    /// Whether the step minimizes the damped model within the bounds; else it
    /// was cut at them, and little of it may be left.
    pub complete: bool,
    /// Factorizations that it took.
    pub factorizations: usize,
}

impl QuadraticStep {
    /// A complete step by one factorization.
    #[must_use]
    pub fn new(predicted_decrease: f64) -> Self {
        Self {
            predicted_decrease,
            complete: true,
            factorizations: 1,
        }
    }
}

/// A factorization met a pivot that is not positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indefinite {
    /// The value of the pivot (NaN where the matrix was not finite).
    pub pivot: f64,
}

/// A function to minimize over a box.
///
/// Values may be non-finite away from the start: a minimizer steps back.
pub trait Objective {
    /// Number of unknowns.
    fn dimension(&self) -> usize;

    /// Lower bounds, `dimension()` long, −∞ where there is none.
    fn lower(&self) -> &[f64];

    /// Upper bounds, `dimension()` long, +∞ where there is none.
    fn upper(&self) -> &[f64];

    /// Positive scale of each unknown, `dimension()` long.
    fn scales(&self) -> &[f64];

    /// The value at `x`.
    fn value(&mut self, x: &[f64]) -> f64;

    /// The value at `x`; the gradient is written to `gradient`.
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64;

    /// What rounding may make, at points near `x`, of a value that is zero: one as
    /// small is as good as none. 0 where values can be negative, because zero is then
    /// a value like any other.
    fn rounding(&mut self, _x: &[f64]) -> f64 {
        0.0
    }

    /// Its Newton steps, if it can make them. Without them it is minimized by
    /// gradients, as [`Lbfgs`] does, and [`GaussNewton`] says
    /// [`Termination::NoNewtonSteps`].
    fn newton(&mut self) -> Option<&mut dyn NewtonSteps> {
        None
    }
}

/// The Newton steps of an [`Objective`], which answers itself or a part of itself as
/// [`Objective::newton`].
///
/// ```
/// use deepest::Curvature;
/// use deepest::minimize::{Indefinite, NewtonSteps, QuadraticStep};
/// use deepest::prelude::*;
///
/// /// ½ (x − 3)².
/// struct Bowl;
///
/// impl Objective for Bowl {
///     fn dimension(&self) -> usize {
///         1
///     }
///     fn lower(&self) -> &[f64] {
///         &[f64::NEG_INFINITY]
///     }
///     fn upper(&self) -> &[f64] {
///         &[f64::INFINITY]
///     }
///     fn scales(&self) -> &[f64] {
///         &[1.0]
///     }
///     fn value(&mut self, x: &[f64]) -> f64 {
///         0.5 * (x[0] - 3.0).powi(2)
///     }
///     fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
///         gradient[0] = x[0] - 3.0;
///         self.value(x)
///     }
///     fn newton(&mut self) -> Option<&mut dyn NewtonSteps> {
///         Some(self)
///     }
/// }
///
/// impl NewtonSteps for Bowl {
///     fn newton_step(
///         &mut self,
///         _x: &[f64],
///         _curvature: Curvature,
///         damping: f64,
///         gradient: &[f64],
///         step: &mut [f64],
///     ) -> Result<QuadraticStep, Indefinite> {
///         step[0] = -gradient[0] / (1.0 + damping);
///         let predicted = -gradient[0] * step[0] - 0.5 * step[0] * step[0];
///         Ok(QuadraticStep::new(predicted))
///     }
/// }
///
/// let mut x = [0.0];
/// let go = &mut |_| std::ops::ControlFlow::Continue(());
/// GaussNewton::default().minimize(&mut Bowl, &mut x, go);
/// assert_eq!(x, [3.0]);
/// ```
pub trait NewtonSteps {
    /// Solves (H + damping·S⁻²) step = −gradient at `x`, S the diagonal of
    /// [scales](Objective::scales), within the bounds of `x + step`.
    ///
    /// `x`, `gradient` and `step` are as long as the objective's dimension;
    /// `gradient` is the one that [`Objective::value_and_gradient`] gave at `x`.
    ///
    /// # Errors
    /// [`Indefinite`] where the damped matrix is not positive definite.
    fn newton_step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite>;

    /// Whether steps by [`Curvature::Exact`] are to be had.
    fn has_exact_curvature(&mut self) -> bool {
        true
    }
}

/// Why a minimization ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Termination {
    /// The predicted decrease is below the tolerance, relative to the value.
    Converged,
    /// No step decreases the value any more and the predicted decrease is at
    /// the level of rounding: as good as the arithmetic allows.
    RoundingLimit,
    /// The limit on iterations was reached.
    IterationLimit,
    /// No step decreases the value although one is predicted.
    NoProgress,
    /// There is nothing to begin with: the start has a NaN, or the value or the
    /// gradient there is NaN or infinite, or start, bounds and scales do not belong
    /// to each other.
    NonFinite,
    /// The observer asked to stop, or a budget is spent.
    Cancelled,
    /// The minimizer goes by Newton steps, and the [objective](Objective::newton) has
    /// none: nothing was evaluated, the point is as it was, and the value is NaN.
    NoNewtonSteps,
}

/// How much work a minimization took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Work {
    /// Accepted steps.
    pub iterations: usize,
    /// Evaluations of the value, with or without gradient.
    pub evaluations: usize,
    /// Factorizations of the Hessian.
    pub factorizations: usize,
}

impl Work {
    /// Adds the work of another minimization.
    pub fn add(&mut self, other: Self) {
        self.iterations = self.iterations.saturating_add(other.iterations);
        self.evaluations = self.evaluations.saturating_add(other.evaluations);
        self.factorizations = self.factorizations.saturating_add(other.factorizations);
    }
}

/// The end of a minimization; the point itself is in the caller's `x`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Outcome {
    /// The value at the end.
    pub value: f64,
    /// Why it ended.
    pub termination: Termination,
    /// What it took.
    pub work: Work,
}

impl Outcome {
    /// How a minimizer says what it came to.
    #[must_use]
    pub fn new(value: f64, termination: Termination, work: Work) -> Self {
        Self {
            value,
            termination,
            work,
        }
    }
}

/// One accepted step, shown to the observer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Iteration {
    /// Number of the iteration, from 1.
    pub number: usize,
    /// The value after it.
    pub value: f64,
    /// The work of this minimization so far.
    pub work: Work,
}

impl Iteration {
    /// Iteration `number`, from 1, which led to `value`, after `work` in all.
    #[must_use]
    pub fn new(number: usize, value: f64, work: Work) -> Self {
        Self {
            number,
            value,
            work,
        }
    }
}

/// A method that walks from a point to a local minimum.
///
/// An own one sees only the [`Objective`]. Steepest descent in scaled
/// unknowns, which halves its step until the value decreases:
///
/// ```
/// use std::ops::ControlFlow;
///
/// use deepest::minimize::{Iteration, Outcome};
/// use deepest::prelude::*;
/// use deepest::Work;
///
/// struct SteepestDescent {
///     iterations: usize,
/// }
///
/// impl Minimizer for SteepestDescent {
///     fn name(&self) -> &'static str {
///         "steepest descent"
///     }
///
///     fn minimize(
///         &self,
///         objective: &mut dyn Objective,
///         x: &mut [f64],
///         observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
///     ) -> Outcome {
///         let (lower, upper) = (objective.lower().to_vec(), objective.upper().to_vec());
///         let within = |i: usize, v: f64| v.max(lower[i]).min(upper[i]);
///         for i in 0..x.len() {
///             x[i] = within(i, x[i]);
///         }
///         let mut work = Work::default();
///         let mut gradient = vec![0.0; x.len()];
///         let mut value = objective.value_and_gradient(x, &mut gradient);
///         work.evaluations += 1;
///         if !value.is_finite() {
///             return Outcome::new(value, Termination::NonFinite, work);
///         }
///         let mut length = 1.0;
///         for number in 1..=self.iterations {
///             let step = |i: usize| length * objective.scales()[i].powi(2) * gradient[i];
///             let trial: Vec<f64> = (0..x.len()).map(|i| within(i, x[i] - step(i))).collect();
///             if trial == x {
///                 return Outcome::new(value, Termination::RoundingLimit, work);
///             }
///             let reached = objective.value(&trial);
///             work.evaluations += 1;
///             if reached < value {
///                 x.copy_from_slice(&trial);
///                 value = objective.value_and_gradient(x, &mut gradient);
///                 work.evaluations += 1;
///                 work.iterations += 1;
///                 length *= 2.0;
///                 if observe(Iteration::new(number, value, work)).is_break() {
///                     return Outcome::new(value, Termination::Cancelled, work);
///                 }
///             } else {
///                 length *= 0.5;
///             }
///         }
///         Outcome::new(value, Termination::IterationLimit, work)
///     }
/// }
///
/// # fn main() -> deepest::Result<()> {
/// # let model = deepest::models::LotkaVolterra;
/// # let grid = Grid::uniform(0.0, 0.1, 21)?;
/// # let truth = Simulation::new(grid, [0.6, 0.5, 0.8, 0.4]).from_state([2.0, 1.0]).flow(&model)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.1)?))?;
/// # let mut builder = Action::builder(model, Trapezoid).window(twin.window()?);
/// # for (k, value) in [0.6, 0.5, 0.8, 0.4].into_iter().enumerate() {
/// #     builder = builder.parameter(format!("p{k}"), Parameter::fixed(value));
/// # }
/// # let action = builder.build()?;
/// let mut objective = action.at(100.0)?;
/// let mut walk = |minimizer: &dyn Minimizer| {
///     let mut x = action.pack(&Estimate::new(vec![twin.truth.clone()], [0.6, 0.5, 0.8, 0.4]))?;
///     let outcome = minimizer.minimize(&mut objective, &mut x, &mut |_| ControlFlow::Continue(()));
///     Ok::<_, deepest::Error>(outcome.value)
/// };
/// let slow = walk(&SteepestDescent { iterations: 1000 })?;
/// let best = walk(&GaussNewton::default())?;
/// assert!((slow / best - 1.0).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
pub trait Minimizer: Send + Sync {
    /// Minimizes from `x`, which is first projected onto the bounds and which
    /// holds the best point at the end. Every iterate lies within the bounds.
    /// `observe` sees each accepted step and may stop the walk.
    ///
    /// Where `x` has a NaN, or `x`, bounds or scales do not have the objective's
    /// dimension, or a scale is not positive and finite, the minimizers of this crate
    /// evaluate nothing and leave `x` as it is. The outcome is then
    /// [`Termination::NonFinite`] with the value NaN.
    fn minimize(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome;

    /// The same from a point that is expected to be close to the minimum, such
    /// as one that was predicted along a continuation.
    fn minimize_nearby(
        &self,
        objective: &mut dyn Objective,
        x: &mut [f64],
        observe: &mut dyn FnMut(Iteration) -> ControlFlow<()>,
    ) -> Outcome {
        self.minimize(objective, x, observe)
    }

    /// The name that results and messages use.
    fn name(&self) -> &'static str;

    /// The name with all settings: minimizers that say the same make the same
    /// steps. What was begun with one is not resumed with another.
    fn settings(&self) -> String {
        self.name().into()
    }
}

/// Whether a walk can begin at `x`: lengths agree, scales are positive and finite, as
/// are their inverses, and no unknown is NaN, which no bound can mend.
fn fits(objective: &dyn Objective, x: &[f64]) -> bool {
    let n = objective.dimension();
    let scales = objective.scales();
    let bounds = [objective.lower().len(), objective.upper().len()];
    let usable = |s: &f64| *s > 0.0 && s.is_finite() && s.recip().is_finite();
    x.len() == n
        && scales.len() == n
        && bounds == [n, n]
        && scales.iter().all(usable)
        && !x.iter().any(|v| v.is_nan())
}

/// Whether the gradient is zero but for what bounds withstand.
fn is_stationary(x: &[f64], gradient: &[f64], (lower, upper): (&[f64], &[f64])) -> bool {
    let held = |i: usize| {
        (gradient[i] > 0.0 && x[i] <= lower[i]) || (gradient[i] < 0.0 && x[i] >= upper[i])
    };
    (0..x.len()).all(|i| gradient[i] == 0.0 || held(i))
}

/// Moves every unknown to the nearest point inside its bounds.
pub(crate) fn project(x: &mut [f64], lower: &[f64], upper: &[f64]) {
    for ((v, &lo), &hi) in x.iter_mut().zip(lower).zip(upper) {
        *v = v.max(lo).min(hi);
    }
}

/// A setting of a minimizer must be positive and finite.
pub(crate) fn check_setting(
    what: &'static str,
    place: &'static str,
    value: f64,
) -> crate::Result<()> {
    check_positive(what, || place.into(), value)
}
