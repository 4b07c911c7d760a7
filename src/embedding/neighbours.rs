//! Neighbours that are such by projection only.

use ndarray::ArrayView1;

use super::standardized;
use super::tree::Tree;
use crate::error::Result;
use crate::problem::precision::check_positive;

/// Distances below this part of the series' deviation are rounding: they count as
/// if they were as large.
const ROUNDING: f64 = 1e-9;

/// When two points that are nearest neighbours count as false ones.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Criteria {
    /// R_tol: the next coordinate takes them apart by more than so many times their
    /// distance.
    pub ratio: f64,
    /// A_tol: with the next coordinate they are farther apart than so many standard
    /// deviations of the series.
    pub size: f64,
    /// Neighbours are sought among points more than so many samples away in time:
    /// those nearer are near because little time has passed (J. Theiler, Phys. Rev.
    /// A 34, 2427, 1986). 0 leaves out the point itself only, as in the original.
    pub apart: usize,
}

impl Default for Criteria {
    /// R_tol = 15 and A_tol = 2, as Kennel, Brown and Abarbanel chose them, and
    /// neighbours at any time.
    fn default() -> Self {
        Self {
            ratio: 15.0,
            size: 2.0,
            apart: 0,
        }
    }
}

/// Shares of false nearest neighbours, at index d − 1 those in dimension d.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FalseNeighbours {
    /// False by one criterion or the other.
    pub shares: Vec<f64>,
    /// False by the ratio of distances.
    pub by_ratio: Vec<f64>,
    /// False by the size of the attractor.
    pub by_size: Vec<f64>,
    /// Points whose neighbours were judged, the same in all dimensions.
    pub points: usize,
}

impl FalseNeighbours {
    /// The smallest dimension with a share below this one.
    #[must_use]
    pub fn dimension_below(&self, share: f64) -> Option<usize> {
        self.shares.iter().position(|s| *s < share).map(|k| k + 1)
    }
}

/// The share of false nearest neighbours among delay vectors of dimension 1 to
/// `max_dimension`, with a lag in samples.
///
/// M. B. Kennel, R. Brown, H. D. I. Abarbanel, *Determining embedding dimension for
/// phase-space reconstruction using a geometrical construction*, Phys. Rev. A 45,
/// 3403 (1992). With R_d the distance of a vector from its nearest neighbour in
/// dimension d (Euclidean) and δ the difference of their next coordinates, the
/// neighbour is false where δ/R_d exceeds [`Criteria::ratio`] or
/// (R_d² + δ²)^½ exceeds [`Criteria::size`] deviations of the series. Neighbours are
/// exact, by a k-d tree. Vectors are x(t), x(t + τ), … and the next coordinate comes
/// *later*, as in the paper: going back in time the contraction of a dissipative
/// system would take true neighbours apart as well.
///
/// # Errors
/// [`Error::NotPositive`](crate::Error::NotPositive) for a lag or dimension of 0,
/// criteria that are not positive, or a series of equal values;
/// [`Error::OutOfRange`](crate::Error::OutOfRange) for fewer than `max_dimension` ·
/// `lag` + 2 · [`apart`](Criteria::apart) + 2 values;
/// [`Error::NotFinite`](crate::Error::NotFinite) with the index of a value.
pub fn false_neighbours(
    series: ArrayView1<'_, f64>,
    lag: usize,
    max_dimension: usize,
    criteria: &Criteria,
) -> Result<FalseNeighbours> {
    let place = || String::from("false neighbours");
    check_positive("lag", place, lag as f64)?;
    check_positive("largest dimension", place, max_dimension as f64)?;
    check_positive("ratio of distances", place, criteria.ratio)?;
    check_positive("size of the attractor", place, criteria.size)?;
    let depth = max_dimension.saturating_mul(lag);
    let apart = criteria.apart.saturating_mul(2).saturating_add(2);
    let values = standardized(series, depth.saturating_add(apart), &place())?;
    let mut found = FalseNeighbours {
        shares: Vec::new(),
        by_ratio: Vec::new(),
        by_size: Vec::new(),
        points: values.len() - depth,
    };
    for dimension in 1..=max_dimension {
        let (either, ratio, size) = shares(&values, lag, (dimension, found.points), criteria);
        found.shares.push(either);
        found.by_ratio.push(ratio);
        found.by_size.push(size);
    }
    Ok(found)
}

/// Shares by either criterion, by the ratio and by the size, of the first `count`
/// points.
fn shares(
    values: &[f64],
    lag: usize,
    (dimension, count): (usize, usize),
    criteria: &Criteria,
) -> (f64, f64, f64) {
    let coordinate = |point: usize, k: usize| values[point + k * lag];
    let points = (0..count).flat_map(|p| (0..dimension).map(move |k| coordinate(p, k)));
    let tree = Tree::new(points.collect(), dimension);
    let (mut either, mut by_ratio, mut by_size) = (0_usize, 0_usize, 0_usize);
    for point in 0..count {
        let far = |other: usize| other.abs_diff(point) > criteria.apart;
        let Some((square, neighbour)) = tree.nearest(point, far) else {
            continue;
        };
        let distance = square.sqrt().max(ROUNDING);
        let apart = (coordinate(point, dimension) - coordinate(neighbour, dimension)).abs();
        let ratio = apart > criteria.ratio * distance;
        // The values have deviation 1.
        let size = distance.hypot(apart) > criteria.size;
        by_ratio += usize::from(ratio);
        by_size += usize::from(size);
        either += usize::from(ratio || size);
    }
    let share = |number: usize| number as f64 / count as f64;
    (share(either), share(by_ratio), share(by_size))
}
