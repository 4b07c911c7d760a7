//! Products of dense matrices.

use crate::simd::{Isa, Simd, Task};

/// C ← C + A B, rows by `depth` and `depth` by columns. C and B are row-major, and
/// their columns a multiple of [`PADDING`]; A has any strides.
pub(crate) struct Product<'a> {
    /// C and the distance between its rows.
    pub(crate) c: (&'a mut [f64], usize),
    /// A and the distances between its rows and between its columns.
    pub(crate) a: (&'a [f64], [usize; 2]),
    /// B and the distance between its rows.
    pub(crate) b: (&'a [f64], usize),
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) depth: usize,
}

/// The longest vector of any instruction set.
pub(crate) const PADDING: usize = 8;

impl Product<'_> {
    pub(crate) fn add(self, isa: Isa) {
        isa.run(self);
    }

    /// Rows `i..i + R` and V vectors of columns from `j` on.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, i: usize, j: usize) {
        let mut sums = [[simd.splat(0.0); V]; R];
        let ((a, [down, right]), (b, ldb)) = (self.a, self.b);
        for k in 0..self.depth {
            let row: [S::Vector; V] =
                std::array::from_fn(|v| simd.load(b, k * ldb + j + v * S::LANES));
            for (r, sums) in sums.iter_mut().enumerate() {
                let factor = simd.splat(a[(i + r) * down + k * right]);
                for (sum, b) in sums.iter_mut().zip(row) {
                    *sum = simd.mul_add(factor, b, *sum);
                }
            }
        }
        let (c, ldc) = (&mut *self.c.0, self.c.1);
        for (r, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                let at = (i + r) * ldc + j + v * S::LANES;
                let before = simd.load(c, at);
                simd.store(c, at, simd.add(before, sum));
            }
        }
    }

    #[inline(always)]
    fn rows_of<S: Simd, const V: usize>(&mut self, simd: S, j: usize) {
        let whole = self.rows - self.rows % 4;
        for i in (0..whole).step_by(4) {
            self.tile::<S, 4, V>(simd, i, j);
        }
        for i in whole..self.rows {
            self.tile::<S, 1, V>(simd, i, j);
        }
    }
}

impl Task for Product<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let mut j = 0;
        if S::LANES == PADDING {
            while j + 4 * S::LANES <= self.columns {
                self.rows_of::<S, 4>(simd, j);
                j += 4 * S::LANES;
            }
        }
        while j + 2 * S::LANES <= self.columns {
            self.rows_of::<S, 2>(simd, j);
            j += 2 * S::LANES;
        }
        while j + S::LANES <= self.columns {
            self.rows_of::<S, 1>(simd, j);
            j += S::LANES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers have exact products and sums, by any instructions.
    #[test]
    fn all_instruction_sets_give_the_product() {
        let whole = |i: usize| ((i * 7919) % 13) as f64 - 6.0;
        for (rows, columns, depth) in [(1, 8, 1), (4, 8, 3), (7, 16, 5), (9, 24, 10), (5, 48, 2)] {
            let a: Vec<f64> = (0..rows * depth).map(whole).collect();
            let b: Vec<f64> = (0..depth * columns).map(|i| whole(i + 3)).collect();
            for [down, right] in [[depth, 1], [1, rows]] {
                let mut expected: Vec<f64> = (0..rows * columns).map(|i| whole(i + 5)).collect();
                for i in 0..rows {
                    for j in 0..columns {
                        for k in 0..depth {
                            let product = a[i * down + k * right] * b[k * columns + j];
                            expected[i * columns + j] += product;
                        }
                    }
                }
                for isa in Isa::available() {
                    let mut c: Vec<f64> = (0..rows * columns).map(|i| whole(i + 5)).collect();
                    Product {
                        c: (&mut c, columns),
                        a: (&a, [down, right]),
                        b: (&b, columns),
                        rows,
                        columns,
                        depth,
                    }
                    .add(isa);
                    assert_eq!(c, expected, "{isa:?}, {rows} × {columns} × {depth}");
                }
            }
        }
    }
}
