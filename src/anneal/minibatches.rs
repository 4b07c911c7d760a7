//! Annealing of more windows than memory holds: a batch of them at a time.

use std::ops::ControlFlow;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::nudging::lengthened;
use super::rest::rest;
use super::starts::seed_of;
use super::{Schedule, Step};
use crate::action::{Action, ActionTerms, Estimate};
use crate::error::{Error, Result, check_count, check_length};
use crate::minimize::{GaussNewton, Minimizer, Objective, Outcome, Termination, Work};
use crate::problem::parameters::{Gaussian, Parameter, Prior, Reach};
use crate::problem::path::Path;

/// What of a batch's mean curvature its pull has. Regressions want all of it,
/// networks a third.
const PART: f64 = 0.5;

/// What a parameter is pulled with at least, by the mean over all parameters.
const FLOOR: f64 = 1e-2;

/// Most iterations on a batch: it is come back to, and what four times as many would
/// gain goes too far.
const ITERATIONS: usize = 5;

/// With what the states of flows are pulled to the data, K·Δ, where they begin.
const GAIN: f64 = 0.5;

/// Training on batches of windows, of which only one is in memory at a time: for
/// more pairs, or recordings, than memory holds together with their states.
///
/// Parameters that all windows share are what the batches have in common. On its
/// turn a batch b is minimized by states and parameters together, with the
/// parameters pulled towards z = θ + Λ⁻¹(g_b − ḡ) with the precisions Λ; where that
/// leads is the next θ, and the pull there is what the batch keeps as its slope,
/// g_b = Λ(z − θ). ḡ is the mean of the slopes, and Λ half of that of the diagonals of the
/// batches' Hessians by the parameters with their states eliminated. This is the
/// proximal method with remembered slopes of A. Defazio, *A simple practical
/// accelerated method for finite sums*, NeurIPS 29 (2016), which ends at the minimum
/// for all batches together, not near it as steps along the slopes of single
/// batches do. Priors of shared parameters count once, as with all windows in one
/// action.
///
/// There are two numbers for each batch and parameter in memory. States are made
/// anew for each turn, by the model from the first layer on, so that one minimum of
/// each batch is found again and again; whether a *global* one is found depends on
/// the first guess of the parameters, as with a single start.
///
/// It can be stopped after each turn and gone on with; what is kept is this value
/// alone (feature `serde`).
///
/// ```
/// use std::ops::ControlFlow;
///
/// use deepest::models::Network;
/// use deepest::prelude::*;
/// use deepest::{Activation, Dense, Minibatches};
/// use ndarray::Array2;
///
/// # fn main() -> deepest::Result<()> {
/// let network = Network::new(2, [Dense::new(3, Activation::Tanh), Dense::new(1, Activation::Linear)])?;
/// // Twelve pairs of a product, four at a time: in earnest they come from a file.
/// let inputs = |b: usize| Array2::from_shape_fn((4, 2), |(m, i)| ((3 * (4 * b + m) + 5 * i) % 7) as f64 / 7.0);
/// let guesses = network.draw(inputs(0).view(), 0)?;
/// let batch = |b: usize| {
///     let inputs = inputs(b);
///     let outputs = Array2::from_shape_fn((4, 1), |(m, _)| inputs[(m, 0)] * inputs[(m, 1)]);
///     let precision = Precision::scalar(400.0)?;
///     let windows = network.pairs((inputs.view(), &precision), (outputs.view(), &precision))?;
///     let weights = guesses.iter().map(|&w| {
///         Ok(Parameter::estimated().guess(w).prior(Gaussian::new(0.0, 3.0)?))
///     });
///     Action::builder(network.clone(), Map)
///         .windows(windows)
///         .parameter_block("weights", weights.collect::<deepest::Result<Vec<_>>>()?)
///         .build()
/// };
/// let schedule = Schedule::geometric(1.0, 10.0, 0..=4)?;
/// let mut training = Minibatches::new(&schedule, 3)?.passes(4);
/// training.run(&batch, &mut |_| ControlFlow::Continue(()))?;
/// let trained = training.evaluate(&batch)?;
/// assert!(trained.total < 6.0);
/// # Ok(())
/// # }
/// ```
#[doc(alias("stochastic gradient", "batch", "training"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "training does nothing until it is run"]
pub struct Minibatches {
    steps: Vec<Step>,
    passes: usize,
    seed: u64,
    /// Turns that were taken.
    turns: usize,
    /// All parameters; empty before the first turn.
    parameters: Vec<f64>,
    /// Those that are estimated and that all windows share; known from the first
    /// turn on.
    shared: Vec<usize>,
    /// What each batch keeps; empty before its first turn.
    kept: Vec<Kept>,
}

