//! One engine for every rule whose residuals are linear in the layers and in
//! the flow at a few stages:
//! g_r = Σ_j a_rj x_j + h Σ_s b_rs F(t_s, Σ_j c_sj x_j).

mod passes;
mod sweep;

use std::sync::Arc;

use passes::{Combine, Pullback, Spread};
use sweep::Sweep;

use super::evaluator::{Evaluator, Rows, Weigh, interval_by_interval};
use super::gram::{Gram, Parts};
use super::interval::{Course, Span};
use super::plans::Plans;
use super::table::{MOST, Table};
use crate::derivative::{AnyFlow, FlowAt, FlowDerivative, Generic};
use crate::linalg::Front;
use crate::model::Scope;
use crate::simd::vectorize;

/// The flow at a stage, with the entries of its Jacobian.
#[derive(Debug, Clone, Default)]
struct Stage {
    flow: Vec<f64>,
    entries: Vec<f64>,
}

/// Evaluates a [`Table`] on a flow.
pub struct Collocation {
    model: Arc<dyn AnyFlow>,
    table: &'static Table,
    scope: Arc<Scope>,
    /// Components of a layer, parameters that change in time included.
    width: usize,
    derivative: FlowDerivative,
    stages: [Stage; MOST],
    /// State at a stage that lies between layers.
    state: Vec<f64>,
    input: Vec<f64>,
    scratch: Vec<f64>,
    /// h of the last linearization.
    length: f64,
    rows: Rows,
    gram: Gram,
    /// How many entries of each row of the flow's pattern are states.
    state_entries: Vec<usize>,
    /// Which of them is the diagonal one.
    diagonal: Vec<usize>,
    /// What the residuals' weights are for a stage.
    stage_weights: Vec<f64>,
    /// The same for the last stage of the interval before.
    carried: Vec<f64>,
    sweep: Sweep,
}

impl Collocation {
    pub(super) fn new(model: Arc<dyn AnyFlow>, table: &'static Table, plans: &Plans) -> Self {
        let derivative = FlowDerivative::new(plans.flow.clone());
        let width = derivative.pattern().rows();
        let entries = derivative.pattern().entry_count();
        let stage = Stage {
            flow: vec![0.0; width],
            entries: vec![0.0; entries],
        };
        let mut collocation = Self {
            model,
            table,
            scope: plans.scope.clone(),
            width,
            derivative,
            stages: [stage.clone(), stage.clone(), stage],
            state: vec![0.0; width],
            input: Vec::new(),
            scratch: Vec::new(),
            length: 0.0,
            rows: Rows::default(),
            gram: Gram::default(),
            state_entries: Vec::new(),
            diagonal: Vec::new(),
            stage_weights: Vec::new(),
            carried: Vec::new(),
            sweep: Sweep::default(),
        };
        let pattern = collocation.derivative.pattern();
        for i in 0..width {
            let columns = pattern.row(i).0;
            let states = columns.partition_point(|&c| c < width);
            let diagonal = columns.partition_point(|&c| c < i);
            collocation.state_entries.push(states);
            collocation.diagonal.push(diagonal);
        }
        collocation.lay_out_rows();
        collocation
    }

    /// Position of the first component of layer `j`.
    fn position(&self, j: usize) -> usize {
        self.width * self.table.rank(j)
    }

