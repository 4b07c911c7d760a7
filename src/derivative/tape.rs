//! A scalar that records the operations of a function, with their first and
//! second partial derivatives, for one thread at a time.

mod functions;

use std::cell::RefCell;
use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

/// The node of a constant.
const NONE: u32 = u32::MAX;

/// One operation: its arguments are earlier nodes, `NONE` where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) arguments: [u32; 2],
    pub(super) first: [f64; 2],
    /// ∂²/∂a², ∂²/∂a∂b, ∂²/∂b².
    pub(super) second: [f64; 3],
    /// Which of them are zero at every point.
    pub(super) straight: [bool; 3],
}

impl Operation {
    const LEAF: Self = Self {
        arguments: [NONE; 2],
        first: [0.0; 2],
        second: [0.0; 3],
        straight: [true; 3],
    };

    /// Its arguments that are no constants, with their numbers 0 and 1.
    pub(super) fn live(&self) -> impl Iterator<Item = (usize, usize)> {
        let arguments = self.arguments.into_iter().enumerate();
        let live = arguments.filter(|(_, node)| *node != NONE);
        live.map(|(k, node)| (k, node as usize))
    }
}

thread_local! {
    static TAPE: RefCell<Vec<Operation>> = const { RefCell::new(Vec::new()) };
}

/// Empties this thread's tape but for so many leaves, the nodes 0, 1, ….
pub(super) fn open(leaves: usize) {
    TAPE.with_borrow_mut(|tape| {
        tape.clear();
        tape.resize(leaves, Operation::LEAF);
    });
}

/// Shows this thread's tape. An operation's arguments stand before it.
pub(super) fn read<T>(see: impl FnOnce(&[Operation]) -> T) -> T {
    TAPE.with_borrow(|tape| see(tape))
}

/// A value, and where it stands on the tape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taped {
    value: f64,
    node: u32,
}

impl Taped {
    /// Leaf number `node`.
    pub(super) fn leaf(value: f64, node: usize) -> Self {
        Self {
            value,
            node: u32::try_from(node).unwrap_or(NONE),
        }
    }

    /// Its place on the tape; a constant has none.
    pub(super) fn node(self) -> Option<usize> {
        (self.node != NONE).then_some(self.node as usize)
    }

    #[inline]
    fn record(value: f64, operation: Operation) -> Self {
        if operation.arguments == [NONE; 2] {
            return Self::from(value);
        }
        let node = TAPE.with_borrow_mut(|tape| {
            let node = tape.len();
            // A number from another thread is none of this tape.
            let known = |a: u32| if (a as usize) < node { a } else { NONE };
            tape.push(Operation {
                arguments: operation.arguments.map(known),
                ..operation
            });
            node
        });
        Self::leaf(value, node)
    }

    /// A function of one number with its first two derivatives.
    #[inline]
    fn bent(self, value: f64, first: f64, second: f64) -> Self {
        Self::record(
            value,
            Operation {
                arguments: [self.node, NONE],
                first: [first, 0.0],
                second: [second, 0.0, 0.0],
                straight: [false, true, true],
            },
        )
    }

    /// A function of two numbers with its first and second derivatives.
    #[inline]
    fn bent_two(self, other: Self, value: f64, first: [f64; 2], second: [f64; 3]) -> Self {
        Self::record(
            value,
            Operation {
                arguments: [self.node, other.node],
                first,
                second,
                straight: [false; 3],
            },
        )
    }

    /// A linear function of two numbers.
    #[inline]
    fn linear(self, other: Self, value: f64, first: [f64; 2]) -> Self {
        Self::record(
            value,
            Operation {
                arguments: [self.node, other.node],
                first,
                ..Operation::LEAF
            },
        )
    }

    /// A linear function of one number.
    #[inline]
    fn scaled(self, value: f64, first: f64) -> Self {
        if first == 1.0 {
            return Self { value, ..self };
        }
        self.linear(Self::from(0.0), value, [first, 0.0])
    }

    /// One of two; the other counts among what the result depends on.
    fn choose(self, other: Self, own: bool) -> Self {
        let (value, first) = if own {
            (self.value, [1.0, 0.0])
        } else {
            (other.value, [0.0, 1.0])
        };
        self.linear(other, value, first)
    }
}

impl From<f64> for Taped {
    fn from(value: f64) -> Self {
        Self { value, node: NONE }
    }
}

impl PartialEq for Taped {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialOrd for Taped {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl Neg for Taped {
    type Output = Self;
    fn neg(self) -> Self {
        self.scaled(-self.value, -1.0)
    }
}

impl Add for Taped {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.linear(other, self.value + other.value, [1.0, 1.0])
    }
}

impl Sub for Taped {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self.linear(other, self.value - other.value, [1.0, -1.0])
    }
}

impl Mul for Taped {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.value, other.value);
        Self::record(
            a * b,
            Operation {
                arguments: [self.node, other.node],
                first: [b, a],
                second: [0.0, 1.0, 0.0],
                straight: [true, false, true],
            },
        )
    }
}

impl Div for Taped {
    type Output = Self;
    #[inline]
    fn div(self, other: Self) -> Self {
        let inverse = other.value.recip();
        let quotient = self.value * inverse;
        let slope = -quotient * inverse;
        Self::record(
            quotient,
            Operation {
                arguments: [self.node, other.node],
                first: [inverse, slope],
                second: [0.0, -inverse * inverse, -2.0 * slope * inverse],
                straight: [true, false, false],
            },
        )
    }
}

impl Add<f64> for Taped {
    type Output = Self;
    fn add(self, other: f64) -> Self {
        self.scaled(self.value + other, 1.0)
    }
}

impl Sub<f64> for Taped {
    type Output = Self;
    fn sub(self, other: f64) -> Self {
        self.scaled(self.value - other, 1.0)
    }
}

impl Mul<f64> for Taped {
    type Output = Self;
    fn mul(self, other: f64) -> Self {
        self.scaled(self.value * other, other)
    }
}

impl Div<f64> for Taped {
    type Output = Self;
    fn div(self, other: f64) -> Self {
        self.scaled(self.value / other, other.recip())
    }
}

macro_rules! assign {
    ($($trait:ident $method:ident $operator:tt),*) => {$(
        impl $trait for Taped {
            #[inline]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}
assign!(AddAssign add_assign +, SubAssign sub_assign -, MulAssign mul_assign *, DivAssign div_assign /);

impl Zero for Taped {
    fn zero() -> Self {
        Self::from(0.0)
    }
    fn is_zero(&self) -> bool {
        self.value == 0.0 && self.node == NONE
    }
}

impl One for Taped {
    fn one() -> Self {
        Self::from(1.0)
    }
}

impl Sum for Taped {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers
            .reduce(|sum, number| sum + number)
            .unwrap_or_else(Self::zero)
    }
}

impl<'a> Sum<&'a Self> for Taped {
    fn sum<I: Iterator<Item = &'a Self>>(numbers: I) -> Self {
        numbers.copied().sum()
    }
}

#[cfg(test)]
mod tests;
