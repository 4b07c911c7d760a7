//! A linear model, as a flow and as a map of layers.

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::model::{Flow, Layers, Model};
use crate::scalar::Scalar;

/// A linear model with a constant matrix: as a flow ẋ = Mx, as a layer map
/// x_{n+1} = Mx_n. With Gaussian errors its smoother is known exactly.
#[derive(Debug, Clone)]
pub struct Linear {
    matrix: Array2<f64>,
}

impl Linear {
    /// # Errors
    /// [`Error::Length`] when the matrix is not square, [`Error::Empty`] when
    /// it has no rows, [`Error::NotFinite`] for a NaN or infinite entry.
    pub fn new(matrix: Array2<f64>) -> Result<Self> {
        let place = || String::from("linear model");
        if matrix.nrows() == 0 {
            return Err(Error::Empty {
                what: "rows",
                place: place(),
            });
        }
        if matrix.nrows() != matrix.ncols() {
            return Err(Error::Length {
                what: "columns",
                place: place(),
                expected: matrix.nrows(),
                found: matrix.ncols(),
            });
        }
        if let Some(((i, j), &found)) = matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(Error::NotFinite {
                what: "matrix entry",
                place: format!("linear model, row {i}, column {j}"),
                found,
            });
        }
        Ok(Self { matrix })
    }

    fn image<S: Scalar>(&self, x: &[S], row: usize) -> S {
        let mut sum = S::zero();
        for (&m, &v) in self.matrix.row(row).iter().zip(x) {
            sum += v * m;
        }
        sum
    }
}

impl Model for Linear {}

impl Flow for Linear {
    fn width(&self) -> usize {
        self.matrix.nrows()
    }

    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        for (i, slot) in dx.iter_mut().enumerate() {
            *slot = self.image(x, i);
        }
    }
}

impl Layers for Linear {
    fn width(&self, _n: usize) -> usize {
        self.matrix.nrows()
    }

    fn layer<S: Scalar>(
        &self,
        _n: usize,
        x: &[S],
        next: &[S],
        _theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        for (i, slot) in out.iter_mut().enumerate() {
            *slot = next[i] - self.image(x, i);
        }
    }
}
