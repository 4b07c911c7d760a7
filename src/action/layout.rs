//! Where each unknown stands in the vector of unknowns.

use std::ops::Range;

use crate::linalg::ChainShape;
use crate::path::Path;

/// States window by window and layer by layer, then the free parameters.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) windows: Vec<WindowLayout>,
    /// Index of each estimated parameter among all.
    pub(crate) free: Vec<usize>,
}

/// Offsets of one window's layers in the vector of unknowns.
#[derive(Debug, Clone)]
pub(crate) struct WindowLayout {
    offsets: Vec<usize>,
    /// Steps in an interval of the discretization.
    steps: usize,
}

impl Layout {
    /// `widths` gives the width of each layer of each window.
    pub(crate) fn new(widths: &[Vec<usize>], steps: usize, free: Vec<usize>) -> Self {
        let mut next = 0;
        let windows = widths
            .iter()
            .map(|widths| {
                let mut offsets = vec![next];
                for width in widths {
                    next += width;
                    offsets.push(next);
                }
                WindowLayout { offsets, steps }
            })
            .collect();
        Self { windows, free }
    }

    /// Where the parameters begin.
    pub(crate) fn border(&self) -> usize {
        self.windows.last().map_or(0, |w| w.offsets[w.layers()])
    }

    pub(crate) fn dimension(&self) -> usize {
        self.border() + self.free.len()
    }
}

impl WindowLayout {
    pub(crate) fn layers(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn intervals(&self) -> usize {
        (self.layers() - 1) / self.steps
    }

    pub(crate) fn layer(&self, n: usize) -> Range<usize> {
        self.offsets[n]..self.offsets[n + 1]
    }

    /// First layer of an interval.
    pub(crate) fn first(&self, interval: usize) -> usize {
        interval * self.steps
    }

    /// All layers of an interval, both ends included.
    pub(crate) fn span(&self, interval: usize) -> Range<usize> {
        let first = self.first(interval);
        self.offsets[first]..self.offsets[first + self.steps + 1]
    }

    /// The window's chain of blocks: interval ends are nodes, layers between
    /// them interior.
    pub(crate) fn chain(&self) -> ChainShape {
        let node = |k: usize| self.layer(self.first(k)).len();
        let interior = |k: usize| {
            let first = self.first(k);
            self.offsets[first + self.steps] - self.offsets[first + 1]
        };
        ChainShape {
            nodes: (0..=self.intervals()).map(node).collect(),
            interiors: (0..self.intervals()).map(interior).collect(),
        }
    }

    pub(crate) fn path(&self, x: &[f64]) -> Path {
        let first = self.offsets[0];
        let last = self.offsets[self.layers()];
        let offsets = self.offsets.iter().map(|o| o - first).collect();
        Path::from_parts(offsets, x[first..last].to_vec())
    }
}
