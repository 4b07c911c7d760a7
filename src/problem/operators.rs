//! Observation operators: how measured values come from states.

use std::fmt;

use ndarray::Array2;

use crate::dual::Dual;
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// An observation operator h(t, x, θ), written once over a generic scalar; its
/// Jacobian comes from dual numbers.
///
/// Components of the state and constant matrices need none of this:
/// [`Observations::of_components`](crate::Observations::of_components) and
/// [`Observations::of_matrix`](crate::Observations::of_matrix). Different
/// operators at different times are different sets of observations of one
/// window, or one operator that looks at `k`.
///
/// ```
/// use deepest::prelude::*;
///
/// /// Range and bearing of a point in the plane; θ₀ scales the range.
/// struct Radar;
///
/// impl Observe for Radar {
///     fn len(&self, _k: usize) -> usize {
///         2
///     }
///     fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], theta: &[S], out: &mut [S]) {
///         out[0] = theta[0] * (x[0] * x[0] + x[1] * x[1]).sqrt();
///         out[1] = x[1] / x[0];
///     }
/// }
/// ```
#[doc(alias("observation operator", "measurement function"))]
pub trait Observe: Send + Sync {
    /// Number of values at the `k`-th observation time of the set.
    fn len(&self, k: usize) -> usize;

    /// Whether there are no values at the `k`-th time.
    fn is_empty(&self, k: usize) -> bool {
        self.len(k) == 0
    }

    /// Writes the values at the `k`-th time, which is `t`, to `out`. `x` is
    /// the state of that layer, `theta` all P parameters.
    fn observe<S: Scalar>(&self, k: usize, t: S, x: &[S], theta: &[S], out: &mut [S]);
}

/// Where an operator is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) k: usize,
    pub(crate) time: f64,
    pub(crate) state: &'a [f64],
    pub(crate) theta: &'a [f64],
}

/// An operator behind a pointer, so that sets with different operators stand
/// in one window. Columns are the state components, then `wanted` parameters.
pub(crate) trait Operator: Send + Sync + fmt::Debug {
    /// Number of values at the `k`-th time.
    fn len(&self, k: usize) -> usize;

