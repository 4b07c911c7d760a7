//! The discrete Lagrangian of one interval with its derivatives.

use ndarray::Array2;

use super::lagrangian::DiscreteLagrangian;
use super::potential::{Potential, Slopes};
use crate::discretization::Evaluator;
use crate::error::Result;
use crate::linalg::SingleFront;

/// Where the layers of an interval stand in a vector of their states.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// First component of each layer, and one behind the last.
    pub(super) offsets: Vec<usize>,
    /// Residuals.
    pub(super) residuals: usize,
}

impl Shape {
    pub(super) fn left(&self) -> usize {
        self.offsets[1]
    }

    /// Where the right layer begins.
    pub(super) fn right(&self) -> usize {
        self.offsets[self.offsets.len() - 2]
    }

    /// All states.
    pub(super) fn states(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }
}

/// Evaluates one interval. Its Lagrangian is seen in Hamilton's way, with the
/// multipliers v = (c/h) R_f g of the residuals beside the states: v is finite
/// and known to all digits also where R_f is so large that g is rounding.
pub(super) struct Interval {
    front: SingleFront,
    slopes: Slopes,
    pub(super) shape: Shape,
    /// g.
    pub(super) g: Vec<f64>,
    /// ∂g/∂x, rows by states in the order of the layers.
    pub(super) jacobian: Array2<f64>,
    /// Value and gradient of the integrated potential.
    pub(super) potential: f64,
    pub(super) force: Vec<f64>,
    /// Σ v ∇²g + ∇² of the integrated potential.
    pub(super) hessian: Array2<f64>,
}

impl Shape {
    pub(super) fn of<V>(lagrangian: &DiscreteLagrangian<V>, residuals: usize, k: usize) -> Self {
        let steps = lagrangian.dynamics.steps();
        let mut offsets = vec![0];
        for n in k * steps..=(k + 1) * steps {
            let width = lagrangian.dynamics.width(n);
            offsets.push(offsets[offsets.len() - 1] + width);
        }
        Self { offsets, residuals }
    }
}

impl Interval {
    pub(super) fn new<V: Potential>(
        lagrangian: &DiscreteLagrangian<V>,
        shape: Shape,
    ) -> Result<Self> {
        let (left, right, states) = (shape.left(), shape.right(), shape.states());
        Ok(Self {
            front: SingleFront::new(right - left, left, states - right)?,
            slopes: Slopes::new(&lagrangian.potential, left),
            g: vec![0.0; shape.residuals],
            jacobian: Array2::zeros((shape.residuals, states)),
            potential: 0.0,
            force: vec![0.0; states],
            hessian: Array2::zeros((states, states)),
            shape,
        })
    }

    /// Place in the order of the layers of each unknown in the order of
    /// elimination: interior layers, left, right.
    fn order(&self) -> Vec<usize> {
        let (left, right) = (self.shape.left(), self.shape.right());
        let interior_then_left = (left..right).chain(0..left);
        interior_then_left
            .chain(right..self.shape.states())
            .collect()
    }

    /// Linearizes interval `k` at its states `x` and multipliers `v`.
    pub(super) fn linearize<V: Potential>(
        &mut self,
        lagrangian: &DiscreteLagrangian<V>,
        evaluator: &mut dyn Evaluator,
        k: usize,
        (x, v): (&[f64], &[f64]),
    ) {
        let theta = &lagrangian.parameters[..];
        let (span, order) = (lagrangian.span(k), self.order());
        evaluator.linearize(span, x, theta, &mut self.g);
        let rows = evaluator.rows();
        self.jacobian.fill(0.0);
        for (i, mut row) in self.jacobian.rows_mut().into_iter().enumerate() {
            let (positions, values) = rows.row(i);
            for (&position, value) in positions.iter().zip(values) {
                row[order[position]] += value;
            }
        }
        let bend = self.front.collect(|front| {
            evaluator.add_curvature(span, (x, theta), v, &[], front);
        });
        for ((i, j), value) in bend.indexed_iter() {
            self.hessian[(order[i], order[j])] = *value;
        }
        self.add_potential(lagrangian, k, x);
    }

    fn add_potential<V: Potential>(
        &mut self,
        lagrangian: &DiscreteLagrangian<V>,
        k: usize,
        x: &[f64],
    ) {
        let (span, offsets) = (lagrangian.span(k), &self.shape.offsets);
        self.potential = 0.0;
        self.force.fill(0.0);
        for &(weight, layers) in lagrangian.dynamics.quadrature() {
            let weight = weight * span.length();
            let layers = layers.iter().enumerate().filter(|(_, c)| **c != 0.0);
            let mut state = vec![0.0; self.shape.left()];
            let mut time = 0.0;
            for (j, c) in layers.clone() {
                time += c * span.times[j];
                for (slot, x) in state.iter_mut().zip(&x[offsets[j]..]) {
                    *slot += c * x;
                }
            }
            let hessian = &mut self.hessian;
            let bend = |a: usize, b: usize, value: f64| {
                for (i, ci) in layers.clone() {
                    for (j, cj) in layers.clone() {
                        let value = weight * ci * cj * value;
                        hessian[(offsets[i] + a, offsets[j] + b)] += value;
                        if a != b {
                            hessian[(offsets[i] + b, offsets[j] + a)] += value;
                        }
                    }
                }
            };
            self.slopes
                .evaluate(&lagrangian.potential, (time, &state), bend);
            self.potential += weight * self.slopes.value;
            for (j, c) in layers {
                let force = &mut self.force[offsets[j]..];
                for (slot, slope) in force.iter_mut().zip(&self.slopes.gradient) {
                    *slot += weight * c * slope;
                }
            }
        }
    }

    /// The slope of the Lagrangian by its states, Gᵀv + ∂V.
    pub(super) fn slope(&self, v: &[f64]) -> Vec<f64> {
        let mut slope = self.force.clone();
        for (row, v) in self.jacobian.rows().into_iter().zip(v) {
            for (slot, entry) in slope.iter_mut().zip(row) {
                *slot += v * entry;
            }
        }
        slope
    }
}
