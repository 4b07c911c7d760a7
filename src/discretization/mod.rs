//! From a model to residuals between layers.

mod collocation;
mod direct;
mod dynamics;
mod gram;
mod map;
mod nudge;
mod plans;
mod rk4;
mod tables;

pub(crate) use dynamics::Dynamics;
pub use map::Map;
pub(crate) use map::forward;
pub(crate) use nudge::integrate;
pub(crate) use plans::Plans;
pub use rk4::Rk4;
pub use tables::{Euler, Midpoint, SimpsonHermite, Trapezoid};

use std::ops::Range;

use crate::linalg::Front;
use crate::model::{Flow, Model};
use crate::problem::inputs::Inputs;

/// A discretization of a model: the residuals of one interval of layers.
///
/// | rule | takes | residual over one interval, h its length | order of the step |
/// |---|---|---|---|
/// | [`Map`] | [`Layers`](crate::Layers) | g = x₁ − f(x₀) | exact |
/// | [`Euler`] | [`Flow`] | g = x₁ − x₀ − h F₀ | 1 |
/// | [`Trapezoid`] | `Flow` | g = x₁ − x₀ − ½h (F₀ + F₁) | 2 |
/// | [`Midpoint`] | `Flow` | g = x₁ − x₀ − h F(½(x₀ + x₁)) | 2 |
/// | [`Rk4`] | `Flow` | g = x₁ − Φ(x₀), Φ the classical Runge-Kutta step | 4 |
/// | [`SimpsonHermite`] | `Flow` | two steps: g¹ = x₂ − x₀ − (h/6)(F₀ + 4F₁ + F₂), g² = x₁ − ½(x₀ + x₂) − (h/8)(F₀ − F₂) | 4 |
///
/// A rule and a model that do not belong together do not compile.
///
/// This trait is implemented by the rules of this module only; a program
/// names it in generic signatures and calls the methods documented here.
pub trait Rule<M: Model>: sealed::Discretize<M> + Copy + Send + Sync {
    /// The rule's name.
    fn name(&self) -> &'static str;

    /// Steps in one interval: 2 for Simpson-Hermite, whose midpoints are
    /// layers too, else 1.
    fn steps(&self) -> usize;
}

pub(crate) mod sealed {
    use super::Dynamics;

    /// What a rule gives to the action, out of the public eye.
    pub trait Discretize<M> {
        /// A model with this rule.
        fn dynamics(self, model: M) -> Dynamics;
    }
}

/// The rules that discretize a vector field: all but [`Map`].
pub trait FlowRule<M: Flow>: Rule<M> {
    /// The order in the step by which path, momenta and action tend to those of the
    /// continuous problem, with R_f per time. Where the model has errors these are
    /// rough, and a step of fourth order does not help.
    fn order(&self) -> u32;
}

/// A pull towards data while a model is integrated.
#[derive(Debug)]
pub struct Pull<'a> {
    /// The data of components.
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
    /// Whether the next call will be for the interval just after this one, at
    /// the same point.
    pub(crate) followed: bool,
    /// The known inputs; only a model without inputs has none.
    pub(crate) inputs: Option<&'a Inputs>,
}

impl Span<'_> {
    /// Length h of the interval.
    pub(crate) fn length(&self) -> f64 {
        self.end() - self.times[0]
    }

    pub(crate) fn end(&self) -> f64 {
        self.times[self.times.len() - 1]
    }

    /// Writes the inputs at a time of the interval. `out` is as long as the
    /// model has inputs.
    #[inline]
    pub(crate) fn write_inputs(&self, t: f64, out: &mut Vec<f64>) {
        if let Some(inputs) = self.inputs {
            // A last stage may lie beyond the end by rounding. The later end is the
            // first one, where time runs backwards.
            let end = self.end().max(self.times[0]);
            inputs.write(t.min(end), t >= end, out);
        }
    }
}

/// A whole window at one point.
pub struct Course<'a> {
    /// Number of intervals.
    pub(crate) intervals: usize,
    /// Gives an interval, and where the states of its layers stand in `x`.
    pub(crate) interval: &'a dyn Fn(usize) -> (Span<'a>, Range<usize>),
    /// All states of the window.
    pub(crate) x: &'a [f64],
    /// All parameters.
    pub(crate) theta: &'a [f64],
}

