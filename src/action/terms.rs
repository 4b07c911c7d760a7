//! Observations, priors and precisions, compiled for fast evaluation.

use std::sync::Arc;

use super::conventions::ActionTerms;
use super::general_terms::{At, General, Kind, Normalized, Scratch, Weight};
use super::slopes::{Slope, Unknown};
use crate::problem::losses::Loss;
use crate::problem::operators::Components;
use crate::problem::parameters::Prior;
use crate::problem::windows::Window;

/// The terms on the layers of one window.
#[derive(Debug, Clone)]
pub(crate) struct WindowTerms {
    /// Independent errors of components, the usual case, layer by layer: a long
    /// window is read in one go.
    single: Vec<Single>,
    /// Where those of each layer begin, and where the last ones end.
    starts: Vec<usize>,
    /// The losses of single errors.
    losses: Vec<(Normalized, Kind)>,
    layers: Vec<LayerTerms>,
}

/// The other terms on one layer's state.
#[derive(Debug, Clone, Default)]
struct LayerTerms {
    general: Vec<General>,
    /// Priors of components that are parameters.
    priors: Vec<(usize, Prior)>,
}

#[derive(Debug, Clone, Copy)]
struct Single {
    value: f64,
    weight: f64,
    component: u32,
    /// Which of the window's losses it has, or [`PLAIN`].
    loss: u32,
}

/// The usual loss: a Gaussian measurement's, ρ(s) = s, with the normalization's
/// factor in the weight.
const PLAIN: u32 = u32::MAX;

/// The sums of the action.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sums {
    pub(crate) measurement: f64,
    pub(crate) model: f64,
    pub(crate) prior: f64,
}

impl Sums {
    fn book(&mut self, kind: Kind, value: f64) {
        match kind {
            Kind::Measurement => self.measurement += value,
            Kind::Prior => self.prior += value,
        }
    }

    pub(crate) fn terms(self) -> ActionTerms {
        ActionTerms {
            total: self.measurement + self.model + self.prior,
            measurement: self.measurement,
            model: self.model,
            prior: self.prior,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.measurement += other.measurement;
        self.model += other.model;
        self.prior += other.prior;
    }
}

/// What an operator gives that is no number: a value, or a slope.
pub(crate) enum NonFinite {
    Value(usize, f64),
    Slope(Slope),
}

impl WindowTerms {
    /// `factor` multiplies the measurement error; `drifting` are the priors of
    /// the parameters that change in time.
    pub(crate) fn new(window: &Window, factor: f64, drifting: &[Option<Prior>]) -> Self {
        let layers = window.grid().layers();
        let mut terms = Self {
            single: Vec::new(),
            starts: vec![0],
            losses: Vec::new(),
            layers: vec![LayerTerms::default(); layers],
        };
        let mut single = vec![Vec::new(); layers];
        for (set, contacts) in window.sets() {
            for contact in contacts {
                let (k, values) = (contact.row, set.values().row(contact.row));
                let kept: Vec<usize> = (0..values.len()).filter(|&l| !values[l].is_nan()).collect();
                let general = General {
                    operator: set.operator().clone(),
                    k,
                    time: set.times()[k],
                    values: kept.iter().map(|&l| values[l]).collect(),
                    weight: Weight::new(set.precision(k), &kept),
                    kept,
                    loss: Normalized {
                        loss: set.loss_function(),
                        factor: factor * contact.weight,
                    },
                    kind: Kind::Measurement,
                };
                terms.add(contact.layer, general, set.components(), &mut single);
            }
        }
        if let Some(prior) = window.state_prior() {
            let all: Vec<usize> = (0..prior.mean.len()).collect();
            let general = General {
                operator: Arc::new(Components(all.clone())),
                k: 0,
                time: window.grid().times()[0],
                values: prior.mean.clone(),
                weight: Weight::new(&prior.precision, &all),
                kept: all.clone(),
                loss: Normalized {
                    loss: Loss::gaussian(),
                    factor: 1.0,
                },
                kind: Kind::Prior,
            };
            terms.add(0, general, Some(&all), &mut single);
        }
        terms.layers[0].priors = drifting
            .iter()
            .enumerate()
            .filter_map(|(k, prior)| Some((k, (*prior)?)))
            .collect();
        for of_layer in single {
            terms.single.extend(of_layer);
            terms.starts.push(terms.single.len());
        }
        terms
    }

    fn add(
        &mut self,
        layer: usize,
        general: General,
        components: Option<&[usize]>,
        single: &mut [Vec<Single>],
    ) {
        if general.kept.is_empty() {
            return;
        }
        match (components, &general.weight) {
            (Some(components), Weight::Independent(weights)) => {
                let (loss, factor) = self.loss((general.loss, general.kind));
                for (m, &l) in general.kept.iter().enumerate() {
                    single[layer].push(Single {
                        value: general.values[m],
                        weight: factor * weights[m],
                        component: components[l] as u32,
                        loss,
                    });
                }
            }
            _ => self.layers[layer].general.push(general),
        }
    }

    /// The number of a loss among those of single errors, and what it leaves to
    /// the weight. Looked for at the end only: smooth measurements have a factor,
    /// and so a loss, for each layer.
    fn loss(&mut self, wanted: (Normalized, Kind)) -> (u32, f64) {
        let (Normalized { loss, factor }, kind) = wanted;
        if kind == Kind::Measurement && loss == Loss::gaussian() {
            return (PLAIN, factor);
        }
        if self.losses.last() != Some(&wanted) {
            self.losses.push(wanted);
        }
        ((self.losses.len() - 1) as u32, 1.0)
    }

