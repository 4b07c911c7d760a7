use ndarray::Array2;

use super::assemble::Newton;
use super::terms::Sums;
use super::worker::{Visit, Worker};
use super::{Action, ActionTerms};
use crate::discretization::Rule;
use crate::error::{Error, Result};
use crate::linalg::BlockArrow;
use crate::minimize::{Curvature, Indefinite, Objective, QuadraticStep, pushed_out, solve_box};
use crate::model::Model;
use crate::precision::check_positive;

/// Windows are evaluated in at most so many groups, in parallel.
const MOST_GROUPS: usize = 8;

/// An action at one value of R_f, with the memory that evaluations need.
///
/// The unknowns are all states, window by window and layer by layer (each
/// layer followed by its parameters that change in time), then the estimated
/// static parameters: [`Action::pack`].
pub struct ActionAt<'a, M: Model, R: Rule<M>> {
    pub(super) action: &'a Action<M, R>,
    rf: f64,
    pub(super) workers: Vec<Worker<R::Evaluator>>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
    /// Whether any state has a bound.
    bounded: bool,
    held: Vec<bool>,
    /// How far a held state moves all the same, to its bound.
    moved: Vec<f64>,
    rhs: Vec<f64>,
}

impl<'a, M: Model, R: Rule<M>> ActionAt<'a, M, R> {
    pub(super) fn new(action: &'a Action<M, R>, rf: f64) -> Result<Self> {
        check_positive("R_f", || "objective".into(), rf)?;
        let layout = action.layout();
        let n = layout.dimension();
        let count = action.windows.len();
        let groups = count.min(MOST_GROUPS);
        let workers = (0..groups)
            .map(|g| Worker::new(action, g * count / groups..(g + 1) * count / groups))
            .collect();
        let mut at = Self {
            action,
            rf,
            workers,
            lower: vec![f64::NEG_INFINITY; n],
            upper: vec![f64::INFINITY; n],
            scales: vec![1.0; n],
            bounded: false,
            held: vec![false; n],
            moved: Vec::new(),
            rhs: Vec::new(),
        };
        at.set_bounds();
        Ok(at)
    }

    fn set_bounds(&mut self) {
        let layout = self.action.layout();
        let mut bound = |slot: usize, bounds: crate::Bounds, scale: f64| {
            self.lower[slot] = bounds.lower();
            self.upper[slot] = bounds.upper();
            self.scales[slot] = scale;
        };
        for (slot, of) in (layout.border()..).zip(&layout.slots) {
            let parameter = &self.action.parameters[of.parameter];
            bound(slot, parameter.range(), parameter.scale());
        }
        for window in &layout.windows {
            for n in 0..window.layers() {
                let first = window.layer(n).start;
                for &(component, bounds) in &self.action.state_bounds {
                    let scale = bounds.width().map_or(1.0, |w| 0.25 * w);
                    bound(first + component, bounds, scale);
                }
                for (slot, (p, _)) in window.drifting(n).zip(&layout.scope.drifting) {
                    let parameter = &self.action.parameters[*p];
                    bound(slot, parameter.range(), parameter.scale());
                }
            }
        }
        let states = ..layout.border();
        self.bounded = self.lower[states].iter().any(|v| v.is_finite())
            || self.upper[states].iter().any(|v| v.is_finite());
    }

    /// The model precision R_f.
    #[must_use]
    pub fn rf(&self) -> f64 {
        self.rf
    }

    /// Moves to another model precision; memory is kept.
    ///
    /// # Errors
    /// As [`Action::at`].
    pub fn set_rf(&mut self, rf: f64) -> Result<()> {
        check_positive("R_f", || "objective".into(), rf)?;
        self.rf = rf;
        Ok(())
    }