    /// What the Gram matrix is made of at the last linearization.
    fn parts(&self) -> Parts<'_> {
        Parts {
            table: self.table,
            length: self.length,
            width: self.width,
            pattern: self.derivative.pattern(),
            state_entries: &self.state_entries,
            diagonal: &self.diagonal,
            entries: std::array::from_fn(|s| &self.stages[s].entries[..]),
            stage_of_layer: std::array::from_fn(|j| {
                let groups = self.table.groups.iter();
                let mut through = groups.filter_map(|group| self.table.stage_of(group, j));
                through.next().map(|(stage, _)| stage)
            }),
        }
    }

    /// The layers in the order of their positions.
    fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let steps = self.table.steps;
        (1..steps).chain([0, steps])
    }

    /// Lays the rows out once: their pattern is the same for every interval.
    fn lay_out_rows(&mut self) {
        let mut rows = Rows {
            starts: vec![0],
            ..Rows::default()
        };
        let d = self.width;
        let pattern = self.derivative.pattern();
        for group in self.table.groups {
            for i in 0..d {
                let (states, border) = pattern.row(i).0.split_at(self.state_entries[i]);
                for j in self.order() {
                    let first = self.position(j);
                    if self.table.stage_of(group, j).is_some() {
                        rows.positions.extend(states.iter().map(|c| first + c));
                    } else if group.layers[j] != 0.0 {
                        rows.positions.push(first + i);
                    }
                }
                let shift = self.table.steps * d;
                rows.positions.extend(border.iter().map(|c| shift + c));
                rows.starts.push(rows.positions.len());
            }
        }
        rows.values = vec![0.0; rows.positions.len()];
        self.rows = rows;
    }

    /// Runs `f(derivative, flow at the stage, state of the stage, stage)`.
    fn at_stage(
        &mut self,
        span: Span<'_>,
        x: &[f64],
        s: usize,
        f: impl FnOnce(&mut FlowDerivative, &FlowAt<'_>, &[f64], &mut Stage),
    ) {
        let (state, time) = self.table.stage(s, span, x, &mut self.state);
        span.write_inputs(time, &mut self.input);
        let at = FlowAt {
            model: &*self.model,
            scope: &self.scope,
            time,
            input: &self.input,
        };
        f(&mut self.derivative, &at, state, &mut self.stages[s]);
    }

    /// First stage to compute; the shared one is carried over.
    fn carry_shared_stage(&mut self, span: Span<'_>) -> usize {
        if span.follows && self.table.shares_ends {
            self.stages.swap(0, self.table.stages.len() - 1);
            1
        } else {
            0
        }
    }

    fn combine(&self, length: f64, x: &[f64], g: &mut [f64]) {
        vectorize(Combine {
            engine: self,
            length,
            x,
            g,
        });
    }

    /// h Σ_r b_rs v_r: what the residuals' weights are for stage `s`.
    fn weigh_stage(&self, length: f64, s: usize, v: &[f64], out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.width, 0.0);
        for (group, v) in self.table.groups.iter().zip(v.chunks_exact(self.width)) {
            let b = length * group.stages[s];
            if b != 0.0 {
                for (slot, v) in out.iter_mut().zip(v) {
                    *slot += b * v;
                }
            }
        }
    }
}

impl Evaluator for Collocation {
    fn residual_count(&self, _interval: usize) -> usize {
        self.table.groups.len() * self.width
    }

    #[inline]
    fn residual(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        for s in self.carry_shared_stage(span)..self.table.stages.len() {
            let mut scratch = std::mem::take(&mut self.scratch);
            self.at_stage(span, x, s, |_, at, state, stage| {
                at.call(state, theta, &mut scratch, &mut stage.flow);
            });
            self.scratch = scratch;
        }
        self.combine(span.length(), x, g);
    }

    #[inline]
    fn linearize(&mut self, span: Span<'_>, x: &[f64], theta: &[f64], g: &mut [f64]) {
        for s in self.carry_shared_stage(span)..self.table.stages.len() {
            self.at_stage(span, x, s, |derivative, at, state, stage| {
                derivative.jacobian(at, state, theta, &mut stage.flow, &mut stage.entries);
            });
        }
        self.length = span.length();
        self.combine(self.length, x, g);
    }

    fn gradient(
        &mut self,
        course: &Course<'_>,
        weigh: &mut Weigh<'_>,
        gradient: &mut [f64],
        border: &mut [f64],
    ) {
        match self.derivative.packed.take() {
            Some(mut packed) => {
                self.in_blocks(&mut packed, course, weigh, (gradient, border));
                self.derivative.packed = Some(packed);
            }
            None => interval_by_interval(self, course, weigh, (gradient, border)),
        }
    }

    fn pullback(&self, v: &[f64], gradient: &mut [f64], border: &mut [f64]) {
        vectorize(Pullback {
            engine: self,
            v,
            gradient,
            border,
        });
    }

