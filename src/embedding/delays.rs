//! Delay vectors, and the pairs of a map.

use ndarray::{Array2, ArrayView1, s};

use super::check_series;
use crate::error::Result;
use crate::problem::precision::check_positive;

/// Vectors of `dimension` values of a series, each `lag` samples before the one to
/// its left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DelayEmbedding {
    lag: usize,
    dimension: usize,
}

impl DelayEmbedding {
    /// Lag τ in samples and dimension D_E.
    ///
    /// # Errors
    /// [`Error::NotPositive`](crate::Error::NotPositive) for 0.
    pub fn new(lag: usize, dimension: usize) -> Result<Self> {
        let place = || String::from("delay embedding");
        check_positive("lag", place, lag as f64)?;
        check_positive("dimension", place, dimension as f64)?;
        Ok(Self { lag, dimension })
    }

    /// τ, in samples.
    #[must_use]
    pub fn lag(&self) -> usize {
        self.lag
    }

    /// D_E.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Samples that the first vector looks back, (D_E − 1)τ.
    #[must_use]
    pub fn depth(&self) -> usize {
        (self.dimension - 1).saturating_mul(self.lag)
    }

    /// All vectors: row n is x(k), x(k − τ), … of sample k = n +
    /// [`depth`](Self::depth). Shape (samples − (D_E − 1)τ, D_E), in units of the
    /// series.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a series too short to
    /// hold one, [`Error::NotFinite`](crate::Error::NotFinite) with the index of a
    /// value.
    pub fn vectors(&self, series: ArrayView1<'_, f64>) -> Result<Array2<f64>> {
        let depth = self.depth();
        check_series(series, depth.saturating_add(1), "delay embedding")?;
        let shape = (series.len() - depth, self.dimension);
        Ok(Array2::from_shape_fn(shape, |(row, column)| {
            series[row + depth - column * self.lag]
        }))
    }

    /// Vectors as inputs, and those `ahead` samples later as outputs, row by row.
    ///
    /// # Errors
    /// As [`vectors`](Self::vectors), for a series too short to hold one pair, and
    /// [`Error::NotPositive`](crate::Error::NotPositive) for 0 samples ahead.
    pub fn pairs(
        &self,
        series: ArrayView1<'_, f64>,
        ahead: usize,
    ) -> Result<(Array2<f64>, Array2<f64>)> {
        let place = "pairs of a delay embedding";
        check_positive("samples ahead", || place.into(), ahead as f64)?;
        let least = self.depth().saturating_add(1).saturating_add(ahead);
        check_series(series, least, place)?;
        let vectors = self.vectors(series)?;
        let count = vectors.nrows() - ahead;
        let inputs = vectors.slice(s![..count, ..]).to_owned();
        Ok((inputs, vectors.slice(s![ahead.., ..]).to_owned()))
    }
}
