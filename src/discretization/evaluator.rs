//! What evaluates the residuals of intervals and their derivatives.

use super::interval::{Course, Span};
use crate::linalg::Front;

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
pub(super) fn interval_by_interval<E: Evaluator + ?Sized>(
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
