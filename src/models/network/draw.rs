//! Random weights that keep a network's signals alive.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Network;
use crate::dual::Dual;
use crate::error::Result;
use crate::model::Model;
use crate::networks::{Activation, DenseLayer};

/// Inputs that the gain is found with.
const SAMPLE: usize = 16;

/// Ratio of the gains that are tried, and how many.
const FINER: f64 = 1.02;
const GAINS: usize = 60;

/// Deviation of a bias, in units of the gain.
const BIAS: f64 = 0.1;

impl Network {
    /// Random weights with which the network passes on what it is told: for
    /// starts, and for the teachers of twin experiments. Weights drawn too small
    /// (or too large) carry no information from the input to the output of a deep
    /// network.
    ///
    /// Each Wn has orthogonal rows or columns of one length, the *gain*; biases
    /// centre the weighted inputs of each unit over the rows of `inputs`, up to a
    /// tenth of the gain. The gain starts at the activation's 1/f′(0) and is
    /// raised, in the same proportion for all layers, until small changes of the
    /// inputs change the output, in geometric mean, by as much; where they never
    /// do, to where they change it most. A softmax output stays as it is first
    /// drawn.
    ///
    /// A. M. Saxe, J. L. McClelland, S. Ganguli, arXiv 1312.6120 (2013);
    /// J. Pennington, S. Schoenholz, S. Ganguli, *Resurrecting the sigmoid*,
    /// NIPS (2017).
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) for inputs of another width,
    /// [`Error::Empty`](crate::Error::Empty) without any,
    /// [`Error::NotFinite`](crate::Error::NotFinite) for one of them.
    pub fn draw(&self, inputs: ArrayView2<'_, f64>, seed: u64) -> Result<Vec<f64>> {
        self.check_inputs(inputs)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let distance = inputs.nrows().div_ceil(SAMPLE);
        let rows = inputs.rows().into_iter().step_by(distance);
        let sample: Vec<Vec<f64>> = rows.map(|row| row.to_vec()).collect();
        let normal = |rng: &mut Xoshiro256PlusPlus, count: usize| -> Vec<f64> {
            (0..count).map(|_| StandardNormal.sample(rng)).collect()
        };
        let slopes = sample.iter().map(|x| normal(&mut rng, x.len())).collect();
        let unit = self.draw_unit(&mut rng);
        let mut best = (f64::NEG_INFINITY, Vec::new());
        for k in 0..GAINS {
            let trial = self.scaled(&unit, FINER.powi(k as i32), (&sample, &slopes));
            if trial.0 > best.0 {
                best = trial;
            }
            if best.0 >= 0.0 {
                break;
            }
        }
        Ok(best.1)
    }

    /// Orthogonal weights and normal biases, each layer with the gain 1.
    fn draw_unit(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.parameter_count());
        for (layer, &first) in self.layers.iter().zip(&self.offsets) {
            let units = layer.units();
            theta.extend(orthogonal(units, layer.before, rng));
            if layer.dense.recurrent {
                theta.extend(orthogonal(units, units, rng));
                // Two sources share the gain.
                let part = std::f64::consts::FRAC_1_SQRT_2;
                theta[first..].iter_mut().for_each(|w| *w *= part);
            }
            theta.extend((0..units).map(|_| {
                let z: f64 = StandardNormal.sample(rng);
                BIAS * z
            }));
        }
        theta
    }

    /// The weights with `factor` times their layers' gains, centred over the
    /// sample, and the mean logarithm of the growth of the slopes.
    fn scaled(
        &self,
        unit: &[f64],
        factor: f64,
        (sample, slopes): (&[Vec<f64>], &Vec<Vec<f64>>),
    ) -> (f64, Vec<f64>) {
        let mut theta = unit.to_vec();
        let dual = |(x, slopes): (&Vec<f64>, &Vec<f64>)| -> Vec<Dual<f64, 1>> {
            let pairs = x.iter().zip(slopes);
            pairs
                .map(|(&value, &slope)| Dual::new(value, [slope]))
                .collect()
        };
        let mut states: Vec<_> = sample.iter().zip(slopes).map(dual).collect();
        let norms = |states: &[Vec<Dual<f64, 1>>]| -> f64 {
            let norm = |x: &Vec<Dual<f64, 1>>| x.iter().map(|v| v.lanes[0].powi(2)).sum::<f64>();
            states.iter().map(|x| 0.5 * norm(x).ln()).sum::<f64>() / states.len() as f64
        };
        let before = norms(&states);
        let mut after = before;
        for (n, layer) in self.layers.iter().enumerate() {
            let softmax = layer.dense.activation == Activation::Softmax;
            let gain = layer.dense.activation.gain() * if softmax { 1.0 } else { factor };
            let own = self.offsets[n]..self.offsets[n + 1];
            theta[own.clone()].iter_mut().for_each(|w| *w *= gain);
            center(layer, &mut theta[own.clone()], &states);
            let weights: Vec<_> = theta[own].iter().map(|&w| Dual::from(w)).collect();
            for x in &mut states {
                *x = layer.forward(x, &weights);
            }
            if !softmax {
                after = norms(&states);
            }
        }
        let growth = after - before;
        (
            if growth.is_nan() {
                f64::NEG_INFINITY
            } else {
                growth
            },
            theta,
        )
    }
}

/// Takes the mean of W x over all states and times from the biases.
fn center(layer: &DenseLayer, theta: &mut [f64], states: &[Vec<Dual<f64, 1>>]) {
    let mut mean = vec![0.0; layer.before];
    for x in states {
        for x in x.chunks_exact(layer.before) {
            for (slot, x) in mean.iter_mut().zip(x) {
                *slot += x.value / (states.len() * layer.times) as f64;
            }
        }
    }
    let (weights, biases) = theta.split_at_mut(layer.biases().start);
    let rows = weights[layer.weights()].chunks_exact(layer.before);
    for (bias, row) in biases.iter_mut().zip(rows) {
        *bias -= row.iter().zip(&mean).map(|(w, x)| w * x).sum::<f64>();
    }
}

/// A matrix, row by row, whose shorter sides are orthogonal unit vectors.
fn orthogonal(rows: usize, columns: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut v: Vec<f64> = (0..length).map(|_| StandardNormal.sample(rng)).collect();
        // Gram-Schmidt, twice against rounding.
        for other in vectors.iter().chain(&vectors) {
            let part: f64 = v.iter().zip(other).map(|(a, b)| a * b).sum();
            v.iter_mut().zip(other).for_each(|(a, b)| *a -= part * b);
        }
        let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm > 1e-6 {
            v.iter_mut().for_each(|a| *a /= norm);
            vectors.push(v);
        }
    }
    let entry = |i: usize, j: usize| {
        if rows <= columns {
            vectors[i][j]
        } else {
            vectors[j][i]
        }
    };
    (0..rows)
        .flat_map(|i| (0..columns).map(move |j| (i, j)))
        .map(|(i, j)| entry(i, j))
        .collect()
}
