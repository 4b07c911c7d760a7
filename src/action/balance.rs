//! How large model residuals are along a path, component by component: what
//! precisions of the model are measured by.

use super::Action;
use super::weigh::{ModelShape, own_rows};
use crate::discretization::Rule;
use crate::error::Result;
use crate::model::Model;
use crate::precision::Precision;

/// Mean squares of residuals, one for each component of the model; one for all
/// where the widths of layers differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResidualSizes {
    /// In the square of the state's unit.
    pub(crate) squares: Vec<f64>,
    /// In the unit of one over the model precision: per step or per time.
    pub(crate) weighted: Vec<f64>,
}

impl<M: Model, R: Rule<M>> Action<M, R> {
    /// Sizes of the residuals at a vector of unknowns. A component without any
    /// takes the mean of the others, one where there are none at all.
    ///
    /// # Errors
    /// [`ModelNotFinite`](crate::Error::ModelNotFinite).
    pub(crate) fn residual_sizes(&self, x: &[f64]) -> Result<ResidualSizes> {
        let per_time = self.rule.per_time();
        let drifting = self.layout.scope.drifting.len();
        let layers = self.layout.windows.iter();
        let mut widths = layers.flat_map(|w| (1..w.layers()).map(|n| w.state(n).len()));
        let width = widths.next().unwrap_or(1);
        let components = if widths.all(|other| other == width) {
            width
        } else {
            1
        };
        let mut sums = vec![[0.0; 3]; components];
        let mut at = self.at(1.0)?;
        for worker in &mut at.workers {
            worker.linearize_each(self, x, |_, g, interval| {
                let width = g.len() / per_time.len();
                for (r, c) in per_time.iter().enumerate() {
                    let weight = self.residual_weight(interval, *c);
                    for (i, g) in g[own_rows(r, width, drifting)].iter().enumerate() {
                        let [count, square, weighted] = &mut sums[i % components];
                        *count += 1.0;
                        *square += g * g;
                        *weighted += weight * g * g;
                    }
                }
            });
        }
        if sums.iter().flatten().any(|sum| !sum.is_finite()) {
            return Err(at.locate_non_finite(x));
        }
        let mean = |k: usize| {
            let means = sums.iter().map(|sums| sums[k] / sums[0]).collect();
            filled(means)
        };
        Ok(ResidualSizes {
            squares: mean(1),
            weighted: mean(2),
        })
    }

    /// The diagonal of the model precision's shape for so many components.
    pub(crate) fn shape_diagonal(&self, components: usize) -> Vec<f64> {
        match &self.model_shape {
            ModelShape::Scalar(r) => vec![*r; components],
            ModelShape::Diagonal(r) => r.clone(),
            ModelShape::Full { matrix, .. } => matrix.diag().to_vec(),
        }
    }

    /// The same action with another shape of the model precision.
    pub(crate) fn with_model_precision(mut self, precision: Precision) -> Self {
        self.model_shape = ModelShape::new(&precision);
        self.model_precision = precision;
        self
    }

    /// The factor of ½ R_m Σ(…)².
    pub(crate) fn measurement_scale(&self) -> f64 {
        self.measurement_weight
    }

    /// R_f in *sum* that one unit of R_f in the action's normalization is.
    pub(crate) fn sum_per_rf(&self) -> f64 {
        self.model_weight / self.measurement_weight
    }
}

/// Zeros take the mean of the other values.
fn filled(mut values: Vec<f64>) -> Vec<f64> {
    let positive = values.iter().filter(|v| **v > 0.0);
    let count = positive.clone().count();
    let mean = if count > 0 {
        positive.sum::<f64>() / count as f64
    } else {
        1.0
    };
    for value in values.iter_mut().filter(|v| **v == 0.0) {
        *value = mean;
    }
    values
}
