//! The quadratic on a face of its box: some unknowns free, the others held.

use super::BoxQuadratic;
use crate::linalg::{ArrowShape, BlockArrow, ChainShape, DenseMatrix, Failure};
use crate::minimize::Indefinite;

impl BoxQuadratic<'_> {
    /// One behind the last unknown that column `j` meets.
    fn end(&self, j: usize) -> usize {
        let n = self.force.len();
        match (j.checked_sub(self.shared), self.own) {
            (Some(behind), own @ 1..) => (self.shared + (behind / own + 1) * own).min(n),
            _ => n,
        }
    }

    /// Entry (i, j), i ≥ j.
    fn entry(&self, i: usize, j: usize) -> f64 {
        self.matrix[i + j * self.ld]
    }

    /// S d.
    pub(super) fn product(&self, d: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; d.len()];
        for j in 0..d.len() {
            let end = self.end(j);
            let column = &self.matrix[j * self.ld + j..j * self.ld + end];
            let mut sum = column[0] * d[j];
            let below = product[j + 1..end].iter_mut().zip(&d[j + 1..end]);
            for ((slot, v), s) in below.zip(&column[1..]) {
                *slot += s * d[j];
                sum += s * v;
            }
            product[j] += sum;
        }
        product
    }

    /// `product` −= `factor` · S eⱼ.
    pub(super) fn subtract_column(&self, j: usize, factor: f64, product: &mut [f64]) {
        let shared = self.shared.min(j);
        let block = match (j.checked_sub(self.shared), self.own) {
            (Some(behind), own @ 1..) => j - behind % own,
            _ => j,
        };
        for i in (0..shared).chain(block.max(shared)..j) {
            product[i] -= factor * self.entry(j, i);
        }
        for i in j..self.end(j) {
            product[i] -= factor * self.entry(i, j);
        }
    }

    /// What a factorization on the free unknowns takes: multiplications.
    pub(super) fn cost(&self, free: &[usize]) -> f64 {
        let (shared, blocks) = self.split(free);
        let s = shared.len() as f64;
        let of = |k: f64| k * k * k / 6.0 + 0.5 * k * k * s + 0.5 * k * s * s;
        let blocks = blocks.iter().map(|block| of(block.len() as f64));
        s * s * s / 6.0 + blocks.sum::<f64>()
    }

    /// The same for a dense matrix on all unknowns.
    pub(super) fn dense_cost(&self) -> f64 {
        let n = self.force.len() as f64;
        n * n * n / 6.0
    }

    /// The free unknowns that meet all others, and the blocks of the rest.
    fn split<'a>(&self, free: &'a [usize]) -> (&'a [usize], Vec<&'a [usize]>) {
        if self.own == 0 {
            return (free, Vec::new());
        }
        let (shared, own) = free.split_at(free.partition_point(|&i| i < self.shared));
        let block = |i: usize| (i - self.shared) / self.own;
        (
            shared,
            own.chunk_by(|&a, &b| block(a) == block(b)).collect(),
        )
    }

    /// The solution of S d = `right` on the free unknowns, which ascend; `right` has a
    /// value for each of them and becomes d.
    ///
    /// # Errors
    /// [`Indefinite`] where S is not positive definite there.
    pub(super) fn solve_on(&self, free: &[usize], right: &mut [f64]) -> Result<(), Indefinite> {
        let (shared, blocks) = self.split(free);
        if free.is_empty() {
            return Ok(());
        }
        if blocks.is_empty() {
            return self.solve_dense(shared, right);
        }
        let solved = self.solve_arrow(shared, &blocks, right);
        solved.map_err(|failure| match failure {
            Failure::Indefinite(indefinite) => Indefinite {
                pivot: indefinite.pivot,
            },
            Failure::Input(_) => Indefinite { pivot: f64::NAN },
        })
    }

    fn solve_dense(&self, free: &[usize], right: &mut [f64]) -> Result<(), Indefinite> {
        let mut matrix = DenseMatrix::new(free.len());
        let mut column = Vec::with_capacity(free.len());
        for (k, &j) in free.iter().enumerate() {
            column.clear();
            column.extend(free[k..].iter().map(|&i| self.entry(i, j)));
            matrix.add_column(k, k, &column);
        }
        matrix.factor().map_err(|pivot| Indefinite { pivot })?;
        matrix.solve(right);
        Ok(())
    }

    /// Blocks as chains of one node, with the shared unknowns as their border.
    fn solve_arrow(
        &self,
        shared: &[usize],
        blocks: &[&[usize]],
        right: &mut [f64],
    ) -> Result<(), Failure> {
        let nodes = blocks
            .iter()
            .map(|block| ChainShape::uniform(1, block.len(), 0));
        let shape = ArrowShape::new(nodes.collect(), shared.len())?;
        let mut arrow = BlockArrow::new(shape);
        // The border stands behind the chains.
        right.rotate_left(shared.len());
        arrow.factor(right, |chain, _, front| {
            let block = blocks[chain];
            for (k, &j) in block.iter().enumerate() {
                for (l, &i) in block.iter().enumerate().skip(k) {
                    front.add(l, k, self.entry(i, j));
                }
                for (l, &i) in shared.iter().enumerate() {
                    front.add(block.len() + l, k, self.entry(j, i));
                }
            }
            if chain == 0 {
                for (k, &j) in shared.iter().enumerate() {
                    for (l, &i) in shared.iter().enumerate().skip(k) {
                        front.add(block.len() + l, block.len() + k, self.entry(i, j));
                    }
                }
            }
        })?;
        let mut z = vec![0.0; shared.len()];
        arrow.solve_border(&mut z)?;
        arrow.back_substitute(&z, right)?;
        right.rotate_right(shared.len());
        Ok(())
    }
}
