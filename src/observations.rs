//! Noisy measurements of a few components at some of the times.
//!
//! One set has one list of components and one precision; measurements of
//! another kind, at other times or with other noise are another set of the same
//! [`Window`](crate::Window).

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::grid::check_increasing;
use crate::precision::Precision;

/// Measured values of a fixed list of components at K times.
///
/// A NaN is a missing value, element by element; where the precision is a full
/// matrix the remaining components get their marginal precision.
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    components: Vec<usize>,
    times: Vec<f64>,
    values: Array2<f64>,
    precision: Precision,
}

impl Observations {
    /// `values` has a row for each of the K `times` and a column for each of
    /// the L `components`; `precision` is R_m, the inverse covariance of one
    /// row's errors.
    ///
    /// # Errors
    /// [`Error::Empty`] without components, times or any finite value;
    /// [`Error::Duplicate`] for a component given twice; [`Error::Length`] for
    /// rows, columns or a precision that do not fit; [`Error::NotIncreasing`]
    /// and [`Error::NotFinite`] for times; [`Error::NotFinite`] for an
    /// infinite value.
    pub fn of_components(
        components: &[usize],
        times: impl Into<Vec<f64>>,
        values: Array2<f64>,
        precision: Precision,
    ) -> Result<Self> {
        let times = times.into();
        let place = || String::from("observations");
        if components.is_empty() {
            return Err(Error::Empty {
                what: "observed components",
                place: place(),
            });
        }
        for (second, value) in components.iter().enumerate() {
            let first = components.iter().position(|c| c == value).unwrap_or(second);
            if first < second {
                return Err(Error::Duplicate {
                    what: "observed components",
                    place: place(),
                    value: *value,
                    first,
                    second,
                });
            }
        }
        check_increasing("times", "observations", &times)?;
        for (what, expected, found) in [
            ("rows of values", times.len(), values.nrows()),
            ("columns of values", components.len(), values.ncols()),
        ] {
            if expected != found {
                return Err(Error::Length {
                    what,
                    place: place(),
                    expected,
                    found,
                });
            }
        }
        precision.check_size(components.len(), || "of the observations".into())?;
        if let Some(((row, column), &found)) = values.indexed_iter().find(|(_, v)| v.is_infinite())
        {
            return Err(Error::NotFinite {
                what: "observed value",
                place: format!("row {row}, column {column}; a missing value is NaN"),
                found,
            });
        }
        if values.iter().all(|v| v.is_nan()) {
            return Err(Error::Empty {
                what: "observed values that are not missing",
                place: place(),
            });
        }
        Ok(Self {
            components: components.to_vec(),
            times,
            values,
            precision,
        })
    }

    /// The observed components, 0-based.
    #[must_use]
    pub fn components(&self) -> &[usize] {
        &self.components
    }

    /// The K times.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// K rows by L columns, NaN where missing.
    #[must_use]
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// The measurement precision R_m.
    #[must_use]
    pub fn precision(&self) -> &Precision {
        &self.precision
    }
}
