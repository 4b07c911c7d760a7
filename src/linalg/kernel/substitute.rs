//! Forward and backward substitution with the factor of one front.
//!
//! Columns go in groups, so that a vector of the unknowns is loaded once for
//! several columns; the triangle of a group is solved by single numbers.

use crate::linalg::layout::{Geometry, ROW_GROUP, Stairs};
use crate::simd::{Place, Simd, prefetch};

/// A group of W ≤ `ROW_GROUP` neighbouring columns, `first` a multiple of
/// `ROW_GROUP`, with the rows from `first` to `ld`.
struct Group<'a, const W: usize> {
    columns: &'a [f64],
    ld: usize,
    first: usize,
}

/// Where each column of an eliminated panel stands, where [`Stairs`] have it, and
/// how many numbers it has there. The lengths are multiples of [`ROW_GROUP`].
fn moves(front: &Geometry, kept: &Stairs) -> impl Iterator<Item = [usize; 3]> + use<> {
    let (front, kept) = (*front, *kept);
    (0..front.pivots).map(move |j| {
        let first = Stairs::first(j);
        let from = front.panel + j * front.ld + first;
        [from, kept.entry(first, j), front.ld - first]
    })
}

/// Brings the columns of an eliminated panel into the place of [`Geometry::stairs`].
pub(crate) fn pack(buffer: &mut [f64], front: &Geometry) {
    // Every column moves towards the beginning, the first ones first.
    for [from, to, length] in moves(front, &front.stairs()) {
        buffer.copy_within(from..from + length, to);
    }
}

/// Copies the columns of an eliminated panel to where they are kept.
#[inline(always)]
pub(crate) fn keep<S: Simd>(
    simd: S,
    buffer: &[f64],
    front: &Geometry,
    (place, kept): (&mut Place<'_>, &Stairs),
) {
    simd.keep(buffer, place, moves(front, kept));
}

/// The group of columns that begins with `first`.
#[inline(always)]
fn columns<'a>(buffer: &'a [f64], stairs: &Stairs, first: usize) -> &'a [f64] {
    let width = ROW_GROUP.min(stairs.columns - first);
    &buffer[stairs.group(first)..][..width * (stairs.ld - first)]
}

/// x₁ ← L₁₁⁻¹x₁, x₂ ← x₂ − L₂₁x₁.
#[inline(always)]
pub(crate) fn forward<S: Simd>(simd: S, buffer: &[f64], stairs: &Stairs, x: &mut [f64]) {
    let ld = stairs.ld;
    for first in (0..stairs.columns).step_by(ROW_GROUP) {
        let columns = columns(buffer, stairs, first);
        match columns.len() / (ld - first) {
            4 => Group::<4> { columns, ld, first }.forward(simd, x),
            3 => Group::<3> { columns, ld, first }.forward(simd, x),
            2 => Group::<2> { columns, ld, first }.forward(simd, x),
            _ => Group::<1> { columns, ld, first }.forward(simd, x),
        }
    }
}

/// x₁ ← L₁₁⁻ᵀ(x₁ − L₂₁ᵀx₂); `ahead` is brought near meanwhile, its end first.
#[inline(always)]
pub(crate) fn backward<S: Simd>(
    simd: S,
    buffer: &[f64],
    stairs: &Stairs,
    x: &mut [f64],
    mut ahead: &[f64],
) {
    let ld = stairs.ld;
    let part = ahead
        .len()
        .div_ceil(stairs.columns.div_ceil(ROW_GROUP).max(1));
    for first in (0..stairs.columns).step_by(ROW_GROUP).rev() {
        let (rest, next) = ahead.split_at(ahead.len().saturating_sub(part));
        prefetch(next);
        ahead = rest;
        let columns = columns(buffer, stairs, first);
        match columns.len() / (ld - first) {
            4 => Group::<4> { columns, ld, first }.backward(simd, x),
            3 => Group::<3> { columns, ld, first }.backward(simd, x),
            2 => Group::<2> { columns, ld, first }.backward(simd, x),
            _ => Group::<1> { columns, ld, first }.backward(simd, x),
        }
    }
}

impl<const W: usize> Group<'_, W> {
    /// Offset of row `row` of column `c`.
    #[inline(always)]
    fn entry(&self, row: usize, c: usize) -> usize {
        c * (self.ld - self.first) + (row - self.first)
    }

    /// The first row below the group's whole row group.
    fn below(&self) -> usize {
        self.first + ROW_GROUP
    }

    /// The group's rows of each column: the triangle and what fills its row group.
    #[inline(always)]
    fn head(&self) -> [[f64; ROW_GROUP]; W] {
        let mut head = [[0.0; ROW_GROUP]; W];
        for c in 0..W {
            head[c].copy_from_slice(&self.columns[self.entry(self.first, c)..][..ROW_GROUP]);
        }
        head
    }

    #[inline(always)]
    fn forward<S: Simd>(&self, simd: S, x: &mut [f64]) {
        let head = self.head();
        let own = &mut x[self.first..self.below()];
        let mut solved = [0.0; W];
        for c in 0..W {
            solved[c] = own[c] / head[c][c];
            own[c] = solved[c];
            for i in c + 1..ROW_GROUP {
                own[i] = simd.scalar_mul_sub(head[c][i], solved[c], own[i]);
            }
        }
        let mut row = self.below();
        while row + S::LANES <= self.ld {
            self.subtract(simd, &solved, x, row);
            row += S::LANES;
        }
        if row < self.ld {
            self.subtract(simd.half(), &solved, x, row);
        }
    }

    #[inline(always)]
    fn backward<S: Simd>(&self, simd: S, x: &mut [f64]) {
        let head = self.head();
        let mut sums = self.dot(simd, x);
        let own = &mut x[self.first..self.below()];
        for c in 0..W {
            // Rows of the row group that are no pivots of this group.
            for i in W..ROW_GROUP {
                sums[c] += head[c][i] * own[i];
            }
        }
        for c in (0..W).rev() {
            let mut value = own[c] - sums[c];
            for i in c + 1..W {
                value = simd.scalar_mul_sub(head[c][i], own[i], value);
            }
            own[c] = value / head[c][c];
        }
    }

    /// x ← x − L·solved in one vector of rows.
    #[inline(always)]
    fn subtract<S: Simd>(&self, simd: S, solved: &[f64; W], x: &mut [f64], row: usize) {
        let mut sum = simd.load(x, row);
        for c in 0..W {
            let column = simd.load(self.columns, self.entry(row, c));
            sum = simd.mul_sub(column, simd.splat(solved[c]), sum);
        }
        simd.store(x, row, sum);
    }

    /// Lᵀx over the rows below the row group.
    #[inline(always)]
    fn dot<S: Simd>(&self, simd: S, x: &[f64]) -> [f64; W] {
        let mut sums = [simd.splat(0.0); W];
        let mut row = self.below();
        while row + S::LANES <= self.ld {
            let values = simd.load(x, row);
            for c in 0..W {
                let column = simd.load(self.columns, self.entry(row, c));
                sums[c] = simd.mul_add(column, values, sums[c]);
            }
            row += S::LANES;
        }
        let mut dots = [0.0; W];
        for c in 0..W {
            dots[c] = simd.sum(sums[c]);
        }
        if row < self.ld {
            let half = simd.half();
            let values = half.load(x, row);
            for c in 0..W {
                let column = half.load(self.columns, self.entry(row, c));
                dots[c] += half.sum(half.mul(column, values));
            }
        }
        dots
    }
}
