//! The instruction sets of this CPU.

use super::baseline::Baseline;
#[cfg(target_arch = "x86_64")]
use super::intrinsics::{Avx2, Avx512};
use super::traits::{Simd, Task, Wide};

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
