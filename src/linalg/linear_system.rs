//! Small dense linear systems.

/// LU factors with partial pivoting.
pub(crate) struct LinearSystem {
    width: usize,
    factors: Vec<f64>,
    pivots: Vec<usize>,
}

impl LinearSystem {
    /// Factors the row-major `matrix`; `None` if it is singular or not finite.
    pub(crate) fn factor(width: usize, mut matrix: Vec<f64>) -> Option<Self> {
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
    pub(crate) fn solve(&self, right: &[f64]) -> Vec<f64> {
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

    /// The smallest pivot and its row.
    pub(crate) fn smallest_pivot(&self) -> Option<(usize, f64)> {
        let n = self.width;
        let pivots = (0..n).map(|k| (k, self.factors[k * n + k].abs()));
        pivots.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}
