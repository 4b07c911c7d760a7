//! Which starts came to the lowest minimum, and how far above it the next one
//! is.

use crate::anneal::{Annealing, Level, StartResult, Stop, same_minimum};
use crate::minimize::Termination;

/// What the starts found.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Minima {
    /// Starts that came to a level. Those that were the same to the last bit count as
    /// one.
    pub starts: usize,
    /// Those that found the lowest minimum, also those that were stopped on the
    /// way because another start was there already.
    pub found: usize,
    /// Those that were stopped at another minimum while it was lower than the
    /// lowest level is at the end, or that came to no minimum: where they would have
    /// ended nobody knows.
    pub open: usize,
    /// From the lowest minimum to the next one, in nats, as R_f → ∞; `None`
    /// where no other one was found. It is *at least* so much: the action along
    /// a minimum grows with R_f, and a start that was stopped counts with where
    /// it was. e to the power of the gap is how much more probable the lowest
    /// path is than the other.
    pub gap: Option<f64>,
}

impl Minima {
    /// `unit` is one nat in the action's normalization; `alike` says whether two ends are
    /// one minimum as far as their spreads and their minimizations tell.
    pub(super) fn new(
        annealing: &Annealing,
        best: (&StartResult, &Level),
        unit: f64,
        alike: &dyn Fn(&Level, &Level) -> bool,
    ) -> Self {
        let level = best.1;
        let height = |level: &Level| level.action.total + level.action.model;
        let mut minima = Self {
            starts: 0,
            found: 0,
            open: 0,
            gap: None,
        };
        for (k, start) in annealing.starts.iter().enumerate() {
            let mut before = annealing.starts[..k].iter();
            if before.any(|other| are_identical(other, start)) {
                continue;
            }
            let start = followed(annealing, start);
            let Some(last) = start.levels.last() else {
                continue;
            };
            minima.starts += 1;
            let finished = start.finished && is_minimum(last);
            let ended = finished && best.0.finished;
            if is_at(start, last, best) || (ended && alike(last, level)) {
                minima.found += 1;
                continue;
            }
            // Where a start did not come to a minimum, its last one before is what it
            // shows.
            let Some(last) = start.levels.iter().rev().find(|level| is_minimum(level)) else {
                minima.open += 1;
                continue;
            };
            let end = match finished {
                true => height(last),
                false => last.action.total,
            };
            // One that finished is no lower, but for what model errors add.
            let above = end - height(level);
            if !finished && above <= 0.0 {
                minima.open += 1;
                continue;
            }
            let gap = above.max(0.0) / unit;
            minima.gap = Some(minima.gap.map_or(gap, |known| known.min(gap)));
        }
        minima
    }
}

/// Whether a level is a minimum, and not where a minimization was broken off.
fn is_minimum(level: &Level) -> bool {
    matches!(
        level.termination,
        Termination::Converged | Termination::RoundingLimit
    )
}

/// Whether two starts were the same to the last bit.
fn are_identical(a: &StartResult, b: &StartResult) -> bool {
    a.origin.is_some() && a.origin == b.origin
}

/// Whether the last level of a start is the lowest minimum, or was where the
/// lowest start passed.
fn is_at(start: &StartResult, last: &Level, (lowest, level): (&StartResult, &Level)) -> bool {
    if start.index == lowest.index {
        return true;
    }
    if start.finished && lowest.finished {
        // They may have ended at different R_f.
        return same_minimum(last, level, last.action.model + level.action.model);
    }
    let together = lowest.levels.iter().find(|other| other.rf == last.rf);
    together.is_some_and(|other| same_minimum(last, other, 0.0))
}

