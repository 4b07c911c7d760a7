//! The observations of a window as signals that a model can be pulled to.

use std::sync::Arc;

use crate::action::{Action, Series, Units};
use crate::discretization::Target;
use crate::linalg::cholesky;
use crate::problem::bounds::Bounds;
use crate::problem::operators::{Operator, Place};
use crate::problem::windows::Window;

/// A window whose values spread by less than this part of those of all windows says
/// nothing of what is usual.
const NARROW: f64 = 0.1;

/// A run is lost so many ranges of a component's data away from them.
const LOST: f64 = 10.0;

/// The likely spread of a component is at least this part of its size.
const LEAST_SPREAD: f64 = 1e-6;

/// Measured components, interpolated linearly between their times, and what
/// else is known of the states.
pub(super) struct Signal<'a> {
    series: Series,
    usual: Usual,
    units: &'a Units,
    /// Between which values a run is near the data, by component; none where the data
    /// do not say.
    near: Arc<[Option<(f64, f64)>]>,
    /// Mean and deviation of each component of the first state.
    prior: Vec<(f64, f64)>,
    /// The deviations of what was measured of the first state.
    errors: Vec<f64>,
    bounds: &'a [(usize, Bounds)],
    /// What operators measured, by layer.
    indirect: Vec<Vec<Indirect>>,
}

/// What is usual among measured values, each in its component's unit.
#[derive(Debug, Clone, Copy)]
struct Usual {
    mean: f64,
    deviation: f64,
    range: (f64, f64),
}

/// What an operator measured at one layer.
struct Indirect {
    operator: Arc<dyn Operator>,
    k: usize,
    time: f64,
    /// NaN where missing.
    values: Vec<f64>,
}

impl Usual {
    fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low <= high).then_some(Self {
            mean,
            deviation: variance.sqrt(),
            range: (low, high),
        })
    }

    /// That of all windows; where all values are equal, as much as they are large.
    fn of_all(values: &[f64], units: &Units) -> Self {
        let one = Self {
            mean: 0.0,
            deviation: 1.0,
            range: (-1.0, 1.0),
        };
        let usual = Self::of(values).unwrap_or(one);
        if usual.deviation > LEAST_SPREAD * usual.mean.abs() {
            return usual;
        }
        let deviation = units.usual();
        Self {
            deviation,
            range: (usual.mean - deviation, usual.mean + deviation),
            ..usual
        }
    }
}

impl<'a> Signal<'a> {
    /// Those of all windows.
    pub(super) fn of_all(action: &'a Action) -> Vec<Self> {
        let units = action.units();
        let windows = action.windows().iter();
        let series: Vec<Series> = windows.map(Series::of).collect();
        let values = series.iter().flat_map(|series| &series.values);
        let values: Vec<f64> = values.map(|&(i, y)| y / units.of(i)).collect();
        let usual = Usual::of_all(&values, units);
        let near: Arc<[_]> = near(&series).into();
        let signals = series
            .into_iter()
            .zip(action.windows())
            .map(|(series, window)| {
                let values = series.values.iter().map(|&(i, y)| y / units.of(i));
                let own = Usual::of(&values.collect::<Vec<_>>());
                let own = own.filter(|own| own.deviation >= NARROW * usual.deviation);
                Self {
                    usual: own.unwrap_or(usual),
                    units,
                    near: near.clone(),
                    prior: prior_of(window),
                    errors: errors_of(window),
                    bounds: action.bounded_states(),
                    indirect: indirect(window),
                    series,
                }
            });
        signals.collect()
    }

    /// The signal of component `i` at layer `n`, where it is known.
    pub(super) fn value(&self, n: usize, i: usize) -> Option<f64> {
        self.series.at(n, i).map(|value| self.inside(i, value))
    }

    /// The same where it was measured at that very layer.
    pub(super) fn measured(&self, n: usize, i: usize) -> Option<f64> {
        let value = self.series.measured.get(i)?.get(n).filter(|v| !v.is_nan());
        value.map(|v| self.inside(i, *v))
    }

