//! Starts that race: whoever lags behind is dropped.
//!
//! All starts are made and reach their first level. Then come rungs of R_f that
//! all of them are to reach, and at each of them the higher half is dropped.
//! Where the race stands follows from the starts' levels alone, so that it goes
//! on the same from a checkpoint, and for any number of threads.

use super::ladder::Ladder;
use super::results::{Level, StartResult, Stop};

/// Each rung has so many times the R_f of the one before: twelve levels of a
/// fixed schedule.
const RISE: f64 = 130.0;

/// So many starts are left alone.
const FEWEST: usize = 2;

/// A start that is higher than the lowest by so many standard deviations of the
/// action is dropped.
const HOPELESS: f64 = 5.0;

/// Until the k-th rung a start may take k + 1 times the factorizations that half
/// of the starts took for their first levels, and as many as these at least.
const PATIENCE: usize = 40;

/// Two minima whose actions differ by less than this part, and whose states
/// differ by less than this part of the largest, are one.
const SAME_ACTION: f64 = 1e-6;
const SAME_STATE: f64 = 1e-2;

/// How far the starts go before they are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stage {
    /// The R_f to reach; zero for the first level.
    pub(super) rung: f64,
    /// Factorizations that a start may take in all.
    pub(super) most: usize,
}

impl Stage {
    /// No race: to the end.
    pub(super) const ALL: Self = Self {
        rung: f64::INFINITY,
        most: usize::MAX,
    };

    /// Whether a start has yet to come there.
    pub(super) fn is_ahead_of(&self, start: &StartResult) -> bool {
        start.levels.last().is_none_or(|level| level.rf < self.rung)
    }
}

/// What a race goes by.
pub(super) struct Race<'a> {
    pub(super) ladder: &'a Ladder,
    /// The R_f of the first rung.
    pub(super) first: f64,
    /// Whether starts may take as long as they like.
    pub(super) patient: bool,
    /// The standard deviation of the action.
    pub(super) deviation: f64,
}

impl Race<'_> {
    /// Drops those who lag behind at the rungs that were passed, and says what
    /// comes next; `None` where all have ended.
    pub(super) fn judge(&self, starts: &mut [StartResult]) -> Option<Stage> {
        let begun = Stage {
            rung: 0.0,
            most: usize::MAX,
        };
        let going = |starts: &[StartResult]| starts.iter().any(|start| !start.ended());
        if starts.iter().any(|s| !s.ended() && s.levels.is_empty()) {
            return Some(begun);
        }
        let work = work_of_first_levels(starts)?;
        let highest = self.ladder.highest();
        let mut rung = self.first.min(highest);
        let mut k = 1;
        loop {
            rung = self.ladder.at_or_above(rung);
            let stage = Stage {
                rung,
                most: match self.ladder.is_adaptive() && !self.patient {
                    true => (k + 1) * work.max(PATIENCE),
                    false => usize::MAX,
                },
            };
            if starts.iter().any(|s| !s.ended() && stage.is_ahead_of(s)) {
                return Some(stage);
            }
            self.drop_at(rung, starts);
            if !going(starts) {
                return None;
            }
            if rung >= highest {
                return Some(Stage::ALL);
            }
            rung = (RISE * rung).min(highest);
            k += 1;
        }
    }

    /// Of all that came to a rung, whether they went on or not, keeps the lower
    /// half, as far as they are different and not hopeless.
    fn drop_at(&self, rung: f64, starts: &mut [StartResult]) {
        let mut there: Vec<(usize, f64)> = (0..starts.len())
            .filter_map(|k| Some((k, height(&starts[k], rung)?)))
            .collect();
        // The first of equals first, so that the result does not depend on order.
        there.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let keep = there.len().div_ceil(2).max(FEWEST);
        let mut kept: Vec<usize> = Vec::new();
        for (place, &(k, action)) in there.iter().enumerate() {
            let same = |other: &&usize| same(&starts[**other], &starts[k], rung);
            let why = if kept.iter().find(same).is_some() {
                Some(Stop::Duplicate)
            } else if place >= keep || action > there[0].1 + HOPELESS * self.deviation {
                Some(Stop::Dropped)
            } else {
                kept.push(k);
                None
            };
            if !starts[k].ended() {
                starts[k].stopped = why;
            }
        }
    }
}

/// The factorizations that half of the starts took for their first levels.
fn work_of_first_levels(starts: &[StartResult]) -> Option<usize> {
    let levels = starts.iter().filter_map(|start| start.levels.first());
    let mut work: Vec<usize> = levels.map(|l| l.work.factorizations).collect();
    work.sort_unstable();
    work.get(work.len() / 2).copied()
}

/// The action of a start at a rung; from where it ended before that, as far as
/// its model error can still raise it. `None` where it gave up.
fn height(start: &StartResult, rung: f64) -> Option<f64> {
    if let Some(level) = at(start, rung) {
        return Some(level.action.total);
    }
    let last = start.levels.last().filter(|_| start.finished)?;
    Some(last.action.total + last.action.model)
}

fn at(start: &StartResult, rung: f64) -> Option<&Level> {
    start.levels.iter().find(|level| level.rf == rung)
}

/// Whether two starts stand at the same minimum.
fn same(a: &StartResult, b: &StartResult, rung: f64) -> bool {
    let (Some(a), Some(b)) = (at(a, rung), at(b, rung)) else {
        return false;
    };
    same_minimum(a, b, 0.0)
}

/// Whether two levels are the same minimum, where their actions may differ by
/// so much more than by rounding.
pub(crate) fn same_minimum(a: &Level, b: &Level, slack: f64) -> bool {
    let (low, high) = (a.action.total, b.action.total);
    if (high - low).abs() > SAME_ACTION * low.abs() + slack {
        return false;
    }
    let states = |level: &Level| -> Vec<f64> {
        let paths = level.estimate.paths.iter();
        paths.flat_map(|path| path.values().to_vec()).collect()
    };
    let (a, b) = (states(a), states(b));
    let largest = a.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let mut pairs = a.iter().zip(&b);
    a.len() == b.len() && pairs.all(|(a, b)| (a - b).abs() <= SAME_STATE * largest)
}
