//! Where the fronts of a block-arrow matrix live, and their factors.

use super::shape::ArrowShape;

/// Rows are padded to whole groups of this many, so that no kernel has a ragged end.
pub(crate) const ROW_GROUP: usize = 4;

/// Up to so many rows a column is padded to 4 only, to save memory; above, to a
/// cache line of 8, so that no vector straddles two lines.
const SHORT: usize = 48;

pub(crate) fn padded(rows: usize) -> usize {
    rows.next_multiple_of(ROW_GROUP)
}

/// A lower-triangular set of columns outside the pivot panel: entry (i, j) of
/// the front, i ≥ j ≥ `first`, lives at `base + (j − first)·ld + (i − first)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) first: usize,
    pub(crate) columns: usize,
    pub(crate) base: usize,
    pub(crate) ld: usize,
}

/// One front: a lower trapezoid of `rows()` rows, the last of which is the
/// right-hand side. Its pivot columns, once eliminated, are kept as [`Stairs`]:
/// the factor; its other columns are the right block, which is handed to the next
/// front, and the border's corner, which all fronts share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    /// Number of columns to eliminate.
    pub(crate) pivots: usize,
    /// Offset of entry (0, 0); pivot column j starts `j · ld` further.
    pub(crate) panel: usize,
    pub(crate) ld: usize,
    pub(crate) right: Block,
    pub(crate) corner: Block,
}

impl Geometry {
    /// Local unknowns: pivots, right node, border.
    pub(crate) fn unknowns(&self) -> usize {
        self.corner.first + self.corner.columns
    }

    /// Rows: the unknowns and the right-hand side.
    pub(crate) fn rows(&self) -> usize {
        self.unknowns() + 1
    }

    /// Offset just behind the pivot columns.
    pub(crate) fn panel_end(&self) -> usize {
        self.panel + self.pivots * self.ld
    }

    /// The pivot columns as they are kept, from offset `base` on.
    pub(crate) fn stairs_at(&self, base: usize) -> Stairs {
        Stairs {
            base,
            columns: self.pivots,
            ld: self.ld,
        }
    }

    /// The pivot columns of a matrix that is its own factor, in the front's place.
    pub(crate) fn stairs(&self) -> Stairs {
        self.stairs_at(self.panel)
    }

    /// The columns that are updated but not eliminated.
    pub(crate) fn trailing(&self) -> [Block; 2] {
        [self.right, self.corner]
    }

    /// A dense matrix of order `order` with a right-hand side as its last row.
    pub(crate) fn dense(order: usize, panel: usize) -> Self {
        let nothing = Block {
            first: order,
            columns: 0,
            base: 0,
            ld: 0,
        };
        Self {
            pivots: order,
            panel,
            ld: padded(order + 1),
            right: nothing,
            corner: nothing,
        }
    }
}

/// Eliminated columns without most of what stands above the diagonal: groups of
/// [`ROW_GROUP`] columns (the last may be smaller), one after the other, each
/// with the rows from its first pivot on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stairs {
    pub(crate) base: usize,
    pub(crate) columns: usize,
    /// Rows of the first group.
    pub(crate) ld: usize,
}

impl Stairs {
    /// Offset of the group that begins with column `first`; its columns are
    /// `ld` − `first` high.
    pub(crate) fn group(&self, first: usize) -> usize {
        // The groups before are ld, ld − 4, ld − 8, … high.
        self.base + first * self.ld - first * first.saturating_sub(ROW_GROUP) / 2
    }

    /// First column of the group that column `j` belongs to.
    pub(crate) fn first(j: usize) -> usize {
        j - j % ROW_GROUP
    }

    /// Offset of entry (i, j).
    pub(crate) fn entry(&self, i: usize, j: usize) -> usize {
        let first = Self::first(j);
        self.group(first) + (j - first) * (self.ld - first) + (i - first)
    }

    /// Offset just behind the last column.
    pub(crate) fn end(&self) -> usize {
        match self.columns.checked_sub(1) {
            Some(last) => self.entry(self.ld, last),
            None => self.base,
        }
    }
}

