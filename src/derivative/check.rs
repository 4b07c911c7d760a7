//! Checks of a Jacobian that was written by hand, or declared to be sparse.

use ndarray::Array2;

use std::sync::Arc;

use super::any::AnyFlow;
use super::flow::{FlowAt, FlowDerivative, FlowPlan};
use super::places::Places;
use super::plan::{Differentiator, Plan};
use crate::error::{Error, Result};
use crate::model::{Flow, JacobianEntries, Scope, Sparsity};

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
    let plan = Plan::new(&at, p, &free, &Sparsity::Dense);
    let mut dense = Differentiator::new(Arc::new(plan));
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
/// one point, to a relative 1e-8 of the row's largest entry. It sees the branch that
/// the model takes there: check a model that branches at a point of each.
///
/// # Errors
/// [`Error::WrongJacobian`] with the first entry that differs, also when it
/// lies outside the pattern or was not set; [`Error::Length`] for arguments of the
/// wrong length; [`Error::ModelNotFinite`] when the flow is not finite there;
/// [`Error::UndeclaredPattern`] and [`Error::OutOfRange`] where the model does not
/// declare its pattern, or wrongly.
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
    let plan = Arc::new(FlowPlan::new(model, &scope, &Places::default())?);
    let mut derivative = FlowDerivative::new(plan.clone());
    let mut out = vec![0.0; d];
    // What is not written stays what no derivative is.
    let mut entries = vec![f64::NAN; derivative.pattern().entry_count()];
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
    check_outside(&at, (x, theta), &plan, &exact)?;
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
fn check_outside(
    at: &FlowAt<'_>,
    (x, theta): (&[f64], &[f64]),
    plan: &FlowPlan,
    exact: &Array2<f64>,
) -> Result<()> {
    let mut values = vec![0.0; plan.pattern().entry_count()];
    let mut entries = JacobianEntries::new(plan.pattern(), &plan.parameter_column, &mut values);
    at.model.jacobian(at.time, x, theta, at.input, &mut entries);
    match entries.outside {
        Some((row, column, found)) if found != 0.0 => {
            let expected = exact.get((row, column)).copied().unwrap_or(f64::NAN);
            Err(wrong(at.time, row, column, expected, found))
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

fn check_arguments(model: &dyn AnyFlow, x: &[f64], theta: &[f64], input: &[f64]) -> Result<()> {
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
