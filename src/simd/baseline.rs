//! Vectors that every CPU has.

use super::stores::Place;
use super::traits::{Simd, Wide};

/// Vectors of 4 by whatever the target's baseline has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Baseline;

/// Applies `op` lane by lane.
#[inline(always)]
fn lanes(op: impl Fn(usize) -> f64) -> [f64; 4] {
    [op(0), op(1), op(2), op(3)]
}

impl Simd for Baseline {
    type Vector = [f64; 4];
    type Half = Self;
    const LANES: usize = 4;
    const COLUMNS: usize = 4;

    #[inline(always)]
    fn half(self) -> Self {
        self
    }
    #[inline(always)]
    fn splat(self, x: f64) -> [f64; 4] {
        [x; 4]
    }
    #[inline(always)]
    fn load(self, from: &[f64], at: usize) -> [f64; 4] {
        let from = &from[at..at + 4];
        lanes(|i| from[i])
    }
    #[inline(always)]
    fn store(self, to: &mut [f64], at: usize, v: [f64; 4]) {
        to[at..at + 4].copy_from_slice(&v);
    }
    #[inline(always)]
    fn keep(self, from: &[f64], place: &mut Place<'_>, moves: impl Iterator<Item = [usize; 3]>) {
        for [a, b, n] in moves {
            place.next(b, n).copy_from_slice(&from[a..a + n]);
        }
    }
    #[inline(always)]
    fn add(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        lanes(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        lanes(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn mul_add(self, a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        lanes(|i| self.scalar_mul_sub(-a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn mul_sub(self, a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        lanes(|i| self.scalar_mul_sub(a[i], b[i], c[i]))
    }
    #[inline(always)]
    fn sum(self, v: [f64; 4]) -> f64 {
        (v[0] + v[2]) + (v[1] + v[3])
    }
    #[inline(always)]
    fn scalar_mul_sub(self, a: f64, b: f64, c: f64) -> f64 {
        // Where FMA is no part of the baseline, `f64::mul_add` is a slow library call.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            (-a).mul_add(b, c)
        } else {
            c - a * b
        }
    }
    #[inline(always)]
    fn vectorize<W: Wide>(self, work: W) -> W::Output {
        work.run()
    }
}