    /// Writes the values.
    fn values(&self, at: Place<'_>, out: &mut [f64]);

    /// Writes the values and the Jacobian, row by row.
    fn jacobian(&self, at: Place<'_>, wanted: &[usize], out: &mut [f64], jacobian: &mut [f64]);

    /// Calls `add(a, b, Σᵢ weights[i] ∂²hᵢ/∂a∂b)` for columns a ≥ b.
    fn contract(
        &self,
        at: Place<'_>,
        wanted: &[usize],
        weights: &[f64],
        add: &mut dyn FnMut(usize, usize, f64),
    );
}

/// Selected components of the state.
#[derive(Debug)]
pub(crate) struct Components(pub(crate) Vec<usize>);

impl Operator for Components {
    fn len(&self, _k: usize) -> usize {
        self.0.len()
    }
    fn values(&self, at: Place<'_>, out: &mut [f64]) {
        for (slot, &i) in out.iter_mut().zip(&self.0) {
            *slot = at.state[i];
        }
    }
    fn jacobian(&self, at: Place<'_>, wanted: &[usize], out: &mut [f64], jacobian: &mut [f64]) {
        self.values(at, out);
        let columns = at.state.len() + wanted.len();
        jacobian.fill(0.0);
        for (row, &i) in jacobian.chunks_exact_mut(columns).zip(&self.0) {
            row[i] = 1.0;
        }
    }
    fn contract(
        &self,
        _at: Place<'_>,
        _wanted: &[usize],
        _weights: &[f64],
        _add: &mut dyn FnMut(usize, usize, f64),
    ) {
    }
}

/// A constant matrix, L rows by D columns.
#[derive(Debug)]
pub(crate) struct Matrix(Array2<f64>);

impl Matrix {
    pub(crate) fn new(matrix: Array2<f64>) -> Result<Self> {
        if matrix.is_empty() {
            return Err(Error::Empty {
                what: "entries",
                place: "observation matrix".into(),
            });
        }
        match matrix.indexed_iter().find(|(_, v)| !v.is_finite()) {
            None => Ok(Self(matrix)),
            Some(((row, column), &found)) => Err(Error::NotFinite {
                what: "entry",
                place: format!("observation matrix, row {row}, column {column}"),
                found,
            }),
        }
    }

    /// Number D of state components that it takes.
    pub(crate) fn width(&self) -> usize {
        self.0.ncols()
    }
}

impl Operator for Matrix {
    fn len(&self, _k: usize) -> usize {
        self.0.nrows()
    }
    fn values(&self, at: Place<'_>, out: &mut [f64]) {
        for (slot, row) in out.iter_mut().zip(self.0.rows()) {
            *slot = row.iter().zip(at.state).map(|(h, x)| h * x).sum();
        }
    }
    fn jacobian(&self, at: Place<'_>, wanted: &[usize], out: &mut [f64], jacobian: &mut [f64]) {
        self.values(at, out);
        let columns = at.state.len() + wanted.len();
        jacobian.fill(0.0);
        for (slots, row) in jacobian.chunks_exact_mut(columns).zip(self.0.rows()) {
            for (slot, h) in slots.iter_mut().zip(row) {
                *slot = *h;
            }
        }
    }
    fn contract(
        &self,
        _at: Place<'_>,
        _wanted: &[usize],
        _weights: &[f64],
        _add: &mut dyn FnMut(usize, usize, f64),
    ) {
    }
}

/// A user's operator.
pub(crate) struct Generic<O>(pub(crate) O);

impl<O> fmt::Debug for Generic<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("observation operator")
    }
}

impl<O: Observe> Generic<O> {
    /// Calls the operator with every variable made by `seed(value, column)`.
    fn call<S: Scalar>(
        &self,
        at: Place<'_>,
        wanted: &[usize],
        seed: impl Fn(f64, usize) -> S,
    ) -> Vec<S> {
        let states = at.state.iter().enumerate();
        let x: Vec<S> = states.map(|(i, &v)| seed(v, i)).collect();
        let mut theta: Vec<S> = at.theta.iter().map(|&v| S::from(v)).collect();
        for (k, &p) in wanted.iter().enumerate() {
            theta[p] = seed(at.theta[p], at.state.len() + k);
        }
        let mut out = vec![S::zero(); self.0.len(at.k)];
        self.0.observe(at.k, S::from(at.time), &x, &theta, &mut out);
        out
    }
}

/// Columns that one call of an operator differentiates.
const LANES: usize = 8;
/// The same for each of the two directions of second derivatives.
const SECOND_LANES: usize = 4;

impl<O: Observe> Operator for Generic<O> {
    fn len(&self, k: usize) -> usize {
        self.0.len(k)
    }

    fn values(&self, at: Place<'_>, out: &mut [f64]) {
        self.0.observe(at.k, at.time, at.state, at.theta, out);
    }

    fn jacobian(&self, at: Place<'_>, wanted: &[usize], out: &mut [f64], jacobian: &mut [f64]) {
        let columns = at.state.len() + wanted.len();
        for first in (0..columns).step_by(LANES) {
            let results = self.call(at, wanted, |v, column| {
                Dual::<f64, LANES>::variable(v, column.wrapping_sub(first))
            });
            for (row, result) in results.iter().enumerate() {
                out[row] = result.value;
                for (lane, &slope) in result.lanes.iter().enumerate().take(columns - first) {
                    jacobian[row * columns + first + lane] = slope;
                }
            }
        }
    }

