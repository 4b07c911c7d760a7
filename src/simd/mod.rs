//! Vectors of the CPU at hand: the only room with unsafe code.
//!
//! A value of a [`Simd`] type is a proof that its instructions exist: the types
//! for AVX are made by [`Isa::detect`] alone. Whatever runs inside
//! [`Simd::vectorize`] and is inlined there is compiled with these instructions.

mod baseline;
#[cfg(target_arch = "x86_64")]
mod intrinsics;
mod stores;

pub(crate) use baseline::Baseline;
#[cfg(target_arch = "x86_64")]
use intrinsics::{Avx2, Avx512};
pub(crate) use stores::{Place, keeping, prefetch};

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
pub(crate) trait Wide {
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
pub(crate) fn vectorize<W: Wide>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        if is_x86_feature_detected!("avx512f") {
            return Avx512(()).vectorize(work);
        }
        return Avx2(()).vectorize(work);
    }
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectorize_returns_what_the_closure_does() {
        let values = [1.0, 2.0, 3.0];
        assert_eq!(vectorize(|| values.iter().sum::<f64>()), 6.0);
    }
}
