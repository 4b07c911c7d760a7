//! A window's states condensed out of the Gauss-Newton equations of a network.
//!
//! With D the curvature of everything but the model error by the states, R the
//! precision of the residuals and (A, B) their Jacobian by states and parameters,
//! the states of one window leave BᵀMB in the equations of the parameters,
//! M = (R⁻¹ + A D⁻¹Aᵀ)⁻¹. R⁻¹ + A D⁻¹Aᵀ is block tridiagonal along the layers, and
//! the blocks of its inverse follow from each other, the last first.

use super::batch::{Batch, Panels, Weights};
use super::panel::Panel;
use super::{Activation, Dense};
use crate::linalg::{BlockTridiagonal, invert, order};
use crate::linalg::{PADDING, Product};

impl Batch {
    /// Whether windows can be condensed: no sequences.
    pub(crate) fn condenses(&self) -> bool {
        let mut layers = self.layers.iter();
        layers.all(|layer| layer.times == 1 && !layer.dense.recurrent)
    }

    /// Factors R⁻¹ + A D⁻¹Aᵀ of window `m` of the panels, with the diagonals of R
    /// for each residual and of D⁻¹ for each state.
    pub(crate) fn condense(
        &self,
        weights: &Weights,
        (panels, m): (&Panels, usize),
        precision: &[f64],
        inverse: &[f64],
    ) -> Result<BlockTridiagonal, f64> {
        let mut chain = BlockTridiagonal::default();
        let mut row = 0;
        let mut below: Option<Vec<f64>> = None;
        for n in 0..self.layers.len() {
            let units = self.layers[n].units();
            let [before, own] = [n, n + 1].map(|n| &inverse[self.layer(n)]);
            let slopes = self.state_slopes(weights, panels, (n, m));
            let mut block = vec![0.0; units * units];
            let width = before.len();
            let scaled: Vec<f64> = slopes
                .chunks_exact(width)
                .flat_map(|row| row.iter().zip(before).map(|(f, d)| f * d))
                .collect();
            for i in 0..units {
                for j in 0..units {
                    let (a, b) = (&scaled[i * width..], &slopes[j * width..]);
                    let products = a[..width].iter().zip(&b[..width]);
                    block[i * units + j] = products.map(|(a, b)| a * b).sum();
                }
                block[i * units + i] += precision[row + i].recip() + own[i];
            }
            // T_{n,n−1} = −F D⁻¹, and L_{n,n−1} = T_{n,n−1} P_{n−1}⁻¹.
            if let Some(pivot) = &below {
                let mut lower = vec![0.0; units * width];
                for (slots, f) in lower
                    .chunks_exact_mut(width)
                    .zip(scaled.chunks_exact(width))
                {
                    for (f, row) in f.iter().zip(pivot.chunks_exact(width)) {
                        for (slot, p) in slots.iter_mut().zip(row) {
                            *slot -= f * p;
                        }
                    }
                }
                // P_n = T_{n,n} − L_{n,n−1} T_{n−1,n}.
                for i in 0..units {
                    for j in 0..units {
                        let (l, f) = (&lower[i * width..], &scaled[j * width..]);
                        let products = l[..width].iter().zip(&f[..width]);
                        block[i * units + j] += products.map(|(l, f)| l * f).sum::<f64>();
                    }
                }
                chain.lower.push(lower);
            }
            invert(&mut block)?;
            below = Some(block.clone());
            chain.pivots.push(block);
            row += units;
        }
        Ok(chain)
    }

    /// ΣᵀMΣ of window `m` of the panels, Σ = Δ ∂f/∂z: what stands between the
    /// weighted inputs of two units.
    pub(crate) fn condensed_inverse(
        &self,
        (panels, m): (&Panels, usize),
        chain: &BlockTridiagonal,
    ) -> Vec<f64> {
        let all: usize = self.layers.iter().map(|l| l.units()).sum();
        let mut inverse = vec![0.0; all * all];
        chain.write_inverse(&mut inverse);
        let mut first = 0;
        for (n, layer) in self.layers.iter().enumerate() {
            let (slopes, units) = (self.unit_slopes(panels, (n, m)), layer.units());
            let row = first * all + first;
            slopes.apply(&mut inverse[row..], [units, all - first, all], true);
            slopes.apply(&mut inverse[first..], [first + units, units, all], false);
            first += units;
        }
        inverse
    }

