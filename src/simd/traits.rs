//! What an instruction set can do, and work that is done with any.

use super::stores::Place;

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
