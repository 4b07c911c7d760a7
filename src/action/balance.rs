//! How large model residuals are along a path, component by component: what
//! precisions of the model are measured by.

use super::Action;
use super::ShapeBy;
use super::model_shape::ModelShape;
use crate::problem::precision::Precision;

/// Mean squares of residuals, one for each component of the model; one for all
/// where the widths of layers differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResidualSizes {
    /// In the square of the state's unit.
    pub(crate) squares: Vec<f64>,
    /// In the unit of one over the model precision: per step or per time.
    pub(crate) weighted: Vec<f64>,
}

impl ResidualSizes {
    /// None below these squares, in the square of the state's unit.
    pub(crate) fn at_least(mut self, squares: &[f64], weights: &ResidualWeights) -> Self {
        for (i, least) in squares.iter().enumerate() {
            self.squares[i] = self.squares[i].max(*least);
            self.weighted[i] = self.weighted[i].max(least * weights.means[i]);
        }
        self
    }
}

/// What residuals of each component weigh before R_f and its shape; of all
/// together where the widths of layers differ.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResidualWeights {
    /// The mean, per step or per time.
    pub(crate) means: Vec<f64>,
    /// How many there are.
    counts: Vec<f64>,
}

impl Action {
    /// Of how many components sizes of residuals are told: one where the widths of
    /// layers differ.
    pub(crate) fn components_told(&self) -> usize {
        let layers = self.layout.windows.iter();
        let mut widths = layers.flat_map(|w| (1..w.layers()).map(|n| w.state(n).len()));
        let width = widths.next().unwrap_or(1);
        if widths.all(|other| other == width) {
            width
        } else {
            1
        }
    }

    /// What residuals of each component weigh.
    pub(crate) fn residual_weights(&self) -> ResidualWeights {
        let components = self.components_told();
        let (mut means, mut counts) = (vec![0.0; components], vec![0.0; components]);
        for (w, window) in self.layout.windows.iter().enumerate() {
            for k in 0..window.intervals() {
                let width = window.state(window.first(k) + self.dynamics.steps()).len();
                for c in self.dynamics.per_time() {
                    let weight = self.residual_weight((w, k), *c);
                    for i in 0..width {
                        means[i % components] += weight;
                        counts[i % components] += 1.0;
                    }
                }
            }
        }
        for (mean, count) in means.iter_mut().zip(&counts) {
            *mean /= count;
        }
        ResidualWeights { means, counts }
    }

    /// The model error at R_f = 1 if all residuals had these squares, in the square
    /// of the state's unit; of a full shape by its diagonal.
    pub(crate) fn model_error_of(&self, squares: &[f64], weights: &ResidualWeights) -> f64 {
        let shape = self.shape_diagonal(squares.len());
        let weights = weights.means.iter().zip(&weights.counts);
        let terms = squares.iter().zip(shape).zip(weights);
        let terms = terms.map(|((square, s), (mean, count))| s * mean * count * square);
        0.5 * self.model_weight * terms.sum::<f64>()
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
        self.shape = ShapeBy::User;
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