    /// What the model is pulled to on its way from one layer to the next.
    pub(super) fn targets(&self, from: usize, to: usize) -> impl Iterator<Item = Target> {
        (0..self.series.between.len()).filter_map(move |i| {
            Some(Target {
                component: i,
                begin: self.value(from, i)?,
                end: self.value(to, i)?,
            })
        })
    }

    fn bounds_of(&self, i: usize) -> Option<Bounds> {
        let mut bounds = self.bounds.iter();
        bounds.find(|(c, _)| *c == i).map(|(_, bounds)| *bounds)
    }

    /// The nearest value that component `i` may have.
    pub(super) fn inside(&self, i: usize, value: f64) -> f64 {
        self.bounds_of(i).map_or(value, |b| b.nearest(value))
    }

    /// Where a component rests that nobody measured, and how far from there it may well
    /// be, without a prior: the middle of its bounds and a quarter of their distance,
    /// or mean and deviation of all observations, in its own unit.
    fn usual(&self, i: usize) -> (f64, f64) {
        let bounds = self.bounds_of(i);
        let middle = bounds.and_then(|b| Some((b.lower() + 0.5 * b.width()?, 0.25 * b.width()?)));
        middle.unwrap_or_else(|| {
            let unit = self.units.of(i);
            (unit * self.usual.mean, unit * self.usual.deviation)
        })
    }

    /// The prior of component `i` of the first state, where it says more than that, or
    /// something else: the values of a later time may be far from the first state, and
    /// narrower than what is known of it.
    fn prior(&self, i: usize) -> Option<(f64, f64)> {
        let (rest, unrest) = self.usual(i);
        let prior = self.prior.get(i).copied();
        prior.filter(|(mean, deviation)| *deviation < unrest.hypot(mean - rest))
    }

    /// Where an unobserved component rests: its prior's mean, the middle of
    /// its bounds, or the mean of all observations.
    pub(super) fn rest(&self, i: usize) -> f64 {
        let (rest, _) = self.prior(i).unwrap_or_else(|| self.usual(i));
        self.inside(i, rest)
    }

    /// How far from there it may well be.
    pub(super) fn unrest(&self, i: usize) -> f64 {
        let (_, unrest) = self.prior(i).unwrap_or_else(|| self.usual(i));
        unrest
    }

    /// What was measured of component `i` of the first state, where its prior does not
    /// know it better.
    pub(super) fn first(&self, i: usize) -> Option<f64> {
        let known = self.prior(i).is_some_and(|(_, deviation)| {
            let error = self.errors.get(i).copied().unwrap_or(f64::INFINITY);
            deviation < error
        });
        self.value(0, i).filter(|_| !known)
    }

    /// From where to where it may be drawn.
    pub(super) fn range(&self, i: usize) -> (f64, f64) {
        match self.bounds_of(i) {
            Some(b) if b.width().is_some() => (b.lower(), b.upper()),
            _ => {
                let (unit, (low, high)) = (self.units.of(i), self.usual.range);
                (self.inside(i, unit * low), self.inside(i, unit * high))
            }
        }
    }

    /// Ten times the range of a component's data is nowhere near them.
    pub(super) fn is_lost(&self, n: usize, state: &[f64]) -> bool {
        state.iter().enumerate().any(|(i, v)| {
            let near = self.near.get(i).copied().flatten();
            let far = near.is_some_and(|(low, high)| !(low..=high).contains(v));
            !v.is_finite() || (far && self.value(n, i).is_some())
        })
    }

