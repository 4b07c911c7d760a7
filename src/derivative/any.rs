//! Models behind a pointer: one method for each of the crate's numbers.
//!
//! A model is generic over its numbers, so that it cannot be called through a pointer.
//! The numbers that the crate calls it with are few and known, and a method for each
//! can. So all that uses models is compiled once, and of a user's model nothing but the
//! model itself, at these numbers.

use std::ops::Range;

use super::pack::Pack;
use super::tape::Taped;
use super::trace::Trace;
use crate::dual::{Dual, Fast};
use crate::model::{Flow, JacobianEntries, Layers, Model, Sparsity};
use crate::networks::DenseLayer;
use crate::scalar::Scalar;
use crate::simd::{Wide, vectorize};

/// Lanes of numbers that know what they depend on.
pub(crate) const STRICT_LANES: usize = 4;

/// A number that the crate calls vector fields with.
pub(crate) trait FlowNumber: Scalar {
    /// [`Flow::flow`].
    fn flow(
        model: &dyn AnyFlow,
        time: Self,
        x: &[Self],
        theta: &[Self],
        input: &[Self],
        dx: &mut [Self],
    );
}

/// A number for one point, which the crate calls vector fields and layer maps with.
pub(crate) trait Number: FlowNumber {
    /// [`Layers::layer`] of map `n`, between the two `layers`.
    fn layer(
        model: &dyn AnyLayers,
        n: usize,
        layers: (&[Self], &[Self]),
        theta: &[Self],
        input: &[Self],
        out: &mut [Self],
    );
}

/// Work that is to be compiled for wide vectors.
struct FlowCall<'a, M, S> {
    model: &'a M,
    time: S,
    x: &'a [S],
    theta: &'a [S],
    input: &'a [S],
    dx: &'a mut [S],
}

impl<M: Flow, S: Scalar> Wide for FlowCall<'_, M, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.model
            .flow(self.time, self.x, self.theta, self.input, self.dx);
    }
}

/// The same for layer maps.
struct LayerCall<'a, M, S> {
    model: &'a M,
    n: usize,
    layers: (&'a [S], &'a [S]),
    theta: &'a [S],
    input: &'a [S],
    out: &'a mut [S],
}

impl<M: Layers, S: Scalar> Wide for LayerCall<'_, M, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (x, next) = self.layers;
        self.model
            .layer(self.n, x, next, self.theta, self.input, self.out);
    }
}

/// Numbers with the names of their methods and how the call is made: for `wide` vectors
/// or as `plain` code.
macro_rules! flows {
    ($($number:ty: $method:ident, $how:ident;)*) => {
        /// A [`Flow`] behind a pointer.
        pub(crate) trait AnyFlow: Model {
            fn width(&self) -> usize;
            fn sparsity(&self) -> Sparsity;
            fn jacobian(
                &self,
                t: f64,
                x: &[f64],
                theta: &[f64],
                input: &[f64],
                entries: &mut JacobianEntries<'_>,
            ) -> bool;
            $(fn $method(
                &self,
                time: $number,
                x: &[$number],
                theta: &[$number],
                input: &[$number],
                dx: &mut [$number],
            );)*
        }

        impl<M: Flow> AnyFlow for M {
            fn width(&self) -> usize {
                Flow::width(self)
            }
            fn sparsity(&self) -> Sparsity {
                Flow::sparsity(self)
            }
            fn jacobian(
                &self,
                t: f64,
                x: &[f64],
                theta: &[f64],
                input: &[f64],
                entries: &mut JacobianEntries<'_>,
            ) -> bool {
                Flow::jacobian(self, t, x, theta, input, entries)
            }
            $(fn $method(
                &self,
                time: $number,
                x: &[$number],
                theta: &[$number],
                input: &[$number],
                dx: &mut [$number],
            ) {
                $how(FlowCall { model: self, time, x, theta, input, dx });
            })*
        }

        $(impl FlowNumber for $number {
            #[inline(always)]
            fn flow(
                model: &dyn AnyFlow,
                time: Self,
                x: &[Self],
                theta: &[Self],
                input: &[Self],
                dx: &mut [Self],
            ) {
                model.$method(time, x, theta, input, dx);
            }
        })*
    };
}

macro_rules! layers {
    ($($number:ty: $method:ident, $how:ident;)*) => {
        /// A [`Layers`] behind a pointer.
        pub(crate) trait AnyLayers: Model {
            fn width(&self, n: usize) -> usize;
            fn parameters_of(&self, n: usize) -> Range<usize>;
            fn sparsity(&self, n: usize) -> Sparsity;
            fn dense(&self, n: usize) -> Option<DenseLayer>;
            $(fn $method(
                &self,
                n: usize,
                layers: (&[$number], &[$number]),
                theta: &[$number],
                input: &[$number],
                out: &mut [$number],
            );)*
        }

        impl<M: Layers> AnyLayers for M {
            fn width(&self, n: usize) -> usize {
                Layers::width(self, n)
            }
            fn parameters_of(&self, n: usize) -> Range<usize> {
                Layers::parameters_of(self, n)
            }
            fn sparsity(&self, n: usize) -> Sparsity {
                Layers::sparsity(self, n)
            }
            fn dense(&self, n: usize) -> Option<DenseLayer> {
                Layers::dense(self, n)
            }
            $(fn $method(
                &self,
                n: usize,
                layers: (&[$number], &[$number]),
                theta: &[$number],
                input: &[$number],
                out: &mut [$number],
            ) {
                $how(LayerCall { model: self, n, layers, theta, input, out });
            })*
        }

        $(impl Number for $number {
            #[inline(always)]
            fn layer(
                model: &dyn AnyLayers,
                n: usize,
                layers: (&[Self], &[Self]),
                theta: &[Self],
                input: &[Self],
                out: &mut [Self],
            ) {
                model.$method(n, layers, theta, input, out);
            }
        })*
    };
}

#[inline(always)]
fn plain<W: Wide>(work: W) -> W::Output {
    work.run()
}

#[inline(always)]
fn wide<W: Wide>(work: W) -> W::Output {
    vectorize(work)
}

flows! {
    f64: values, plain;
    Trace: traced, plain;
    Taped: taped, plain;
    Dual<f64, STRICT_LANES>: strict, plain;
    Fast<f64, 1>: one, wide;
    Fast<f64, 2>: two, wide;
    Fast<f64, 4>: four, wide;
    Fast<f64, 8>: eight, wide;
    Fast<f64, 16>: sixteen, wide;
    Pack: packs, wide;
    Fast<Pack, 1>: packs_one, wide;
    Fast<Pack, 2>: packs_two, wide;
    Fast<Pack, 4>: packs_four, wide;
    Fast<Pack, 8>: packs_eight, wide;
}

layers! {
    f64: values, plain;
    Trace: traced, plain;
    Taped: taped, plain;
    Dual<f64, STRICT_LANES>: strict, plain;
    Fast<f64, 1>: one, wide;
    Fast<f64, 2>: two, wide;
    Fast<f64, 4>: four, wide;
    Fast<f64, 8>: eight, wide;
    Fast<f64, 16>: sixteen, wide;
}
