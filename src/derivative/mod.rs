//! Exact derivatives of generic functions by coloured forward duals.
//!
//! A [`Plan`] is what is known of a function's derivatives before any point is: the
//! pattern of its Jacobian, found by tracing unless it is declared, and the colours
//! of the columns. It is made once and shared. A [`Differentiator`] is a plan with
//! the memory to follow it: it gives compressed Jacobians and, by second-order
//! adjoints on a tape, Hessians of weighted sums of the function's results.

mod hessian;
mod pack;
mod packed;
mod pattern;
mod sets;
mod structural;
mod structure;
mod tape;
mod trace;

pub(crate) use pack::{LANES, Pack};
pub(crate) use packed::{Packed, Passes, Points};
pub(crate) use pattern::Pattern;
pub(crate) use structure::{Structure, lacking};
pub(crate) use tape::Taped;
pub(crate) use trace::Trace;

use std::sync::{Arc, OnceLock};

use num_traits::Zero;

use crate::dual::{Dual, Fast};
use crate::model::{FlowNumber, Number};
use crate::simd::{Wide, vectorize};
use hessian::{Directions, Memory};
use structure::find_pattern;

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

/// How the pattern of a Jacobian is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sparsity {
    /// Found by running the function with a tracing scalar.
    ///
    /// `max`, `min`, `abs` and all other functions of [`Scalar`] are followed
    /// whatever they give. A model that looks at a value (compares numbers, asks for
    /// [`Scalar::value`]) may do something else at the next point: it is taken for
    /// dense where a stage has up to 64 unknowns, states and estimated parameters, and
    /// beyond that it must declare its pattern or say that it is dense.
    #[default]
    Traced,
    /// Every output may depend on every unknown.
    Dense,
    /// Pairs (output, unknown); unknowns are the state components, then the
    /// parameters. The pairs must hold all that any branch of the model depends on:
    /// they are compared with the model's derivatives at many points of the problem.
    Declared(Vec<(usize, usize)>),
}

/// What is known of the derivatives of one [`Generic`] function before any point is.
#[derive(Debug)]
pub(crate) struct Plan {
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
    /// Whether the function was traced, so that it does the same at every point.
    traced: bool,
    /// Of second derivatives: made by who first asks for them.
    directions: OnceLock<Directions>,
}

impl Plan {
    /// Finds the pattern of `f`, with `free` the estimated parameters among
    /// `parameters`, and plans the passes.
    pub(crate) fn new<F: Generic>(
        f: &F,
        parameters: usize,
        free: &[usize],
        sparsity: &Sparsity,
    ) -> Self {
        let (pattern, traced) = find_pattern(f, parameters, free, sparsity);
        Self::of(pattern, free, traced)
    }

    /// Plans the passes for a known pattern; `traced` says that the function looks at
    /// no values.
    pub(crate) fn of(pattern: Pattern, free: &[usize], traced: bool) -> Self {
        let (color, colors) = pattern.color();
        let entry_color = (0..pattern.rows())
            .flat_map(|i| pattern.row(i).0.iter().map(|&c| color[c]))
            .collect();
        Self {
            pattern,
            free: free.to_vec(),
            color,
            entry_color,
            passes: plan_passes(colors),
            traced,
            directions: OnceLock::new(),
        }
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// How the same function is called at many points at once.
    pub(crate) fn passes(&self) -> Passes {
        let states = self.color.len() - self.free.len();
        Passes::new(&self.pattern, &self.color, states, &self.free)
    }
}

/// Derivatives of one [`Generic`] function: its plan, and memory.
#[derive(Debug, Clone)]
pub(crate) struct Differentiator {
    plan: Arc<Plan>,
    buffers: Buffers,
    memory: Memory,
}

/// Lanes of numbers that know what they depend on.
pub(crate) const STRICT_LANES: usize = 4;

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

impl<S: Number> Arguments<S> {
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
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            buffers: Buffers::default(),
            memory: Memory::default(),
        }
    }

    pub(crate) fn pattern(&self) -> &Pattern {
        &self.plan.pattern
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
        let plan = &*self.plan;
        macro_rules! pass {
            ($arguments:ident, $lanes:literal, $first:expr) => {
                vectorize(Pass::<F, $lanes, false> {
                    f,
                    point: (x, theta),
                    arguments: &mut self.buffers.$arguments,
                    columns: (&plan.color, &plan.free),
                    pattern: &plan.pattern,
                    entry_color: &plan.entry_color,
                    first: $first,
                    out,
                    entries,
                })
            };
        }
        for &(first, lanes) in &plan.passes {
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
        let plan = &*self.plan;
        let colors = plan.color.iter().max().map_or(0, |c| c + 1);
        for first in (0..colors).step_by(STRICT_LANES) {
            Wide::run(Pass::<F, STRICT_LANES, true> {
                f,
                point: (x, theta),
                arguments: &mut self.buffers.strict,
                columns: (&plan.color, &plan.free),
                pattern: &plan.pattern,
                entry_color: &plan.entry_color,
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
        let Plan { pattern, free, .. } = &*self.plan;
        let new = || Directions::new(f, theta.len(), free, self.plan.traced, pattern);
        let directions = self.plan.directions.get_or_init(new);
        let at = ((x, theta), &free[..]);
        directions.contract(f, at, weights, &mut self.memory, add);
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

impl<F: Generic, const L: usize, const STRICT: bool> Wide for Pass<'_, F, L, STRICT>
where
    Dual<f64, L, STRICT>: Number,
{
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