    fn contract(
        &self,
        at: Place<'_>,
        wanted: &[usize],
        weights: &[f64],
        add: &mut dyn FnMut(usize, usize, f64),
    ) {
        type Second = Dual<Dual<f64, SECOND_LANES>, SECOND_LANES>;
        let columns = at.state.len() + wanted.len();
        for outer in (0..columns).step_by(SECOND_LANES) {
            for inner in (0..=outer).step_by(SECOND_LANES) {
                let results = self.call(at, wanted, |v, column| {
                    let value = Dual::variable(v, column.wrapping_sub(inner));
                    Second::variable(value, column.wrapping_sub(outer))
                });
                for a in outer..columns.min(outer + SECOND_LANES) {
                    for b in inner..(a + 1).min(inner + SECOND_LANES) {
                        let second = |r: &Second| r.lanes[a - outer].lanes[b - inner];
                        // Where a value is missing the operator may have none.
                        let weighed = results.iter().zip(weights).filter(|(_, w)| **w != 0.0);
                        add(a, b, weighed.map(|(r, w)| w * second(r)).sum());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Product;

    impl Observe for Product {
        fn len(&self, _k: usize) -> usize {
            2
        }
        fn observe<S: Scalar>(&self, _k: usize, t: S, x: &[S], theta: &[S], out: &mut [S]) {
            out[0] = x[0] * x[1].square() * theta[1] + t;
            out[1] = (x[4] * theta[0]).sin();
        }
    }

    #[test]
    fn derivatives_by_duals_are_those_by_hand() {
        let state = [2.0, 3.0, 0.0, 0.0, 0.5];
        let at = Place {
            k: 0,
            time: 7.0,
            state: &state,
            theta: &[0.25, 4.0],
        };
        let operator = Generic(Product);
        let mut out = [0.0; 2];
        let mut jacobian = [f64::NAN; 14];
        operator.jacobian(at, &[0, 1], &mut out, &mut jacobian);
        let (angle, cosine) = (0.125_f64, 0.125_f64.cos());
        assert_eq!(out, [2.0 * 9.0 * 4.0 + 7.0, angle.sin()]);
        let expected = [
            [36.0, 48.0, 0.0, 0.0, 0.0, 0.0, 18.0],
            [0.0, 0.0, 0.0, 0.0, 0.25 * cosine, 0.5 * cosine, 0.0],
        ];
        assert_eq!(jacobian[..7], expected[0]);
        assert_eq!(jacobian[7..], expected[1]);
        let mut hessian = [[0.0; 7]; 7];
        operator.contract(at, &[0, 1], &[1.0, 2.0], &mut |a, b, v| hessian[a][b] += v);
        // ∂²/∂x₀∂x₁ = 2 x₁ θ₁, ∂²/∂x₁² = 2 x₀ θ₁, ∂²/∂x₁∂θ₁ = 2 x₀ x₁, …
        assert_eq!(hessian[1][0], 24.0);
        assert_eq!(hessian[1][1], 16.0);
        assert_eq!(hessian[6][1], 12.0);
        assert_eq!(hessian[6][0], 9.0);
        let mixed = 2.0 * (cosine - angle * angle.sin());
        approx::assert_relative_eq!(hessian[5][4], mixed, max_relative = 1e-15);
    }

    #[test]
    fn a_missing_value_may_lie_where_the_operator_has_none() {
        struct Root;
        impl Observe for Root {
            fn len(&self, _k: usize) -> usize {
                2
            }
            fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
                out[0] = x[0].sqrt();
                out[1] = x[1].square();
            }
        }
        let at = Place {
            k: 0,
            time: 0.0,
            state: &[-1.0, 3.0],
            theta: &[],
        };
        let mut hessian = [[0.0; 2]; 2];
        let weights = [0.0, 5.0];
        Generic(Root).contract(at, &[], &weights, &mut |a, b, v| hessian[a][b] += v);
        assert_eq!(hessian, [[0.0, 0.0], [0.0, 10.0]]);
    }
}
