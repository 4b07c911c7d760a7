//! What the curvature of the action says of each static parameter.

use ndarray::Array2;

use super::Action;
use super::layout::Slot;
use crate::action::Estimate;
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::minimize::Objective;
use crate::model::Model;
use crate::precision::cholesky;

/// How well an estimated static parameter is determined at a minimum.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

/// The information of the border, and what elimination began with.
struct Information {
    /// The Schur complement of the Hessian by the border.
    left: Array2<f64>,
    /// The diagonal of the Hessian itself. Elimination of the states subtracts
    /// nearly all of it where they follow a parameter, and leaves rounding.
    whole: Vec<f64>,
}

/// Of the whole diagonal, what rounding leaves at least.
const ROUNDING: f64 = 1e-15;
/// Powers of ten by which rounding may grow in the elimination of the states.
const MOST_ROUNDING: usize = 10;
/// How many times what rounding shows of itself is information.
const ABOVE_ROUNDING: f64 = 1e3;

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
    /// together; one with neither, where any is left above rounding. Where only
    /// rounding is left its deviation says no more than that.
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`];
    /// [`Error::NotPositiveDefinite`] where the states themselves are not
    /// determined.
    pub fn parameter_spreads(&self, rf: f64, estimate: &Estimate) -> Result<Vec<ParameterSpread>> {
        if let Some(shaped) = self.reshaped(estimate)? {
            return shaped.parameter_spreads(rf, estimate);
        }
        let x = self.pack(estimate)?;
        let mut objective = self.at(rf)?;
        let information = objective.border_information(&x)?;
        let slots = &self.layout.slots;
        let first = self.layout.border();
        let bound_of = |k: usize| {
            let range = self.parameters[slots[k].parameter].range();
            range.end_at(x[first + k])
        };
        let inside: Vec<usize> = (0..slots.len())
            .filter(|&k| bound_of(k).is_none())
            .collect();
        let (variances, rounding) = information.variances(&inside)?;
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
                    let floor = ABOVE_ROUNDING * rounding * information.whole[k];
                    self.tells_more(slot, value, variance, floor)
                }),
            }
        };
        Ok(slots.iter().enumerate().map(spread).collect())
    }

    fn tells_more(&self, slot: &Slot, value: f64, variance: f64, floor: f64) -> bool {
        let parameter = &self.parameters[slot.parameter];
        let prior = parameter.prior.map_or(0.0, |prior| prior.at(value)[2]);
        let bounds = parameter.range().width().map_or(0.0, |w| 12.0 / (w * w));
        let told = variance.recip() - prior;
        told > (prior + bounds).max(floor)
    }
}

impl<M: Model, R: Rule<M>> super::ActionAt<'_, M, R> {
    /// The information in the Gauss-Newton Hessian at `x`, in the *sum*
    /// normalization.
    fn border_information(&mut self, x: &[f64]) -> Result<Information> {
        let mut gradient = vec![0.0; self.dimension()];
        self.value_and_gradient(x, &mut gradient);
        let left = self.left_by_states(x, &gradient)?;
        let first = x.len() - left.nrows();
        let weight = self.action.measurement_weight;
        let mut product = gradient;
        let mut whole_of = |k: usize| {
            let mut unit = vec![0.0; x.len()];
            unit[first + k] = 1.0;
            self.product(x, &unit, &mut product);
            product[first + k] / weight
        };
        Ok(Information {
            whole: (0..left.nrows()).map(&mut whole_of).collect(),
            left: left / weight,
        })
    }

    /// The diagonal of the Gauss-Newton Hessian by the parameters that all windows
    /// share once the states are eliminated, without their priors.
    ///
    /// # Errors
    /// [`Error::NotPositiveDefinite`] where the states are not determined.
    pub(crate) fn information_diagonal(&mut self, x: &[f64]) -> Result<Vec<f64>> {
        if self.action.condenses(self)
            && let Ok(diagonal) = self.condensed_diagonal(x)
        {
            return Ok(diagonal);
        }
        let mut gradient = vec![0.0; self.dimension()];
        self.value_and_gradient(x, &mut gradient);
        let left = self.left_by_states(x, &gradient)?;
        let action = self.action;
        let slots = action.layout.slots.iter().zip(&x[action.layout.border()..]);
        let priors = slots.map(|(slot, value)| {
            let prior = action.parameters[slot.parameter].prior;
            prior.map_or(0.0, |prior| action.measurement_weight * prior.at(*value)[2])
        });
        let diagonal = left.diag();
        let shared = action.layout.slots.iter().map(|slot| slot.window.is_none());
        let pairs = diagonal.iter().zip(priors).zip(shared);
        let pairs = pairs.filter(|(_, shared)| *shared);
        Ok(pairs.map(|((all, prior), _)| all - prior).collect())
    }

    /// The Schur complement by the states; where rounding makes their Hessian
    /// indefinite, with as little damping as mends that.
    fn left_by_states(&mut self, x: &[f64], gradient: &[f64]) -> Result<Array2<f64>> {
        let mut bad = match self.border_matrix(x, 0.0, gradient) {
            Ok(left) => return Ok(left),
            Err(bad) => bad,
        };
        self.scale_from(x);
        // The mean curvature by scaled unknowns.
        let ones = self.scales().to_vec();
        let mut product = vec![0.0; x.len()];
        self.product(x, &ones, &mut product);
        let curvature = ones.iter().zip(&product).map(|(s, p)| s * p).sum::<f64>();
        let mut damping = ROUNDING * curvature.abs();
        for _ in 0..MOST_ROUNDING {
            match self.border_matrix(x, damping, gradient) {
                Ok(left) => return Ok(left),
                Err(still) => bad = still,
            }
            damping *= 10.0;
        }
        Err(Error::NotPositiveDefinite {
            what: "Hessian by the states",
            place: "spreads of parameters".into(),
            pivot: 0,
            found: bad.pivot,
        })
    }
}

impl Information {
    /// Diagonal of the inverse of the part `inside`, and how much of the whole
    /// is rounding: as little as makes the matrix positive definite.
    fn variances(&self, inside: &[usize]) -> Result<(Vec<f64>, f64)> {
        let n = inside.len();
        // With a unit diagonal one threshold serves all parameters.
        let size = |k: usize| self.whole[inside[k]].sqrt().max(f64::MIN_POSITIVE);
        let scaled = Array2::from_shape_fn((n, n), |(i, j)| {
            self.left[(inside[i], inside[j])] / (size(i) * size(j))
        });
        let (factor, rounding) =
            positive_factor(scaled).map_err(|(k, found)| Error::NotPositiveDefinite {
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
        Ok(((0..n).map(variance).collect(), rounding))
    }
}

/// Cholesky factor of a matrix whose rounding is that of ones on its diagonal,
/// with as little added there as makes it positive definite; and how much.
fn positive_factor(
    mut matrix: Array2<f64>,
) -> std::result::Result<(Array2<f64>, f64), (usize, f64)> {
    let (mut rounding, mut more) = (ROUNDING, ROUNDING);
    loop {
        matrix.diag_mut().mapv_inplace(|v| v + more);
        match cholesky(&matrix) {
            Ok(factor) => return Ok((factor, rounding)),
            Err(bad) if rounding >= 1.0 => return Err(bad),
            Err(_) => {
                more = 9.0 * rounding;
                rounding *= 10.0;
            }
        }
    }
}
