//! Prefetches, and stores past the caches.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch, _mm_sfence};

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
    /// Whether the numbers are kept past the caches.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn is_far(&self) -> bool {
        self.far
    }

    /// The numbers from `b` to `b + n`, each handed out once.
    #[inline(always)]
    pub(super) fn next(&mut self, b: usize, n: usize) -> &mut [f64] {
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
