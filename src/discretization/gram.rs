//! Gᵀ W G of one interval from products of the flow's Jacobians.
//!
//! Group r of the residuals sees layer j as a_rj I + h β_rj J_j, where J_j is
//! the flow's Jacobian at the one stage that belongs to layer j. The block of
//! layers j and k is, row of the flow by row, with w_r the row's weights,
//!
//! Σ_r w_r (a_rj I + h β_rj J_j)ᵀ (a_rk I + h β_rk J_k)
//!   = α (J_j + p I)ᵀ (J_k + q I) + ρ I,
//!
//! α = h² Σ w β_rj β_rk, αp = h Σ w a_rj β_rk, αq = h Σ w β_rj a_rk and
//! ρ = Σ w a_rj a_rk − αpq: one product of two sparse rows for all groups
//! together, where a product of whole rows of G would take one for each.

use super::table::{MOST, Table};
use crate::linalg::Front;
use crate::model::Pattern;
use crate::simd::{Wide, vectorize};

/// What the Gram matrix is made of: the table, h, the flow's pattern with
/// the number of states and the diagonal of each row, and the entries of
/// the flow's Jacobian at each stage.
pub(super) struct Parts<'a> {
    pub(super) table: &'static Table,
    pub(super) length: f64,
    pub(super) width: usize,
    pub(super) pattern: &'a Pattern,
    pub(super) state_entries: &'a [usize],
    pub(super) diagonal: &'a [usize],
    pub(super) entries: [&'a [f64]; MOST],
    /// The stage through which the residuals see each layer.
    pub(super) stage_of_layer: [Option<usize>; MOST],
}

/// Reused memory.
#[derive(Debug, Default)]
pub(super) struct Gram {
    left: Vec<f64>,
    right: Vec<f64>,
    /// Rows of G by free parameters, one for each group.
    border: [Vec<f64>; MOST],
}

/// Coefficients of the block of two layers.
#[derive(Debug, Clone, Copy, Default)]
struct Pair {
    /// The layers; the row layer ranks at or after the column layer.
    row: usize,
    column: usize,
    product: f64,
    /// Of I on the row side times J on the column side, and the reverse.
    left_identity: f64,
    right_identity: f64,
    identity: f64,
}

/// Below this part of its summands a product's coefficient has cancelled, and
/// completing the product would lose digits.
const CANCELLED: f64 = 0.1;

impl Gram {
    pub(super) fn add(
        &mut self,
        parts: Parts<'_>,
        weights: &[f64],
        border: &[usize],
        front: &mut Front<'_>,
    ) {
        let sizes = front.sizes();
        let first = sizes.total() - sizes.border;
        let (buffer, bases) = front.parts();
        vectorize(Add {
            gram: self,
            parts,
            weights,
            target: Target {
                buffer,
                bases,
                border,
                first,
            },
        });
    }
}

/// The front by columns.
struct Target<'a> {
    buffer: &'a mut [f64],
    bases: &'a [usize],
    /// Place of each free parameter in the border, and where that begins.
    border: &'a [usize],
    first: usize,
}

impl Target<'_> {
    #[inline(always)]
    fn add(&mut self, row: usize, column: usize, value: f64) {
        self.buffer[self.bases[column] + row] += value;
    }

    #[inline(always)]
    fn add_to_border(&mut self, a: usize, b: usize, value: f64) {
        let (a, b) = (self.border[a], self.border[b]);
        self.add(self.first + a.max(b), self.first + a.min(b), value);
    }
}

/// Adds all rows of all groups.
struct Add<'a> {
    gram: &'a mut Gram,
    parts: Parts<'a>,
    weights: &'a [f64],
    target: Target<'a>,
}

impl Wide for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self {
            gram,
            parts,
            weights,
            mut target,
        } = self;
        let groups = parts.table.groups.len();
        let mut last = [f64::NAN; MOST];
        let mut pairs = [Pair::default(); MOST * (MOST + 1)];
        let mut count = 0;
        for i in 0..parts.width {
            let mut weight = [0.0; MOST];
            for r in 0..groups {
                weight[r] = weights[r * parts.width + i];
            }
            if weight != last {
                count = pair_up(parts.table, parts.length, &weight, &mut pairs);
                last = weight;
            }
            for pair in &pairs[..count] {
                add_pair(gram, &parts, pair, i, &mut target);
            }
            if parts.state_entries[i] < parts.pattern.row(i).0.len() {
                add_border(gram, &parts, &weight, i, &mut target);
            }
        }
    }
}

