//! The intervals of many windows of one shape, evaluated together where they are
//! dense layers of a network.

use crate::action::{Action, EvaluationPoint, Sums};
use std::ops::Range;

use crate::linalg::BlockTridiagonal;
use crate::networks::{Batch, Panels, UnitOrder, Weights};

/// Bytes of the matrices of as many windows as are evaluated at a time: they are
/// to stay in the second cache.
const CACHE: usize = 1 << 19;
/// Matrices of one layer's size that an evaluation goes through.
const MATRICES: usize = 6;

/// A group of windows of one network.
pub(crate) struct Together {
    windows: Range<usize>,
    batch: Batch,
    /// The parameters at the point, a change of them, and what is summed by them.
    weights: Weights,
    change: Weights,
    sums: Weights,
    /// How many windows are evaluated at a time.
    at_once: usize,
    panels: Vec<Panels>,
    by_parameter: Vec<f64>,
}

impl Together {
    /// None where the windows differ, or an interval is no dense layer.
    pub(crate) fn new(action: &Action, windows: Range<usize>) -> Option<Self> {
        let layout = action.layout();
        let first = layout.windows.get(windows.start)?;
        let of_one_shape = |w: &crate::action::WindowLayout| w.layers() == first.layers();
        let simple = layout.scope.drifting.is_empty() && layout.shares_all();
        if !simple || !layout.windows[windows.clone()].iter().all(of_one_shape) {
            return None;
        }
        let dense = |k| {
            let layer = action.dynamics.dense(k)?;
            Some((layer, action.dynamics.parameters(k)))
        };
        let batch = Batch::new((0..first.intervals()).map(dense).collect::<Option<_>>()?);
        let bytes = MATRICES * first.all().len() * size_of::<f64>();
        Some(Self {
            at_once: (CACHE / bytes).clamp(1, windows.len()),
            windows,
            weights: batch.weights(),
            change: batch.weights(),
            sums: batch.weights(),
            panels: Vec::new(),
            by_parameter: vec![0.0; action.parameters.len()],
            batch,
        })
    }

    /// The windows of part `c` of the group.
    fn part(&self, c: usize) -> Range<usize> {
        let first = self.windows.start + c * self.at_once;
        first..self.windows.end.min(first + self.at_once)
    }

    pub(crate) fn parts(&self) -> usize {
        self.windows.len().div_ceil(self.at_once)
    }

    /// Linearizes part `c` into the memory of that number.
    fn linearize(&mut self, action: &Action, x: &[f64], (c, memory): (usize, usize)) {
        while self.panels.len() <= memory {
            self.panels.push(self.batch.panels(self.at_once));
        }
        let part = self.part(c);
        let window = |m: usize| &x[action.layout.windows[part.start + m].all()];
        let (weights, panels) = (&self.weights, &mut self.panels[memory]);
        self.batch.linearize(weights, panels, part.len(), &window);
    }

    /// The model error of the group at the point, with all parameters `theta`; its
    /// part of the gradient is added to `gradient` by the group's states and to
    /// `free` by the estimated parameters.
    pub(crate) fn evaluate(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        theta: &[f64],
        weights: &mut [f64],
        mut gradient: Option<(&mut [f64], &mut [f64])>,
        sums: &mut Sums,
    ) {
        self.batch.pack(theta, &mut self.weights);
        self.sums.clear();
        for c in 0..self.parts() {
            self.linearize(action, visit.x, (c, 0));
            let (part, places) = (self.part(c), self.places(action, c));
            let panels = &mut self.panels[0];
            self.batch.weigh(panels, |(m, k), g, v| {
                let own = &mut weights[..g.len()];
                action.weigh(visit, (part.start + m, k), g, (own, v), sums);
            });
            if let Some((states, _)) = &mut gradient {
                let states = &mut states[places];
                self.batch
                    .pull(&self.weights, panels, &mut self.sums, states);
            }
        }
        if let Some((_, free)) = gradient {
            self.book(action, free);
        }
    }

    /// Adds the sums by the parameters to those of the estimated ones.
    fn book(&mut self, action: &Action, free: &mut [f64]) {
        self.by_parameter.fill(0.0);
        self.batch.unpack(&self.sums, &mut self.by_parameter);
        for (slot, &p) in free.iter_mut().zip(&action.layout.scope.free) {
            *slot += self.by_parameter[p];
        }
    }

