//! Noisy measurements at some of the times.
//!
//! One set has one operator and one kind of noise; measurements of another
//! kind, at other times or with other noise are another set of the same
//! [`Window`](crate::Window).

use std::sync::Arc;

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::problem::grid::check_not_decreasing;
use crate::problem::kernel::Kernel;
use crate::problem::losses::Loss;
use crate::problem::operators::{Components, Generic, Matrix, Observe, Operator};
use crate::problem::precision::Precision;

/// Measured values at K times, and how they come from the states.
///
/// ```
/// use deepest::prelude::*;
/// use ndarray::array;
///
/// // Components 0 and 2 at three times, with σ = 0.5; one value is missing.
/// let values = array![[1.2, 0.3], [1.9, f64::NAN], [2.7, 0.1]];
/// let noise = Precision::from_deviation(0.5)?;
/// let data = Observations::of_components(&[0, 2], [0.0, 0.1, 0.2], values, noise)?;
/// assert_eq!(data.components(), Some(&[0, 2][..]));
/// let window = Window::new(Grid::uniform(0.0, 0.05, 5)?).observations(data)?;
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// Times do not go back, and several rows may have the same one: replicates count
/// each. Times and layers meet where they are the same but for rounding
/// ([`Window::observations`](crate::Window::observations)).
///
/// A NaN is a missing value, element by element; where the precision is a full
/// matrix the remaining values get their marginal precision.
#[doc(alias("missing data", "nan", "missing values", "measurements", "data"))]
#[derive(Debug, Clone)]
pub struct Observations {
    operator: Arc<dyn Operator>,
    /// What the operator is, where the starts and the checks can use it.
    form: Form,
    times: Vec<f64>,
    values: Array2<f64>,
    /// One for all times, or one a time.
    precisions: Vec<Precision>,
    loss: Loss,
    kernel: Option<Kernel>,
}

/// Which kind of operator a set has.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Components(Vec<usize>),
    Matrix { width: usize },
    Generic,
}

impl Observations {
    /// Measurements of state components. `values` has a row for each of the K
    /// `times` and a column for each of the L `components`; `precision` is
    /// R_m, the inverse covariance of one row's errors.
    ///
    /// # Errors
    /// [`Error::Empty`] without components, times or any finite value;
    /// [`Error::Duplicate`] for a component given twice; [`Error::Length`] for
    /// rows, columns or a precision that do not fit; [`Error::Decreasing`] and
    /// [`Error::NotFinite`] for times; [`Error::NotFinite`] for an infinite
    /// value.
    pub fn of_components(
        components: &[usize],
        times: impl Into<Vec<f64>>,
        values: Array2<f64>,
        precision: Precision,
    ) -> Result<Self> {
        if components.is_empty() {
            return Err(Error::Empty {
                what: "observed components",
                place: "observations".into(),
            });
        }
        for (second, value) in components.iter().enumerate() {
            let first = components.iter().position(|c| c == value).unwrap_or(second);
            if first < second {
                return Err(Error::Duplicate {
                    what: "observed components",
                    place: "observations".into(),
                    value: *value,
                    first,
                    second,
                });
            }
        }
        let operator = Arc::new(Components(components.to_vec()));
        let form = Form::Components(components.to_vec());
        Self::new(operator, form, times.into(), values, precision)
    }

    /// Measurements y = H x with a constant matrix, L rows by D columns.
    ///
    /// # Errors
    /// As [`Observations::of_components`]; [`Error::Empty`] and
    /// [`Error::NotFinite`] for the matrix.
    pub fn of_matrix(
        matrix: Array2<f64>,
        times: impl Into<Vec<f64>>,
        values: Array2<f64>,
        precision: Precision,
    ) -> Result<Self> {
        let operator = Matrix::new(matrix)?;
        let form = Form::Matrix {
            width: operator.width(),
        };
        Self::new(Arc::new(operator), form, times.into(), values, precision)
    }

