//! Layered networks: a layer is a time, the map from layer to layer the
//! dynamics, inputs and outputs are measurements, weights are parameters.

mod draw;
mod pairs;

pub use pairs::one_hot;

use std::ops::Range;

use crate::error::{Error, Result, check_length};
use crate::model::{Layers, Model};
use crate::networks::{Dense, DenseLayer};
use crate::problem::precision::check_positive;
use crate::scalar::Scalar;

/// A network of dense layers; θ are its weights and biases.
///
/// Layer 0 is the input; the step from layer n to n + 1 has the parameters of a
/// [`DenseLayer`], in [`blocks`](Self::blocks) named `Wn`, `Un` where the layer
/// is recurrent, and `bn`, step after step.
/// The rule is [`Map`](crate::Map). Input/output pairs are windows
/// ([`pairs`](Self::pairs)), and weight decay is a Gaussian prior:
///
/// ```
/// use deepest::models::Network;
/// use deepest::prelude::*;
/// use deepest::{Activation, Dense};
/// use ndarray::array;
///
/// # fn main() -> deepest::Result<()> {
/// let network = Network::new(2, [Dense::new(3, Activation::Tanh), Dense::new(1, Activation::Linear)])?;
/// let inputs = array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let outputs = array![[0.0], [1.0], [1.0], [0.0]];
/// let exact = Precision::scalar(1e6)?;
/// let noisy = Precision::from_deviation(0.1)?;
/// let mut builder = Action::builder(network.clone(), Map)
///     .windows(network.pairs((inputs.view(), &exact), (outputs.view(), &noisy))?);
/// let start = network.draw(inputs.view(), 1)?;
/// let decay = Parameter::estimated().prior(Gaussian::new(0.0, 2.0)?);
/// for (name, range) in network.blocks() {
///     builder = builder.parameter_block(&name, start[range].iter().map(|&w| decay.guess(w)));
/// }
/// let action = builder.build()?;
/// let annealing = Annealer::new(Schedule::geometric(10.0, 4.0, 0..=8)?).run(&action)?;
/// let (_, best) = annealing.best().expect("a start that reached the last level");
/// let learnt = network.predict(&best.estimate.parameters, inputs.view())?;
/// assert!(learnt.iter().zip(&outputs).all(|(y, truth)| (y - truth).abs() < 0.3));
/// # Ok(())
/// # }
/// ```
///
/// H. D. I. Abarbanel, P. J. Rozdeba, S. Shirman, *Machine learning: deepest
/// learning as statistical data assimilation problems*, Neural Computation 30,
/// 2025 (2018).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Network {
    layers: Vec<DenseLayer>,
    /// First parameter of each step, and their number at the end.
    offsets: Vec<usize>,
}

impl Network {
    /// A network of `inputs` inputs and these layers, the last of which is the
    /// output.
    ///
    /// # Errors
    /// [`Error::Empty`] without layers; [`Error::NotPositive`] for a layer
    /// without units; for a residual layer [`Error::Length`] when it has not as
    /// many units as the one before, and [`Error::NotPositive`] or
    /// [`Error::NotFinite`] for its step; [`Error::OutOfRange`] for more parameters
    /// of a layer than 10¹².
    pub fn new(inputs: usize, layers: impl IntoIterator<Item = Dense>) -> Result<Self> {
        let place = |n: usize| move || format!("network, layer {n}");
        check_positive("units", place(0), inputs as f64)?;
        let mut network = Self {
            layers: Vec::new(),
            offsets: vec![0],
        };
        let (mut before, mut parameters) = (inputs, 0);
        for (n, dense) in (1..).zip(layers) {
            let layer = DenseLayer::new(dense, before);
            check_positive("units", place(n), layer.units() as f64)?;
            if let Some(step) = dense.residual {
                check_positive("step of a residual layer", place(n), step)?;
                check_length("units of a residual layer", place(n), before, layer.units())?;
            }
            let count = before as f64 + layer.units() as f64 + 1.0;
            check_size("parameters", place(n), count * layer.units() as f64)?;
            parameters += layer.biases().end;
            before = layer.units();
            network.layers.push(layer);
            network.offsets.push(parameters);
        }
        if network.layers.is_empty() {
            return Err(Error::Empty {
                what: "layers",
                place: "network".into(),
            });
        }
        Ok(network)
    }

    /// The same network for sequences of T = `times`: its layers hold the units
    /// of all times, one time after the other, so that a pair is a sequence of
    /// inputs with one of outputs. Recurrent layers connect the times; before
    /// the first there is nothing.
    ///
    /// # Errors
    /// [`Error::NotPositive`] for no times, [`Error::OutOfRange`] for more states of
    /// a layer than 10¹².
    pub fn with_times(mut self, times: usize) -> Result<Self> {
        check_positive("times", || "network".into(), times as f64)?;
        for layer in &mut self.layers {
            let units = layer.before.max(layer.units()) as f64;
            check_size("states", || "network".into(), times as f64 * units)?;
            layer.times = times;
        }
        Ok(self)
    }

    /// Number of layers, the input included.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.layers.len() + 1
    }

    /// The blocks of parameters with their names, in the order of θ.
    pub fn blocks(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let steps = self.layers.iter().zip(&self.offsets).enumerate();
        steps.flat_map(|(n, (layer, first))| {
            let (w, u) = (layer.weights(), layer.recurrent_weights());
            let blocks = [("W", w), ("U", u), ("b", layer.biases())];
            let blocks = blocks.into_iter().filter(|(_, range)| !range.is_empty());
            blocks.map(move |(name, range)| {
                (format!("{name}{n}"), first + range.start..first + range.end)
            })
        })
    }
}

impl Model for Network {
    fn parameter_count(&self) -> usize {
        self.offsets[self.layers.len()]
    }
}

impl Layers for Network {
    /// Units of all times; none beyond the last layer.
    fn width(&self, n: usize) -> usize {
        let last = n.checked_sub(1).map(|step| self.layers.get(step));
        match (last, self.layers.first()) {
            (Some(Some(layer)), _) => layer.times * layer.units(),
            (None, Some(layer)) => layer.times * layer.before,
            _ => 0,
        }
    }

    fn parameters_of(&self, n: usize) -> Range<usize> {
        let place = |n: usize| self.offsets[n.min(self.layers.len())];
        place(n)..place(n + 1)
    }

    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        if let Some(layer) = self.layers.get(n) {
            layer.write_residual(x, next, theta, out);
        }
    }

    fn dense(&self, n: usize) -> Option<DenseLayer> {
        self.layers.get(n).copied()
    }
}

/// No memory holds more numbers than 10¹².
fn check_size(what: &'static str, place: impl Fn() -> String, found: f64) -> Result<()> {
    const MOST: f64 = 1e12;
    if found <= MOST {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what,
        place: place(),
        low: 1.0,
        high: MOST,
        found,
    })
}
