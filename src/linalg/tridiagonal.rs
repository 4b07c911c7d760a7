//! Block-tridiagonal matrices by their factor.

use super::small::order;

/// R⁻¹ + A D⁻¹Aᵀ = L diag(P) Lᵀ of one window: the inverses of the pivot blocks P_k
/// and the blocks L_{k+1,k} below the diagonal, row-major, for each step k.
#[derive(Debug, Clone, Default)]
pub(crate) struct BlockTridiagonal {
    pub(crate) pivots: Vec<Vec<f64>>,
    pub(crate) lower: Vec<Vec<f64>>,
}

impl BlockTridiagonal {
    /// Replaces `t`, one number for each residual, by M t.
    pub(crate) fn solve(&self, t: &mut [f64]) {
        let mut first = 0;
        for (k, lower) in self.lower.iter().enumerate() {
            let width = order(&self.pivots[k]);
            let (here, next) = t[first..].split_at_mut(width);
            for (t, row) in next.iter_mut().zip(lower.chunks_exact(width)) {
                *t -= row.iter().zip(&*here).map(|(l, t)| l * t).sum::<f64>();
            }
            first += width;
        }
        let mut first = t.len();
        let mut after: Vec<f64> = Vec::new();
        for (k, pivot) in self.pivots.iter().enumerate().rev() {
            let width = order(pivot);
            first -= width;
            let here = &mut t[first..first + width];
            let rows = pivot.chunks_exact(width);
            let mut solved: Vec<f64> = rows
                .map(|row| row.iter().zip(&*here).map(|(p, t)| p * t).sum())
                .collect();
            if let Some(lower) = self.lower.get(k) {
                for (row, after) in lower.chunks_exact(width).zip(&after) {
                    for (slot, l) in solved.iter_mut().zip(row) {
                        *slot -= l * after;
                    }
                }
            }
            here.copy_from_slice(&solved);
            after = solved;
        }
    }

    /// Writes M, row-major; only blocks on and above the diagonal.
    pub(crate) fn write_inverse(&self, inverse: &mut [f64]) {
        let widths: Vec<usize> = self.pivots.iter().map(|p| order(p)).collect();
        let all: usize = widths.iter().sum();
        let mut first = all;
        for (k, &width) in widths.iter().enumerate().rev() {
            first -= width;
            let (above, below) = inverse.split_at_mut((first + width) * all);
            let rows = above[first * all..].chunks_exact_mut(all);
            let lower = self.lower.get(k);
            // M_{k,j} = −L_{k+1,k}ᵀ M_{k+1,j} for the blocks j behind k.
            for (i, row) in rows.enumerate() {
                row[first + width..].fill(0.0);
                for (l, next) in lower
                    .into_iter()
                    .flat_map(|l| l.chunks_exact(width))
                    .zip(below.chunks_exact(all))
                {
                    let slots = row[first + width..].iter_mut();
                    for (slot, m) in slots.zip(&next[first + width..]) {
                        *slot -= l[i] * m;
                    }
                }
            }
            // M_{k,k} = P_k⁻¹ − L_{k+1,k}ᵀ M_{k+1,k}, the last by symmetry.
            for i in 0..width {
                for j in 0..width {
                    let mut sum = self.pivots[k][i * width + j];
                    if let Some(lower) = lower {
                        for (r, l) in lower.chunks_exact(width).enumerate() {
                            sum -= l[i] * above[(first + j) * all + first + width + r];
                        }
                    }
                    above[(first + i) * all + first + j] = sum;
                }
            }
        }
    }
}
