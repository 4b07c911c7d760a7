//! Newton steps of an action: factor, solve, keep bounds.

use std::borrow::Cow;

use ndarray::Array2;

use super::ActionAt;
use super::assemble::Newton;
use super::objective::in_parallel;
use super::worker::Visit;
use crate::linalg::BlockArrow;
use crate::minimize::{
    BoxMinimum, BoxQuadratic, Curvature, Equations, Indefinite, LEAST_CURVATURE, QuadraticStep,
};

impl ActionAt<'_> {
    /// A state that stands at a bound and is pushed out stays there.
    pub(super) fn hold(&mut self, x: &[f64], gradient: &[f64]) {
        if self.bounded {
            self.moved.clear();
            self.moved.resize(x.len(), 0.0);
            for i in 0..self.action.layout().border() {
                self.held[i] = self.lower[i] >= self.upper[i]
                    || (x[i] <= self.lower[i] && gradient[i] > 0.0)
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
    pub(super) fn factor(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
    ) -> std::result::Result<(), Indefinite> {
        let action = self.action;
        let layout = action.layout();
        let visit = self.visit(x);
        self.exact = false;
        self.set_rhs(gradient);
        let newton = Newton {
            curvature,
            damping,
            scales: &self.scales,
            held: self.bounded.then_some(&self.held[..]),
        };
        let rhs = &self.rhs;
        let mut jobs: Vec<_> = self.workers.iter_mut().map(|w| (w, Ok(None))).collect();
        in_parallel(&mut jobs, |(worker, factored)| {
            let own = own_rhs(
                worker.states(action),
                worker.windows.start,
                rhs,
                action.layout().border(),
            );
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
        self.exact = curvature == Curvature::Exact && damping == 0.0;
        Ok(())
    }

    /// The damped Newton step, by whatever way its equations are solved: see
    /// `Objective::newton_step`.
    pub(super) fn step_by(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        match (self.equations(), curvature) {
            (Equations::ResidualSpace, Curvature::GaussNewton) => {
                self.step_by_residuals(x, damping, gradient, step)
            }
            (Equations::ConjugateGradients, Curvature::GaussNewton) => {
                self.step_by_iteration(x, damping, gradient, step)
            }
            (_, Curvature::GaussNewton) if self.condenses && !self.is_held() => {
                self.step_condensed(x, damping, gradient, step)
            }
            _ => self.step_nearly(x, curvature, damping, gradient, step),
        }
    }

    /// The step by the block arrow; one without damping, where the Hessian is singular
    /// by rounding, with the least damping.
    fn step_nearly(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let indefinite = match self.step(x, curvature, damping, gradient, step) {
            Err(indefinite) if damping == 0.0 => indefinite,
            stepped => return stepped,
        };
        let least = self.least_damping(x, indefinite)?;
        let mut stepped = self.step(x, curvature, least, gradient, step)?;
        self.exact = curvature == Curvature::Exact && stepped.factorizations == 1;
        stepped.factorizations += 1;
        Ok(stepped)
    }

    /// The damping that makes a Hessian definite which is singular by rounding, because
    /// nothing was measured of some direction: as little as no saddle needs.
    ///
    /// # Errors
    /// `indefinite`, where that is no rounding.
    pub(super) fn least_damping(
        &mut self,
        x: &[f64],
        indefinite: Indefinite,
    ) -> std::result::Result<f64, Indefinite> {
        let least = LEAST_CURVATURE * self.terms(x).total;
        let scales = self.scales[..self.action.layout().border()].iter();
        let largest = scales.copied().fold(0.0, f64::max);
        // NaN is no rounding.
        if indefinite.pivot.abs() * largest * largest <= least && least > 0.0 {
            Ok(least)
        } else {
            Err(indefinite)
        }
    }

    /// The same by the block arrow, within all bounds.
    fn step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, curvature, damping, gradient)?;
        let (lower, upper) = (self.room(&self.lower, x), self.room(&self.upper, x));
        let within = self.solve((&lower, &upper), step)?;
        if self.bounded && self.hold_where_out(x, step) {
            self.hold(x, gradient);
            let solved = (curvature == Curvature::GaussNewton).then_some(within.complete);
            return self.step_within(x, damping, gradient, step, solved);
        }
        let mut slope = 0.0;
        let mut damped = 0.0;
        for ((s, g), scale) in step.iter().zip(gradient).zip(&self.scales) {
            slope -= g * s;
            damped += (s / scale).powi(2);
        }
        // (H + λS⁻²)s = −g + μ, so sᵀHs = −gᵀs + μᵀs − λ|s/S|².
        let predicted_decrease = 0.5 * (slope - within.work + damping * damped);
        if predicted_decrease.is_finite() {
            Ok(QuadraticStep {
                complete: within.complete,
                ..QuadraticStep::new(predicted_decrease)
            })
        } else {
            Err(NOT_SOLVED)
        }
    }

    /// What is left from the border at `x` to its bounds.
    fn room(&self, bound: &[f64], x: &[f64]) -> Vec<f64> {
        let border = self.action.layout().border();
        let bounds = bound[border..].iter().zip(&x[border..]);
        bounds.map(|(bound, x)| bound - x).collect()
    }

    pub(super) fn set_rhs(&mut self, gradient: &[f64]) {
        self.rhs.clear();
        self.rhs.extend(gradient.iter().map(|g| -g));
    }

    /// The Schur complement of the border in the damped Gauss-Newton Hessian at
    /// `x`.
    pub(super) fn border_matrix(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
    ) -> std::result::Result<Array2<f64>, Indefinite> {
        self.hold(x, gradient);
        self.factor(x, Curvature::GaussNewton, damping, gradient)?;
        let arrow = self.workers.first().and_then(|w| w.arrow.as_ref());
        let (matrix, ld) = arrow.ok_or(NOT_SOLVED)?.border_matrix();
        let order = self.action.layout().slots.len();
        Ok(Array2::from_shape_fn((order, order), |(i, j)| {
            matrix[i.max(j) + i.min(j) * ld]
        }))
    }

    /// Solves for the step once the Hessian is factored; the border's part is
    /// the minimum of the reduced quadratic within its bounds.
    pub(super) fn solve(
        &mut self,
        bounds: (&[f64], &[f64]),
        step: &mut [f64],
    ) -> std::result::Result<BoxMinimum, Indefinite> {
        let layout = self.action.layout();
        let (border, parts) = (layout.border(), layout.border_parts());
        let arrow = self.workers.first_mut().and_then(|w| w.arrow.as_mut());
        let (z, within) = solve_border(arrow.ok_or(NOT_SOLVED)?, parts, bounds)?;
        let action = self.action;
        if let [worker] = &mut self.workers[..] {
            let arrow = worker.arrow.as_mut().ok_or(NOT_SOLVED)?;
            let solved = arrow.back_substitute(&z, step);
            return solved.map(|()| within).map_err(|_| NOT_SOLVED);
        }
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
        Ok(within)
    }

    /// The step within the bounds of the states: those that leave their bounds
    /// are held there and the others solved for anew, a few times; then it is
    /// cut. Gauss-Newton curvature throughout, because states that are held at
    /// another place need a product with the Hessian; `solved` says that the
    /// first step is such a one, and whether its border is at the minimum.
    fn step_within(
        &mut self,
        x: &[f64],
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
        mut solved: Option<bool>,
    ) -> std::result::Result<QuadraticStep, Indefinite> {
        let border = self.action.layout().border();
        let mut factorizations = 1;
        let (lower, upper) = (self.room(&self.lower, x), self.room(&self.upper, x));
        let mut shifted = gradient.to_vec();
        let (mut complete, mut border_complete) = (false, true);
        while !complete && factorizations <= MOST_ROUNDS {
            border_complete = match solved.take() {
                Some(complete) => complete,
                None => {
                    self.factor(x, Curvature::GaussNewton, damping, &shifted)?;
                    factorizations += 1;
                    let within = self.solve((&lower, &upper), step)?;
                    for (s, moved) in step.iter_mut().zip(&self.moved) {
                        *s += moved;
                    }
                    within.complete
                }
            };
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
            complete: complete && border_complete,
            factorizations,
        })
    }

    /// H s with the Gauss-Newton H.
    pub(super) fn product(&mut self, x: &[f64], step: &[f64], product: &mut [f64]) {
        let action = self.action;
        let layout = action.layout();
        // What a change of g weighs, without multipliers.
        let visit = Visit {
            multipliers: None,
            ..self.visit(x)
        };
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
/// The right-hand side of one group of windows; the border's own part counts
/// once. That of a single group is the whole.
pub(super) fn own_rhs(
    states: std::ops::Range<usize>,
    first_window: usize,
    rhs: &[f64],
    border: usize,
) -> Cow<'_, [f64]> {
    if states == (0..border) {
        return Cow::Borrowed(rhs);
    }
    let mut own = rhs[states].to_vec();
    let share = if first_window == 0 { 1.0 } else { 0.0 };
    own.extend(rhs[border..].iter().map(|v| share * v));
    Cow::Owned(own)
}

/// The border's part of a step, within what is left to its bounds; `parts` are the
/// numbers of unknowns that all windows share and that each has of its own.
fn solve_border(
    arrow: &mut BlockArrow,
    parts: (usize, usize),
    bounds: (&[f64], &[f64]),
) -> std::result::Result<(Vec<f64>, BoxMinimum), Indefinite> {
    let mut z = vec![0.0; bounds.0.len()];
    let force = arrow.border_rhs().to_vec();
    let quadratic = within_bounds(arrow, parts, &force, bounds);
    let mut free = None;
    if !quadratic.is_pushed_out() && !quadratic.prefers_blocks() {
        arrow.solve_border(&mut z).map_err(|_| NOT_SOLVED)?;
        if within_bounds(arrow, parts, &force, bounds).contains(&z) {
            return Ok((z, BoxMinimum::inside()));
        }
        free = Some(z.clone());
    }
    let quadratic = within_bounds(arrow, parts, &force, bounds);
    let within = quadratic.minimize(free.as_deref(), &mut z)?;
    Ok((z, within))
}

/// The border's quadratic.
fn within_bounds<'a>(
    arrow: &'a BlockArrow,
    (shared, own): (usize, usize),
    force: &'a [f64],
    (lower, upper): (&'a [f64], &'a [f64]),
) -> BoxQuadratic<'a> {
    let (matrix, ld) = arrow.border_matrix();
    BoxQuadratic {
        matrix,
        ld,
        force,
        lower,
        upper,
        shared,
        own,
    }
}

/// Factorizations that one step within bounds may take.
const MOST_ROUNDS: usize = 4;

/// A failure that is no pivot: the matrix was not finite.
pub(super) const NOT_SOLVED: Indefinite = Indefinite { pivot: f64::NAN };

/// A step s of (H + Λ)s = −g, for which −gᵀs − ½sᵀHs = ½(sᵀΛs − gᵀs).
pub(super) fn predicted(
    step: &[f64],
    gradient: &[f64],
    damped: &[f64],
) -> std::result::Result<QuadraticStep, Indefinite> {
    let terms = step.iter().zip(gradient).zip(damped);
    let decrease = terms.map(|((s, g), damped)| 0.5 * (damped * s * s - g * s));
    let decrease: f64 = decrease.sum();
    match decrease.is_finite() {
        true => Ok(QuadraticStep::new(decrease)),
        false => Err(NOT_SOLVED),
    }
}
