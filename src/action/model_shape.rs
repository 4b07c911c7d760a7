//! The shape of the model precision, as residuals are weighed by it.

use ndarray::Array2;

use crate::linalg::cholesky;
use crate::problem::precision::{Precision, Shape};

/// The shape of the model precision, which R_f multiplies.
#[derive(Debug, Clone)]
pub(crate) enum ModelShape {
    Scalar(f64),
    Diagonal(Vec<f64>),
    Full {
        matrix: Array2<f64>,
        /// Lower Cholesky factor.
        factor: Array2<f64>,
    },
}

impl ModelShape {
    pub(crate) fn new(precision: &Precision) -> Self {
        match precision.shape() {
            Shape::Scalar(value) => Self::Scalar(*value),
            Shape::Diagonal(values) => Self::Diagonal(values.clone()),
            // A precision is positive definite since it was made; the
            // diagonal alone would only be reached if it were not.
            Shape::Full(matrix) => match cholesky(matrix) {
                Ok(factor) => Self::Full {
                    matrix: matrix.clone(),
                    factor,
                },
                Err(_) => Self::Diagonal(matrix.diag().to_vec()),
            },
        }
    }

    /// Writes scale · R where R is diagonal; returns whether it is.
    #[inline]
    pub(crate) fn weights(&self, scale: f64, out: &mut [f64]) -> bool {
        match self {
            Self::Scalar(r) => out.fill(scale * r),
            Self::Diagonal(r) => {
                for (slot, r) in out.iter_mut().zip(r) {
                    *slot = scale * r;
                }
            }
            Self::Full { .. } => {
                out.fill(scale);
                return false;
            }
        }
        true
    }
}