    /// Measures each state component in units of its spread along the path
    /// `x`, so that steps, trust region and stopping do not depend on units.
    /// A component that is constant there takes the mean spread of the others;
    /// one with two bounds keeps a quarter of their distance.
    pub(crate) fn scale_from(&mut self, x: &[f64]) {
        let layout = self.action.layout();
        let states = || {
            let windows = layout.windows.iter();
            windows.flat_map(|w| (0..w.layers()).map(|n| w.state(n)))
        };
        let width = states().map(|s| s.len()).max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0, 0.0); width];
        for state in states() {
            for ((count, sum, squares), v) in sums.iter_mut().zip(&x[state]) {
                *count += 1.0;
                *sum += v;
                *squares += v * v;
            }
        }
        let spread = |&(count, sum, squares): &(f64, f64, f64)| {
            let mean = sum / count;
            // Below rounding of the mean a spread is none.
            let variance = squares / count - mean * mean;
            let floor = 1e-14 * mean * mean;
            if variance > floor {
                variance.sqrt()
            } else {
                0.0
            }
        };
        let spreads: Vec<f64> = sums.iter().map(spread).collect();
        let moving = spreads.iter().filter(|s| **s > 0.0);
        let count = moving.clone().count();
        let fallback = if count > 0 {
            moving.sum::<f64>() / count as f64
        } else {
            1.0
        };
        let bounded = |i: usize| {
            let mut bounds = self.action.state_bounds.iter();
            bounds.any(|(c, bounds)| *c == i && bounds.width().is_some())
        };
        for state in states() {
            for (i, &s) in spreads.iter().enumerate().take(state.len()) {
                if !bounded(i) {
                    self.scales[state.start + i] = if s > 0.0 { s } else { fallback };
                }
            }
        }
    }

    /// The action's terms at a vector of unknowns (NaN where its length is
    /// wrong).
    #[must_use]
    pub fn terms(&mut self, x: &[f64]) -> ActionTerms {
        self.evaluate(x, None)
    }

    fn evaluate(&mut self, x: &[f64], mut gradient: Option<&mut [f64]>) -> ActionTerms {
        if x.len() != self.dimension() {
            return ActionTerms {
                total: f64::NAN,
                ..ActionTerms::default()
            };
        }
        let action = self.action;
        let border = action.layout().border();
        let visit = Visit { rf: self.rf, x };
        let mut jobs = Vec::with_capacity(self.workers.len());
        let mut rest = gradient.as_deref_mut().map(|g| &mut g[..border]);
        for worker in &mut self.workers {
            let length = worker.states(action).len();
            let (part, left) = match rest {
                Some(states) => {
                    let (part, left) = states.split_at_mut(length);
                    (Some(part), Some(left))
                }
                None => (None, None),
            };
            rest = left;
            jobs.push((worker, part, Sums::default()));
        }
        in_parallel(&mut jobs, |(worker, gradient, sums)| {
            *sums = worker.evaluate(action, &visit, gradient.as_deref_mut());
        });
        let mut sums = Sums::default();
        for (_, _, part) in &jobs {
            sums.add(*part);
        }
        let mut by_border = gradient.map(|g| &mut g[border..]);
        if let Some(by_border) = &mut by_border {
            by_border.fill(0.0);
            for worker in &self.workers {
                for (slot, value) in by_border.iter_mut().zip(&worker.border) {
                    *slot += value;
                }
            }
        }
        for (k, slot) in action.layout().slots.iter().enumerate() {
            if let Some(prior) = action.parameters[slot.parameter].prior {
                let [value, slope, ..] = prior.at(x[border + k]);
                sums.prior += value;
                if let Some(by_border) = &mut by_border {
                    by_border[k] += slope;
                }
            }
        }
        ActionTerms {
            total: sums.measurement + sums.model + sums.prior,
            measurement: sums.measurement,
            model: sums.model,
            prior: sums.prior,
        }
    }

    /// The first residual or observed value that is not finite at `x`, as an
    /// error.
    pub(crate) fn locate_non_finite(&mut self, x: &[f64]) -> Error {
        let action = self.action;
        let groups = action.rule.per_time().len();
        let mut found = None;
        for worker in &mut self.workers {
            worker.linearize_each(action, x, |_, g, (w, k)| {
                let bad = g.iter().position(|v| !v.is_finite());
                if let (Some(i), None) = (bad, &found) {
                    let first = action.layout().windows[w].first(k);
                    found = Some(Error::ModelNotFinite {
                        place: format!("window {w}, interval from layer {first}"),
                        component: i % (g.len() / groups),
                        found: g[i],
                    });
                }
            });
        }
        for worker in &mut self.workers {
            if let (None, Some((w, n, component, value))) =
                (&found, worker.non_finite_observation(action, x))
            {
                found = Some(Error::ModelNotFinite {
                    place: format!("observation operator, window {w}, layer {n}"),
                    component,
                    found: value,
                });
            }
        }
        found.unwrap_or_else(|| Error::ModelNotFinite {
            place: "derivatives at the start".into(),
            component: 0,
            found: f64::NAN,
        })
    }

    /// A state that stands at a bound and is pushed out stays there.
    fn hold(&mut self, x: &[f64], gradient: &[f64]) {
        self.moved.clear();
        self.moved.resize(x.len(), 0.0);
        if self.bounded {
            for i in 0..self.action.layout().border() {
                self.held[i] = (x[i] <= self.lower[i] && gradient[i] > 0.0)
                    || (x[i] >= self.upper[i] && gradient[i] < 0.0);
            }
        }
    }

    /// Moves the states that `step` takes out of their bounds to the bound and
    /// holds them there; returns whether there were any.
    fn hold_where_out(&mut self, x: &[f64], step: &[f64]) -> bool {
        let mut any = false;
        for i in 0..self.action.layout().border() {
            let to = (x[i] + step[i]).max(self.lower[i]).min(self.upper[i]);
            if !self.held[i] && to != x[i] + step[i] {
                self.held[i] = true;
                self.moved[i] = to - x[i];
                any = true;
            }
        }
        any
    }

    /// Factors the damped Hessian at `x`, with −gradient as right-hand side:
    /// every group's chains, then the border that they share.
    fn factor(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
    ) -> std::result::Result<(), Indefinite> {
        let action = self.action;
        let layout = action.layout();
        let visit = Visit { rf: self.rf, x };
        self.rhs.clear();
        self.rhs.extend(gradient.iter().map(|g| -g));
        let newton = Newton {
            curvature,
            damping,
            scales: &self.scales,
            held: self.bounded.then_some(&self.held[..]),
        };
        let rhs = &self.rhs;
        let mut jobs: Vec<_> = self.workers.iter_mut().map(|w| (w, Ok(None))).collect();
        in_parallel(&mut jobs, |(worker, factored)| {
            let mut own = rhs[worker.states(action)].to_vec();
            // The border's own right-hand side counts once.
            let first = worker.windows.start == 0;
            let border = &rhs[layout.border()..];
            own.extend(border.iter().map(|v| if first { *v } else { 0.0 }));
            *factored = worker.factor(action, &visit, &newton, &own);
        });
        for (_, factored) in &jobs {
            match factored {
                Ok(None) => {}
                Ok(Some(pivot)) => return Err(Indefinite { pivot: *pivot }),
                Err(_) => return Err(NOT_SOLVED),
            }
        }
        let mut arrows = self.workers.iter_mut().filter_map(|w| w.arrow.as_mut());
        let Some(first) = arrows.next() else {
            return Err(NOT_SOLVED);
        };
        for arrow in arrows {
            first.absorb_border(arrow).map_err(|_| NOT_SOLVED)?;
        }
        for (k, slot) in layout.slots.iter().enumerate() {
            let prior = action.parameters[slot.parameter].prior;
            let curvature = prior.map_or(0.0, |prior| {
                let [_, _, gauss_newton, exact] = prior.at(x[layout.border() + k]);
                match curvature {
                    Curvature::GaussNewton => gauss_newton,
                    Curvature::Exact => exact,
                }
            });
            let scale = self.scales[layout.border() + k];
            let value = curvature + damping / (scale * scale);
            first.add_to_border(k, value).map_err(|_| NOT_SOLVED)?;
        }
        Ok(())
    }

    /// The Schur complement of the border in the undamped Gauss-Newton Hessian
    /// at `x`.
    pub(super) fn border_matrix(
        &mut self,
        x: &[f64],
        gradient: &[f64],
    ) -> std::result::Result<Array2<f64>, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, Curvature::GaussNewton, 0.0, gradient)?;
        let arrow = self.workers.first().and_then(|w| w.arrow.as_ref());
        let (matrix, ld) = arrow.ok_or(NOT_SOLVED)?.border_matrix();
        let order = self.action.layout().slots.len();
        Ok(Array2::from_shape_fn((order, order), |(i, j)| {
            matrix[i.max(j) + i.min(j) * ld]
        }))
    }

    /// Solves for the step once the Hessian is factored; the border's part is
    /// the exact minimum of the reduced quadratic within its bounds. Returns
    /// μᵀs, the work of the bounds' multipliers.
    fn solve(&mut self, x: &[f64], step: &mut [f64]) -> std::result::Result<f64, Indefinite> {
        let border = self.action.layout().border();
        let arrow = self.workers.first_mut().and_then(|w| w.arrow.as_mut());
        let arrow = arrow.ok_or(NOT_SOLVED)?;
        let room = |bound: &[f64]| -> Vec<f64> {
            let bounds = bound[border..].iter().zip(&x[border..]);
            bounds.map(|(bound, x)| bound - x).collect()
        };
        let (lower, upper) = (room(&self.lower), room(&self.upper));
        let (z, work) = solve_border(arrow, &lower, &upper)?;
        let action = self.action;
        let mut jobs: Vec<_> = self
            .workers
            .iter_mut()
            .map(|worker| {
                let own = vec![0.0; worker.states(action).len() + z.len()];
                (worker, own, false)
            })
            .collect();
        in_parallel(&mut jobs, |(worker, own, solved)| {
            let arrow = worker.arrow.as_mut();
            *solved = arrow.is_some_and(|arrow| arrow.back_substitute(&z, own).is_ok());
        });
        for (worker, own, solved) in jobs {
            if !solved {
                return Err(NOT_SOLVED);
            }
            let states = worker.states(action);
            step[states.clone()].copy_from_slice(&own[..states.len()]);
        }
        step[border..].copy_from_slice(&z);
        Ok(work)
    }

    /// The step within the bounds of the states: those that leave their bounds
    /// are held there and the others solved for anew, a few times; then it is
    /// cut. Gauss-Newton curvature throughout, because states that are held at
    /// another place need a product with the Hessian; `solved` says that the
    /// first step is such a one.
    fn step_within(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
        mut solved: bool,
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let border = self.action.layout().border();
        let mut factorizations = 1;
        let mut shifted = gradient.to_vec();
        let mut complete = false;
        while !complete && factorizations <= MOST_ROUNDS {
            if !solved {
                self.factor(x, Curvature::GaussNewton, damping, &shifted)?;
                factorizations += 1;
                self.solve(x, step)?;
                for (s, moved) in step.iter_mut().zip(&self.moved) {
                    *s += moved;
                }
            }
            solved = false;
            complete = !self.hold_where_out(x, step);
            if !complete {
                let moved = std::mem::take(&mut self.moved);
                self.product(x, &moved, &mut shifted);
                self.moved = moved;
                for (slot, g) in shifted.iter_mut().zip(gradient) {
                    *slot += g;
                }
            }
        }
        if !complete {
            for i in 0..border {
                step[i] = (self.lower[i] - x[i]).max(step[i].min(self.upper[i] - x[i]));
            }
        }
        let mut product = shifted;
        self.product(x, step, &mut product);
        let pairs = product.iter().zip(gradient).zip(&*step);
        let decrease = pairs.map(|((h, g), s)| -(g + 0.5 * h) * s).sum::<f64>();
        // States held at bounds too early may leave no descent: more damping
        // makes shorter steps, which reach fewer bounds.
        if decrease.is_nan() || decrease <= 0.0 {
            return Err(NOT_SOLVED);
        }
        Ok(QuadraticStep {
            predicted_decrease: decrease,
            complete,
            factorizations,
        })
    }

    /// H s with the Gauss-Newton H.
    fn product(&mut self, x: &[f64], step: &[f64], product: &mut [f64]) {
        let action = self.action;
        let layout = action.layout();
        let visit = Visit { rf: self.rf, x };
        let (mut rest, by_border) = product.split_at_mut(layout.border());
        let mut jobs = Vec::with_capacity(self.workers.len());
        for worker in &mut self.workers {
            let (part, later) = rest.split_at_mut(worker.states(action).len());
            rest = later;
            jobs.push((worker, part));
        }
        in_parallel(&mut jobs, |(worker, part)| {
            worker.product(action, &visit, step, part);
        });
        by_border.fill(0.0);
        for worker in &self.workers {
            for (slot, value) in by_border.iter_mut().zip(&worker.border) {
                *slot += value;
            }
        }
        for (k, slot) in layout.slots.iter().enumerate() {
            if let Some(prior) = action.parameters[slot.parameter].prior {
                let place = layout.border() + k;
                by_border[k] += prior.at(x[place])[2] * step[place];
            }
        }
    }
}