    /// Whether the errors that the network makes can be the unknowns.
    pub(crate) fn unrolls(&self) -> bool {
        self.batch.unrolls()
    }

    /// Where the states of part `c` stand among those of the group.
    fn places(&self, action: &Action, c: usize) -> Range<usize> {
        let windows = &action.layout.windows;
        let (part, origin) = (self.part(c), windows[self.windows.start].all().start);
        windows[part.start].all().start - origin..windows[part.end - 1].all().end - origin
    }

    /// The errors of the group's states, in the place of all but the first layers'.
    pub(crate) fn write_errors(
        &mut self,
        action: &Action,
        x: &[f64],
        theta: &[f64],
        states: &mut [f64],
    ) {
        self.batch.pack(theta, &mut self.weights);
        for c in 0..self.parts() {
            self.linearize(action, x, (c, 0));
            let places = self.places(action, c);
            self.batch
                .write_errors(&self.panels[0], &mut states[places]);
        }
    }

    /// The group's states by the errors that stand in their place in `errors`.
    pub(crate) fn unroll(
        &mut self,
        action: &Action,
        errors: &[f64],
        theta: &[f64],
        states: &mut [f64],
    ) {
        self.batch.pack(theta, &mut self.weights);
        if self.panels.is_empty() {
            self.panels.push(self.batch.panels(self.at_once));
        }
        for c in 0..self.parts() {
            let (part, places) = (self.part(c), self.places(action, c));
            let window = |m: usize| &errors[action.layout.windows[part.start + m].all()];
            let (weights, panels) = (&self.weights, &mut self.panels[0]);
            let states = &mut states[places];
            self.batch
                .unroll(weights, panels, (part.len(), &window), states);
        }
    }

    /// The gradient by the group's states becomes that by their errors; what the
    /// estimated parameters have of it is added to `free`.
    pub(crate) fn chain(
        &mut self,
        action: &Action,
        x: &[f64],
        theta: &[f64],
        (states, free): (&mut [f64], &mut [f64]),
    ) {
        self.batch.pack(theta, &mut self.weights);
        self.sums.clear();
        for c in 0..self.parts() {
            self.linearize(action, x, (c, 0));
            let states = &mut states[self.places(action, c)];
            let panels = &mut self.panels[0];
            self.batch
                .chain(&self.weights, panels, &mut self.sums, states);
        }
        self.book(action, free);
    }

    /// Linearizes all windows, for the products below; `theta` holds all
    /// parameters.
    pub(crate) fn linearize_all(&mut self, action: &Action, x: &[f64], theta: &[f64]) {
        self.batch.pack(theta, &mut self.weights);
        for c in 0..self.parts() {
            self.linearize(action, x, (c, c));
        }
    }

    /// GᵀRG times a change of the states (of all groups, none where it is empty)
    /// and of the border, added to `to`: the group's states, where there is room
    /// for them, and the border.
    pub(crate) fn gram_product(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        (states, parameters): (&[f64], Option<&[f64]>),
        weights: &mut [f64],
        (by_states, by_border): (&mut [f64], &mut [f64]),
    ) {
        let to = (by_states, by_border);
        self.product(action, (states, parameters), to, |batch, panels, part| {
            batch.weigh(panels, |(m, k), g, v| {
                let own = &mut weights[..g.len()];
                let sums = &mut Sums::default();
                action.weigh(visit, (part.start + m, k), g, (own, v), sums);
            });
        });
    }

    /// Gᵀ W G times a change of the states and of the border, where `weigh` applies W
    /// to the residuals of a part of the windows.
    fn product(
        &mut self,
        action: &Action,
        (states, parameters): (&[f64], Option<&[f64]>),
        (by_states, by_border): (&mut [f64], &mut [f64]),
        mut weigh: impl FnMut(&Batch, &mut Panels, Range<usize>),
    ) {
        if let Some(change) = parameters {
            self.by_parameter.fill(0.0);
            for (change, &p) in change.iter().zip(&action.layout.scope.free) {
                self.by_parameter[p] = *change;
            }
            self.batch.pack(&self.by_parameter, &mut self.change);
        }
        self.sums.clear();
        let windows = &action.layout.windows;
        for c in 0..self.parts() {
            let part = self.part(c);
            let places = match by_states.is_empty() {
                true => 0..0,
                false => self.places(action, c),
            };
            let window = |m: usize| &states[windows[part.start + m].all()];
            let states = (!states.is_empty()).then_some(&window);
            let parameters = parameters.is_some().then_some(&self.change);
            let panels = &mut self.panels[c];
            self.batch.push(&self.weights, panels, states, parameters);
            weigh(&self.batch, panels, part);
            let by_states = &mut by_states[places];
            self.batch
                .pull(&self.weights, panels, &mut self.sums, by_states);
        }
        self.book(action, by_border);
    }

