//! Partial Cholesky by register tiles, left-looking.
//!
//! A tile of R vectors by W columns accumulates the product with all columns
//! already factored in registers; for pivot columns the triangular solve with
//! their diagonal block follows in the same registers; then it is stored once.
//! W is a compile-time number, so a front of few pivots is one unrolled step.

use super::pivot::{BadPivot, Eliminated};
use crate::linalg::layout::{Block, Geometry};
use crate::simd::{Simd, Wide};

/// Partial Cholesky of one front.
#[inline(always)]
pub(crate) fn eliminate<S: Simd>(simd: S, buffer: &mut [f64], front: &Geometry) -> Eliminated {
    let end = front.panel_end();
    let (before, after) = buffer.split_at_mut(end);
    let panel = &mut before[front.panel..];
    factor_panel(simd, panel, front.ld, 0)?;
    for block in front.trailing() {
        if block.columns > 0 {
            update::<S, false>(
                simd,
                panel,
                front.ld,
                &mut after[block.base - end..],
                &block,
            );
        }
    }
    Ok(())
}

/// Cholesky of the columns of `panel`, whose first diagonal entry is in row
/// `top`: rows above are not read.
#[inline(always)]
pub(crate) fn factor_panel<S: Simd>(
    simd: S,
    panel: &mut [f64],
    ld: usize,
    top: usize,
) -> Eliminated {
    let count = panel.len() / ld;
    let mut column = 0;
    while column < count {
        let (done, columns) = panel.split_at_mut(column * ld);
        let row = top + column;
        macro_rules! group {
            ($width:literal) => {
                simd.vectorize(Group::<S, $width> {
                    simd,
                    done,
                    columns,
                    ld,
                    row,
                })
            };
        }
        let width = S::COLUMNS.min(count - column);
        let eliminated = match width {
            8 => group!(8),
            7 => group!(7),
            6 => group!(6),
            5 => group!(5),
            4 => group!(4),
            3 => group!(3),
            2 => group!(2),
            _ => group!(1),
        };
        eliminated.map_err(|bad| BadPivot {
            row: column + bad.row,
            ..bad
        })?;
        column += width;
    }
    Ok(())
}

/// A group of W neighbouring pivot columns, to be factored given those before it.
struct Group<'a, S, const W: usize> {
    simd: S,
    /// The columns before the group.
    done: &'a [f64],
    /// The group's columns.
    columns: &'a mut [f64],
    ld: usize,
    /// Row of the group's first diagonal entry.
    row: usize,
}

impl<S: Simd, const W: usize> Wide for Group<'_, S, W> {
    type Output = Eliminated;

    #[inline(always)]
    fn run(self) -> Eliminated {
        let (simd, ld, row) = (self.simd, self.ld, self.row);
        let source = Source {
            values: self.done,
            ld,
            row,
        };
        // The rows of the diagonal block first, without the solve ...
        let middle = (row + 8).min(ld);
        let top = Target {
            ld,
            shift: 0,
            rows: (row, middle),
        };
        sweep::<S, W, _>(simd, &source, self.columns, &top, Combine::<false>);
        let triangle = Triangle::<W>::factor(simd, self.columns, ld, row)?;
        // ... which then finishes them (L₁₁ = A₁₁L₁₁⁻ᵀ) as it does the rows below.
        let nothing = Source {
            values: &[],
            ..source
        };
        sweep::<S, W, _>(simd, &nothing, self.columns, &top, &triangle);
        let below = Target {
            rows: (middle, ld),
            ..top
        };
        sweep::<S, W, _>(simd, &source, self.columns, &below, &triangle);
        Ok(())
    }
}

/// `target` ∓= P Pᵀ in the lower triangle of `block`, where P are the rows of
/// `source` from the block's first on; `target` starts with the block.
#[inline(always)]
pub(crate) fn update<S: Simd, const ADD: bool>(
    simd: S,
    source: &[f64],
    ld: usize,
    target: &mut [f64],
    block: &Block,
) {
    let mut column = 0;
    while column < block.columns {
        let width = S::COLUMNS.min(block.columns - column);
        let source = Source {
            values: source,
            ld,
            row: block.first + column,
        };
        let place = Target {
            ld: block.ld,
            shift: block.first,
            rows: (source.row, block.first + block.ld),
        };
        let columns = &mut target[column * block.ld..];
        macro_rules! group {
            ($width:literal) => {
                simd.vectorize(UpdateGroup::<S, $width, ADD> {
                    simd,
                    source,
                    columns,
                    place,
                })
            };
        }
        match width {
            8 => group!(8),
            7 => group!(7),
            6 => group!(6),
            5 => group!(5),
            4 => group!(4),
            3 => group!(3),
            2 => group!(2),
            _ => group!(1),
        }
        column += width;
    }
}

/// W neighbouring columns to update.
struct UpdateGroup<'a, S, const W: usize, const ADD: bool> {
    simd: S,
    source: Source<'a>,
    columns: &'a mut [f64],
    place: Target,
}

impl<S: Simd, const W: usize, const ADD: bool> Wide for UpdateGroup<'_, S, W, ADD> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        sweep::<S, W, _>(
            self.simd,
            &self.source,
            self.columns,
            &self.place,
            Combine::<ADD>,
        );
    }
}

/// The columns whose product is taken, and the row of the first of the W factors.
#[derive(Clone, Copy)]
struct Source<'a> {
    values: &'a [f64],
    ld: usize,
    row: usize,
}