/// Sees an interval's number and its residuals g, and writes what they weigh, v.
pub type Weigh<'a> = dyn FnMut(usize, &[f64], &mut [f64]) + 'a;

/// Residuals and derivatives of a rule, interval by interval.
///
/// `x` holds the states of the interval's layers, one after the other; `theta`
/// all parameters. *Positions* number the unknowns of an interval in the order
/// of elimination: interior layers, left layer, right layer, free parameters.
pub(crate) trait Evaluator: Send {
    /// Number of residuals of an interval.
    fn residual_count(&self, interval: usize) -> usize;

    /// Writes the residuals.
    fn residual(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]);

    /// Writes the residuals and keeps the Jacobian G for the calls below.
    fn linearize(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]);

    /// Adds Gᵀv, to `gradient` for the states in the order of the layers and to
    /// `border` for the free parameters.
    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]);

    /// Adds Σ_k G_kᵀ v_k of a window's intervals k, to `gradient` for its states
    /// and to `border` for the free parameters; `weigh` is called for each
    /// interval in turn.
    fn gradient(
        &mut self,
        course: &Course<'_>,
        weigh: &mut Weigh<'_>,
        gradient: &mut [f64],
        border: &mut [f64],
    ) {
        interval_by_interval(self, course, weigh, (gradient, border));
    }

    /// Adds G times a change of the states, in the order of the layers, and of
    /// the free parameters to `g`.
    fn push(&self, states: &[f64], border: &[f64], g: &mut [f64]);

    /// The rows of G.
    fn rows(&mut self) -> &Rows;

    /// Adds Gᵀ W G to a front, W the diagonal of `weights`.
    fn add_gram(&mut self, weights: &[f64], border: &[usize], front: &mut Front<'_>);

    /// Adds Σᵢ vᵢ ∇²gᵢ to a front. What belongs to the shared layer may be added
    /// with the next interval, where one follows.
    fn add_curvature(
        &mut self,
        span: Span<'_>,
        point: (&[f64], &[f64]),
        v: &[f64],
        border: &[usize],
        front: &mut Front<'_>,
    );
}

/// [`Evaluator::gradient`] by its other methods.
fn interval_by_interval<E: Evaluator + ?Sized>(
    evaluator: &mut E,
    course: &Course<'_>,
    weigh: &mut Weigh<'_>,
    (gradient, border): (&mut [f64], &mut [f64]),
) {
    let (mut g, mut v) = (Vec::new(), Vec::new());
    for k in 0..course.intervals {
        let (span, states) = (course.interval)(k);
        let x = &course.x[states.clone()];
        g.resize(evaluator.residual_count(k), 0.0);
        v.resize(g.len(), 0.0);
        evaluator.linearize(span, x, course.theta, &mut g);
        weigh(k, &g, &mut v);
        evaluator.pullback(&v, &mut gradient[states], border);
    }
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

impl Rows {
    /// The positions and values of row `i`.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> (&[usize], &[f64]) {
        let entries = self.starts[i]..self.starts[i + 1];
        (&self.positions[entries.clone()], &self.values[entries])
    }

    /// Adds weight · row rowᵀ for row `i`. Free parameter c stands at
    /// `border[c]` among those of the front.
    #[inline]
    pub(crate) fn add_square(
        &self,
        i: usize,
        weight: f64,
        border: &[usize],
        front: &mut Front<'_>,
    ) {
        let (mut positions, mut values) = self.row(i);
        let sizes = front.sizes();
        let first = sizes.total() - sizes.border;
        if sizes.border == 0 {
            // A front of states alone.
            let states = positions.partition_point(|&p| p < first);
            (positions, values) = (&positions[..states], &values[..states]);
        }
        let (buffer, bases) = front.parts();
        let place = |position: usize| match position.checked_sub(first) {
            None => position,
            Some(c) => first + border[c],
        };
        for (p, (&column, &value)) in positions.iter().zip(values).enumerate() {
            let scaled = weight * value;
            let base = bases[place(column)];
            for (&position, &other) in positions[p..].iter().zip(&values[p..]) {
                buffer[base + place(position)] += scaled * other;
            }
        }
    }
}
