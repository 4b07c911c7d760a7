//! What an annealing is, in a few numbers: another one has others.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::super::hash::Hash;
use super::super::ladder::{Ladder, Steps};
use super::super::rest::rest;
use super::super::{Annealer, Starts};
use crate::action::Action;
use crate::error::Result;
use crate::minimize::{Objective, project};
use crate::problem::parameters::Reach;

/// The parts of an annealing that a result depends on, by name.
pub(super) fn parts(
    annealer: &Annealer,
    ladder: &Ladder,
    action: &Action,
) -> Result<Vec<(&'static str, u64)>> {
    Ok(vec![
        ("the schedule", schedule(ladder)),
        ("how starts are made", starts(&annealer.kinds())),
        ("the number of starts", annealer.count as u64),
        ("whether starts race", u64::from(annealer.races)),
        ("the seed", annealer.seed),
        ("the minimizer", minimizer(annealer, action)),
        ("the parameters", parameters(action)),
        ("the data", data(action)),
        ("the action", values(ladder, action)?),
    ])
}

/// Its settings, its unknowns, and how Newton steps are solved for it.
fn minimizer(annealer: &Annealer, action: &Action) -> u64 {
    let mut hash = Hash::new();
    hash.text(&annealer.minimizer.settings());
    hash.text(if annealer.by_errors {
        "errors"
    } else {
        "states"
    });
    hash.text(&action.equations.to_string());
    hash.value()
}

fn schedule(ladder: &Ladder) -> u64 {
    let mut hash = Hash::new();
    match &ladder.steps {
        Steps::Fixed(steps) => {
            hash.text("fixed");
            steps
                .iter()
                .for_each(|step| hash.numbers(&[step.beta, step.rf]));
        }
        Steps::Adaptive(range) => {
            hash.text("adaptive");
            hash.numbers(&range.numbers());
        }
    }
    hash.value()
}

fn starts(starts: &Starts) -> u64 {
    let mut hash = Hash::new();
    add_starts(starts, &mut hash);
    hash.value()
}

fn add_starts(starts: &Starts, hash: &mut Hash) {
    hash.text(starts.name());
    match starts {
        Starts::Given(estimate) => {
            for path in estimate.paths.iter().chain(&estimate.varying) {
                hash.count(path.layers());
                hash.numbers(path.values());
            }
            hash.numbers(&estimate.parameters);
            estimate.per_window.iter().for_each(|own| hash.numbers(own));
            hash.numbers(&estimate.shape);
        }
        Starts::Mixed(kinds) => {
            hash.count(kinds.len());
            kinds.iter().for_each(|kind| add_starts(kind, hash));
        }
        _ => {}
    }
}

/// Names, kinds, bounds, guesses and priors.
fn parameters(action: &Action) -> u64 {
    let mut hash = Hash::new();
    for (name, parameter) in action.parameters() {
        hash.text(name);
        hash.numbers(&[parameter.bounds.lower(), parameter.bounds.upper()]);
        for known in [parameter.fixed, parameter.guess] {
            hash.count(usize::from(known.is_some()));
            hash.number(known.unwrap_or(0.0));
        }
        match parameter.prior {
            None => hash.text("no prior"),
            Some(prior) => {
                hash.text(prior.name());
                hash.numbers(&prior.numbers());
            }
        }
        match parameter.reach {
            Reach::All => hash.text("all"),
            Reach::Window => hash.text("window"),
            Reach::Layer(drift) => {
                hash.text("layer");
                hash.numbers(&[drift.mean, drift.rate, drift.precision]);
            }
        }
    }
    hash.value()
}

/// Times and measured values.
fn data(action: &Action) -> u64 {
    let mut hash = Hash::new();
    for window in action.windows() {
        hash.numbers(window.grid().times());
        for observations in window.observation_sets() {
            hash.numbers(observations.times());
            hash.numbers(observations.values());
        }
    }
    hash.value()
}

/// How far from where the unknowns rest the action is evaluated, in their
/// scales: near, where every model is finite, and far, where robust losses
/// differ.
const DISTANCES: [f64; 2] = [0.015625, 4.0];

/// What no name tells, models and operators that are the user's code, tells
/// itself by its values: the action and its gradient at a few random points,
/// and the bounds. The model weighs little at the first R_f and much at the last.
fn values(ladder: &Ladder, action: &Action) -> Result<u64> {
    let mut hash = Hash::new();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let rest = rest(action)?;
    let ends = [ladder.lowest(), ladder.highest()];
    let mut objective = action.at(ends[0])?;
    objective.scale_from(&rest);
    hash.numbers(objective.lower());
    hash.numbers(objective.upper());
    let mut gradient = vec![0.0; rest.len()];
    for rf in ends {
        objective.set_rf(rf)?;
        for distance in DISTANCES {
            let mut x = rest.clone();
            for (v, scale) in x.iter_mut().zip(objective.scales()) {
                *v += distance * scale * rng.random_range(-1.0..1.0);
            }
            project(&mut x, objective.lower(), objective.upper());
            let value = objective.value_and_gradient(&x, &mut gradient);
            hash.number(value);
            hash.numbers(&gradient);
        }
    }
    Ok(hash.value())
}
