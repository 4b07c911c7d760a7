//! Dense layers: what the step from one layer of a network to the next does.
//!
//! A [`DenseLayer`] is a layer map like any other. Because the crate knows what is
//! in it, it does for many windows at once, by products of matrices, what it does
//! for other maps one by one with dual numbers.

mod activation;
mod batch;
mod condensed;
mod elementary;
mod entrywise;
mod panel;
mod rows;
mod unroll;

pub use activation::Activation;
pub(crate) use batch::{Batch, Panels, Weights};
pub(crate) use condensed::UnitOrder;
pub(crate) use rows::Columns;

use std::ops::Range;

use crate::error::{Result, check_length};
use crate::problem::precision::check_positive;
use crate::scalar::Scalar;

/// A layer of a network, as the step that leads to it.
///
/// ```
/// use deepest::models::Network;
/// use deepest::{Activation, Dense};
/// use ndarray::array;
///
/// // Two inputs, three hidden units and one output: 3·2 + 3 + 1·3 + 1 parameters.
/// let layers = [Dense::new(3, Activation::Tanh), Dense::new(1, Activation::Linear)];
/// let network = Network::new(2, layers)?;
/// let guesses = network.draw(array![[0.1, 0.9], [0.5, 0.2]].view(), 0)?;
/// assert_eq!(guesses.len(), 13);
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// | made by | x(n+1), f the activation |
/// |---|---|
/// | [`new`](Self::new) | f(W x(n) + b) |
/// | [`residual`](Self::residual) | x(n) + Δ f(W x(n) + b) |
/// | [`recurrent`](Self::recurrent) | at each time t of a sequence f(W x(n, t) + U x(n+1, t−1) + b) |
#[doc(alias("neural network", "fully connected", "recurrent"))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dense {
    pub(crate) units: usize,
    pub(crate) activation: Activation,
    pub(crate) residual: Option<f64>,
    pub(crate) recurrent: bool,
}

impl Dense {
    /// A layer of so many units, each connected with all units before it.
    #[must_use]
    pub fn new(units: usize, activation: Activation) -> Self {
        Self {
            units,
            activation,
            residual: None,
            recurrent: false,
        }
    }

    /// Adds to the layer before, as an Euler step of length `step` = Δ of the
    /// flow ẋ = f(W(t) x + b(t)) does: more and shorter steps are a finer
    /// resolution of the same flow.
    #[must_use]
    pub fn residual(mut self, step: f64) -> Self {
        self.residual = Some(step);
        self
    }

    /// Adds U x(n+1, t−1), the layer itself one time earlier, to the weighted
    /// inputs at time t.
    #[must_use]
    pub fn recurrent(mut self) -> Self {
        self.recurrent = true;
        self
    }
}

/// A [`Dense`] layer in its place: behind a layer of `before` units, at each of
/// `times` times.
///
/// A layer's state holds the units of all times, one time after the other. The
/// parameters of the step are, one block after the other,
///
/// | block | shape | what |
/// |---|---|---|
/// | W | units × before, row by row | weights |
/// | U | units × units, row by row; recurrent layers only | weights of the layer itself, a time earlier |
/// | b | units | biases |
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct DenseLayer {
    /// What it does.
    pub dense: Dense,
    /// Units of the layer before, at one time. As many as its own for a residual
    /// layer.
    pub before: usize,
    /// Times of a sequence; one where there are no sequences.
    pub times: usize,
}

impl DenseLayer {
    /// The layer behind one of `before` units.
    #[must_use]
    pub fn new(dense: Dense, before: usize) -> Self {
        Self {
            dense,
            before,
            times: 1,
        }
    }

    /// The layer at each of `times` times.
    #[must_use]
    pub fn with_times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Its number of units, at one time.
    #[must_use]
    pub fn units(&self) -> usize {
        self.dense.units
    }

    /// Where W stands among the parameters of the step.
    #[must_use]
    pub fn weights(&self) -> Range<usize> {
        0..self.before.saturating_mul(self.units())
    }

