//! Matrices with a row for each window and time, or for each unit.

use crate::linalg::{PADDING, Product};
use crate::simd::Isa;

/// A matrix whose rows are padded to whole vectors.
#[derive(Debug, Clone, Default)]
pub(super) struct Panel {
    pub(super) width: usize,
    pub(super) stride: usize,
    pub(super) data: Vec<f64>,
}

impl Panel {
    pub(super) fn new(rows: usize, width: usize) -> Self {
        let stride = width.next_multiple_of(PADDING);
        Self {
            width,
            stride,
            data: vec![0.0; rows * stride],
        }
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.stride..i * self.stride + self.width]
    }

    pub(super) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.stride..i * self.stride + self.width]
    }

    /// Writes the transpose, a vector of each of its rows at a time.
    pub(super) fn transpose(&self, to: &mut Panel) {
        for first in (0..to.width).step_by(PADDING) {
            let last = to.width.min(first + PADDING);
            for j in 0..self.width {
                let row = &mut to.data[j * to.stride + first..j * to.stride + last];
                for (slot, i) in row.iter_mut().zip(first..) {
                    *slot = self.data[i * self.stride + j];
                }
            }
        }
    }

    /// Adds A B: A is `rows` rows of this panel's, B as wide as this one.
    pub(super) fn add_product(&mut self, rows: usize, a: &Panel, b: &Panel, isa: Isa) {
        let product = Product {
            c: (&mut self.data, self.stride),
            a: (&a.data, [a.stride, 1]),
            b: (&b.data, b.stride),
            rows,
            columns: b.stride,
            depth: a.width,
        };
        product.add(isa);
    }

    /// Adds Aᵀ B over `depth` rows of both.
    pub(super) fn add_transposed_product(&mut self, depth: usize, a: &Panel, b: &Panel, isa: Isa) {
        let product = Product {
            c: (&mut self.data, self.stride),
            a: (&a.data, [1, a.stride]),
            b: (&b.data, b.stride),
            rows: a.width,
            columns: b.stride,
            depth,
        };
        product.add(isa);
    }
}
