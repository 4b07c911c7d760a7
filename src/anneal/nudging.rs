//! Nudged starts: the model is integrated forward and pulled towards the data.

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::settling::{SETTLED, Settled, Settler, Settling};
use super::signal::Signal;
use super::starts::guess_parameters;
use crate::action::{Action, Estimate};
use crate::discretization::{Pull, Rule, Span};
use crate::error::Result;
use crate::model::Model;
use crate::path::Path;

/// Gains of the paths that one nudged start compares, in units of 1/Δ. Which of
/// them synchronizes depends on the model and on what is observed.
const GAINS: [f64; 4] = [0.125, 0.25, 0.5, 1.0];

/// Guesses of the parameters for each gain.
const GUESSES: usize = 32;

/// How often a start is nudged anew with the parameters it led to.
const ROUNDS: usize = 3;

/// Two paths whose actions differ by less than this part have settled at the
/// same minimum.
const SAME: f64 = 5e-4;

/// Attempts at one integration, each with twice the gain and the sub-steps.
const ATTEMPTS: u8 = 4;

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

/// Nudges over the whole windows, and settles; `None` where no path stays near
/// the data.
pub(super) fn nudge<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    signals: &[Signal<'_>],
    rng: &mut Xoshiro256PlusPlus,
    settling: Settling<'_>,
) -> Result<Option<Settled>> {
    let nudging = Nudging { action, signals };
    let estimated = action.parameters().any(|(_, p)| p.fixed.is_none());
    let guesses = if estimated { GUESSES } else { 1 };
    let nudged = nudging.scan(&GAINS, guesses, rng)?;
    let mut settler = Settler::new(settling);
    let settled = nudging.settle(&nudged, &mut settler)?;
    Ok(settled.map(|x| settler.done(x)))
}

impl<M: Model, R: Rule<M>> Nudging<'_, M, R> {
    /// For each gain, integrates with several guesses of the parameters and of
    /// the first states and keeps the path that follows the data best: a model
    /// with wrong parameters synchronizes badly. A guess that needs a stronger
    /// pull than another is worse, however close it follows. A gain with which
    /// none stays near the data gives none.
    pub(super) fn scan(
        &self,
        gains: &[f64],
        guesses: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Nudged>> {
        let mut objective = self.action.at(1.0)?;
        let mut nudged = Vec::new();
        for &gain in gains {
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
    /// unknowns; the settler has the R_f, zero where no path has one.
    pub(super) fn settle(
        &self,
        nudged: &[Nudged],
        settler: &mut Settler<'_>,
    ) -> Result<Option<Vec<f64>>> {
        settler.choose_rf(nudged.iter().map(|path| path.balance));
        let mut best: Option<(f64, Vec<f64>, f64)> = None;
        for path in nudged {
            let (value, x) = settler.minimize(self.action, &path.estimate)?;
            // NaN is no progress, but the first is kept to be told of.
            let lower = best.as_ref().is_none_or(|(least, ..)| value < *least);
            // Two that came to the same: the data leave no choice.
            let same = best
                .as_ref()
                .is_some_and(|(least, ..)| (value - least).abs() < SAME * least);
            if lower {
                best = Some((value, x, path.gain));
            }
            if same || settler.is_over() {
                return Ok(best.map(|(_, x, _)| x));
            }
        }
        let Some((mut least, mut x, gain)) = best else {
            return Ok(None);
        };
        for _ in 1..ROUNDS {
            let settled = self.action.unpack(&x);
            let paths = settled.paths.iter();
            let first: Vec<_> = paths.map(|path| path.layer(0).to_vec()).collect();
            let Some((_, paths)) = self.paths(gain, &settled.parameters, &first) else {
                break;
            };
            let again = Estimate { paths, ..settled };
            let (value, again) = settler.minimize(self.action, &again)?;
            if value < (1.0 - SETTLED) * least {
                (least, x) = (value, again);
            } else {
                break;
            }
        }
        Ok(Some(x))
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
            let (attempts, path) = self.path(w, gain, parameters, vec![first.clone()])?;
            most = most.max(attempts);
            Some(path)
        });
        let paths = paths.collect::<Option<Vec<_>>>()?;
        Some((most, paths))
    }

    /// A path of window `w` that begins with the given layers, and the attempts
    /// that it took: a run that leaves the neighbourhood of the data is tried
    /// again.
    pub(super) fn path(
        &self,
        w: usize,
        gain: f64,
        parameters: &[f64],
        mut layers: Vec<Vec<f64>>,
    ) -> Option<(u8, Path)> {
        let known = layers.len();
        (0..ATTEMPTS).find_map(|attempt| {
            let finer = 1_u8 << attempt;
            let strength = (gain * f64::from(finer), usize::from(finer));
            layers.truncate(known);
            self.extend(w, parameters, &mut layers, strength)?;
            Some((attempt, Path::from_layers(&layers)))
        })
    }

    /// Goes on from the last of `layers` to the end of window `w`; `None` where
    /// that leaves the neighbourhood of the data.
    fn extend(
        &self,
        w: usize,
        parameters: &[f64],
        layers: &mut Vec<Vec<f64>>,
        (gain, substeps): (f64, usize),
    ) -> Option<()> {
        let (signal, layout) = (&self.signals[w], &self.action.layout().windows[w]);
        let window = &self.action.windows()[w];
        for n in layers.len() - 1..layout.layers() - 1 {
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
        Some(())
    }
}
