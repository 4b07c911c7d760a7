//! Vectors of AVX2 and AVX-512.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::stores::Place;
use super::traits::{Simd, Wide};

/// A CPU with AVX2 and FMA; made by detection only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(pub(super) ());

/// A CPU with AVX-512F, AVX2 and FMA; made by detection only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(pub(super) ());

/// Implements [`Simd`] by intrinsics for a proof type.
macro_rules! simd_by_intrinsics {
    ($proof:ident, $half:ident, $vector:ident, $lanes:literal, $columns:literal, $features:literal,
     $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident,
     $mul_add:ident, $mul_sub:ident) => {
        impl Simd for $proof {
            type Vector = $vector;
            type Half = $half;
            const LANES: usize = $lanes;
            const COLUMNS: usize = $columns;

            #[inline(always)]
            fn half(self) -> $half {
                $half(())
            }
            #[inline(always)]
            fn splat(self, x: f64) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            fn load(self, from: &[f64], at: usize) -> $vector {
                let from = &from[at..at + $lanes];
                // SAFETY: `self` proves that the CPU has the instructions; the
                // slice is as long as the vector; the load may be unaligned.
                unsafe { $load(from.as_ptr()) }
            }
            #[inline(always)]
            fn store(self, to: &mut [f64], at: usize, v: $vector) {
                let to = &mut to[at..at + $lanes];
                // SAFETY: `self` proves that the CPU has the instructions; the
                // slice is as long as the vector; the store may be unaligned.
                unsafe { $store(to.as_mut_ptr(), v) }
            }
            #[inline(always)]
            fn keep(
                self,
                from: &[f64],
                place: &mut Place<'_>,
                moves: impl Iterator<Item = [usize; 3]>,
            ) {
                for [a, b, n] in moves {
                    let far = place.is_far();
                    let (from, to) = (&from[a..a + n], place.next(b, n));
                    if !far || n % 4 > 0 || !to.as_ptr().cast::<__m256d>().is_aligned() {
                        to.copy_from_slice(from);
                        continue;
                    }
                    for (from, to) in from.chunks_exact(4).zip(to.chunks_exact_mut(4)) {
                        // SAFETY: `self` proves that the CPU has AVX; both are 4
                        // numbers, `to` aligned to as many; `Place::next` hands each
                        // number out once and nothing else reaches it before the
                        // fence of `keeping`.
                        unsafe {
                            let four = _mm256_loadu_pd(from.as_ptr());
                            _mm256_stream_pd(to.as_mut_ptr(), four);
                        }
                    }
                }
            }
            #[inline(always)]
            fn add(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            fn sub(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            fn mul(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $mul(a, b) }
            }
            #[inline(always)]
            fn mul_add(self, a: $vector, b: $vector, c: $vector) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $mul_add(a, b, c) }
            }
            #[inline(always)]
            fn mul_sub(self, a: $vector, b: $vector, c: $vector) -> $vector {
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { $mul_sub(a, b, c) }
            }
            #[inline(always)]
            fn sum(self, v: $vector) -> f64 {
                let mut parts = [0.0; $lanes];
                self.store(&mut parts, 0, v);
                let mut length = $lanes / 2;
                while length > 0 {
                    for i in 0..length {
                        parts[i] += parts[i + length];
                    }
                    length /= 2;
                }
                parts[0]
            }
            #[inline(always)]
            fn scalar_mul_sub(self, a: f64, b: f64, c: f64) -> f64 {
                (-a).mul_add(b, c)
            }
            #[inline(always)]
            fn vectorize<W: Wide>(self, work: W) -> W::Output {
                #[target_feature(enable = $features)]
                fn inside<W: Wide>(work: W) -> W::Output {
                    work.run()
                }
                // SAFETY: `self` proves that the CPU has the instructions.
                unsafe { inside(work) }
            }
        }
    };
}

simd_by_intrinsics!(
    Avx2,
    Avx2,
    __m256d,
    4,
    4,
    "avx2,fma",
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_fmadd_pd,
    _mm256_fnmadd_pd
);
simd_by_intrinsics!(
    Avx512,
    Avx2,
    __m512d,
    8,
    8,
    "avx512f,avx2,fma",
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd
);