    /// Where U stands; empty but for recurrent layers.
    #[must_use]
    pub fn recurrent_weights(&self) -> Range<usize> {
        let first = self.weights().end;
        let count = if self.dense.recurrent {
            self.units()
        } else {
            0
        };
        first..first.saturating_add(count.saturating_mul(self.units()))
    }

    /// Where b stands, behind all others.
    #[must_use]
    pub fn biases(&self) -> Range<usize> {
        let first = self.recurrent_weights().end;
        first..first.saturating_add(self.units())
    }

    /// Writes g = x(n+1) − what the layer makes of x(n).
    #[inline(always)]
    pub(crate) fn write_residual<S: Scalar>(
        &self,
        x: &[S],
        next: &[S],
        theta: &[S],
        out: &mut [S],
    ) {
        for (t, out) in out.chunks_exact_mut(self.units()).enumerate() {
            self.activate(&self.see(t, x, next, theta), out);
        }
        for (g, &next) in out.iter_mut().zip(next) {
            *g = next - *g;
        }
    }

    /// What the layer sees at time `t`.
    #[inline(always)]
    fn see<'a, S>(&self, t: usize, x: &'a [S], next: &'a [S], theta: &'a [S]) -> Seen<'a, S> {
        let earlier = match t.checked_sub(1) {
            Some(t) if self.dense.recurrent => &next[t * self.units()..(t + 1) * self.units()],
            _ => &[],
        };
        Seen {
            weights: &theta[self.weights()],
            recurrent_weights: &theta[self.recurrent_weights()],
            biases: &theta[self.biases()],
            x: &x[t * self.before..(t + 1) * self.before],
            earlier,
        }
    }

    /// Writes the units at one time.
    #[inline(always)]
    fn activate<S: Scalar>(&self, seen: &Seen<'_, S>, out: &mut [S]) {
        for (i, z) in out.iter_mut().enumerate() {
            *z = seen.weigh(i);
        }
        self.dense.activation.apply(out);
        if let Some(step) = self.dense.residual {
            for (f, &x) in out.iter_mut().zip(seen.x) {
                *f = x + *f * step;
            }
        }
    }

    /// Checks that it fits between layers of these widths and has so many
    /// parameters.
    pub(crate) fn check(
        &self,
        [before, after]: [usize; 2],
        parameters: usize,
        place: impl Fn() -> String,
    ) -> Result<()> {
        let times = |units: usize| self.times.saturating_mul(units);
        let states = times(self.before);
        check_length("states before a dense layer", &place, states, before)?;
        let states = times(self.units());
        check_length("states of a dense layer", &place, states, after)?;
        let count = self.biases().end;
        check_length("parameters of a dense layer", &place, count, parameters)?;
        if let Some(step) = self.dense.residual {
            check_positive("step of a residual layer", &place, step)?;
            let units = self.units();
            check_length("units of a residual layer", &place, self.before, units)?;
        }
        Ok(())
    }

    /// The layer that follows `x`.
    pub(crate) fn forward<S: Scalar>(&self, x: &[S], theta: &[S]) -> Vec<S> {
        let units = self.units();
        let mut next = vec![S::zero(); self.times * units];
        for t in 0..self.times {
            let (earlier, rest) = next.split_at_mut(t * units);
            let seen = self.see(t, x, earlier, theta);
            self.activate(&seen, &mut rest[..units]);
        }
        next
    }
}

/// What a layer sees at one time.
struct Seen<'a, S> {
    weights: &'a [S],
    recurrent_weights: &'a [S],
    biases: &'a [S],
    /// The layer before.
    x: &'a [S],
    /// The layer itself a time earlier; empty where it is not connected.
    earlier: &'a [S],
}

impl<S: Scalar> Seen<'_, S> {
    /// The weighted input of unit `i`.
    #[inline(always)]
    fn weigh(&self, i: usize) -> S {
        let mut z = self.biases[i];
        for (matrix, values) in [
            (self.weights, self.x),
            (self.recurrent_weights, self.earlier),
        ] {
            let row = &matrix[i * values.len()..(i + 1) * values.len()];
            for (&w, &v) in row.iter().zip(values) {
                z += w * v;
            }
        }
        z
    }
}
