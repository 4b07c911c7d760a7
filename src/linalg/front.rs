//! The writable view of one front.

use ndarray::Array2;

use super::kernel::Kernel;
use super::layout::{Block, Layout, Step, padded};
use super::shape::{ArrowShape, ChainShape};
use crate::error::Result;

/// Local sizes of a front, in local index order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontSizes {
    /// Unknowns inside the interval.
    pub interior: usize,
    /// Unknowns of the node on its left.
    pub left: usize,
    /// Unknowns of the node on its right; 0 in the last front of a chain.
    pub right: usize,
    /// Unknowns of the border.
    pub border: usize,
}

impl FrontSizes {
    /// All of them together.
    pub fn total(&self) -> usize {
        self.interior + self.left + self.right + self.border
    }
}

/// The lower triangle of the front being assembled. The local order of rows and
/// columns is interior, left node, right node, border. Everything is *added*:
/// the left node already holds what the fronts before left there, the border
/// corner accumulates over all fronts of all chains.
pub struct Front<'a> {
    pub(super) buffer: &'a mut [f64],
    pub(super) column_base: &'a [usize],
    pub(super) step: &'a Step,
    pub(super) kernel: Kernel,
    pub(super) scratch: &'a mut Vec<f64>,
    /// The first entry that was not in the lower triangle of the front.
    pub(super) misplaced: Option<(usize, usize)>,
}

impl Front<'_> {
    /// Sizes of the parts.
    pub fn sizes(&self) -> FrontSizes {
        FrontSizes {
            interior: self.step.interior,
            left: self.step.left,
            right: self.step.right(),
            border: self.step.geometry.corner.columns,
        }
    }

    /// The fast path: a flat buffer and the base of each local column; entry
    /// (i, j), i ≥ j, is `buffer[column_base[j] + i]` in every column, those of
    /// the border included. Nothing but these entries may be written, and they
    /// are to be added to.
    #[inline]
    pub fn parts(&mut self) -> (&mut [f64], &[usize]) {
        (self.buffer, self.column_base)
    }

    /// Adds `value` to entry (row, column); `row` ≥ `column`. An entry outside
    /// the lower triangle is not added, and the factorization ends in
    /// [`Error::OutOfRange`](crate::Error::OutOfRange).
    #[inline]
    pub fn add(&mut self, row: usize, column: usize, value: f64) {
        if column <= row && row < self.column_base.len() {
            self.buffer[self.column_base[column] + row] += value;
        } else {
            self.misplaced.get_or_insert((row, column));
        }
    }

    /// Holds an unknown where it is: its row, column and right-hand side become
    /// those of the identity. To be called after everything else was added, in
    /// every front that the unknown is part of; the border cannot be held.
    pub fn hold(&mut self, unknown: usize) {
        let sizes = self.sizes();
        if unknown >= sizes.total() - sizes.border {
            self.misplaced.get_or_insert((unknown, unknown));
            return;
        }
        for base in &self.column_base[..unknown] {
            self.buffer[base + unknown] = 0.0;
        }
        let base = self.column_base[unknown];
        // The right-hand side is the row behind the last unknown.
        self.buffer[base + unknown..=base + sizes.total()].fill(0.0);
        if unknown < self.step.geometry.pivots {
            self.buffer[base + unknown] = 1.0;
        }
    }

    /// Adds a dense block, row-major `rows` × `columns`, with its first entry at
    /// (`row`, `column`). Of a block across the diagonal (`row` = `column`) the
    /// lower triangle is added; otherwise it must lie below the diagonal as a
    /// whole, as for [`add`](Self::add). A block longer or shorter than
    /// `rows` · `columns` counts as misplaced.
    pub fn add_block(
        &mut self,
        row: usize,
        column: usize,
        rows: usize,
        columns: usize,
        block: &[f64],
    ) {
        let n = self.column_base.len();
        let fits = rows <= n && row <= n - rows && columns <= n && column <= n - columns;
        let below = || row == column || row + 1 >= column + columns;
        if !(fits && below() && block.len() == rows * columns) {
            self.misplaced.get_or_insert((row, column));
            return;
        }
        if columns == 0 {
            return;
        }
        for (i, values) in block.chunks_exact(columns).enumerate() {
            let kept = if row == column {
                columns.min(i + 1)
            } else {
                columns
            };
            for (base, value) in self.column_base[column..].iter().zip(&values[..kept]) {
                self.buffer[base + row + i] += value;
            }
        }
    }

    /// Adds GᵀG, `g` being G row-major, `rows` × all local columns: the
    /// Gauss-Newton term of residuals whose Jacobian is G when each row is
    /// already multiplied by the root of its weight. A `g` of another length
    /// counts as misplaced.
    pub fn add_gram(&mut self, g: &[f64], rows: usize) {
        let n = self.column_base.len();
        if Some(g.len()) != rows.checked_mul(n) {
            self.misplaced.get_or_insert((rows, n));
            return;
        }
        if n == 0 {
            return;
        }
        let geometry = &self.step.geometry;
        let ld = geometry.ld;
        self.scratch.resize(self.scratch.len().max(rows * ld), 0.0);
        let gram = &mut self.scratch[..rows * ld];
        for (row, padded) in g.chunks_exact(n).zip(gram.chunks_exact_mut(ld)) {
            padded[..n].copy_from_slice(row);
            padded[n..].fill(0.0);
        }
        let pivots = Block {
            first: 0,
            columns: geometry.pivots,
            base: geometry.panel,
            ld,
        };
        for block in [pivots, geometry.right, geometry.corner] {
            if block.columns > 0 {
                let target = &mut self.buffer[block.base..];
                self.kernel.add_gram(gram, ld, target, &block);
            }
        }
    }
}

