//! The sparsity pattern of a Jacobian and the colouring of its columns.

/// Which columns each row of a Jacobian may depend on, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    columns: usize,
    /// Entries of row `i` are `entries[starts[i]..starts[i + 1]]`.
    starts: Vec<usize>,
    /// Column of each entry, increasing within a row.
    entries: Vec<usize>,
}

impl Pattern {
    /// A pattern from its rows; columns are sorted and merged.
    pub(crate) fn from_rows(columns: usize, rows: impl IntoIterator<Item = Vec<usize>>) -> Self {
        let mut pattern = Self {
            columns,
            starts: vec![0],
            entries: Vec::new(),
        };
        for mut row in rows {
            row.sort_unstable();
            row.dedup();
            pattern.entries.extend(row);
            pattern.starts.push(pattern.entries.len());
        }
        pattern
    }

    /// The same pattern with every (i, i).
    pub(crate) fn with_diagonal(&self) -> Self {
        let rows = (0..self.rows()).map(|i| [self.row(i).0, &[i]].concat());
        Self::from_rows(self.columns, rows)
    }

    pub(crate) fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// The columns of a row and the range of their entries.
    #[inline(always)]
    pub(crate) fn row(&self, i: usize) -> (&[usize], std::ops::Range<usize>) {
        let range = self.starts[i]..self.starts[i + 1];
        (&self.entries[range.clone()], range)
    }

    /// Position of entry (row, column) among all entries.
    pub(crate) fn find(&self, row: usize, column: usize) -> Option<usize> {
        let (columns, range) = self.row(row);
        columns
            .binary_search(&column)
            .ok()
            .map(|offset| range.start + offset)
    }

    /// Groups the columns so that no row has two columns of one group
    /// (Curtis, Powell, Reid 1974; greedy, densest column first). Returns the
    /// group of each column and the number of groups. A column without entries
    /// joins group 0.
    pub(crate) fn color(&self) -> (Vec<usize>, usize) {
        let mut rows_of = vec![Vec::new(); self.columns];
        for i in 0..self.rows() {
            for &column in self.row(i).0 {
                rows_of[column].push(i);
            }
        }
        let mut order: Vec<usize> = (0..self.columns).collect();
        order.sort_by_key(|&column| std::cmp::Reverse(rows_of[column].len()));
        let mut color = vec![usize::MAX; self.columns];
        let mut last_user = vec![usize::MAX; self.columns + 1];
        let mut count = 0;
        for column in order {
            for &i in &rows_of[column] {
                for &other in self.row(i).0 {
                    if color[other] != usize::MAX {
                        last_user[color[other]] = column;
                    }
                }
            }
            let free = last_user.iter().position(|&user| user != column);
            color[column] = free.unwrap_or(0);
            count = count.max(color[column] + 1);
        }
        (color, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_never_share_a_row_and_a_band_needs_its_width() {
        let d = 12;
        let band = Pattern::from_rows(
            d,
            (0..d).map(|i| vec![i, (i + 1) % d, (i + d - 1) % d, (i + d - 2) % d]),
        );
        let (color, count) = band.color();
        for i in 0..d {
            let mut seen: Vec<_> = band.row(i).0.iter().map(|&c| color[c]).collect();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 4);
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn a_dense_pattern_needs_every_color() {
        let dense = Pattern::from_rows(5, (0..3).map(|_| (0..5).collect()));
        assert_eq!(dense.color().1, 5);
        assert_eq!(dense.find(2, 4), Some(14));
    }
}
