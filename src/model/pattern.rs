//! The sparsity pattern of a Jacobian.

/// How the pattern of a Jacobian is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sparsity {
    /// Found by running the function with a tracing scalar.
    ///
    /// `max`, `min`, `abs` and all other functions of [`Scalar`](crate::Scalar) are followed
    /// whatever they give. A model that looks at a value (compares numbers, asks for
    /// [`Scalar::value`](crate::Scalar::value)) may do something else at the next point: it is taken for
    /// dense where a stage has up to 64 unknowns, states and estimated parameters, and
    /// beyond that it must declare its pattern or say that it is dense.
    #[default]
    Traced,
    /// Every output may depend on every unknown.
    Dense,
    /// Pairs (output, unknown); unknowns are the state components, then the
    /// parameters. The pairs must hold all that any branch of the model depends on:
    /// they are compared with the model's derivatives at many points of the problem.
    Declared(Vec<(usize, usize)>),
}

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

    pub(crate) fn columns(&self) -> usize {
        self.columns
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
}
