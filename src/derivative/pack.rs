//! Several points at once: a scalar with one value for each.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::dual::Fast;
use crate::scalar::Scalar;
use crate::scalar::sealed::Primitive;

/// Points in a pack: one AVX-512 vector, two of AVX2.
pub(crate) const LANES: usize = 8;

/// Values at [`LANES`] points. They have no order: a function that looks at
/// values must not be called with them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(align(64))]
pub(crate) struct Pack(pub(crate) [f64; LANES]);

impl Pack {
    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self(self.0.map(f))
    }

    #[inline(always)]
    fn join(mut self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        self
    }

    /// Sum over the points.
    #[inline(always)]
    pub(crate) fn sum(self) -> f64 {
        self.0.iter().sum()
    }
}

impl From<f64> for Pack {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self([value; LANES])
    }
}

impl<const N: usize> From<Pack> for Fast<Pack, N> {
    #[inline(always)]
    fn from(value: Pack) -> Self {
        Self::constant(value)
    }
}

impl PartialOrd for Pack {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Neg for Pack {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|v| -v)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident $operator:tt),*) => {$(
        impl $trait for Pack {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                self.join(other, |a, b| a $operator b)
            }
        }
        impl $trait<f64> for Pack {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: f64) -> Self {
                self.map(|a| a $operator other)
            }
        }
        impl $assign for Pack {
            #[inline(always)]
            fn $assign_method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}
operators!(
    Add add AddAssign add_assign +,
    Sub sub SubAssign sub_assign -,
    Mul mul MulAssign mul_assign *,
    Div div DivAssign div_assign /
);

impl Zero for Pack {
    #[inline(always)]
    fn zero() -> Self {
        Self::from(0.0)
    }
    fn is_zero(&self) -> bool {
        *self == Self::zero()
    }
}

impl One for Pack {
    #[inline(always)]
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl Sum for Pack {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, number| sum + number)
    }
}

impl<'a> Sum<&'a Self> for Pack {
    fn sum<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

impl Primitive for Pack {
    #[inline(always)]
    fn is_finite(&self) -> bool {
        self.0.iter().fold(true, |all, v| all & v.is_finite())
    }
    #[inline(always)]
    fn is_constant_zero(&self) -> bool {
        self.0.iter().fold(true, |all, v| all & (*v == 0.0))
    }
    fn power_derivative(self, exponent: Self, orders: [u32; 2]) -> Self {
        self.join(exponent, |x, n| x.power_derivative(n, orders))
    }
}

impl Scalar for Pack {
    /// NaN: there is no one value.
    fn value(&self) -> f64 {
        f64::NAN
    }
    #[inline(always)]
    fn exp(self) -> Self {
        self.map(f64::exp)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.map(f64::ln)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.map(f64::sin)
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.map(f64::cos)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        self.map(f64::tanh)
    }
    #[inline(always)]
    fn powi(self, n: i32) -> Self {
        self.map(|v| v.powi(n))
    }
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        self.map(|v| v.powf(exponent))
    }
    #[inline(always)]
    fn sinh(self) -> Self {
        self.map(f64::sinh)
    }
    #[inline(always)]
    fn cosh(self) -> Self {
        self.map(f64::cosh)
    }
    #[inline(always)]
    fn tan(self) -> Self {
        self.map(f64::tan)
    }
    #[inline(always)]
    fn asin(self) -> Self {
        self.map(f64::asin)
    }
    #[inline(always)]
    fn acos(self) -> Self {
        self.map(f64::acos)
    }
    #[inline(always)]
    fn atan(self) -> Self {
        self.map(f64::atan)
    }
    #[inline(always)]
    fn log10(self) -> Self {
        self.map(f64::log10)
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        self.map(f64::ln_1p)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.map(f64::exp_m1)
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        self.join(x, f64::atan2)
    }
    #[inline(always)]
    fn hypot(self, other: Self) -> Self {
        self.join(other, f64::hypot)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        self.map(Scalar::softplus)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        self.map(f64::abs)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.join(other, f64::max)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.join(other, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smooth<S: Scalar>(x: S, y: S) -> S {
        let a = (x * y + 1.5).ln() - (x / y).exp() * 0.25 + y.recip() - 0.5;
        let b = x.sin() * y.cos() + (x - y).tanh() + x.powi(3) / 7.0 + y.powf(1.7);
        let mut c = (x * x + y * y).sqrt() + x.logistic() + S::one() - S::zero();
        c += x.pow(y) + y.atan2(x) + x.hypot(y) + (x * 0.5).asin() * (y * 0.3).acos();
        c += [x.sinh(), y.cosh(), x.tan(), y.atan(), x.log10()]
            .iter()
            .sum();
        c += [x.ln_1p(), y.exp_m1(), x.softplus()].into_iter().sum();
        c += a;
        c *= b;
        c -= y.square();
        c /= x + 2.0;
        -c
    }

    #[test]
    fn every_lane_is_the_function_at_its_point() {
        let x = std::array::from_fn(|k| 0.3 + 0.1 * k as f64);
        let y = std::array::from_fn(|k| 1.9 - 0.15 * k as f64);
        let values = smooth(Pack(x), Pack(y));
        let duals = smooth(Fast::<Pack, 2>::variable(Pack(x), 0), Pack(y).into());
        for k in 0..LANES {
            assert_eq!(values.0[k], smooth(x[k], y[k]));
            let dual = smooth(Fast::<f64, 2>::variable(x[k], 0), y[k].into());
            assert_eq!(duals.value.0[k], dual.value);
            assert_eq!(duals.lanes[0].0[k], dual.lanes[0]);
            assert_eq!(duals.lanes[1].0[k], 0.0);
        }
        assert_eq!(Pack(x).max(Pack(y)).0[0], x[0].max(y[0]));
        assert_eq!(Pack(x).min(Pack(y)).0[0], x[0].min(y[0]));
        assert_eq!((-Pack(x)).abs().0, x);
        assert!(Pack(x).value().is_nan() && Pack(x).partial_cmp(&Pack(y)).is_none());
    }
}
