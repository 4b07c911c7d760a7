//! Where an annealing begins: initial paths and parameters.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::signal::Signal;
use crate::action::{Action, Estimate};
use crate::discretization::{Pull, Rule, Span};
use crate::error::Result;
use crate::model::Model;
use crate::parameters::Parameter;
use crate::path::Path;

/// How initial paths are made.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Starts {
    /// The model is integrated forward from a random first state and pulled
    /// towards the data, ẋ = F(x) + K (y(t) − x) on the observed components,
    /// with y interpolated between its times. Gains K·Δ = 1/4, 1/2, 1, 1/8 and
    /// so on, and guesses of the parameters, vary from start to start. Layer
    /// maps run forward from the first layer in the same way.
    #[default]
    Nudged,
    /// Observed components follow the interpolated data; the others stay at
    /// the mean of all observations (or of the first state's prior).
    Mean,
    /// Observed components follow the interpolated data; the others are drawn
    /// uniformly from the range of the data at every layer.
    Uniform,
    /// The given estimate for every start.
    Given(Estimate),
}

impl Starts {
    /// The name that results use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nudged => "nudged",
            Self::Mean => "mean",
            Self::Uniform => "uniform",
            Self::Given(_) => "given",
        }
    }
}

/// Gains of nudged starts in units of 1/Δ.
const GAINS: [f64; 4] = [0.25, 0.5, 1.0, 0.125];

/// Guesses of the parameters that one nudged start compares.
const GUESSES: usize = 16;

/// An own seed for each start, below 2⁵³ so that JSON holds it.
pub(super) fn seed_of(seed: u64, start: usize) -> u64 {
    // SplitMix64 (Steele, Lea, Flood 2014) on a counter.
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(start as u64 + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) >> 11
}

/// The initial vector of unknowns of start `index`, and how it was made.
pub(super) fn make<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    starts: &Starts,
    index: usize,
    seed: u64,
) -> Result<(Vec<f64>, &'static str)> {
    if let Starts::Given(estimate) = starts {
        return Ok((action.pack(estimate)?, starts.name()));
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let windows = 0..action.windows().len();
    let signals: Vec<Signal<'_>> = windows.map(|w| Signal::new(action, w)).collect();
    if *starts == Starts::Nudged
        && let Some(estimate) = nudged(action, &signals, index, &mut rng)?
    {
        return Ok((action.pack(&estimate)?, starts.name()));
    }
    let parameters = guess_parameters(action, index == 0, &mut rng);
    let random = *starts == Starts::Uniform;
    let paths = signals.iter().enumerate().map(|(w, signal)| {
        if random {
            uniform(action, w, signal, &mut rng)
        } else {
            mean(action, w, signal)
        }
    });
    let estimate = Estimate::new(paths.collect(), parameters);
    let kind = if random { starts } else { &Starts::Mean };
    Ok((action.pack(&estimate)?, kind.name()))
}

/// The guesses as they are, or draws from the bounds, the prior or around the
/// guess.
fn guess_parameters<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    as_given: bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<f64> {
    let draw = |parameter: &Parameter, rng: &mut Xoshiro256PlusPlus| {
        let (u, z): (f64, f64) = (rng.random(), StandardNormal.sample(rng));
        if parameter.fixed.is_some() || as_given {
            return parameter.initial();
        }
        let bounds = parameter.range();
        let drawn = match (parameter.prior, bounds.width()) {
            (Some(prior), _) => prior.draw(z),
            (None, Some(width)) => bounds.lower() + u * width,
            (None, None) => parameter.initial() + 0.5 * z * parameter.scale(),
        };
        bounds.nearest(drawn)
    };
    action.parameters().map(|(_, p)| draw(p, rng)).collect()
}

fn mean<M: Model, R: Rule<M>>(action: &Action<M, R>, w: usize, signal: &Signal) -> Path {
    let layout = &action.layout().windows[w];
    Path::from_layers((0..layout.layers()).map(|n| {
        let width = layout.state(n).len();
        let component = |i| signal.value(n, i).unwrap_or_else(|| signal.rest(i));
        (0..width).map(component).collect::<Vec<_>>()
    }))
}

fn uniform<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    w: usize,
    signal: &Signal<'_>,
    rng: &mut Xoshiro256PlusPlus,
) -> Path {
    let layout = &action.layout().windows[w];
    Path::from_layers((0..layout.layers()).map(|n| {
        let width = layout.state(n).len();
        let component = |i| {
            let (low, high) = signal.range(i);
            let drawn = low + (high - low) * rng.random::<f64>();
            signal.value(n, i).unwrap_or(drawn)
        };
        (0..width).map(component).collect::<Vec<_>>()
    }))
}