    /// Moves a state towards what operators measured at layer `n`, by the part
    /// `strength`: x + strength · S²Jᵀ(J S²Jᵀ)⁻¹(y − h(x)), S the likely spread
    /// of each component. Nothing happens where that is not finite.
    pub(super) fn correct(&self, n: usize, theta: &[f64], strength: f64, state: &mut [f64]) {
        for indirect in &self.indirect[n] {
            let kept: Vec<usize> = (0..indirect.operator.len(indirect.k))
                .filter(|&l| !indirect.values[l].is_nan())
                .collect();
            let d = state.len();
            let mut values = vec![0.0; indirect.operator.len(indirect.k)];
            let mut jacobian = vec![0.0; values.len() * d];
            let place = Place {
                k: indirect.k,
                time: indirect.time,
                state,
                theta,
            };
            indirect
                .operator
                .jacobian(place, &[], &mut values, &mut jacobian);
            let spread = |i: usize| self.unrest(i).max(LEAST_SPREAD * self.units.size(i));
            let squares: Vec<f64> = (0..d).map(|i| spread(i).powi(2)).collect();
            let row = |m: usize| &jacobian[kept[m] * d..(kept[m] + 1) * d];
            let mut gram = ndarray::Array2::from_shape_fn((kept.len(), kept.len()), |(m, l)| {
                let products = row(m).iter().zip(row(l)).zip(&squares);
                products.map(|((a, b), s)| a * b * s).sum::<f64>()
            });
            let trace: f64 = gram.diag().sum();
            gram.diag_mut().mapv_inplace(|v| v + 1e-8 * trace);
            let Ok(factor) = cholesky(&gram) else {
                continue;
            };
            let mut force: Vec<f64> = kept
                .iter()
                .map(|&l| indirect.values[l] - values[l])
                .collect();
            substitute(&factor, &mut force);
            for i in 0..d {
                let pull: f64 = (0..kept.len()).map(|m| row(m)[i] * force[m]).sum();
                let moved = state[i] + strength * squares[i] * pull;
                if moved.is_finite() {
                    state[i] = self.inside(i, moved);
                }
            }
        }
    }
}

/// L⁻ᵀL⁻¹x.
fn substitute(factor: &ndarray::Array2<f64>, x: &mut [f64]) {
    let n = x.len();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| factor[(i, k)] * x[k]).sum();
        x[i] = (x[i] - known) / factor[(i, i)];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| factor[(k, i)] * x[k]).sum();
        x[i] = (x[i] - known) / factor[(i, i)];
    }
}

/// Ten ranges of each component's values in all windows from them, or ten times their
/// size where that is more: one value, or a sensor that is stuck, has no range.
fn near(series: &[Series]) -> Vec<Option<(f64, f64)>> {
    let mut ranges: Vec<Option<(f64, f64)>> = Vec::new();
    for &(i, y) in series.iter().flat_map(|series| &series.values) {
        if ranges.len() <= i {
            ranges.resize(i + 1, None);
        }
        let (low, high) = ranges[i].unwrap_or((y, y));
        ranges[i] = Some((low.min(y), high.max(y)));
    }
    let near = ranges.into_iter().map(|range| {
        let (low, high) = range?;
        let wide = LOST * (high - low).max(low.abs()).max(high.abs());
        (wide > 0.0).then_some((low - wide, high + wide))
    });
    near.collect()
}

/// Means and deviations of the first state.
fn prior_of(window: &Window) -> Vec<(f64, f64)> {
    let Some(prior) = window.state_prior() else {
        return Vec::new();
    };
    let means = prior.mean.iter().enumerate();
    let known = means.map(|(i, mean)| {
        let precision = prior.precision.marginal(&[i]);
        (*mean, precision[(0, 0)].sqrt().recip())
    });
    known.collect()
}

/// The deviations of errors of the values of the first layer, by component.
fn errors_of(window: &Window) -> Vec<f64> {
    let mut errors = Vec::new();
    for (set, contacts) in window.sets() {
        let Some(components) = set.components() else {
            continue;
        };
        for contact in contacts.iter().filter(|contact| contact.layer == 0) {
            for (column, &i) in components.iter().enumerate() {
                if errors.len() <= i {
                    errors.resize(i + 1, f64::INFINITY);
                }
                if !set.values()[(contact.row, column)].is_nan() {
                    let precision = set.precision(contact.row).marginal(&[column]);
                    errors[i] = errors[i].min(precision[(0, 0)].sqrt().recip());
                }
            }
        }
    }
    errors
}

fn indirect(window: &Window) -> Vec<Vec<Indirect>> {
    let times = window.grid().times();
    let mut indirect: Vec<Vec<Indirect>> = times.iter().map(|_| Vec::new()).collect();
    for (set, contacts) in window.sets() {
        if set.components().is_some() {
            continue;
        }
        for contact in contacts {
            indirect[contact.layer].push(Indirect {
                operator: set.operator().clone(),
                k: contact.row,
                time: times[contact.layer],
                values: set.values().row(contact.row).to_vec(),
            });
        }
    }
    indirect
}
