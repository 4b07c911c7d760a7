//! The arithmetic that models are written in.
//!
//! A model is one function over a generic [`Scalar`]. The crate calls it with
//! `f64` for values, with [`Dual`](crate::Dual) numbers for exact first and
//! second derivatives, and with a tracing scalar that records which unknowns
//! an output depends on.

mod power;

pub(crate) use power::power_derivative;

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

pub(crate) mod sealed {
    /// What the crate's own arithmetic needs of a number, and no model.
    pub trait Primitive: Sized {
        /// Whether the value and all derivatives are finite, at every point.
        fn is_finite(&self) -> bool;

        /// Whether this is the number zero at every point, and depends on nothing.
        fn is_constant_zero(&self) -> bool;

        /// ∂ʲ⁺ᵏ(xⁿ)/∂xʲ∂nᵏ, with its limits at x = 0.
        #[must_use]
        fn power_derivative(self, exponent: Self, orders: [u32; 2]) -> Self;
    }
}

/// A number that a model computes with.
///
/// Constants come in through `S::from(8.0)` or on the right-hand side of an
/// operator (`x * 8.0`). Comparisons look at the value only: a model may
/// branch, and its derivative is that of the branch taken.
///
/// Where a function has an infinite slope (√x, ln x and x.pow(n) with n < 1 at
/// x = 0), it is infinite in the directions that the argument depends on and zero
/// in all others: the square root of a known input may be taken at 0. There is no
/// rule 0 · ∞ = 0. A chain of functions whose slopes are 0 and ∞ gives NaN, also
/// where their product has a limit: write a power with an estimated exponent as
/// `x.pow(n)`, which knows its limits, and not as `(n * x.ln()).exp()`.
///
/// The trait is sealed: functions of a model may be generic over it
/// (`fn rate<S: Scalar>(x: S) -> S`), and all its numbers are this crate's.
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
    + Sum<Self>
    + for<'a> Sum<&'a Self>
    + sealed::Primitive
{
    /// The value without its derivatives.
    ///
    /// This is a look at the number, like a comparison: what is made of it depends
    /// on nothing, as far as derivatives know. A model that looks does one thing
    /// at one point and may do another at the next, so that patterns and packs
    /// cannot rely on it. Write with it what chooses a branch, and no formula.
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

    /// Real power whose exponent may depend on unknowns.
    ///
    /// At x = 0 value and slopes are the limits from above: the slope by x is 0 for
    /// n > 1, 1 for n = 1 and infinite for n < 1 (but 0 where n is 0), the slope by
    /// n is 0 for n > 0. Of a negative number the slope by n is NaN.
    #[must_use]
    fn pow(self, exponent: Self) -> Self {
        self.power_derivative(exponent, [0, 0])
    }

    /// Hyperbolic sine.
    #[must_use]
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    #[must_use]
    fn cosh(self) -> Self;
    /// Tangent.
    #[must_use]
    fn tan(self) -> Self;
    /// Arcsine.
    #[must_use]
    fn asin(self) -> Self;
    /// Arccosine.
    #[must_use]
    fn acos(self) -> Self;
    /// Arctangent.
    #[must_use]
    fn atan(self) -> Self;
    /// The angle of the point (x, y), for `y.atan2(x)`, from −π to π.
    #[must_use]
    fn atan2(self, x: Self) -> Self;
    /// √(x² + y²), without overflow.
    #[must_use]
    fn hypot(self, other: Self) -> Self;
    /// Decimal logarithm.
    #[must_use]
    fn log10(self) -> Self;
    /// ln(1 + x), without cancellation near 0.
    #[must_use]
    fn ln_1p(self) -> Self;
    /// eˣ − 1, without cancellation near 0.
    #[must_use]
    fn exp_m1(self) -> Self;
    /// ln(1 + eˣ), without overflow.
    #[must_use]
    fn softplus(self) -> Self;

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

impl sealed::Primitive for f64 {
    #[inline(always)]
    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
    #[inline(always)]
    fn is_constant_zero(&self) -> bool {
        *self == 0.0
    }
    #[inline]
    fn power_derivative(self, exponent: Self, orders: [u32; 2]) -> Self {
        power_derivative(self, exponent, orders)
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
    fn sinh(self) -> Self {
        f64::sinh(self)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        f64::cosh(self)
    }
    #[inline(always)]
    fn tan(self) -> Self {
        f64::tan(self)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        f64::asin(self)
    }
    #[inline(always)]
    fn acos(self) -> Self {
        f64::acos(self)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        f64::atan(self)
    }
    #[inline(always)]
    fn log10(self) -> Self {
        f64::log10(self)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        f64::ln_1p(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        f64::atan2(self, x)
    }
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        f64::hypot(self, other)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        f64::max(self, 0.0) + f64::ln_1p(f64::exp(-f64::abs(self)))
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
