//! Measurements by any operator, with errors that may be correlated.

use std::sync::Arc;

use ndarray::Array2;

use crate::problem::losses::Loss;
use crate::problem::operators::{Operator, Place};
use crate::problem::precision::{Precision, Shape};

/// A loss times the normalization's factor, which does not change what the
/// loss takes for large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normalized {
    pub(super) loss: Loss,
    pub(super) factor: f64,
}

impl Normalized {
    #[inline]
    pub(super) fn at(self, s: f64, count: usize) -> [f64; 3] {
        self.loss.at(s, count).map(|v| self.factor * v)
    }
}

/// Which term of the action a quadratic term belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Measurement,
    Prior,
}

/// Where a layer's terms are evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    /// The layer, parameters that change in time included.
    pub(crate) layer: &'a [f64],
    /// The model's own part of it.
    pub(crate) width: usize,
    /// All P parameters as of this layer.
    pub(crate) theta: &'a [f64],
    /// The parameters behind the state's columns: those that change in time,
    /// then the free ones.
    pub(crate) wanted: &'a [usize],
}

/// Memory of general terms.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(super) values: Vec<f64>,
    pub(super) jacobian: Vec<f64>,
    pub(super) force: Vec<f64>,
    /// ρ′ for each value, and ρ″ of a joint error.
    pub(super) slopes: Vec<f64>,
    pub(super) bend: f64,
}

/// Errors of an operator's values.
#[derive(Debug, Clone)]
pub(super) struct General {
    pub(super) operator: Arc<dyn Operator>,
    pub(super) k: usize,
    pub(super) time: f64,
    /// Which of the operator's values are there.
    pub(super) kept: Vec<usize>,
    pub(super) values: Vec<f64>,
    pub(super) weight: Weight,
    pub(super) loss: Normalized,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Weight {
    Independent(Vec<f64>),
    Joint(Array2<f64>),
}

impl Weight {
    pub(super) fn new(precision: &Precision, kept: &[usize]) -> Self {
        match precision.shape() {
            Shape::Scalar(value) => Self::Independent(vec![*value; kept.len()]),
            Shape::Diagonal(values) => Self::Independent(kept.iter().map(|&l| values[l]).collect()),
            Shape::Full(_) => Self::Joint(precision.marginal(kept)),
        }
    }
}

impl General {
    /// The value ½ρ; errors' forces, slopes and the Jacobian in `scratch`.
    pub(super) fn linearize(&self, at: At<'_>, scratch: &mut Scratch) -> f64 {
        let count = self.operator.len(self.k);
        let columns = at.width + at.wanted.len();
        scratch.values.resize(count, 0.0);
        scratch.jacobian.resize(count * columns, 0.0);
        let place = Place {
            k: self.k,
            time: self.time,
            state: &at.layer[..at.width],
            theta: at.theta,
        };
        let jacobian = &mut scratch.jacobian[..count * columns];
        self.operator
            .jacobian(place, at.wanted, &mut scratch.values, jacobian);
        let error = |m: usize| scratch.values[self.kept[m]] - self.values[m];
        scratch.force.clear();
        scratch.slopes.clear();
        scratch.bend = 0.0;
        match &self.weight {
            Weight::Independent(weights) => {
                let mut sum = 0.0;
                for (m, weight) in weights.iter().enumerate() {
                    let force = weight * error(m);
                    let [rho, slope, _] = self.loss.at(force * error(m), 1);
                    sum += rho;
                    scratch.force.push(force);
                    scratch.slopes.push(slope);
                }
                0.5 * sum
            }
            Weight::Joint(weight) => {
                let mut s = 0.0;
                for (m, row) in weight.rows().into_iter().enumerate() {
                    let force: f64 = row.iter().enumerate().map(|(l, w)| w * error(l)).sum();
                    s += force * error(m);
                    scratch.force.push(force);
                }
                let [rho, slope, bend] = self.loss.at(s, self.values.len());
                scratch.slopes.resize(self.values.len(), slope);
                scratch.bend = bend;
                0.5 * rho
            }
        }
    }

    /// To be called after [`linearize`](Self::linearize).
    pub(super) fn hessian(
        &self,
        at: At<'_>,
        exact: bool,
        scratch: &Scratch,
        add: &mut impl FnMut(usize, usize, f64),
    ) {
        let columns = at.width + at.wanted.len();
        let row = |m: usize| &scratch.jacobian[self.kept[m] * columns..][..columns];
        let mut add_product = |left: &[f64], right: &[f64], weight: f64| {
            for (a, &l) in left.iter().enumerate() {
                if l != 0.0 {
                    for (b, &r) in right[..=a].iter().enumerate() {
                        add(a, b, weight * l * r);
                    }
                }
            }
        };
        match &self.weight {
            Weight::Independent(weights) => {
                for (m, weight) in weights.iter().enumerate() {
                    let mut value = weight * scratch.slopes[m];
                    if exact {
                        let force = scratch.force[m];
                        let s = force * force / weight;
                        value += 2.0 * self.loss.at(s, 1)[2] * force * force;
                    }
                    add_product(row(m), row(m), value);
                }
            }
            Weight::Joint(weight) => {
                for ((m, l), w) in weight.indexed_iter() {
                    add_product(row(m), row(l), w * scratch.slopes[m]);
                }
                if exact && scratch.bend != 0.0 {
                    let mut pull = vec![0.0; columns];
                    for (m, force) in scratch.force.iter().enumerate() {
                        for (slot, h) in pull.iter_mut().zip(row(m)) {
                            *slot += force * h;
                        }
                    }
                    add_product(&pull, &pull, 2.0 * scratch.bend);
                }
            }
        }
        if exact {
            let mut weights = vec![0.0; self.operator.len(self.k)];
            for (m, &l) in self.kept.iter().enumerate() {
                weights[l] = scratch.slopes[m] * scratch.force[m];
            }
            let place = Place {
                k: self.k,
                time: self.time,
                state: &at.layer[..at.width],
                theta: at.theta,
            };
            self.operator
                .contract(place, at.wanted, &weights, &mut |a, b, v| add(a, b, v));
        }
    }
}
