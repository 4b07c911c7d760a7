//! What a unit makes of its weighted input.

use super::elementary;
use crate::scalar::Scalar;

/// What a unit makes of its weighted input z.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Activation {
    /// z.
    Linear,
    /// 1/(1 + e⁻ᶻ), from 0 to 1.
    Logistic,
    /// tanh z, from −1 to 1.
    Tanh,
    /// max(z, 0). At z = 0, where there is no derivative, it is taken to be
    /// zero, and second derivatives are zero everywhere: near a minimum the exact
    /// Hessian tells no more than that of Gauss-Newton.
    Relu,
    /// ln(1 + eᶻ), a smooth [`Relu`](Self::Relu).
    Softplus,
    /// eᶻ by its sum over the units of the layer: positive numbers that add up
    /// to one, for outputs that are classes.
    Softmax,
}

impl Activation {
    /// Replaces the weighted inputs of all units of a layer by their outputs.
    #[inline(always)]
    pub(super) fn apply<S: Scalar>(self, z: &mut [S]) {
        match self {
            Self::Linear => {}
            Self::Logistic => z.iter_mut().for_each(|z| *z = z.logistic()),
            Self::Tanh => z.iter_mut().for_each(|z| *z = z.tanh()),
            Self::Relu => z.iter_mut().for_each(|z| *z = S::zero().max(*z)),
            Self::Softplus => z.iter_mut().for_each(|z| *z = softplus(*z)),
            Self::Softmax => softmax(z),
        }
    }

    /// Replaces the weighted inputs of many layers, `width` units each, by their
    /// outputs, and writes what [`apply_slopes`](Self::apply_slopes) needs to `slopes`.
    #[inline(always)]
    pub(super) fn apply_all(self, width: usize, z: &mut [f64], slopes: &mut [f64]) {
        let pairs = z.iter_mut().zip(slopes.iter_mut());
        match self {
            Self::Linear => slopes.fill(1.0),
            Self::Logistic => pairs.for_each(|(z, s)| {
                *z = elementary::logistic(*z);
                *s = *z * (1.0 - *z);
            }),
            Self::Tanh => pairs.for_each(|(z, s)| {
                *z = elementary::tanh(*z);
                *s = 1.0 - *z * *z;
            }),
            Self::Relu => pairs.for_each(|(z, s)| {
                *s = if *z > 0.0 { 1.0 } else { 0.0 };
                *z = z.max(0.0);
            }),
            Self::Softplus => pairs.for_each(|(z, s)| {
                *s = elementary::logistic(*z);
                *z = softplus(*z);
            }),
            Self::Softmax => {
                for z in z.chunks_exact_mut(width) {
                    softmax(z);
                }
                slopes.copy_from_slice(z);
            }
        }
    }

    /// Replaces v by (∂f/∂z) v for one layer; the matrix is symmetric.
    #[inline(always)]
    pub(super) fn apply_slopes(self, slopes: &[f64], v: &mut [f64]) {
        // Of softmax the slopes are its values f: ∂fᵢ/∂zₖ = fᵢ(δᵢₖ − fₖ).
        let mean = match self {
            Self::Softmax => slopes.iter().zip(&*v).map(|(f, v)| f * v).sum(),
            _ => 0.0,
        };
        for (v, s) in v.iter_mut().zip(slopes) {
            *v = s * (*v - mean);
        }
    }

    /// 1/f′(0), the size of weights that pass small signals on; for
    /// [`Softmax`](Self::Softmax), which is an output, 1.
    pub(crate) fn gain(self) -> f64 {
        match self {
            Self::Linear | Self::Tanh | Self::Softmax => 1.0,
            Self::Logistic => 4.0,
            Self::Softplus => 2.0,
            // Half of the units pass all, the others nothing.
            Self::Relu => std::f64::consts::SQRT_2,
        }
    }
}

/// ln(1 + eᶻ) without overflow.
#[inline(always)]
fn softplus<S: Scalar>(z: S) -> S {
    if z.value() > 0.0 {
        z + ((-z).exp() + 1.0).ln()
    } else {
        (z.exp() + 1.0).ln()
    }
}

/// Without overflow: the largest z is taken from all of them.
#[inline(always)]
fn softmax<S: Scalar>(z: &mut [S]) {
    let values = z.iter().map(Scalar::value);
    let largest = values.fold(f64::NEG_INFINITY, f64::max);
    let mut sum = S::zero();
    for z in &mut *z {
        *z = (*z - largest).exp();
        sum += *z;
    }
    z.iter_mut().for_each(|z| *z /= sum);
}
