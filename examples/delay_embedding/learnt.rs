//! Networks trained on so many pairs, and how they run freely.

use deepest::models::Network;
use deepest::prelude::*;
use deepest::{Activation, Dense};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};

use super::report::Failure;
use super::series::{HORIZON, LYAPUNOV, RUNS, STEP, Series};

/// Model precisions, as multiples of R_m: from 1/100 on, in steps of a factor 100.
const FIRST_RF: f64 = 0.01;
const ALPHA: f64 = 100.0;
const LAST_BETA: i32 = 4;

/// Decreases of the action below a thousandth of it mean little beside its spread.
const TOLERANCE: f64 = 1e-3;

/// Weights and biases are drawn from a normal distribution of deviation 1, as far as
/// the action knows.
const DECAY: f64 = 1.0;

/// A prediction is useful while its error is below this part of x's deviation.
const USEFUL: f64 = 0.4;

/// Errors below this grow exponentially.
const SMALL: f64 = 0.2;

/// How networks are trained.
pub struct Learning {
    /// Samples from input to output.
    pub ahead: usize,
    pub hidden: Vec<usize>,
    pub starts: usize,
    pub seed: u64,
    pub threads: Option<usize>,
}

/// What a number of pairs came to.
pub struct Learnt {
    pub pairs: usize,
    pub weights: usize,
    /// Degrees of freedom, the expected 2A.
    pub freedom: f64,
    annealing: Annealing,
    /// Error of one step, over all held-out vectors without noise.
    pub one_step: f64,
    pub runs: Runs,
}

impl Learning {
    /// Fails early where something cannot be done.
    pub fn check(&self, series: &Series, pairs: &[usize]) -> Result<(), Failure> {
        let steps = (HORIZON / LYAPUNOV / (self.ahead as f64 * STEP)) as usize;
        if steps == 0 {
            return Err(format!("--ahead: expected less than {HORIZON}/λ").into());
        }
        let (inputs, _) = series.embedding.pairs(series.learnt(), self.ahead)?;
        let most = inputs.nrows();
        if let Some(m) = pairs.iter().find(|m| **m > most) {
            return Err(format!("--pairs: expected {most} at most, found {m}").into());
        }
        self.network(series).map(drop)
    }

    fn network(&self, series: &Series) -> Result<Network, Failure> {
        let dimension = series.embedding.dimension();
        let hidden = self.hidden.iter();
        let hidden = hidden.map(|&units| Dense::new(units, Activation::Tanh));
        let output = Dense::new(dimension, Activation::Linear);
        Ok(Network::new(dimension, hidden.chain([output]))?)
    }

    /// Pairs spread evenly over the series, whose values have the measurement's
    /// error at both ends.
    pub fn learn(&self, series: &Series, pairs: usize) -> Result<Learnt, Failure> {
        let (inputs, outputs) = series.embedding.pairs(series.learnt(), self.ahead)?;
        let rows: Vec<usize> = (0..pairs).map(|k| k * inputs.nrows() / pairs).collect();
        let [inputs, outputs] = [inputs, outputs].map(|all| all.select(Axis(0), &rows));
        let network = self.network(series)?;
        let precision = Precision::from_deviation(series.noise / series.deviation)?;
        let windows = network.pairs((inputs.view(), &precision), (outputs.view(), &precision))?;
        let first = network.draw(inputs.view(), self.seed)?;
        let weight = Parameter::estimated().prior(Gaussian::new(0.0, DECAY)?);
        let mut builder = Action::builder(network.clone(), Map).windows(windows);
        for (name, range) in network.blocks() {
            let weights = first[range].iter().map(|&w| weight.guess(w));
            builder = builder.parameter_block(&name, weights);
        }
        let action = builder.build()?;
        let rf0 = FIRST_RF * (series.deviation / series.noise).powi(2);
        let mut annealer = Annealer::new(Schedule::geometric(rf0, ALPHA, 0..=LAST_BETA)?)
            .starts(self.starts)
            .seed(self.seed)
            .minimizer(GaussNewton::default().tolerance(TOLERANCE)?);
        if let Some(threads) = self.threads {
            annealer = annealer.threads(threads);
        }
        let annealing = annealer.run(&action)?;
        let (_, best) = annealing.best().ok_or("no start reached a finite action")?;
        let plateau = action.expected_plateau().ok_or("no degrees of freedom")?;
        let theta = &best.estimate.parameters;
        Ok(Learnt {
            pairs,
            weights: theta.len(),
            freedom: 2.0 * plateau.mean,
            one_step: self.one_step(series, &network, theta)?,
            runs: self.runs(series, &network, theta)?,
            annealing,
        })
    }

    fn one_step(&self, series: &Series, network: &Network, theta: &[f64]) -> Result<f64, Failure> {
        let [_, truth] = series.held_out();
        let (inputs, outputs) = series.embedding.pairs(truth, self.ahead)?;
        let errors = network.predict(theta, inputs.view())? - outputs;
        let squares: f64 = errors.iter().map(|e| e * e).sum();
        Ok((squares / errors.len() as f64).sqrt())
    }

