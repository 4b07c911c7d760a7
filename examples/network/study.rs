//! Twin experiments with networks: a teacher draws pairs, a student learns them.

use std::time::Duration;

use cpu_time::ThreadTime;
use deepest::models::Network;
use deepest::{Activation, Dense, Normalization, Termination, prelude::*};
use ndarray::{Array2, Axis, s};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Units of every layer.
pub const UNITS: usize = 10;
/// Pairs that are kept back.
const HELD_OUT: usize = 200;
/// Deviation of a weight before anything is known of it; biases too.
const DECAY: f64 = 5.0;
/// Newton steps with more multiplications are left to L-BFGS.
const COSTLY: f64 = 3e7;

/// What the layers are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// f(W x + b), f the logistic function.
    Logistic,
    /// x + Δ tanh(W x + b), Δ one over the number of steps.
    Residual,
}

impl Kind {
    fn network(self, layers: usize) -> deepest::Result<Network> {
        let step = 1.0 / (layers - 1) as f64;
        let dense = match self {
            Self::Logistic => Dense::new(UNITS, Activation::Logistic),
            Self::Residual => Dense::new(UNITS, Activation::Tanh).residual(step),
        };
        Network::new(UNITS, vec![dense; layers - 1])
    }

    /// The deviation of a weight: of residual layers that of white noise in depth,
    /// so that more layers are a finer resolution of the same problem.
    fn decay(self, layers: usize) -> f64 {
        match self {
            Self::Logistic => DECAY,
            Self::Residual => DECAY * ((layers - 1) as f64).sqrt(),
        }
    }
}

/// A teacher with its pairs.
pub struct Teacher {
    kind: Kind,
    /// Inputs and outputs, as measured.
    inputs: Array2<f64>,
    outputs: Array2<f64>,
    held_inputs: Array2<f64>,
    held_outputs: Array2<f64>,
    sigma: f64,
    seed: u64,
}

impl Teacher {
    /// A teacher of so many layers, with the most pairs that will be asked for.
    /// Inputs are uniform in (0, 1); both sides are measured with errors of
    /// deviation `sigma`.
    pub fn new(
        (kind, layers): (Kind, usize),
        most: usize,
        sigma: f64,
        seed: u64,
    ) -> deepest::Result<Self> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut draw = |rows: usize| Array2::from_shape_fn((rows, UNITS), |_| rng.random::<f64>());
        let (inputs, held_inputs) = (draw(most), draw(HELD_OUT));
        let network = kind.network(layers)?;
        let weights = match kind {
            Kind::Logistic => network.draw(held_inputs.view(), seed)?,
            Kind::Residual => smooth_weights(layers, &mut rng),
        };
        let outputs = network.predict(&weights, inputs.view())?;
        let held_outputs = network.predict(&weights, held_inputs.view())?;
        let mut noisy = |clean: &Array2<f64>| {
            clean.mapv(|v| {
                let z: f64 = StandardNormal.sample(&mut rng);
                v + sigma * z
            })
        };
        Ok(Self {
            kind,
            inputs: noisy(&inputs),
            outputs: noisy(&outputs),
            held_inputs,
            held_outputs,
            sigma,
            seed,
        })
    }

    /// How far outputs are from their mean, root mean square: the error of who has
    /// learned nothing but that.
    pub fn spread(&self) -> f64 {
        self.held_outputs
            .mean_axis(Axis(0))
            .map_or(f64::NAN, |mean| rms(&(&self.held_outputs - &mean)))
    }
}

/// Weights that change slowly with depth t: each entry is a₀ + a₁ cos πt + a₂ sin πt
/// of random a.
fn smooth_weights(layers: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let count = UNITS * (UNITS + 1);
    let mut normal = || -> f64 { StandardNormal.sample(rng) };
    let waves: Vec<[f64; 3]> = (0..count).map(|_| [normal(), normal(), normal()]).collect();
    let steps = layers - 1;
    let at = |k: usize| std::f64::consts::PI * (k as f64 + 0.5) / steps as f64;
    (0..steps)
        .flat_map(|k| {
            let (sin, cos) = at(k).sin_cos();
            let waves = waves.iter();
            waves.map(move |a| 0.8 * (a[0] + a[1] * cos + a[2] * sin))
        })
        .collect()
}

fn rms(errors: &Array2<f64>) -> f64 {
    errors.mapv(|e| e * e).mean().unwrap_or(f64::NAN).sqrt()
}

