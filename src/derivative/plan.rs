//! What is known of a function's derivatives before any point is, and the memory to
//! follow it.

use std::sync::{Arc, OnceLock};

use num_traits::Zero;

use super::any::{Number, STRICT_LANES};
use super::coloring::color;
use super::generic::{Arguments, Generic};
use super::hessian::{Directions, Memory};
use super::packed::Passes;
use super::structure::find_pattern;
use crate::dual::{Dual, Fast};
use crate::model::{Pattern, Sparsity};
use crate::simd::{Wide, vectorize};

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
        let (color, colors) = color(&pattern);
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