/// The rows of the target columns to sweep over, as rows of the source: row i is
/// entry i − `shift` of a target column.
#[derive(Clone, Copy)]
struct Target {
    ld: usize,
    shift: usize,
    /// First row, and one behind the last.
    rows: (usize, usize),
}

/// What becomes of a tile, given the product.
trait Finish<const W: usize>: Copy {
    fn finish<S: Simd, const R: usize>(
        self,
        simd: S,
        old: [[S::Vector; R]; W],
        product: [[S::Vector; R]; W],
    ) -> [[S::Vector; R]; W];
}

/// old + product or old − product.
#[derive(Clone, Copy)]
struct Combine<const ADD: bool>;

impl<const W: usize, const ADD: bool> Finish<W> for Combine<ADD> {
    #[inline(always)]
    fn finish<S: Simd, const R: usize>(
        self,
        simd: S,
        mut old: [[S::Vector; R]; W],
        product: [[S::Vector; R]; W],
    ) -> [[S::Vector; R]; W] {
        for w in 0..W {
            for r in 0..R {
                old[w][r] = if ADD {
                    simd.add(old[w][r], product[w][r])
                } else {
                    simd.sub(old[w][r], product[w][r])
                };
            }
        }
        old
    }
}

/// The Cholesky factor of a diagonal block, with the reciprocals of its diagonal.
#[derive(Clone, Copy)]
struct Triangle<const W: usize> {
    lower: [[f64; W]; W],
    reciprocal: [f64; W],
}

impl<const W: usize> Triangle<W> {
    /// Factors the block at row `row` of the first W columns.
    ///
    /// The chain of dependent pivots runs over 1/pivot, as in L D Lᵀ: a division
    /// each, where square roots would double its latency; these come after it.
    #[inline(always)]
    fn factor<S: Simd>(
        simd: S,
        columns: &[f64],
        ld: usize,
        row: usize,
    ) -> std::result::Result<Self, BadPivot> {
        let mut lower = [[0.0; W]; W];
        for c in 0..W {
            let column = &columns[c * ld + row..][..W];
            for i in c..W {
                lower[i][c] = column[i];
            }
        }
        let mut reciprocal = [0.0; W];
        for c in 0..W {
            BadPivot::check(c, lower[c][c])?;
            reciprocal[c] = 1.0 / lower[c][c];
            for m in c + 1..W {
                let scaled = lower[m][c] * reciprocal[c];
                for i in m..W {
                    lower[i][m] = simd.scalar_mul_sub(lower[i][c], scaled, lower[i][m]);
                }
            }
        }
        for c in 0..W {
            reciprocal[c] = reciprocal[c].sqrt();
            for i in c..W {
                lower[i][c] *= reciprocal[c];
            }
        }
        Ok(Self { lower, reciprocal })
    }
}

impl<const W: usize> Finish<W> for &Triangle<W> {
    /// (old − product) L⁻ᵀ.
    #[inline(always)]
    fn finish<S: Simd, const R: usize>(
        self,
        simd: S,
        old: [[S::Vector; R]; W],
        product: [[S::Vector; R]; W],
    ) -> [[S::Vector; R]; W] {
        let mut x = Finish::<W>::finish(Combine::<false>, simd, old, product);
        for c in 0..W {
            let reciprocal = simd.splat(self.reciprocal[c]);
            for r in 0..R {
                x[c][r] = simd.mul(x[c][r], reciprocal);
            }
            for m in c + 1..W {
                let factor = simd.splat(self.lower[m][c]);
                for r in 0..R {
                    x[m][r] = simd.mul_sub(x[c][r], factor, x[m][r]);
                }
            }
        }
        x
    }
}

/// Runs over the rows of the target in tiles as tall as possible.
#[inline(always)]
fn sweep<S: Simd, const W: usize, F: Finish<W>>(
    simd: S,
    source: &Source,
    columns: &mut [f64],
    target: &Target,
    finish: F,
) {
    let (mut row, end) = target.rows;
    while row + 2 * S::LANES <= end {
        tile::<S, 2, W, F>(simd, source, columns, target, row, finish);
        row += 2 * S::LANES;
    }
    if row + S::LANES <= end {
        tile::<S, 1, W, F>(simd, source, columns, target, row, finish);
        row += S::LANES;
    }
    if row < end {
        tile::<S::Half, 1, W, F>(simd.half(), source, columns, target, row, finish);
    }
}

/// One tile: R vectors of rows from `row` on, W columns.
#[inline(always)]
fn tile<S: Simd, const R: usize, const W: usize, F: Finish<W>>(
    simd: S,
    source: &Source,
    columns: &mut [f64],
    target: &Target,
    row: usize,
    finish: F,
) {
    let mut product = [[simd.splat(0.0); R]; W];
    for column in source.values.chunks_exact(source.ld) {
        let factors = &column[source.row..source.row + W];
        let mut left = [simd.splat(0.0); R];
        for r in 0..R {
            left[r] = simd.load(column, row + r * S::LANES);
        }
        for w in 0..W {
            let factor = simd.splat(factors[w]);
            for r in 0..R {
                product[w][r] = simd.mul_add(left[r], factor, product[w][r]);
            }
        }
    }
    let at = |w: usize, r: usize| w * target.ld + row - target.shift + r * S::LANES;
    let mut old = product;
    for w in 0..W {
        for r in 0..R {
            old[w][r] = simd.load(columns, at(w, r));
        }
    }
    let new = finish.finish::<S, R>(simd, old, product);
    for w in 0..W {
        for r in 0..R {
            simd.store(columns, at(w, r), new[w][r]);
        }
    }
}
