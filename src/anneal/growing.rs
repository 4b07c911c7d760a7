//! Starts on windows that grow: few layers first, then more and more.
//!
//! On a long window a chaotic model leaves room for many minima, and a path
//! that is nudged all the way loses the truth somewhere. On few layers there are
//! few minima, and trying is cheap: many paths that follow the data there are
//! settled, and the lowest is nudged on from its last state, part by part.
//!
//! What was wrong in the beginning stays so, but the further a path has followed
//! the data, the nearer it is to the truth. So growing begins once more from the
//! last layers, back to the first, and from there on again.

use std::ops::Range;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::nudging::{Nudging, lengthened_in_part};
use super::settling::Settler;
use super::signal::Signal;
use crate::action::{Action, Estimate};
use crate::error::Result;
use crate::problem::path::Path;
use crate::problem::windows::rows_within;

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

/// The first part has at least one in so many of the layers.
const PARTS: usize = 16;

/// Parts that are appended are so many times shorter than the first, and no more
/// than so many: onward, and twice as many back, since small errors grow where time
/// runs backwards.
const SHORTER: usize = 5;
const APPENDED: usize = 40;

/// Onward, back, and onward again.
const PASSES: usize = 3;

/// Grows windows to their whole length: the unknowns. `None` where no path stays
/// near the data. What the observer broke off is left as it is.
pub(super) fn grow(
    action: &Action,
    rng: &mut Xoshiro256PlusPlus,
    settler: &mut Settler<'_>,
) -> Result<Option<Vec<f64>>> {
    let mut growing = Growing {
        action,
        whole: longest(action),
        first: first_layers(action),
        lowest: None,
    };
    let (first, whole) = (growing.first, growing.whole);
    let Some(part) = action.part(&growing.ranges(&(0..first))) else {
        return Ok(None);
    };
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
    if first == whole {
        return Ok(Some(x));
    }
    let explained = action.expected_plateau().map(|plateau| plateau.mean);
    let mut from = (0..first, part.estimate_of(&x));
    for pass in 0..PASSES {
        let backwards = pass % 2 == 1;
        if !growing.pass(from, backwards, settler)? {
            break;
        }
        let Some((value, estimate)) = &growing.lowest else {
            break;
        };
        if !action.dynamics().is_in_time() || explained.is_some_and(|mean| *value < mean) {
            break;
        }
        let last = match backwards {
            true => 0..first,
            false => whole - first..whole,
        };
        from = (last.clone(), growing.cut(estimate, &last));
    }
    let lowest = growing.lowest.map(|(_, estimate)| action.pack(&estimate));
    lowest.transpose()
}

/// An action whose windows are grown.
struct Growing<'a> {
    action: &'a Action,
    /// Layers of the longest window, and of the first part.
    whole: usize,
    first: usize,
    /// The lowest action of whole windows so far.
    lowest: Option<(f64, Estimate)>,
}

impl Growing<'_> {
    /// Grows the estimate of some layers to the last one, or to the first, which is the
    /// lowest then. False where that leads nowhere, or not below the lowest: a part of
    /// the terms cannot be more than all of them.
    fn pass(
        &mut self,
        (mut layers, mut estimate): (Range<usize>, Estimate),
        backwards: bool,
        settler: &mut Settler<'_>,
    ) -> Result<bool> {
        let finer = if backwards { 2 } else { 1 };
        let least = self.whole.div_ceil(APPENDED * finer);
        let more = (self.first / (SHORTER * finer)).max(least);
        let (mut value, mut lost) = (f64::INFINITY, 0);
        while layers != (0..self.whole) {
            let known = self.ranges(&layers);
            match backwards {
                true => layers.start = layers.start.saturating_sub(more),
                false => layers.end = (layers.end + more).min(self.whole),
            }
            let wanted = self.ranges(&layers);
            let before = known.iter().zip(&wanted).map(|(k, w)| k.start - w.start);
            let Some(part) = self.action.part(&wanted) else {
                return Ok(false);
            };
            let before: Vec<usize> = before.collect();
            let led = lengthened_in_part(&part, &estimate, &before, ONWARD);
            let Some((longer, now)) = led else {
                return Ok(false);
            };
            let (settled, x) = settler.minimize(&part, &longer)?;
            // NaN is not lower either.
            let lower = |(least, _): &(f64, Estimate)| settled < *least;
            if !self.lowest.as_ref().is_none_or(lower) {
                return Ok(false);
            }
            (value, estimate) = (settled, part.estimate_of(&x));
            lost = lost.max(now);
        }
        if lost > 0 {
            settler.lose(lost);
        }
        self.lowest = Some((value, estimate));
        Ok(true)
    }

    /// What these layers of the longest window are in each window: as many, whole
    /// intervals of the rule, at the same end.
    fn ranges(&self, layers: &Range<usize>) -> Vec<Range<usize>> {
        let steps = self.action.dynamics().steps();
        let whole_steps = |layers: usize| (layers.max(2) - 1).div_ceil(steps) * steps + 1;
        let windows = self.action.windows().iter().map(|window| {
            let most = window.grid().layers();
            let count = whole_steps(layers.len()).min(most);
            let start = (layers.start / steps * steps).min(most - count);
            start..whole_steps(layers.end).min(most)
        });
        windows.collect()
    }

    /// Some layers of an estimate of all.
    fn cut(&self, estimate: &Estimate, layers: &Range<usize>) -> Estimate {
        let cut = |of: &[Path]| -> Vec<Path> {
            let windows = of.iter().zip(self.ranges(layers));
            let windows = windows.map(|(path, layers)| layers.map(|n| path.layer(n)));
            windows.map(Path::from_layers).collect()
        };
        Estimate {
            paths: cut(&estimate.paths),
            varying: cut(&estimate.varying),
            ..estimate.clone()
        }
    }
}

