//! The one dense operation of the block-arrow factorization, by several kernels.
//!
//! **Partial Cholesky.** Given a front (a lower trapezoid, see
//! [`Geometry`]), eliminate its pivot columns: with A₁₁ the pivot block, A₂₁
//! the rows below it and A₂₂ the trailing columns,
//!
//! L₁₁L₁₁ᵀ = A₁₁,  L₂₁ = A₂₁L₁₁⁻ᵀ,  A₂₂ ← A₂₂ − L₂₁L₂₁ᵀ.
//!
//! A right-hand side b is the last row of the front and becomes L₁₁⁻¹b₁ and
//! b₂ − L₂₁L₁₁⁻¹b₁ on the way. A dense Cholesky is the case without trailing
//! columns.

#[cfg(feature = "large-blocks")]
mod faer;
#[cfg(feature = "lapack")]
mod lapack;
mod pivot;
mod plain;
mod product;
mod substitute;
#[cfg(test)]
mod tests;
mod tile;

use super::layout::{Block, Geometry, Stairs};
use crate::error::{Error, Result};
use crate::simd::{Isa, Place, Simd, Task};
pub(crate) use pivot::BadPivot;
use pivot::Eliminated;
pub(crate) use product::{PADDING, Product};

/// Which dense kernel eliminates the fronts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The fastest for each front by measurement: `Tile`, and `Faer` for large fronts.
    #[default]
    Auto,
    /// Plain loops without any blocking: the oracle of the other kernels.
    Plain,
    /// Register tiles of the widest vectors of this CPU.
    Tile,
    /// Blocks of columns by `Tile`, trailing updates by `faer` (feature `large-blocks`).
    Faer,
    /// LAPACK and BLAS through `ndarray-linalg` (feature `lapack`).
    Lapack,
}

impl Backend {
    /// # Errors
    /// [`Error::BackendNotBuilt`] where the build lacks the backend's feature.
    pub(crate) fn check(self) -> Result<()> {
        let missing = match self {
            Self::Faer if cfg!(not(feature = "large-blocks")) => Some(("Faer", "large-blocks")),
            Self::Lapack if cfg!(not(feature = "lapack")) => Some(("Lapack", "lapack")),
            _ => None,
        };
        match missing {
            Some((found, feature)) => Err(Error::BackendNotBuilt { found, feature }),
            None => Ok(()),
        }
    }
}

/// From so many pivot columns on, `Auto` hands the trailing updates to `faer`,
/// which blocks for the caches. Measured on Zen 4 (`cargo bench --bench linalg`),
/// µs per front for m = d, P = 1 (2d pivots), tile against faer:
///
/// | d | AVX-512 | AVX2 | baseline (SSE2) |
/// |---|---|---|---|
/// | 20 | 2.6, 3.4 | 2.7, 3.5 | 9.1, 8.3 |
/// | 80 | 96, 117 | 106, 122 | 463, 242 |
/// | 200 | 1385, 1558 | 2245, 1603 | 6937, 2408 |
/// | 400 | 11494, 11867 | 19892, 11958 | 59184, 15143 |
#[cfg(feature = "large-blocks")]
fn large(isa: Isa) -> usize {
    match isa {
        Isa::Baseline(_) => 40,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => 240,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => 800,
    }
}

/// A backend together with the instruction set found at run time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    backend: Backend,
    isa: Isa,
}

impl Kernel {
    /// # Errors
    /// [`Error::BackendNotBuilt`] where the build lacks the backend's feature.
    pub(crate) fn new(backend: Backend) -> Result<Self> {
        backend.check().map(|()| Self::unchecked(backend))
    }

    /// The kernel that every build has.
    pub(crate) fn auto() -> Self {
        Self::unchecked(Backend::Auto)
    }

    fn unchecked(backend: Backend) -> Self {
        Self {
            backend,
            isa: Isa::detect(),
        }
    }

    /// Partial Cholesky of the front at `front` in `buffer`.
    pub(crate) fn eliminate(&self, buffer: &mut [f64], front: &Geometry) -> Eliminated {
        match self.backend {
            Backend::Plain => plain::eliminate(buffer, front),
            #[cfg(feature = "large-blocks")]
            Backend::Faer => faer::eliminate(self.isa, buffer, front),
            #[cfg(feature = "large-blocks")]
            Backend::Auto if front.pivots >= large(self.isa) => {
                faer::eliminate(self.isa, buffer, front)
            }
            #[cfg(feature = "lapack")]
            Backend::Lapack => lapack::eliminate(buffer, front),
            _ => self.isa.run(Eliminate { buffer, front }),
        }
    }

    /// `target` += GᵀG where `gram` holds Gᵀ, column-major with leading dimension `ld`.
    pub(crate) fn add_gram(&self, gram: &[f64], ld: usize, target: &mut [f64], block: &Block) {
        self.isa.run(AddGram {
            gram,
            ld,
            target,
            block,
        });
    }

    /// Brings the pivot columns of a matrix that is its own factor into the place
    /// where substitutions read them, [`Geometry::stairs`].
    pub(crate) fn pack(buffer: &mut [f64], front: &Geometry) {
        substitute::pack(buffer, front);
    }

    /// Copies the pivot columns of a front to where they are `kept`.
    pub(crate) fn keep(&self, buffer: &[f64], front: &Geometry, kept: (&mut Place<'_>, &Stairs)) {
        self.isa.run(Keep {
            buffer,
            front,
            kept,
        });
    }

    /// Replaces the pivots' part of `x` by L₁₁⁻¹x₁ and the rest by x₂ − L₂₁L₁₁⁻¹x₁.
    pub(crate) fn forward(&self, buffer: &[f64], factor: &Stairs, x: &mut [f64]) {
        self.isa.run(Forward { buffer, factor, x });
    }

    /// Replaces the pivots' part of `x` by L₁₁⁻ᵀ(x₁ − L₂₁ᵀx₂). Rows from the
    /// right-hand side on must be 0 in `x`. Meanwhile `ahead` is brought near.
    pub(crate) fn backward(&self, buffer: &[f64], factor: &Stairs, x: &mut [f64], ahead: &[f64]) {
        self.isa.run(Backward {
            buffer,
            factor,
            x,
            ahead,
        });
    }
}

struct Eliminate<'a> {
    buffer: &'a mut [f64],
    front: &'a Geometry,
}

impl Task for Eliminate<'_> {
    type Output = Eliminated;
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Eliminated {
        tile::eliminate(simd, self.buffer, self.front)
    }
}

struct AddGram<'a> {
    gram: &'a [f64],
    ld: usize,
    target: &'a mut [f64],
    block: &'a Block,
}

impl Task for AddGram<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        tile::update::<S, true>(simd, self.gram, self.ld, self.target, self.block);
    }
}

struct Keep<'a, 'b> {
    buffer: &'a [f64],
    front: &'a Geometry,
    kept: (&'a mut Place<'b>, &'a Stairs),
}

impl Task for Keep<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        substitute::keep(simd, self.buffer, self.front, self.kept);
    }
}

struct Forward<'a> {
    buffer: &'a [f64],
    factor: &'a Stairs,
    x: &'a mut [f64],
}

impl Task for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        substitute::forward(simd, self.buffer, self.factor, self.x);
    }
}

struct Backward<'a> {
    buffer: &'a [f64],
    factor: &'a Stairs,
    x: &'a mut [f64],
    ahead: &'a [f64],
}

impl Task for Backward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        substitute::backward(simd, self.buffer, self.factor, self.x, self.ahead);
    }
}
