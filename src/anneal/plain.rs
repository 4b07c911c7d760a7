//! Values as plain bytes, the least significant first; every bit of a number
//! survives.

use crate::action::{ActionTerms, Estimate};
use crate::anneal::results::Hill;
use crate::anneal::results::{End, Level, Stop};
use crate::minimize::{Termination, Work};
use crate::problem::path::Path;

/// What can be written as bytes and read again.
pub(super) trait Plain: Sized {
    fn write(&self, out: &mut Vec<u8>);

    /// Takes a value from the front of the bytes; `None` where there is none.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// A struct is its fields, in the order given.
macro_rules! plain_struct {
    ($name:ident { $($field:ident),+ }) => {
        impl $crate::anneal::plain::Plain for $name {
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::anneal::plain::Plain::write(&self.$field, out);)+
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                Some(Self {
                    $($field: $crate::anneal::plain::Plain::read(bytes)?,)+
                })
            }
        }
    };
}
pub(super) use plain_struct;

/// A variant is a byte, which is never given another meaning.
macro_rules! plain_enum {
    ($name:ident { $($variant:ident = $byte:literal),+ }) => {
        impl Plain for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.push(match self {
                    $(Self::$variant => $byte,)+
                });
            }

            fn read(bytes: &mut &[u8]) -> Option<Self> {
                match take::<1>(bytes)? {
                    $([$byte] => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

plain_struct!(Work {
    iterations,
    evaluations,
    factorizations
});
plain_struct!(ActionTerms {
    total,
    measurement,
    model,
    prior
});
plain_struct!(Estimate {
    paths,
    parameters,
    per_window,
    varying,
    shape
});
plain_struct!(Level {
    beta,
    rf,
    action,
    hill,
    estimate,
    termination,
    work
});
plain_enum!(Hill {
    Unknown = 0,
    Before = 1,
    On = 2,
    Behind = 3
});
plain_enum!(End {
    Schedule = 0,
    ModelError = 1,
    Rounding = 2
});
plain_enum!(Termination {
    Converged = 0,
    RoundingLimit = 1,
    IterationLimit = 2,
    NoProgress = 3,
    NonFinite = 4,
    Cancelled = 5,
    NoNewtonSteps = 6
});
plain_enum!(Stop {
    Cancelled = 0,
    NonFinite = 1,
    TimeBudget = 2,
    WorkBudget = 3,
    Dropped = 4,
    Duplicate = 5,
    Crawling = 6
});

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

impl Plain for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes).map(Self::from_le_bytes)
    }
}

impl Plain for usize {
    fn write(&self, out: &mut Vec<u8>) {
        (*self as u64).write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Self::try_from(u64::read(bytes)?).ok()
    }
}

impl Plain for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        self.to_bits().write(out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        u64::read(bytes).map(Self::from_bits)
    }
}

impl Plain for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        match take(bytes)? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
}

impl Plain for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.len().write(out);
        out.extend(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::read(bytes)?;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(std::str::from_utf8(text).ok()?.into())
    }
}

impl<T: Plain> Plain for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        if bool::read(bytes)? {
            T::read(bytes).map(Some)
        } else {
            Some(None)
        }
    }
}

pub(super) fn write_all<T: Plain>(values: &[T], out: &mut Vec<u8>) {
    values.len().write(out);
    for value in values {
        value.write(out);
    }
}

impl<T: Plain> Plain for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        write_all(self, out);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let length = usize::read(bytes)?;
        // A wrong length asks for no more memory than the file has.
        let most = bytes.len() / size_of::<T>().max(1);
        let mut values = Self::with_capacity(length.min(most));
        for _ in 0..length {
            values.push(T::read(bytes)?);
        }
        Some(values)
    }
}

impl Plain for Path {
    fn write(&self, out: &mut Vec<u8>) {
        self.layers().write(out);
        for n in 0..self.layers() {
            write_all(self.layer(n), out);
        }
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Vec::<Vec<f64>>::read(bytes).map(Self::from_layers)
    }
}
