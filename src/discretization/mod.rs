//! From a model to residuals between layers, one file a rule.
//!
//! | rule | takes | residual over one interval, h its length | order of the step |
//! |---|---|---|---|
//! | [`Map`] | [`Layers`](crate::Layers) | g = x₁ − f(x₀) | exact |
//! | [`Euler`] | [`Flow`](crate::Flow) | g = x₁ − x₀ − h F₀ | 1 |
//! | [`Trapezoid`] | `Flow` | g = x₁ − x₀ − ½h (F₀ + F₁) | 2 |
//! | [`Midpoint`] | `Flow` | g = x₁ − x₀ − h F(½(x₀ + x₁)) | 2 |
//! | [`Rk4`] | `Flow` | g = x₁ − Φ(x₀), Φ the classical Runge-Kutta step | 4 |
//! | [`SimpsonHermite`] | `Flow` | two steps: g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂), g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂) | 4 |
//!
//! A rule and a model that do not belong together do not compile.

mod collocation;
mod direct;
mod euler;
mod map;
mod midpoint;
mod nudge;
mod rk4;
mod simpson_hermite;
mod trapezoid;

pub use euler::Euler;
pub use map::Map;
pub use midpoint::Midpoint;
pub use rk4::Rk4;
pub use simpson_hermite::SimpsonHermite;
pub use trapezoid::Trapezoid;

use crate::model::Model;

/// A discretization of a model: the residuals of one interval of layers.
///
/// This trait is implemented by the rules of this module only; a program
/// names it in generic signatures and calls the methods documented here.
pub trait Rule<M: Model>: sealed::Evaluate<M> + Copy + Send + Sync {
    /// The rule's name.
    fn name(&self) -> &'static str;

    /// Steps in one interval: 2 for Simpson-Hermite, whose midpoints are
    /// layers too, else 1.
    fn steps(&self) -> usize;

    /// Number of components of layer `n`.
    fn width(&self, model: &M, n: usize) -> usize;
}

pub(crate) mod sealed {
    use super::{Evaluator, Model, Pull};

    /// What a rule gives to the action, out of the public eye.
    pub trait Evaluate<M: Model> {
        /// The evaluator of this rule.
        type Evaluator: Evaluator<M>;

        /// An evaluator for `intervals` intervals, with `free` the estimated
        /// parameters.
        fn evaluator(&self, model: &M, intervals: usize, free: &[usize]) -> Self::Evaluator;

        /// One step from layer `n` at `begin` to the next at `end`, pulled
        /// towards targets.
        fn advance(
            &self,
            model: &M,
            step: (usize, f64, f64),
            x: &[f64],
            theta: &[f64],
            pull: &Pull<'_>,
            next: &mut [f64],
        );

        /// For each group of residuals the factor c in R_f(discrete) =
        /// c R_f(continuous) / h that makes white noise of one density.
        fn per_time(&self) -> &'static [f64];
    }
}
pub(crate) use sealed::Evaluate;

/// A pull towards data while a model is integrated.
#[derive(Debug)]
pub struct Pull<'a> {
    /// The data.
    pub(crate) targets: &'a [Target],
    /// The gain K in units of one over the step.
    pub(crate) gain: f64,
    /// Equal sub-steps of the integration in one step.
    pub(crate) substeps: usize,
}

/// A component's data at both ends of a step, linear between.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub(crate) component: usize,
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

/// One interval of a window.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Number of the interval in its window.
    pub(crate) index: usize,
    /// Times of its layers, `steps + 1` of them.
    pub(crate) times: &'a [f64],
    /// Whether the last call was for the interval just before this one, at the
    /// same point: what was computed at the shared layer is still good.
    pub(crate) follows: bool,
}

impl Span<'_> {
    /// Length h of the interval.
    pub(crate) fn length(&self) -> f64 {
        self.times[self.times.len() - 1] - self.times[0]
    }
}

/// Residuals and derivatives of a rule, interval by interval.
///
/// `x` holds the states of the interval's layers, one after the other; `theta`
/// all parameters. *Positions* number the unknowns of an interval in the order
/// of elimination: interior layers, left layer, right layer, free parameters.
pub trait Evaluator<M>: Send {
    /// Number of residuals of an interval.
    fn residual_count(&self, interval: usize) -> usize;

    /// Writes the residuals.
    fn residual(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]);

    /// Writes the residuals and keeps the Jacobian G for the calls below.
    fn linearize(&mut self, model: &M, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]);

    /// Adds Gᵀv, to `gradient` for the states in the order of the layers and to
    /// `border` for the free parameters.
    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]);

    /// The rows of G.
    fn rows(&mut self) -> &Rows;

    /// Adds Σᵢ vᵢ ∇²gᵢ: calls `add(row, column, value)` with positions,
    /// row ≥ column.
    fn curvature(
        &mut self,
        model: &M,
        span: Span<'_>,
        x: &[f64],
        theta: &[f64],
        v: &[f64],
        add: &mut dyn FnMut(usize, usize, f64),
    );
}

/// A Jacobian of one interval by rows, columns given as positions.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Row `i` has the entries `starts[i]..starts[i + 1]`.
    pub(crate) starts: Vec<usize>,
    /// Position of each entry, increasing within a row.
    pub(crate) positions: Vec<usize>,
    /// Value of each entry.
    pub(crate) values: Vec<f64>,
}
