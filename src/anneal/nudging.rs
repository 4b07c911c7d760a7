//! Nudged starts: the model is integrated forward and pulled towards the data.

use std::ops::ControlFlow;

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::signal::Signal;
use super::starts::guess_parameters;
use crate::action::{Action, Estimate};
use crate::discretization::{Pull, Rule, Span};
use crate::error::{Error, Result};
use crate::minimize::{Iteration, Minimizer, Work};
use crate::model::Model;
use crate::path::Path;

/// Gains of the paths that one nudged start compares, in units of 1/Δ. Which of
/// them synchronizes depends on the model and on what is observed.
const GAINS: [f64; 4] = [0.125, 0.25, 0.5, 1.0];

/// Guesses of the parameters for each gain.
const GUESSES: usize = 32;

/// How often a start is nudged anew with the parameters it led to.
const ROUNDS: usize = 3;

/// Settling ends with an iteration that lowers the action by less than this
/// part, or after so many iterations.
const SETTLED: f64 = 0.01;
const MOST_ITERATIONS: usize = 15;

/// Two paths whose actions differ by less than this part have settled at the
/// same minimum.
const SAME: f64 = 5e-4;

/// Attempts at one integration, each with twice the gain and the sub-steps.
const ATTEMPTS: u8 = 4;

/// What settling needs: a minimizer, the smallest R_f of the ladder, and who
/// is told the R_f and each iteration.
pub(super) struct Settling<'a> {
    pub(super) minimizer: &'a dyn Minimizer,
    pub(super) lowest: f64,
    pub(super) watch: &'a mut dyn FnMut(f64, Iteration) -> ControlFlow<()>,
}

/// What the nudged paths of one start have in common.
pub(super) struct Nudging<'a, M, R> {
    pub(super) action: &'a Action<M, R>,
    pub(super) signals: &'a [Signal<'a>],
}

/// A nudged path.
pub(super) struct Nudged {
    gain: f64,
    estimate: Estimate,
    /// R_f where its model error weighs as much as its measurement error.
    balance: f64,
}

