//! Forward and backward passes, layer after layer: what a network's states are by the
//! errors that it makes.

use super::entrywise::{add, apply_slopes};
use super::{Batch, Panels, Weights};

impl Batch {
    /// Whether each layer follows from the one before it alone: times of a recurrent
    /// layer follow from each other.
    pub(crate) fn unrolls(&self) -> bool {
        self.layers.iter().all(|layer| !layer.dense.recurrent)
    }

    /// Writes the residuals of the windows that were linearized in the place of their
    /// states, all but the first layer's.
    pub(crate) fn write_errors(&self, panels: &Panels, windows: &mut [f64]) {
        self.each_row(panels, &panels.g, windows, <[f64]>::copy_from_slice);
    }

    /// The forward pass, with the errors that stand in the place of the states added
    /// to each layer; writes the states.
    pub(crate) fn unroll<'e>(
        &self,
        weights: &Weights,
        panels: &mut Panels,
        errors: (usize, &impl Fn(usize) -> &'e [f64]),
        windows: &mut [f64],
    ) {
        let (count, window) = errors;
        panels.count = count;
        self.load(count, window, &mut panels.x);
        for (n, layer) in self.layers.iter().enumerate() {
            self.units(n, weights, panels);
            let [x, next] = &mut panels.x[n..n + 2] else {
                continue;
            };
            for i in 0..count * layer.times {
                add(next.row_mut(i), panels.z[n].row(i));
                if layer.dense.residual.is_some() {
                    add(next.row_mut(i), x.row(i));
                }
            }
        }
        self.each_row(panels, &panels.x, windows, <[f64]>::copy_from_slice);
    }

    /// The backward pass: the gradient by the states becomes that by the errors,
    /// λ(n) = ∂A/∂x(n) + F(n)ᵀλ(n+1), where the windows were linearized; what the
    /// parameters have of it, Σ (∂f/∂θ)ᵀλ, is added to `sums`.
    pub(crate) fn chain(
        &self,
        weights: &Weights,
        panels: &mut Panels,
        sums: &mut Weights,
        gradient: &mut [f64],
    ) {
        let length = self.layer(self.layers.len()).end;
        let window = |m: usize| &gradient[m * length..(m + 1) * length];
        self.load(panels.count, &window, &mut panels.dx);
        for (n, (layer, matrices)) in self.layers.iter().zip(&weights.steps).enumerate().rev() {
            let rows = panels.count * layer.times;
            let z = &mut panels.z[n];
            let [dx, next] = &mut panels.dx[n..n + 2] else {
                continue;
            };
            for i in 0..rows {
                z.row_mut(i).copy_from_slice(next.row(i));
                if layer.dense.residual.is_some() {
                    add(dx.row_mut(i), next.row(i));
                }
            }
            apply_slopes(layer, rows, &panels.slopes[n], z);
            dx.add_product(rows, z, &matrices.weights[0], self.isa);
            sums.steps[n].add_units(rows, z, &panels.x[n], self.isa);
        }
        self.each_row(panels, &panels.dx, gradient, <[f64]>::copy_from_slice);
    }
}