    /// Measurements of any function of state, parameters and time. `rows`
    /// holds one list of values a time, as long as the operator says for it.
    ///
    /// # Errors
    /// As [`Observations::of_components`]; [`Error::Length`] naming the row
    /// whose number of values is not the operator's.
    pub fn of_operator<O: Observe + 'static>(
        operator: O,
        times: impl Into<Vec<f64>>,
        rows: &[Vec<f64>],
        precision: Precision,
    ) -> Result<Self> {
        let longest = (0..rows.len()).map(|k| operator.len(k)).max().unwrap_or(0);
        let mut values = Array2::from_elem((rows.len(), longest), f64::NAN);
        for (k, row) in rows.iter().enumerate() {
            if row.len() != operator.len(k) {
                return Err(Error::Length {
                    what: "values of an observation operator",
                    place: format!("observations, row {k}"),
                    expected: operator.len(k),
                    found: row.len(),
                });
            }
            for (slot, &v) in values.row_mut(k).iter_mut().zip(row) {
                *slot = v;
            }
        }
        let operator = Arc::new(Generic(operator));
        Self::new(operator, Form::Generic, times.into(), values, precision)
    }

    fn new(
        operator: Arc<dyn Operator>,
        form: Form,
        times: Vec<f64>,
        values: Array2<f64>,
        precision: Precision,
    ) -> Result<Self> {
        let place = || String::from("observations");
        if times.is_empty() {
            return Err(Error::Empty {
                what: "times",
                place: place(),
            });
        }
        check_not_decreasing("times", "observations", &times)?;
        if values.nrows() != times.len() {
            return Err(Error::Length {
                what: "rows of values",
                place: place(),
                expected: times.len(),
                found: values.nrows(),
            });
        }
        if form != Form::Generic && values.ncols() != operator.len(0) {
            return Err(Error::Length {
                what: "columns of values",
                place: place(),
                expected: operator.len(0),
                found: values.ncols(),
            });
        }
        for k in 0..times.len() {
            precision.check_size(operator.len(k), || format!("of the observations, row {k}"))?;
        }
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
            operator,
            form,
            times,
            values,
            precisions: vec![precision],
            loss: Loss::gaussian(),
            kernel: None,
        })
    }

    /// A precision for each of the K times instead of one for all.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of precisions, and with the row
    /// for one that does not fit its values.
    pub fn precisions(mut self, precisions: Vec<Precision>) -> Result<Self> {
        if precisions.len() != self.times.len() {
            return Err(Error::Length {
                what: "precisions",
                place: "observations".into(),
                expected: self.times.len(),
                found: precisions.len(),
            });
        }
        for (k, precision) in precisions.iter().enumerate() {
            let place = || format!("of the observations, row {k}");
            precision.check_size(self.operator.len(k), place)?;
        }
        self.precisions = precisions;
        Ok(self)
    }

    /// How errors count; [`Loss::gaussian`] where it is not given.
    #[doc(alias("outlier", "robust"))]
    #[must_use]
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// The same with Gaussian errors of precisions times a positive factor.
    pub(crate) fn gaussian(&self, factor: f64) -> Self {
        let precisions = self.precisions.iter();
        Self {
            precisions: precisions.map(|p| p.scaled(factor)).collect(),
            loss: Loss::gaussian(),
            ..self.clone()
        }
    }

    /// Whether its operator may know rows by their numbers, so that only the last
    /// ones can be left out.
    pub(crate) fn is_numbered(&self) -> bool {
        self.form == Form::Generic
    }

    /// Some of its rows; `None` where there is no measured value in them, or where
    /// the operator knows its rows by number and these have others.
    pub(crate) fn at_rows(&self, rows: &[usize]) -> Option<Self> {
        let values = self.values.select(ndarray::Axis(0), rows);
        let same = rows.iter().enumerate().all(|(k, row)| k == *row);
        let there = values.iter().any(|v| !v.is_nan());
        (there && (same || !self.is_numbered())).then(|| Self {
            operator: self.operator.clone(),
            form: self.form.clone(),
            times: rows.iter().map(|&k| self.times[k]).collect(),
            values,
            precisions: match self.precisions.len() {
                1 => self.precisions.clone(),
                _ => rows.iter().map(|&k| self.precisions[k].clone()).collect(),
            },
            loss: self.loss,
            kernel: self.kernel,
        })
    }

    /// The same at the times of the layers that they are meant for.
    pub(crate) fn at_times(mut self, times: Vec<f64>) -> Self {
        self.times = times;
        self
    }

    /// The same measurements `later`, with Gaussian errors; those at the time
    /// `first` are left out. `None` as [`at_rows`](Self::at_rows).
    pub(crate) fn repeated(&self, later: f64, first: f64) -> Option<Self> {
        let rows: Vec<usize> = (0..self.times.len())
            .filter(|&k| self.times[k] > first)
            .collect();
        let mut again = self.at_rows(&rows)?.gaussian(1.0);
        again.times.iter_mut().for_each(|t| *t += later);
        Some(again)
    }

    /// What was measured at times that are wanted, all else missing; `None` where
    /// that is nothing.
    pub(crate) fn only(&self, wanted: impl Fn(f64) -> bool) -> Option<Self> {
        let mut part = self.clone();
        for (mut row, &time) in part.values.rows_mut().into_iter().zip(&self.times) {
            if !wanted(time) {
                row.fill(f64::NAN);
            }
        }
        let there = part.values.iter().any(|v| !v.is_nan());
        there.then_some(part)
    }

    /// Measures smoothly: each row at all times within `half_width` w of its own,
    /// with the weight κ(s) = (15/16w)(1 − s²/w²)², whose integral is one, instead
    /// of at one instant. The potential V of the continuous problem is then a
    /// function of time, and momenta have no jumps. An instrument that averages
    /// the *state* is another thing: an operator of several layers.
    ///
    /// Times need not be layers. Weights are those of the trapezoidal rule on the
    /// layers that are there, in sum one for each row.
    ///
    /// # Errors
    /// [`Error::NotPositive`] and [`Error::NotFinite`] for the half-width.
    pub fn smooth(mut self, half_width: f64) -> Result<Self> {
        self.kernel = Some(Kernel::new(half_width)?);
        Ok(self)
    }

    /// The observed components, 0-based, where components are observed.
    #[must_use]
    pub fn components(&self) -> Option<&[usize]> {
        match &self.form {
            Form::Components(components) => Some(components),
            _ => None,
        }
    }

    /// The K times.
    #[must_use]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    /// K rows by L columns (the most values of any time), NaN where missing.
    #[must_use]
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }

    /// The measurement precision R_m at the `k`-th time (beyond the last one:
    /// that of the last).
    #[must_use]
    pub fn precision(&self, k: usize) -> &Precision {
        &self.precisions[k.min(self.precisions.len() - 1)]
    }

    pub(crate) fn kernel(&self) -> Option<Kernel> {
        self.kernel
    }

    /// Whether one precision serves the `k`-th time and the one before.
    pub(crate) fn has_precision_of_row_before(&self, k: usize) -> bool {
        k > 0 && std::ptr::eq(self.precision(k), self.precision(k - 1))
    }

    pub(crate) fn operator(&self) -> &Arc<dyn Operator> {
        &self.operator
    }

    pub(crate) fn loss_function(&self) -> Loss {
        self.loss
    }

    /// Checks that a layer of `width` components can be observed.
    pub(crate) fn check_width(&self, width: usize, place: impl Fn() -> String) -> Result<()> {
        match &self.form {
            Form::Components(components) => match components.iter().find(|&&c| c >= width) {
                None => Ok(()),
                Some(&component) => Err(Error::OutOfRange {
                    what: "observed component",
                    place: place(),
                    low: 0.0,
                    high: width.saturating_sub(1) as f64,
                    found: component as f64,
                }),
            },
            Form::Matrix { width: columns } if *columns != width => Err(Error::Length {
                what: "columns of the observation matrix",
                place: place(),
                expected: width,
                found: *columns,
            }),
            _ => Ok(()),
        }
    }
}
