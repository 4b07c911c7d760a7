//! What was measured of components directly, as series over the layers of a window.

use crate::windows::Window;

/// The measured values of a window's components, layer by layer.
#[derive(Debug)]
pub(crate) struct Series {
    /// One series a component, one value a layer; NaN where there is none, empty where
    /// the component was never measured. Several values of one layer are averaged.
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
                for (&i, &y) in components.iter().zip(&row) {
                    if y.is_nan() {
                        continue;
                    }
                    if sums.len() <= i {
                        sums.resize(i + 1, Vec::new());
                    }
                    sums[i].resize(times.len(), (0.0, 0.0));
                    sums[i][contact.layer].0 += contact.weight * y;
                    sums[i][contact.layer].1 += contact.weight;
                    values.push((i, y));
                }
            }
        }
        let measured: Vec<Vec<f64>> = sums.iter().map(|sums| means(sums)).collect();
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

/// (sum, count) at each layer to their quotient; NaN for a count of zero.
fn means(sums: &[(f64, f64)]) -> Vec<f64> {
    let mean = |&(sum, count): &(f64, f64)| if count == 0.0 { f64::NAN } else { sum / count };
    sums.iter().map(mean).collect()
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
