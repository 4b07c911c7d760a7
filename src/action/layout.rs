//! Where each unknown stands in the vector of unknowns.

use std::ops::Range;

use crate::linalg::ChainShape;
use crate::model::Scope;
use crate::problem::parameters::{Parameter, Reach};

/// States window by window and layer by layer, then the *border*: static
/// parameters that are shared, then those that each window has of its own.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) windows: Vec<WindowLayout>,
    /// Estimated parameters by kind.
    pub(crate) scope: Scope,
    /// What each unknown of the border is.
    pub(crate) slots: Vec<Slot>,
    /// For each window the place in the border of each of `scope.free`; once
    /// where all windows share all of them.
    border_of: Vec<Vec<usize>>,
}

/// An unknown of the border.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slot {
    /// Index of the parameter.
    pub(crate) parameter: usize,
    /// The window that alone has it.
    pub(crate) window: Option<usize>,
}

/// Offsets of one window's layers in the vector of unknowns.
#[derive(Debug, Clone)]
pub(crate) struct WindowLayout {
    offsets: Vec<usize>,
    /// Steps in an interval of the discretization.
    steps: usize,
    /// Components at the end of each layer that are parameters.
    drifting: usize,
}

impl Layout {
    /// `widths` gives the model's width of each layer of each window.
    pub(crate) fn new(widths: &[Vec<usize>], steps: usize, parameters: &[Parameter]) -> Self {
        let mut scope = Scope::default();
        for (p, parameter) in parameters.iter().enumerate() {
            match (parameter.fixed, parameter.reach) {
                (Some(_), _) => {}
                (None, Reach::Layer(drift)) => scope.drifting.push((p, drift)),
                (None, _) => scope.free.push(p),
            }
        }
        let shared = |p: &usize| parameters[*p].reach == Reach::All;
        let slot = |&parameter, window| Slot { parameter, window };
        let (all, own): (Vec<usize>, Vec<usize>) = scope.free.iter().partition(|p| shared(p));
        // In the order of the border, so that a window's columns increase
        // there and Gram matrices fill one triangle.
        scope.free = [&all[..], &own[..]].concat();
        let mut slots: Vec<Slot> = all.iter().map(|p| slot(p, None)).collect();
        for w in 0..widths.len() {
            slots.extend(own.iter().map(|p| slot(p, Some(w))));
        }
        let different = if own.is_empty() { 1 } else { widths.len() };
        let border_of = (0..different)
            .map(|w| {
                let first = all.len() + w * own.len();
                (0..all.len()).chain(first..first + own.len()).collect()
            })
            .collect();
        let drifting = scope.drifting.len();
        let mut next = 0;
        let windows = widths
            .iter()
            .map(|widths| {
                let mut offsets = vec![next];
                for width in widths {
                    next += width + drifting;
                    offsets.push(next);
                }
                WindowLayout {
                    offsets,
                    steps,
                    drifting,
                }
            })
            .collect();
        Self {
            windows,
            scope,
            slots,
            border_of,
        }
    }

    /// The place in the border of each of `scope.free` for window `w`.
    pub(crate) fn border_of(&self, w: usize) -> &[usize] {
        &self.border_of[w.min(self.border_of.len() - 1)]
    }

    /// Whether all windows have the same parameters.
    pub(crate) fn shares_all(&self) -> bool {
        self.slots.len() == self.scope.free.len()
    }

    /// How many unknowns of the border all windows share, and how many each has of its
    /// own behind them.
    pub(crate) fn border_parts(&self) -> (usize, usize) {
        let shared = self.slots.iter().filter(|slot| slot.window.is_none());
        let shared = shared.count();
        (shared, (self.slots.len() - shared) / self.windows.len())
    }

    /// Where the border begins.
    pub(crate) fn border(&self) -> usize {
        self.windows.last().map_or(0, |w| w.offsets[w.layers()])
    }

    pub(crate) fn dimension(&self) -> usize {
        self.border() + self.slots.len()
    }
}

impl WindowLayout {
    pub(crate) fn layers(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn intervals(&self) -> usize {
        (self.layers() - 1) / self.steps
    }

    pub(crate) fn layer(&self, n: usize) -> Range<usize> {
        self.offsets[n]..self.offsets[n + 1]
    }

    /// The model's own components of layer `n`.
    pub(crate) fn state(&self, n: usize) -> Range<usize> {
        self.offsets[n]..self.offsets[n + 1] - self.drifting
    }

    /// The parameters of layer `n`.
    pub(crate) fn drifting(&self, n: usize) -> Range<usize> {
        self.offsets[n + 1] - self.drifting..self.offsets[n + 1]
    }

    /// First layer of an interval.
    pub(crate) fn first(&self, interval: usize) -> usize {
        interval * self.steps
    }

    /// Number of layers that begin in an interval; those of the last node
    /// count as an interval of one.
    pub(crate) fn begins(&self, interval: usize) -> Range<usize> {
        let first = self.first(interval);
        first..self.layers().min(first + self.steps)
    }

    /// All layers of an interval, both ends included.
    pub(crate) fn span(&self, interval: usize) -> Range<usize> {
        let first = self.first(interval);
        self.offsets[first]..self.offsets[first + self.steps + 1]
    }

    /// All layers.
    pub(crate) fn all(&self) -> Range<usize> {
        self.offsets[0]..self.offsets[self.layers()]
    }

    /// The window's chain of blocks: interval ends are nodes, layers between
    /// them interior.
    pub(crate) fn chain(&self) -> ChainShape {
        let node = |k: usize| self.layer(self.first(k)).len();
        let interior = |k: usize| {
            let first = self.first(k);
            self.offsets[first + self.steps] - self.offsets[first + 1]
        };
        ChainShape {
            nodes: (0..=self.intervals()).map(node).collect(),
            interiors: (0..self.intervals()).map(interior).collect(),
        }
    }
}
