//! Vectors of the CPU at hand: the only room with unsafe code.
//!
//! A value of a [`Simd`] type is a proof that its instructions exist: the types
//! for AVX are made by [`Isa::detect`] alone. Whatever runs inside
//! [`Simd::vectorize`] and is inlined there is compiled with these instructions.

mod baseline;
#[cfg(target_arch = "x86_64")]
mod intrinsics;
mod isa;
mod stores;
mod traits;

pub(crate) use isa::{Isa, vectorize};
pub(crate) use stores::{Place, keeping, prefetch};
pub(crate) use traits::{Simd, Task, Wide};
