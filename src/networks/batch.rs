//! A network's residuals and the products with their Jacobian for many windows at
//! once: the states of a layer in all windows are one matrix, with a row for each
//! window and time.

use std::ops::Range;

use super::DenseLayer;
use super::entrywise::{activate, add, apply_slopes, shift, subtract};
use super::panel::Panel;
use crate::simd::Isa;

/// The parameters of a step as matrices, or what is summed by them.
#[derive(Debug, Clone)]
pub(super) struct Matrices {
    /// W and U, and their transposes.
    pub(super) weights: [Panel; 2],
    transposed: [Panel; 2],
    biases: Vec<f64>,
}

/// All parameters of a network as matrices.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weights {
    pub(super) steps: Vec<Matrices>,
}

/// The states of some windows and what follows from them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panels {
    /// Number of windows.
    pub(super) count: usize,
    /// The states of each layer.
    pub(super) x: Vec<Panel>,
    /// Of each step, slopes of the activations, and residuals.
    pub(super) slopes: Vec<Panel>,
    pub(super) g: Vec<Panel>,
    /// The gradient by the states, or their change.
    pub(super) dx: Vec<Panel>,
    /// Memory: of each step for its units, and for recurrent layers a time earlier.
    pub(super) z: Vec<Panel>,
    earlier: Vec<[Panel; 2]>,
}

/// A network's layers, and where windows have them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(super) isa: Isa,
    pub(super) layers: Vec<DenseLayer>,
    /// Where each layer's states stand in a window, and where the last end.
    offsets: Vec<usize>,
    /// Where the parameters of each step stand.
    pub(super) parameters: Vec<Range<usize>>,
}

impl Batch {
    /// `layers` from the second layer on, with where their parameters stand.
    pub(crate) fn new(layers: Vec<(DenseLayer, Range<usize>)>) -> Self {
        let (layers, parameters): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
        let mut offsets = vec![0];
        let first = layers.first().map(|l: &DenseLayer| l.times * l.before);
        let widths = first
            .into_iter()
            .chain(layers.iter().map(|l| l.times * l.units()));
        for width in widths {
            offsets.push(offsets[offsets.len() - 1] + width);
        }
        Self {
            isa: Isa::detect(),
            layers,
            offsets,
            parameters,
        }
    }

    /// Memory for the parameters.
    pub(crate) fn weights(&self) -> Weights {
        let matrices = |layer: &DenseLayer| {
            let (before, units) = (layer.before, layer.units());
            let own = if layer.dense.recurrent { units } else { 0 };
            Matrices {
                weights: [Panel::new(units, before), Panel::new(own, own)],
                transposed: [Panel::new(before, units), Panel::new(own, own)],
                biases: vec![0.0; units],
            }
        };
        Weights {
            steps: self.layers.iter().map(matrices).collect(),
        }
    }

    /// Puts all parameters `theta` into their matrices.
    pub(crate) fn pack(&self, theta: &[f64], weights: &mut Weights) {
        let steps = self.layers.iter().zip(&self.parameters);
        for ((layer, range), matrices) in steps.zip(&mut weights.steps) {
            let theta = &theta[range.clone()];
            matrices.biases.copy_from_slice(&theta[layer.biases()]);
            let blocks = [layer.weights(), layer.recurrent_weights()];
            let panels = matrices.weights.iter_mut().zip(&mut matrices.transposed);
            for (block, (matrix, transposed)) in blocks.into_iter().zip(panels) {
                let width = matrix.width.max(1);
                for (i, row) in theta[block].chunks_exact(width).enumerate() {
                    matrix.row_mut(i).copy_from_slice(row);
                }
                matrix.transpose(transposed);
            }
        }
    }

