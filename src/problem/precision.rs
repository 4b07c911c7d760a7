//! Inverse covariances: scalar, diagonal or full.
//!
//! A [`Precision`] is R_m of measurements (1/σ² for independent noise of
//! deviation σ), the shape of the model precision, which R_f multiplies, or the
//! B⁻¹ of a first state's prior.

use ndarray::{Array1, Array2};

use crate::error::{Error, Result, check_count};
use crate::linalg::LinearSystem;
use crate::linalg::cholesky;

/// A symmetric positive definite inverse covariance.
///
/// ```
/// use deepest::Precision;
/// use ndarray::array;
///
/// let noise = Precision::from_deviation(0.5)?; // 1/σ² = 4
/// assert_eq!(noise, Precision::scalar(4.0)?);
/// let each = Precision::diagonal([4.0, 100.0])?; // σ = 0.5 and 0.1
/// assert_eq!(each.to_matrix(2)?, array![[4.0, 0.0], [0.0, 100.0]]);
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// Units: one over the square of the unit of what it weighs.
#[doc(alias("covariance", "inverse covariance", "variance", "noise"))]
#[derive(Debug, Clone, PartialEq)]
pub struct Precision(Shape);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Scalar(f64),
    Diagonal(Vec<f64>),
    Full(Array2<f64>),
}

impl Precision {
    /// The same precision for every component, without correlation.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`].
    pub fn scalar(value: f64) -> Result<Self> {
        check_positive(PRECISION, || "scalar".into(), value)?;
        Ok(Self(Shape::Scalar(value)))
    }

    /// Independent errors of this standard deviation σ, in the unit of what is
    /// weighed: the precision is 1/σ².
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::NotPositive`] for σ ≤ 0: what is known
    /// without noise is no measurement but an input or a fixed value.
    #[doc(alias("sigma", "standard deviation", "measurement error", "error bars"))]
    pub fn from_deviation(deviation: f64) -> Result<Self> {
        check_positive("standard deviation", || "precision".into(), deviation)?;
        Self::scalar(deviation.powi(-2))
    }

    /// A precision for each component, without correlation.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::NotFinite`] and [`Error::NotPositive`] with
    /// the component.
    pub fn diagonal(values: impl Into<Vec<f64>>) -> Result<Self> {
        let values = values.into();
        if values.is_empty() {
            return Err(Error::Empty {
                what: "precision values",
                place: "diagonal".into(),
            });
        }
        for (i, &v) in values.iter().enumerate() {
            check_positive(PRECISION, || format!("diagonal, component {i}"), v)?;
        }
        Ok(Self(Shape::Diagonal(values)))
    }

    /// A full matrix.
    ///
    /// # Errors
    /// Each says the size of the matrix, which tells measurements, models and
    /// priors apart where their sizes differ:
    /// [`Error::Empty`], [`Error::Length`] when it is not square,
    /// [`Error::NotFinite`] and [`Error::InfinitePrecision`] with the entry,
    /// [`Error::NotSymmetric`] beyond rounding,
    /// [`Error::NotPositiveDefinite`] with the failing pivot.
    pub fn full(matrix: Array2<f64>) -> Result<Self> {
        let (n, columns) = matrix.dim();
        let place = || format!("full {n} by {columns} matrix");
        if n == 0 {
            return Err(Error::Empty {
                what: "precision values",
                place: place(),
            });
        }
        if columns != n {
            return Err(Error::Length {
                what: "precision columns",
                place: place(),
                expected: n,
                found: columns,
            });
        }
        for ((i, j), &v) in matrix.indexed_iter() {
            if v == f64::INFINITY {
                return Err(Error::InfinitePrecision {
                    place: format!("{}, row {i}, column {j}", place()),
                });
            }
            if !v.is_finite() {
                return Err(Error::NotFinite {
                    what: PRECISION,
                    place: format!("{}, row {i}, column {j}", place()),
                    found: v,
                });
            }
            let mirrored = matrix[(j, i)];
            if (v - mirrored).abs() > 1e-12 * (v.abs() + mirrored.abs()) {
                return Err(Error::NotSymmetric {
                    what: PRECISION,
                    place: place(),
                    row: i,
                    column: j,
                    found: v,
                    mirrored,
                });
            }
        }
        cholesky(&matrix).map_err(|(pivot, found)| Error::NotPositiveDefinite {
            what: PRECISION,
            place: place(),
            pivot,
            found,
        })?;
        Ok(Self(Shape::Full(matrix)))
    }

    /// The precision of `components` components as a matrix.
    ///
    /// # Errors
    /// [`Error::Length`] for a diagonal or a matrix of another size,
    /// [`Error::OutOfRange`] for more than 65,535 components.
    pub fn to_matrix(&self, components: usize) -> Result<Array2<f64>> {
        let most = usize::from(u16::MAX);
        check_count("components", || "as a matrix".into(), components, most)?;
        self.check_size(components, || "as a matrix".into())?;
        Ok(self.marginal(&(0..components).collect::<Vec<_>>()))
    }

    /// The precision times a positive factor.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self(match &self.0 {
            Shape::Scalar(value) => Shape::Scalar(factor * value),
            Shape::Diagonal(values) => Shape::Diagonal(values.iter().map(|v| factor * v).collect()),
            Shape::Full(matrix) => Shape::Full(factor * matrix),
        })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.0
    }

    /// The precision of a component, given all others: the entry of the diagonal.
    pub(crate) fn of_component(&self, i: usize) -> f64 {
        match &self.0 {
            Shape::Scalar(value) => *value,
            Shape::Diagonal(values) => values[i],
            Shape::Full(matrix) => matrix[(i, i)],
        }
    }

    /// Writes P e for a vector e of the precision's size.
    pub(crate) fn apply(&self, e: &[f64], out: &mut [f64]) {
        match &self.0 {
            Shape::Scalar(value) => {
                for (slot, e) in out.iter_mut().zip(e) {
                    *slot = value * e;
                }
            }
            Shape::Diagonal(values) => {
                for ((slot, value), e) in out.iter_mut().zip(values).zip(e) {
                    *slot = value * e;
                }
            }
            Shape::Full(matrix) => {
                for (slot, row) in out.iter_mut().zip(matrix.rows()) {
                    *slot = row.iter().zip(e).map(|(p, e)| p * e).sum();
                }
            }
        }
    }

    /// The covariance, R_f⁻¹ of a model precision.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] where a matrix is singular to rounding.
    pub(crate) fn inverse(&self, place: impl Fn() -> String) -> Result<Self> {
        let shape = match &self.0 {
            Shape::Scalar(value) => Shape::Scalar(value.recip()),
            Shape::Diagonal(values) => Shape::Diagonal(values.iter().map(|v| v.recip()).collect()),
            Shape::Full(matrix) => {
                Shape::Full(inverse(matrix).ok_or_else(|| Error::NotPositiveDefinite {
                    what: "precision to be inverted",
                    place: place(),
                    pivot: matrix.nrows() - 1,
                    found: 0.0,
                })?)
            }
        };
        Ok(Self(shape))
    }

    /// Checks that the precision fits `components` components.
    pub(crate) fn check_size(&self, components: usize, place: impl Fn() -> String) -> Result<()> {
        let found = match &self.0 {
            Shape::Scalar(_) => return Ok(()),
            Shape::Diagonal(values) => values.len(),
            Shape::Full(matrix) => matrix.nrows(),
        };
        if found == components {
            Ok(())
        } else {
            Err(Error::Length {
                what: "precision",
                place: place(),
                expected: components,
                found,
            })
        }
    }

    /// The precision of the components `kept` alone: what the covariance says
    /// when the others are missing, (P⁻¹ restricted)⁻¹ = P_kk − P_km P_mm⁻¹ P_mk.
    pub(crate) fn marginal(&self, kept: &[usize]) -> Array2<f64> {
        match &self.0 {
            Shape::Scalar(value) => Array2::from_diag_elem(kept.len(), *value),
            Shape::Diagonal(values) => Array2::from_diag(
                &kept
                    .iter()
                    .map(|&i| values[i])
                    .collect::<ndarray::Array1<_>>(),
            ),
            Shape::Full(matrix) => {
                let missing = (0..matrix.nrows()).filter(|i| !kept.contains(i));
                // Eliminating one missing component after the other is that
                // Schur complement.
                let mut rest = matrix.clone();
                for m in missing {
                    let pivot = rest[(m, m)];
                    let column = rest.column(m).to_owned();
                    for ((i, j), v) in rest.indexed_iter_mut() {
                        if i != m && j != m {
                            *v -= column[i] * column[j] / pivot;
                        }
                    }
                }
                Array2::from_shape_fn((kept.len(), kept.len()), |(i, j)| rest[(kept[i], kept[j])])
            }
        }
    }
}