/// A front by itself, without border: what is added to one interval as a dense
/// matrix.
pub(crate) struct SingleFront {
    layout: Layout,
    buffer: Vec<f64>,
    column_base: Vec<usize>,
}

impl SingleFront {
    /// Room for an interval with so many unknowns inside, and at its left and
    /// right node.
    ///
    /// # Errors
    /// As [`ArrowShape::new`].
    pub(crate) fn new(interior: usize, left: usize, right: usize) -> Result<Self> {
        let chain = ChainShape {
            nodes: vec![left, right],
            interiors: vec![interior],
        };
        let layout = Layout::new(&ArrowShape::new(vec![chain], 0)?, [0, 0]);
        let mut column_base = Vec::new();
        column_bases(&layout.steps[0], &mut column_base);
        Ok(Self {
            buffer: vec![0.0; layout.front_end],
            layout,
            column_base,
        })
    }

    /// The symmetric matrix, in local order, of which `add` adds the lower
    /// triangle.
    pub(crate) fn collect(&mut self, add: impl FnOnce(&mut Front<'_>)) -> Array2<f64> {
        self.buffer.fill(0.0);
        add(&mut Front {
            buffer: &mut self.buffer,
            column_base: &self.column_base,
            step: &self.layout.steps[0],
            kernel: Kernel::auto(),
            scratch: &mut Vec::new(),
            misplaced: None,
        });
        let n = self.column_base.len();
        Array2::from_shape_fn((n, n), |(i, j)| {
            self.buffer[self.column_base[i.min(j)] + i.max(j)]
        })
    }
}

/// Bases of the local columns of a front.
pub(super) fn column_bases(step: &Step, bases: &mut Vec<usize>) {
    let geometry = &step.geometry;
    debug_assert!(geometry.ld == padded(geometry.ld));
    bases.clear();
    bases.extend((0..geometry.pivots).map(|j| geometry.panel + j * geometry.ld));
    for block in geometry.trailing() {
        // Not negative: a whole panel taller than `first` stands before the block.
        let base = block.base - block.first;
        bases.extend((0..block.columns).map(|j| base + j * block.ld));
    }
}