    /// Adds sums by the parameters to one number for each of them.
    pub(crate) fn unpack(&self, sums: &Weights, theta: &mut [f64]) {
        let steps = self.layers.iter().zip(&self.parameters);
        for ((layer, range), matrices) in steps.zip(&sums.steps) {
            let theta = &mut theta[range.clone()];
            for (slot, sum) in theta[layer.biases()].iter_mut().zip(&matrices.biases) {
                *slot += sum;
            }
            let blocks = [layer.weights(), layer.recurrent_weights()];
            for (block, matrix) in blocks.into_iter().zip(&matrices.weights) {
                let width = matrix.width.max(1);
                for (i, row) in theta[block].chunks_exact_mut(width).enumerate() {
                    for (slot, sum) in row.iter_mut().zip(matrix.row(i)) {
                        *slot += sum;
                    }
                }
            }
        }
    }

    /// Memory for so many windows.
    pub(crate) fn panels(&self, count: usize) -> Panels {
        let of = |layer: &DenseLayer| Panel::new(count * layer.times, layer.units());
        let steps = || self.layers.iter().map(of).collect::<Vec<_>>();
        let first = self.layers.iter().take(1);
        let first = first.map(|l| Panel::new(count * l.times, l.before));
        let x: Vec<Panel> = first.chain(steps()).collect();
        let earlier = |layer: &DenseLayer| match layer.dense.recurrent {
            true => [of(layer), of(layer)],
            false => Default::default(),
        };
        Panels {
            count,
            dx: x.clone(),
            x,
            slopes: steps(),
            g: steps(),
            z: steps(),
            earlier: self.layers.iter().map(earlier).collect(),
        }
    }

    /// The states of layer `n` among those of a window.
    pub(crate) fn layer(&self, n: usize) -> Range<usize> {
        self.offsets[n]..self.offsets[n + 1]
    }

