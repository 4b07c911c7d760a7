//! Nudged starts: the model is integrated forward and pulled towards the data.

use std::ops::ControlFlow;

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::signal::Signal;
use super::starts::guess_parameters;
use crate::action::{Action, Estimate};
use crate::discretization::{Pull, Rule, Span};
use crate::error::Result;
use crate::minimize::{Iteration, Minimizer, Work};
use crate::model::Model;
use crate::path::Path;

/// Guesses of the parameters that one nudged start compares.
const GUESSES: usize = 16;

/// How often a start is nudged anew with the parameters it led to.
const ROUNDS: usize = 3;

/// Settling ends with an iteration that lowers the action by less than this
/// part, or after so many iterations.
const SETTLED: f64 = 0.01;
const MOST_ITERATIONS: usize = 15;

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
    /// The gain in units of 1/Δ.
    pub(super) gain: f64,
}

impl<M: Model, R: Rule<M>> Nudging<'_, M, R> {
    /// Integrates with several guesses of the parameters and of the first
    /// states and keeps the one that follows the data best: a model with wrong
    /// parameters synchronizes badly. A guess that needs a stronger pull than
    /// another is worse, however close it follows. `None` where none stays
    /// near the data.
    pub(super) fn scan(&self, rng: &mut Xoshiro256PlusPlus) -> Result<Option<Estimate>> {
        let estimated = self.action.parameters().any(|(_, p)| p.fixed.is_none());
        let guesses = if estimated { GUESSES } else { 1 };
        let mut best: Option<((u8, f64), Estimate)> = None;
        for guess in 0..guesses {
            let parameters = guess_parameters(self.action, guess == 0, rng);
            let windows = 0..self.signals.len();
            let first: Vec<_> = windows.map(|w| self.first_state(w, rng)).collect();
            let Some((attempts, paths)) = self.paths(&parameters, &first) else {
                continue;
            };
            let estimate = Estimate::new(paths, parameters);
            let misfit = self.action.terms(1.0, &estimate)?.measurement;
            let cost = (attempts, misfit);
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, estimate));
            }
        }
        Ok(best.map(|(_, estimate)| estimate))
    }

    /// Minimizes at the R_f where the nudged path's model error weighs as much
    /// as its measurement error, then nudges anew with the parameters found
    /// there, as long as that leads lower. At the small R_f where a ladder
    /// begins, unobserved components would first be drawn to what explains the
    /// noise in the data, and synchronization be lost.
    pub(super) fn settle(
        &self,
        estimate: &Estimate,
        settling: Settling<'_>,
    ) -> Result<(Vec<f64>, f64, Work)> {
        let Settling {
            minimizer,
            lowest,
            watch: tell,
        } = settling;
        let mut x = self.action.pack(estimate)?;
        let mut work = Work::default();
        let terms = self.action.terms(1.0, estimate)?;
        let balance = terms.measurement / terms.model;
        if !(balance.is_finite() && balance > lowest) {
            return Ok((x, 0.0, work));
        }
        let mut objective = self.action.at(balance)?;
        let mut cancelled = false;
        let mut minimize = |x: &mut [f64]| {
            objective.scale_from(x);
            let mut last = f64::INFINITY;
            let mut watch = |iteration: Iteration| {
                let decrease = last - iteration.value;
                last = iteration.value;
                cancelled |= tell(balance, iteration).is_break();
                if cancelled || decrease < SETTLED * last || iteration.number >= MOST_ITERATIONS {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            };
            let outcome = minimizer.minimize(&mut objective, x, &mut watch);
            work.add(outcome.work);
            (outcome.value, cancelled)
        };
        let (mut value, mut cancelled) = minimize(&mut x);
        for _ in 1..ROUNDS {
            if cancelled {
                break;
            }
            let settled = self.action.unpack(&x);
            let paths = settled.paths.iter();
            let first: Vec<_> = paths.map(|path| path.layer(0).to_vec()).collect();
            let Some((_, paths)) = self.paths(&settled.parameters, &first) else {
                break;
            };
            let again = Estimate { paths, ..settled };
            let mut trial = self.action.pack(&again)?;
            let reached;
            (reached, cancelled) = minimize(&mut trial);
            // NaN is no progress.
            let lower = reached < (1.0 - SETTLED) * value;
            if !lower {
                break;
            }
            (value, x) = (reached, trial);
        }
        Ok((x, balance, work))
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
    fn paths(&self, parameters: &[f64], first: &[Vec<f64>]) -> Option<(u8, Vec<Path>)> {
        let mut most = 0;
        let paths = first.iter().enumerate().map(|(w, first)| {
            // A run that leaves the neighbourhood of the data is tried again.
            let (attempt, path) = (0..ATTEMPTS).find_map(|attempt| {
                let finer = 1_u8 << attempt;
                let strength = (self.gain * f64::from(finer), usize::from(finer));
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
