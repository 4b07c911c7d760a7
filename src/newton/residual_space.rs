//! Newton steps in the space of the model residuals: for actions that have fewer
//! of them than unknowns by far, such as wide networks with few pairs.
//!
//! The Gauss-Newton Hessian is D + GᵀRG, with D what measurements, priors and
//! damping put on the diagonal and G the Jacobian of the residuals g, whose
//! precision is R. By the identity of Sherman, Morrison and Woodbury the step is
//! s = −D⁻¹(∇A + Gᵀμ) with (R⁻¹ + G D⁻¹Gᵀ) μ = −G D⁻¹∇A: a matrix of the order of
//! the residuals, whatever the number of weights. R g + μ are the momenta that the
//! step leads to.

use std::collections::BTreeMap;

use super::{Solved, predicted};
use crate::linalg::{DenseMatrix, PADDING, Product};
use crate::minimize::{Indefinite, QuadraticStep};
use crate::simd::Isa;

/// Every unknown has at least this part of the largest measured curvature, or of
/// the model error's largest if that is smaller, in scaled unknowns: D must have an
/// inverse. It changes a step by as little.
pub(crate) const FLOOR: f64 = 1e-8;

/// Columns of a group from which on products of matrices pay.
const FEW: usize = 4;

/// The residuals' Jacobian as a whole and the matrix of their order.
pub(crate) struct ResidualSpace {
    /// Row i has the entries `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    columns: Vec<usize>,
    pub(crate) values: Vec<f64>,
    groups: Vec<Group>,
    /// The diagonals of R, of D⁻¹, and of what damping adds to D.
    pub(crate) precision: Vec<f64>,
    inverse: Vec<f64>,
    damped: Vec<f64>,
    matrix: DenseMatrix,
    multipliers: Vec<f64>,
    panel: Vec<f64>,
    square: Vec<f64>,
}

/// Columns with entries in the same rows.
struct Group {
    rows: Vec<usize>,
    columns: Vec<usize>,
    /// Where the entries stand, column by column.
    entries: Vec<usize>,
}

impl ResidualSpace {
    /// For a Jacobian with these columns, row by row.
    pub(crate) fn new(rows: &[Vec<usize>], unknowns: usize) -> Self {
        let mut starts = vec![0];
        let mut of_column = vec![Vec::new(); unknowns];
        for (i, row) in rows.iter().enumerate() {
            for (entry, &column) in (starts[i]..).zip(row) {
                of_column[column].push((i, entry));
            }
            starts.push(starts[i] + row.len());
        }
        let mut groups: BTreeMap<Vec<usize>, Group> = BTreeMap::new();
        for (column, places) in of_column.iter().enumerate() {
            if places.is_empty() {
                // Its own curvature is all that it has.
                continue;
            }
            let rows: Vec<usize> = places.iter().map(|(row, _)| *row).collect();
            let group = groups.entry(rows).or_insert_with_key(|rows| Group {
                rows: rows.clone(),
                columns: Vec::new(),
                entries: Vec::new(),
            });
            group.columns.push(column);
            group.entries.extend(places.iter().map(|(_, entry)| entry));
        }
        let columns = rows.concat();
        Self {
            values: vec![0.0; columns.len()],
            columns,
            groups: groups.into_values().collect(),
            precision: vec![0.0; rows.len()],
            inverse: vec![0.0; unknowns],
            damped: vec![0.0; unknowns],
            matrix: DenseMatrix::new(rows.len()),
            multipliers: vec![0.0; rows.len()],
            starts,
            panel: Vec::new(),
            square: Vec::new(),
        }
    }

    /// Takes D without damping, and the damping, and inverts their sum.
    pub(crate) fn set_diagonal(&mut self, diagonal: &[f64], damping: f64, scales: &[f64]) {
        let mut model = vec![0.0; diagonal.len()];
        let rows = self.starts.windows(2).map(|ends| ends[0]..ends[1]);
        for (precision, entries) in self.precision.iter().zip(rows) {
            let columns = self.columns[entries.clone()].iter();
            for (&column, v) in columns.zip(&self.values[entries]) {
                model[column] += precision * v * v;
            }
        }
        let largest = |curvatures: &[f64]| {
            let scaled = curvatures.iter().zip(scales).map(|(d, s)| d * s * s);
            scaled.fold(0.0, f64::max)
        };
        let smaller = largest(diagonal).min(largest(&model));
        let damping = damping.max(FLOOR * smaller);
        for (k, (d, scale)) in diagonal.iter().zip(scales).enumerate() {
            self.damped[k] = damping / (scale * scale);
            self.inverse[k] = (d + self.damped[k]).recip();
        }
    }

    /// Factors R⁻¹ + G D⁻¹Gᵀ.
    pub(crate) fn factor(&mut self) -> Solved {
        self.matrix.clear();
        for (i, precision) in self.precision.iter().enumerate() {
            self.matrix.add(i, i, precision.recip());
        }
        let isa = Isa::detect();
        for group in &self.groups {
            let (height, width) = (group.rows.len(), group.columns.len());
            let stride = height.next_multiple_of(PADDING);
            self.panel.clear();
            self.panel.resize(stride * width, 0.0);
            let columns = group.columns.iter().zip(group.entries.chunks_exact(height));
            for ((column, entries), slots) in columns.zip(self.panel.chunks_exact_mut(stride)) {
                let root = self.inverse[*column].sqrt();
                for (slot, &entry) in slots.iter_mut().zip(entries) {
                    *slot = root * self.values[entry];
                }
            }
            if width < FEW {
                for column in self.panel.chunks_exact(stride) {
                    for (a, &row) in group.rows.iter().enumerate() {
                        for (b, &other) in group.rows[..=a].iter().enumerate() {
                            self.matrix.add(row, other, column[a] * column[b]);
                        }
                    }
                }
                continue;
            }
            self.square.clear();
            self.square.resize(height * stride, 0.0);
            let product = Product {
                c: (&mut self.square, stride),
                a: (&self.panel, [1, stride]),
                b: (&self.panel, stride),
                rows: height,
                columns: stride,
                depth: width,
            };
            product.add(isa);
            for (a, &row) in group.rows.iter().enumerate() {
                for (b, &other) in group.rows[..=a].iter().enumerate() {
                    self.matrix.add(row, other, self.square[a * stride + b]);
                }
            }
        }
        self.matrix.factor().map_err(|pivot| Indefinite { pivot })
    }

    /// The step (D + GᵀRG)⁻¹ times −`gradient`.
    ///
    /// # Errors
    /// [`Indefinite`] where it is not finite.
    pub(crate) fn solve(
        &mut self,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        for (slot, (g, inverse)) in step.iter_mut().zip(gradient.iter().zip(&self.inverse)) {
            *slot = -inverse * g;
        }
        let rows = self.starts.windows(2).map(|ends| ends[0]..ends[1]);
        for (slot, entries) in self.multipliers.iter_mut().zip(rows.clone()) {
            let columns = self.columns[entries.clone()].iter();
            let products = columns.zip(&self.values[entries]);
            *slot = products.map(|(&column, v)| v * step[column]).sum();
        }
        self.matrix.solve(&mut self.multipliers);
        for (multiplier, entries) in self.multipliers.iter().zip(rows) {
            let columns = self.columns[entries.clone()].iter();
            for (&column, v) in columns.zip(&self.values[entries]) {
                step[column] -= self.inverse[column] * (v * multiplier);
            }
        }
        predicted(step, gradient, &self.damped)
    }
}
