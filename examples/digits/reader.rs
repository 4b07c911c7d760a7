//! The digits, and a network that reads them.

use deepest::models::{Network, one_hot};
use deepest::{Activation, Dense, prelude::*};
use ndarray::{Array2, ArrayView2};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::report::Failure;

/// Pixels of a digit, and classes.
pub const PIXELS: usize = 64;
pub const CLASSES: usize = 10;
/// Digits that are kept back.
pub const HELD_OUT: usize = 500;
/// Units of the hidden layer.
const HIDDEN: usize = 30;
/// Darkest pixel.
const BLACK: f64 = 16.0;

/// Digits with their labels.
pub struct Digits {
    pub labels: Vec<usize>,
    /// From 0 to 1, a row each.
    pub pixels: Array2<f64>,
}

impl Digits {
    /// Reads a header, then a label and 64 pixels from 0 to 16 a row.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let (mut labels, mut pixels) = (Vec::new(), Vec::new());
        for (line, row) in (2..).zip(text.lines().skip(1)) {
            let mut fields = row.split(',').map(str::trim);
            let label = fields.next().unwrap_or_default();
            let label = label.parse().ok().filter(|&l: &usize| l < CLASSES);
            let expected =
                format!("line {line}: expected a label from 0 to 9 and 64 pixels from 0 to 16");
            labels.push(label.ok_or_else(|| {
                format!(
                    "{expected}, found the label {:?}",
                    row.split(',').next().unwrap_or_default()
                )
            })?);
            let before = pixels.len();
            for field in fields {
                let value = field.parse().ok().filter(|v| (0.0..=BLACK).contains(v));
                pixels.push(value.ok_or_else(|| format!("{expected}, found {field:?}"))? / BLACK);
            }
            if pixels.len() - before != PIXELS {
                let found = pixels.len() - before;
                return Err(format!("{expected}, found {found} pixels").into());
            }
        }
        if labels.len() <= HELD_OUT {
            let found = labels.len();
            return Err(format!("expected more than {HELD_OUT} digits, found {found}").into());
        }
        let pixels = Array2::from_shape_vec((labels.len(), PIXELS), pixels)?;
        Ok(Self { labels, pixels })
    }

    /// All numbers of digits in the random order of draw `seed`: the last 500 are
    /// kept back, the first ones learned.
    pub fn draw(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        order
    }

    /// Those with these numbers.
    pub fn of(&self, which: &[usize]) -> Self {
        Self {
            labels: which.iter().map(|&k| self.labels[k]).collect(),
            pixels: self.pixels.select(ndarray::Axis(0), which),
        }
    }
}

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Precision of the pixels as inputs.
    pub input: f64,
    /// Deviation of a weight before anything is known of it.
    pub decay: f64,
}

/// The settings that validation chooses from; a precision of 10⁶ is as good as exact.
pub const CHOICES: [Settings; 4] = [
    Settings {
        input: 1e6,
        decay: 0.5,
    },
    Settings {
        input: 1e3,
        decay: 0.5,
    },
    Settings {
        input: 1e6,
        decay: 1.0,
    },
    Settings {
        input: 1e3,
        decay: 1.0,
    },
];

/// A trained network.
pub struct Reader {
    network: Network,
    weights: Vec<f64>,
}

impl Reader {
    /// Trains on digits. Hidden states begin at the mean, with which the weights
    /// are free to take what the pairs ask for; R_f goes from the precision of the
    /// labels up until the model is a constraint.
    pub fn train(digits: &Digits, settings: Settings, seed: u64) -> Result<Self, Failure> {
        const LABELS: f64 = 100.0;
        let layers = [HIDDEN, CLASSES].map(|units| Dense::new(units, Activation::Logistic));
        let network = Network::new(PIXELS, layers)?;
        let outputs = one_hot(&digits.labels, CLASSES)?;
        let inputs = digits.pixels.view();
        let input = Precision::scalar(settings.input)?;
        let output = Precision::scalar(LABELS)?;
        let windows = network.pairs((inputs, &input), (outputs.view(), &output))?;
        let start = network.draw(inputs, seed)?;
        let prior = Gaussian::new(0.0, settings.decay)?;
        let mut builder = Action::builder(network.clone(), Map).windows(windows);
        for (name, range) in network.blocks() {
            let guesses = start[range].iter();
            let weights = guesses.map(|&w| Parameter::estimated().prior(prior).guess(w));
            builder = builder.parameter_block(&name, weights);
        }
        let action = builder.build()?;
        let minimizer = Lbfgs::default();
        let minimizer = minimizer.tolerance(1e-4)?.max_iterations(1000);
        let annealing = Annealer::new(Schedule::geometric(LABELS, 4.0, 0..=5)?)
            .start_with(Starts::Mean)
            .starts(1)
            .minimizer(minimizer)
            .by_errors()
            .run(&action)?;
        let (_, best) = annealing.best().ok_or("no level was reached")?;
        Ok(Self {
            network,
            weights: best.estimate.parameters.clone(),
        })
    }

    /// What each digit is taken for.
    pub fn read(&self, pixels: ArrayView2<'_, f64>) -> Result<Vec<usize>, Failure> {
        let outputs = self.network.predict(&self.weights, pixels)?;
        let largest = |row: ndarray::ArrayView1<'_, f64>| {
            let classes = row.iter().enumerate();
            classes
                .max_by(|a, b| a.1.total_cmp(b.1))
                .map_or(0, |(k, _)| k)
        };
        Ok(outputs.rows().into_iter().map(largest).collect())
    }

    /// The share that is read rightly.
    pub fn accuracy(&self, digits: &Digits) -> Result<f64, Failure> {
        let read = self.read(digits.pixels.view())?;
        let right = read.iter().zip(&digits.labels).filter(|(a, b)| a == b);
        Ok(right.count() as f64 / read.len() as f64)
    }
}

/// The settings with the highest mean accuracy in three-fold validation; the first
/// of several.
pub fn choose(digits: &Digits, seed: u64) -> Result<Settings, Failure> {
    const FOLDS: usize = 3;
    let mut best = (f64::NEG_INFINITY, CHOICES[0]);
    for settings in CHOICES {
        let mut sum = 0.0;
        for fold in 0..FOLDS {
            let all = 0..digits.labels.len();
            let (kept, learned): (Vec<_>, Vec<_>) = all.partition(|k| k % FOLDS == fold);
            let reader = Reader::train(&digits.of(&learned), settings, seed)?;
            sum += reader.accuracy(&digits.of(&kept))?;
        }
        if sum > best.0 {
            best = (sum, settings);
        }
    }
    Ok(best.1)
}
