//! Partial Cholesky of large fronts: blocks of columns by the register tiles,
//! the trailing updates by `faer`'s cache-blocked products.

use super::pivot::{BadPivot, Eliminated};
use super::tile;
use crate::linalg::layout::{Block, Geometry};
use crate::simd::{Isa, Simd, Task};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

/// Columns factored by tiles before the rest is updated: what stays in cache.
const WIDTH: usize = 64;

/// Right-looking by blocks of columns.
pub(crate) fn eliminate(isa: Isa, buffer: &mut [f64], front: &Geometry) -> Eliminated {
    let (before, after) = buffer.split_at_mut(front.panel_end());
    let mut rest = &mut before[front.panel..];
    let mut done = 0;
    while done < front.pivots {
        let width = WIDTH.min(front.pivots - done);
        let (panel, later) = rest.split_at_mut(width * front.ld);
        factor(isa, panel, front.ld, done)?;
        let own = Block {
            first: done + width,
            columns: front.pivots - done - width,
            base: done + width,
            ld: front.ld,
        };
        update(panel, front, later, 0, &own);
        for block in front.trailing() {
            update(panel, front, after, front.panel_end(), &block);
        }
        rest = later;
        done += width;
    }
    Ok(())
}

/// Cholesky of one block of columns whose first diagonal entry is in row `top`.
fn factor(isa: Isa, panel: &mut [f64], ld: usize, top: usize) -> Eliminated {
    struct Factor<'a>(&'a mut [f64], usize, usize);
    impl Task for Factor<'_> {
        type Output = Eliminated;
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Eliminated {
            tile::factor_panel(simd, self.0, self.1, self.2)
        }
    }
    isa.run(Factor(panel, ld, top)).map_err(|bad| BadPivot {
        row: top + bad.row,
        ..bad
    })
}

/// Subtracts the product of the panel's rows from `block`; `values[0]` is at
/// offset `origin` of the buffer.
fn update(panel: &[f64], front: &Geometry, values: &mut [f64], origin: usize, block: &Block) {
    let order = block.columns;
    if order == 0 {
        return;
    }
    let height = front.rows() - block.first;
    let width = panel.len() / front.ld;
    let rows =
        MatRef::from_column_major_slice_with_stride(&panel[block.first..], height, width, front.ld);
    let target = MatMut::from_column_major_slice_with_stride_mut(
        &mut values[block.base - origin..],
        height,
        order,
        block.ld,
    );
    let (square, lower) = target.split_at_row_mut(order);
    let (upper_rows, lower_rows) = rows.split_at_row(order);
    triangular::matmul(
        square,
        BlockStructure::TriangularLower,
        Accum::Add,
        upper_rows,
        BlockStructure::Rectangular,
        upper_rows.transpose(),
        BlockStructure::Rectangular,
        -1.0,
        Par::Seq,
    );
    matmul(
        lower,
        Accum::Add,
        lower_rows,
        upper_rows.transpose(),
        -1.0,
        Par::Seq,
    );
}
