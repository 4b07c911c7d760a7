//! Nudged starts: the model is integrated forward and pulled towards the data.

use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::rest::{guess_parameters, mean as resting};
use super::settling::{SETTLED, Settler};
use super::signal::Signal;
use crate::action::{Action, Estimate};
use crate::discretization::{Pull, Span};
use crate::error::Result;
use crate::objective::ActionAt;
use crate::problem::path::Path;

/// Gains of the paths that one nudged start compares, in units of 1/Δ. Which of
/// them synchronizes depends on the model and on what is observed.
const GAINS: [f64; 4] = [0.125, 0.25, 0.5, 1.0];

/// Guesses of the parameters for each gain.
const GUESSES: usize = 32;

/// How often the best path of a gain is nudged back to its first state and on again.
const RETURNS: usize = 2;

/// How often a start is nudged anew with the parameters it led to.
const ROUNDS: usize = 3;

/// Two paths whose actions differ by less than this part have settled at the
/// same minimum.
const SAME: f64 = 5e-4;

/// Attempts at one integration, each with twice the gain and the sub-steps.
const ATTEMPTS: u8 = 4;

/// What the nudged paths of one start have in common.
pub(super) struct Nudging<'a> {
    pub(super) action: &'a Action,
    pub(super) signals: &'a [Signal<'a>],
}

/// A nudged path.
pub(super) struct Nudged {
    gain: f64,
    estimate: Estimate,
    /// R_f where its model error weighs as much as its measurement error.
    balance: f64,
    /// The windows whose data no path stays near, the attempts that it took, and its
    /// measurement error.
    cost: (usize, u8, f64),
}

/// Nudged paths of all windows, one of which at least stays near the data.
struct Paths {
    paths: Vec<Path>,
    /// Windows where nothing does: they rest.
    lost: usize,
    /// The most attempts that one took.
    attempts: u8,
}

/// Nudges over the whole windows, and settles: the unknowns. `None` where no path
/// stays near the data.
pub(super) fn nudge(
    action: &Action,
    rng: &mut Xoshiro256PlusPlus,
    settler: &mut Settler<'_>,
) -> Result<Option<Vec<f64>>> {
    let signals = Signal::of_all(action);
    let nudging = Nudging {
        action,
        signals: &signals,
    };
    let estimated = action.parameters().any(|(_, p)| p.fixed.is_none());
    let guesses = if estimated { GUESSES } else { 1 };
    let nudged = nudging.scan(&GAINS, guesses, rng)?;
    nudging.settle(&nudged, settler)
}

/// The estimate of some layers of a longer part, nudged on to its end and back to its
/// beginning, freely where nothing was measured; `before[w]` layers of the part come
/// before those of the estimate. `None` where that leaves the neighbourhood of the data.
pub(crate) fn lengthened(
    part: &Action,
    estimate: &Estimate,
    before: &[usize],
    gain: f64,
) -> Option<Estimate> {
    let (lengthened, lost) = lengthened_in_part(part, estimate, before, gain)?;
    (lost == 0).then_some(lengthened)
}

/// The same where some windows leave the neighbourhood of their data, and how many
/// do: what is added to these rests. `None` where all do.
pub(super) fn lengthened_in_part(
    part: &Action,
    estimate: &Estimate,
    before: &[usize],
    gain: f64,
) -> Option<(Estimate, usize)> {
    let signals = Signal::of_all(part);
    let nudging = Nudging {
        action: part,
        signals: &signals,
    };
    let theta = &estimate.parameters;
    let paths = estimate.paths.iter().zip(before).enumerate();
    let led = paths.map(|(w, (path, &before))| {
        let known = (0..path.layers()).map(|n| path.layer(n).to_vec());
        let last = before + path.layers() - 1;
        let (_, mut layers) = nudging.layers((w, false), gain, theta, (known.collect(), last))?;
        if before > 0 {
            layers.reverse();
            (_, layers) = nudging.layers((w, true), gain, theta, (layers, before))?;
            layers.reverse();
        }
        Some(Path::from_layers(layers))
    });
    let led: Vec<Option<Path>> = led.collect();
    let lost = led.iter().filter(|path| path.is_none()).count();
    if lost == led.len() {
        return None;
    }
    let around = |w: usize| {
        let (resting, known, before) = (nudging.resting(w), &estimate.paths[w], before[w]);
        Path::from_layers((0..resting.layers()).map(|n| {
            let inside = n.checked_sub(before).filter(|n| *n < known.layers());
            inside.map_or_else(|| resting.layer(n).to_vec(), |n| known.layer(n).to_vec())
        }))
    };
    let paths = led.into_iter().enumerate();
    let paths = paths.map(|(w, path)| path.unwrap_or_else(|| around(w)));
    let paths: Vec<Path> = paths.collect();
    // Parameters that change in time are what they are at the nearest known layer.
    let varying = estimate.varying.iter().zip(before).zip(&paths);
    let varying = varying.map(|((old, before), path)| {
        let last = old.layers().saturating_sub(1);
        let layers = 0..path.layers();
        Path::from_layers(layers.map(|n| old.layer(n.saturating_sub(*before).min(last))))
    });
    let lengthened = Estimate {
        varying: varying.collect(),
        paths,
        ..estimate.clone()
    };
    Some((lengthened, lost))
}

