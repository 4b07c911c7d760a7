//! Exact Hessians of weighted sums Σᵢ wᵢ fᵢ of a function's results.
//!
//! The function is recorded once on a tape. Then each pass over the tape,
//! forward with directions and backward with adjoints, gives the Hessian's
//! products with eight directions: second-order adjoints, whose cost does not
//! grow with the number of results. The directions are the colours of a star
//! colouring.

use num_traits::Zero;

use super::coloring::Star;
use super::generic::{Arguments, Generic};
use super::sets::Set;
use super::structural::{LANES, Lanes, Structural};
use super::structure::probe_point;
use super::tape::{self, Operation, Taped};
use crate::model::Pattern;
use crate::simd::{Wide, vectorize};

/// Which entries the Hessian may have, and how to compute them.
#[derive(Debug)]
pub(super) struct Directions {
    variables: usize,
    /// Direction of each variable.
    color: Vec<usize>,
    colors: usize,
    /// Pairs of variables a ≥ b, ordered by the direction that gives them.
    entries: Vec<Entry>,
}

/// Reused memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    arguments: Arguments<Taped>,
    sweep: Sweep,
}

/// The entry (row, column), read from a direction at one of the two.
#[derive(Debug, Clone, Copy)]
struct Entry {
    row: usize,
    column: usize,
    at: usize,
    color: usize,
}

/// Reused memory of the passes, one value a node.
#[derive(Debug, Clone, Default)]
struct Sweep {
    adjoint: Vec<f64>,
    tangent: Vec<Lanes>,
    bend: Vec<Lanes>,
}

impl Directions {
    /// From the pairs of unknowns that `f` combines nonlinearly: those that meet in
    /// its operations where it runs the same ones at every point (`traced`), else
    /// all that share a row of the Jacobian's pattern.
    pub(super) fn new<F: Generic>(
        f: &F,
        parameters: usize,
        free: &[usize],
        traced: bool,
        jacobian: &Pattern,
    ) -> Self {
        let variables = f.inputs() + free.len();
        let mut meets = vec![Set::default(); variables];
        if traced {
            let (x, theta) = probe_point(f, parameters);
            record(f, (&x, &theta), free, &mut Arguments::default());
            tape::read(|operations| interactions(operations, variables, &mut meets));
        } else {
            for i in 0..jacobian.rows() {
                let row = Set::from_increasing(jacobian.row(i).0, variables);
                row.each(|a| meets[a].join(&row, variables));
            }
        }
        Self::of_pairs(meets, f.inputs())
    }

    /// From those that each variable meets; the first `states` are no parameters.
    fn of_pairs(meets: Vec<Set>, states: usize) -> Self {
        let variables = meets.len();
        let pattern = Pattern::from_rows(variables, meets.iter().map(Set::members));
        drop(meets);
        let star = Star::new(&pattern, states);
        let mut entries = Vec::new();
        star.each_place(|row, column, at, color| {
            entries.push(Entry {
                row,
                column,
                at,
                color,
            });
        });
        entries.sort_by_key(|entry| entry.color);
        Self {
            variables,
            colors: if entries.is_empty() { 0 } else { star.count },
            color: star.color,
            entries,
        }
    }

    /// Calls `add(a, b, Σᵢ weights[i] ∂²fᵢ/∂a∂b)` for the pairs a ≥ b.
    pub(super) fn contract<F: Generic>(
        &self,
        f: &F,
        (point, free): ((&[f64], &[f64]), &[usize]),
        weights: &[f64],
        memory: &mut Memory,
        mut add: impl FnMut(usize, usize, f64),
    ) {
        if self.colors == 0 {
            return;
        }
        let Memory { arguments, sweep } = memory;
        record(f, point, free, arguments);
        tape::read(|operations| {
            sweep.adjoin(operations, &arguments.out, weights);
            let mut rest = &self.entries[..];
            for first in (0..self.colors).step_by(LANES) {
                vectorize(Pass {
                    operations,
                    variables: self.variables,
                    color: &self.color,
                    first,
                    sweep,
                });
                let here = rest.partition_point(|entry| entry.color < first + LANES);
                let bend = &sweep.bend;
                let value = |entry: &Entry| bend[entry.at][entry.color - first];
                if rest[..here].iter().all(|entry| value(entry).is_finite()) {
                    for entry in &rest[..here] {
                        add(entry.row, entry.column, value(entry));
                    }
                } else {
                    let seeds = (&arguments.out[..], weights);
                    let structural = Structural::new(operations, seeds);
                    let bend = structural.bend(&self.color, first);
                    for entry in &rest[..here] {
                        let value = bend[entry.at][entry.color - first];
                        add(entry.row, entry.column, value);
                    }
                }
                rest = &rest[here..];
            }
        });
    }
}

