//! Whether a model sets all that it is to write, and reads no more than it is handed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::any::{AnyFlow, AnyLayers};
use super::places::{Places, Point};
use crate::error::{Error, Result};

/// Points at which a flow is asked.
const POINTS: usize = 16;

/// Checks a flow at some of the places of a problem.
///
/// # Errors
/// [`Error::NotWritten`] for a component of `dx` that it does not set, or adds to;
/// [`Error::ModelPanicked`] where it panics, as it does where it reads a parameter or an
/// input that it has not declared.
pub(super) fn check_flow(model: &dyn AnyFlow, places: &Places<'_>) -> Result<()> {
    let (d, p, inputs) = (model.width(), model.parameter_count(), model.input_count());
    places.each((d, p, inputs), POINTS, |point| {
        let Point {
            time,
            input,
            state,
            theta,
        } = point;
        let call = |dx: &mut [f64]| model.values(*time, state, theta, input, dx);
        written(d, ("dx", [p, inputs]), || format!("flow, t = {time}"), call)
    })
}

/// The same for the map from layer `n`, at `point` with both layers behind each other.
///
/// # Errors
/// As [`check_flow`].
pub(crate) fn check_layer(
    model: &dyn AnyLayers,
    n: usize,
    (state, theta, input): (&[f64], &[f64], &[f64]),
) -> Result<()> {
    let layers = state.split_at(model.width(n));
    let call = |out: &mut [f64]| model.values(n, layers, theta, input, out);
    let place = || format!("map from layer {n}");
    let sizes = [theta.len(), input.len()];
    written(layers.1.len(), ("out", sizes), place, call)
}

/// Calls a model twice, with different numbers where it is to write.
fn written(
    count: usize,
    (what, [parameters, inputs]): (&'static str, [usize; 2]),
    place: impl Fn() -> String,
    call: impl Fn(&mut [f64]),
) -> Result<()> {
    let filled_with = |value: f64| {
        let mut out = vec![value; count];
        match catch_unwind(AssertUnwindSafe(|| call(&mut out))) {
            Ok(()) => Ok(out),
            Err(cause) => Err(Error::ModelPanicked {
                place: place(),
                message: message(&*cause),
                parameters,
                inputs,
            }),
        }
    };
    let (zeros, ones) = (filled_with(0.0)?, filled_with(1.0)?);
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    match zeros.iter().zip(&ones).position(|pair| !same(pair)) {
        None => Ok(()),
        Some(component) => Err(Error::NotWritten {
            what,
            place: place(),
            component,
        }),
    }
}

/// What a panic said.
fn message(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".into())
}
