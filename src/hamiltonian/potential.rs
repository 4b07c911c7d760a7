//! Potentials in the place of data: what a user writes, and their derivatives.

use std::sync::Arc;

use crate::derivative::{Differentiator, Generic, Plan};
use crate::model::Sparsity;
use crate::scalar::Scalar;

/// The potential V(t, x) of a Lagrangian ½ (ẋ − F)ᵀ R_f (ẋ − F) + V.
///
/// Of a mechanical system V = −U, with U its potential energy; of data that are
/// measured continuously V = ½ (h(x) − y(t))ᵀ R_m (h(x) − y(t)). Written over a
/// generic [`Scalar`], so that its derivatives are exact.
///
/// ```
/// use deepest::prelude::*;
/// use deepest::hamiltonian::Potential;
///
/// /// A particle of unit frequency, U = ½ x².
/// struct Harmonic;
///
/// impl Potential for Harmonic {
///     fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
///         -x[0].square() * 0.5
///     }
/// }
/// ```
pub trait Potential: Send + Sync {
    /// V at time `t` and state `x`. Units: one over time, as the action is
    /// dimensionless.
    fn potential<S: Scalar>(&self, t: f64, x: &[S]) -> S;
}

/// V = 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPotential;

impl Potential for NoPotential {
    fn potential<S: Scalar>(&self, _t: f64, _x: &[S]) -> S {
        S::zero()
    }
}

/// A potential at one time.
struct At<'a, V> {
    potential: &'a V,
    time: f64,
    width: usize,
}

impl<V: Potential> Generic for At<'_, V> {
    fn inputs(&self) -> usize {
        self.width
    }
    fn outputs(&self) -> usize {
        1
    }
    fn call<S: Scalar + From<f64>>(
        &self,
        x: &[S],
        _theta: &[S],
        _scratch: &mut Vec<S>,
        out: &mut [S],
    ) {
        out[0] = self.potential.potential(self.time, x);
    }
}

/// Value and derivatives of a potential.
#[derive(Debug, Clone)]
pub(super) struct Slopes {
    width: usize,
    differentiator: Differentiator,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

impl Slopes {
    pub(super) fn new<V: Potential>(potential: &V, width: usize) -> Self {
        let at = At {
            potential,
            time: 0.25,
            width,
        };
        Self {
            width,
            differentiator: Differentiator::new(Arc::new(Plan::new(&at, 0, &[], &Sparsity::Dense))),
            value: 0.0,
            gradient: vec![0.0; width],
        }
    }

    /// Value and gradient at a point; `bend(a, b, ∂²V/∂a∂b)` is called for pairs
    /// a ≥ b.
    pub(super) fn evaluate<V: Potential>(
        &mut self,
        potential: &V,
        (time, x): (f64, &[f64]),
        bend: impl FnMut(usize, usize, f64),
    ) {
        let width = self.width;
        let at = At {
            potential,
            time,
            width,
        };
        let mut out = [0.0];
        self.differentiator
            .jacobian(&at, x, &[], &mut out, &mut self.gradient);
        self.value = out[0];
        self.differentiator.contract(&at, x, &[], &[1.0], bend);
    }
}
