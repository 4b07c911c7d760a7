//! Partial Cholesky by plain loops: the oracle.

use super::pivot::{BadPivot, Eliminated};
use crate::linalg::layout::Geometry;

/// Offset of entry (row, column) of the front.
pub(super) fn position(front: &Geometry, row: usize, column: usize) -> usize {
    if column < front.pivots {
        return front.panel + column * front.ld + row;
    }
    let in_corner = column >= front.corner.first;
    let block = if in_corner { front.corner } else { front.right };
    block.base + (column - block.first) * block.ld + (row - block.first)
}

/// Right-looking, one column at a time.
pub(crate) fn eliminate(buffer: &mut [f64], front: &Geometry) -> Eliminated {
    let rows = front.rows();
    for pivot in 0..front.pivots {
        let diagonal = buffer[position(front, pivot, pivot)];
        BadPivot::check(pivot, diagonal)?;
        let root = diagonal.sqrt();
        buffer[position(front, pivot, pivot)] = root;
        for row in pivot + 1..rows {
            buffer[position(front, row, pivot)] /= root;
        }
        for column in pivot + 1..front.unknowns() {
            let factor = buffer[position(front, column, pivot)];
            for row in column..rows {
                let product = buffer[position(front, row, pivot)] * factor;
                buffer[position(front, row, column)] -= product;
            }
        }
    }
    Ok(())
}