/// Who learns what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lesson {
    /// Layers of the student, input and output included.
    pub layers: usize,
    /// M.
    pub pairs: usize,
    /// Outputs that are observed, the first ones.
    pub observed: usize,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Learned {
    pub lesson: Lesson,
    /// R_f/R_m and the action per measured value, level by level.
    pub levels: Vec<(f64, f64)>,
    /// Expected end of the action per measured value, where data outnumber
    /// weights.
    pub expected: Option<f64>,
    /// Root mean square errors of the observed outputs, with the forward pass of
    /// the last level's weights: of the pairs learned and of those kept back.
    pub learned: f64,
    pub held_out: f64,
    /// Levels where the minimizer met its limit.
    pub unfinished: usize,
    pub minimizer: &'static str,
    pub cpu: Duration,
    /// The weights at the end.
    pub weights: Vec<f64>,
}

/// How much work goes into a lesson.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Levels, a factor of ten apart, from R_f = R_m/100.
    pub levels: usize,
    /// Most iterations of Gauss-Newton and of L-BFGS at each level.
    pub iterations: [usize; 2],
}

impl Teacher {
    /// Teaches a student; `from` are weights to begin with.
    pub fn teach(
        &self,
        lesson: Lesson,
        effort: Effort,
        from: Option<Vec<f64>>,
    ) -> deepest::Result<Learned> {
        let clock = ThreadTime::now();
        let student = self.kind.network(lesson.layers)?;
        let inputs = self.inputs.slice(s![..lesson.pairs, ..]);
        let mut outputs = self.outputs.slice(s![..lesson.pairs, ..]).to_owned();
        outputs.slice_mut(s![.., lesson.observed..]).fill(f64::NAN);
        let precision = Precision::from_deviation(self.sigma)?;
        let windows = student.pairs((inputs, &precision), (outputs.view(), &precision))?;
        let starts = match &from {
            Some(weights) => {
                let paths = inputs.rows().into_iter();
                let paths = paths.map(|x| student.forward(weights, &x.to_vec()));
                let paths = paths.collect::<deepest::Result<_>>()?;
                Starts::Given(Estimate::new(paths, weights.clone()))
            }
            None => Starts::Nudged,
        };
        let start = match from {
            Some(weights) => weights,
            None => student.draw(inputs, self.seed + 1)?,
        };
        let decay = Gaussian::new(0.0, self.kind.decay(lesson.layers))?;
        let mut builder = Action::builder(student.clone(), Map)
            .windows(windows)
            .precision_unit(match self.kind {
                Kind::Logistic => PrecisionUnit::PerStep,
                Kind::Residual => PrecisionUnit::PerTime,
            })
            .normalization(Normalization::Sum);
        for (name, range) in student.blocks() {
            let guesses = start[range].iter();
            let weights = guesses.map(|&w| Parameter::estimated().prior(decay).guess(w));
            builder = builder.parameter_block(&name, weights);
        }
        let action = builder.build()?;
        let rm = self.sigma.powi(-2);
        let last = effort.levels as i32 - 1;
        let schedule = Schedule::geometric(0.01 * rm, 10.0, 0..=last)?;
        let annealer = Annealer::new(schedule).start_with(starts).starts(1);
        let [newton, lbfgs] = effort.iterations;
        let costs = action.newton_costs();
        let (minimizer, annealer) = if costs
            .block_arrow
            .min(costs.conjugate_gradients.unwrap_or(f64::INFINITY))
            .min(costs.residual_space.unwrap_or(f64::INFINITY))
            < COSTLY
        {
            let minimizer = GaussNewton::default().tolerance(1e-4)?;
            (
                "Gauss-Newton",
                annealer.minimizer(minimizer.max_factorizations(newton)),
            )
        } else {
            let minimizer = Lbfgs::default().tolerance(1e-5)?;
            (
                "L-BFGS",
                annealer
                    .minimizer(minimizer.max_iterations(lbfgs))
                    .by_errors(),
            )
        };
        let annealing = annealer.run(&action)?;
        let levels = &annealing.starts[0].levels;
        let weights = levels
            .last()
            .map_or_else(Vec::new, |level| level.estimate.parameters.clone());
        let error = |x: ndarray::ArrayView2<'_, f64>, y: ndarray::ArrayView2<'_, f64>| {
            let found = student.predict(&weights, x)?;
            let seen = s![.., ..lesson.observed];
            Ok::<_, deepest::Error>(rms(&(&found.slice(seen) - &y.slice(seen))))
        };
        let measured = action.counts().measured as f64;
        let limit = |level: &&deepest::Level| level.termination == Termination::IterationLimit;
        Ok(Learned {
            lesson,
            expected: action.expected_plateau().map(|p| p.mean / measured),
            learned: error(inputs, outputs.view())?,
            held_out: error(self.held_inputs.view(), self.held_outputs.view())?,
            unfinished: levels.iter().filter(limit).count(),
            levels: levels
                .iter()
                .map(|level| (level.rf / rm, level.action.total / measured))
                .collect(),
            minimizer,
            cpu: clock.elapsed(),
            weights,
        })
    }
}