/// Integrates forward with several guesses of the parameters and of the first
/// states and keeps the one that follows the data best: a model with wrong
/// parameters synchronizes badly. A guess that needs a stronger pull than
/// another is worse, however close it follows. `None` where none stays near
/// the data.
fn nudged<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    signals: &[Signal<'_>],
    index: usize,
    rng: &mut Xoshiro256PlusPlus,
) -> Result<Option<Estimate>> {
    let estimated = action.parameters().any(|(_, p)| p.fixed.is_none());
    let guesses = if estimated { GUESSES } else { 1 };
    let mut best: Option<((u8, f64), Estimate)> = None;
    for guess in 0..guesses {
        let parameters = guess_parameters(action, guess == 0, rng);
        let mut attempts = 0;
        let paths = signals.iter().enumerate().map(|(w, signal)| {
            let first = first_state(action, w, signal, rng);
            let (attempt, path) = nudged_path(action, w, signal, &parameters, &first, index)?;
            attempts = attempts.max(attempt);
            Some(path)
        });
        let Some(paths) = paths.collect::<Option<Vec<_>>>() else {
            continue;
        };
        let estimate = Estimate::new(paths, parameters);
        let misfit = action.terms(1.0, &estimate)?.measurement;
        let cost = (attempts, misfit);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, estimate));
        }
    }
    Ok(best.map(|(_, estimate)| estimate))
}

/// Data where there are any, else a draw from around the data.
fn first_state<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    w: usize,
    signal: &Signal<'_>,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<f64> {
    let width = action.layout().windows[w].state(0).len();
    let component = |i| {
        let z: f64 = StandardNormal.sample(rng);
        let guessed = signal.inside(i, signal.rest(i) + z * signal.unrest(i));
        signal.value(0, i).unwrap_or(guessed)
    };
    (0..width).map(component).collect()
}

/// A run that leaves the neighbourhood of the data is tried again with a
/// larger gain and shorter sub-steps; the number of the attempt comes with the
/// path.
fn nudged_path<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    w: usize,
    signal: &Signal<'_>,
    parameters: &[f64],
    first: &[f64],
    index: usize,
) -> Option<(u8, Path)> {
    let gain = GAINS[index % GAINS.len()];
    (0..4).find_map(|attempt| {
        let finer = 1_u8 << attempt;
        let strength = (gain * f64::from(finer), usize::from(finer));
        let path = integrate(action, w, signal, parameters, first, strength)?;
        Some((attempt, path))
    })
}

fn integrate<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    w: usize,
    signal: &Signal<'_>,
    parameters: &[f64],
    first: &[f64],
    (gain, substeps): (f64, usize),
) -> Option<Path> {
    let layout = &action.layout().windows[w];
    let window = &action.windows()[w];
    let mut layers = vec![first.to_vec()];
    for n in 0..layout.layers() - 1 {
        let targets: Vec<_> = signal.targets(n).collect();
        let pull = Pull {
            targets: &targets,
            gain,
            substeps,
        };
        let mut next = vec![0.0; layout.state(n + 1).len()];
        let span = Span {
            index: n,
            times: &window.grid().times()[n..=n + 1],
            follows: false,
            inputs: window.known_inputs(),
        };
        action.rule().advance(
            action.model(),
            span,
            &layers[n],
            parameters,
            &pull,
            &mut next,
        );
        if signal.is_lost(n + 1, &next) {
            return None;
        }
        for (i, v) in next.iter_mut().enumerate() {
            *v = signal.inside(i, *v);
        }
        signal.correct(n + 1, parameters, gain.min(1.0), &mut next);
        layers.push(next);
    }
    Some(Path::from_layers(layers))
}
