//! What a user writes: a model as one generic function.
//!
//! A [`Flow`] is a vector field, dx/dt = F(t, x, θ, u). A [`Layers`] model is
//! a map from layer to layer, whose width may vary. Both are written once over
//! a generic [`Scalar`]; the crate gets exact Jacobians from it.

use std::ops::Range;

use ndarray::Array2;

use crate::dense::DenseLayer;
use crate::derivative::{Differentiator, Generic, Packed, Pattern, Sparsity, looks_at_values};
use crate::error::{Error, Result};
use crate::parameters::Drift;
use crate::scalar::Scalar;

/// What vector fields and layer maps have in common.
pub trait Model: Send + Sync {
    /// Number P of static parameters θ.
    fn parameter_count(&self) -> usize {
        0
    }

    /// Number of known inputs u that the model reads.
    fn input_count(&self) -> usize {
        0
    }
}

/// A vector field dx/dt = F(t, x, θ, u).
///
/// ```
/// use deepest::prelude::*;
///
/// /// A pendulum with friction; θ = (friction).
/// struct Pendulum;
///
/// impl Model for Pendulum {
///     fn parameter_count(&self) -> usize {
///         1
///     }
/// }
///
/// impl Flow for Pendulum {
///     fn width(&self) -> usize {
///         2
///     }
///     fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
///         dx[0] = x[1];
///         dx[1] = -x[0].sin() - theta[0] * x[1];
///     }
/// }
///
/// check_jacobian(&Pendulum, 0.0, &[0.3, -0.2], &[0.1], &[])?;
/// # Ok::<(), deepest::Error>(())
/// ```
pub trait Flow: Model {
    /// Number D of state components.
    fn width(&self) -> usize;

    /// Writes the D components of F to `dx`. `x` has D entries, `theta`
    /// [`Model::parameter_count`], `input` [`Model::input_count`].
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]);

    /// The sparsity pattern of the Jacobian: found by tracing unless declared.
    fn sparsity(&self) -> Sparsity {
        Sparsity::Traced
    }

    /// An optional hand-written Jacobian, for speed: sets every structurally
    /// non-zero entry and returns `true`. The default returns `false`: the
    /// Jacobian comes from dual numbers. Check it with [`check_jacobian`].
    fn jacobian(
        &self,
        _t: f64,
        _x: &[f64],
        _theta: &[f64],
        _input: &[f64],
        _entries: &mut JacobianEntries<'_>,
    ) -> bool {
        false
    }
}

/// A map from layer to layer, with a width for each layer.
///
/// Layer maps are written as residuals, so that the next layer may appear on
/// both sides (recurrent networks): g = x_{n+1} − f_n(x_n, θ) for the usual
/// feed-forward case.
pub trait Layers: Model {
    /// Number of components of layer `n`.
    fn width(&self, n: usize) -> usize;

    /// The parameters that the map from layer `n` to `n + 1` uses; it is
    /// handed exactly these.
    fn parameters_of(&self, _n: usize) -> Range<usize> {
        0..self.parameter_count()
    }

    /// Writes the residual between layer `n` and `n + 1` to `out`, which has
    /// the width of layer `n + 1`.
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    );

    /// What the map from layer `n` to `n + 1` is, where it is a dense layer of a
    /// network: [`layer`](Self::layer) is not called for it then, and many windows
    /// are evaluated together, by products of matrices.
    fn dense(&self, _n: usize) -> Option<DenseLayer> {
        None
    }
}

/// Checks that the parameters of a layer map are some of all.
pub(crate) fn check_parameters_of(
    range: &Range<usize>,
    count: usize,
    place: impl Fn() -> String,
) -> Result<()> {
    if range.start <= range.end && range.end <= count {
        return Ok(());
    }
    Err(Error::OutOfRange {
        what: "end of the parameters of a layer map",
        place: place(),
        low: range.start as f64,
        high: count as f64,
        found: range.end as f64,
    })
}

/// Where a hand-written Jacobian puts its entries.
#[derive(Debug)]
pub struct JacobianEntries<'a> {
    pattern: &'a Pattern,
    /// Column of each parameter, `None` where it is fixed.
    parameter_column: &'a [Option<usize>],
    values: &'a mut [f64],
    outside: Option<(usize, usize, f64)>,
}

impl JacobianEntries<'_> {
    /// Sets ∂F_row/∂x_component.
    #[inline]
    pub fn state(&mut self, row: usize, component: usize, value: f64) {
        self.set(row, component, value);
    }

    /// Sets ∂F_row/∂θ_parameter; nothing happens where that parameter is fixed.
    #[inline]
    pub fn parameter(&mut self, row: usize, parameter: usize, value: f64) {
        if let Some(&Some(column)) = self.parameter_column.get(parameter) {
            self.set(row, column, value);
        }
    }

    #[inline]
    fn set(&mut self, row: usize, column: usize, value: f64) {
        let place = (row < self.pattern.rows()).then(|| self.pattern.find(row, column));
        match place.flatten() {
            Some(place) => self.values[place] = value,
            None => self.outside = Some((row, column, value)),
        }
    }
}

/// Which unknowns an evaluation has besides the model's own state.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Index of each estimated static parameter.
    pub(crate) free: Vec<usize>,
    /// Parameters that change in time: one more component of every layer each.
    pub(crate) drifting: Vec<(usize, Drift)>,
}

