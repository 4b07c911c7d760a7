//! Inner products of the pairs over some of the unknowns.

use std::ops::Range;

use super::pairs::Pairs;
use super::vectors::dot;

/// Inner products of all pairs over a set of unknowns.
///
/// A pair that was there before keeps its products: as long as the set stays
/// the same, an iteration adds one row, O(m n). The products over the free and
/// over the fixed unknowns are kept apart and never subtracted from each
/// other, because a fixed unknown may have by far the largest gradient.
#[derive(Default)]
pub(super) struct Gram {
    set: Vec<Range<usize>>,
    /// Serial number of the pair that the entries of a row belong to.
    known: Vec<u64>,
    entries: Vec<Products>,
}

/// The products of pair a with pair b.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Products {
    /// s_aᵀs_b.
    pub(super) ss: f64,
    /// s_aᵀy_b.
    pub(super) sy: f64,
    /// y_aᵀs_b.
    pub(super) ys: f64,
    /// y_aᵀy_b.
    pub(super) yy: f64,
}

impl Products {
    fn transposed(self) -> Products {
        Products {
            sy: self.ys,
            ys: self.sy,
            ..self
        }
    }

    pub(super) fn plus(self, other: Products) -> Products {
        Products {
            ss: self.ss + other.ss,
            sy: self.sy + other.sy,
            ys: self.ys + other.ys,
            yy: self.yy + other.yy,
        }
    }
}

impl Gram {
    /// Brings the products over `set` up to date with the pairs.
    pub(super) fn update(&mut self, pairs: &Pairs, set: &[Range<usize>]) {
        let rows = pairs.rows();
        if self.set != set || self.known.len() != rows {
            self.known = vec![0; rows];
            self.entries = vec![Products::default(); rows * rows];
            self.set = set.to_vec();
        }
        for &a in pairs.order() {
            if self.known[a] == pairs.serial(a) {
                continue;
            }
            self.known[a] = pairs.serial(a);
            for &b in pairs.order() {
                if self.known[b] == pairs.serial(b) {
                    let products = self.sum(pairs, a, b);
                    self.entries[a * rows + b] = products;
                    self.entries[b * rows + a] = products.transposed();
                }
            }
        }
    }

    /// The products of the pairs in rows `a` and `b`.
    pub(super) fn at(&self, a: usize, b: usize) -> Products {
        self.entries[a * self.known.len() + b]
    }

    fn sum(&self, pairs: &Pairs, a: usize, b: usize) -> Products {
        let mut total = Products::default();
        for run in &self.set {
            let (sa, ya) = (&pairs.step(a)[run.clone()], &pairs.change(a)[run.clone()]);
            let (sb, yb) = (&pairs.step(b)[run.clone()], &pairs.change(b)[run.clone()]);
            let sy = dot(sa, yb);
            let ys = if a == b { sy } else { dot(ya, sb) };
            total = total.plus(Products {
                ss: dot(sa, sb),
                sy,
                ys,
                yy: dot(ya, yb),
            });
        }
        total
    }
}

/// Ascending indices as runs of neighbours.
pub(super) fn runs(indices: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for i in indices {
        match runs.last_mut() {
            Some(last) if last.end == i => last.end = i + 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}
