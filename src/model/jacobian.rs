//! Hand-written Jacobians.

use super::Pattern;

/// Where a hand-written Jacobian puts its entries.
#[derive(Debug)]
pub struct JacobianEntries<'a> {
    pattern: &'a Pattern,
    /// Column of each parameter, `None` where it is fixed.
    parameter_column: &'a [Option<usize>],
    values: &'a mut [f64],
    /// Whether the values of another point have been cleared away.
    cleared: bool,
    /// The last entry that lies outside the pattern: row, column and value.
    pub(crate) outside: Option<(usize, usize, f64)>,
}

impl<'a> JacobianEntries<'a> {
    pub(crate) fn new(
        pattern: &'a Pattern,
        parameter_column: &'a [Option<usize>],
        values: &'a mut [f64],
    ) -> Self {
        Self {
            pattern,
            parameter_column,
            values,
            cleared: false,
            outside: None,
        }
    }

    /// Entries that no call sets are zero.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if !self.cleared {
            self.values.fill(0.0);
            self.cleared = true;
        }
    }

    /// Sets ∂F_row/∂x_component.
    #[inline]
    pub fn state(&mut self, row: usize, component: usize, value: f64) {
        self.set(row, component, value);
    }

    /// Sets ∂F_row/∂θ_parameter; nothing happens where that parameter is fixed.
    #[inline]
    pub fn parameter(&mut self, row: usize, parameter: usize, value: f64) {
        if let Some(&Some(column)) = self.parameter_column.get(parameter) {
            self.set(row, column, value);
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.clear();
        let place = (row < self.pattern.rows()).then(|| self.pattern.find(row, column));
        match place.flatten() {
            Some(place) => self.values[place] = value,
            None => self.outside = Some((row, column, value)),
        }
    }
}
