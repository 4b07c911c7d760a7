//! Exact derivatives of generic functions by coloured forward duals.
//!
//! A [`Differentiator`] traces a function once to find its sparsity pattern,
//! colours the columns, and from then on gives compressed Jacobians and, by
//! second-order adjoints on a tape, Hessians of weighted sums of its results.

mod hessian;
mod pack;
mod packed;
mod pattern;
mod structural;
mod tape;
mod trace;

pub(crate) use pack::{LANES, Pack};
pub(crate) use packed::{Packed, Points};
pub(crate) use pattern::Pattern;

use num_traits::Zero;

use crate::dual::{Dual, Fast};
use crate::linalg::{Wide, vectorize};
use crate::scalar::Scalar;
use hessian::Hessian;
use trace::Trace;

/// A function of local variables `x` and parameters `theta` that can be
/// called with any scalar; what else it depends on is made of `B`.
pub(crate) trait Generic<B: Scalar = f64> {
    /// Number of local variables.
    fn inputs(&self) -> usize;
    /// Number of results.
    fn outputs(&self) -> usize;
    /// Computes the results; `scratch` may be resized and used freely.
    fn call<S: Scalar + From<B>>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]);
}

/// How the pattern of a Jacobian is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sparsity {
    /// Found by running the function with a tracing scalar at several points.
    /// A model that *branches* on a value must declare its pattern instead.
    #[default]
    Traced,
    /// Every output may depend on every unknown.
    Dense,
    /// Pairs (output, unknown); unknowns are the state components, then the
    /// parameters.
    Declared(Vec<(usize, usize)>),
}

/// Derivatives of one [`Generic`] function with a fixed pattern.
#[derive(Debug, Clone)]
pub(crate) struct Differentiator {
    /// Columns: the local variables, then the free parameters.
    pattern: Pattern,
    /// Index into `theta` of each free parameter.
    free: Vec<usize>,
    /// Colour of each column.
    color: Vec<usize>,
    /// Colour of each entry of the pattern.
    entry_color: Vec<usize>,
    /// First colour and number of lanes of each pass.
    passes: Vec<(usize, usize)>,
    hessian: Hessian,
    buffers: Buffers,
}

/// Lanes of numbers that know what they depend on.
const STRICT_LANES: usize = 4;

/// The arguments of a call, one set for each number of lanes in use.
#[derive(Debug, Clone, Default)]
struct Buffers {
    one: Arguments<Fast<f64, 1>>,
    two: Arguments<Fast<f64, 2>>,
    four: Arguments<Fast<f64, 4>>,
    eight: Arguments<Fast<f64, 8>>,
    sixteen: Arguments<Fast<f64, 16>>,
    strict: Arguments<Dual<f64, STRICT_LANES>>,
}

