//! The usual sizes of state components.

/// The usual size of each state component, by powers of a thousand.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    /// One for the components whose sizes are alike.
    pub(crate) of: Vec<f64>,
    /// The usual size of a measured value.
    pub(crate) usual: f64,
}

impl Units {
    /// What a number that is usual among the measured components has to be multiplied
    /// by to be one of component `i`: a power of a thousand, and one where that
    /// component's values are within a factor of thirty of those.
    pub(crate) fn of(&self, i: usize) -> f64 {
        self.of.get(i).copied().unwrap_or(1.0)
    }

    /// The usual size of a measured value.
    pub(crate) fn usual(&self) -> f64 {
        self.usual
    }

    /// The usual size of component `i`.
    pub(crate) fn size(&self, i: usize) -> f64 {
        self.usual * self.of(i)
    }
}