impl Nudging<'_> {
    /// For each gain, integrates with several guesses of the parameters and of
    /// the first states and keeps the path that follows the data best: a model
    /// with wrong parameters synchronizes badly. A guess that loses more windows, or
    /// needs a stronger pull than another, is worse, however close it follows. A gain
    /// with which no window stays near the data gives none.
    pub(super) fn scan(
        &self,
        gains: &[f64],
        guesses: usize,
        rng: &mut Xoshiro256PlusPlus,
    ) -> Result<Vec<Nudged>> {
        let mut objective = self.action.at(1.0)?;
        let mut nudged = Vec::new();
        for &gain in gains {
            let mut best: Option<Nudged> = None;
            for guess in 0..guesses {
                let parameters = guess_parameters(self.action, guess == 0, rng);
                let windows = 0..self.signals.len();
                let first: Vec<_> = windows.map(|w| self.first_state(w, rng)).collect();
                self.try_path(&mut objective, (gain, &parameters, &first), &mut best)?;
            }
            for _ in 0..RETURNS {
                let there = best.as_ref();
                let back = there
                    .and_then(|path| Some((path.estimate.parameters.clone(), self.back(path)?)));
                let Some((parameters, first)) = back else {
                    break;
                };
                if !self.try_path(&mut objective, (gain, &parameters, &first), &mut best)? {
                    break;
                }
            }
            nudged.extend(best);
        }
        Ok(nudged)
    }

    /// Nudges from these first states, and keeps the path where it is better than
    /// the best; whether it is.
    fn try_path(
        &self,
        objective: &mut ActionAt<'_>,
        (gain, parameters, first): (f64, &[f64], &[Vec<f64>]),
        best: &mut Option<Nudged>,
    ) -> Result<bool> {
        let Some(led) = self.paths(gain, parameters, first) else {
            return Ok(false);
        };
        let estimate = Estimate::new(led.paths, parameters.to_vec());
        let terms = objective.terms(&self.action.pack(&estimate)?);
        let cost = (led.lost, led.attempts, terms.measurement);
        let better = best.as_ref().is_none_or(|best| cost < best.cost);
        let better = better && cost.2.is_finite();
        if better {
            *best = Some(Nudged {
                gain,
                estimate,
                balance: terms.measurement / terms.model,
                cost,
            });
        }
        Ok(better)
    }

    /// First states that a path comes to when it is nudged back from its last ones:
    /// what the data say of the beginning only later. (Auroux and Blum, Comptes
    /// Rendus Mathématique 340, 873, 2005.)
    fn back(&self, path: &Nudged) -> Option<Vec<Vec<f64>>> {
        if !self.action.dynamics().is_in_time() {
            return None;
        }
        let (parameters, paths) = (&path.estimate.parameters, &path.estimate.paths);
        let first = paths.iter().enumerate().map(|(w, of)| {
            let last = of.layers() - 1;
            let known = (vec![of.layer(last).to_vec()], last);
            let (_, mut layers) = self.layers((w, true), path.gain, parameters, known)?;
            layers.pop()
        });
        let first: Vec<Option<Vec<f64>>> = first.collect();
        first.iter().any(Option::is_some).then(|| {
            let kept = first.into_iter().zip(paths);
            let kept = kept.map(|(first, of)| first.unwrap_or_else(|| of.layer(0).to_vec()));
            kept.collect()
        })
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
            let lost = path.cost.0;
            let (value, x) = settler.minimize(self.action, &path.estimate)?;
            // NaN is no progress, but the first is kept to be told of.
            let lower = best.as_ref().is_none_or(|(least, ..)| value < *least);
            // Two that came to the same: the data leave no choice.
            let same = best
                .as_ref()
                .is_some_and(|(least, ..)| (value - least).abs() < SAME * least);
            if lower {
                settler.lose(lost);
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
            let settled = self.action.estimate_of(&x);
            let paths = settled.paths.iter();
            let first: Vec<_> = paths.map(|path| path.layer(0).to_vec()).collect();
            let Some(led) = self.paths(gain, &settled.parameters, &first) else {
                break;
            };
            let (paths, lost) = (led.paths, led.lost);
            let again = Estimate { paths, ..settled };
            let (value, again) = settler.minimize(self.action, &again)?;
            if value < (1.0 - SETTLED) * least {
                settler.lose(lost);
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
            signal.first(i).unwrap_or(guessed)
        };
        (0..width).map(component).collect()
    }

    /// A path for each window; `None` where none stays near its data.
    fn paths(&self, gain: f64, parameters: &[f64], first: &[Vec<f64>]) -> Option<Paths> {
        let (mut lost, mut most) = (0, 0);
        let paths = first.iter().enumerate().map(|(w, first)| {
            let known = (vec![first.clone()], 0);
            let Some((attempts, layers)) = self.layers((w, false), gain, parameters, known) else {
                lost += 1;
                return self.resting(w);
            };
            most = most.max(attempts);
            Path::from_layers(layers)
        });
        let paths: Vec<Path> = paths.collect();
        (lost < paths.len()).then_some(Paths {
            paths,
            lost,
            attempts: most,
        })
    }

    /// The path of a window that nothing can be nudged along.
    fn resting(&self, w: usize) -> Path {
        resting(self.action, w, &self.signals[w])
    }

    /// The given layers of window `w`, the last at layer `last`, and all that follow,
    /// or those before in the order in which they are come to, and the attempts that it took: a run that
    /// leaves the neighbourhood of the data is tried again.
    fn layers(
        &self,
        (w, backwards): (usize, bool),
        gain: f64,
        parameters: &[f64],
        (mut layers, last): (Vec<Vec<f64>>, usize),
    ) -> Option<(u8, Vec<Vec<f64>>)> {
        let known = layers.len();
        let attempts = (0..ATTEMPTS).find(|attempt| {
            let finer = 1_u8 << attempt;
            let strength = (gain * f64::from(finer), usize::from(finer));
            layers.truncate(known);
            let run = self.extend((w, backwards), parameters, (&mut layers, last), strength);
            run.is_some()
        })?;
        Some((attempts, layers))
    }

    /// Goes on from the last of `layers`, the state at layer `from`, to the end of
    /// window `w`, or to its beginning; `None` where that leaves the neighbourhood of the data.
    fn extend(
        &self,
        (w, backwards): (usize, bool),
        parameters: &[f64],
        (layers, from): (&mut Vec<Vec<f64>>, usize),
        (gain, substeps): (f64, usize),
    ) -> Option<()> {
        let (signal, layout) = (&self.signals[w], &self.action.layout().windows[w]);
        let window = &self.action.windows()[w];
        let count = match backwards {
            true => from,
            false => layout.layers() - 1 - from,
        };
        let steps = (0..count).map(|k| match backwards {
            true => [from - k, from - k - 1],
            false => [from + k, from + k + 1],
        });
        for [from, to] in steps {
            let targets: Vec<_> = signal.targets(from, to).collect();
            let pull = Pull {
                targets: &targets,
                gain,
                substeps,
            };
            let mut next = vec![0.0; layout.state(to).len()];
            let span = Span {
                index: from.min(to),
                times: &[from, to].map(|n| window.grid().times()[n]),
                follows: false,
                followed: false,
                inputs: window.known_inputs(),
            };
            let dynamics = self.action.dynamics();
            let state = layers.last()?;
            dynamics.advance(span, state, parameters, &pull, &mut next);
            if signal.is_lost(to, &next) {
                return None;
            }
            for (i, v) in next.iter_mut().enumerate() {
                *v = signal.inside(i, *v);
            }
            signal.correct(to, parameters, gain.min(1.0), &mut next);
            layers.push(next);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
