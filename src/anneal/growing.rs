//! Starts on windows that grow: few layers first, then more and more.
//!
//! On a long window a chaotic model leaves room for many minima, and a path
//! that is nudged all the way loses the truth somewhere. On few layers there are
//! few minima, and trying is cheap: many paths that follow the data there are
//! settled, and the lowest is nudged on from its last state, part by part.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::nudging::{Nudging, lengthened};
use super::settling::Settler;
use super::signal::Signal;
use crate::action::Action;
use crate::discretization::Rule;
use crate::error::Result;
use crate::model::Model;
use crate::windows::rows_within;

/// Gains of the tries on the first layers by turns, in units of 1/Δ. A weak pull
/// keeps what follows the data nearly by itself, where such a path is found; a
/// stronger one needs less luck, of which there is less the more is hidden.
const GAINS: [f64; 2] = [0.0625, 0.125];

/// Tries on the first layers that are settled, the lowest of which goes on: how
/// well a pulled path follows the data says little, the action says all.
const TRIES: usize = 36;

/// Guesses of states and parameters for each try.
const GUESSES: usize = 32;

/// The gain that leads from one part to the next.
const ONWARD: f64 = 0.125;

/// Measured values on the first layers, for each unknown of a state and each
/// parameter: at least the first, and up to the second on a quarter of the
/// layers.
const MEASURED: [usize; 2] = [8, 16];

/// Parts that are appended are so many times shorter than the first.
const SHORTER: usize = 2;

/// A window has at most so many parts.
const PARTS: usize = 16;

/// Grows windows to their whole length: the unknowns. `None` where no path stays
/// near the data. What the observer broke off is left as it is.
pub(super) fn grow<M: Model, R: Rule<M>>(
    action: &Action<M, R>,
    rng: &mut Xoshiro256PlusPlus,
    settler: &mut Settler<'_>,
) -> Result<Option<Vec<f64>>> {
    let whole = longest(action);
    let (mut layers, more) = parts(action);
    let part = action.restricted(layers)?;
    let signals = Signal::of_all(&part);
    let nudging = Nudging {
        action: &part,
        signals: &signals,
    };
    let gains: Vec<f64> = GAINS.into_iter().cycle().take(TRIES).collect();
    let nudged = nudging.scan(&gains, GUESSES, rng)?;
    let Some(x) = nudging.settle(&nudged, settler)? else {
        return Ok(None);
    };
    let mut estimate = part.unpack(&x);
    while layers < whole {
        layers = (layers + more).min(whole);
        let part = action.restricted(layers)?;
        let Some(longer) = lengthened(&part, &estimate, ONWARD) else {
            return Ok(None);
        };
        let (_, x) = settler.minimize(&part, &longer)?;
        estimate = part.unpack(&x);
    }
    action.pack(&estimate).map(Some)
}

/// The layers of the first part, and how many more the others have: enough for
/// what is measured there to exceed the unknowns that it has to determine.
fn parts<M: Model, R: Rule<M>>(action: &Action<M, R>) -> (usize, usize) {
    let whole = longest(action);
    let first_states = action.layout().windows.iter().map(|w| w.state(0).len());
    let unknowns = first_states.sum::<usize>() + action.layout().slots.len();
    let measured = |layers: usize| -> usize {
        let sets = action.windows().iter().flat_map(|w| w.sets());
        let rows = sets.map(|(set, contacts)| {
            let rows = rows_within(set, contacts, layers);
            let values = set.values().slice(ndarray::s![..rows, ..]);
            values.iter().filter(|v| !v.is_nan()).count()
        });
        rows.sum()
    };
    let least = whole.div_ceil(PARTS).max(2);
    let [least, most] = MEASURED.map(|each| {
        let enough = |layers: &usize| measured(*layers) >= each * unknowns;
        (least..whole).find(enough).unwrap_or(whole)
    });
    let first = least.max(most.min(whole.div_ceil(4)));
    (first, (first / SHORTER).max(whole.div_ceil(PARTS)).max(1))
}

fn longest<M: Model, R: Rule<M>>(action: &Action<M, R>) -> usize {
    let layers = action.windows().iter().map(|w| w.grid().layers());
    layers.max().unwrap_or(0)
}
