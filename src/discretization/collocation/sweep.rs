//! Gradients of whole windows, the stages of a block of intervals at a time:
//! their flows in packs, the residuals, what those weigh at each stage, and the
//! flows' adjoints in packs again. No Jacobian is stored.

use std::ops::Range;

use num_traits::Zero;

use super::Collocation;
use crate::derivative::{AnyFlow, FlowAt, FlowDerivative, LANES, Pack, Packed, Points};
use crate::discretization::evaluator::Weigh;
use crate::discretization::interval::{Course, Span};
use crate::model::Scope;

/// Stages of a block: few enough for a CPU's nearest cache.
const BLOCK: usize = 8 * LANES;

/// The memory of a sweep.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    stages: Stages,
    flows: Vec<Pack>,
    weights: Vec<Pack>,
    gradient: Vec<Pack>,
    border: Vec<Pack>,
    /// The border before the block at hand.
    before: Vec<Pack>,
    g: Vec<f64>,
    v: Vec<f64>,
}

/// The stages of a block, one lane each, pack by pack.
#[derive(Debug, Default)]
struct Stages {
    count: usize,
    times: Vec<Pack>,
    inputs: Vec<Pack>,
    states: Vec<Pack>,
}

impl Sweep {
    /// The flows at the stages.
    fn evaluate(&mut self, model: &dyn AnyFlow, packed: &mut Packed, scope: &Scope, theta: &[f64]) {
        self.flows.resize(self.stages.states.len(), Pack::zero());
        let points = self.stages.points(model, scope, theta);
        packed.values(&points, &mut self.flows);
    }

    /// The gradient by the stages, and by the border.
    fn pull(&mut self, model: &dyn AnyFlow, packed: &mut Packed, scope: &Scope, theta: &[f64]) {
        self.before.clone_from(&self.border);
        self.gradient.clear();
        self.gradient.resize(self.weights.len(), Pack::zero());
        let points = self.stages.points(model, scope, theta);
        packed.pull(&points, &self.weights, &mut self.gradient, &mut self.border);
    }

    fn is_finite(&self) -> bool {
        let all = self.gradient.iter().chain(&self.border);
        let probe = all.fold(Pack::zero(), |sum, pack| sum + *pack * 0.0);
        probe == Pack::zero()
    }

    /// The same point by point: numbers that know what they depend on, each for its
    /// own point, leave infinite slopes where they are.
    fn pull_points(
        &mut self,
        model: &dyn AnyFlow,
        derivative: &mut FlowDerivative,
        scope: &Scope,
        theta: &[f64],
    ) {
        self.border.clone_from(&self.before);
        self.gradient.fill(Pack::zero());
        let width = self.flows.len() / self.stages.times.len();
        let mut flow = vec![0.0; width];
        let mut entries = vec![0.0; derivative.pattern().entry_count()];
        for q in 0..self.stages.count {
            let (packs, lane) = place(q, width);
            let alone = |packs: &[Pack]| packs.iter().map(|p| p.0[lane]).collect::<Vec<f64>>();
            let (inputs, _) = place(q, model.input_count());
            let at = FlowAt {
                model,
                scope,
                time: self.stages.times[q / LANES].0[lane],
                input: &alone(&self.stages.inputs[inputs]),
            };
            let x = alone(&self.stages.states[packs.clone()]);
            derivative.jacobian(&at, &x, theta, &mut flow, &mut entries);
            let gradient = &mut self.gradient[packs.clone()];
            for (i, u) in alone(&self.weights[packs]).into_iter().enumerate() {
                let (columns, range) = derivative.pattern().row(i);
                for (&column, entry) in columns.iter().zip(&entries[range]) {
                    let slot = match column.checked_sub(width) {
                        None => &mut gradient[column],
                        Some(c) => &mut self.border[c],
                    };
                    slot.0[lane] += u * entry;
                }
            }
        }
    }
}

/// One interval of a block.
struct Interval<'a> {
    k: usize,
    span: Span<'a>,
    /// Where its layers stand in the window.
    layers: Range<usize>,
    /// Number of its first stage in the block.
    first: usize,
}

impl Stages {
    fn clear(&mut self) {
        self.count = 0;
        self.times.clear();
        self.inputs.clear();
        self.states.clear();
    }

    /// Adds a stage.
    fn push(&mut self, time: f64, input: &[f64], state: &[f64]) {
        let lane = self.count % LANES;
        if lane == 0 {
            // The lanes of a last pack that no stage uses repeat its first, so
            // that all are points of the model.
            let pack = |v: &f64| Pack::from(*v);
            self.times.push(pack(&time));
            self.inputs.extend(input.iter().map(pack));
            self.states.extend(state.iter().map(pack));
        } else {
            let put = |packs: &mut [Pack], values: &[f64]| {
                let first = packs.len() - values.len();
                for (slot, &value) in packs[first..].iter_mut().zip(values) {
                    slot.0[lane] = value;
                }
            };
            put(&mut self.times, &[time]);
            put(&mut self.inputs, input);
            put(&mut self.states, state);
        }
        self.count += 1;
    }

