//! What is done entry by entry to the states of a layer in many windows.

use super::DenseLayer;
use super::panel::Panel;
use crate::simd::{Wide, vectorize};

#[inline(always)]
pub(super) fn add(to: &mut [f64], values: &[f64]) {
    for (slot, v) in to.iter_mut().zip(values) {
        *slot += v;
    }
}

#[inline(always)]
pub(super) fn subtract(from: &mut [f64], values: &[f64]) {
    for (slot, v) in from.iter_mut().zip(values) {
        *slot -= v;
    }
}

/// Each row a time later; zero at the first time.
pub(super) fn shift(times: usize, rows: usize, from: &Panel, to: &mut Panel) {
    for i in 0..rows {
        match i % times {
            0 => to.row_mut(i).fill(0.0),
            _ => to.row_mut(i).copy_from_slice(from.row(i - 1)),
        }
    }
}

/// Weighted inputs become Δ f, or f, and their slopes.
pub(super) fn activate(layer: &DenseLayer, rows: usize, z: &mut Panel, slopes: &mut Panel) {
    let activation = layer.dense.activation;
    let all = 0..rows * z.stride;
    let (width, stride) = (z.width, z.stride);
    let (z, slopes) = (&mut z.data[all.clone()], &mut slopes.data[all]);
    let softmax = activation == super::Activation::Softmax;
    if softmax {
        let rows = z.chunks_exact_mut(stride);
        for (z, slopes) in rows.zip(slopes.chunks_exact_mut(stride)) {
            activation.apply_all(width, &mut z[..width], &mut slopes[..width]);
        }
    } else {
        vectorize(Apply {
            layer,
            z: &mut *z,
            slopes: &mut *slopes,
        });
    }
    if let Some(step) = layer.dense.residual {
        z.iter_mut().for_each(|z| *z *= step);
    }
}

/// All units of elementwise activations.
struct Apply<'a> {
    layer: &'a DenseLayer,
    z: &'a mut [f64],
    slopes: &'a mut [f64],
}

impl Wide for Apply<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let activation = self.layer.dense.activation;
        activation.apply_all(self.z.len(), self.z, self.slopes);
    }
}

/// Replaces v by Δ (∂f/∂z) v, row by row.
pub(super) fn apply_slopes(layer: &DenseLayer, rows: usize, slopes: &Panel, v: &mut Panel) {
    let step = layer.dense.residual;
    for i in 0..rows {
        let row = v.row_mut(i);
        layer.dense.activation.apply_slopes(slopes.row(i), row);
        if let Some(step) = step {
            row.iter_mut().for_each(|v| *v *= step);
        }
    }
}
