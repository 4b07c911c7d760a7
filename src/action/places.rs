//! Where a problem evaluates its model, from what its windows, parameters and bounds
//! say.

use crate::derivative::{Places, Values};
use crate::problem::bounds::Bounds;
use crate::problem::parameters::Parameter;
use crate::problem::windows::Window;

/// Times and inputs of the windows; states within their bounds, else where they were
/// measured or, not measured themselves, where any was; parameters within theirs.
pub(crate) fn places<'a>(
    windows: &'a [Window],
    parameters: &[Parameter],
    state_bounds: &[(usize, Bounds)],
) -> Places<'a> {
    let mut measured: Vec<(f64, f64)> = Vec::new();
    for set in windows.iter().flat_map(Window::observation_sets) {
        let Some(components) = set.components() else {
            continue;
        };
        for (column, &component) in set.values().columns().into_iter().zip(components) {
            if measured.len() <= component {
                measured.resize(component + 1, EMPTY);
            }
            let known = column.iter().filter(|v| !v.is_nan());
            let range = &mut measured[component];
            *range = known.fold(*range, |(low, high), &v| (low.min(v), high.max(v)));
        }
    }
    let all = measured.iter().fold(EMPTY, |(low, high), range| {
        (low.min(range.0), high.max(range.1))
    });
    // One more stands for all components that nothing is known of.
    let bounded = state_bounds.iter().map(|(component, _)| component + 1);
    let count = bounded.max().unwrap_or(0).max(measured.len()) + 1;
    let states = (0..count).map(|i| {
        let range = measured.get(i).copied().filter(|r| r.0 <= r.1);
        let (low, high) = range.unwrap_or(all);
        let bounds = state_bounds.iter().find(|(component, _)| *component == i);
        within(
            low,
            high,
            bounds.map_or(Bounds::NONE, |(_, bounds)| *bounds),
        )
    });
    Places {
        windows: windows
            .iter()
            .map(|window| (window.grid().times(), window.known_inputs()))
            .collect(),
        states: states.collect(),
        parameters: parameters
            .iter()
            .map(|parameter| {
                let start = parameter.initial();
                let (low, high) = match parameter.fixed {
                    Some(value) => (value, value),
                    None => {
                        let around = within(start - 1.0, start + 1.0, parameter.range());
                        (around.low, around.high)
                    }
                };
                Values { start, low, high }
            })
            .collect(),
    }
}

const EMPTY: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// Values from `low` to `high` and some beyond, or within bounds where there are two.
fn within(low: f64, high: f64, bounds: Bounds) -> Values {
    let (low, high) = if low <= high {
        (low, high)
    } else {
        (-1.0, 1.0)
    };
    let margin = 0.25 * (high - low) + f64::from(u8::from(high == low));
    let (low, high) = match bounds.width() {
        Some(_) => (bounds.lower(), bounds.upper()),
        None => {
            let low = bounds.nearest(low - margin);
            (low, bounds.nearest(high + margin).max(low))
        }
    };
    Values {
        start: 0.5 * (low + high),
        low,
        high,
    }
}
