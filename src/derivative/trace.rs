//! A scalar that records which unknowns a result depends on.

use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::scalar::Scalar;

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