/// The coefficients of all pairs of layers; returns their number.
fn pair_up(table: &Table, h: f64, weight: &[f64; MOST], pairs: &mut [Pair]) -> usize {
    let mut count = 0;
    for row in 0..=table.steps {
        for column in (0..=table.steps).filter(|&k| table.rank(k) <= table.rank(row)) {
            let mut pair = Pair {
                row,
                column,
                ..Pair::default()
            };
            let mut size = 0.0;
            for (group, w) in table.groups.iter().zip(weight) {
                let through = |j| h * table.stage_of(group, j).map_or(0.0, |(_, factor)| factor);
                let (a_row, a_column) = (group.layers[row], group.layers[column]);
                let (b_row, b_column) = (through(row), through(column));
                pair.product += w * b_row * b_column;
                size += (w * b_row * b_column).abs();
                pair.left_identity += w * a_row * b_column;
                pair.right_identity += w * b_row * a_column;
                pair.identity += w * a_row * a_column;
            }
            if pair.product.abs() > CANCELLED * size {
                let alpha = pair.product;
                pair.identity -= pair.left_identity * pair.right_identity / alpha;
                pairs[count] = pair;
                count += 1;
            } else {
                // The product, and the rest without one.
                let rest = Pair {
                    product: 0.0,
                    ..pair
                };
                let product = Pair {
                    left_identity: 0.0,
                    right_identity: 0.0,
                    identity: 0.0,
                    ..pair
                };
                pairs[count] = rest;
                count += 1;
                if pair.product != 0.0 {
                    pairs[count] = product;
                    count += 1;
                }
            }
        }
    }
    count
}

/// The states of row `i` at the stage of layer `j`.
#[inline(always)]
fn row_at<'a>(parts: &Parts<'a>, i: usize, j: usize) -> &'a [f64] {
    match parts.stage_of_layer[j] {
        Some(s) => &parts.entries[s][parts.pattern.row(i).1][..parts.state_entries[i]],
        None => &[],
    }
}

/// Row `i` of the flow in the block of two layers.
#[inline(always)]
fn add_pair(gram: &mut Gram, parts: &Parts<'_>, pair: &Pair, i: usize, target: &mut Target<'_>) {
    let d = parts.width;
    let row_first = d * parts.table.rank(pair.row);
    let column_first = d * parts.table.rank(pair.column);
    let columns = &parts.pattern.row(i).0[..parts.state_entries[i]];
    let same = pair.row == pair.column;
    if pair.product != 0.0 {
        let rows = (row_at(parts, i, pair.row), row_at(parts, i, pair.column));
        let product = Product {
            pair,
            diagonal: parts.diagonal[i],
            columns,
            row_first,
            bases: &target.bases[column_first..column_first + d],
        };
        // Short rows have a compile-time length.
        match columns.len() {
            1 => product.add::<1>(rows, target.buffer),
            2 => product.add::<2>(rows, target.buffer),
            3 => product.add::<3>(rows, target.buffer),
            4 => product.add::<4>(rows, target.buffer),
            5 => product.add::<5>(rows, target.buffer),
            _ => product.add_long(rows, gram, target.buffer),
        }
    } else {
        let sides = [
            (pair.left_identity, pair.column),
            (pair.right_identity, pair.row),
        ];
        for (side, (coefficient, layer)) in sides.into_iter().enumerate() {
            if coefficient == 0.0 {
                continue;
            }
            for (&column, &value) in columns.iter().zip(row_at(parts, i, layer)) {
                // I on the row side stands in row i, on the other in column i.
                let (row, column) = if side == 0 { (i, column) } else { (column, i) };
                if !same || row >= column {
                    let value = coefficient * value;
                    target.add(row_first + row, column_first + column, value);
                }
            }
        }
    }
    target.add(row_first + i, column_first + i, pair.identity);
}