/// What is kept of a batch, a number for each shared parameter.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Kept {
    slopes: Vec<f64>,
    curvatures: Vec<f64>,
}

/// A batch's turn.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Turn {
    /// The exponent β of the level.
    pub beta: f64,
    /// The model precision R_f.
    pub rf: f64,
    /// The pass over all batches at this level, from 0.
    pub pass: usize,
    /// The batch.
    pub batch: usize,
    /// The batch's action after the step, priors included in its share of them and
    /// what pulls the parameters left out.
    pub action: ActionTerms,
    /// How far the parameters moved, in units of the deviations that the pull
    /// stands for: the root mean square.
    pub moved: f64,
    /// How the minimization ended.
    pub termination: Termination,
    /// What it took.
    pub work: Work,
}

/// More batches than this are refused as a mistake, before memory is asked for.
const MOST_BATCHES: usize = 1 << 24;

impl Minibatches {
    /// Training on so many batches along a schedule whose steps are given.
    ///
    /// # Errors
    /// [`Error::Empty`] for no batches, [`Error::OutOfRange`] for more than 2²⁴,
    /// [`Error::Contradiction`] for a schedule that chooses its steps on the way, or
    /// whose steps are for a shape of the model precision that the batches do not
    /// have ([`Schedule::shape`]).
    pub fn new(schedule: &Schedule, batches: usize) -> Result<Self> {
        check_count("batches", || "training".into(), batches, MOST_BATCHES)?;
        if batches == 0 {
            return Err(Error::Empty {
                what: "batches",
                place: "training".into(),
            });
        }
        if schedule.steps().is_empty() {
            return Err(Error::Contradiction {
                place: "training".into(),
                first: "steps of R_f that are chosen on the way".into(),
                second: "batches, none of which knows the whole".into(),
            });
        }
        if !schedule.shape().is_empty() {
            return Err(Error::Contradiction {
                place: "training".into(),
                first: "steps of R_f for a shape of the model precision that was balanced".into(),
                second: "batches, whose actions are given theirs".into(),
            });
        }
        Ok(Self {
            steps: schedule.steps().to_vec(),
            passes: 3,
            seed: 0,
            turns: 0,
            parameters: Vec::new(),
            shared: Vec::new(),
            kept: vec![Kept::default(); batches],
        })
    }

    /// Passes over all batches at each level; 3 where this is not called, and at
    /// least one.
    pub fn passes(mut self, passes: usize) -> Self {
        self.passes = passes.max(1);
        self
    }

