//! Whether the steps of the grid are short enough.

use crate::action::Action;
use crate::error::Result;
use crate::objective::{ActionAt, ParameterSpread, StepError};

use super::residuals::precisions_alone;

/// The steps' errors may move the action by this part of its standard deviation, and a
/// parameter or the predicted measurements by this part of theirs.
const ALLOWED: f64 = 0.5;

/// Advice aims at this part of what is allowed.
const AIM: f64 = 0.5;

/// Beyond so many deviations the action is made by the steps' errors: it goes with their
/// square.
const MADE: f64 = 10.0;

/// Most stretches that are named.
const NAMED: usize = 6;

/// A step is divided into so many parts at most.
const MOST_PARTS: f64 = 1000.0;

/// What the errors of the steps do to the estimate, to first order: the error of an
/// interval is what the flow itself, integrated from its left layer, leaves in its
/// residuals.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StepTest {
    /// By how many nats exact steps would change the action.
    pub action: f64,
    /// The same in standard deviations of the action.
    pub level: f64,
    /// By how much exact steps would change each static parameter, in the order of
    /// [`Verdict::parameters`](super::Verdict::parameters).
    pub shifts: Vec<f64>,
    /// The largest of them in the parameter's standard deviations.
    pub parameters: f64,
    /// Root mean square change of what is predicted of the measurements, in units of how
    /// well it is known.
    pub predictions: f64,
    /// The largest of the three.
    pub effect: f64,
    /// Intervals whose flow could not be followed, not even in 2048 sub-steps a step:
    /// of them nothing is known.
    pub unknown: usize,
    /// Where the steps are too long; empty where they are short enough.
    pub intervals: Vec<LongSteps>,
}

/// A stretch of a window whose steps are too long.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LongSteps {
    /// The window.
    pub window: usize,
    /// Time of its first layer.
    pub from: f64,
    /// Time of its last layer.
    pub to: f64,
    /// How many steps there are now.
    pub steps: usize,
    /// How many would do. At a switch more steps are of little use.
    pub needed: usize,
    /// Whether the flow jumps there: a switch in time, in a state or in an input lies
    /// within a step, or at the end of one that sees one side of it only.
    pub switch: bool,
}

/// How well things are known.
pub(super) struct Deviations<'a> {
    /// Of the action, in nats.
    pub(super) action: f64,
    pub(super) parameters: &'a [ParameterSpread],
    /// Σ of the variances of what is predicted, in units of the measurements'.
    pub(super) predictions: f64,
}

impl StepTest {
    /// `None` where layers are no instants of a flow, or the Hessian is singular.
    pub(super) fn new(
        action: &Action,
        rf: f64,
        x: &[f64],
        known: &Deviations<'_>,
    ) -> Result<Option<Self>> {
        let mut at = action.at(rf)?;
        let Some(effect) = at.step_effect(x)? else {
            return Ok(None);
        };
        let first = action.layout().border();
        let moved: Vec<f64> = x.iter().zip(&effect.shift).map(|(x, s)| x + s).collect();
        let changed = distance_of_predictions(action, x, &moved);
        // At a minimum pᵀδg is the slope of the measurements' term along the shift; by
        // momenta it would be rounding where R_f is large.
        let total = change_of_term(action, x, &moved);
        let level = total.abs() / known.action;
        let in_deviations = |k: usize| {
            let deviation = known.parameters.get(k).and_then(|p| p.deviation);
            deviation.map_or(0.0, |d| finite((effect.shift[first + k] / d).abs()))
        };
        let count = known.parameters.len();
        let largest = (0..count).max_by(|a, b| in_deviations(*a).total_cmp(&in_deviations(*b)));
        let parameters = largest.map_or(0.0, in_deviations);
        let predictions = finite((changed / known.predictions.max(1.0)).sqrt());
        let level = finite(level);
        let mut test = Self {
            action: total,
            level,
            shifts: effect.shift[first..].to_vec(),
            parameters,
            predictions,
            effect: level.max(parameters).max(predictions),
            unknown: effect.errors.iter().filter(|e| e.unknown).count(),
            intervals: Vec::new(),
        };
        if test.effect <= ALLOWED {
            return Ok(Some(test));
        }
        let shares = match largest {
            _ if test.effect == test.level => effect.on_action.clone(),
            Some(k) if test.effect == test.parameters => at.shares_of(x, &effect, first + k)?,
            _ => sizes(&at, action, &effect.errors),
        };
        test.intervals = test.long_steps(&mut at, x, (&effect.errors, &shares));
        Ok(Some(test))
    }

    /// By which factor the errors have to become smaller.
    fn excess(&self) -> f64 {
        let level = match self.level > MADE {
            true => (self.level / (AIM * ALLOWED)).sqrt(),
            false => self.level / (AIM * ALLOWED),
        };
        let others = self.parameters.max(self.predictions) / (AIM * ALLOWED);
        level.max(others)
    }

