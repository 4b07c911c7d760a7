//! Delay embedding: from one measured variable to vectors that tell the state.
//!
//! Of a deterministic system the vectors x(t), x(t − τ), …, x(t − (D_E − 1)τ)
//! follow a law of their own once D_E is large enough (F. Takens, *Detecting
//! strange attractors in turbulence*, Lect. Notes Math. 898, 366, 1981). The lag
//! is where the [`mutual_information`] of x(t) and x(t − τ) has its first
//! minimum, the dimension where [`false_neighbours`] vanish, and a
//! [`DelayEmbedding`] makes the vectors, and the pairs that a network learns their
//! law from. All lags are in samples; series are sampled uniformly.
//!
//! ```
//! use deepest::embedding::{Criteria, DelayEmbedding, false_neighbours, mutual_information};
//! use deepest::models::Lorenz63;
//! use deepest::prelude::*;
//!
//! # fn main() -> deepest::Result<()> {
//! let grid = Grid::uniform(0.0, 0.02, 4000)?;
//! let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
//! let x = ndarray::Array1::from(truth.path.component(0));
//! let lag = mutual_information(x.view(), 30)?.first_minimum().expect("a minimum");
//! let neighbours = false_neighbours(x.view(), lag, 5, &Criteria::default())?;
//! let dimension = neighbours.dimension_below(0.01).expect("a dimension");
//! let (now, next) = DelayEmbedding::new(lag, dimension)?.pairs(x.view(), 1)?;
//! assert_eq!((dimension, now.dim()), (3, (4000 - 2 * lag - 1, 3)));
//! assert_eq!(now.row(1), next.row(0));
//! # Ok(())
//! # }
//! ```

mod delays;
mod information;
mod neighbours;
mod tree;

pub use delays::DelayEmbedding;
pub use information::{MutualInformation, mutual_information};
pub use neighbours::{Criteria, FalseNeighbours, false_neighbours};

use ndarray::ArrayView1;

use crate::error::{Error, Result};
use crate::problem::grid::check_finite;

/// Finite values, at least so many.
fn check_series(series: ArrayView1<'_, f64>, least: usize, place: &str) -> Result<()> {
    if series.len() < least {
        return Err(Error::OutOfRange {
            what: "length of the series",
            place: place.into(),
            low: least as f64,
            high: f64::INFINITY,
            found: series.len() as f64,
        });
    }
    for (index, &value) in series.iter().enumerate() {
        check_finite(
            "value of the series",
            &format!("{place}, index {index}"),
            value,
        )?;
    }
    Ok(())
}

/// The same series with mean 0 and deviation 1.
fn standardized(series: ArrayView1<'_, f64>, least: usize, place: &str) -> Result<Vec<f64>> {
    check_series(series, least, place)?;
    let constant = || Error::NotPositive {
        what: "spread of the series",
        place: place.into(),
        found: 0.0,
    };
    let first = series.first().ok_or_else(constant)?;
    if series.iter().all(|x| x == first) {
        return Err(constant());
    }
    // By the largest first, so that no square overflows or vanishes.
    let largest = series
        .iter()
        .fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let count = series.len() as f64;
    let mut values: Vec<f64> = series.iter().map(|x| x / largest).collect();
    let mean = values.iter().sum::<f64>() / count;
    values.iter_mut().for_each(|x| *x -= mean);
    let deviation = (values.iter().map(|x| x * x).sum::<f64>() / count).sqrt();
    values.iter_mut().for_each(|x| *x /= deviation);
    Ok(values)
}