    fn push(&self, change: &[f64], border: &[f64], g: &mut [f64]) {
        let d = self.width;
        let pattern = self.derivative.pattern();
        let steps = self.table.steps;
        for (group, g) in self.table.groups.iter().zip(g.chunks_exact_mut(d)) {
            for (j, &a) in group.layers.iter().enumerate().take(steps + 1) {
                for (g, v) in g.iter_mut().zip(&change[j * d..]) {
                    *g += a * v;
                }
            }
        }
        for (s, stage) in self.stages[..self.table.stages.len()].iter().enumerate() {
            let weights = &self.table.stages[s][..=steps];
            for i in 0..d {
                let (columns, range) = pattern.row(i);
                let mut slope = 0.0;
                for (&column, &entry) in columns.iter().zip(&stage.entries[range]) {
                    let change = match column.checked_sub(d) {
                        Some(c) => border[c],
                        None => {
                            let layers = weights.iter().enumerate();
                            layers.map(|(j, c)| c * change[j * d + column]).sum()
                        }
                    };
                    slope += entry * change;
                }
                for (r, group) in self.table.groups.iter().enumerate() {
                    g[r * d + i] += self.length * group.stages[s] * slope;
                }
            }
        }
    }

    #[inline]
    fn rows(&mut self) -> &Rows {
        let d = self.width;
        let pattern = self.derivative.pattern();
        let mut next = 0;
        for group in self.table.groups {
            let through: [_; MOST] = std::array::from_fn(|j| self.table.stage_of(group, j));
            for i in 0..d {
                let (columns, range) = pattern.row(i);
                let states = self.state_entries[i];
                for j in self.order() {
                    let a = group.layers[j];
                    if let Some((s, factor)) = through[j] {
                        let entries = &self.stages[s].entries[range.start..][..states];
                        let scale = self.length * factor;
                        for (slot, entry) in self.rows.values[next..].iter_mut().zip(entries) {
                            *slot = scale * entry;
                        }
                        self.rows.values[next + self.diagonal[i]] += a;
                        next += states;
                    } else if a != 0.0 {
                        self.rows.values[next] = a;
                        next += 1;
                    }
                }
                for k in states..columns.len() {
                    let mut sum = 0.0;
                    for (stage, &b) in self.stages.iter().zip(&group.stages) {
                        sum += b * stage.entries[range.start + k];
                    }
                    self.rows.values[next] = self.length * sum;
                    next += 1;
                }
            }
        }
        debug_assert_eq!(next, self.rows.values.len());
        &self.rows
    }

    fn add_gram(&mut self, weights: &[f64], border: &[usize], front: &mut Front<'_>) {
        let mut gram = std::mem::take(&mut self.gram);
        gram.add(self.parts(), weights, border, front);
        self.gram = gram;
    }

    fn add_curvature(
        &mut self,
        span: Span<'_>,
        (x, theta): (&[f64], &[f64]),
        v: &[f64],
        border: &[usize],
        front: &mut Front<'_>,
    ) {
        let d = self.width;
        let last = self.table.stages.len() - 1;
        let mut weights = std::mem::take(&mut self.stage_weights);
        for s in 0..=last {
            self.weigh_stage(span.length(), s, v, &mut weights);
            if s == 0 && span.follows && self.table.shares_ends {
                for (slot, carried) in weights.iter_mut().zip(&self.carried) {
                    *slot += carried;
                }
            }
            if s == last && span.followed && self.table.shares_ends {
                // One contraction serves both intervals.
                self.carried.clone_from(&weights);
                break;
            }
            let layers: [f64; MOST] = self.table.stages[s];
            let mut spread = Spread {
                layers: &layers[..=self.table.steps],
                positions: std::array::from_fn(|j| match layers[j] {
                    0.0 => 0,
                    _ => self.position(j),
                }),
                width: d,
                border,
                front,
            };
            self.at_stage(span, x, s, |derivative, at, state, _| {
                derivative.contract(at, state, theta, &weights, |a, b, value| {
                    spread.add(a, b, value);
                });
            });
        }
        self.stage_weights = weights;
    }
}
