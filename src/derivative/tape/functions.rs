//! What the tape records of functions.

use std::cmp::Ordering;

use num_traits::One;

use super::{NONE, Taped};
use crate::scalar::Scalar;
use crate::scalar::sealed::Primitive;

impl Primitive for Taped {
    fn is_finite(&self) -> bool {
        self.value.is_finite()
    }
    fn is_constant_zero(&self) -> bool {
        self.value == 0.0 && self.node == NONE
    }
    fn power_derivative(self, exponent: Self, [j, k]: [u32; 2]) -> Self {
        let of = |a: u32, b: u32| self.value.power_derivative(exponent.value, [j + a, k + b]);
        let (first, second) = ([of(1, 0), of(0, 1)], [of(2, 0), of(1, 1), of(0, 2)]);
        self.bent_two(exponent, of(0, 0), first, second)
    }
}

impl Scalar for Taped {
    fn value(&self) -> f64 {
        self.value
    }
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.bent(e, e, e)
    }
    fn ln(self) -> Self {
        let inverse = self.value.recip();
        self.bent(self.value.ln(), inverse, -inverse * inverse)
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        let slope = 0.5 / root;
        self.bent(root, slope, -0.5 * slope / self.value)
    }
    fn sin(self) -> Self {
        let (sin, cos) = self.value.sin_cos();
        self.bent(sin, cos, -sin)
    }
    fn cos(self) -> Self {
        let (sin, cos) = self.value.sin_cos();
        self.bent(cos, -sin, -cos)
    }
    fn tanh(self) -> Self {
        let t = self.value.tanh();
        let slope = 1.0 - t * t;
        self.bent(t, slope, -2.0 * t * slope)
    }
    fn powi(self, n: i32) -> Self {
        let (x, k) = (self.value, f64::from(n));
        match n {
            0 => Self::one(),
            1 => self,
            _ => self.bent(x.powi(n), k * x.powi(n - 1), k * (k - 1.0) * x.powi(n - 2)),
        }
    }
    fn powf(self, exponent: f64) -> Self {
        let (x, k) = (self.value, exponent);
        if k == 0.0 {
            return Self::one();
        }
        if k == 1.0 {
            return self;
        }
        self.bent(
            x.powf(k),
            k * x.powf(k - 1.0),
            k * (k - 1.0) * x.powf(k - 2.0),
        )
    }
    fn sinh(self) -> Self {
        let (sinh, cosh) = (self.value.sinh(), self.value.cosh());
        self.bent(sinh, cosh, sinh)
    }
    fn cosh(self) -> Self {
        let (sinh, cosh) = (self.value.sinh(), self.value.cosh());
        self.bent(cosh, sinh, cosh)
    }
    fn tan(self) -> Self {
        let t = self.value.tan();
        let slope = 1.0 + t * t;
        self.bent(t, slope, 2.0 * t * slope)
    }
    fn asin(self) -> Self {
        let slope = ((1.0 - self.value) * (1.0 + self.value)).sqrt().recip();
        self.bent(self.value.asin(), slope, self.value * slope.powi(3))
    }
    fn acos(self) -> Self {
        let slope = -((1.0 - self.value) * (1.0 + self.value)).sqrt().recip();
        self.bent(self.value.acos(), slope, self.value * slope.powi(3))
    }
    fn atan(self) -> Self {
        let slope = (self.value * self.value + 1.0).recip();
        self.bent(self.value.atan(), slope, -2.0 * self.value * slope * slope)
    }
    fn atan2(self, x: Self) -> Self {
        let radius = self.value.hypot(x.value);
        let (sin, cos) = (self.value / radius, x.value / radius);
        let over = |v: f64| v / radius / radius;
        let twice = over(2.0 * sin * cos);
        let mixed = over((sin - cos) * (sin + cos));
        let first = [cos / radius, -sin / radius];
        self.bent_two(x, self.value.atan2(x.value), first, [-twice, mixed, twice])
    }
    fn hypot(self, other: Self) -> Self {
        let radius = self.value.hypot(other.value);
        let (a, b) = (self.value / radius, other.value / radius);
        let second = [b * b / radius, -a * b / radius, a * a / radius];
        self.bent_two(other, radius, [a, b], second)
    }
    fn log10(self) -> Self {
        let slope = self.value.recip() * std::f64::consts::LOG10_E;
        self.bent(self.value.log10(), slope, -slope / self.value)
    }
    fn ln_1p(self) -> Self {
        let inverse = (self.value + 1.0).recip();
        self.bent(self.value.ln_1p(), inverse, -inverse * inverse)
    }
    fn exp_m1(self) -> Self {
        let e = self.value.exp();
        self.bent(self.value.exp_m1(), e, e)
    }
    fn softplus(self) -> Self {
        let (value, other) = (Scalar::softplus(self.value), Scalar::softplus(-self.value));
        self.bent(value, (-other).exp(), (-value - other).exp())
    }
    fn abs(self) -> Self {
        let slope = match self.value.partial_cmp(&0.0) {
            Some(Ordering::Greater) => return self,
            Some(Ordering::Less) => -1.0,
            _ => 0.0,
        };
        self.scaled(self.value.abs(), slope)
    }
    fn max(self, other: Self) -> Self {
        self.choose(other, self.value >= other.value)
    }
    fn min(self, other: Self) -> Self {
        self.choose(other, self.value <= other.value)
    }
    #[inline]
    fn square(self) -> Self {
        self.bent(self.value * self.value, 2.0 * self.value, 2.0)
    }
    fn recip(self) -> Self {
        let inverse = self.value.recip();
        let slope = -inverse * inverse;
        self.bent(inverse, slope, -2.0 * slope * inverse)
    }
}
