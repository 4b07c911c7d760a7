//! A forward-mode dual number with one derivative.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number with one derivative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dual {
    pub(crate) v: f64,
    pub(crate) d: f64,
}

pub(crate) fn dual(v: f64, d: f64) -> Dual {
    Dual { v, d }
}

impl Dual {
    pub(crate) fn exp(self) -> Dual {
        dual(self.v.exp(), self.d * self.v.exp())
    }
    pub(crate) fn ln(self) -> Dual {
        dual(self.v.ln(), self.d / self.v)
    }
    pub(crate) fn sin(self) -> Dual {
        dual(self.v.sin(), self.d * self.v.cos())
    }
    pub(crate) fn cos(self) -> Dual {
        dual(self.v.cos(), -self.d * self.v.sin())
    }
    pub(crate) fn sqrt(self) -> Dual {
        dual(self.v.sqrt(), 0.5 * self.d / self.v.sqrt())
    }
    pub(crate) fn atan(self) -> Dual {
        dual(self.v.atan(), self.d / (1.0 + self.v * self.v))
    }
    pub(crate) fn sq(self) -> Dual {
        self * self
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, o: Dual) -> Dual {
        dual(self.v + o.v, self.d + o.d)
    }
}
impl Sub for Dual {
    type Output = Dual;
    fn sub(self, o: Dual) -> Dual {
        dual(self.v - o.v, self.d - o.d)
    }
}
impl Mul for Dual {
    type Output = Dual;
    fn mul(self, o: Dual) -> Dual {
        dual(self.v * o.v, self.d * o.v + self.v * o.d)
    }
}
impl Div for Dual {
    type Output = Dual;
    fn div(self, o: Dual) -> Dual {
        dual(self.v / o.v, (self.d - self.v / o.v * o.d) / o.v)
    }
}
impl Neg for Dual {
    type Output = Dual;
    fn neg(self) -> Dual {
        dual(-self.v, -self.d)
    }
}
impl Add<f64> for Dual {
    type Output = Dual;
    fn add(self, o: f64) -> Dual {
        dual(self.v + o, self.d)
    }
}
impl Sub<f64> for Dual {
    type Output = Dual;
    fn sub(self, o: f64) -> Dual {
        dual(self.v - o, self.d)
    }
}
impl Mul<f64> for Dual {
    type Output = Dual;
    fn mul(self, o: f64) -> Dual {
        dual(self.v * o, self.d * o)
    }
}
impl std::iter::Sum for Dual {
    fn sum<I: Iterator<Item = Dual>>(all: I) -> Dual {
        all.fold(dual(0.0, 0.0), |a, b| a + b)
    }
}
