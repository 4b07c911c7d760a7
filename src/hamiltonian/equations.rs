//! The equations of one step of a discrete flow, and their solution.

use ndarray::{Array2, s};

use super::interval::{Interval, Shape};
use super::lagrangian::DiscreteLagrangian;
use super::potential::Potential;
use crate::error::{Error, Result};
use crate::linalg::LinearSystem;

/// g = Cv, with C = (h/c) R_f⁻¹ for each group of residuals, and
/// Gᵀv + ∂V = −p₀ for the left layer, 0 for interior ones: as many equations as
/// there are unknown states, interior and right, and multipliers v.
pub(super) struct Equations {
    /// C.
    compliance: Array2<f64>,
    /// Components of the left layer.
    left: usize,
    /// Where the right layer begins.
    right: usize,
}

/// A change that is this small relative to its unknown is the last one: Newton's
/// method converges quadratically, so that the next would be rounding.
const RELATIVE: f64 = 1e-8;

/// An unknown that is smaller than this part of the others is zero.
const NOTHING: f64 = 1e-14;

impl Equations {
    /// The equations of an interval of this length.
    pub(super) fn new<V: Potential>(
        shape: &Shape,
        length: f64,
        lagrangian: &DiscreteLagrangian<V>,
    ) -> Self {
        let mut compliance = Array2::zeros((shape.residuals, shape.residuals));
        let per_time = lagrangian.dynamics.per_time();
        let d = shape.residuals / per_time.len();
        for (r, c) in per_time.iter().enumerate() {
            let mut unit = vec![0.0; d];
            for j in 0..d {
                unit[j] = length / c;
                let mut column = vec![0.0; d];
                lagrangian.covariance.apply(&unit, &mut column);
                for (i, value) in column.into_iter().enumerate() {
                    compliance[(r * d + i, r * d + j)] = value;
                }
                unit[j] = 0.0;
            }
        }
        Self {
            compliance,
            left: shape.left(),
            right: shape.right(),
        }
    }

    /// ½ vᵀCv, the model error.
    pub(super) fn energy(&self, v: &[f64]) -> f64 {
        let strain = self.strain(v);
        0.5 * strain.iter().zip(v).map(|(g, v)| g * v).sum::<f64>()
    }

    /// Cv.
    fn strain(&self, v: &[f64]) -> Vec<f64> {
        let rows = self.compliance.rows().into_iter();
        rows.map(|row| row.iter().zip(v).map(|(c, v)| c * v).sum())
            .collect()
    }

    /// The Newton change of (interior and right states, v).
    pub(super) fn correction(
        &self,
        interval: &Interval,
        momentum: &[f64],
        v: &[f64],
        place: impl Fn() -> String,
    ) -> Result<Vec<f64>> {
        let strain = self.strain(v);
        let mut rhs: Vec<f64> = strain.iter().zip(&interval.g).map(|(c, g)| c - g).collect();
        let slope = interval.slope(v);
        rhs.extend(slope[..self.right].iter().map(|v| -v));
        for (slot, p) in rhs[v.len()..].iter_mut().zip(momentum) {
            *slot -= p;
        }
        Ok(self.factor(interval, place)?.solve(&rhs))
    }

    /// Adds a change to the unknowns, as [`add_change`].
    pub(super) fn apply(&self, change: &[f64], x: &mut [f64], v: &mut [f64]) -> f64 {
        let (states, multipliers) = change.split_at(x.len() - self.left);
        let largest = add_change(states, &mut x[self.left..]);
        largest.max(add_change(multipliers, v))
    }

