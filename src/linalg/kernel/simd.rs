//! Vectors of the CPU at hand: the only unsafe code of the crate.
//!
//! A value of a [`Simd`] type is a proof that its instructions exist: the types
//! for AVX are made by [`Isa::detect`] alone. Whatever runs inside
//! [`Simd::vectorize`] and is inlined there is compiled with these instructions.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Vectors of doubles of one instruction set.
pub(crate) trait Simd: Copy {
    /// One vector.
    type Vector: Copy;
    /// The instruction set with vectors half as long, down to 4 lanes.
    type Half: Simd;
    /// Doubles in one vector.
    const LANES: usize;
    /// Columns of a register tile that make best use of the registers.
    const COLUMNS: usize;

    /// The instruction set with vectors half as long.
    fn half(self) -> Self::Half;
    /// All lanes `x`.
    fn splat(self, x: f64) -> Self::Vector;
    /// The lanes from `from[at]` on.
    fn load(self, from: &[f64], at: usize) -> Self::Vector;
    /// Writes the lanes to `to[at]` and on.
    fn store(self, to: &mut [f64], at: usize, v: Self::Vector);
    /// Copies `from[a..a + n]` to the numbers b..b + n of a place for each [a, b, n]
    /// of `moves`. Each b is at least the b + n before it, in earlier calls too.
    fn keep(self, from: &[f64], place: &mut Place<'_>, moves: impl Iterator<Item = [usize; 3]>);
    /// a + b.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a − b.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a · b + c, rounded once where the instruction set can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// c − a · b, rounded once where the instruction set can.
    fn mul_sub(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Sum of the lanes.
    fn sum(self, v: Self::Vector) -> f64;
    /// c − a · b of single numbers.
    fn scalar_mul_sub(self, a: f64, b: f64, c: f64) -> f64;
    /// Runs `work` inside a function compiled for this instruction set.
    fn vectorize<W: Wide>(self, work: W) -> W::Output;
}

/// Work to be compiled for wide vectors, see [`vectorize`].
///
/// The body must reach the function with the wide instructions by inlining, so
/// an implementation marks [`run`](Wide::run), and all it calls, `#[inline(always)]`.
/// Closures are `Wide` too, but a closure cannot carry that mark: the compiler
/// inlines a small one, and leaves a large one (or one whose callees are large)
/// compiled for the baseline. Write a struct for anything that matters.
pub trait Wide {
    /// What the work gives.
    type Output;
    /// Does the work; mark it `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

impl<R, F: FnOnce() -> R> Wide for F {
    type Output = R;
    #[inline(always)]
    fn run(self) -> R {
        self()
    }
}

/// Work that is written for any vectors; `run` is to be `#[inline(always)]`.
pub(crate) trait Task {
    /// What the work gives.
    type Output;
    /// Does the work.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The instruction sets that this crate has kernels for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Isa {
    /// What every CPU of the target has.
    Baseline(Baseline),
    /// AVX2 with FMA: 4 lanes, 16 registers.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512F: 8 lanes, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// The best that this CPU has.
    pub(crate) fn detect() -> Self {
        Self::available().pop().unwrap_or(Self::Baseline(Baseline))
    }

    /// All that this CPU has, the best one last.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn available() -> Vec<Self> {
        let mut found = vec![Self::Baseline(Baseline)];
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            found.push(Self::Avx2(Avx2(())));
            if is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512(Avx512(())));
            }
        }
        found
    }

    /// All that this CPU has, the best one last.
    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn available() -> Vec<Self> {
        vec![Self::Baseline(Baseline)]
    }

    /// Runs a task inside a function compiled for this instruction set.
    #[inline]
    pub(crate) fn run<T: Task>(self, task: T) -> T::Output {
        match self {
            Self::Baseline(simd) => simd.vectorize(With { simd, task }),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => simd.vectorize(With { simd, task }),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => simd.vectorize(With { simd, task }),
        }
    }
}

/// A task and the instruction set to do it with.
struct With<S, T> {
    simd: S,
    task: T,
}

impl<S: Simd, T: Task> Wide for With<S, T> {
    type Output = T::Output;
    #[inline(always)]
    fn run(self) -> T::Output {
        self.task.run(self.simd)
    }
}

/// Runs `work` inside a function compiled for AVX-512F, or AVX2 with FMA, where
/// the CPU has them, so that arithmetic inlined into it is compiled wide.
///
/// See [`Wide`] for what gets inlined. `f64::mul_add` is fast in there only on a
/// CPU with FMA; plain `a * b + c` is never slow.
#[inline]
pub fn vectorize<W: Wide>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        if is_x86_feature_detected!("avx512f") {
            return Avx512(()).vectorize(work);
        }
        return Avx2(()).vectorize(work);
    }
    work.run()
}

/// Asks for numbers that will be read soon.
#[inline(always)]
pub(crate) fn prefetch(numbers: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(8) {
        // SAFETY: SSE is part of the baseline; a prefetch changes no memory and
        // faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}

/// Where numbers are kept, one after the other and not read before all are; see
/// [`keeping`].
pub(crate) struct Place<'a> {
    numbers: &'a mut [f64],
    /// Past the caches, for what is read much later.
    far: bool,
    /// Behind the last that was kept.
    end: usize,
}

impl Place<'_> {
    /// The numbers from `b` to `b + n`, each handed out once.
    #[inline(always)]
    fn next(&mut self, b: usize, n: usize) -> &mut [f64] {
        assert!(b >= self.end, "what is kept goes on");
        self.end = b + n;
        &mut self.numbers[b..b + n]
    }
}

/// Runs `work` with a place to keep numbers in: near, or past the caches where it is
/// `far` and aligned to 4 numbers and the instruction set has such stores.
///
/// Only here is a [`Place`] made, so that nothing else reaches the numbers before
/// the fence that ends them; one fence for all, because each waits for memory.
pub(crate) fn keeping<T>(
    numbers: &mut [f64],
    far: bool,
    work: impl FnOnce(&mut Place<'_>) -> T,
) -> T {
    #[cfg(target_arch = "x86_64")]
    let _fence = far.then_some(Fence);
    work(&mut Place {
        numbers,
        far,
        end: 0,
    })
}

/// Orders streaming stores before what comes after it, on every way out.
#[cfg(target_arch = "x86_64")]
struct Fence;

#[cfg(target_arch = "x86_64")]
impl Drop for Fence {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: SSE is part of the baseline.
        unsafe { _mm_sfence() };
    }
}

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

/// A CPU with AVX2 and FMA; made by detection only.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

/// A CPU with AVX-512F, AVX2 and FMA; made by detection only.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

/// Implements [`Simd`] by intrinsics for a proof type.
#[cfg(target_arch = "x86_64")]
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
                    let far = place.far;
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

#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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
