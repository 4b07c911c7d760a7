//! Functions that can be called with any of the numbers, and what they are called with.

use super::any::{FlowNumber, Number};
use super::pack::Pack;

/// A function of local variables `x` and parameters `theta` that can be
/// called with any of the numbers.
pub(crate) trait Generic {
    /// Number of local variables.
    fn inputs(&self) -> usize;
    /// Number of results.
    fn outputs(&self) -> usize;
    /// Computes the results; `scratch` may be resized and used freely.
    fn call<S: Number>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]);
}

/// The same at several points at once, which have what else it depends on apart.
pub(crate) trait PackedGeneric {
    /// See [`Generic::call`].
    fn call<S: FlowNumber + From<Pack>>(
        &self,
        x: &[S],
        theta: &[S],
        scratch: &mut Vec<S>,
        out: &mut [S],
    );
}

#[derive(Debug, Clone)]
pub(super) struct Arguments<S> {
    pub(super) x: Vec<S>,
    pub(super) theta: Vec<S>,
    pub(super) scratch: Vec<S>,
    pub(super) out: Vec<S>,
    /// Which pass the variables are seeded for: from one call to the next of
    /// the same pass only their values change.
    pub(super) seeded: Option<usize>,
}

impl<S> Default for Arguments<S> {
    fn default() -> Self {
        Self {
            x: Vec::new(),
            theta: Vec::new(),
            scratch: Vec::new(),
            out: Vec::new(),
            seeded: None,
        }
    }
}

impl<S: Number> Arguments<S> {
    /// Calls `f` with every variable made by `seed(value, color)`.
    #[inline(always)]
    pub(super) fn call<F: Generic>(
        &mut self,
        f: &F,
        point: (&[f64], &[f64]),
        columns: (&[usize], &[usize]),
        seed: impl Fn(f64, usize) -> S,
    ) {
        self.seed(point, columns, seed);
        self.out.resize(f.outputs(), S::zero());
        f.call(&self.x, &self.theta, &mut self.scratch, &mut self.out);
    }

    pub(super) fn seed(
        &mut self,
        (x, theta): (&[f64], &[f64]),
        (color, free): (&[usize], &[usize]),
        seed: impl Fn(f64, usize) -> S,
    ) {
        self.x.clear();
        self.x
            .extend(x.iter().zip(color).map(|(&v, &c)| seed(v, c)));
        self.theta.clear();
        self.theta.extend(theta.iter().map(|&v| S::from(v)));
        for (&index, &c) in free.iter().zip(&color[x.len()..]) {
            self.theta[index] = seed(theta[index], c);
        }
    }
}