    /// The derivative of the end by the beginning, for an interval that is
    /// linearized at a solution.
    pub(super) fn tangent(
        &self,
        interval: &Interval,
        place: impl Fn() -> String,
    ) -> Result<Array2<f64>> {
        let system = self.factor(interval, place)?;
        let (d, count) = (self.left, interval.g.len());
        let unknown = self.right;
        let ends = interval.hessian.slice(s![self.right.., ..]);
        let of_ends = interval.jacobian.slice(s![.., self.right..]);
        let mut tangent = Array2::zeros((2 * d, 2 * d));
        for j in 0..2 * d {
            let mut rhs = vec![0.0; count + unknown];
            let mut momenta = vec![0.0; d];
            if j < d {
                for (slot, value) in rhs.iter_mut().zip(interval.jacobian.column(j)) {
                    *slot = -value;
                }
                let own = interval.hessian.slice(s![..self.right, j]);
                for (slot, value) in rhs[count..].iter_mut().zip(own) {
                    *slot = -value;
                }
                momenta = ends.column(j).to_vec();
            } else {
                rhs[count + j - d] = -1.0;
            }
            let change = system.solve(&rhs);
            let (states, multipliers) = change.split_at(unknown);
            for (i, slot) in momenta.iter_mut().enumerate() {
                let by_states = ends.row(i);
                let by_states = by_states.iter().skip(d).zip(states);
                *slot += by_states.map(|(a, b)| a * b).sum::<f64>();
                let by_multipliers = of_ends.column(i);
                let by_multipliers = by_multipliers.iter().zip(multipliers);
                *slot += by_multipliers.map(|(a, b)| a * b).sum::<f64>();
            }
            let right = states[unknown - d..].iter().chain(&momenta);
            for (slot, value) in tangent.column_mut(j).iter_mut().zip(right) {
                *slot = *value;
            }
        }
        Ok(tangent)
    }

    /// The matrix of the equations, factored.
    fn factor(&self, interval: &Interval, place: impl Fn() -> String) -> Result<Equilibrated> {
        let (d, m, unknown) = (self.left, interval.g.len(), self.right);
        let (jacobian, hessian) = (&interval.jacobian, &interval.hessian);
        let matrix = Array2::from_shape_fn((m + unknown, unknown + m), |(i, j)| {
            match (i.checked_sub(m), j.checked_sub(unknown)) {
                (None, None) => jacobian[(i, d + j)],
                (None, Some(v)) => -self.compliance[(i, v)],
                (Some(i), None) => hessian[(i, d + j)],
                (Some(i), Some(v)) => jacobian[(v, i)],
            }
        });
        Equilibrated::factor(matrix, place)
    }
}

/// Adds a Newton change to unknowns; returns how large it is in units of what is
/// tolerated of the last one.
pub(super) fn add_change(change: &[f64], to: &mut [f64]) -> f64 {
    for (slot, change) in to.iter_mut().zip(change) {
        *slot += change;
    }
    let size = to.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let excess = |(change, value): (&f64, &f64)| match *change {
        0.0 => 0.0,
        _ => change.abs() / (RELATIVE * value.abs() + NOTHING * size),
    };
    change.iter().zip(&*to).map(excess).fold(0.0, f64::max)
}

/// A factored matrix whose rows, then columns were divided by their largest
/// entry, so that a pivot's size means the same in any units.
pub(super) struct Equilibrated {
    system: LinearSystem,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Equilibrated {
    pub(super) fn factor(mut matrix: Array2<f64>, place: impl Fn() -> String) -> Result<Self> {
        let n = matrix.nrows();
        let singular = |row, pivot| Error::Singular {
            what: "Jacobian",
            place: place(),
            row,
            pivot,
        };
        let size = |values: ndarray::ArrayView1<'_, f64>| {
            values.iter().fold(0.0_f64, |m, v| m.max(v.abs()))
        };
        let (mut rows, mut columns) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (i, mut row) in matrix.rows_mut().into_iter().enumerate() {
            let scale = size(row.view());
            if scale == 0.0 {
                return Err(singular(i, 0.0));
            }
            row /= scale;
            rows.push(scale);
        }
        for (j, mut column) in matrix.columns_mut().into_iter().enumerate() {
            let scale = size(column.view());
            if scale == 0.0 {
                return Err(singular(j, 0.0));
            }
            column /= scale;
            columns.push(scale);
        }
        let finite = matrix.iter().all(|v| v.is_finite());
        let system = LinearSystem::factor(n, matrix.iter().copied().collect());
        let pivot = if finite { 0.0 } else { f64::NAN };
        let system = system.ok_or_else(|| singular(n - 1, pivot))?;
        match system.smallest_pivot() {
            Some((row, pivot)) if pivot <= n as f64 * f64::EPSILON => Err(singular(row, pivot)),
            _ => Ok(Self {
                system,
                rows,
                columns,
            }),
        }
    }

    pub(super) fn solve(&self, rhs: &[f64]) -> Vec<f64> {
        let scaled: Vec<f64> = rhs.iter().zip(&self.rows).map(|(v, r)| v / r).collect();
        let mut x = self.system.solve(&scaled);
        for (x, column) in x.iter_mut().zip(&self.columns) {
            *x /= column;
        }
        x
    }
}
