//! The arithmetic that models are written in.
//!
//! A model is one function over a generic [`Scalar`]. The crate calls it with
//! `f64` for values, with [`Dual`](crate::Dual) numbers for exact first and
//! second derivatives, and with a tracing scalar that records which unknowns
//! an output depends on.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

/// A number that a model computes with.
///
/// Constants come in through `S::from(8.0)` or on the right-hand side of an
/// operator (`x * 8.0`). Comparisons look at the value only: a model may
/// branch, and its derivative is that of the branch taken.
pub trait Scalar:
    Copy
    + Debug
    + PartialOrd
    + From<f64>
    + Zero
    + One
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
{
    /// The value without its derivatives.
    fn value(&self) -> f64;

    /// Exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Integer power.
    fn powi(self, n: i32) -> Self;
    /// Real power with a constant exponent.
    fn powf(self, exponent: f64) -> Self;

    /// Absolute value; the derivative at zero is zero.
    fn abs(self) -> Self;

    /// The larger of two numbers.
    #[must_use]
    fn max(self, other: Self) -> Self;
    /// The smaller of two numbers.
    #[must_use]
    fn min(self, other: Self) -> Self;

    /// 1 / x.
    #[must_use]
    fn recip(self) -> Self {
        Self::one() / self
    }

    /// x².
    #[must_use]
    fn square(self) -> Self {
        self * self
    }

    /// The logistic function 1 / (1 + e⁻ˣ), without overflow.
    #[must_use]
    fn logistic(self) -> Self {
        ((self * 0.5).tanh() + 1.0) * 0.5
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn value(&self) -> f64 {
        *self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        f64::sin(self)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        f64::cos(self)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        f64::powi(self, n)
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        f64::powf(self, exponent)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        f64::abs(self)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        f64::max(self, other)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        f64::min(self, other)
    }
}
