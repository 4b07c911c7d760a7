//! Derivatives of a flow.

use super::{Flow, JacobianEntries, Scope};
use crate::derivative::{Differentiator, Generic, Packed, Pattern, Sparsity, looks_at_values};
use crate::scalar::Scalar;

/// A flow at one time with one input: the generic function of (x, θ), where x
/// includes the parameters that change in time.
pub(crate) struct FlowAt<'a, M, B = f64> {
    pub(crate) model: &'a M,
    pub(crate) scope: &'a Scope,
    pub(crate) time: B,
    pub(crate) input: &'a [B],
}

impl<M: Flow, B: Scalar> Generic<B> for FlowAt<'_, M, B> {
    fn inputs(&self) -> usize {
        self.model.width() + self.scope.drifting.len()
    }
    fn outputs(&self) -> usize {
        self.inputs()
    }
    #[inline(always)]
    fn call<S: Scalar + From<B>>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        scratch.clear();
        scratch.extend(self.input.iter().map(|&u| <S as From<B>>::from(u)));
        let time = <S as From<B>>::from(self.time);
        if self.scope.drifting.is_empty() {
            self.model.flow(time, x, theta, scratch, out);
            return;
        }
        let width = self.model.width();
        scratch.extend_from_slice(theta);
        let (input, theta) = scratch.split_at_mut(self.input.len());
        self.scope.set_drifting(x, width, theta);
        self.model
            .flow(time, &x[..width], theta, input, &mut out[..width]);
        self.scope.drift(x, width, out);
    }
}

/// Derivatives of a flow: hand-written where the model has them, else dual.
#[derive(Debug, Clone)]
pub(crate) struct FlowDerivative {
    differentiator: Differentiator,
    pub(super) parameter_column: Vec<Option<usize>>,
    scratch: Vec<f64>,
    /// Many points at once, where the model neither compares numbers nor has a
    /// hand-written Jacobian.
    pub(crate) packed: Option<Packed>,
}

impl FlowDerivative {
    pub(crate) fn new<M: Flow>(model: &M, scope: &Scope) -> Self {
        let input = vec![0.5; model.input_count()];
        let at = FlowAt {
            model,
            scope,
            time: 0.25,
            input: &input,
        };
        let mut parameter_column = vec![None; model.parameter_count()];
        for (k, &(p, _)) in scope.drifting.iter().enumerate() {
            parameter_column[p] = Some(model.width() + k);
        }
        for (k, &p) in scope.free.iter().enumerate() {
            parameter_column[p] = Some(at.inputs() + k);
        }
        let parameters = model.parameter_count();
        let mut derivative = Self {
            // The diagonal is always there: discretizations add to it.
            differentiator: Differentiator::with_diagonal(
                &at,
                parameters,
                &scope.free,
                &declared(model, &parameter_column),
            ),
            parameter_column,
            scratch: Vec::new(),
            packed: None,
        };
        if !looks_at_values(&at, parameters) && !derivative.by_hand(&at) {
            derivative.packed = Some(derivative.differentiator.packed());
        }
        derivative
    }

    /// Whether the model's Jacobian is hand-written.
    fn by_hand<M: Flow>(&self, at: &FlowAt<'_, M>) -> bool {
        let (model, pattern) = (at.model, self.pattern());
        let mut entries = JacobianEntries {
            pattern,
            parameter_column: &self.parameter_column,
            values: &mut vec![0.0; pattern.entry_count()],
            outside: None,
        };
        let x = vec![0.5; model.width()];
        let theta = vec![0.5; model.parameter_count()];
        model.jacobian(at.time, &x, &theta, at.input, &mut entries)
    }

    /// Columns: state components, then free parameters.
    pub(crate) fn pattern(&self) -> &Pattern {
        self.differentiator.pattern()
    }

    /// F at the point in `out`, the entries of its Jacobian in `entries`.
    #[inline]
    pub(crate) fn jacobian<M: Flow>(
        &mut self,
        at: &FlowAt<'_, M>,
        x: &[f64],
        theta: &[f64],
        out: &mut [f64],
        entries: &mut [f64],
    ) {
        let width = at.model.width();
        let mut seen = theta;
        if !at.scope.drifting.is_empty() {
            self.scratch.clear();
            self.scratch.extend_from_slice(theta);
            at.scope.set_drifting(x, width, &mut self.scratch);
            seen = &self.scratch;
        }
        let mut by_hand = JacobianEntries {
            pattern: self.differentiator.pattern(),
            parameter_column: &self.parameter_column,
            values: entries,
            outside: None,
        };
        let states = &x[..width];
        if at
            .model
            .jacobian(at.time, states, seen, at.input, &mut by_hand)
        {
            for (k, (_, drift)) in at.scope.drifting.iter().enumerate() {
                by_hand.set(width + k, width + k, -drift.rate);
            }
            at.model
                .flow(at.time, states, seen, at.input, &mut out[..width]);
            at.scope.drift(x, width, out);
        } else {
            self.differentiator.jacobian(at, x, theta, out, entries);
        }
    }

    /// See [`Differentiator::contract`].
    pub(crate) fn contract<M: Flow>(
        &mut self,
        at: &FlowAt<'_, M>,
        x: &[f64],
        theta: &[f64],
        weights: &[f64],
        add: impl FnMut(usize, usize, f64),
    ) {
        self.differentiator.contract(at, x, theta, weights, add);
    }
}

/// A declared pattern in columns of an evaluation: parameters that change in
/// time stand among the states.
fn declared<M: Flow>(model: &M, parameter_column: &[Option<usize>]) -> Sparsity {
    let Sparsity::Declared(pairs) = model.sparsity() else {
        return model.sparsity();
    };
    let column = |unknown: usize| match unknown.checked_sub(model.width()) {
        None => Some(unknown),
        Some(p) => parameter_column.get(p).copied().flatten(),
    };
    let known = pairs.into_iter();
    Sparsity::Declared(
        known
            .filter_map(|(row, unknown)| Some((row, column(unknown)?)))
            .collect(),
    )
}
