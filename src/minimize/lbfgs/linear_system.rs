//! Small dense linear systems.

/// LU factors with partial pivoting; the matrices here are symmetric but
/// indefinite and at most twice the memory wide.
pub(super) struct LinearSystem {
    width: usize,
    factors: Vec<f64>,
    pivots: Vec<usize>,
}

impl LinearSystem {
    /// Factors the row-major `matrix`; `None` if it is singular or not finite.
    pub(super) fn factor(width: usize, mut matrix: Vec<f64>) -> Option<Self> {
        let mut pivots = Vec::with_capacity(width);
        for k in 0..width {
            let mut pivot = k;
            for i in k + 1..width {
                if matrix[i * width + k].abs() > matrix[pivot * width + k].abs() {
                    pivot = i;
                }
            }
            let head = matrix[pivot * width + k];
            if head == 0.0 || !head.is_finite() {
                return None;
            }
            for j in 0..width {
                matrix.swap(k * width + j, pivot * width + j);
            }
            pivots.push(pivot);
            let (above, below) = matrix.split_at_mut((k + 1) * width);
            let pivot_row = &above[k * width..];
            for row in below.chunks_exact_mut(width) {
                row[k] /= head;
                let factor = row[k];
                for j in k + 1..width {
                    row[j] -= factor * pivot_row[j];
                }
            }
        }
        Some(LinearSystem {
            width,
            factors: matrix,
            pivots,
        })
    }

    /// The solution for one right-hand side.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let n = self.width;
        let mut x = right.to_vec();
        for (k, &pivot) in self.pivots.iter().enumerate() {
            x.swap(k, pivot);
        }
        for i in 0..n {
            for j in 0..i {
                x[i] -= self.factors[i * n + j] * x[j];
            }
        }
        for i in (0..n).rev() {
            for j in i + 1..n {
                x[i] -= self.factors[i * n + j] * x[j];
            }
            x[i] /= self.factors[i * n + i];
        }
        x
    }
}
