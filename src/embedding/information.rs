//! How much a value tells of the one some samples later.

use ndarray::ArrayView1;

use super::standardized;
use crate::error::Result;
use crate::problem::precision::check_positive;

/// Pairs that a cell of the joint histogram holds on average, at least.
const PAIRS_A_CELL: f64 = 5.0;

/// Bins of each of the two values, at least and at most.
const BINS: (usize, usize) = (4, 32);

/// Average mutual information of a series with itself, lag by lag.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct MutualInformation {
    /// I of x(t) and x(t − k) at index k, from lag 0, where it is the entropy of
    /// the binned series, on; in nats (natural logarithm).
    pub nats: Vec<f64>,
    /// Bins of each of the two values.
    pub bins: usize,
}

impl MutualInformation {
    /// The smallest lag whose information is below that of the lag before and not
    /// above that of the lag after. `None` where it only falls.
    #[must_use]
    pub fn first_minimum(&self) -> Option<usize> {
        let minimum = |w: &[f64]| w[0] > w[1] && w[1] <= w[2];
        self.nats.windows(3).position(minimum).map(|k| k + 1)
    }
}

/// Average mutual information I(k) = Σ p(a, b) ln(p(a, b) / p(a)p(b)) of the
/// values a of a series and b, `k` samples earlier, for all lags up to `max_lag`.
///
/// A. M. Fraser, H. L. Swinney, *Independent coordinates for strange attractors
/// from mutual information*, Phys. Rev. A 33, 1134 (1986). The estimate counts in
/// bins that each hold as many values of the series (equal values share one), so
/// that it does not change with the unit or any increasing function of the values.
/// There are 4 to 32 of them, with five pairs or more a cell on average, and the same
/// number of pairs for all lags. The bias of independent pairs is
/// taken off, (occupied cells − occupied rows − occupied columns + 1) over twice the
/// number of pairs (G. A. Miller, *Note on the bias of information estimates*, 1955),
/// so that values near zero may come out negative.
///
/// # Errors
/// [`Error::NotPositive`](crate::Error::NotPositive) for no lag or a series of equal
/// values; [`Error::OutOfRange`](crate::Error::OutOfRange) for one that leaves fewer
/// than 80 pairs; [`Error::NotFinite`](crate::Error::NotFinite) with the index.
pub fn mutual_information(
    series: ArrayView1<'_, f64>,
    max_lag: usize,
) -> Result<MutualInformation> {
    let place = "mutual information";
    check_positive("largest lag", || place.into(), max_lag as f64)?;
    let fewest = (BINS.0 * BINS.0) as f64 * PAIRS_A_CELL;
    let least = max_lag.saturating_add(fewest as usize);
    let values = standardized(series, least, place)?;
    let pairs = values.len() - max_lag;
    let bins = (pairs as f64 / PAIRS_A_CELL).sqrt() as usize;
    let bins = bins.clamp(BINS.0, BINS.1);
    let bin = binned(&values, bins);
    let later = &bin[max_lag..];
    let at_lag = |k: usize| information(later, &bin[max_lag - k..bin.len() - k], bins);
    Ok(MutualInformation {
        nats: (0..=max_lag).map(at_lag).collect(),
        bins,
    })
}

/// The bin of each value, by how many values are smaller.
fn binned(values: &[f64], bins: usize) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let smaller = |x: &f64| sorted.partition_point(|other| other < x);
    let bin = |x: &f64| smaller(x) * bins / values.len();
    values.iter().map(bin).collect()
}

fn information(a: &[usize], b: &[usize], bins: usize) -> f64 {
    let mut joint = vec![0_usize; bins * bins];
    let (mut rows, mut columns) = (vec![0_usize; bins], vec![0_usize; bins]);
    for (&i, &j) in a.iter().zip(b) {
        joint[i * bins + j] += 1;
        rows[i] += 1;
        columns[j] += 1;
    }
    let total = a.len() as f64;
    // Entropies, with the sum of c ln c in place of that of p ln p.
    let sum = |counts: &[usize]| -> f64 {
        let terms = counts.iter().filter(|&&c| c > 0);
        terms.map(|&c| c as f64 * (c as f64).ln()).sum()
    };
    let found = (sum(&joint) - sum(&rows) - sum(&columns)) / total + total.ln();
    let occupied = |counts: &[usize]| counts.iter().filter(|&&c| c > 0).count() as f64;
    let bias = occupied(&joint) - occupied(&rows) - occupied(&columns) + 1.0;
    found - 0.5 * bias / total
}