/// Calls the function on the tape, its unknowns being the first nodes.
fn record<F: Generic>(
    f: &F,
    (x, theta): (&[f64], &[f64]),
    free: &[usize],
    arguments: &mut Arguments<Taped>,
) {
    tape::open(x.len() + free.len());
    arguments.x.clear();
    let leaves = x.iter().enumerate();
    arguments.x.extend(leaves.map(|(i, &v)| Taped::leaf(v, i)));
    arguments.theta.clear();
    arguments
        .theta
        .extend(theta.iter().map(|&v| Taped::from(v)));
    for (k, &p) in free.iter().enumerate() {
        arguments.theta[p] = Taped::leaf(theta[p], x.len() + k);
    }
    arguments.out.clear();
    arguments.out.resize(f.outputs(), Taped::zero());
    let Arguments {
        x,
        theta,
        scratch,
        out,
        ..
    } = arguments;
    f.call(x, theta, scratch, out);
}

/// Adds the pairs of variables that meet in a nonlinear operation. What an
/// operation depends on is kept until its last use only. Returns the most bytes
/// that were held at a time for what operations depend on.
fn interactions(operations: &[Operation], variables: usize, meets: &mut [Set]) -> usize {
    let mut last_use = vec![0_u32; operations.len()];
    for (node, operation) in operations.iter().enumerate().skip(variables) {
        for (_, argument) in operation.live() {
            last_use[argument] = node as u32;
        }
    }
    let mut depends: Vec<Set> = (0..variables).map(Set::of).collect();
    let (mut held, mut most) = (0, 0);
    for (node, operation) in operations.iter().enumerate().skip(variables) {
        for (k, a) in operation.live() {
            for (l, b) in operation.live() {
                if !operation.straight[k + l] {
                    depends[a].each(|v| meets[v].join(&depends[b], variables));
                }
            }
        }
        let mut own: Option<Set> = None;
        for (_, a) in operation.live() {
            let of = if last_use[a] as usize == node {
                let of = std::mem::take(&mut depends[a]);
                held -= if a < variables { 0 } else { of.bytes() };
                of
            } else {
                depends[a].clone()
            };
            match &mut own {
                None => own = Some(of),
                Some(own) => own.join(&of, variables),
            }
        }
        let own = own.unwrap_or_default();
        held += own.bytes();
        most = most.max(held);
        depends.push(own);
    }
    most
}

impl Sweep {
    /// Adjoints of all nodes for the weighted sum of the results.
    fn adjoin(&mut self, operations: &[Operation], out: &[Taped], weights: &[f64]) {
        self.adjoint.clear();
        self.adjoint.resize(operations.len(), 0.0);
        for (result, weight) in out.iter().zip(weights) {
            if let Some(slot) = result.node().and_then(|node| self.adjoint.get_mut(node)) {
                *slot += weight;
            }
        }
        for (node, operation) in operations.iter().enumerate().rev() {
            let adjoint = self.adjoint[node];
            if adjoint != 0.0 {
                for (k, argument) in operation.live() {
                    self.adjoint[argument] += adjoint * operation.first[k];
                }
            }
        }
    }
}

/// One pass with the directions from `first` on.
struct Pass<'a> {
    operations: &'a [Operation],
    variables: usize,
    color: &'a [usize],
    first: usize,
    sweep: &'a mut Sweep,
}

impl Wide for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Sweep {
            adjoint,
            tangent,
            bend,
        } = self.sweep;
        tangent.clear();
        tangent.resize(self.operations.len(), [0.0; LANES]);
        bend.clear();
        bend.resize(self.operations.len(), [0.0; LANES]);
        for (slot, &color) in tangent.iter_mut().zip(self.color) {
            if let Some(one) = slot.get_mut(color.wrapping_sub(self.first)) {
                *one = 1.0;
            }
        }
        for (node, operation) in self.operations.iter().enumerate().skip(self.variables) {
            let mut sum = [0.0; LANES];
            for (k, argument) in operation.live() {
                let (first, other) = (operation.first[k], tangent[argument]);
                for l in 0..LANES {
                    sum[l] += first * other[l];
                }
            }
            tangent[node] = sum;
        }
        let operations = self.operations.iter().enumerate().skip(self.variables);
        for (node, operation) in operations.rev() {
            let (weight, own) = (adjoint[node], bend[node]);
            for (k, argument) in operation.live() {
                let first = operation.first[k];
                let mut sum = bend[argument];
                for l in 0..LANES {
                    sum[l] += first * own[l];
                }
                for (m, other) in operation.live() {
                    if !operation.straight[k + m] {
                        let second = weight * operation.second[k + m];
                        let other = tangent[other];
                        for l in 0..LANES {
                            sum[l] += second * other[l];
                        }
                    }
                }
                bend[argument] = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests;