    /// The seed of the order of the batches, which is another one in each pass.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// All P parameters as they are now, in the model's order; empty before the
    /// first turn.
    #[must_use]
    pub fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    /// Takes all turns that are left, or those until the observer breaks off.
    /// `load` makes the action of a batch: its windows, and with each batch the same
    /// model and parameters.
    ///
    /// # Errors
    /// As [`turn`](Self::turn).
    pub fn run(
        &mut self,
        load: &dyn Fn(usize) -> Result<Action>,
        observe: &mut dyn FnMut(Turn) -> ControlFlow<()>,
    ) -> Result<()> {
        while let Some(turn) = self.turn(load)? {
            if observe(turn).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Takes the next turn; `None` where all were taken.
    ///
    /// # Errors
    /// What `load` says; [`Error::Length`] for a batch with another number of
    /// parameters; [`Error::Normalization`] for another one than *sum*;
    /// [`Error::Contradiction`] for a prior of a shared parameter that is not
    /// Gaussian, for a parameter that is estimated in one batch and not in another,
    /// and where what was kept does not fit together; [`Error::NotPositiveDefinite`] where a batch does not determine its
    /// states; [`Error::ModelNotFinite`].
    pub fn turn(&mut self, load: &dyn Fn(usize) -> Result<Action>) -> Result<Option<Turn>> {
        self.check()?;
        let count = self.kept.len();
        let pass = self.turns / count;
        let Some(&Step { beta, rf }) = self.steps.get(pass / self.passes) else {
            return Ok(None);
        };
        let batch = self.order(pass)[self.turns % count];
        let action = load(batch)?;
        let begin = self.first_path(&action, pass == 0)?;
        let shared = self.shared_by(&action, batch)?;
        let part = self.shared_out(&action)?;
        let x = action.pack(&begin)?;
        let mut objective = action.at(rf)?;
        if !objective.value(&x).is_finite() {
            return Err(objective.locate_non_finite(&x));
        }
        let curvatures = objective.information_diagonal(&x)?;
        self.parameters.clone_from(&begin.parameters);
        self.kept[batch].slopes.resize(shared.len(), 0.0);
        self.kept[batch].curvatures = curvatures;
        self.shared = shared;
        let pulls = self.pulls(batch);
        let pulled = self.pulled(&part, &pulls)?;
        let minimizer = GaussNewton::default().max_factorizations(ITERATIONS);
        let (end, outcome) = minimized(&pulled, &begin, rf, &minimizer)?;
        let mut squares = 0.0;
        for (k, (&p, pull)) in self.shared.iter().zip(&pulls).enumerate() {
            let (before, after) = (self.parameters[p], end.parameters[p]);
            squares += pull.precision * (after - before).powi(2);
            self.kept[batch].slopes[k] = pull.precision * (pull.mean - after);
            self.parameters[p] = after;
        }
        self.turns += 1;
        let turn = Turn {
            beta,
            rf,
            pass: pass % self.passes,
            batch,
            action: part.terms(rf, &end)?,
            moved: (squares / pulls.len().max(1) as f64).sqrt(),
            termination: outcome.termination,
            work: outcome.work,
        };
        Ok(Some(turn))
    }

    /// The action of all batches at the last level with the parameters as they are,
    /// by its terms: the states of each batch are minimized, one batch after the
    /// other.
    ///
    /// # Errors
    /// As [`turn`](Self::turn).
    pub fn evaluate(&self, load: &dyn Fn(usize) -> Result<Action>) -> Result<ActionTerms> {
        self.check()?;
        let rf = self.steps[self.steps.len() - 1].rf;
        let mut sum = ActionTerms::default();
        for batch in 0..self.kept.len() {
            let action = load(batch)?;
            let values = self.values(&action)?;
            let known = action.with_parameters(|p, parameter| match is_shared(&parameter) {
                true => Parameter::fixed(values[p]),
                false => parameter,
            })?;
            let begin = self.first_path(&known, false)?;
            let (end, _) = minimized(&known, &begin, rf, &GaussNewton::default())?;
            let terms = self.shared_out(&action)?.terms(rf, &end)?;
            sum.total += terms.total;
            sum.measurement += terms.measurement;
            sum.model += terms.model;
            sum.prior += terms.prior;
        }
        Ok(sum)
    }

    /// What was kept elsewhere and came back must fit together.
    fn check(&self) -> Result<()> {
        let of = |length: usize| length == 0 || length == self.shared.len();
        let fits =
            |kept: &Kept| of(kept.slopes.len()) && kept.slopes.len() == kept.curvatures.len();
        let inside = self.shared.iter().all(|p| *p < self.parameters.len());
        let begun = !self.steps.is_empty() && !self.kept.is_empty() && self.passes > 0;
        if begun && inside && self.kept.iter().all(fits) {
            return Ok(());
        }
        Err(Error::Contradiction {
            place: "training that was kept".into(),
            first: format!("{} shared parameters", self.shared.len()),
            second: "lists of other lengths, or no steps, passes or batches".into(),
        })
    }

    /// The estimated parameters that all windows of the batch share: those of the
    /// batches before it.
    fn shared_by(&self, action: &Action, batch: usize) -> Result<Vec<usize>> {
        let all = action.parameters().enumerate();
        let shared = all.filter(|(_, (_, p))| is_shared(p)).map(|(p, _)| p);
        let shared: Vec<usize> = shared.collect();
        if self.parameters.is_empty() || shared == self.shared {
            return Ok(shared);
        }
        let differs = |p: &usize| shared.contains(p) != self.shared.contains(p);
        let mut names = action.parameters().enumerate();
        let first = names
            .find(|(p, _)| differs(p))
            .map_or("", |(_, (name, _))| name);
        Err(Error::Contradiction {
            place: format!("training, batch {batch}, parameter {first}"),
            first: "estimated for all windows in one batch".into(),
            second: "not so in another".into(),
        })
    }

    /// The batches as they come in a pass.
    fn order(&self, pass: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.kept.len()).collect();
        order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed_of(
            self.seed, pass,
        )));
        order
    }

    /// The parameters as they are now, or the guesses before the first turn.
    fn values(&self, action: &Action) -> Result<Vec<f64>> {
        let guesses: Vec<f64> = action.parameters().map(|(_, p)| p.initial()).collect();
        if self.parameters.is_empty() {
            return Ok(guesses);
        }
        let place = || String::from("batch");
        check_length("parameters", place, self.parameters.len(), guesses.len())?;
        Ok(self.parameters.clone())
    }

    /// Where states begin: at the mean, or where the model leads from the first layer.
    fn first_path(&self, action: &Action, at_mean: bool) -> Result<Estimate> {
        let parameters = self.values(action)?;
        let mean = action.estimate_of(&rest(action)?).paths;
        let first = mean.iter().map(|path| Path::from_layers([path.layer(0)]));
        let first = Estimate::new(first.collect(), parameters.clone());
        let gain = if action.dynamics().is_in_time() {
            GAIN
        } else {
            0.0
        };
        let led = match at_mean {
            true => None,
            false => lengthened(action, &first, &vec![0; first.paths.len()], gain),
        };
        let paths = led.map_or(mean, |led| led.paths);
        Ok(Estimate::new(paths, parameters))
    }

    /// What pulls the shared parameters on a batch's turn.
    fn pulls(&self, batch: usize) -> Vec<Gaussian> {
        let shared = &self.shared;
        let visited = self.kept.iter().filter(|kept| !kept.slopes.is_empty());
        let count = visited.clone().count() as f64;
        let curvature = |k: usize| visited.clone().map(|b| b.curvatures[k]).sum::<f64>() / count;
        let curvatures: Vec<f64> = (0..shared.len()).map(curvature).collect();
        let mean = curvatures.iter().sum::<f64>() / shared.len() as f64;
        let least = if mean > 0.0 { FLOOR * mean } else { 1.0 };
        let pull = |(k, &p): (usize, &usize)| {
            let precision = PART * curvatures[k].max(least);
            let slopes = visited.clone().map(|b| b.slopes[k]).sum::<f64>();
            let ahead = self.kept[batch].slopes[k] - slopes / self.kept.len() as f64;
            Gaussian {
                mean: self.parameters[p] + ahead / precision,
                precision,
            }
        };
        shared.iter().enumerate().map(pull).collect()
    }

    /// A batch that has its share of the priors, with pulls too.
    fn pulled(&self, part: &Action, pulls: &[Gaussian]) -> Result<Action> {
        let mut pulls = pulls.iter();
        part.with_parameters(|p, parameter| {
            if !is_shared(&parameter) {
                return parameter;
            }
            let Some(pull) = pulls.next() else {
                return parameter;
            };
            let both = match parameter.prior {
                Some(Prior::Gaussian(prior)) => {
                    let precision = prior.precision + pull.precision;
                    let sum = prior.precision * prior.mean + pull.precision * pull.mean;
                    Gaussian {
                        mean: sum / precision,
                        precision,
                    }
                }
                _ => *pull,
            };
            parameter.prior(both).guess(self.parameters[p])
        })
    }

    /// The action of a batch with its share of the priors of shared parameters.
    fn shared_out(&self, action: &Action) -> Result<Action> {
        let all = action.parameters();
        let mut priors = all
            .filter(|(_, p)| is_shared(p))
            .map(|(name, p)| (name, p.prior));
        if let Some((name, _)) = priors.find(|(_, p)| matches!(p, Some(Prior::LogNormal(_)))) {
            return Err(Error::Contradiction {
                place: format!("training, parameter {name}"),
                first: "a log-normal prior".into(),
                second: "a share of it for each batch".into(),
            });
        }
        let share = 1.0 / self.kept.len() as f64;
        action.with_parameters(|_, parameter| match parameter.prior {
            Some(Prior::Gaussian(prior)) if is_shared(&parameter) => parameter.prior(Gaussian {
                precision: share * prior.precision,
                ..prior
            }),
            _ => parameter,
        })
    }
}

/// The minimum that an estimate leads to.
fn minimized(
    action: &Action,
    begin: &Estimate,
    rf: f64,
    minimizer: &GaussNewton,
) -> Result<(Estimate, Outcome)> {
    let mut objective = action.at(rf)?;
    let mut x = action.pack(begin)?;
    objective.scale_from(&x);
    let outcome = minimizer.minimize(&mut objective, &mut x, &mut |_| ControlFlow::Continue(()));
    match outcome.termination {
        Termination::NonFinite => Err(objective.locate_non_finite(&x)),
        _ => Ok((action.estimate_of(&x), outcome)),
    }
}

/// Whether all windows have one unknown value.
fn is_shared(parameter: &Parameter) -> bool {
    parameter.fixed.is_none() && parameter.reach == Reach::All
}
