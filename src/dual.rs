//! Forward-mode dual numbers with several lanes.
//!
//! `Dual<T, N>` carries a value and its derivatives along N directions, so
//! that one call of a model gives N columns of a Jacobian. Nested duals
//! (`Dual<Dual<f64, M>, N>`) give exact second derivatives.
// Product and quotient rules mix operators; that is what they are.
#![allow(clippy::suspicious_arithmetic_impl)]

mod functions;

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::scalar::Scalar;
use crate::scalar::sealed::Primitive;

/// A value and its derivatives along `N` directions.
///
/// It knows which of the directions it depends on, so that an infinite slope (of √x
/// at 0, say) makes a derivative infinite or NaN where it meets something that
/// changes, and leaves it zero where nothing does. Where `STRICT` is false it does
/// not look: all is the same but for zeros that become NaN there.
#[derive(Debug, Clone, Copy)]
pub struct Dual<T, const N: usize, const STRICT: bool = true> {
    /// The value.
    pub value: T,
    /// The derivative along each direction.
    pub lanes: [T; N],
    /// Bit k: the number may change along direction k, though its derivative may be
    /// zero here. Directions from 64 on count by their derivative alone.
    depends: u64,
}

/// Numbers for what is evaluated often: where they leave NaN or infinity, the strict
/// ones are asked.
pub(crate) type Fast<T, const N: usize> = Dual<T, N, false>;

impl<T: Scalar, const N: usize, const STRICT: bool> Dual<T, N, STRICT> {
    /// A value with its derivatives; it may change along all directions.
    #[inline(always)]
    #[must_use]
    pub fn new(value: T, lanes: [T; N]) -> Self {
        Self {
            value,
            lanes,
            depends: u64::MAX,
        }
    }

    /// A number that depends on nothing.
    #[inline(always)]
    #[must_use]
    pub fn constant(value: T) -> Self {
        Self {
            value,
            lanes: [T::zero(); N],
            depends: 0,
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
            dual.depends = 1_u64.checked_shl(lane as u32).unwrap_or(0);
        }
        dual
    }

    /// Whether the number may change along direction `k`.
    #[inline(always)]
    fn changes(&self, k: usize) -> bool {
        (k < 64 && self.depends >> k & 1 == 1) || !self.lanes[k].is_constant_zero()
    }