    /// The model at all of them.
    fn points<'a>(
        &'a self,
        model: &'a dyn AnyFlow,
        scope: &'a Scope,
        theta: &'a [f64],
    ) -> Points<'a, impl Fn(usize) -> FlowAt<'a, Pack>> {
        let count = model.input_count();
        Points {
            at: move |p: usize| FlowAt {
                model,
                scope,
                time: self.times[p],
                input: &self.inputs[p * count..(p + 1) * count],
            },
            x: &self.states,
            theta,
        }
    }
}

/// The packs of stage `q` and its lane there.
fn place(q: usize, width: usize) -> (Range<usize>, usize) {
    let first = q / LANES * width;
    (first..first + width, q % LANES)
}

impl Collocation {
    /// See `Evaluator::gradient`.
    pub(super) fn in_blocks(
        &mut self,
        packed: &mut Packed,
        course: &Course<'_>,
        weigh: &mut Weigh<'_>,
        (gradient, border): (&mut [f64], &mut [f64]),
    ) {
        let mut sweep = std::mem::take(&mut self.sweep);
        let model = self.model.clone();
        let model = &*model;
        sweep.border.clear();
        sweep.border.resize(border.len(), Pack::zero());
        sweep.g.resize(self.table.groups.len() * self.width, 0.0);
        sweep.v.resize(sweep.g.len(), 0.0);
        let shared = usize::from(self.table.shares_ends);
        let most = (BLOCK - shared) / (self.table.stages.len() - shared);
        for begin in (0..course.intervals).step_by(most) {
            let end = course.intervals.min(begin + most);
            let block = self.gather(course, begin..end, &mut sweep.stages);
            sweep.evaluate(model, packed, &self.scope, course.theta);
            self.weigh_block(&block, course.x, weigh, &mut sweep, gradient);
            sweep.pull(model, packed, &self.scope, course.theta);
            if !sweep.is_finite() {
                let derivative = &mut self.derivative;
                sweep.pull_points(model, derivative, &self.scope, course.theta);
            }
            self.scatter(&block, &sweep, gradient);
        }
        for (slot, pack) in border.iter_mut().zip(&sweep.border) {
            *slot += pack.sum();
        }
        self.sweep = sweep;
    }

    /// The stages of the intervals `range`.
    fn gather<'a>(
        &mut self,
        course: &Course<'a>,
        range: Range<usize>,
        stages: &mut Stages,
    ) -> Vec<Interval<'a>> {
        stages.clear();
        let mut block: Vec<Interval<'a>> = Vec::with_capacity(range.len());
        for k in range {
            let (span, layers) = (course.interval)(k);
            let x = &course.x[layers.clone()];
            let shares = self.table.shares_ends && span.follows && !block.is_empty();
            let from = usize::from(shares);
            let first = stages.count - from;
            for s in from..self.table.stages.len() {
                let (state, time) = self.table.stage(s, span, x, &mut self.state);
                span.write_inputs(time, &mut self.input);
                stages.push(time, &self.input, state);
            }
            block.push(Interval {
                k,
                span,
                layers,
                first,
            });
        }
        block
    }

    /// The residuals of a block: their own part of the gradient, and what they
    /// weigh at the stages.
    fn weigh_block(
        &mut self,
        block: &[Interval<'_>],
        x: &[f64],
        weigh: &mut Weigh<'_>,
        sweep: &mut Sweep,
        gradient: &mut [f64],
    ) {
        sweep.weights.clear();
        sweep.weights.resize(sweep.flows.len(), Pack::zero());
        // Stages up to here have been unpacked.
        let mut ready = 0;
        for interval in block {
            let last = self.table.stages.len() - 1;
            let shared = ready > interval.first;
            if shared {
                self.stages.swap(0, last);
            }
            ready = interval.first + last + 1;
            for s in usize::from(shared)..=last {
                let (packs, lane) = place(interval.first + s, self.width);
                let flow = self.stages[s].flow.iter_mut();
                for (slot, pack) in flow.zip(&sweep.flows[packs]) {
                    *slot = pack.0[lane];
                }
            }
            let (length, layers) = (interval.span.length(), interval.layers.clone());
            self.combine(length, &x[layers.clone()], &mut sweep.g);
            weigh(interval.k, &sweep.g, &mut sweep.v);
            self.pull_layers(&sweep.v, &mut gradient[layers]);
            for (group, v) in self
                .table
                .groups
                .iter()
                .zip(sweep.v.chunks_exact(self.width))
            {
                for (s, b) in group.stages.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                    let (packs, lane) = place(interval.first + s, self.width);
                    for (pack, v) in sweep.weights[packs].iter_mut().zip(v) {
                        pack.0[lane] += length * b * v;
                    }
                }
            }
        }
    }

    /// Adds the gradient by the stages to that by the layers.
    fn scatter(&self, block: &[Interval<'_>], sweep: &Sweep, gradient: &mut [f64]) {
        let mut done = 0;
        for interval in block {
            let layers = &mut gradient[interval.layers.clone()];
            for (s, weights) in self.table.stages.iter().enumerate() {
                let q = interval.first + s;
                if q < done {
                    continue;
                }
                done = q + 1;
                let (packs, lane) = place(q, self.width);
                let packs = &sweep.gradient[packs];
                for (layer, &c) in layers.chunks_exact_mut(self.width).zip(weights) {
                    if c != 0.0 {
                        for (slot, pack) in layer.iter_mut().zip(packs) {
                            *slot += c * pack.0[lane];
                        }
                    }
                }
            }
        }
    }
}
