//! Small dense matrices.

use ndarray::Array2;

/// Lower Cholesky factor of a small matrix, or the failing pivot.
pub(crate) fn cholesky(matrix: &Array2<f64>) -> std::result::Result<Array2<f64>, (usize, f64)> {
    let n = matrix.nrows();
    let mut factor = Array2::zeros((n, n));
    for j in 0..n {
        for i in j..n {
            let mut sum: f64 = matrix[(i, j)];
            for k in 0..j {
                sum -= factor[(i, k)] * factor[(j, k)];
            }
            if i > j {
                factor[(i, j)] = sum / factor[(j, j)];
            } else if sum > 0.0 {
                factor[(j, j)] = sum.sqrt();
            } else {
                return Err((j, sum));
            }
        }
    }
    Ok(factor)
}

/// The order of a square block.
pub(crate) fn order(block: &[f64]) -> usize {
    block.len().isqrt()
}

/// Replaces a symmetric positive definite block, row-major, by its inverse; the
/// first pivot that is not positive is an error.
pub(crate) fn invert(block: &mut [f64]) -> Result<(), f64> {
    let n = order(block);
    // Gauss-Jordan in place, without exchange of rows: the block is definite.
    for k in 0..n {
        let pivot = block[k * n + k];
        if pivot.is_nan() || pivot <= 0.0 {
            return Err(pivot);
        }
        let inverse = pivot.recip();
        block[k * n + k] = 1.0;
        for v in &mut block[k * n..(k + 1) * n] {
            *v *= inverse;
        }
        let row: Vec<f64> = block[k * n..(k + 1) * n].to_vec();
        for i in (0..n).filter(|&i| i != k) {
            let factor = block[i * n + k];
            block[i * n + k] = 0.0;
            for (slot, v) in block[i * n..(i + 1) * n].iter_mut().zip(&row) {
                *slot -= factor * v;
            }
        }
    }
    Ok(())
}
