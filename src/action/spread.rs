//! What the curvature of the action says of each static parameter.

use ndarray::Array2;

use super::layout::Slot;
use super::{Action, Normalization};
use crate::action::Estimate;
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::minimize::Objective;
use crate::model::Model;
use crate::precision::cholesky;

/// How well an estimated static parameter is determined at a minimum.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParameterSpread {
    /// Its name.
    pub name: String,
    /// The window whose value it is, where every window has its own.
    pub window: Option<usize>,
    /// Its value at the estimate.
    pub value: f64,
    /// Its standard deviation when all states and all other parameters that
    /// stand at no bound may change with it, in units of the parameter; `None`
    /// at a bound, where the action still slopes.
    pub deviation: Option<f64>,
    /// The bound where it stands, if it does.
    pub at_bound: Option<f64>,
    /// Whether the data and the model tell more of it than its bounds and its
    /// prior do.
    pub identifiable: bool,
}

/// Relative to a diagonal entry, what is left of it after elimination is
/// rounding below this.
const ROUNDING: f64 = 1e-12;

impl<M: Model, R: Rule<M>> Action<M, R> {
    /// Standard deviations of all estimated static parameters at an estimate
    /// that minimizes the action at `rf`, in the order of
    /// [`pack`](Action::pack).
    ///
    /// They come from the Gauss-Newton Hessian of the action in the *sum*
    /// normalization, to which every other is converted: its Schur complement S
    /// by the parameters, once all states are eliminated, is the information
    /// that data, model and priors hold, and S⁻¹ the covariance (the Laplace
    /// approximation; exact for linear models). A uniform density between two
    /// bounds has the variance width²/12. A parameter is *identifiable* where
    /// its information without prior is above that of bounds and prior
    /// together; one with neither, where any is left above rounding.
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`];
    /// [`Error::NotPositiveDefinite`] where the states themselves are not
    /// determined.
    pub fn parameter_spreads(&self, rf: f64, estimate: &Estimate) -> Result<Vec<ParameterSpread>> {
        let x = self.pack(estimate)?;
        let mut objective = self.at(rf)?;
        let mut information = objective.border_information(&x)?;
        information *= self.to_sum();
        let slots = &self.layout.slots;
        let first = self.layout.border();
        let bound_of = |k: usize| {
            let range = self.parameters[slots[k].parameter].range();
            range.end_at(x[first + k])
        };
        let inside: Vec<usize> = (0..slots.len())
            .filter(|&k| bound_of(k).is_none())
            .collect();
        let variances = variances(&information, &inside)?;
        let spread = |(k, slot): (usize, &Slot)| {
            let value = x[first + k];
            let variance = inside.iter().position(|i| *i == k).map(|i| variances[i]);
            ParameterSpread {
                name: self.names[slot.parameter].clone(),
                window: slot.window,
                value,
                deviation: variance.map(f64::sqrt),
                at_bound: bound_of(k),
                identifiable: variance.is_some_and(|variance| {
                    self.tells_more(slot, value, variance, information[(k, k)])
                }),
            }
        };
        Ok(slots.iter().enumerate().map(spread).collect())
    }

    /// What this action is multiplied by in the *sum* normalization.
    fn to_sum(&self) -> f64 {
        match self.normalization {
            Normalization::Sum => 1.0,
            Normalization::Mean => 0.5 * self.counts.measured as f64,
            Normalization::Minaone => 0.5 * self.counts.measured_layers as f64,
        }
    }

    fn tells_more(&self, slot: &Slot, value: f64, variance: f64, alone: f64) -> bool {
        let parameter = &self.parameters[slot.parameter];
        let prior = parameter.prior.map_or(0.0, |prior| prior.at(value)[2]);
        let bounds = parameter.range().width().map_or(0.0, |w| 12.0 / (w * w));
        let told = variance.recip() - prior;
        told > (prior + bounds).max(1e3 * ROUNDING * alone)
    }
}

impl<M: Model, R: Rule<M>> super::ActionAt<'_, M, R> {
    /// The Schur complement of the border in the Gauss-Newton Hessian at `x`.
    fn border_information(&mut self, x: &[f64]) -> Result<Array2<f64>> {
        let mut gradient = vec![0.0; self.dimension()];
        self.value_and_gradient(x, &mut gradient);
        let matrix = self.border_matrix(x, &gradient);
        matrix.map_err(|bad| Error::NotPositiveDefinite {
            what: "Hessian by the states",
            place: "spreads of parameters".into(),
            pivot: 0,
            found: bad.pivot,
        })
    }
}

/// Diagonal of the inverse of the part `inside` of a positive semidefinite
/// matrix; directions without information get a variance of rounding's size.
fn variances(information: &Array2<f64>, inside: &[usize]) -> Result<Vec<f64>> {
    let n = inside.len();
    // With a unit diagonal one threshold serves all parameters.
    let size = |k: usize| {
        information[(inside[k], inside[k])]
            .sqrt()
            .max(f64::MIN_POSITIVE)
    };
    let scaled = Array2::from_shape_fn((n, n), |(i, j)| {
        let jitter = if i == j { ROUNDING } else { 0.0 };
        information[(inside[i], inside[j])] / (size(i) * size(j)) + jitter
    });
    let factor = cholesky(&scaled).map_err(|(k, found)| Error::NotPositiveDefinite {
        what: "information by the parameters",
        place: "spreads of parameters".into(),
        pivot: inside[k],
        found,
    })?;
    // (L Lᵀ)⁻¹ has the squared columns of L⁻¹ on its diagonal.
    let variance = |k: usize| {
        let mut column = vec![0.0; n];
        for i in k..n {
            let known: f64 = (k..i).map(|j| factor[(i, j)] * column[j]).sum();
            let unit = if i == k { 1.0 } else { 0.0 };
            column[i] = (unit - known) / factor[(i, i)];
        }
        column.iter().map(|v| v * v).sum::<f64>() / (size(k) * size(k))
    };
    Ok((0..n).map(variance).collect())
}
