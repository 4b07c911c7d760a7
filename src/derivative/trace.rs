//! A scalar that records which unknowns a result depends on.

use std::cell::Cell;
use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::scalar::Scalar;
use crate::scalar::sealed::Primitive;

const WORDS: usize = 4;

thread_local! {
    static SEEN: Cell<Seen> = const { Cell::new(Seen::NOTHING) };
}

/// What was done with values beyond arithmetic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// Numbers were compared, or asked for their values.
    pub(crate) looked: bool,
    /// The larger or smaller of numbers was taken, or an absolute value.
    pub(crate) chose: bool,
}

impl Seen {
    const NOTHING: Self = Self {
        looked: false,
        chose: false,
    };
}

/// A value with the set of unknowns (of one batch) that it depends on.
///
/// The dependence is structural: `0.0 * x` depends on `x`. Both arguments of
/// `max` and `min` count, so that piecewise models keep the entries of the
/// branch not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trace {
    value: f64,
    depends: [u64; WORDS],
}

impl Trace {
    /// How many unknowns one batch can follow.
    pub(crate) const BATCH: usize = 64 * WORDS;

    /// Unknown number `bit` of the batch.
    pub(crate) fn unknown(value: f64, bit: usize) -> Self {
        let mut depends = [0; WORDS];
        depends[bit / 64] = 1 << (bit % 64);
        Self { value, depends }
    }

    /// Whether the result depends on unknown `bit`.
    pub(crate) fn depends_on(&self, bit: usize) -> bool {
        self.depends[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// What `run` does with the values of any `Trace`.
    pub(super) fn watch(run: impl FnOnce()) -> Seen {
        SEEN.set(Seen::NOTHING);
        run();
        SEEN.get()
    }

    fn looked_at(&self) -> f64 {
        SEEN.set(Seen {
            looked: true,
            ..SEEN.get()
        });
        self.value
    }

    fn chosen(&self) -> f64 {
        SEEN.set(Seen {
            chose: true,
            ..SEEN.get()
        });
        self.value
    }

    fn with(self, value: f64) -> Self {
        Self { value, ..self }
    }

    fn join(self, other: Self, value: f64) -> Self {
        let mut depends = self.depends;
        for (a, b) in depends.iter_mut().zip(other.depends) {
            *a |= b;
        }
        Self { value, depends }
    }
}

impl From<f64> for Trace {
    fn from(value: f64) -> Self {
        Self {
            value,
            depends: [0; WORDS],
        }
    }
}

impl PartialEq for Trace {
    fn eq(&self, other: &Self) -> bool {
        self.looked_at() == other.value
    }
}

impl PartialOrd for Trace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.looked_at().partial_cmp(&other.value)
    }
}

impl Neg for Trace {
    type Output = Self;
    fn neg(self) -> Self {
        self.with(-self.value)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident $operator:tt),*) => {$(
        impl $trait for Trace {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                self.join(other, self.value $operator other.value)
            }
        }
        impl $trait<f64> for Trace {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                self.with(self.value $operator other)
            }
        }
        impl $assign for Trace {
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

impl Zero for Trace {
    fn zero() -> Self {
        Self::from(0.0)
    }
    fn is_zero(&self) -> bool {
        self.looked_at() == 0.0
    }
}

impl One for Trace {
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl Sum for Trace {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::zero(), |sum, number| sum + number)
    }
}

impl<'a> Sum<&'a Self> for Trace {
    fn sum<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

impl Primitive for Trace {
    fn is_finite(&self) -> bool {
        self.looked_at().is_finite()
    }
    fn is_constant_zero(&self) -> bool {
        self.looked_at() == 0.0 && self.depends == [0; WORDS]
    }
    fn power_derivative(self, exponent: Self, orders: [u32; 2]) -> Self {
        let value = self.value.power_derivative(exponent.value, orders);
        self.join(exponent, value)
    }
}

impl Scalar for Trace {
    fn value(&self) -> f64 {
        self.looked_at()
    }
    fn exp(self) -> Self {
        self.with(self.value.exp())
    }
    fn ln(self) -> Self {
        self.with(self.value.ln())
    }
    fn sqrt(self) -> Self {
        self.with(self.value.sqrt())
    }
    fn sin(self) -> Self {
        self.with(self.value.sin())
    }
    fn cos(self) -> Self {
        self.with(self.value.cos())
    }
    fn tanh(self) -> Self {
        self.with(self.value.tanh())
    }
    fn powi(self, n: i32) -> Self {
        self.with(self.value.powi(n))
    }
    fn powf(self, exponent: f64) -> Self {
        self.with(self.value.powf(exponent))
    }
    fn sinh(self) -> Self {
        self.with(self.value.sinh())
    }
    fn cosh(self) -> Self {
        self.with(self.value.cosh())
    }
    fn tan(self) -> Self {
        self.with(self.value.tan())
    }
    fn asin(self) -> Self {
        self.with(self.value.asin())
    }
    fn acos(self) -> Self {
        self.with(self.value.acos())
    }
    fn atan(self) -> Self {
        self.with(self.value.atan())
    }
    fn log10(self) -> Self {
        self.with(self.value.log10())
    }
    fn ln_1p(self) -> Self {
        self.with(self.value.ln_1p())
    }
    fn exp_m1(self) -> Self {
        self.with(self.value.exp_m1())
    }
    fn atan2(self, x: Self) -> Self {
        self.join(x, self.value.atan2(x.value))
    }
    fn hypot(self, other: Self) -> Self {
        self.join(other, self.value.hypot(other.value))
    }
    fn softplus(self) -> Self {
        self.with(Scalar::softplus(self.value))
    }
    fn abs(self) -> Self {
        self.with(self.chosen().abs())
    }
    fn max(self, other: Self) -> Self {
        self.join(other, self.chosen().max(other.value))
    }
    fn min(self, other: Self) -> Self {
        self.join(other, self.chosen().min(other.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_join_what_they_depend_on_and_look_at_nothing() {
        let (x, y) = (Trace::unknown(0.7, 3), Trace::unknown(0.4, 200));
        let mut results = Vec::new();
        let seen = Trace::watch(|| {
            results = vec![x.pow(y), x.atan2(y), x.hypot(y), [x, y].iter().sum()];
            let single = x.sinh() + x.cosh() + x.tan() + x.asin() + x.acos() + x.atan();
            let single = single + x.log10() + x.ln_1p() + x.exp_m1() + x.softplus();
            results.push(single * y);
        });
        assert!(!seen.looked && !seen.chose);
        for result in results {
            assert!(result.depends_on(3) && result.depends_on(200) && !result.depends_on(4));
        }
    }
}