impl<M: Model, R: Rule<M>> Nudging<'_, M, R> {
    /// For each gain, integrates with several guesses of the parameters and of
    /// the first states and keeps the path that follows the data best: a model
    /// with wrong parameters synchronizes badly. A guess that needs a stronger
    /// pull than another is worse, however close it follows. A gain with which
    /// none stays near the data gives none.
    pub(super) fn scan(&self, rng: &mut Xoshiro256PlusPlus) -> Result<Vec<Nudged>> {
        let estimated = self.action.parameters().any(|(_, p)| p.fixed.is_none());
        let guesses = if estimated { GUESSES } else { 1 };
        let mut objective = self.action.at(1.0)?;
        let mut nudged = Vec::new();
        for gain in GAINS {
            let mut best: Option<((u8, f64), Nudged)> = None;
            for guess in 0..guesses {
                let parameters = guess_parameters(self.action, guess == 0, rng);
                let windows = 0..self.signals.len();
                let first: Vec<_> = windows.map(|w| self.first_state(w, rng)).collect();
                let Some((attempts, paths)) = self.paths(gain, &parameters, &first) else {
                    continue;
                };
                let estimate = Estimate::new(paths, parameters);
                let terms = objective.terms(&self.action.pack(&estimate)?);
                let cost = (attempts, terms.measurement);
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    let path = Nudged {
                        gain,
                        estimate,
                        balance: terms.measurement / terms.model,
                    };
                    best = Some((cost, path));
                }
            }
            nudged.extend(best.map(|(_, path)| path));
        }
        Ok(nudged)
    }

    /// Minimizes each path at the R_f where model error weighs as much as
    /// measurement error, goes on with the lowest, and nudges anew with the
    /// parameters found there as long as that leads lower. At the small R_f
    /// where a ladder begins, unobserved components would first be drawn to what
    /// explains the noise in the data, and synchronization be lost. Returns the
    /// unknowns, their R_f (zero where no path has one) and the work.
    pub(super) fn settle(
        &self,
        nudged: &[Nudged],
        settling: Settling<'_>,
    ) -> Result<(Vec<f64>, f64, Work)> {
        let Settling {
            minimizer,
            lowest,
            watch: tell,
        } = settling;
        let mut work = Work::default();
        let balances = nudged.iter().map(|path| path.balance);
        let balances = balances.filter(|b| b.is_finite() && *b > lowest);
        let Some(rf) = balances.reduce(f64::min) else {
            let first = nudged.iter().map(|path| self.action.pack(&path.estimate));
            return Ok((
                first.take(1).collect::<Result<Vec<_>>>()?.concat(),
                0.0,
                work,
            ));
        };
        let mut objective = self.action.at(rf)?;
        let mut cancelled = false;
        let mut minimize = |estimate: &Estimate| {
            let mut x = self.action.pack(estimate)?;
            objective.scale_from(&x);
            let mut last = f64::INFINITY;
            let mut watch = |iteration: Iteration| {
                let decrease = last - iteration.value;
                last = iteration.value;
                cancelled |= tell(rf, iteration).is_break();
                if cancelled || decrease < SETTLED * last || iteration.number >= MOST_ITERATIONS {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let outcome = minimizer.minimize(&mut objective, &mut x, &mut watch);
            work.add(outcome.work);
            Ok::<_, Error>((outcome.value, x, cancelled))
        };
        let mut best = (f64::INFINITY, Vec::new());
        let mut gain = 0.0;
        for path in nudged {
            let (value, x, cancelled) = minimize(&path.estimate)?;
            // Two that came to the same: the data leave no choice.
            if (value - best.0).abs() < SAME * best.0 {
                return Ok((best.1, rf, work));
            }
            // NaN is no progress, but the first is kept to be told of.
            if best.1.is_empty() || value < best.0 {
                best = (value, x);
                gain = path.gain;
            }
            if cancelled {
                return Ok((best.1, rf, work));
            }
        }
        for _ in 1..ROUNDS {
            let settled = self.action.unpack(&best.1);
            let paths = settled.paths.iter();
            let first: Vec<_> = paths.map(|path| path.layer(0).to_vec()).collect();
            let Some((_, paths)) = self.paths(gain, &settled.parameters, &first) else {
                break;
            };
            let (value, x, cancelled) = minimize(&Estimate { paths, ..settled })?;
            let lower = value < (1.0 - SETTLED) * best.0;
            if lower {
                best = (value, x);
            }
            if cancelled || !lower {
                break;
            }
        }
        Ok((best.1, rf, work))
    }

    /// Data where there are any, else a draw from around where the component
    /// rests.
    fn first_state(&self, w: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let signal = &self.signals[w];
        let width = self.action.layout().windows[w].state(0).len();
        let component = |i| {
            let z: f64 = StandardNormal.sample(rng);
            let guessed = signal.inside(i, signal.rest(i) + z * signal.unrest(i));
            signal.value(0, i).unwrap_or(guessed)
        };
        (0..width).map(component).collect()
    }

    /// A path for each window, and the most attempts that one took.
    fn paths(&self, gain: f64, parameters: &[f64], first: &[Vec<f64>]) -> Option<(u8, Vec<Path>)> {
        let mut most = 0;
        let paths = first.iter().enumerate().map(|(w, first)| {
            // A run that leaves the neighbourhood of the data is tried again.
            let (attempt, path) = (0..ATTEMPTS).find_map(|attempt| {
                let finer = 1_u8 << attempt;
                let strength = (gain * f64::from(finer), usize::from(finer));
                Some((attempt, self.integrate(w, parameters, first, strength)?))
            })?;
            most = most.max(attempt);
            Some(path)
        });
        let paths = paths.collect::<Option<Vec<_>>>()?;
        Some((most, paths))
    }

    fn integrate(
        &self,
        w: usize,
        parameters: &[f64],
        first: &[f64],
        (gain, substeps): (f64, usize),
    ) -> Option<Path> {
        let (signal, layout) = (&self.signals[w], &self.action.layout().windows[w]);
        let window = &self.action.windows()[w];
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
                followed: false,
                inputs: window.known_inputs(),
            };
            let model = self.action.model();
            let rule = self.action.rule();
            rule.advance(model, span, &layers[n], parameters, &pull, &mut next);
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
}