    pub(super) fn load<'x>(
        &self,
        count: usize,
        window: &impl Fn(usize) -> &'x [f64],
        panels: &mut [Panel],
    ) {
        for m in 0..count {
            let states = window(m);
            for (n, panel) in panels.iter_mut().enumerate() {
                let rows = states[self.layer(n)].chunks_exact(panel.width);
                let times = rows.len();
                for (t, row) in rows.enumerate() {
                    panel.row_mut(m * times + t).copy_from_slice(row);
                }
            }
        }
    }

    /// Reads the states of `count` windows and computes their residuals, with the
    /// slopes that products with the Jacobian need.
    pub(crate) fn linearize<'x>(
        &self,
        weights: &Weights,
        panels: &mut Panels,
        count: usize,
        window: &impl Fn(usize) -> &'x [f64],
    ) {
        panels.count = count;
        self.load(count, window, &mut panels.x);
        for (n, layer) in self.layers.iter().enumerate() {
            self.units(n, weights, panels);
            let [x, next] = [n, n + 1].map(|n| &panels.x[n]);
            let (g, z) = (&mut panels.g[n], &panels.z[n]);
            for i in 0..count * layer.times {
                let pairs = next.row(i).iter().zip(z.row(i));
                for (g, (next, f)) in g.row_mut(i).iter_mut().zip(pairs) {
                    *g = next - f;
                }
                if layer.dense.residual.is_some() {
                    subtract(g.row_mut(i), x.row(i));
                }
            }
        }
    }

    /// Computes the units of step `n`, with their slopes, from the states before it.
    pub(super) fn units(&self, n: usize, weights: &Weights, panels: &mut Panels) {
        let (layer, matrices) = (&self.layers[n], &weights.steps[n]);
        let rows = panels.count * layer.times;
        let [x, next] = [n, n + 1].map(|n| &panels.x[n]);
        let z = &mut panels.z[n];
        for i in 0..rows {
            z.row_mut(i).copy_from_slice(&matrices.biases);
        }
        z.add_product(rows, x, &matrices.transposed[0], self.isa);
        if layer.dense.recurrent {
            let [earlier, _] = &mut panels.earlier[n];
            shift(layer.times, rows, next, earlier);
            z.add_product(rows, earlier, &matrices.transposed[1], self.isa);
        }
        activate(layer, rows, z, &mut panels.slopes[n]);
    }

    /// Replaces the residuals of each window and step by what `weigh` writes: it
    /// gets the number of the window and of the step, the residuals and the slots.
    pub(crate) fn weigh(
        &self,
        panels: &mut Panels,
        mut weigh: impl FnMut((usize, usize), &[f64], &mut [f64]),
    ) {
        let most = self.layers.iter().map(|l| l.times * l.units()).max();
        let mut residuals = vec![0.0; most.unwrap_or(0)];
        let mut weighed = residuals.clone();
        for m in 0..panels.count {
            for (n, layer) in self.layers.iter().enumerate() {
                let (g, units) = (&mut panels.g[n], layer.units());
                let rows = m * layer.times..(m + 1) * layer.times;
                let all = layer.times * units;
                let places = || rows.clone().zip((0..all).step_by(units));
                for (i, at) in places() {
                    residuals[at..at + units].copy_from_slice(g.row(i));
                }
                weigh((m, n), &residuals[..all], &mut weighed[..all]);
                for (i, at) in places() {
                    g.row_mut(i).copy_from_slice(&weighed[at..at + units]);
                }
            }
        }
    }

    /// Puts G times a change of the states and of the parameters in the place of
    /// the residuals.
    pub(crate) fn push<'x>(
        &self,
        weights: &Weights,
        panels: &mut Panels,
        states: Option<&impl Fn(usize) -> &'x [f64]>,
        parameters: Option<&Weights>,
    ) {
        if let Some(window) = states {
            self.load(panels.count, window, &mut panels.dx);
        }
        for (n, (layer, matrices)) in self.layers.iter().zip(&weights.steps).enumerate() {
            let rows = panels.count * layer.times;
            let [x, dx, next] = [&panels.x[n], &panels.dx[n], &panels.dx[n + 1]];
            let z = &mut panels.z[n];
            z.data.fill(0.0);
            if states.is_some() {
                z.add_product(rows, dx, &matrices.transposed[0], self.isa);
            }
            if let Some(change) = parameters.map(|p| &p.steps[n]) {
                z.add_product(rows, x, &change.transposed[0], self.isa);
                for i in 0..rows {
                    add(z.row_mut(i), &change.biases);
                }
            }
            if layer.dense.recurrent {
                let [earlier, other] = &mut panels.earlier[n];
                if states.is_some() {
                    shift(layer.times, rows, next, other);
                    z.add_product(rows, other, &matrices.transposed[1], self.isa);
                }
                if let Some(change) = parameters.map(|p| &p.steps[n]) {
                    z.add_product(rows, earlier, &change.transposed[1], self.isa);
                }
            }
            apply_slopes(layer, rows, &panels.slopes[n], z);
            let g = &mut panels.g[n];
            for i in 0..rows {
                for (g, z) in g.row_mut(i).iter_mut().zip(z.row(i)) {
                    *g = -z;
                }
                if states.is_some() {
                    add(g.row_mut(i), next.row(i));
                    if layer.dense.residual.is_some() {
                        subtract(g.row_mut(i), dx.row(i));
                    }
                }
            }
        }
    }

    /// Gᵀ times what stands in the place of the residuals: its part by the
    /// parameters is added to `sums`, its part by the states of all windows to
    /// `gradient`, where there is room for it.
    pub(crate) fn pull(
        &self,
        weights: &Weights,
        panels: &mut Panels,
        sums: &mut Weights,
        gradient: &mut [f64],
    ) {
        panels.dx.iter_mut().for_each(|panel| panel.data.fill(0.0));
        for (n, (layer, matrices)) in self.layers.iter().zip(&weights.steps).enumerate() {
            let rows = panels.count * layer.times;
            let (v, z) = (&panels.g[n], &mut panels.z[n]);
            let [dx, next] = &mut panels.dx[n..n + 2] else {
                continue;
            };
            for i in 0..rows {
                for (z, v) in z.row_mut(i).iter_mut().zip(v.row(i)) {
                    *z = -v;
                }
                add(next.row_mut(i), v.row(i));
                if layer.dense.residual.is_some() {
                    subtract(dx.row_mut(i), v.row(i));
                }
            }
            apply_slopes(layer, rows, &panels.slopes[n], z);
            dx.add_product(rows, z, &matrices.weights[0], self.isa);
            let sums = &mut sums.steps[n];
            sums.add_units(rows, z, &panels.x[n], self.isa);
            if layer.dense.recurrent {
                let [earlier, by_earlier] = &mut panels.earlier[n];
                sums.weights[1].add_transposed_product(rows, z, earlier, self.isa);
                by_earlier.data.fill(0.0);
                by_earlier.add_product(rows, z, &matrices.weights[1], self.isa);
                for i in (0..rows).filter(|i| i % layer.times > 0) {
                    add(next.row_mut(i - 1), by_earlier.row(i));
                }
            }
        }
        self.store(panels, gradient);
    }

    /// Σ r (∂g/∂w)² for each weight w, with the precisions r in the place of the
    /// residuals, added to `sums`; of softmax by its diagonal alone.
    pub(crate) fn add_squares(&self, panels: &mut Panels, sums: &mut Weights) {
        for (n, layer) in self.layers.iter().enumerate() {
            let rows = panels.count * layer.times;
            let step = layer.dense.residual.unwrap_or(1.0);
            let softmax = layer.dense.activation == super::Activation::Softmax;
            let z = &mut panels.z[n];
            for i in 0..rows {
                let pairs = panels.slopes[n].row(i).iter().zip(panels.g[n].row(i));
                for (z, (slope, r)) in z.row_mut(i).iter_mut().zip(pairs) {
                    let slope = if softmax {
                        slope * (1.0 - slope)
                    } else {
                        *slope
                    };
                    *z = r * (step * slope).powi(2);
                }
            }
        }
        self.add_unit_squares(panels, sums);
    }

    /// Adds what stands in the place of the units, times the squares of what comes
    /// into them.
    pub(super) fn add_unit_squares(&self, panels: &Panels, sums: &mut Weights) {
        for (n, layer) in self.layers.iter().enumerate() {
            let rows = panels.count * layer.times;
            let z = &panels.z[n];
            let mut squares = panels.x[n].clone();
            squares.data.iter_mut().for_each(|x| *x *= *x);
            let sums = &mut sums.steps[n];
            sums.weights[0].add_transposed_product(rows, z, &squares, self.isa);
            if layer.dense.recurrent {
                let mut squares = panels.earlier[n][0].clone();
                squares.data.iter_mut().for_each(|x| *x *= *x);
                sums.weights[1].add_transposed_product(rows, z, &squares, self.isa);
            }
            for i in 0..rows {
                add(&mut sums.biases, z.row(i));
            }
        }
    }

    /// Adds what was pulled to the states of the windows, which stand one after
    /// the other.
    fn store(&self, panels: &Panels, gradient: &mut [f64]) {
        self.each_row(panels, &panels.dx, gradient, add);
    }

    /// Calls `put(row of a window, row of a panel)` for each layer's panel and all
    /// windows, which stand one after the other in `windows`.
    pub(super) fn each_row(
        &self,
        panels: &Panels,
        layers: &[Panel],
        windows: &mut [f64],
        put: impl Fn(&mut [f64], &[f64]),
    ) {
        let length = self.offsets[self.offsets.len() - 1];
        let skipped = panels.x.len() - layers.len();
        for (m, window) in windows.chunks_exact_mut(length).enumerate() {
            for (n, panel) in (skipped..).zip(layers) {
                let rows = window[self.layer(n)].chunks_exact_mut(panel.width);
                let times = rows.len();
                for (t, row) in rows.enumerate() {
                    put(row, panel.row(m * times + t));
                }
            }
        }
    }
}

impl Matrices {
    /// Adds, by weights and biases, what stands at the units of `rows` rows, which `x`
    /// comes into.
    pub(super) fn add_units(&mut self, rows: usize, units: &Panel, x: &Panel, isa: Isa) {
        self.weights[0].add_transposed_product(rows, units, x, isa);
        for i in 0..rows {
            add(&mut self.biases, units.row(i));
        }
    }
}

impl Weights {
    /// Nothing summed yet.
    pub(crate) fn clear(&mut self) {
        for matrices in &mut self.steps {
            for panel in &mut matrices.weights {
                panel.data.fill(0.0);
            }
            matrices.biases.fill(0.0);
        }
    }
}
