//! The discrete Lagrangian of a model by a rule, with a potential or without.

use super::potential::{NoPotential, Potential};
use crate::discretization::{Dynamics, Rule, Span};
use crate::error::Result;
use crate::model::Model;
use crate::problem::grid::Grid;
use crate::problem::inputs::Inputs;
use crate::problem::precision::Precision;

/// The discrete Lagrangian of a model: what one interval of a discretization
/// adds to the action.
///
/// The continuous Lagrangian is L = ½ (ẋ − F)ᵀ R_f (ẋ − F) + V(t, x), with R_f
/// per time (unit: time · state⁻²). The discrete one is
/// L_d = Σ_r ½ (c_r/h) g_rᵀ R_f g_r + h Σ_s w_s V(t_s, x_s) over an interval of
/// length h, with the residuals g and the factors c of the rule
/// ([`PrecisionUnit::PerTime`](crate::PrecisionUnit)). V is integrated with the
/// rule's own points: at both layers for the trapezoid, at the state half-way
/// between them for the midpoint rule, by Simpson's rule for Simpson-Hermite, at
/// the left layer for Euler, Runge-Kutta and layer maps.
///
/// Without an action and its data, it is open to other Lagrangians: with F = 0
/// and V = −U it is that of a particle of mass R_f in a potential U, and its
/// [`flow`](Self::flow) a variational integrator.
///
/// For layer maps take a grid of unit steps; then R_f is per step.
#[derive(Debug)]
#[must_use = "a discrete Lagrangian is used through `flow()`"]
pub struct DiscreteLagrangian<V = NoPotential> {
    pub(super) dynamics: Dynamics,
    pub(super) grid: Grid,
    pub(super) covariance: Precision,
    pub(super) potential: V,
    pub(super) parameters: Vec<f64>,
    pub(super) inputs: Option<Inputs>,
}

impl DiscreteLagrangian {
    /// The Lagrangian of a model, with R_f = `precision`, no potential and no
    /// parameters, along the intervals of a grid.
    ///
    /// # Errors
    /// [`Error::IncompleteInterval`] and [`Error::UnequalSteps`] for grids that
    /// the rule cannot take; [`Error::Length`] for a precision that does not fit
    /// a layer; [`Error::NotPositiveDefinite`] for one that is singular to
    /// rounding: without an inverse of R_f there is no Hamiltonian.
    ///
    /// [`Error::IncompleteInterval`]: crate::Error::IncompleteInterval
    /// [`Error::UnequalSteps`]: crate::Error::UnequalSteps
    /// [`Error::Length`]: crate::Error::Length
    /// [`Error::NotPositiveDefinite`]: crate::Error::NotPositiveDefinite
    pub fn new<M: Model, R: Rule<M>>(
        model: M,
        rule: R,
        grid: Grid,
        precision: Precision,
    ) -> Result<Self> {
        let dynamics = rule.dynamics(model);
        let place = || String::from("discrete Lagrangian");
        grid.check_intervals(dynamics.rule_name(), dynamics.steps(), place)?;
        for n in 1..grid.layers() {
            let place = || format!("of the discrete Lagrangian, layer {n}");
            precision.check_size(dynamics.width(n), place)?;
        }
        let covariance = precision.inverse(place)?;
        Ok(Self {
            dynamics,
            grid,
            covariance,
            potential: NoPotential,
            parameters: Vec::new(),
            inputs: None,
        })
    }
}

impl<V: Potential> DiscreteLagrangian<V> {
    /// The model's P parameters.
    pub fn parameters(mut self, parameters: impl Into<Vec<f64>>) -> Self {
        self.parameters = parameters.into();
        self
    }

    /// The known inputs of the model.
    pub fn inputs(mut self, inputs: Inputs) -> Self {
        self.inputs = Some(inputs.aligned(&self.grid));
        self
    }

    /// The potential V.
    pub fn potential<W: Potential>(self, potential: W) -> DiscreteLagrangian<W> {
        DiscreteLagrangian {
            dynamics: self.dynamics,
            grid: self.grid,
            covariance: self.covariance,
            potential,
            parameters: self.parameters,
            inputs: self.inputs,
        }
    }

    /// The grid.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Number K of intervals.
    pub fn intervals(&self) -> usize {
        (self.grid.layers() - 1) / self.dynamics.steps()
    }

    /// Interval `k`.
    pub(super) fn span(&self, k: usize) -> Span<'_> {
        let steps = self.dynamics.steps();
        Span {
            index: k,
            times: &self.grid.times()[k * steps..=(k + 1) * steps],
            follows: false,
            followed: false,
            inputs: self.inputs.as_ref(),
        }
    }
}