    /// Puts M times what stands in the place of the residuals there, window by
    /// window.
    pub(crate) fn solve_residuals(&self, panels: &mut Panels, chains: &[BlockTridiagonal]) {
        for (m, chain) in chains.iter().enumerate() {
            let mut t: Vec<f64> = panels.g.iter().flat_map(|g| g.row(m)).copied().collect();
            chain.solve(&mut t);
            let mut rest = &t[..];
            for g in &mut panels.g {
                let row = g.row_mut(m);
                let (own, later) = rest.split_at(row.len());
                row.copy_from_slice(own);
                rest = later;
            }
        }
    }

    /// F = ∂f/∂x of step `n` of window `m`, row-major.
    fn state_slopes(&self, weights: &Weights, panels: &Panels, (n, m): (usize, usize)) -> Vec<f64> {
        let layer = &self.layers[n];
        let matrix = &weights.steps[n].weights[0];
        let through = self.unit_slopes(panels, (n, m));
        let (units, width) = (layer.units(), layer.before);
        let mut slopes = vec![0.0; units * width];
        for (i, slots) in slopes.chunks_exact_mut(width).enumerate() {
            for (k, s) in through.row(i) {
                for (slot, w) in slots.iter_mut().zip(matrix.row(k)) {
                    *slot += s * w;
                }
            }
            if layer.dense.residual.is_some() {
                slots[i] += 1.0;
            }
        }
        slopes
    }

    /// Δ ∂f/∂z of step `n` of window `m`.
    pub(crate) fn unit_slopes(&self, panels: &Panels, (n, m): (usize, usize)) -> UnitSlopes {
        let Dense {
            activation,
            residual,
            ..
        } = self.layers[n].dense;
        let step = residual.unwrap_or(1.0);
        let row = panels.slopes[n].row(m);
        match activation {
            Activation::Softmax => {
                let entry = |i: usize, k: usize| step * row[i] * (f64::from(i == k) - row[k]);
                let units = row.len();
                let entries = (0..units).flat_map(|i| (0..units).map(move |k| (i, k)));
                UnitSlopes::Full(entries.map(|(i, k)| entry(i, k)).collect())
            }
            _ => UnitSlopes::Diagonal(row.iter().map(|s| step * s).collect()),
        }
    }
}

/// The parameters unit by unit, the weights of a unit and then its bias: the order of
/// Σ BᵀMB.
pub(crate) struct UnitOrder {
    /// Where each step begins, and where the last ends.
    steps: Vec<usize>,
    /// The place of each unknown among the parameters.
    pub(crate) parameters: Vec<usize>,
}

impl UnitOrder {
    /// Number of unknowns.
    pub(crate) fn order(&self) -> usize {
        self.parameters.len()
    }

    /// The unknowns of step `k`.
    pub(crate) fn step(&self, k: usize) -> std::ops::Range<usize> {
        self.steps[k]..self.steps[k + 1]
    }

    /// Distance of the columns of step `k`, which begin at its own rows.
    pub(crate) fn stride(&self, k: usize) -> usize {
        (self.order() - self.steps[k]).next_multiple_of(PADDING) + PADDING
    }
}

impl Batch {
    /// The parameters unit by unit.
    pub(crate) fn unit_order(&self) -> UnitOrder {
        let (mut steps, mut parameters) = (vec![0], Vec::new());
        for (layer, range) in self.layers.iter().zip(&self.parameters) {
            for i in 0..layer.units() {
                let first = range.start + layer.weights().start + i * layer.before;
                parameters.extend(first..first + layer.before);
                parameters.push(range.start + layer.biases().start + i);
            }
            steps.push(parameters.len());
        }
        UnitOrder { steps, parameters }
    }

    /// Adds the diagonal of Σ BᵀMB over the windows of the panels; `inverses` holds
    /// ΣᵀMΣ of each.
    pub(crate) fn add_condensed_diagonal(
        &self,
        panels: &mut Panels,
        inverses: &[Vec<f64>],
        sums: &mut Weights,
    ) {
        let all: usize = self.layers.iter().map(|l| l.units()).sum();
        for (m, inverse) in inverses.iter().enumerate() {
            let mut diagonal = inverse.iter().step_by(all + 1);
            for z in &mut panels.z {
                for (slot, value) in z.row_mut(m).iter_mut().zip(&mut diagonal) {
                    *slot = *value;
                }
            }
        }
        self.add_unit_squares(panels, sums);
    }