#[derive(Debug, Clone)]
struct Arguments<S> {
    x: Vec<S>,
    theta: Vec<S>,
    scratch: Vec<S>,
    out: Vec<S>,
    /// Which pass the variables are seeded for: from one call to the next of
    /// the same pass only their values change.
    seeded: Option<usize>,
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

impl<S: Scalar> Arguments<S> {
    /// Calls `f` with every variable made by `seed(value, color)`.
    #[inline(always)]
    fn call<F: Generic>(
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

    fn seed(
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

impl Differentiator {
    /// Finds the pattern of `f`, with `free` the estimated parameters among
    /// `parameters`, and plans the passes.
    pub(crate) fn new<F: Generic>(
        f: &F,
        parameters: usize,
        free: &[usize],
        sparsity: &Sparsity,
    ) -> Self {
        let pattern = find_pattern(f, parameters, free, sparsity);
        Self::with_pattern(f, parameters, free, sparsity, pattern)
    }

    /// The same with the diagonal as part of the pattern.
    pub(crate) fn with_diagonal<F: Generic>(
        f: &F,
        parameters: usize,
        free: &[usize],
        sparsity: &Sparsity,
    ) -> Self {
        let pattern = find_pattern(f, parameters, free, sparsity).with_diagonal();
        Self::with_pattern(f, parameters, free, sparsity, pattern)
    }

    fn with_pattern<F: Generic>(
        f: &F,
        parameters: usize,
        free: &[usize],
        sparsity: &Sparsity,
        pattern: Pattern,
    ) -> Self {
        let (color, colors) = pattern.color();
        let entry_color = (0..pattern.rows())
            .flat_map(|i| pattern.row(i).0.iter().map(|&c| color[c]))
            .collect();
        Self {
            hessian: Hessian::new(f, parameters, free, sparsity, &pattern),
            pattern,
            free: free.to_vec(),
            color,
            entry_color,
            passes: plan_passes(colors),
            buffers: Buffers::default(),
        }
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The same function at many points at once.
    pub(crate) fn packed(&self) -> Packed {
        let states = self.color.len() - self.free.len();
        Packed::new(&self.pattern, &self.color, states, &self.free)
    }

    /// Values in `out` and the entries of the Jacobian, in the order of the
    /// pattern, in `entries`.
    pub(crate) fn jacobian<F: Generic>(
        &mut self,
        f: &F,
        x: &[f64],
        theta: &[f64],
        out: &mut [f64],
        entries: &mut [f64],
    ) {
        macro_rules! pass {
            ($arguments:ident, $lanes:literal, $first:expr) => {
                vectorize(Pass::<F, $lanes, false> {
                    f,
                    point: (x, theta),
                    arguments: &mut self.buffers.$arguments,
                    columns: (&self.color, &self.free),
                    pattern: &self.pattern,
                    entry_color: &self.entry_color,
                    first: $first,
                    out,
                    entries,
                })
            };
        }
        for &(first, lanes) in &self.passes {
            match lanes {
                1 => pass!(one, 1, first),
                2 => pass!(two, 2, first),
                4 => pass!(four, 4, first),
                8 => pass!(eight, 8, first),
                _ => pass!(sixteen, 16, first),
            }
        }
        if !entries.iter().all(|v| v.is_finite()) {
            self.strict_jacobian(f, x, theta, out, entries);
        }
    }

    /// The same with numbers that know what they depend on, for points where slopes are
    /// infinite.
    #[cold]
    fn strict_jacobian<F: Generic>(
        &mut self,
        f: &F,
        x: &[f64],
        theta: &[f64],
        out: &mut [f64],
        entries: &mut [f64],
    ) {
        let colors = self.color.iter().max().map_or(0, |c| c + 1);
        for first in (0..colors).step_by(STRICT_LANES) {
            Wide::run(Pass::<F, STRICT_LANES, true> {
                f,
                point: (x, theta),
                arguments: &mut self.buffers.strict,
                columns: (&self.color, &self.free),
                pattern: &self.pattern,
                entry_color: &self.entry_color,
                first,
                out,
                entries,
            });
        }
    }

    /// Exact second derivatives of the results, contracted with `weights`:
    /// calls `add(a, b, Σᵢ weights[i] ∂²fᵢ/∂a∂b)` for pairs of columns a ≥ b.
    pub(crate) fn contract<F: Generic>(
        &mut self,
        f: &F,
        x: &[f64],
        theta: &[f64],
        weights: &[f64],
        add: impl FnMut(usize, usize, f64),
    ) {
        let point = (x, theta);
        self.hessian.contract(f, point, &self.free, weights, add);
    }
}

/// One call of a function with L lanes, and where its slopes go.
struct Pass<'a, F, const L: usize, const STRICT: bool> {
    f: &'a F,
    point: (&'a [f64], &'a [f64]),
    arguments: &'a mut Arguments<Dual<f64, L, STRICT>>,
    columns: (&'a [usize], &'a [usize]),
    pattern: &'a Pattern,
    entry_color: &'a [usize],
    first: usize,
    out: &'a mut [f64],
    entries: &'a mut [f64],
}

impl<F: Generic, const L: usize, const STRICT: bool> Wide for Pass<'_, F, L, STRICT> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let first = self.first;
        let arguments = self.arguments;
        let (x, theta) = self.point;
        if arguments.seeded == Some(first) {
            for (slot, &v) in arguments.x.iter_mut().zip(x) {
                slot.value = v;
            }
            for (slot, &v) in arguments.theta.iter_mut().zip(theta) {
                slot.value = v;
            }
        } else {
            arguments.seed(self.point, self.columns, |v, c| {
                Dual::variable(v, c.wrapping_sub(first))
            });
            arguments.out.resize(self.f.outputs(), Dual::zero());
            arguments.seeded = Some(first);
        }
        let (out, scratch) = (&mut arguments.out, &mut arguments.scratch);
        self.f.call(&arguments.x, &arguments.theta, scratch, out);
        for (i, result) in out.iter().enumerate() {
            self.out[i] = result.value;
            let range = self.pattern.row(i).1;
            let slots = self.entries[range.clone()].iter_mut();
            for (slot, color) in slots.zip(&self.entry_color[range]) {
                if let Some(&slope) = result.lanes.get(color.wrapping_sub(first)) {
                    *slot = slope;
                }
            }
        }
    }
}

/// Splits the colours into passes of 1, 2, 4, 8 or 16 lanes.
fn plan_passes(colors: usize) -> Vec<(usize, usize)> {
    let mut passes = Vec::new();
    let mut first = 0;
    // A function of nothing still has a value to compute.
    while first < colors || passes.is_empty() {
        let lanes = (colors - first).clamp(1, 16).next_power_of_two();
        passes.push((first, lanes));
        first += lanes;
    }
    passes
}

fn find_pattern<F: Generic>(
    f: &F,
    parameters: usize,
    free: &[usize],
    sparsity: &Sparsity,
) -> Pattern {
    let columns = f.inputs() + free.len();
    match sparsity {
        Sparsity::Dense => {
            Pattern::from_rows(columns, (0..f.outputs()).map(|_| (0..columns).collect()))
        }
        Sparsity::Declared(pairs) => {
            let mut rows = vec![Vec::new(); f.outputs()];
            for &(row, unknown) in pairs {
                if let Some(row) = rows.get_mut(row)
                    && unknown < columns
                {
                    row.push(unknown);
                }
            }
            Pattern::from_rows(columns, rows)
        }
        Sparsity::Traced => Pattern::from_rows(columns, trace(f, parameters, free)),
    }
}

/// Union of the dependences at several points.
fn trace<F: Generic>(f: &F, parameters: usize, free: &[usize]) -> Vec<Vec<usize>> {
    let columns = f.inputs() + free.len();
    let mut rows = vec![Vec::new(); f.outputs()];
    let mut arguments = Arguments::<Trace>::default();
    let identity: Vec<usize> = (0..columns).collect();
    for (x, theta) in probe_points(f, parameters) {
        for batch in (0..columns.max(1)).step_by(Trace::BATCH) {
            let last = (batch + Trace::BATCH).min(columns);
            arguments.call(f, (&x, &theta), (&identity, free), |v, column| {
                if (batch..last).contains(&column) {
                    Trace::unknown(v, column - batch)
                } else {
                    Trace::from(v)
                }
            });
            for (row, result) in rows.iter_mut().zip(&arguments.out) {
                row.extend((batch..last).filter(|column| result.depends_on(column - batch)));
            }
        }
    }
    rows
}

/// Whether `f` compares numbers or asks for their values: then it may do one
/// thing at one point and another at the next.
pub(crate) fn looks_at_values<F: Generic>(f: &F, parameters: usize) -> bool {
    let mut out = vec![Trace::zero(); f.outputs()];
    Trace::looks(|| {
        for (x, theta) in probe_points(f, parameters) {
            let [x, theta] = [x, theta].map(|v| v.into_iter().map(Trace::from).collect::<Vec<_>>());
            f.call(&x, &theta, &mut Vec::new(), &mut out);
        }
    })
}

/// Points of different sign and size where a function is probed for what
/// depends on what.
fn probe_points<F: Generic>(
    f: &F,
    parameters: usize,
) -> impl Iterator<Item = (Vec<f64>, Vec<f64>)> {
    let inputs = f.inputs();
    let sizes = [0.1, 1.0, 10.0, -1.0, 0.5].into_iter().enumerate();
    sizes.map(move |(point, size)| {
        // Deterministic, without symmetry: (fractional part of k·golden) − ½.
        let value = |k: usize| {
            let turn = (k + 1) as f64 * 0.618_033_988_749_894_9 + 0.37 * point as f64;
            size * (turn.fract() + if point % 2 == 0 { -0.5 } else { 0.5 })
        };
        let x = (0..inputs).map(value).collect();
        let theta = (0..parameters).map(|p| value(p + inputs)).collect();
        (x, theta)
    })
}