/// The start that went on from where a duplicate ended.
fn followed<'a>(annealing: &'a Annealing, start: &'a StartResult) -> &'a StartResult {
    let mut start = start;
    for _ in 0..annealing.starts.len() {
        let Some(last) = start.levels.last() else {
            return start;
        };
        if start.stopped != Some(Stop::Duplicate) {
            return start;
        }
        let there = |other: &&StartResult| {
            let level = other.levels.iter().find(|level| level.rf == last.rf);
            other.index != start.index && level.is_some_and(|level| same_minimum(last, level, 0.0))
        };
        let on = |other: &StartResult| other.levels.last().map_or(0.0, |level| level.rf);
        let others = annealing.starts.iter().filter(there);
        match others.max_by(|a, b| on(a).total_cmp(&on(b))) {
            Some(other) if on(other) > last.rf || other.stopped != Some(Stop::Duplicate) => {
                start = other;
            }
            _ => return start,
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{ActionTerms, Estimate};
    use crate::anneal::Hill;
    use crate::minimize::{Termination, Work};
    use crate::problem::path::Path;

    fn level(rf: f64, total: f64, state: f64) -> Level {
        Level {
            beta: rf.ln(),
            rf,
            action: ActionTerms {
                total,
                measurement: total,
                ..ActionTerms::default()
            },
            hill: Hill::default(),
            estimate: Estimate::new(vec![Path::from_layers([[10.0, state]])], []),
            termination: Termination::Converged,
            work: Work::default(),
        }
    }

    /// A start by its R_f, actions and a state.
    fn start(index: usize, levels: &[(f64, f64, f64)], stopped: Option<Stop>) -> StartResult {
        let levels = levels
            .iter()
            .map(|&(rf, total, state)| level(rf, total, state));
        StartResult {
            index,
            kind: "nudged".into(),
            seed: 0,
            origin: Some(index as u64 % 6),
            levels: levels.collect(),
            finished: stopped.is_none(),
            stopped,
            end: None,
        }
    }

    #[test]
    fn starts_count_for_where_they_led_or_would_have_led_at_least() {
        let (duplicate, dropped) = (Some(Stop::Duplicate), Some(Stop::Dropped));
        let starts = vec![
            start(
                0,
                &[(1.0, 2.0, 1.0), (2.0, 6.0, 1.0), (4.0, 10.0, 1.0)],
                None,
            ),
            // Comes to the lowest one later.
            start(1, &[(1.0, 3.0, 2.0), (2.0, 6.0, 1.0)], duplicate),
            // Was there with it.
            start(2, &[(1.0, 3.0, 2.0)], duplicate),
            // The same start again.
            start(7, &[(1.0, 3.0, 2.0), (2.0, 6.0, 1.0)], duplicate),
            // Lower than the lowest is at the end: open.
            start(3, &[(1.0, 4.0, 3.0)], dropped),
            // Higher already.
            start(4, &[(1.0, 5.0, 3.0), (2.0, 12.0, 3.0)], dropped),
            start(
                5,
                &[(1.0, 5.0, 3.0), (2.0, 7.0, 4.0), (4.0, 15.0, 4.0)],
                None,
            ),
            // Never came to a level.
            start(6, &[], dropped),
        ];
        let annealing = Annealing { starts };
        let best = annealing.best().unwrap();
        let minima = Minima::new(&annealing, best, 0.5, &|_, _| false);
        let expected = Minima {
            starts: 6,
            found: 3,
            open: 1,
            // 2 in halves of a nat.
            gap: Some(4.0),
        };
        assert_eq!(minima, expected);
        // The fifth is the lowest one too, where spreads say so.
        let minima = Minima::new(&annealing, best, 0.5, &|end, _| end.action.total == 15.0);
        assert_eq!((minima.found, minima.gap), (4, Some(4.0)));
    }

    /// A start that broke off shows no more than the minima it passed before.
    #[test]
    fn where_a_minimization_broke_off_is_no_minimum() {
        let whole = start(0, &[(1.0, 2.0, 1.0), (2.0, 6.0, 1.0)], None);
        let broken = |index, levels| {
            let mut start = start(index, levels, Some(Stop::NonFinite));
            let last = start.levels.last_mut().unwrap();
            last.termination = Termination::NonFinite;
            start
        };
        let at_once = broken(1, &[(1.0, 7.0, 3.0)]);
        let later = broken(2, &[(1.0, 9.0, 3.0), (2.0, 20.0, 4.0)]);
        let annealing = Annealing {
            starts: vec![whole, at_once, later],
        };
        let best = annealing.best().unwrap();
        let minima = Minima::new(&annealing, best, 1.0, &|_, _| false);
        let expected = Minima {
            starts: 3,
            found: 1,
            open: 1,
            gap: Some(3.0),
        };
        assert_eq!(minima, expected);
    }
}
