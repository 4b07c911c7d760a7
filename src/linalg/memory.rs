//! Memory for what is much larger than the caches.

use std::ops::{Deref, DerefMut};

/// Numbers, 0 at first; in huge pages where they fill some and the system has them.
/// Walking through a large factor twice an iteration, a page of 4 kB at a time, is
/// otherwise mostly looking up where the next page is.
#[derive(Debug)]
pub(super) enum Memory {
    Heap(Vec<f64>),
    #[cfg(target_os = "linux")]
    Pages(memmap2::MmapMut),
}

/// A huge page of most systems, in bytes.
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

impl Memory {
    pub(super) fn zeros(length: usize) -> Self {
        #[cfg(target_os = "linux")]
        if length * size_of::<f64>() > HUGE
            && let Ok(pages) = memmap2::MmapMut::map_anon(length * size_of::<f64>())
        {
            // A system without huge pages refuses; then these are as good as others.
            let _ = pages.advise(memmap2::Advice::HugePage);
            return Self::Pages(pages);
        }
        Self::Heap(vec![0.0; length])
    }
}

impl Deref for Memory {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        match self {
            Self::Heap(numbers) => numbers,
            #[cfg(target_os = "linux")]
            Self::Pages(pages) => bytemuck::cast_slice(pages),
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [f64] {
        match self {
            Self::Heap(numbers) => numbers,
            #[cfg(target_os = "linux")]
            Self::Pages(pages) => bytemuck::cast_slice_mut(pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn few_and_many_numbers_are_zero_and_kept() {
        for length in [0, 1, 1000, 300_000] {
            let mut memory = Memory::zeros(length);
            assert_eq!(memory.len(), length);
            assert!(memory.iter().all(|v| *v == 0.0));
            for (k, slot) in memory.iter_mut().enumerate() {
                *slot = k as f64;
            }
            assert!(memory.iter().enumerate().all(|(k, v)| *v == k as f64));
        }
    }
}
