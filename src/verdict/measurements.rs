//! What further measurements would tell, before anybody takes them.

use super::residuals::precisions_alone;
use crate::action::{Action, Estimate};
use crate::anneal::lengthened;
use crate::error::{Error, Result};
use crate::objective::Knowledge;
use crate::problem::observations::Observations;
use crate::problem::precision::Precision;
use crate::problem::windows::Window;
use ndarray::Array2;

/// Parts of the time.
const QUARTERS: usize = 4;

/// A further measurement, and what it would tell.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Gain {
    /// What would be measured.
    pub measurement: Further,
    /// The information in nats that it has of path and parameters:
    /// [`Action::information`].
    pub nats: f64,
    /// How many values would be measured.
    pub values: usize,
}

/// What could be measured too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Further {
    /// This component of the state, wherever and as well as others are.
    Component(usize),
    /// Everything that was measured, once more: as good as twice as often, or
    /// with half the variance.
    Again,
    /// The same in this quarter of the time alone, 0 to 3.
    Quarter(usize),
    /// For as long again after the end, what is measured now: what that tells of the
    /// path up to the old end, and of the parameters.
    Longer,
}

/// Further measurements, the most telling first: each component of the state
/// that no set of components has; everything once more; and of a flow, the same
/// in quarters of the time, and for as long again. The last where known inputs
/// go on, and the path does, and not by operators of the user's.
///
/// A component would be measured wherever anything is in its window, with the
/// ratio of signal to noise that the measured values have on the average (R_m
/// times the variance along the path), because it may have another unit. Empty
/// where nothing that is measured changes along the path.
pub(super) fn ranked(action: &Action, rf: f64, estimate: &Estimate) -> Result<Vec<Gain>> {
    let knowledge = Knowledge::new(action, rf, estimate)?;
    let x = action.pack(estimate)?;
    let gain = |measurement, further: Vec<(usize, Observations)>| {
        let further = action.with_observations(&further)?;
        Ok(Gain {
            measurement,
            nats: knowledge.gained(&further)?,
            values: further.counts().measured - action.counts().measured,
        })
    };
    let windows = action.windows().iter().enumerate();
    let of_window = |(w, window)| Window::observation_sets(window).map(move |set| (w, set));
    let sets: Vec<(usize, &Observations)> = windows.flat_map(of_window).collect();
    let again = sets.iter().map(|(w, set)| (*w, (*set).clone())).collect();
    let mut gains = vec![gain(Further::Again, again)?];
    if action.dynamics().is_in_time() {
        for quarter in 0..QUARTERS {
            let of =
                |(w, set): &(usize, &Observations)| Some((*w, part(action, *w, set, quarter)?));
            let further: Vec<_> = sets.iter().filter_map(of).collect();
            if !further.is_empty() {
                gains.push(gain(Further::Quarter(quarter), further)?);
            }
        }
    }
    gains.extend(longer(action, &knowledge, estimate)?);
    let components = sets.iter().filter_map(|(_, set)| set.components());
    let measured = components.flatten().collect::<Vec<_>>();
    let states = Measured::new(action, estimate);
    let signal = signal_to_noise(action, &x);
    for i in (0..states.width).filter(|i| !measured.contains(&i)) {
        let precision = signal / states.variance(i);
        if precision.is_finite() && precision > 0.0 {
            let further = states.observations(i, Precision::scalar(precision)?)?;
            gains.push(gain(Further::Component(i), further)?);
        }
    }
    gains.sort_by(|a, b| b.nats.total_cmp(&a.nats));
    Ok(gains)
}

/// What a set has in a quarter of its window's time.
fn part(action: &Action, w: usize, set: &Observations, quarter: usize) -> Option<Observations> {
    let times = action.windows()[w].grid().times();
    let (first, last) = (times[0], times[times.len() - 1]);
    let passed = |t: f64| QUARTERS as f64 * (t - first) / (last - first);
    set.only(|t| (passed(t) as usize).min(QUARTERS - 1) == quarter)
}

/// What measuring for as long again would tell, where the path goes on as the model
/// says; `None` where it cannot, or what comes later is lost in rounding.
fn longer(action: &Action, knowledge: &Knowledge, estimate: &Estimate) -> Result<Option<Gain>> {
    let Some(longer) = action.prolonged() else {
        return Ok(None);
    };
    let values = longer.counts().measured - action.counts().measured;
    let before = vec![0; estimate.paths.len()];
    let led = lengthened(&longer, estimate, &before, 0.0);
    let Some(estimate) = led.filter(|_| values > 0) else {
        return Ok(None);
    };
    let nats = knowledge.gained_by_time(action, &longer, &estimate);
    Ok(determined(nats)?.map(|nats| Gain {
        measurement: Further::Longer,
        nats,
        values,
    }))
}

/// The states of all layers where anything was measured.
struct Measured<'a> {
    /// Components that all of them have.
    width: usize,
    /// For each window the times and the states.
    windows: Vec<(Vec<f64>, Vec<&'a [f64]>)>,
}

impl<'a> Measured<'a> {
    fn new(action: &Action, estimate: &'a Estimate) -> Self {
        let pairs = action.windows().iter().zip(&estimate.paths);
        let windows: Vec<_> = pairs
            .map(|(window, path)| {
                let mut layers: Vec<usize> = window
                    .sets()
                    .iter()
                    .flat_map(|(_, contacts)| contacts.iter().map(|contact| contact.layer))
                    .collect();
                layers.sort_unstable();
                layers.dedup();
                let times = layers.iter().map(|&n| window.grid().times()[n]);
                (
                    times.collect(),
                    layers.iter().map(|&n| path.layer(n)).collect(),
                )
            })
            .collect();
        let states = windows
            .iter()
            .flat_map(|(_, states): &(Vec<f64>, Vec<&[f64]>)| states);
        let width = states.map(|state| state.len()).min().unwrap_or(0);
        Self { width, windows }
    }

    fn variance(&self, i: usize) -> f64 {
        let states = self.windows.iter().flat_map(|(_, states)| states);
        variance(states.map(|state| state[i]))
    }

    fn observations(&self, i: usize, precision: Precision) -> Result<Vec<(usize, Observations)>> {
        let windows = self.windows.iter().enumerate();
        let windows = windows.filter(|(_, (times, _))| !times.is_empty());
        windows
            .map(|(w, (times, _))| {
                let values = Array2::zeros((times.len(), 1));
                let times = times.clone();
                let set = Observations::of_components(&[i], times, values, precision.clone())?;
                Ok((w, set))
            })
            .collect()
    }
}

/// R_m times the variance along the path, the mean over all measured values.
fn signal_to_noise(action: &Action, x: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (w, window) in action.windows().iter().enumerate() {
        for (s, set) in window.observation_sets().enumerate() {
            let predicted = action.predicted(x, w, s);
            let precisions = precisions_alone(set);
            for (values, precisions) in predicted.columns().into_iter().zip(precisions.columns()) {
                let there = || values.iter().zip(precisions).filter(|(v, _)| !v.is_nan());
                let precision: f64 = there().map(|(_, precision)| precision).sum();
                sum += precision * variance(there().map(|(v, _)| *v));
            }
        }
    }
    sum / action.counts().measured as f64
}

/// Zero for no values.
fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    values.map(|v| (v - mean).powi(2)).sum::<f64>() / count
}

/// `None` where the Hessian is singular.
pub(super) fn determined<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(Error::NotPositiveDefinite { .. }) => Ok(None),
        result => result.map(Some),
    }
}