/// The product of two rows, α (l + p e)(r + q e)ᵀ with e the diagonal's unit
/// vector.
struct Product<'a> {
    pair: &'a Pair,
    diagonal: usize,
    columns: &'a [usize],
    row_first: usize,
    bases: &'a [usize],
}

impl Product<'_> {
    #[inline(always)]
    fn add<const M: usize>(&self, (left, right): (&[f64], &[f64]), buffer: &mut [f64]) {
        let (Ok(columns), Ok(left), Ok(right)) = (
            <&[usize; M]>::try_from(self.columns),
            <[f64; M]>::try_from(left),
            <[f64; M]>::try_from(right),
        ) else {
            return;
        };
        let alpha = self.pair.product;
        let (mut left, mut right) = (left, right.map(|v| alpha * v));
        left[self.diagonal] += self.pair.left_identity / alpha;
        right[self.diagonal] += self.pair.right_identity;
        let same = self.pair.row == self.pair.column;
        for q in 0..M {
            let base = self.bases[columns[q]] + self.row_first;
            let block = &mut buffer[base..base + self.bases.len()];
            for p in 0..M {
                if !same || p >= q {
                    block[columns[p]] += right[q] * left[p];
                }
            }
        }
    }

    fn add_long(&self, (left, right): (&[f64], &[f64]), gram: &mut Gram, buffer: &mut [f64]) {
        let alpha = self.pair.product;
        gram.left.clear();
        gram.left.extend_from_slice(left);
        gram.left[self.diagonal] += self.pair.left_identity / alpha;
        gram.right.clear();
        gram.right.extend(right.iter().map(|v| alpha * v));
        gram.right[self.diagonal] += self.pair.right_identity;
        let same = self.pair.row == self.pair.column;
        for (q, (&column, &value)) in self.columns.iter().zip(&gram.right).enumerate() {
            let base = self.bases[column] + self.row_first;
            let block = &mut buffer[base..base + self.bases.len()];
            let begin = if same { q } else { 0 };
            for (&row, &other) in self.columns[begin..].iter().zip(&gram.left[begin..]) {
                block[row] += value * other;
            }
        }
    }
}

/// Row `i` of the flow where it depends on free parameters.
#[inline(always)]
fn add_border(
    gram: &mut Gram,
    parts: &Parts<'_>,
    weight: &[f64; MOST],
    i: usize,
    target: &mut Target<'_>,
) {
    let (d, h, table) = (parts.width, parts.length, parts.table);
    let (all, range) = parts.pattern.row(i);
    let (columns, free) = all.split_at(parts.state_entries[i]);
    for (group, slopes) in table.groups.iter().zip(&mut gram.border) {
        slopes.clear();
        slopes.resize(free.len(), 0.0);
        for (s, &b) in group.stages.iter().enumerate().take(table.stages.len()) {
            let entries = &parts.entries[s][range.clone()][columns.len()..];
            for (slot, v) in slopes.iter_mut().zip(entries) {
                *slot += h * b * v;
            }
        }
    }
    for (f, &c) in free.iter().enumerate() {
        let border_row = target.first + target.border[c - d];
        for j in 0..=table.steps {
            let first = d * table.rank(j);
            let (mut through, mut own) = (0.0, 0.0);
            for ((group, w), slopes) in table.groups.iter().zip(weight).zip(&gram.border) {
                let factor = table.stage_of(group, j).map_or(0.0, |(_, factor)| factor);
                through += w * h * factor * slopes[f];
                own += w * group.layers[j] * slopes[f];
            }
            for (&column, &value) in columns.iter().zip(row_at(parts, i, j)) {
                target.add(border_row, first + column, through * value);
            }
            target.add(border_row, first + i, own);
        }
        for (g, &other) in free.iter().enumerate().take(f + 1) {
            let groups = weight.iter().zip(&gram.border).take(table.groups.len());
            let product: f64 = groups.map(|(w, slopes)| w * slopes[f] * slopes[g]).sum();
            target.add_to_border(c - d, other - d, product);
        }
    }
}
