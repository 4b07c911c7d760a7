//! Values and vector-Jacobian products of one function at many points, a
//! [`Pack`] of them at a time.

use std::sync::Arc;

use num_traits::Zero;

use super::any::FlowNumber;
use super::generic::{Arguments, PackedGeneric};
use super::pack::Pack;
use crate::dual::Fast as Dual;
use crate::model::Pattern;
use crate::simd::{Wide, vectorize};

/// How a function with a known pattern is called, which neither looks at values nor
/// chooses between numbers ([`Structure`](super::Structure)).
#[derive(Debug)]
pub(crate) struct Passes {
    states: usize,
    /// Index into `theta` of each free parameter.
    free: Vec<usize>,
    color: Vec<usize>,
    passes: Vec<Pass>,
}

/// Evaluates such a function.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    plan: Arc<Passes>,
    values: Arguments<Pack>,
    one: Arguments<Dual<Pack, 1>>,
    two: Arguments<Dual<Pack, 2>>,
    four: Arguments<Dual<Pack, 4>>,
    eight: Arguments<Dual<Pack, 8>>,
}

/// Colours `first..first + lanes`, and the entries that they give.
#[derive(Debug, Clone)]
struct Pass {
    first: usize,
    lanes: usize,
    states: Vec<Entry>,
    free: Vec<Entry>,
}

/// Entry (row, column) of the Jacobian; free parameters count from zero.
#[derive(Debug, Clone, Copy)]
struct Entry {
    row: usize,
    column: usize,
    lane: usize,
}

/// The points of a call: the function at each pack, states and parameters.
pub(crate) struct Points<'a, A> {
    /// Gives the function of pack `p`, whose time and inputs are its own.
    pub(crate) at: A,
    /// States, pack by pack.
    pub(crate) x: &'a [Pack],
    pub(crate) theta: &'a [f64],
}

impl Passes {
    /// `color` is the colour of each column of the pattern, as in
    /// [`Pattern::color`]; the first `states` columns are states.
    pub(super) fn new(pattern: &Pattern, color: &[usize], states: usize, free: &[usize]) -> Self {
        let colors = color.iter().max().map_or(0, |c| c + 1);
        let passes = plan(colors).into_iter().map(|(first, lanes)| {
            let mut pass = Pass {
                first,
                lanes,
                states: Vec::new(),
                free: Vec::new(),
            };
            for row in 0..pattern.rows() {
                for &column in pattern.row(row).0 {
                    let lane = color[column].wrapping_sub(first);
                    if lane >= lanes {
                        continue;
                    }
                    let list = match column.checked_sub(states) {
                        None => (&mut pass.states, column),
                        Some(c) => (&mut pass.free, c),
                    };
                    let (entries, column) = list;
                    entries.push(Entry { row, column, lane });
                }
            }
            pass
        });
        Self {
            states,
            free: free.to_vec(),
            color: color.to_vec(),
            passes: passes.collect(),
        }
    }
}

impl Packed {
    pub(crate) fn new(plan: Arc<Passes>) -> Self {
        Self {
            plan,
            values: Arguments::default(),
            one: Arguments::default(),
            two: Arguments::default(),
            four: Arguments::default(),
            eight: Arguments::default(),
        }
    }

    /// Writes the function's values at all points to `out`.
    pub(crate) fn values<F: PackedGeneric>(
        &mut self,
        points: &Points<'_, impl Fn(usize) -> F>,
        out: &mut [Pack],
    ) {
        let arguments = &mut self.values;
        arguments.theta.clear();
        let theta = points.theta.iter();
        arguments.theta.extend(theta.map(|&v| Pack::from(v)));
        vectorize(Values {
            points,
            arguments,
            width: self.plan.states,
            out,
        });
    }

