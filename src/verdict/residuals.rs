//! Whether what the measurements leave is noise.

use crate::action::Action;
use crate::problem::observations::Observations;
use ndarray::Array2;

/// How the measurements' residuals correlate from each measured time to the
/// next: not at all where they are noise, whatever its size; a wrong model, and
/// noise that lasts, leave them correlated. Of several values at one time each is
/// paired with each one at the time before.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Correlation {
    /// The autocorrelation with lag one, all values of all sets and windows
    /// together, each in units of its own standard deviation.
    pub value: f64,
    /// What it is for white noise: fitting takes the part tr P/K_y of the noise away
    /// (see [`LevelTest`](super::LevelTest)), and that leaves −tr P/K_y between
    /// neighbours.
    #[cfg_attr(feature = "serde", serde(default))]
    pub expected: f64,
    /// 1/√K, its standard deviation for white noise.
    pub deviation: f64,
    /// K, the pairs of successive values.
    pub pairs: usize,
}

/// Sums over residuals.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    products: f64,
    pairs: usize,
    squares: f64,
    count: usize,
}

impl Correlation {
    /// `None` without two values in succession.
    pub(super) fn new(action: &Action, x: &[f64], expected: f64) -> Option<Self> {
        let mut sums = Sums::default();
        for (w, window) in action.windows().iter().enumerate() {
            for (set, observations) in window.observation_sets().enumerate() {
                sums.add(observations, &action.predicted(x, w, set));
            }
        }
        let variance = sums.squares / sums.count as f64;
        let covariance = sums.products / sums.pairs as f64;
        (sums.pairs > 0 && variance > 0.0).then(|| Self {
            value: covariance / variance,
            expected,
            deviation: (sums.pairs as f64).powf(-0.5),
            pairs: sums.pairs,
        })
    }
}

impl Correlation {
    /// Whether it is beyond so many deviations, above or below.
    pub(super) fn is_beyond(&self, deviations: f64) -> bool {
        (self.value - self.expected).abs() > deviations * self.deviation
    }
}

impl Sums {
    fn add(&mut self, set: &Observations, predicted: &Array2<f64>) {
        let scales = precisions_alone(set).mapv(f64::sqrt);
        let residuals = (set.values() - predicted) * scales;
        let times = set.times();
        for column in residuals.columns() {
            // The rows of the time before.
            let mut before = 0..0;
            for now in times.chunk_by(|a, b| a == b) {
                let now = before.end..before.end + now.len();
                for &e in column.slice(ndarray::s![now.clone()]) {
                    if !e.is_nan() {
                        self.squares += e * e;
                        self.count += 1;
                    }
                    let pairs = column.slice(ndarray::s![before.clone()]).into_iter();
                    for product in pairs.map(|b| e * b).filter(|p| !p.is_nan()) {
                        self.products += product;
                        self.pairs += 1;
                    }
                }
                before = now;
            }
        }
    }
}

/// One over the variance of each value, whatever the others are; zero where an
/// operator has none.
pub(super) fn precisions_alone(set: &Observations) -> Array2<f64> {
    let mut all = Array2::zeros(set.values().dim());
    let mut precisions: Vec<f64> = Vec::new();
    for (k, mut row) in all.rows_mut().into_iter().enumerate() {
        let count = set.operator().len(k);
        if precisions.len() != count || !set.has_precision_of_row_before(k) {
            let alone = |l: usize| set.precision(k).marginal(&[l])[(0, 0)];
            precisions = (0..count).map(alone).collect();
        }
        for (slot, precision) in row.iter_mut().zip(&precisions) {
            *slot = *precision;
        }
    }
    all
}
