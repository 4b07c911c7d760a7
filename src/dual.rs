//! Forward-mode dual numbers with several lanes.
//!
//! `Dual<T, N>` carries a value and its derivatives along N directions, so
//! that one call of a model gives N columns of a Jacobian. Nested duals
//! (`Dual<Dual<f64, M>, N>`) give exact second derivatives.
// Product and quotient rules mix operators; that is what they are.
#![allow(clippy::suspicious_arithmetic_impl)]

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::scalar::Scalar;

/// A value and its derivatives along `N` directions.
#[derive(Debug, Clone, Copy)]
pub struct Dual<T, const N: usize> {
    /// The value.
    pub value: T,
    /// The derivative along each direction.
    pub lanes: [T; N],
}

impl<T: Scalar, const N: usize> Dual<T, N> {
    /// A number that depends on nothing.
    #[inline(always)]
    #[must_use]
    pub fn constant(value: T) -> Self {
        Self {
            value,
            lanes: [T::zero(); N],
        }
    }

    /// A number whose derivative along direction `lane` is one.
    ///
    /// A lane beyond `N` gives a constant.
    #[inline(always)]
    #[must_use]
    pub fn variable(value: T, lane: usize) -> Self {
        let mut dual = Self::constant(value);
        if let Some(slot) = dual.lanes.get_mut(lane) {
            *slot = T::one();
        }
        dual
    }

    /// Chain rule: the value of an outer function and its derivative.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        Self {
            value,
            lanes: self.lanes.map(|d| d * slope),
        }
    }

    /// Lane by lane combination of two numbers' derivatives.
    #[inline(always)]
    fn combine(self, other: Self, value: T, f: impl Fn(T, T) -> T) -> Self {
        let mut lanes = self.lanes;
        for (a, &b) in lanes.iter_mut().zip(&other.lanes) {
            *a = f(*a, b);
        }
        Self { value, lanes }
    }
}

impl<T: Scalar, const N: usize> From<f64> for Dual<T, N> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self::constant(T::from(value))
    }
}

impl<T: Scalar, const N: usize> PartialEq for Dual<T, N> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Scalar, const N: usize> PartialOrd for Dual<T, N> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Scalar, const N: usize> Neg for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            lanes: self.lanes.map(|d| -d),
        }
    }
}

impl<T: Scalar, const N: usize> Add for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, |a, b| a + b)
    }
}

impl<T: Scalar, const N: usize> Sub for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, |a, b| a - b)
    }
}

impl<T: Scalar, const N: usize> Mul for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (u, v) = (self.value, other.value);
        self.combine(other, u * v, |a, b| a * v + b * u)
    }
}

impl<T: Scalar, const N: usize> Div for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let inverse = other.value.recip();
        let quotient = self.value * inverse;
        self.combine(other, quotient, |a, b| (a - b * quotient) * inverse)
    }
}

impl<T: Scalar, const N: usize> Add<f64> for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: f64) -> Self {
        Self {
            value: self.value + other,
            ..self
        }
    }
}

impl<T: Scalar, const N: usize> Sub<f64> for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: f64) -> Self {
        Self {
            value: self.value - other,
            ..self
        }
    }
}

impl<T: Scalar, const N: usize> Mul<f64> for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        Self {
            value: self.value * other,
            lanes: self.lanes.map(|d| d * other),
        }
    }
}

impl<T: Scalar, const N: usize> Div<f64> for Dual<T, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: f64) -> Self {
        self * (1.0 / other)
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $operator:tt),*) => {$(
        impl<T: Scalar, const N: usize> $trait for Dual<T, N> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl<T: Scalar, const N: usize> Zero for Dual<T, N> {
    #[inline(always)]
    fn zero() -> Self {
        Self::constant(T::zero())
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.lanes.iter().all(Zero::is_zero)
    }
}

impl<T: Scalar, const N: usize> One for Dual<T, N> {
    #[inline(always)]
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Scalar, const N: usize> Scalar for Dual<T, N> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A function that uses every operation, with x and y away from kinks.
    fn everything<S: Scalar>(x: S, y: S) -> S {
        let a = (x * y + 1.5).ln() - (x / y).exp() * 0.25 + y.recip() - 0.5;
        let b = x.sin() * y.cos() + (x - y).tanh() + x.powi(3) / 7.0 + y.powf(1.7);
        let mut c = (x * x + y * y).sqrt() + (x - y).abs() + x.max(y) - x.min(y) + x.logistic();
        c += a;
        c *= b;
        c -= y.square();
        c /= x + 2.0;
        -c
    }

    fn central(f: impl Fn(f64) -> f64, at: f64) -> f64 {
        // Sixth-order central difference: truncation below 1e-11 for h = 0.01.
        let h = 1e-2;
        let d = |k: f64| (f(at + k * h) - f(at - k * h)) / h;
        d(1.0) * 0.75 - d(2.0) * 0.15 + d(3.0) / 60.0
    }

    #[test]
    fn first_derivatives_match_differences() {
        let (x, y) = (0.7, 1.9);
        let dual = everything(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1));
        assert_eq!(dual.value, everything(x, y));
        assert!((dual.lanes[0] - central(|x| everything(x, y), x)).abs() < 1e-8);
        assert!((dual.lanes[1] - central(|y| everything(x, y), y)).abs() < 1e-8);
    }

    #[test]
    fn second_derivatives_by_nesting_are_symmetric_and_match_differences() {
        type Second = Dual<Dual<f64, 2>, 2>;
        let (x, y) = (0.7, 1.9);
        let inner = |v, lane| Dual::<f64, 2>::variable(v, lane);
        let z = everything(
            Second::variable(inner(x, 0), 0),
            Second::variable(inner(y, 1), 1),
        );
        let slope = |x: f64, y: f64, lane: usize| {
            everything(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1)).lanes[lane]
        };
        assert!((z.lanes[0].lanes[1] - z.lanes[1].lanes[0]).abs() < 1e-13);
        assert!((z.lanes[0].lanes[0] - central(|x| slope(x, y, 0), x)).abs() < 1e-8);
        assert!((z.lanes[1].lanes[1] - central(|y| slope(x, y, 1), y)).abs() < 1e-8);
        assert!((z.lanes[0].lanes[1] - central(|y| slope(x, y, 0), y)).abs() < 1e-8);
    }

    #[test]
    fn powers_at_zero_are_exact() {
        let x = Dual::<f64, 1>::variable(0.0, 0);
        assert_eq!(x.powi(0).lanes[0], 0.0);
        assert_eq!(x.powi(1).lanes[0], 1.0);
        assert_eq!(x.powi(2).lanes[0], 0.0);
        assert_eq!(x.powf(0.0).lanes[0], 0.0);
        assert_eq!(x.abs().lanes[0], 0.0);
    }

    #[test]
    fn logistic_does_not_overflow() {
        for (x, expected) in [(-800.0, 0.0), (0.0, 0.5), (800.0, 1.0)] {
            let y = Dual::<f64, 1>::variable(x, 0).logistic();
            assert_eq!(y.value, expected);
            assert!(y.lanes[0].is_finite());
        }
    }
}