    /// Adds Σ BᵀMB of the windows of the panels to the columns of step `k`, from
    /// its own rows on; `inverses` holds ΣᵀMΣ of each.
    pub(crate) fn add_condensed(
        &self,
        order: &UnitOrder,
        (panels, inverses): (&Panels, &[Vec<f64>]),
        (k, columns): (usize, &mut [f64]),
    ) {
        let stride = order.stride(k);
        let with_one = |n: usize| {
            let mut x = Panel::new(inverses.len(), self.layers[n].before + 1);
            for m in 0..inverses.len() {
                let (values, one) = x.row_mut(m).split_at_mut(self.layers[n].before);
                values.copy_from_slice(panels.x[n].row(m));
                one[0] = 1.0;
            }
            x
        };
        let place = |n: usize| self.layers[..n].iter().map(|l| l.units()).sum::<usize>();
        let all = place(self.layers.len());
        let (x, height) = (with_one(k), self.layers[k].before + 1);
        for other in k..self.layers.len() {
            let (y, width) = (with_one(other), self.layers[other].before + 1);
            let units = self.layers[other].units();
            let mut scaled = Panel::new(inverses.len(), units * width);
            for i in 0..self.layers[k].units() {
                let first = if other == k { i } else { 0 };
                let begin = first * width;
                let whole = begin - begin % PADDING;
                for (m, inverse) in inverses.iter().enumerate() {
                    let row = &inverse[(place(k) + i) * all + place(other)..][..units];
                    let scaled = scaled.row_mut(m);
                    scaled[whole..begin].fill(0.0);
                    let slots = scaled.chunks_exact_mut(width);
                    for (slots, factor) in slots.zip(row).skip(first) {
                        for (slot, y) in slots.iter_mut().zip(y.row(m)) {
                            *slot = factor * y;
                        }
                    }
                }
                let at = i * height * stride + order.steps[other] - order.steps[k] + whole;
                let product = Product {
                    c: (&mut columns[at..], stride),
                    a: (&x.data, [1, x.stride]),
                    b: (&scaled.data[whole..], scaled.stride),
                    rows: height,
                    columns: scaled.stride - whole,
                    depth: inverses.len(),
                };
                product.add(self.isa);
            }
        }
    }
}

/// How the units of a layer depend on the weighted inputs: each on its own, or each
/// on all, row-major.
pub(crate) enum UnitSlopes {
    Diagonal(Vec<f64>),
    Full(Vec<f64>),
}

impl UnitSlopes {
    /// Which weighted inputs unit `i` depends on, and how.
    fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (first, row) = match self {
            Self::Diagonal(s) => (i, &s[i..i + 1]),
            Self::Full(s) => {
                let units = order(s);
                (0, &s[i * units..(i + 1) * units])
            }
        };
        (first..).zip(row.iter().copied())
    }

    /// Replaces rows (`by_rows`) or columns of a block by those of their product
    /// with ∂f/∂z: M becomes ΣᵀM, or MΣ. Rows are `stride` apart.
    pub(crate) fn apply(
        &self,
        block: &mut [f64],
        [rows, columns, stride]: [usize; 3],
        by_rows: bool,
    ) {
        match self {
            Self::Diagonal(s) => {
                for i in 0..rows {
                    for j in 0..columns {
                        block[i * stride + j] *= s[if by_rows { i } else { j }];
                    }
                }
            }
            Self::Full(s) => {
                let (units, others) = if by_rows {
                    (rows, columns)
                } else {
                    (columns, rows)
                };
                let place = |k: usize, other: usize| match by_rows {
                    true => k * stride + other,
                    false => other * stride + k,
                };
                for other in 0..others {
                    let old: Vec<f64> = (0..units).map(|k| block[place(k, other)]).collect();
                    for k in 0..units {
                        let products = old.iter().enumerate();
                        let sum = products.map(|(i, m)| m * s[i * units + k]).sum();
                        block[place(k, other)] = sum;
                    }
                }
            }
        }
    }
}
