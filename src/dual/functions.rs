//! Functions of dual numbers.

use std::cmp::Ordering;

use num_traits::One;

use super::Dual;
use crate::scalar::Scalar;
use crate::scalar::sealed::Primitive;

impl<T: Scalar, const N: usize, const STRICT: bool> Primitive for Dual<T, N, STRICT> {
    #[inline(always)]
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.lanes.iter().all(T::is_finite)
    }
    #[inline(always)]
    fn is_constant_zero(&self) -> bool {
        self.depends == 0 && self.value.is_constant_zero()
    }
    fn power_derivative(self, exponent: Self, [j, k]: [u32; 2]) -> Self {
        let of = |orders| self.value.power_derivative(exponent.value, orders);
        let slopes = [of([j + 1, k]), of([j, k + 1])];
        if STRICT {
            self.chain_two_where_they_change(exponent, of([j, k]), slopes)
        } else {
            self.chain_two(exponent, of([j, k]), slopes)
        }
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Scalar for Dual<T, N, STRICT> {
    #[inline(always)]
    fn value(&self) -> f64 {
        self.value.value()
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, root.recip() * 0.5)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, T::one() - t * t)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        if n == 0 {
            return Self::one();
        }
        self.chain(self.value.powi(n), self.value.powi(n - 1) * f64::from(n))
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        if exponent == 0.0 {
            return Self::one();
        }
        self.chain(
            self.value.powf(exponent),
            self.value.powf(exponent - 1.0) * exponent,
        )
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        self.chain(self.value.sinh(), self.value.cosh())
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        self.chain(self.value.cosh(), self.value.sinh())
    }
    #[inline(always)]
    fn tan(self) -> Self {
        let t = self.value.tan();
        self.chain(t, t * t + 1.0)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        self.chain(self.value.asin(), circle(self.value).recip())
    }
    #[inline(always)]
    fn acos(self) -> Self {
        self.chain(self.value.acos(), -circle(self.value).recip())
    }
    #[inline(always)]
    fn atan(self) -> Self {
        let slope = (self.value * self.value + 1.0).recip();
        self.chain(self.value.atan(), slope)
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        let radius = self.value.hypot(x.value);
        let slope = |side: T| side / radius / radius;
        let slopes = [slope(x.value), -slope(self.value)];
        self.chain_two(x, self.value.atan2(x.value), slopes)
    }
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        let radius = self.value.hypot(other.value);
        let slopes = [self.value / radius, other.value / radius];
        self.chain_two(other, radius, slopes)
    }
    #[inline(always)]
    fn log10(self) -> Self {
        let slope = self.value.recip() * std::f64::consts::LOG10_E;
        self.chain(self.value.log10(), slope)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.chain(self.value.ln_1p(), (self.value + 1.0).recip())
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.chain(self.value.exp_m1(), self.value.exp())
    }
    /// The slope 1/(1 + e⁻ˣ) is the exponential of −ln(1 + e⁻ˣ): both ends keep
    /// their digits.
    #[inline(always)]
    fn softplus(self) -> Self {
        let slope = (-(-self.value).softplus()).exp();
        self.chain(self.value.softplus(), slope)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let slope = match self.value.partial_cmp(&T::zero()) {
            Some(Ordering::Greater) => 1.0,
            Some(Ordering::Less) => -1.0,
            _ => 0.0,
        };
        self.chain(self.value.abs(), T::from(slope))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self.value >= other.value {
            self
        } else {
            other
        }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self.value <= other.value {
            self
        } else {
            other
        }
    }
}

/// √(1 − x²), without cancellation near ±1.
#[inline(always)]
fn circle<T: Scalar>(x: T) -> T {
    ((T::one() - x) * (T::one() + x)).sqrt()
}