/// The border's part of a step, within what is left to its bounds, and the work
/// of their multipliers.
fn solve_border(
    arrow: &mut BlockArrow,
    lower: &[f64],
    upper: &[f64],
) -> std::result::Result<(Vec<f64>, f64), Indefinite> {
    let mut z = vec![0.0; lower.len()];
    let rhs = arrow.border_rhs().to_vec();
    let ranges = || lower.iter().zip(upper);
    let mut forces = rhs.iter().zip(ranges());
    if !forces.any(|(r, (lower, upper))| pushed_out(*r, *lower, *upper)) {
        arrow.solve_border(&mut z).map_err(|_| NOT_SOLVED)?;
        let mut values = z.iter().zip(ranges());
        if values.all(|(z, (lower, upper))| lower <= z && z <= upper) {
            return Ok((z, 0.0));
        }
    }
    let work = solve_box(arrow.border_matrix(), &rhs, (lower, upper), &mut z)?;
    Ok((z, work))
}

/// Factorizations that one step within bounds may take.
const MOST_ROUNDS: usize = 4;

/// A failure that is no pivot: the matrix was not finite.
const NOT_SOLVED: Indefinite = Indefinite { pivot: f64::NAN };

/// Does all jobs, in parallel where the build can and there are several.
#[cfg(feature = "rayon")]
fn in_parallel<J: Send>(jobs: &mut [J], one: impl Fn(&mut J) + Sync + Send) {
    use rayon::prelude::*;
    if let [job] = jobs {
        one(job);
    } else {
        jobs.par_iter_mut().with_max_len(1).for_each(one);
    }
}