    /// Chain rule: the value of an outer function and its derivative.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        if STRICT && !slope.is_finite() {
            return self.chain_where_it_changes(value, slope);
        }
        Self {
            value,
            lanes: self.lanes.map(|d| d * slope),
            ..self
        }
    }

    #[cold]
    fn chain_where_it_changes(self, value: T, slope: T) -> Self {
        let lane = |k: usize| match self.changes(k) {
            true => self.lanes[k] * slope,
            false => T::zero(),
        };
        Self {
            value,
            lanes: std::array::from_fn(lane),
            ..self
        }
    }

    /// Chain rule for a function of two numbers.
    #[inline(always)]
    fn chain_two(self, other: Self, value: T, slopes: [T; 2]) -> Self {
        if STRICT && !slopes.iter().all(T::is_finite) {
            return self.chain_two_where_they_change(other, value, slopes);
        }
        self.combine(other, value, |a, b| a * slopes[0] + b * slopes[1])
    }

    #[cold]
    fn chain_two_where_they_change(self, other: Self, value: T, slopes: [T; 2]) -> Self {
        let lane = |k: usize| match (self.changes(k), other.changes(k)) {
            (true, true) => self.lanes[k] * slopes[0] + other.lanes[k] * slopes[1],
            (true, false) => self.lanes[k] * slopes[0],
            (false, true) => other.lanes[k] * slopes[1],
            (false, false) => T::zero(),
        };
        Self {
            value,
            lanes: std::array::from_fn(lane),
            depends: self.depends | other.depends,
        }
    }

    /// Lane by lane combination of two numbers' derivatives.
    #[inline(always)]
    fn combine(self, other: Self, value: T, f: impl Fn(T, T) -> T) -> Self {
        let mut lanes = self.lanes;
        for (a, &b) in lanes.iter_mut().zip(&other.lanes) {
            *a = f(*a, b);
        }
        let both = if STRICT { other.depends } else { 0 };
        Self {
            value,
            lanes,
            depends: self.depends | both,
        }
    }

    /// This where all is finite, else what the limits say.
    #[inline(always)]
    fn or_by_limits(self, limits: impl FnOnce() -> Self) -> Self {
        if self.is_finite() { self } else { limits() }
    }

    /// Where a factor u is zero and v finite, (u v)′ = lim u(h)/h · v(h) = u′ v, however
    /// steep v is.
    #[cold]
    fn product_by_limits(self, other: Self) -> Self {
        let (u, v) = (self.value, other.value);
        let alone = |zero: &Self, other: &Self| {
            let decided = zero.is_finite() || other.value.value() != 0.0;
            zero.value.is_constant_zero() && other.value.is_finite() && decided
        };
        let [mut a, mut b] = [self, other];
        if alone(&self, &other) {
            b = Self::constant(v);
        } else if alone(&other, &self) {
            a = Self::constant(u);
        }
        let vanishes = self.is_constant_zero() || other.is_constant_zero();
        let product = a.chain_two_where_they_change(b, u * v, [v, u]);
        let depends = self.depends | other.depends;
        Self { depends, ..product }.unless(vanishes)
    }

    /// Where u is zero, (u/v)′ = lim u(h)/h / v(h) = u′/v, however steep v is.
    #[cold]
    fn quotient_by_limits(self, other: Self) -> Self {
        let inverse = other.value.recip();
        let quotient = self.value * inverse;
        let alone = self.value.is_constant_zero() && inverse.is_finite();
        let over = if alone {
            Self::constant(other.value)
        } else {
            other
        };
        let slopes = [inverse, -quotient * inverse];
        let divided = self.chain_two_where_they_change(over, quotient, slopes);
        let depends = self.depends | other.depends;
        Self { depends, ..divided }.unless(self.is_constant_zero())
    }

    /// A product of which one factor is zero for good does not change.
    #[inline(always)]
    fn unless(self, vanishes: bool) -> Self {
        let depends = if vanishes { 0 } else { self.depends };
        Self { depends, ..self }
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> From<f64> for Dual<T, N, STRICT> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self::constant(T::from(value))
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> PartialEq for Dual<T, N, STRICT> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> PartialOrd for Dual<T, N, STRICT> {
    #[inline(always)]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Neg for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            lanes: self.lanes.map(|d| -d),
            ..self
        }
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Add for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, |a, b| a + b)
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Sub for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, |a, b| a - b)
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Mul for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let (u, v) = (self.value, other.value);
        let product = u * v;
        let vanishes = STRICT && (self.is_constant_zero() || other.is_constant_zero());
        let simple = self
            .combine(other, product, |a, b| a * v + b * u)
            .unless(vanishes);
        if STRICT && (product.value() == 0.0 || !product.is_finite()) {
            return simple.or_by_limits(|| self.product_by_limits(other));
        }
        simple
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Div for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let inverse = other.value.recip();
        let quotient = self.value * inverse;
        let simple = self
            .combine(other, quotient, |a, b| (a - b * quotient) * inverse)
            .unless(STRICT && self.is_constant_zero());
        if STRICT && (quotient.value() == 0.0 || !quotient.is_finite()) {
            return simple.or_by_limits(|| self.quotient_by_limits(other));
        }
        simple
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Add<f64> for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: f64) -> Self {
        Self {
            value: self.value + other,
            ..self
        }
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Sub<f64> for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: f64) -> Self {
        Self {
            value: self.value - other,
            ..self
        }
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Mul<f64> for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        let scaled = Self {
            value: self.value * other,
            lanes: self.lanes.map(|d| d * other),
            ..self
        };
        scaled.unless(STRICT && other == 0.0)
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Div<f64> for Dual<T, N, STRICT> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: f64) -> Self {
        self * (1.0 / other)
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $operator:tt),*) => {$(
        impl<T: Scalar, const N: usize, const STRICT: bool> $trait for Dual<T, N, STRICT> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl<T: Scalar, const N: usize, const STRICT: bool> Zero for Dual<T, N, STRICT> {
    #[inline(always)]
    fn zero() -> Self {
        Self::constant(T::zero())
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.lanes.iter().all(Zero::is_zero)
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> One for Dual<T, N, STRICT> {
    #[inline(always)]
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Scalar, const N: usize, const STRICT: bool> Sum for Dual<T, N, STRICT> {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, number| sum + number)
    }
}

impl<'a, T: Scalar, const N: usize, const STRICT: bool> Sum<&'a Self> for Dual<T, N, STRICT> {
    fn sum<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

#[cfg(test)]
mod tests;
