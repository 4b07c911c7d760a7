//! Starts on few layers of the whole window first, then on all of them.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::nudging;
use super::settling::Settler;
use crate::action::Action;
use crate::error::Result;

/// Which layers there are in turn: every fourth, every second.
const EVERY: [usize; 2] = [4, 2];

/// Nudges and settles on few layers, and settles on more: the unknowns, and whether
/// there were fewer layers to begin on. `None` where no path stays near the data.
pub(super) fn refine(
    action: &Action,
    rng: &mut Xoshiro256PlusPlus,
    settler: &mut Settler<'_>,
) -> Result<Option<(Vec<f64>, bool)>> {
    let coarse: Vec<Action> = EVERY.iter().filter_map(|&k| action.thinned(k)).collect();
    let thinned = !coarse.is_empty();
    let mut finer = coarse.iter().chain([action]);
    let Some(mut on) = finer.next() else {
        return Ok(None);
    };
    let Some(mut x) = nudging::nudge(on, rng, settler)? else {
        return Ok(None);
    };
    for next in finer {
        let estimate = next.interpolated(on, &on.estimate_of(&x));
        (_, x) = settler.minimize(next, &estimate)?;
        on = next;
    }
    Ok(Some((x, thinned)))
}