#[cfg(not(feature = "rayon"))]
fn in_parallel<J: Send>(jobs: &mut [J], one: impl Fn(&mut J) + Sync + Send) {
    jobs.iter_mut().for_each(one);
}

impl<M: Model, R: Rule<M>> Objective for ActionAt<'_, M, R> {
    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn lower(&self) -> &[f64] {
        &self.lower
    }

    fn upper(&self) -> &[f64] {
        &self.upper
    }

    fn scales(&self) -> &[f64] {
        &self.scales
    }

    fn value(&mut self, x: &[f64]) -> f64 {
        self.evaluate(x, None).total
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        self.evaluate(x, Some(gradient)).total
    }

    fn newton_step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, curvature, damping, gradient)?;
        let multipliers = self.solve(x, step)?;
        if self.bounded && self.hold_where_out(x, step) {
            self.hold(x, gradient);
            let solved = curvature == Curvature::GaussNewton;
            return self.step_within(x, damping, gradient, step, solved);
        }
        let mut slope = 0.0;
        let mut damped = 0.0;
        for ((s, g), scale) in step.iter().zip(gradient).zip(&self.scales) {
            slope -= g * s;
            damped += (s / scale).powi(2);
        }
        // (H + λS⁻²)s = −g + μ, so sᵀHs = −gᵀs + μᵀs − λ|s/S|².
        let predicted_decrease = 0.5 * (slope - multipliers + damping * damped);
        if predicted_decrease.is_finite() {
            Ok(QuadraticStep::new(predicted_decrease))
        } else {
            Err(NOT_SOLVED)
        }
    }
}
