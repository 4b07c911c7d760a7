//! A dense symmetric matrix and its Cholesky factor.

use super::kernel::Kernel;
use super::layout::Geometry;

/// A dense positive definite matrix, filled and factored in place.
pub(crate) struct DenseMatrix {
    kernel: Kernel,
    geometry: Geometry,
    buffer: Vec<f64>,
    local: Vec<f64>,
}

impl DenseMatrix {
    /// A matrix of zeros.
    pub(crate) fn new(order: usize) -> Self {
        let geometry = Geometry::dense(order, 0);
        Self {
            kernel: Kernel::auto(),
            geometry,
            buffer: vec![0.0; geometry.panel_end()],
            local: vec![0.0; geometry.ld],
        }
    }

    pub(crate) fn order(&self) -> usize {
        self.geometry.pivots
    }

    /// Zeros again.
    pub(crate) fn clear(&mut self) {
        self.buffer.fill(0.0);
    }

    /// Adds to entry (row, column) of the lower triangle.
    #[inline(always)]
    pub(crate) fn add(&mut self, row: usize, column: usize, value: f64) {
        self.buffer[column * self.geometry.ld + row] += value;
    }

    /// Adds to the entries of a column from row `first` on.
    pub(crate) fn add_column(&mut self, column: usize, first: usize, values: &[f64]) {
        let begin = column * self.geometry.ld + first;
        for (slot, v) in self.buffer[begin..begin + values.len()]
            .iter_mut()
            .zip(values)
        {
            *slot += v;
        }
    }

    /// Replaces the matrix by its factor; the first pivot that is not positive is
    /// an error.
    pub(crate) fn factor(&mut self) -> Result<(), f64> {
        let factored = self.kernel.eliminate(&mut self.buffer, &self.geometry);
        factored.map_err(|bad| bad.pivot)?;
        Kernel::pack(&mut self.buffer, &self.geometry);
        Ok(())
    }

    /// Replaces `vector` by the solution, once factored.
    pub(crate) fn solve(&mut self, vector: &mut [f64]) {
        let (factor, order) = (self.geometry.stairs(), self.order());
        self.local[..order].copy_from_slice(vector);
        self.local[order..].fill(0.0);
        self.kernel.forward(&self.buffer, &factor, &mut self.local);
        self.local[order..].fill(0.0);
        self.kernel
            .backward(&self.buffer, &factor, &mut self.local, &[]);
        vector.copy_from_slice(&self.local[..order]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with a known inverse: 1 on the diagonal below, tridiagonal
    /// (−1, 2, −1) has the solution of −u″ = 1, u = ½ k (n + 1 − k).
    #[test]
    fn it_solves_the_discrete_poisson_equation() {
        for order in [1, 2, 5, 30, 133] {
            let mut matrix = DenseMatrix::new(order);
            for k in 0..order {
                matrix.add(k, k, 2.0);
                if k > 0 {
                    matrix.add(k, k - 1, -1.0);
                }
            }
            matrix.factor().expect("positive definite");
            for _ in 0..2 {
                let mut u = vec![1.0; order];
                matrix.solve(&mut u);
                for (k, u) in (1..).zip(u) {
                    let exact = 0.5 * (k * (order + 1 - k)) as f64;
                    // The condition number is about (order + 1)².
                    let error = (order as f64 + 1.0).powi(2) * f64::EPSILON;
                    assert!((u - exact).abs() <= error * exact, "{order}, {k}: {u}");
                }
            }
        }
    }

    #[test]
    fn a_pivot_that_is_not_positive_is_told() {
        let mut matrix = DenseMatrix::new(3);
        matrix.add(0, 0, 1.0);
        matrix.add(1, 1, -4.0);
        matrix.add(2, 2, 1.0);
        assert_eq!(matrix.factor(), Err(-4.0));
    }
}
