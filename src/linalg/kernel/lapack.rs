//! Partial Cholesky by LAPACK and BLAS, through `ndarray-linalg`'s safe interface.

use super::pivot::{BadPivot, Eliminated};
use super::plain;
use crate::linalg::layout::{Block, Geometry};
use ndarray::{Array2, ArrayView2, ShapeBuilder, s};
use ndarray_linalg::{Cholesky, Diag, SolveTriangular, UPLO};

/// Copies the pivot columns out, factors, and copies the factor back.
pub(crate) fn eliminate(buffer: &mut [f64], front: &Geometry) -> Eliminated {
    let (order, rows) = (front.pivots, front.rows());
    if order == 0 {
        return Ok(());
    }
    let panel = Array2::from_shape_fn((rows, order).f(), |(i, j)| {
        // LAPACK reads the lower triangle, the copy is symmetric all the same.
        let (i, j) = if i < order {
            (i.max(j), i.min(j))
        } else {
            (i, j)
        };
        buffer[front.panel + j * front.ld + i]
    });
    let factored = factor(&panel, order);
    let Some((lower, below)) = factored else {
        // The plain loops say which pivot it is.
        return plain::eliminate(buffer, front);
    };
    for j in 0..order {
        for i in j..rows {
            let value = if i < order {
                lower[(i, j)]
            } else {
                below[(j, i - order)]
            };
            buffer[front.panel + j * front.ld + i] = value;
        }
        BadPivot::check(j, lower[(j, j)])?;
    }
    for block in front.trailing() {
        subtract(buffer, &block, order, below.view());
    }
    Ok(())
}

/// L₁₁ and L₂₁ᵀ; none where LAPACK finds no Cholesky factor.
fn factor(panel: &Array2<f64>, order: usize) -> Option<(Array2<f64>, Array2<f64>)> {
    let lower = panel.slice(s![..order, ..]).cholesky(UPLO::Lower).ok()?;
    let below = panel.slice(s![order.., ..]).t().to_owned();
    let below = lower
        .solve_triangular(UPLO::Lower, Diag::NonUnit, &below)
        .ok()?;
    Some((lower, below))
}

/// `block` −= L₂₁L₂₁ᵀ in its lower triangle, `below` being L₂₁ᵀ.
fn subtract(buffer: &mut [f64], block: &Block, order: usize, below: ArrayView2<f64>) {
    let first = block.first - order;
    let columns = below.slice(s![.., first..first + block.columns]);
    let product = below.slice(s![.., first..]).t().dot(&columns);
    for ((i, j), value) in product.indexed_iter() {
        if i >= j {
            buffer[block.base + j * block.ld + i] -= value;
        }
    }
}
