//! Observations, priors and precisions, compiled for fast evaluation.
//!
//! Every term has the form ½ (x − y)ᵀ W (x − y) on some components of one
//! layer; normalizations are part of W.

use ndarray::Array2;

use crate::precision::{Precision, Shape, cholesky};
use crate::windows::Window;

/// The quadratic terms of one window, layer by layer.
#[derive(Debug, Clone)]
pub(super) struct WindowTerms {
    layers: Vec<LayerTerms>,
}

/// The terms on one layer's state.
#[derive(Debug, Clone, Default)]
struct LayerTerms {
    /// Independent errors.
    single: Vec<Single>,
    /// Correlated errors.
    joint: Vec<Joint>,
}

#[derive(Debug, Clone, Copy)]
struct Single {
    component: usize,
    value: f64,
    weight: f64,
    kind: Kind,
}

#[derive(Debug, Clone)]
struct Joint {
    components: Vec<usize>,
    values: Vec<f64>,
    weight: Array2<f64>,
    kind: Kind,
}

/// Which term of the action a quadratic term belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Measurement,
    Prior,
}

impl WindowTerms {
    /// `weight` multiplies the measurement precision.
    pub(super) fn new(window: &Window, weight: f64) -> Self {
        let mut terms = Self {
            layers: vec![LayerTerms::default(); window.grid().layers()],
        };
        for (set, layers) in window.sets() {
            for (&layer, values) in layers.iter().zip(set.values().rows()) {
                let kept: Vec<usize> = (0..values.len()).filter(|&l| !values[l].is_nan()).collect();
                let components: Vec<usize> = kept.iter().map(|&l| set.components()[l]).collect();
                let values: Vec<f64> = kept.iter().map(|&l| values[l]).collect();
                let precision = set.precision();
                terms.add(
                    layer,
                    &components,
                    &values,
                    (precision, &kept, weight),
                    Kind::Measurement,
                );
            }
        }
        if let Some(prior) = window.state_prior() {
            let all: Vec<usize> = (0..prior.mean.len()).collect();
            let precision = (&prior.precision, &all[..], 1.0);
            terms.add(0, &all, &prior.mean, precision, Kind::Prior);
        }
        terms
    }

    fn add(
        &mut self,
        layer: usize,
        components: &[usize],
        values: &[f64],
        (precision, kept, weight): (&Precision, &[usize], f64),
        kind: Kind,
    ) {
        if components.is_empty() {
            return;
        }
        let terms = &mut self.layers[layer];
        let matrix = precision.marginal(kept) * weight;
        if precision.to_diagonal(0).is_some() {
            let pairs = components.iter().zip(values).enumerate();
            terms
                .single
                .extend(pairs.map(|(k, (&component, &value))| Single {
                    component,
                    value,
                    weight: matrix[(k, k)],
                    kind,
                }));
        } else {
            terms.joint.push(Joint {
                components: components.to_vec(),
                values: values.to_vec(),
                weight: matrix,
                kind,
            });
        }
    }

    /// Adds the terms on layer `n` in state `x` to (measurement, prior) and,
    /// where there is one, to the layer's part of the gradient.
    #[inline]
    pub(super) fn evaluate(
        &self,
        n: usize,
        x: &[f64],
        sums: &mut (f64, f64),
        mut gradient: Option<&mut [f64]>,
    ) {
        let mut book = |kind: Kind, value: f64| match kind {
            Kind::Measurement => sums.0 += value,
            Kind::Prior => sums.1 += value,
        };
        for single in &self.layers[n].single {
            let error = x[single.component] - single.value;
            let force = single.weight * error;
            book(single.kind, 0.5 * force * error);
            if let Some(gradient) = &mut gradient {
                gradient[single.component] += force;
            }
        }
        for joint in &self.layers[n].joint {
            let error = |k: usize| x[joint.components[k]] - joint.values[k];
            for (k, &component) in joint.components.iter().enumerate() {
                let row = joint.weight.row(k);
                let force: f64 = row.iter().enumerate().map(|(l, w)| w * error(l)).sum();
                book(joint.kind, 0.5 * force * error(k));
                if let Some(gradient) = &mut gradient {
                    gradient[component] += force;
                }
            }
        }
    }

    /// Calls `add(row, column, value)` for the Hessian of layer `n`, row ≥
    /// column, in components of the layer.
    #[inline]
    pub(super) fn hessian(&self, n: usize, mut add: impl FnMut(usize, usize, f64)) {
        for single in &self.layers[n].single {
            add(single.component, single.component, single.weight);
        }
        for joint in &self.layers[n].joint {
            for (k, &a) in joint.components.iter().enumerate() {
                for (l, &b) in joint.components.iter().enumerate() {
                    if a >= b {
                        add(a, b, joint.weight[(k, l)]);
                    }
                }
            }
        }
    }

    /// How many layers have a measured value, and how many values there are.
    pub(super) fn count_measured(&self) -> (usize, usize) {
        let counts = self.layers.iter().map(|layer| {
            let single = layer.single.iter().filter(|s| s.kind == Kind::Measurement);
            let joint = layer.joint.iter().filter(|j| j.kind == Kind::Measurement);
            single.count() + joint.map(|j| j.values.len()).sum::<usize>()
        });
        counts.fold((0, 0), |(layers, values), count| {
            (layers + usize::from(count > 0), values + count)
        })
    }
}

/// The shape of the model precision, which R_f multiplies.
#[derive(Debug, Clone)]
pub(super) enum ModelShape {
    Scalar(f64),
    Diagonal(Vec<f64>),
    Full {
        matrix: Array2<f64>,
        /// Lower Cholesky factor.
        factor: Array2<f64>,
    },
}

impl ModelShape {
    pub(super) fn new(precision: &Precision) -> Self {
        match precision.shape() {
            Shape::Scalar(value) => Self::Scalar(*value),
            Shape::Diagonal(values) => Self::Diagonal(values.clone()),
            // A precision is positive definite since it was made; the
            // diagonal alone would only be reached if it were not.
            Shape::Full(matrix) => match cholesky(matrix) {
                Ok(factor) => Self::Full {
                    matrix: matrix.clone(),
                    factor,
                },
                Err(_) => Self::Diagonal(matrix.diag().to_vec()),
            },
        }
    }

    /// v = scale · R g; returns gᵀ v.
    #[inline]
    pub(super) fn weigh(&self, scale: f64, g: &[f64], v: &mut [f64]) -> f64 {
        match self {
            Self::Scalar(r) => {
                let mut sum = 0.0;
                for (v, g) in v.iter_mut().zip(g) {
                    *v = scale * r * g;
                    sum += *v * g;
                }
                sum
            }
            Self::Diagonal(r) => {
                let mut sum = 0.0;
                for ((v, g), r) in v.iter_mut().zip(g).zip(r) {
                    *v = scale * r * g;
                    sum += *v * g;
                }
                sum
            }
            Self::Full { matrix, .. } => {
                let mut sum = 0.0;
                for ((v, g_i), row) in v.iter_mut().zip(g).zip(matrix.rows()) {
                    *v = scale * row.iter().zip(g).map(|(r, g)| r * g).sum::<f64>();
                    sum += *v * g_i;
                }
                sum
            }
        }
    }
}