/// A front together with its factor and its place in the chain and in the vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) geometry: Geometry,
    pub(crate) factor: Stairs,
    pub(crate) interior: usize,
    pub(crate) left: usize,
    /// Index of the left node's first unknown in a vector; its interior follows, then the right node.
    pub(crate) start: usize,
    pub(crate) chain: usize,
    /// Number of the front in its chain.
    pub(crate) front: usize,
}

impl Step {
    pub(crate) fn right(&self) -> usize {
        self.geometry.right.columns
    }

    /// Where the interior stands in a vector.
    pub(crate) fn interior_start(&self) -> usize {
        self.start + self.left
    }

    /// Where the right node stands in a vector.
    pub(crate) fn right_start(&self) -> usize {
        self.start + self.left + self.interior
    }
}

/// All fronts of a matrix. Each in turn is assembled and eliminated in one and the
/// same place, which stays near where it is small: the panel, the right block, the
/// corner. Their factors are kept one after the other.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) steps: Vec<Step>,
    pub(crate) corner: usize,
    pub(crate) corner_ld: usize,
    /// One behind the last entry of the corner, and of the factors.
    pub(crate) front_end: usize,
    pub(crate) factor_end: usize,
    /// Largest leading dimension of a panel.
    pub(crate) tallest: usize,
}

impl Layout {
    /// Places all fronts of `shape` from offset `front` on, and their factors from
    /// `factor` on.
    pub(crate) fn new(shape: &ArrowShape, [front, factor]: [usize; 2]) -> Self {
        let border = shape.border();
        let mut steps = Vec::new();
        // Everything starts at a cache line, as the origins do.
        let line = |origin: usize, end: usize| origin + (end - origin).next_multiple_of(8);
        let (mut panel_end, mut kept, mut start) = (front, factor, 0);
        let (mut right_entries, mut tallest) = (0, padded(border + 1));
        for (chain, of_chain) in shape.chains().iter().enumerate() {
            for (k, &left) in of_chain.nodes.iter().enumerate() {
                let interior = of_chain.interiors.get(k).copied().unwrap_or(0);
                let right = of_chain.nodes.get(k + 1).copied().unwrap_or(0);
                let geometry = place(interior + left, right, border, front);
                panel_end = panel_end.max(geometry.panel_end());
                right_entries = right_entries.max(right * geometry.right.ld);
                tallest = tallest.max(geometry.ld);
                let stairs = geometry.stairs_at(kept);
                kept = line(factor, stairs.end());
                steps.push(Step {
                    geometry,
                    factor: stairs,
                    interior,
                    left,
                    start,
                    chain,
                    front: k,
                });
                start += left + interior;
            }
        }
        let right_base = line(front, panel_end);
        let corner = line(front, right_base + right_entries);
        let corner_ld = padded(border + 1);
        for step in &mut steps {
            step.geometry.right.base = right_base;
            step.geometry.corner.base = corner;
        }
        Self {
            steps,
            corner,
            corner_ld,
            front_end: corner + corner_ld * border,
            factor_end: kept,
            tallest,
        }
    }

    /// Where the corner is.
    pub(crate) fn corner(&self) -> std::ops::Range<usize> {
        self.corner..self.front_end
    }
}

/// The trailing columns are swept in whole row groups counted from their own
/// first row, so the panel must be tall enough for the last group of each.
fn place(pivots: usize, right: usize, border: usize, panel: usize) -> Geometry {
    let rows = pivots + right + border + 1;
    let right_ld = padded(rows - pivots);
    let corner_ld = padded(border + 1);
    let mut tall = rows;
    if right > 0 {
        tall = tall.max(pivots + right_ld);
    }
    if border > 0 {
        tall = tall.max(pivots + right + corner_ld);
    }
    let ld = tall.next_multiple_of(if tall > SHORT { 8 } else { ROW_GROUP });
    Geometry {
        pivots,
        panel,
        ld,
        right: Block {
            first: pivots,
            columns: right,
            base: 0,
            ld: right_ld,
        },
        corner: Block {
            first: pivots + right,
            columns: border,
            base: 0,
            ld: corner_ld,
        },
    }
}
