//! The observations of a window as continuous signals.

use crate::action::Action;
use crate::discretization::{Rule, Target};
use crate::model::Model;
use crate::path::Path;

/// Measured components, interpolated linearly between their times.
pub(super) struct Signal {
    /// One series a component, one value a layer; NaN before its first and
    /// after its last measured value, empty where it was never measured.
    series: Vec<Vec<f64>>,
    mean: f64,
    deviation: f64,
    range: (f64, f64),
    prior: Option<Vec<f64>>,
}

impl Signal {
    pub(super) fn new<M: Model, R: Rule<M>>(action: &Action<M, R>, w: usize) -> Self {
        let window = &action.windows()[w];
        let times = window.grid().times();
        let mut sums: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut all = Vec::new();
        for (set, layers) in window.sets() {
            for (&n, row) in layers.iter().zip(set.values().rows()) {
                for (&i, &y) in set.components().iter().zip(row) {
                    if y.is_nan() {
                        continue;
                    }
                    if sums.len() <= i {
                        sums.resize(i + 1, Vec::new());
                    }
                    sums[i].resize(times.len(), (0.0, 0.0));
                    sums[i][n].0 += y;
                    sums[i][n].1 += 1.0;
                    all.push(y);
                }
            }
        }
        let count = all.len().max(1) as f64;
        let mean = all.iter().sum::<f64>() / count;
        let variance = all.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count;
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let series = sums.iter().map(|sums| interpolate(times, sums)).collect();
        Self {
            series,
            mean,
            deviation: variance.sqrt(),
            range: if low <= high { (low, high) } else { (0.0, 0.0) },
            prior: window.state_prior().map(|prior| prior.mean.clone()),
        }
    }

    /// The signal of component `i` at layer `n`, where it is known.
    pub(super) fn value(&self, n: usize, i: usize) -> Option<f64> {
        let value = self.series.get(i)?.get(n).copied()?;
        (!value.is_nan()).then_some(value)
    }

    /// What the model is pulled to between layers `n` and `n + 1`.
    pub(super) fn targets(&self, n: usize) -> impl Iterator<Item = Target> {
        (0..self.series.len()).filter_map(move |i| {
            Some(Target {
                component: i,
                begin: self.value(n, i)?,
                end: self.value(n + 1, i)?,
            })
        })
    }

    /// Where an unobserved component rests: its prior's mean, or the mean of
    /// all observations.
    pub(super) fn rest(&self, i: usize) -> f64 {
        let prior = self.prior.as_ref().and_then(|mean| mean.get(i));
        prior.copied().unwrap_or(self.mean)
    }

    /// How far from there it may well be.
    pub(super) fn unrest(&self, i: usize) -> f64 {
        let known = self.prior.as_ref().is_some_and(|mean| i < mean.len());
        if known { 0.0 } else { self.deviation }
    }

    /// Sum of squared distances of a path from the signal, in units of the
    /// observations' variance.
    pub(super) fn misfit(&self, path: &Path) -> f64 {
        let mut sum = 0.0;
        for n in 0..path.layers() {
            for (i, x) in path.layer(n).iter().enumerate() {
                if let Some(y) = self.value(n, i) {
                    sum += (x - y).powi(2);
                }
            }
        }
        sum / self.deviation.powi(2).max(f64::MIN_POSITIVE)
    }

    /// Smallest and largest observation.
    pub(super) fn range(&self) -> (f64, f64) {
        self.range
    }
}

/// (sum, count) at each layer to a value at each layer.
fn interpolate(times: &[f64], sums: &[(f64, f64)]) -> Vec<f64> {
    let mut series = vec![f64::NAN; times.len()];
    let mut last: Option<usize> = None;
    for n in 0..sums.len() {
        let (sum, count) = sums[n];
        if count == 0.0 {
            continue;
        }
        series[n] = sum / count;
        if let Some(m) = last {
            for k in m + 1..n {
                let part = (times[k] - times[m]) / (times[n] - times[m]);
                series[k] = series[m] + part * (series[n] - series[m]);
            }
        }
        last = Some(n);
    }
    series
}