    /// The intervals that make the effect, all but the small ones which together may stay.
    fn long_steps(
        &self,
        at: &mut ActionAt<'_>,
        x: &[f64],
        (errors, shares): (&[StepError], &[f64]),
    ) -> Vec<LongSteps> {
        let action = at.action();
        let mut order: Vec<usize> = (0..errors.len()).collect();
        order.sort_by(|a, b| shares[*b].abs().total_cmp(&shares[*a].abs()));
        let total: f64 = shares.iter().map(|s| s.abs()).sum();
        let excess = self.excess();
        let mut left = total;
        let mut chosen = vec![None; errors.len()];
        for k in order {
            if left <= AIM * total / excess || left <= 0.0 {
                break;
            }
            left -= shares[k].abs();
            let order = errors[k].order.clamp(1.0, 4.0);
            let parts = (excess / AIM).powf(order.recip()).ceil();
            let switch = at.breaks(x, errors[k].place);
            chosen[k] = Some((parts.clamp(2.0, MOST_PARTS) as usize, switch));
        }
        let mut found: Vec<LongSteps> = Vec::new();
        let steps = action.dynamics().steps();
        for (error, chosen) in errors.iter().zip(chosen) {
            let Some((parts, switch)) = chosen else {
                continue;
            };
            let (window, k) = error.place;
            let times = action.span(window, k).times;
            let (from, to) = (times[0], times[times.len() - 1]);
            let needed = parts * steps;
            match found.last_mut() {
                Some(last) if last.window == window && last.to == from && last.switch == switch => {
                    // As many parts for all of them.
                    let most = (last.needed / last.steps).max(parts);
                    last.steps += steps;
                    last.needed = most * last.steps;
                    last.to = to;
                }
                _ => found.push(LongSteps {
                    window,
                    from,
                    to,
                    steps,
                    needed,
                    switch,
                }),
            }
        }
        named(found, |of| {
            let times = action.windows()[of.window].grid().times();
            let inside = times.iter().filter(|&&t| of.from < t && t <= of.to);
            inside.count()
        })
    }
}

/// The stretches that are named: where there are too many, one a window, with the steps
/// that it has.
fn named(mut found: Vec<LongSteps>, steps: impl Fn(&LongSteps) -> usize) -> Vec<LongSteps> {
    if found.len() <= NAMED {
        return found;
    }
    let mut switches: Vec<LongSteps> = found.iter().copied().filter(|s| s.switch).collect();
    switches.truncate(NAMED);
    found.retain(|s| !s.switch);
    let mut joined: Vec<LongSteps> = Vec::new();
    for of in found {
        let parts = of.needed.div_ceil(of.steps);
        match joined.last_mut() {
            Some(last) if last.window == of.window => {
                let most = last.needed.div_ceil(last.steps).max(parts);
                last.to = of.to;
                last.steps = steps(last);
                last.needed = most * last.steps;
            }
            _ => joined.push(of),
        }
    }
    switches.extend(joined);
    switches
}

/// Σ R_m (difference)² of what two vectors of unknowns predict of the measurements, each
/// value by its own variance.
pub(super) fn distance_of_predictions(action: &Action, a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (w, window) in action.windows().iter().enumerate() {
        for (s, set) in window.observation_sets().enumerate() {
            let precisions = precisions_alone(set);
            let difference = action.predicted(a, w, s) - action.predicted(b, w, s);
            for ((at, d), precision) in difference.indexed_iter().zip(&precisions) {
                if !set.values()[at].is_nan() {
                    sum += precision * d * d;
                }
            }
        }
    }
    sum
}

/// By how many nats the measurements' term changes from `a` to `b`, each value by its own
/// variance.
fn change_of_term(action: &Action, a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (w, window) in action.windows().iter().enumerate() {
        for (s, set) in window.observation_sets().enumerate() {
            let precisions = precisions_alone(set);
            let (a, b) = (action.predicted(a, w, s), action.predicted(b, w, s));
            for ((at, y), precision) in set.values().indexed_iter().zip(&precisions) {
                if !y.is_nan() {
                    sum += 0.5 * precision * (b[at] - a[at]) * (a[at] + b[at] - 2.0 * y);
                }
            }
        }
    }
    sum
}

/// The errors of intervals in units of the states' scales.
fn sizes(at: &ActionAt<'_>, action: &Action, errors: &[StepError]) -> Vec<f64> {
    use crate::minimize::Objective;
    let scales = at.scales();
    let size = |error: &StepError| {
        let (w, k) = error.place;
        let span = action.layout().windows[w].span(k);
        let scaled = error.residuals.iter().zip(&scales[span]);
        scaled.map(|(e, s)| (e / s).abs()).sum()
    };
    errors.iter().map(size).collect()
}

/// What is not finite is as large as can be.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::MAX }
}
