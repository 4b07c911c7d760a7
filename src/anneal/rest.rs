//! Paths and parameters before anything is known of them.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::signal::Signal;
use crate::action::{Action, Estimate};
use crate::error::Result;
use crate::problem::parameters::Parameter;
use crate::problem::path::Path;

/// The guesses as they are, or draws from the bounds, the prior or around the
/// guess.
pub(super) fn guess_parameters(
    action: &Action,
    as_given: bool,
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<f64> {
    let draw = |parameter: &Parameter, rng: &mut Xoshiro256PlusPlus| {
        let (u, z): (f64, f64) = (rng.random(), StandardNormal.sample(rng));
        if parameter.fixed.is_some() || as_given {
            return parameter.initial();
        }
        let bounds = parameter.range();
        let drawn = match (parameter.prior, bounds.width()) {
            (Some(prior), _) => prior.draw(z),
            (None, Some(width)) => bounds.lower() + u * width,
            (None, None) => parameter.initial() + 0.5 * z * parameter.scale(),
        };
        bounds.nearest(drawn)
    };
    action.parameters().map(|(_, p)| draw(p, rng)).collect()
}

/// The path of [`Starts::Mean`](super::Starts::Mean) with the parameters as they are guessed.
pub(super) fn rest(action: &Action) -> Result<Vec<f64>> {
    let signals = Signal::of_all(action);
    let paths = signals.iter().enumerate();
    let paths = paths.map(|(w, signal)| mean(action, w, signal));
    let parameters: Vec<f64> = action.parameters().map(|(_, p)| p.initial()).collect();
    action.pack(&Estimate::new(paths.collect(), parameters))
}

/// The signal where there is one, elsewhere what `hidden(n, i)` says, which is
/// asked for every layer n and component i.
pub(super) fn path_of(
    action: &Action,
    w: usize,
    signal: &Signal<'_>,
    mut hidden: impl FnMut(usize, usize) -> f64,
) -> Path {
    let layout = &action.layout().windows[w];
    Path::from_layers((0..layout.layers()).map(|n| {
        let component = |i| {
            let hidden = hidden(n, i);
            signal.value(n, i).unwrap_or(hidden)
        };
        let width = layout.state(n).len();
        (0..width).map(component).collect::<Vec<_>>()
    }))
}

pub(super) fn mean(action: &Action, w: usize, signal: &Signal<'_>) -> Path {
    path_of(action, w, signal, |_, i| signal.rest(i))
}