    /// The single errors on layer `n`.
    #[inline(always)]
    fn single(&self, n: usize) -> &[Single] {
        &self.single[self.starts[n]..self.starts[n + 1]]
    }

    /// What a single error's loss says of s: ρ, ρ′, ρ″; and whose term it is.
    #[inline(always)]
    fn loss_at(&self, single: &Single, s: f64) -> ([f64; 3], Kind) {
        if single.loss == PLAIN {
            return ([s, 1.0, 0.0], Kind::Measurement);
        }
        let (loss, kind) = self.losses[single.loss as usize];
        (loss.at(s, 1), kind)
    }

    /// The size of the values measured on layer `n`, weighted like their errors.
    pub(crate) fn magnitude(&self, n: usize) -> f64 {
        let squares = self.single(n).iter().map(|s| s.weight * s.value * s.value);
        0.5 * squares.sum::<f64>()
    }

    /// Whether there is nothing on layer `n`.
    #[inline]
    pub(crate) fn is_empty(&self, n: usize) -> bool {
        let terms = &self.layers[n];
        self.single(n).is_empty() && terms.priors.is_empty() && terms.general.is_empty()
    }

    /// Whether what is on layer `n` has a diagonal Hessian.
    pub(crate) fn is_diagonal(&self, n: usize) -> bool {
        self.layers[n].general.is_empty()
    }

    /// Adds the terms on layer `n` to the sums and, where there are any, to
    /// the gradient by the layer and by the free parameters.
    #[inline]
    pub(crate) fn evaluate(
        &self,
        n: usize,
        at: At<'_>,
        sums: &mut Sums,
        mut gradient: Option<(&mut [f64], &mut [f64])>,
        scratch: &mut Scratch,
    ) {
        let terms = &self.layers[n];
        for single in self.single(n) {
            let component = single.component as usize;
            let error = at.layer[component] - single.value;
            let force = single.weight * error;
            let ([rho, slope, _], kind) = self.loss_at(single, force * error);
            sums.book(kind, 0.5 * rho);
            if let Some((layer, _)) = &mut gradient {
                layer[component] += slope * force;
            }
        }
        for &(k, prior) in &terms.priors {
            let [value, slope, ..] = prior.at(at.layer[at.width + k]);
            sums.prior += value;
            if let Some((layer, _)) = &mut gradient {
                layer[at.width + k] += slope;
            }
        }
        for general in &terms.general {
            let value = general.linearize(at, scratch);
            sums.book(general.kind, value);
            if let Some((layer, free)) = &mut gradient {
                let columns = layer.len() + free.len();
                for (m, &l) in general.kept.iter().enumerate() {
                    let force = scratch.slopes[m] * scratch.force[m];
                    let row = &scratch.jacobian[l * columns..(l + 1) * columns];
                    let slots = layer.iter_mut().chain(free.iter_mut());
                    for (slot, h) in slots.zip(row) {
                        *slot += force * h;
                    }
                }
            }
        }
    }

    /// Calls `add(a, b, value)` for the Hessian of the terms on layer `n`,
    /// columns a ≥ b: components of the layer, then free parameters.
    #[inline]
    pub(crate) fn hessian(
        &self,
        n: usize,
        at: At<'_>,
        exact: bool,
        scratch: &mut Scratch,
        mut add: impl FnMut(usize, usize, f64),
    ) {
        let terms = &self.layers[n];
        for single in self.single(n) {
            let component = single.component as usize;
            let error = at.layer[component] - single.value;
            let s = single.weight * error * error;
            let ([_, slope, bend], _) = self.loss_at(single, s);
            let mut value = single.weight * slope;
            if exact {
                value += 2.0 * bend * single.weight * s;
            }
            add(component, component, value);
        }
        for &(k, prior) in &terms.priors {
            let [_, _, gauss_newton, full] = prior.at(at.layer[at.width + k]);
            let place = at.width + k;
            add(place, place, if exact { full } else { gauss_newton });
        }
        for general in &terms.general {
            general.linearize(at, scratch);
            general.hessian(at, exact, scratch, &mut add);
        }
    }

    /// The first value of an operator on layer `n`, or slope of one, that is
    /// not finite.
    pub(crate) fn non_finite(
        &self,
        n: usize,
        at: At<'_>,
        scratch: &mut Scratch,
    ) -> Option<NonFinite> {
        self.layers[n].general.iter().find_map(|general| {
            general.linearize(at, scratch);
            let columns = at.width + at.wanted.len();
            general.kept.iter().find_map(|&l| {
                let value = scratch.values[l];
                if !value.is_finite() {
                    return Some(NonFinite::Value(l, value));
                }
                let slopes = &scratch.jacobian[l * columns..(l + 1) * columns];
                let column = slopes.iter().position(|v| !v.is_finite())?;
                let unknown = match column.checked_sub(at.width) {
                    None => Unknown::State(column),
                    Some(k) => Unknown::Parameter(at.wanted[k]),
                };
                Some(NonFinite::Slope(Slope {
                    component: l,
                    unknown,
                    found: slopes[column],
                }))
            })
        })
    }

    /// How many layers have a measured value.
    pub(crate) fn measured_layers(&self) -> usize {
        let measured = |(n, layer): (usize, &LayerTerms)| {
            let mut single = self.single(n).iter();
            single.any(|s| self.loss_at(s, 0.0).1 == Kind::Measurement)
                || layer.general.iter().any(|g| g.kind == Kind::Measurement)
        };
        let layers = self.layers.iter().enumerate();
        layers.filter(|layer| measured(*layer)).count()
    }
}