/// What an infinite value of has an error of its own.
pub(crate) const PRECISION: &str = "precision";

pub(crate) fn check_positive(
    what: &'static str,
    place: impl Fn() -> String,
    found: f64,
) -> Result<()> {
    if what == PRECISION && found == f64::INFINITY {
        return Err(Error::InfinitePrecision { place: place() });
    }
    if !found.is_finite() {
        return Err(Error::NotFinite {
            what,
            place: place(),
            found,
        });
    }
    if found <= 0.0 {
        return Err(Error::NotPositive {
            what,
            place: place(),
            found,
        });
    }
    Ok(())
}

/// The inverse of a symmetric matrix.
fn inverse(matrix: &Array2<f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let system = LinearSystem::factor(n, matrix.iter().copied().collect())?;
    let mut inverse = Array2::zeros((n, n));
    for (j, mut column) in inverse.columns_mut().into_iter().enumerate() {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        column.assign(&Array1::from(system.solve(&unit)));
    }
    Some((&inverse + &inverse.t()) * 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_marginal_precision_is_the_inverse_of_the_covariance_block() {
        // Covariance of the first two of three components, by hand:
        // P⁻¹ for P below has the block ((2, -1), (-1, 2)) / 3 … checked by
        // multiplying back instead.
        let p = array![[3.0, 1.0, 0.5], [1.0, 2.0, 0.25], [0.5, 0.25, 1.0]];
        let m = Precision::full(p).unwrap().marginal(&[0, 1]);
        let expected = array![[3.0 - 0.25, 1.0 - 0.125], [1.0 - 0.125, 2.0 - 0.0625]];
        for (a, b) in m.iter().zip(&expected) {
            approx::assert_relative_eq!(*a, *b, max_relative = 1e-15);
        }
    }

    #[test]
    fn an_indefinite_matrix_names_its_pivot() {
        let error = Precision::full(array![[1.0, 2.0], [2.0, 1.0]]).unwrap_err();
        assert!(matches!(
            error,
            Error::NotPositiveDefinite { pivot: 1, found, .. } if found == -3.0
        ));
    }
}