    /// Adds Jᵀu at every point: by the states to `gradient`, point by point as
    /// in `points.x`, by the free parameters to `border`, summed over packs.
    pub(crate) fn pull<F: PackedGeneric>(
        &mut self,
        points: &Points<'_, impl Fn(usize) -> F>,
        u: &[Pack],
        gradient: &mut [Pack],
        border: &mut [Pack],
    ) {
        let plan = &*self.plan;
        macro_rules! pass {
            ($arguments:ident, $pass:expr) => {{
                let arguments = &mut self.$arguments;
                arguments.seed_packs(
                    $pass.first,
                    plan.states,
                    &plan.color,
                    &plan.free,
                    points.theta,
                );
                vectorize(Pull {
                    points,
                    arguments,
                    pass: $pass,
                    width: plan.states,
                    u,
                    gradient,
                    border,
                })
            }};
        }
        for pass in &plan.passes {
            match pass.lanes {
                1 => pass!(one, pass),
                2 => pass!(two, pass),
                4 => pass!(four, pass),
                _ => pass!(eight, pass),
            }
        }
    }
}

impl<const L: usize> Arguments<Dual<Pack, L>> {
    /// Variables whose values are still to come, and the parameters.
    fn seed_packs(
        &mut self,
        first: usize,
        states: usize,
        color: &[usize],
        free: &[usize],
        theta: &[f64],
    ) {
        let variable =
            |value: f64, c: usize| Dual::variable(Pack::from(value), c.wrapping_sub(first));
        self.x.clear();
        self.x
            .extend(color[..states].iter().map(|&c| variable(0.0, c)));
        self.theta.clear();
        let theta = theta.iter();
        self.theta
            .extend(theta.map(|&v| Dual::constant(Pack::from(v))));
        for (&index, &c) in free.iter().zip(&color[states..]) {
            self.theta[index] = variable(self.theta[index].value.0[0], c);
        }
        self.out.clear();
        self.out.resize(states, Dual::zero());
    }
}

struct Values<'a, 'b, A> {
    points: &'a Points<'b, A>,
    arguments: &'a mut Arguments<Pack>,
    width: usize,
    out: &'a mut [Pack],
}

impl<F: PackedGeneric, A: Fn(usize) -> F> Wide for Values<'_, '_, A> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Arguments { theta, scratch, .. } = self.arguments;
        let x = self.points.x.chunks_exact(self.width);
        let out = self.out.chunks_exact_mut(self.width);
        for (p, (x, out)) in x.zip(out).enumerate() {
            (self.points.at)(p).call(x, theta, scratch, out);
        }
    }
}

struct Pull<'a, 'b, A, const L: usize> {
    points: &'a Points<'b, A>,
    arguments: &'a mut Arguments<Dual<Pack, L>>,
    pass: &'a Pass,
    width: usize,
    u: &'a [Pack],
    gradient: &'a mut [Pack],
    border: &'a mut [Pack],
}

impl<F: PackedGeneric, A: Fn(usize) -> F, const L: usize> Wide for Pull<'_, '_, A, L>
where
    Dual<Pack, L>: FlowNumber,
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Arguments {
            x,
            theta,
            scratch,
            out,
            ..
        } = self.arguments;
        let points = self.points.x.chunks_exact(self.width);
        let weights = self.u.chunks_exact(self.width);
        let gradients = self.gradient.chunks_exact_mut(self.width);
        for (p, ((point, u), gradient)) in points.zip(weights).zip(gradients).enumerate() {
            for (slot, &value) in x.iter_mut().zip(point) {
                slot.value = value;
            }
            (self.points.at)(p).call(x, theta, scratch, out);
            for &Entry { row, column, lane } in &self.pass.states {
                gradient[column] += u[row] * out[row].lanes[lane];
            }
            for &Entry { row, column, lane } in &self.pass.free {
                self.border[column] += u[row] * out[row].lanes[lane];
            }
        }
    }
}

/// Splits the colours into passes of 1, 2, 4 or 8 lanes, of which at most a
/// quarter stays empty: here each lane costs a vector operation.
fn plan(colors: usize) -> Vec<(usize, usize)> {
    let mut passes = Vec::new();
    let mut first = 0;
    while first < colors {
        let rest = (colors - first).min(8);
        let next = rest.next_power_of_two();
        let lanes = if 4 * rest >= 3 * next { next } else { next / 2 };
        passes.push((first, lanes));
        first += lanes;
    }
    passes
}