    /// The network's output is its next input, from measured vectors on.
    fn runs(&self, series: &Series, network: &Network, theta: &[f64]) -> Result<Runs, Failure> {
        let [measured, truth] = series.held_out();
        let embedding = series.embedding;
        let (vectors, truth) = (embedding.vectors(measured)?, embedding.vectors(truth)?);
        let steps = (HORIZON / LYAPUNOV / (self.ahead as f64 * STEP)) as usize;
        let last = vectors.nrows() - 1 - steps * self.ahead;
        let firsts: Vec<usize> = (0..RUNS).map(|k| k * last / (RUNS - 1)).collect();
        let mut predicted = Array2::zeros((steps + 1, RUNS));
        let mut now = vectors.select(Axis(0), &firsts);
        for k in 0..=steps {
            predicted.row_mut(k).assign(&now.column(0));
            now = network.predict(theta, now.view())?;
        }
        let true_x = |(k, run): (usize, usize)| truth[(firsts[run] + k * self.ahead, 0)];
        Ok(Runs {
            truth: Array2::from_shape_fn(predicted.dim(), true_x),
            predicted,
            times: (0..=steps)
                .map(|k| (k * self.ahead) as f64 * STEP)
                .collect(),
            firsts,
            ahead: self.ahead,
        })
    }
}

impl Learnt {
    /// 2A of the best start, as a part of what is expected, by R_f.
    pub fn levels(&self) -> Vec<(f64, f64)> {
        let best = self.annealing.best().map(|(start, _)| &start.levels[..]);
        let levels = best.unwrap_or_default().iter();
        let relative = |a: f64| 2.0 * a / self.freedom;
        levels.map(|l| (l.rf, relative(l.action.total))).collect()
    }

    /// 2A of the best start at the last level, and its part without the prior of the
    /// weights.
    pub fn action(&self) -> [f64; 2] {
        let Some((_, level)) = self.annealing.best() else {
            return [f64::NAN; 2];
        };
        let terms = level.action;
        [terms.total, terms.measurement + terms.model].map(|a| 2.0 * a)
    }
}

/// Free runs from different vectors: a row for each time, a column for each run, in
/// deviations of x.
pub struct Runs {
    predicted: Array2<f64>,
    truth: Array2<f64>,
    times: Vec<f64>,
    /// Vectors they begin with, and samples from step to step.
    firsts: Vec<usize>,
    ahead: usize,
}

/// Errors of all runs at one time.
pub struct Errors {
    pub time: f64,
    /// The geometric mean of |error|.
    pub typical: f64,
    pub rms: f64,
}

/// One run: times in 1/λ and values of x with their unit.
pub struct Shown {
    pub start: f64,
    pub predicted: (Vec<f64>, Vec<f64>),
    /// At all samples.
    pub truth: (Vec<f64>, Vec<f64>),
}

impl Runs {
    pub fn errors(&self) -> Vec<Errors> {
        let errors = &self.predicted - &self.truth;
        let rows = self.times.iter().zip(errors.rows());
        let of_row = |(&time, row): (&f64, ArrayView1<'_, f64>)| Errors {
            time,
            typical: row.mapv(|e| e.abs().ln()).mean().unwrap_or(f64::NAN).exp(),
            rms: row.mapv(|e| e * e).mean().unwrap_or(f64::NAN).sqrt(),
        };
        rows.map(of_row).collect()
    }

    /// How long predictions are useful, in 1/λ: mean and its standard error. A run
    /// that is so to its end counts with its length.
    pub fn useful(&self) -> (f64, f64) {
        let errors = &self.predicted - &self.truth;
        let time = |run: ArrayView1<'_, f64>| {
            let lost = run.iter().position(|e| e.abs() > USEFUL || e.is_nan());
            let end = self.times.len() - 1;
            LYAPUNOV * self.times[lost.unwrap_or(end)]
        };
        let times: Array1<f64> = errors.columns().into_iter().map(time).collect();
        let mean = times.mean().unwrap_or(f64::NAN);
        (mean, times.std(1.0) / (RUNS as f64).sqrt())
    }

    /// Slope of the logarithm of the typical error in time while it is small, by least
    /// squares; the first step, whose error is that of the network, is left out.
    pub fn rate(&self) -> Option<f64> {
        let rows = self.errors().into_iter().skip(1);
        let rows: Vec<Errors> = rows.take_while(|row| row.typical < SMALL).collect();
        if rows.len() < 3 {
            return None;
        }
        let count = rows.len() as f64;
        let time = rows.iter().map(|row| row.time).sum::<f64>() / count;
        let centred = rows.iter().map(|row| (row.time - time, row.typical.ln()));
        let (above, below) = centred.fold((0.0, 0.0), |(above, below), (t, e)| {
            (above + t * e, below + t * t)
        });
        Some(above / below)
    }

    /// Growth with λ from the error after one step on, in 1/λ, as far as 1.
    pub fn reference(&self) -> Vec<(f64, f64)> {
        let errors = self.errors();
        let Some(first) = errors.get(1) else {
            return Vec::new();
        };
        let grown = |row: &Errors| {
            let error = first.typical * (LYAPUNOV * (row.time - first.time)).exp();
            (LYAPUNOV * row.time, error)
        };
        let line = errors[1..].iter().map(grown);
        line.take_while(|point| point.1 < 1.0).collect()
    }

    /// Two runs, from different parts of the series.
    pub fn shown(&self, series: &Series) -> [Shown; 2] {
        let [_, truth] = series.held_out();
        let depth = series.embedding.depth();
        [RUNS / 4, 3 * RUNS / 4].map(|run| {
            let first = self.firsts[run];
            let samples = self.predicted.nrows().saturating_sub(1) * self.ahead + 1;
            let truth = truth.slice(s![first + depth..first + depth + samples]);
            let unit = |values: ArrayView1<'_, f64>, every: usize| {
                let time = |k: usize| LYAPUNOV * (k * every) as f64 * STEP;
                let values = values.iter().map(|x| series.deviation * x);
                values.enumerate().map(|(k, x)| (time(k), x)).unzip()
            };
            Shown {
                start: (first + depth) as f64 * STEP,
                predicted: unit(self.predicted.column(run), self.ahead),
                truth: unit(truth, 1),
            }
        })
    }
}