impl Scope {
    /// Parameters with those that change in time taken from the end of a
    /// layer's state, whose own `width` components come first.
    #[inline(always)]
    pub(crate) fn set_drifting<S: Scalar>(&self, x: &[S], width: usize, theta: &mut [S]) {
        for (&(parameter, _), &value) in self.drifting.iter().zip(&x[width..]) {
            theta[parameter] = value;
        }
    }

    /// φ̇ of the parameters that change in time, without the noise.
    #[inline(always)]
    pub(crate) fn drift<S: Scalar>(&self, x: &[S], width: usize, out: &mut [S]) {
        let values = x[width..].iter().zip(&mut out[width..]);
        for ((_, drift), (&value, slot)) in self.drifting.iter().zip(values) {
            *slot = (value - drift.mean) * -drift.rate;
        }
    }
}

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
    parameter_column: Vec<Option<usize>>,
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

/// The exact Jacobian (∂F/∂x, ∂F/∂θ) of a flow, D rows by D + P columns, by
/// dual numbers without any pattern.
///
/// # Errors
/// [`Error::Length`] for arguments of the wrong length.
pub fn jacobian<M: Flow>(
    model: &M,
    t: f64,
    x: &[f64],
    theta: &[f64],
    input: &[f64],
) -> Result<Array2<f64>> {
    check_arguments(model, x, theta, input)?;
    let (d, p) = (model.width(), model.parameter_count());
    let free: Vec<usize> = (0..p).collect();
    let at = FlowAt {
        model,
        scope: &Scope::default(),
        time: t,
        input,
    };
    let mut dense = Differentiator::new(&at, p, &free, &Sparsity::Dense);
    let mut out = vec![0.0; d];
    let mut matrix = Array2::zeros((d, d + p));
    let mut entries = vec![0.0; d * (d + p)];
    dense.jacobian(&at, x, theta, &mut out, &mut entries);
    for (slot, value) in matrix.iter_mut().zip(entries) {
        *slot = value;
    }
    Ok(matrix)
}

/// Checks the Jacobian that minimizations will use — hand-written or by
/// colouring of a traced or declared pattern — against dense dual numbers at
/// one point, to a relative 1e-8 of the row's largest entry.
///
/// # Errors
/// [`Error::WrongJacobian`] with the first entry that differs, also when it
/// lies outside the pattern; [`Error::Length`] for arguments of the wrong
/// length; [`Error::ModelNotFinite`] when the flow is not finite there.
pub fn check_jacobian<M: Flow>(
    model: &M,
    t: f64,
    x: &[f64],
    theta: &[f64],
    input: &[f64],
) -> Result<()> {
    let exact = jacobian(model, t, x, theta, input)?;
    let d = model.width();
    let scope = Scope {
        free: (0..model.parameter_count()).collect(),
        drifting: Vec::new(),
    };
    let mut derivative = FlowDerivative::new(model, &scope);
    let mut out = vec![0.0; d];
    let mut entries = vec![0.0; derivative.pattern().entry_count()];
    let at = FlowAt {
        model,
        scope: &scope,
        time: t,
        input,
    };
    derivative.jacobian(&at, x, theta, &mut out, &mut entries);
    if let Some(component) = out.iter().position(|v| !v.is_finite()) {
        return Err(Error::ModelNotFinite {
            place: format!("flow at t = {t}"),
            component,
            found: out[component],
        });
    }
    check_outside(model, t, x, theta, input, &derivative, &exact)?;
    for row in 0..d {
        let size = exact.row(row).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        for column in 0..exact.ncols() {
            let place = derivative.pattern().find(row, column);
            let found = place.map_or(0.0, |e| entries[e]);
            let expected = exact[(row, column)];
            let error = (found - expected).abs();
            if error.is_nan() || error > 1e-8 * size.max(f64::MIN_POSITIVE) {
                return Err(wrong(t, row, column, expected, found));
            }
        }
    }
    Ok(())
}

/// A hand-written entry outside the pattern would be lost without a word.
fn check_outside<M: Flow>(
    model: &M,
    t: f64,
    x: &[f64],
    theta: &[f64],
    input: &[f64],
    derivative: &FlowDerivative,
    exact: &Array2<f64>,
) -> Result<()> {
    let mut values = vec![0.0; derivative.pattern().entry_count()];
    let mut entries = JacobianEntries {
        pattern: derivative.pattern(),
        parameter_column: &derivative.parameter_column,
        values: &mut values,
        outside: None,
    };
    model.jacobian(t, x, theta, input, &mut entries);
    match entries.outside {
        Some((row, column, found)) if found != 0.0 => {
            let expected = exact.get((row, column)).copied().unwrap_or(f64::NAN);
            Err(wrong(t, row, column, expected, found))
        }
        _ => Ok(()),
    }
}

fn wrong(t: f64, row: usize, column: usize, expected: f64, found: f64) -> Error {
    Error::WrongJacobian {
        place: format!("flow at t = {t}"),
        row,
        column,
        expected,
        found,
    }
}

fn check_arguments<M: Flow>(model: &M, x: &[f64], theta: &[f64], input: &[f64]) -> Result<()> {
    for (what, expected, found) in [
        ("state", model.width(), x.len()),
        ("parameters", model.parameter_count(), theta.len()),
        ("input", model.input_count(), input.len()),
    ] {
        if expected != found {
            return Err(Error::Length {
                what,
                place: "Jacobian of a flow".into(),
                expected,
                found,
            });
        }
    }
    Ok(())
}
