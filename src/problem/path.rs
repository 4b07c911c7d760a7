//! The states of all layers of one window.
//!
//! An [`Estimate`](crate::Estimate) holds one [`Path`] a window. For models
//! whose layers are equally wide, [`Path::from_array`] and [`Path::to_array`]
//! go from and to N rows by D columns.

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};

/// States of all layers, one layer after the other. Widths may differ. With
/// serde it is the list of its layers, each a list of numbers.
///
/// ```
/// use deepest::Path;
///
/// let path = Path::from_layers([[1.0, 200.0], [1.5, 300.0], [2.0, 400.0]]);
/// assert_eq!(path.layer(1), [1.5, 300.0]);
/// assert_eq!(path.component(0), [1.0, 1.5, 2.0]);
/// assert_eq!(path.to_array()?.dim(), (3, 2));
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("trajectory", "time series"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(into = "Vec<Vec<f64>>", from = "Vec<Vec<f64>>")
)]
pub struct Path {
    /// Layer `n` is `values[offsets[n]..offsets[n + 1]]`.
    offsets: Vec<usize>,
    values: Vec<f64>,
}

impl Path {
    /// A path of equal widths from an array of N rows (layers) by D columns.
    #[must_use]
    pub fn from_array(states: ArrayView2<'_, f64>) -> Self {
        let (layers, width) = states.dim();
        Self {
            offsets: (0..=layers).map(|n| n * width).collect(),
            values: states.iter().copied().collect(),
        }
    }

    /// A path from its layers.
    #[must_use]
    pub fn from_layers<L: AsRef<[f64]>>(layers: impl IntoIterator<Item = L>) -> Self {
        let mut path = Self {
            offsets: vec![0],
            values: Vec::new(),
        };
        for layer in layers {
            path.values.extend_from_slice(layer.as_ref());
            path.offsets.push(path.values.len());
        }
        path
    }

    /// Number N of layers.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.offsets.len() - 1
    }

    /// The state of layer `n`; empty beyond the last layer.
    #[must_use]
    pub fn layer(&self, n: usize) -> &[f64] {
        match (self.offsets.get(n), self.offsets.get(n + 1)) {
            (Some(&first), Some(&last)) => &self.values[first..last],
            _ => &[],
        }
    }

    /// All values, layer after layer.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The path as N rows by D columns.
    ///
    /// # Errors
    /// [`Error::Length`] naming the first layer whose width differs.
    pub fn to_array(&self) -> Result<Array2<f64>> {
        let width = self.layer(0).len();
        if let Some(n) = (0..self.layers()).find(|&n| self.layer(n).len() != width) {
            return Err(Error::Length {
                what: "components",
                place: format!("layer {n} of a path, against layer 0"),
                expected: width,
                found: self.layer(n).len(),
            });
        }
        Ok(Array2::from_shape_fn((self.layers(), width), |(n, i)| {
            self.values[n * width + i]
        }))
    }

    /// One component through all layers (NaN where a layer is too narrow).
    #[must_use]
    pub fn component(&self, i: usize) -> Vec<f64> {
        (0..self.layers())
            .map(|n| self.layer(n).get(i).copied().unwrap_or(f64::NAN))
            .collect()
    }
}

// What is read can have no layers that are not there.
#[cfg(feature = "serde")]
impl From<Vec<Vec<f64>>> for Path {
    fn from(layers: Vec<Vec<f64>>) -> Self {
        Self::from_layers(layers)
    }
}

#[cfg(feature = "serde")]
impl From<Path> for Vec<Vec<f64>> {
    fn from(path: Path) -> Self {
        (0..path.layers()).map(|n| path.layer(n).to_vec()).collect()
    }
}

/// Paths are near each other when their layers are equally wide and all values
/// are near (feature `approx`).
///
/// ```
/// # #[cfg(feature = "approx")] {
/// use deepest::Path;
///
/// let path = Path::from_layers([[1.0, 200.0], [1.5, 300.0]]);
/// let other = Path::from_layers([[1.0, 200.0], [1.5, 300.0001]]);
/// approx::assert_relative_eq!(path, other, max_relative = 1e-6);
/// approx::assert_abs_diff_ne!(path, other, epsilon = 1e-6);
/// # }
/// ```
#[cfg(feature = "approx")]
impl approx::AbsDiffEq for Path {
    type Epsilon = f64;

    fn default_epsilon() -> f64 {
        f64::EPSILON
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: f64) -> bool {
        self.offsets == other.offsets && self.values[..].abs_diff_eq(&other.values[..], epsilon)
    }
}

/// As for absolute differences, value by value (feature `approx`).
#[cfg(feature = "approx")]
impl approx::RelativeEq for Path {
    fn default_max_relative() -> f64 {
        f64::EPSILON
    }

    fn relative_eq(&self, other: &Self, epsilon: f64, max_relative: f64) -> bool {
        let (a, b) = (&self.values[..], &other.values[..]);
        self.offsets == other.offsets && a.relative_eq(b, epsilon, max_relative)
    }
}