/// The layers of the first part: enough for what is measured there to exceed the
/// unknowns that it has to determine.
fn first_layers(action: &Action) -> usize {
    let whole = longest(action);
    let first_states = action.layout().windows.iter().map(|w| w.state(0).len());
    let unknowns = first_states.sum::<usize>() + action.layout().slots.len();
    let measured = |layers: usize| -> usize {
        let sets = action.windows().iter().flat_map(|w| w.sets());
        let rows = sets.map(|(set, contacts)| {
            let rows = rows_within(set, contacts, &(0..layers));
            let values = set.values().slice(ndarray::s![rows, ..]);
            values.iter().filter(|v| !v.is_nan()).count()
        });
        rows.sum()
    };
    let least = whole.div_ceil(PARTS).max(2);
    let [least, most] = MEASURED.map(|each| {
        let enough = |layers: &usize| measured(*layers) >= each * unknowns;
        (least..whole).find(enough).unwrap_or(whole)
    });
    least.max(most.min(whole.div_ceil(4)))
}

fn longest(action: &Action) -> usize {
    let layers = action.windows().iter().map(|w| w.grid().layers());
    layers.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Lorenz96;
    use crate::prelude::*;

    /// A window of so many layers, each of which is measured.
    fn window(layers: usize) -> Window {
        let grid = Grid::uniform(0.0, 0.025, layers).unwrap();
        let values = ndarray::Array2::zeros((layers, 1));
        let times = grid.times().to_vec();
        let precision = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], times, values, precision);
        Window::new(grid).observations(data.unwrap()).unwrap()
    }

    #[test]
    fn parts_of_windows_of_different_lengths_hold_each_other() {
        let all = [101, 51, 7];
        let action = Action::builder(Lorenz96 { sites: 5 }, SimpsonHermite)
            .windows(all.map(window))
            .parameter("forcing", Parameter::fixed(8.0))
            .build()
            .unwrap();
        let growing = Growing {
            action: &action,
            whole: 101,
            first: 20,
            lowest: None,
        };
        assert_eq!(growing.ranges(&(0..20)), [0..21, 0..21, 0..7]);
        assert_eq!(growing.ranges(&(81..101)), [80..101, 30..51, 0..7]);
        assert_eq!(growing.ranges(&(0..101)), all.map(|n| 0..n));
        for k in 20..101 {
            let onward = [0..k, 0..k + 1].map(|layers| growing.ranges(&layers));
            let back = [101 - k..101, 100 - k..101].map(|layers| growing.ranges(&layers));
            for [known, wanted] in [onward, back] {
                for (known, wanted) in known.iter().zip(&wanted) {
                    assert!(wanted.start <= known.start && known.end <= wanted.end);
                    // Whole intervals.
                    assert!(wanted.start % 2 == 0 && wanted.end % 2 == 1);
                }
            }
            assert!(action.part(&growing.ranges(&(100 - k..101))).is_some());
        }
    }
}