    /// The diagonal of GᵀRG by the border, added to `by_border`.
    pub(crate) fn gram_diagonal(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        weights: &mut [f64],
        by_border: &mut [f64],
    ) {
        self.sums.clear();
        for c in 0..self.parts() {
            let part = self.part(c);
            let panels = &mut self.panels[c];
            self.batch.weigh(panels, |(m, k), g, v| {
                let (own, sums) = (&mut weights[..g.len()], &mut Sums::default());
                action.weigh(visit, (part.start + m, k), g, (&mut *own, v), sums);
                v.copy_from_slice(own);
            });
            self.batch.add_squares(panels, &mut self.sums);
        }
        self.book(action, by_border);
    }

    /// Whether the states of its windows can be condensed.
    pub(crate) fn condenses(&self) -> bool {
        self.batch.condenses()
    }

    pub(crate) fn unit_order(&self) -> UnitOrder {
        self.batch.unit_order()
    }

    /// Linearizes all windows and factors their chains, with D⁻¹ of all states.
    pub(crate) fn condense(
        &mut self,
        action: &Action,
        visit: &EvaluationPoint<'_>,
        theta: &[f64],
        inverse: &[f64],
        chains: &mut Vec<BlockTridiagonal>,
    ) -> Result<(), f64> {
        self.linearize_all(action, visit.x, theta);
        chains.clear();
        for c in 0..self.parts() {
            let part = self.part(c);
            for (m, w) in part.enumerate() {
                let precision = action.precision_of(visit, w);
                let inverse = &inverse[action.layout.windows[w].all()];
                let place = (&self.panels[c], m);
                let chain = self
                    .batch
                    .condense(&self.weights, place, &precision, inverse)?;
                chains.push(chain);
            }
        }
        Ok(())
    }

    /// ΣᵀMΣ of the windows of part `c`.
    pub(crate) fn inverses(&self, c: usize, chains: &[BlockTridiagonal]) -> Vec<Vec<f64>> {
        let first = self.part(c).start - self.windows.start;
        let part = chains[first..].iter().take(self.part(c).len()).enumerate();
        part.map(|(m, chain)| self.batch.condensed_inverse((&self.panels[c], m), chain))
            .collect()
    }

    /// The diagonal by the border of what the condensed windows leave there, added to
    /// `by_border`.
    pub(crate) fn condensed_diagonal(
        &mut self,
        action: &Action,
        chains: &[BlockTridiagonal],
        by_border: &mut [f64],
    ) {
        self.sums.clear();
        for c in 0..self.parts() {
            let inverses = self.inverses(c, chains);
            let (panels, sums) = (&mut self.panels[c], &mut self.sums);
            self.batch.add_condensed_diagonal(panels, &inverses, sums);
        }
        self.book(action, by_border);
    }

    /// See [`Batch::add_condensed`].
    pub(crate) fn add_condensed(
        &self,
        order: &UnitOrder,
        (c, inverses): (usize, &[Vec<f64>]),
        to: (usize, &mut [f64]),
    ) {
        let panels = &self.panels[c];
        self.batch.add_condensed(order, (panels, inverses), to);
    }

    /// GᵀM G times a change of the states and of the border, added to `to`: as
    /// [`gram_product`](Self::gram_product) with M in the place of R.
    pub(crate) fn condensed_product(
        &mut self,
        action: &Action,
        chains: &[BlockTridiagonal],
        change: (&[f64], Option<&[f64]>),
        to: (&mut [f64], &mut [f64]),
    ) {
        let first = self.windows.start;
        self.product(action, change, to, |batch, panels, part| {
            let own = &chains[part.start - first..part.end - first];
            batch.solve_residuals(panels, own);
        });
    }
}
