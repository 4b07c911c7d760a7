//! What the engine does with its stages: residuals, Gᵀv, and where second
//! derivatives go.

use super::{Collocation, MOST};
use crate::linalg::Front;
use crate::simd::Wide;

/// The residuals from the stages.
pub(super) struct Combine<'a> {
    pub(super) engine: &'a Collocation,
    pub(super) length: f64,
    pub(super) x: &'a [f64],
    pub(super) g: &'a mut [f64],
}

impl Wide for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let d = self.engine.width;
        let table = self.engine.table;
        for (group, g) in table.groups.iter().zip(self.g.chunks_exact_mut(d)) {
            g.fill(0.0);
            for (j, &a) in group.layers.iter().enumerate() {
                if a != 0.0 {
                    for (slot, v) in g.iter_mut().zip(&self.x[j * d..]) {
                        *slot += a * v;
                    }
                }
            }
            for (stage, &b) in self.engine.stages.iter().zip(&group.stages) {
                if b != 0.0 {
                    for (slot, v) in g.iter_mut().zip(&stage.flow) {
                        *slot += self.length * b * v;
                    }
                }
            }
        }
    }
}

/// Gᵀv.
pub(super) struct Pullback<'a> {
    pub(super) engine: &'a Collocation,
    pub(super) v: &'a [f64],
    pub(super) gradient: &'a mut [f64],
    pub(super) border: &'a mut [f64],
}

impl Wide for Pullback<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let engine = self.engine;
        let (d, table) = (engine.width, engine.table);
        engine.pull_layers(self.v, self.gradient);
        let pattern = engine.derivative.pattern();
        for (s, stage) in engine.stages[..table.stages.len()].iter().enumerate() {
            for i in 0..d {
                let mut u = 0.0;
                for (r, group) in table.groups.iter().enumerate() {
                    u += group.stages[s] * self.v[r * d + i];
                }
                u *= engine.length;
                let (columns, range) = pattern.row(i);
                let (states, free) = columns.split_at(engine.state_entries[i]);
                let (slopes, free_slopes) = stage.entries[range].split_at(states.len());
                for (j, &c) in table.stages[s][..=table.steps].iter().enumerate() {
                    if c != 0.0 {
                        let layer = &mut self.gradient[j * d..(j + 1) * d];
                        for (&column, &slope) in states.iter().zip(slopes) {
                            layer[column] += c * u * slope;
                        }
                    }
                }
                for (&column, &slope) in free.iter().zip(free_slopes) {
                    self.border[column - d] += u * slope;
                }
            }
        }
    }
}

impl Collocation {
    /// Adds what v gives to the layers without the flow: Σ_r a_rj v_r.
    #[inline(always)]
    pub(super) fn pull_layers(&self, v: &[f64], gradient: &mut [f64]) {
        let d = self.width;
        for (group, v) in self.table.groups.iter().zip(v.chunks_exact(d)) {
            for (j, &a) in group.layers.iter().enumerate() {
                if a != 0.0 {
                    for (slot, v) in gradient[j * d..(j + 1) * d].iter_mut().zip(v) {
                        *slot += a * v;
                    }
                }
            }
        }
    }
}

/// Where the second derivatives of the flow at a stage go: the stage's state is
/// a combination of layers.
pub(super) struct Spread<'a, 'b> {
    pub(super) layers: &'a [f64],
    pub(super) positions: [usize; MOST],
    pub(super) width: usize,
    pub(super) border: &'a [usize],
    pub(super) front: &'a mut Front<'b>,
}

impl Spread<'_, '_> {
    /// Adds the entry of columns a ≥ b of the flow.
    #[inline(always)]
    pub(super) fn add(&mut self, a: usize, b: usize, value: f64) {
        let sizes = self.front.sizes();
        let first = sizes.total() - sizes.border;
        if b >= self.width {
            let (a, b) = (self.border[a - self.width], self.border[b - self.width]);
            self.front.add(first + a.max(b), first + a.min(b), value);
            return;
        }
        let positions = self.positions;
        let live = |(_, c): &(usize, &f64)| **c != 0.0;
        for (k, &ck) in self.layers.iter().enumerate().filter(live) {
            let column = positions[k] + b;
            if a >= self.width {
                let row = first + self.border[a - self.width];
                self.front.add(row, column, ck * value);
                continue;
            }
            for (j, &cj) in self.layers.iter().enumerate().filter(live) {
                let row = positions[j] + a;
                // (a, b) and (b, a) are two entries of the stage's Hessian;
                // across two layers both are met below the diagonal.
                if row >= column {
                    self.front.add(row, column, cj * ck * value);
                }
                if a != b && positions[j] + b > positions[k] + a {
                    let (row, column) = (positions[j] + b, positions[k] + a);
                    self.front.add(row, column, cj * ck * value);
                }
            }
        }
    }
}
