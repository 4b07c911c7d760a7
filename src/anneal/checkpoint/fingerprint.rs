//! What an annealing is, in a few numbers: another one has others.

use std::fmt::Write;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::super::ladder::Ladder;
use super::super::{Annealer, starts};
use crate::action::Action;
use crate::error::Result;
use crate::minimize::{Objective, project};

/// FNV-1a with 64 bits (Fowler, Noll, Vo): no change of one byte goes unseen.
pub(super) struct Hash(u64);

impl Hash {
    pub(super) fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    pub(super) fn of(bytes: &[u8]) -> u64 {
        let mut hash = Self::new();
        hash.bytes(bytes);
        hash.0
    }

    pub(super) fn of_numbers(values: &[f64]) -> u64 {
        let mut hash = Self::new();
        hash.numbers(values);
        hash.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// Which NaN it is does not matter.
    fn number(&mut self, value: f64) {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.bytes(&value.to_bits().to_le_bytes());
    }

    fn numbers<'a>(&mut self, values: impl IntoIterator<Item = &'a f64>) {
        for value in values {
            self.number(*value);
        }
    }
}

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// The parts of an annealing that a result depends on, by name.
pub(super) fn parts(
    annealer: &Annealer,
    ladder: &Ladder,
    action: &Action,
) -> Result<Vec<(&'static str, u64)>> {
    Ok(vec![
        ("the schedule", text(&format_args!("{:?}", ladder.steps))),
        (
            "how starts are made",
            text(&format_args!("{:?}", annealer.kinds())),
        ),
        ("the number of starts", annealer.count as u64),
        ("whether starts race", u64::from(annealer.races)),
        ("the seed", annealer.seed),
        ("the minimizer", text(&annealer.minimizer.settings())),
        ("the parameters", parameters(action)),
        ("the data", data(action)),
        ("the action", values(ladder, action)?),
    ])
}

fn text(value: &dyn std::fmt::Display) -> u64 {
    let mut hash = Hash::new();
    // Writing to a hash does not fail.
    let _ = write!(hash, "{value}");
    hash.0
}

/// Names, kinds, bounds, guesses and priors.
fn parameters(action: &Action) -> u64 {
    let mut hash = Hash::new();
    for (name, parameter) in action.parameters() {
        let _ = write!(hash, "{name} {parameter:?} ");
    }
    hash.0
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
    hash.0
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
    let rest = starts::rest(action)?;
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
    Ok(hash.0)
}
