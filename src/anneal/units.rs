//! The unit of each state, and what follows from it and from rounding: residuals
//! that nobody can tell from zero, and the R_f at which rounding counts.

use super::rest::rest;
use super::signal::Signal;
use crate::action::{Action, ResidualSizes};
use crate::error::Result;

/// The model error at the last level is about this part of the standard
/// deviation of the action.
pub(super) const CONVERGED: f64 = 1e-2;

/// Residuals are taken for no smaller than this part of what moves a state by
/// its unit in the whole window, all of them in one direction.
const LEAST: f64 = 0.1;

/// So many roundings of a state are no residual.
const ROUNDINGS: f64 = 10.0;

/// Of what is asked of the model error, rounding may be this part.
const SHARE: f64 = 1e-2;

/// Where a model error says nothing more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    /// A model error behind its hill that is no larger ends the ladder.
    pub(super) enough: f64,
    /// The R_f at which rounding of the residuals is a hundredth of that.
    pub(super) rf: f64,
}

impl Limits {
    pub(super) fn new(action: &Action) -> Result<Self> {
        let enough = CONVERGED * action.noise_deviation();
        let weights = action.residual_weights();
        // A state at zero rounds like one of its unit.
        let squares: Vec<f64> = units(action).iter().map(|u| u * u).collect();
        let of_units = f64::EPSILON.powi(2) * action.model_error_of(&squares, &weights);
        let rounding = of_units + action.at(1.0)?.model_rounding(&rest(action)?);
        let rf = SHARE * enough / rounding;
        Ok(Self {
            enough,
            rf: if rf.is_nan() {
                f64::MAX
            } else {
                rf.min(f64::MAX)
            },
        })
    }
}

/// Sizes of the residuals along the path `x`, and at least such as nobody can
/// tell from zero.
pub(super) fn residual_sizes(action: &Action, x: &[f64]) -> Result<ResidualSizes> {
    let least = least_squares(action, x);
    let sizes = action.residual_sizes(x)?;
    Ok(sizes.at_least(&least, &action.residual_weights()))
}

/// The model error at R_f = 1 of such residuals.
pub(super) fn least_model_error(action: &Action, x: &[f64]) -> f64 {
    action.model_error_of(&least_squares(action, x), &action.residual_weights())
}

/// Squares of residuals that nobody can tell from zero along the path `x`.
fn least_squares(action: &Action, x: &[f64]) -> Vec<f64> {
    let windows = &action.layout().windows;
    let most = windows.iter().map(|w| w.intervals()).max().unwrap_or(1);
    let units = units(action);
    let mut largest = vec![0.0_f64; units.len()];
    for window in windows {
        for n in 0..window.layers() {
            for (i, v) in x[window.state(n)].iter().enumerate() {
                let slot = &mut largest[i % units.len()];
                *slot = slot.max(v.abs());
            }
        }
    }
    let least = |(unit, largest): (&f64, f64)| {
        let moves = LEAST * unit / most.max(1) as f64;
        let rounds = ROUNDINGS * f64::EPSILON * largest;
        moves.max(rounds).powi(2)
    };
    units.iter().zip(largest).map(least).collect()
}

/// A unit for each component, one for all where the widths of layers differ: of a
/// measured one the deviation of its values, or of their errors where that is
/// larger; of another a quarter of the width between its bounds, or the deviation
/// of its first state's prior, or of all observations. One of which nothing is
/// known has the mean of the others.
fn units(action: &Action) -> Vec<f64> {
    let signals = Signal::of_all(action);
    let (components, errors) = (action.components_told(), error_deviations(action));
    let windows = || action.layout().windows.iter().zip(&signals);
    let widths =
        windows().flat_map(|(window, _)| (0..window.layers()).map(|n| window.state(n).len()));
    let mut units = vec![0.0_f64; components];
    for i in 0..widths.max().unwrap_or(1) {
        let values = windows().flat_map(|(window, signal)| {
            (0..window.layers()).filter_map(move |n| signal.measured(n, i))
        });
        let values: Vec<f64> = values.collect();
        let error = errors.get(i).copied().unwrap_or(0.0);
        let unit = match values.is_empty() {
            false => deviation(&values).max(error),
            true => unmeasured(action, &signals, i),
        };
        let slot = &mut units[i % components];
        *slot = slot.max(unit);
    }
    filled(units)
}

/// The unit of a component that was not measured.
fn unmeasured(action: &Action, signals: &[Signal<'_>], i: usize) -> f64 {
    let priors = action.windows().iter().filter_map(|w| w.state_prior());
    let priors = priors.filter(|prior| i < prior.mean.len());
    let priors = priors.map(|prior| prior.precision.marginal(&[i])[(0, 0)].powf(-0.5));
    let unrest = signals.iter().map(|signal| signal.unrest(i));
    priors.chain(unrest).fold(0.0, f64::max)
}

/// The largest standard deviation of the errors of each measured component.
fn error_deviations(action: &Action) -> Vec<f64> {
    let mut all: Vec<f64> = Vec::new();
    for set in action.windows().iter().flat_map(|w| w.observation_sets()) {
        for (l, &i) in set.components().into_iter().flatten().enumerate() {
            all.resize(all.len().max(i + 1), 0.0);
            for k in 0..set.times().len() {
                if k == 0 || !set.has_precision_of_row_before(k) {
                    let alone = set.precision(k).marginal(&[l])[(0, 0)];
                    all[i] = all[i].max(alone.powf(-0.5));
                }
            }
        }
    }
    all
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|v| (v - mean).powi(2));
    (squares.sum::<f64>() / count).sqrt()
}

/// What is not positive takes the mean of the other values, or one.
fn filled(mut values: Vec<f64>) -> Vec<f64> {
    let known = |v: &f64| v.is_finite() && *v > 0.0;
    let count = values.iter().filter(|v| known(v)).count();
    let mean = match count {
        0 => 1.0,
        _ => values.iter().filter(|v| known(v)).sum::<f64>() / count as f64,
    };
    for value in values.iter_mut().filter(|v| !known(v)) {
        *value = mean;
    }
    values
}
