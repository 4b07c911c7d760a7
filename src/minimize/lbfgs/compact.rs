//! The compact representation of the model's matrix
//! (Byrd, Nocedal and Schnabel, Math. Prog. 63, 129, 1994).

use std::ops::Range;

use super::gram::{Gram, Products, runs};
use super::pairs::Pairs;
use super::vectors::dot;
use crate::linalg::LinearSystem;

/// B = θ (I − W M Wᵀ) with W = [Y/√θ, √θ S], the columns of each pair divided
/// by √(sᵀy): then M⁻¹ = [[−I, Lᵀ], [L, SᵀS]] has no unit, and its entries are
/// near 1 (L is the strictly lower triangle of SᵀY).
pub(super) struct Compact {
    pub(super) theta: f64,
    /// Divisors of the columns y and s.
    y_scale: Vec<f64>,
    s_scale: Vec<f64>,
    /// Factors of M⁻¹.
    middle: LinearSystem,
}

/// The inner products that the compact form needs, over the sets of unknowns
/// that it tells apart. The bounded unknowns stay divided into free and fixed
/// ones as they were last, because that is most likely how they will be next.
pub(super) struct Grams {
    unbounded: Gram,
    free: Gram,
    fixed: Gram,
    unbounded_set: Vec<Range<usize>>,
    free_set: Vec<Range<usize>>,
    fixed_set: Vec<Range<usize>>,
}

impl Grams {
    /// For `dimension` unknowns of which `bounded` have a finite bound.
    pub(super) fn new(dimension: usize, bounded: &[usize]) -> Self {
        let mut rest = bounded.iter().peekable();
        let unbounded = (0..dimension).filter(|i| rest.next_if(|&&b| b == *i).is_none());
        Grams {
            unbounded: Gram::default(),
            free: Gram::default(),
            fixed: Gram::default(),
            unbounded_set: runs(unbounded),
            free_set: runs(bounded.iter().copied()),
            fixed_set: Vec::new(),
        }
    }

    /// Divides the `bounded` unknowns into free and fixed ones.
    fn divide(&mut self, bounded: &[usize], fixed: &[bool]) {
        let chosen = |which: bool| {
            let flags = bounded.iter().zip(fixed);
            runs(flags.filter(move |(_, f)| **f == which).map(|(&i, _)| i))
        };
        self.free_set = chosen(false);
        self.fixed_set = chosen(true);
    }

    /// Brings all products up to date with the pairs.
    fn update(&mut self, pairs: &Pairs) {
        self.unbounded.update(pairs, &self.unbounded_set);
        self.free.update(pairs, &self.free_set);
        self.fixed.update(pairs, &self.fixed_set);
    }

    /// Products over the free unknowns, bounded or not.
    fn free(&self, a: usize, b: usize) -> Products {
        self.unbounded.at(a, b).plus(self.free.at(a, b))
    }

    /// Products over the fixed unknowns.
    fn fixed(&self, a: usize, b: usize) -> Products {
        self.fixed.at(a, b)
    }
}

impl Compact {
    /// The compact form of the pairs; `None` where it breaks down.
    pub(super) fn of(pairs: &Pairs, grams: &mut Grams) -> Option<Self> {
        grams.update(pairs);
        let theta = pairs.theta();
        let order = pairs.order();
        let root = |&row: &usize| pairs.product(row).sqrt();
        let y_scale: Vec<f64> = order
            .iter()
            .map(|r| 1.0 / (root(r) * theta.sqrt()))
            .collect();
        let s_scale: Vec<f64> = order.iter().map(|r| theta.sqrt() / root(r)).collect();
        let count = order.len();
        let width = 2 * count;
        let mut matrix = vec![0.0; width * width];
        for (i, &a) in order.iter().enumerate() {
            matrix[i * width + i] = -1.0;
            for (j, &b) in order.iter().enumerate() {
                let all = grams.free(a, b).plus(grams.fixed(a, b));
                matrix[(count + i) * width + count + j] = all.ss * s_scale[i] * s_scale[j];
                if i > j {
                    let entry = all.sy * s_scale[i] * y_scale[j];
                    matrix[(count + i) * width + j] = entry;
                    matrix[j * width + count + i] = entry;
                }
            }
        }
        let middle = LinearSystem::factor(width, matrix)?;
        Some(Compact {
            theta,
            y_scale,
            s_scale,
            middle,
        })
    }

