//! The observations of a window as signals that a model can be pulled to.

use std::sync::Arc;

use crate::action::Action;
use crate::bounds::Bounds;
use crate::discretization::{Rule, Target};
use crate::model::Model;
use crate::operators::{Operator, Place};
use crate::precision::cholesky;

/// Measured components, interpolated linearly between their times, and what
/// else is known of the states.
pub(super) struct Signal<'a> {
    /// One series a component, one value a layer; NaN before its first and
    /// after its last measured value, empty where it was never measured.
    series: Vec<Vec<f64>>,
    /// The same at the layers where it was measured, NaN elsewhere.
    measured: Vec<Vec<f64>>,
    mean: f64,
    deviation: f64,
    range: (f64, f64),
    prior: Option<&'a [f64]>,
    bounds: &'a [(usize, Bounds)],
    /// What operators measured, by layer.
    indirect: Vec<Vec<Indirect>>,
}

/// What an operator measured at one layer.
struct Indirect {
    operator: Arc<dyn Operator>,
    k: usize,
    time: f64,
    /// NaN where missing.
    values: Vec<f64>,
}

impl<'a> Signal<'a> {
    /// Those of all windows.
    pub(super) fn of_all<M: Model, R: Rule<M>>(action: &'a Action<M, R>) -> Vec<Self> {
        let windows = 0..action.windows().len();
        windows.map(|w| Self::new(action, w)).collect()
    }

    fn new<M: Model, R: Rule<M>>(action: &'a Action<M, R>, w: usize) -> Self {
        let window = &action.windows()[w];
        let times = window.grid().times();
        let mut sums: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut all = Vec::new();
        let mut indirect: Vec<Vec<Indirect>> = times.iter().map(|_| Vec::new()).collect();
        for (set, contacts) in window.sets() {
            for contact in contacts {
                let (k, n) = (contact.row, contact.layer);
                let row = set.values().row(k);
                let Some(components) = set.components() else {
                    indirect[n].push(Indirect {
                        operator: set.operator().clone(),
                        k,
                        time: times[n],
                        values: row.to_vec(),
                    });
                    continue;
                };
                for (l, (&i, &y)) in components.iter().zip(&row).enumerate() {
                    if y.is_nan() {
                        continue;
                    }
                    if sums.len() <= i {
                        sums.resize(i + 1, Vec::new());
                    }
                    sums[i].resize(times.len(), (f64::NAN, 0.0));
                    let precision = set.precision(k).of_component(l);
                    join(&mut sums[i][n], y, contact.weight * precision);
                    all.push(y);
                }
            }
        }
        let count = all.len().max(1) as f64;
        let mean = all.iter().sum::<f64>() / count;
        let variance = all.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / count;
        let values = |sums: &Vec<(f64, f64)>| sums.iter().map(|(mean, _)| *mean).collect();
        let measured: Vec<Vec<f64>> = sums.iter().map(values).collect();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self {
            series: measured.iter().map(|m| interpolate(times, m)).collect(),
            measured,
            mean,
            deviation: if all.is_empty() { 1.0 } else { variance.sqrt() },
            range: if low <= high {
                (low, high)
            } else {
                (-1.0, 1.0)
            },
            prior: window.state_prior().map(|prior| &prior.mean[..]),
            bounds: action.bounded_states(),
            indirect,
        }
    }

    /// The signal of component `i` at layer `n`, where it is known.
    pub(super) fn value(&self, n: usize, i: usize) -> Option<f64> {
        let value = self.series.get(i)?.get(n).copied()?;
        (!value.is_nan()).then(|| self.inside(i, value))
    }

    /// The same where it was measured at that very layer.
    pub(super) fn measured(&self, n: usize, i: usize) -> Option<f64> {
        let value = self.measured.get(i)?.get(n).filter(|v| !v.is_nan());
        value.map(|v| self.inside(i, *v))
    }

    /// What the model is pulled to on its way from one layer to the next.
    pub(super) fn targets(&self, from: usize, to: usize) -> impl Iterator<Item = Target> {
        (0..self.series.len()).filter_map(move |i| {
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

    /// Where an unobserved component rests: its prior's mean, the middle of
    /// its bounds, or the mean of all observations.
    pub(super) fn rest(&self, i: usize) -> f64 {
        let prior = self.prior.and_then(|mean| mean.get(i)).copied();
        let bounds = self.bounds_of(i);
        let middle = bounds.and_then(|b| Some(b.lower() + 0.5 * b.width()?));
        self.inside(i, prior.or(middle).unwrap_or(self.mean))
    }

    /// How far from there it may well be.
    pub(super) fn unrest(&self, i: usize) -> f64 {
        if self.prior.is_some_and(|mean| i < mean.len()) {
            return 0.0;
        }
        let width = self.bounds_of(i).and_then(|b| b.width());
        width.map_or(self.deviation, |w| 0.25 * w)
    }

    /// From where to where it may be drawn.
    pub(super) fn range(&self, i: usize) -> (f64, f64) {
        match self.bounds_of(i) {
            Some(b) if b.width().is_some() => (b.lower(), b.upper()),
            _ => (self.inside(i, self.range.0), self.inside(i, self.range.1)),
        }
    }

    /// Ten times the data's range is nowhere near the data.
    pub(super) fn is_lost(&self, n: usize, state: &[f64]) -> bool {
        let (low, high) = self.range;
        let wide = 10.0 * (high - low);
        state.iter().enumerate().any(|(i, v)| {
            let near = (low - wide..=high + wide).contains(v);
            !v.is_finite() || (self.value(n, i).is_some() && !near)
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
            let squares: Vec<f64> = (0..d).map(|i| self.unrest(i).powi(2).max(1e-12)).collect();
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

/// Adds a value to a mean with its weight: of one value alone it is that value.
fn join((mean, weight): &mut (f64, f64), value: f64, more: f64) {
    if mean.is_nan() {
        (*mean, *weight) = (value, more);
    } else if more > 0.0 {
        *weight += more;
        *mean += more / *weight * (value - *mean);
    }
}

/// Linear between the values that are not NaN, from the first to the last of them.
fn interpolate(times: &[f64], values: &[f64]) -> Vec<f64> {
    let mut series = values.to_vec();
    let mut last: Option<usize> = None;
    for (n, value) in values.iter().enumerate() {
        if value.is_nan() {
            continue;
        }
        if let Some(m) = last {
            for k in m + 1..n {
                let part = (times[k] - times[m]) / (times[n] - times[m]);
                series[k] = values[m] + part * (value - values[m]);
            }
        }
        last = Some(n);
    }
    series
}
