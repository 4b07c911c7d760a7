//! What was measured of components directly, as series over the layers of a window.

use crate::problem::windows::Window;

/// The measured values of a window's components, layer by layer.
#[derive(Debug)]
pub(crate) struct Series {
    /// One series a component, one value a layer; NaN where there is none, empty where
    /// the component was never measured. Of several values of one layer the mean,
    /// weighted by their precisions.
    pub(crate) measured: Vec<Vec<f64>>,
    /// The same, linear between the measured layers; NaN before the first and after
    /// the last of them.
    pub(crate) between: Vec<Vec<f64>>,
    /// All values with their components, in the order of the data.
    pub(crate) values: Vec<(usize, f64)>,
}

impl Series {
    pub(crate) fn of(window: &Window) -> Self {
        let times = window.grid().times();
        let mut sums: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut values = Vec::new();
        for (set, contacts) in window.sets() {
            let Some(components) = set.components() else {
                continue;
            };
            for contact in contacts {
                let row = set.values().row(contact.row);
                for (l, (&i, &y)) in components.iter().zip(&row).enumerate() {
                    if y.is_nan() {
                        continue;
                    }
                    if sums.len() <= i {
                        sums.resize(i + 1, Vec::new());
                    }
                    sums[i].resize(times.len(), (f64::NAN, 0.0));
                    let precision = set.precision(contact.row).of_component(l);
                    join(&mut sums[i][contact.layer], y, contact.weight * precision);
                    values.push((i, y));
                }
            }
        }
        let means = |sums: &Vec<(f64, f64)>| sums.iter().map(|(mean, _)| *mean).collect();
        let measured: Vec<Vec<f64>> = sums.iter().map(means).collect();
        Self {
            between: measured.iter().map(|m| interpolate(times, m)).collect(),
            measured,
            values,
        }
    }

    /// The series of component `i` at layer `n`, where it is known.
    pub(crate) fn at(&self, n: usize, i: usize) -> Option<f64> {
        let value = self.between.get(i)?.get(n).copied()?;
        (!value.is_nan()).then_some(value)
    }
}

/// Adds a value to a mean with its weight: of one value alone it is that value.
fn join((mean, weight): &mut (f64, f64), value: f64, more: f64) {
    if mean.is_nan() {
        (*mean, *weight) = (value, more);
    } else if more > 0.0 {
        *weight += more;
        *mean += more / *weight * (value - *mean);
    }
}

/// Linear between the values that are not NaN, from the first to the last of them.
fn interpolate(times: &[f64], values: &[f64]) -> Vec<f64> {
    let mut series = values.to_vec();
    let mut last: Option<usize> = None;
    for (n, value) in values.iter().enumerate() {
        if value.is_nan() {
            continue;
        }
        if let Some(m) = last {
            for k in m + 1..n {
                let part = (times[k] - times[m]) / (times[n] - times[m]);
                series[k] = values[m] + part * (value - values[m]);
            }
        }
        last = Some(n);
    }
    series
}