    /// Columns of W.
    pub(super) fn width(&self) -> usize {
        2 * self.y_scale.len()
    }

    /// Wᵀ v.
    pub(super) fn columns_times(&self, pairs: &Pairs, v: &[f64]) -> Vec<f64> {
        let changes = pairs.order().iter().zip(&self.y_scale);
        let steps = pairs.order().iter().zip(&self.s_scale);
        changes
            .map(|(&r, c)| c * dot(pairs.change(r), v))
            .chain(steps.map(|(&r, c)| c * dot(pairs.step(r), v)))
            .collect()
    }

    /// v += factor · W w.
    pub(super) fn add_columns(&self, pairs: &Pairs, w: &[f64], factor: f64, v: &mut [f64]) {
        let (of_y, of_s) = w.split_at(self.y_scale.len());
        let times = |w: &[f64], c: &[f64]| -> Vec<f64> {
            w.iter().zip(c).map(|(w, c)| factor * w * c).collect()
        };
        pairs.combine(v, &times(of_y, &self.y_scale), &times(of_s, &self.s_scale));
    }

    /// Row of W of one unknown.
    pub(super) fn row(&self, pairs: &Pairs, unknown: usize) -> Vec<f64> {
        let changes = pairs.order().iter().zip(&self.y_scale);
        let steps = pairs.order().iter().zip(&self.s_scale);
        changes
            .map(|(&r, c)| c * pairs.change(r)[unknown])
            .chain(steps.map(|(&r, c)| c * pairs.step(r)[unknown]))
            .collect()
    }

    /// M v.
    pub(super) fn middle_times(&self, v: &[f64]) -> Vec<f64> {
        self.middle.solve(v)
    }

    /// The small matrices of the model in the subspace of the free unknowns;
    /// `fixed` tells for each of the `bounded` unknowns whether it is fixed.
    /// `None` where they break down.
    pub(super) fn restricted(
        &self,
        pairs: &Pairs,
        grams: &mut Grams,
        bounded: &[usize],
        fixed: &[bool],
    ) -> Option<Restricted> {
        grams.divide(bounded, fixed);
        grams.update(pairs);
        let (order, count, width) = (pairs.order(), self.y_scale.len(), self.width());
        let mut inner = vec![0.0; width * width];
        let mut kernel = vec![0.0; width * width];
        for (i, &a) in order.iter().enumerate() {
            for (j, &b) in order.iter().enumerate() {
                let free = grams.free(a, b);
                let fixed = grams.fixed(a, b);
                let (yy, ss) = (
                    self.y_scale[i] * self.y_scale[j],
                    self.s_scale[i] * self.s_scale[j],
                );
                let sy = self.s_scale[i] * self.y_scale[j];
                inner[i * width + j] = free.yy * yy;
                inner[(count + i) * width + count + j] = free.ss * ss;
                inner[(count + i) * width + j] = free.sy * sy;
                inner[j * width + count + i] = free.sy * sy;
                // L − SᵀY over the free unknowns, without a difference.
                let off = if i > j { fixed.sy * sy } else { -free.sy * sy };
                let diagonal = if i == j { 1.0 } else { 0.0 };
                kernel[i * width + j] = -diagonal - free.yy * yy;
                kernel[(count + i) * width + count + j] = fixed.ss * ss;
                kernel[(count + i) * width + j] = off;
                kernel[j * width + count + i] = off;
            }
        }
        let kernel = LinearSystem::factor(width, kernel)?;
        Some(Restricted { inner, kernel })
    }
}

/// W_FᵀW_F and K = M⁻¹ − W_FᵀW_F, F the free unknowns.
pub(super) struct Restricted {
    inner: Vec<f64>,
    kernel: LinearSystem,
}

impl Restricted {
    /// W_FᵀW_F v.
    pub(super) fn inner_times(&self, v: &[f64]) -> Vec<f64> {
        if v.is_empty() {
            return Vec::new();
        }
        self.inner
            .chunks_exact(v.len())
            .map(|row| dot(row, v))
            .collect()
    }

    /// K⁻¹ v.
    pub(super) fn kernel_solve(&self, v: &[f64]) -> Vec<f64> {
        self.kernel.solve(v)
    }
}
