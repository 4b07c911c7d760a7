//! The files of the Python package
//! [varanneal](https://github.com/paulrozdeba/varanneal), array by array, so
//! that scripts which read its results read those of this crate.
//!
//! Each function writes what the method of the same name of
//! `varanneal.va_ode.Annealer` writes, for one start: a row for each of its
//! Nβ levels, in the order of β. varanneal knows one window; an action of several
//! is refused with [`Error::Length`].

use std::path::Path;

use ndarray::{Array2, ArrayView, IxDyn};

use super::npy::write_npy;
use crate::action::Action;
use crate::anneal::{Level, StartResult};
use crate::error::{Error, Result, check_length};
use crate::file;
use crate::minimize::Termination;
use crate::problem::path;
use crate::problem::precision::Shape;

/// The paths as an array of Nβ × N × (1 + D): `[level, layer, 0]` is the time,
/// the same for every level, and `[level, layer, 1 + i]` component i.
///
/// # Errors
/// [`Error::Length`] for layers of different widths, an action of several windows
/// and a start of another action; [`Error::File`].
pub fn save_paths(path: impl AsRef<Path>, action: &Action, start: &StartResult) -> Result<()> {
    let times = times(action)?;
    let (mut values, mut width) = (Vec::new(), 0);
    for (k, level) in start.levels.iter().enumerate() {
        let states = states(action, level)?.to_array()?;
        // The first level says how wide all are.
        width = if k == 0 { states.ncols() } else { width };
        same("components", level.beta, width, states.ncols())?;
        for (time, state) in times.iter().zip(states.rows()) {
            values.push(*time);
            values.extend(state);
        }
    }
    save(path, &[start.levels.len(), times.len(), 1 + width], &values)
}

/// The parameters, P of them with the fixed ones, as an array of Nβ × P. Where
/// any changes in time, Nβ × N × P, in which the others repeat; Euler's rule and
/// the map leave out the last layer (N − 1).
///
/// # Errors
/// As [`save_paths`].
pub fn save_params(path: impl AsRef<Path>, action: &Action, start: &StartResult) -> Result<()> {
    let mut values = Vec::new();
    for level in &start.levels {
        values.extend(parameters(action, level)?);
    }
    let (levels, count) = (start.levels.len(), action.parameters().count());
    match parameter_layers(action)? {
        None => save(path, &[levels, count], &values),
        Some(layers) => save(path, &[levels, layers, count], &values),
    }
}

/// The levels as an array of Nβ × 5: β, the action, its measurement term, its
/// model term, and the model term over R_f.
///
/// The terms are those of the action's own normalization;
/// [`Mean`](crate::Normalization::Mean) is varanneal's. The R_f of the last
/// column is that of the first component: R_f times the first number of
/// [`Action::model_precision`], or of the shape that the annealer balanced.
///
/// # Errors
/// [`Error::File`].
pub fn save_action_errors(
    path: impl AsRef<Path>,
    action: &Action,
    start: &StartResult,
) -> Result<()> {
    let shape = match action.model_precision().shape() {
        Shape::Scalar(value) => *value,
        Shape::Diagonal(values) => values[0],
        Shape::Full(matrix) => matrix[[0, 0]],
    };
    let rows = start.levels.iter().map(|level| {
        let terms = level.action;
        let shape = level.estimate.shape.first().copied().unwrap_or(shape);
        let error = terms.model / (level.rf * shape);
        [
            level.beta,
            terms.total,
            terms.measurement,
            terms.model,
            error,
        ]
    });
    let rows: Vec<[f64; 5]> = rows.collect();
    write_npy(path, Array2::from(rows).view())
}

/// The text that minAone writes, a line a level: β, the exit flag, the action,
/// the N × D states layer after layer, and the parameters as [`save_params`]
/// orders them. Numbers stand as `%.18e`, with one space between them. The exit
/// flag is SciPy's: 0 at a minimum, 1 at a limit of work, 2 otherwise.
///
/// # Errors
/// As [`save_paths`], but widths may differ.
pub fn save_as_minaone(path: impl AsRef<Path>, action: &Action, start: &StartResult) -> Result<()> {
    times(action)?;
    let mut text = String::new();
    for level in &start.levels {
        let flag = match level.termination {
            Termination::Converged | Termination::RoundingLimit => 0.0,
            Termination::IterationLimit => 1.0,
            _ => 2.0,
        };
        let mut row = vec![level.beta, flag, level.action.total];
        row.extend(states(action, level)?.values());
        row.extend(parameters(action, level)?);
        let row: Vec<String> = row.into_iter().map(scientific).collect();
        text += &row.join(" ");
        text.push('\n');
    }
    file::replace(path.as_ref(), text.as_bytes())
}

/// The times of the only window.
fn times(action: &Action) -> Result<&[f64]> {
    match action.windows() {
        [window] => Ok(window.grid().times()),
        windows => Err(Error::Length {
            what: "windows",
            place: "files of varanneal".into(),
            expected: 1,
            found: windows.len(),
        }),
    }
}

/// The path of the only window.
fn states<'a>(action: &'a Action, level: &'a Level) -> Result<&'a path::Path> {
    let (_, path) = action.window_with_path(&level.estimate, 0)?;
    Ok(path)
}

/// For how many layers there are parameters, where any changes in time.
fn parameter_layers(action: &Action) -> Result<Option<usize>> {
    let layers = times(action)?.len();
    let drifts = !action.layout().scope.drifting.is_empty();
    let explicit = matches!(action.rule_name(), "euler" | "map");
    Ok(drifts.then_some(if explicit { layers - 1 } else { layers }))
}

/// The parameters of a level, layer after layer where any changes in time.
fn parameters(action: &Action, level: &Level) -> Result<Vec<f64>> {
    let estimate = &level.estimate;
    let count = action.parameters().count();
    same("parameters", level.beta, count, estimate.parameters.len())?;
    let Some(layers) = parameter_layers(action)? else {
        return Ok(estimate.parameters.clone());
    };
    let drifting = &action.layout().scope.drifting;
    let mut values = estimate.parameters.repeat(layers);
    for (n, row) in values.chunks_mut(count).enumerate() {
        let varying = estimate
            .varying
            .first()
            .map_or(&[][..], |path| path.layer(n));
        same(
            "varying parameters",
            level.beta,
            drifting.len(),
            varying.len(),
        )?;
        for ((p, _), value) in drifting.iter().zip(varying) {
            row[*p] = *value;
        }
    }
    Ok(values)
}

fn same(what: &'static str, beta: f64, expected: usize, found: usize) -> Result<()> {
    let place = || format!("files of varanneal, β = {beta}");
    check_length(what, place, expected, found)
}

fn save(path: impl AsRef<Path>, shape: &[usize], values: &[f64]) -> Result<()> {
    let array = ArrayView::from_shape(IxDyn(shape), values).map_err(|_| Error::Length {
        what: "values",
        place: "files of varanneal".into(),
        expected: shape.iter().product(),
        found: values.len(),
    })?;
    write_npy(path, array)
}

/// As C's `%.18e`, in which an exponent has a sign and two digits at least.
fn scientific(value: f64) -> String {
    let text = format!("{value:.18e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        // NaN and infinity, as Python writes them.
        None => text.to_lowercase(),
    }
}
