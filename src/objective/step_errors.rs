//! What the rule's steps leave out, interval by interval, and where that moves the
//! minimum.

use super::ActionAt;
use crate::action::{Action, Sums};
use crate::discretization::{Pull, Span};
use crate::error::Result;
use crate::evaluate::Worker;
use crate::minimize::{Curvature, Indefinite, Objective};

/// Runge-Kutta sub-steps of a step at first, and at most.
const FEWEST: usize = 8;
const MOST: usize = 2048;

/// The error of a step is known where twice as many sub-steps change it by less than
/// this part.
const KNOWN: f64 = 0.1;

/// Of the size of the states, what rounding makes of a residual.
const ROUNDING: f64 = 1e-13;

/// Sub-steps between which a break of the flow is looked for.
const FINE: usize = 32;

/// Slopes of neighbouring sub-steps that differ by less than this part of the largest
/// slope show no break.
const SMOOTH: f64 = 1e-3;

/// Twice as many sub-steps halve these differences where the flow is continuous.
const HALVED: f64 = 0.7;

/// The error of one interval.
#[derive(Debug, Clone)]
pub(crate) struct StepError {
    /// The window and the interval.
    pub(crate) place: (usize, usize),
    /// δg: what has to be added to the residuals, so that the flow's own path from the
    /// left layer leaves none. Zero where the flow could not be followed.
    pub(crate) residuals: Vec<f64>,
    /// Whether the flow could not be followed.
    pub(crate) unknown: bool,
    /// q where halving the steps divides it by 2^q.
    pub(crate) order: f64,
}

impl ActionAt<'_> {
    /// The errors of all intervals at `x`, in the order of the residuals. None where
    /// layers are no instants of a flow.
    ///
    /// The flow is integrated from each left layer by so many Runge-Kutta sub-steps
    /// that twice as many change nothing.
    pub(crate) fn step_errors(&mut self, x: &[f64]) -> Vec<StepError> {
        let action = self.action;
        let mut all = Vec::new();
        if !action.dynamics.is_in_time() {
            return all;
        }
        for worker in &mut self.workers {
            for w in worker.windows.clone() {
                action.window_parameters(x, w, &mut worker.theta);
                for k in 0..action.layout.windows[w].intervals() {
                    all.push(worker.step_error(action, x, (w, k)));
                }
            }
        }
        all
    }

    /// Whether the flow breaks in interval `k` of window `w`: jumps, as at a switch.
    pub(crate) fn breaks(&mut self, x: &[f64], (w, k): (usize, usize)) -> bool {
        let action = self.action;
        let worker = self.workers.iter_mut().find(|o| o.windows.contains(&w));
        let Some(worker) = worker else {
            return false;
        };
        action.window_parameters(x, w, &mut worker.theta);
        let coarse = worker.largest_bends(action, x, (w, k), FINE);
        let fine = worker.largest_bends(action, x, (w, k), 2 * FINE);
        let mut pairs = coarse.iter().zip(&fine);
        pairs.any(|([coarse, _], [fine, slope])| {
            fine > &(SMOOTH * slope) && fine > &(HALVED * coarse)
        })
    }

    /// R δg of residuals δg, in the order of the residuals.
    pub(crate) fn weighed(&mut self, x: &[f64], errors: &[StepError]) -> Vec<f64> {
        let action = self.action;
        let visit = self.visit(x).without_multipliers();
        let mut all = Vec::new();
        for error in errors {
            let g = &error.residuals;
            let (mut weights, mut v) = (vec![0.0; g.len()], vec![0.0; g.len()]);
            let to = (&mut weights[..], &mut v[..]);
            action.weigh(&visit, error.place, g, to, &mut Sums::default());
            all.extend(v);
        }
        all
    }

    /// Factors the Gauss-Newton Hessian at `x` and writes −H⁻¹ `pull` to `moved`. What
    /// stands at a bound stays there.
    pub(crate) fn pulled(
        &mut self,
        x: &[f64],
        pull: &[f64],
        moved: &mut [f64],
    ) -> std::result::Result<(), Indefinite> {
        let mut gradient = vec![0.0; x.len()];
        self.value_and_gradient(x, &mut gradient);
        self.hold(x, &gradient);
        self.factor(x, Curvature::GaussNewton, 0.0, pull)?;
        self.solve_free(x, moved)
    }

    /// The same for another `pull`, with the factor that is there.
    pub(crate) fn pulled_again(
        &mut self,
        x: &[f64],
        pull: &[f64],
        moved: &mut [f64],
    ) -> std::result::Result<(), Indefinite> {
        self.substitute(pull)?;
        self.solve_free(x, moved)
    }
}

impl Worker {
    fn step_error(&mut self, action: &Action, x: &[f64], (w, k): (usize, usize)) -> StepError {
        let mut count = FEWEST;
        let mut path = self.followed(action, x, (w, k), count);
        let mut error = self.left_out(action, (x, &path), (w, k), [1, 0]);
        while count < MOST {
            count *= 2;
            path = self.followed(action, x, (w, k), count);
            let finer = self.left_out(action, (x, &path), (w, k), [1, 0]);
            let known = are_known(&finer, &error, &path, action.dynamics.per_time().len());
            error = finer;
            if known {
                break;
            }
        }
        let unknown = !error.iter().all(|v| v.is_finite());
        if unknown {
            error.fill(0.0);
        }
        let halves = [0, 1].map(|half| self.left_out(action, (x, &path), (w, k), [2, half]));
        let width = error.len() / action.dynamics.per_time().len();
        let both = halves[0].iter().zip(&halves[1]).take(width);
        let both = both.map(|(a, b)| (a + b).abs()).fold(0.0, f64::max);
        let whole = size_of(&error[..width]);
        let order = (whole / both).log2();
        StepError {
            place: (w, k),
            residuals: error,
            unknown,
            order: if order.is_finite() { order } else { 1.0 },
        }
    }

    /// The flow's path from the left layer of an interval on, `count` sub-steps a step.
    fn followed(
        &mut self,
        action: &Action,
        x: &[f64],
        (w, k): (usize, usize),
        count: usize,
    ) -> Vec<Vec<f64>> {
        let layout = &action.layout.windows[w];
        let (first, span) = (layout.first(k), action.span(w, k));
        let mut theta = self.theta.clone();
        let pull = Pull {
            targets: &[],
            gain: 0.0,
            substeps: 1,
        };
        let mut path = vec![x[layout.state(first)].to_vec()];
        for (j, times) in span.times.windows(2).enumerate() {
            let drifts = [first + j, first + j + 1].map(|n| layout.drifting(n));
            for m in 0..count {
                let part = |m: usize| m as f64 / count as f64;
                let middle = (m as f64 + 0.5) / count as f64;
                for (l, (p, _)) in action.layout.scope.drifting.iter().enumerate() {
                    let [a, b] = [x[drifts[0].start + l], x[drifts[1].start + l]];
                    theta[*p] = a + middle * (b - a);
                }
                let length = times[1] - times[0];
                let end = match m + 1 == count {
                    true => times[1],
                    false => times[0] + part(m + 1) * length,
                };
                let ends = [times[0] + part(m) * length, end];
                let piece = Span {
                    times: &ends,
                    follows: false,
                    followed: false,
                    ..span
                };
                let from = &path[path.len() - 1];
                let mut next = from.clone();
                let dynamics = &action.dynamics;
                dynamics.advance(piece, from, &theta, &pull, &mut next);
                path.push(next);
            }
        }
        path
    }

    /// −g of the interval, or of one half of it in half as long steps, along a path.
    fn left_out(
        &mut self,
        action: &Action,
        (x, path): (&[f64], &[Vec<f64>]),
        (w, k): (usize, usize),
        [parts, part]: [usize; 2],
    ) -> Vec<f64> {
        let layout = &action.layout.windows[w];
        let (span, steps) = (action.span(w, k), action.dynamics.steps());
        let count = (path.len() - 1) / steps;
        let (mut times, mut states) = (Vec::new(), Vec::new());
        for j in part * steps..=(part + 1) * steps {
            let (step, within) = (j / parts, j % parts);
            let fraction = within as f64 / parts as f64;
            let begin = span.times[step];
            let end = span.times[(step + 1).min(steps)];
            times.push(begin + fraction * (end - begin));
            states.extend_from_slice(&path[step * count + within * count / parts]);
            let drifts =
                [step, (step + 1).min(steps)].map(|j| layout.drifting(layout.first(k) + j));
            let pairs = drifts[0].clone().zip(drifts[1].clone());
            states.extend(pairs.map(|(a, b)| x[a] + fraction * (x[b] - x[a])));
        }
        let piece = Span {
            times: &times,
            follows: false,
            followed: false,
            ..span
        };
        let mut g = vec![0.0; self.evaluator.residual_count(k)];
        self.evaluator.residual(piece, &states, &self.theta, &mut g);
        let width = g.len() / action.dynamics.per_time().len();
        let own = width - action.layout.scope.drifting.len();
        for (i, v) in g.iter_mut().enumerate() {
            // What parameters do in time is no flow.
            *v = if i % width < own { -*v } else { 0.0 };
        }
        g
    }

    /// For each component the largest difference of neighbouring slopes along an
    /// interval, and the largest slope.
    fn largest_bends(
        &mut self,
        action: &Action,
        x: &[f64],
        (w, k): (usize, usize),
        count: usize,
    ) -> Vec<[f64; 2]> {
        let path = self.followed(action, x, (w, k), count);
        let times = action.span(w, k).times;
        let slope = |m: usize, i: usize| {
            let step = (times[m / count + 1] - times[m / count]) / count as f64;
            (path[m + 1][i] - path[m][i]) / step
        };
        let pieces = path.len() - 1;
        let of = |i: usize| {
            let bends = (1..pieces).map(|m| (slope(m, i) - slope(m - 1, i)).abs());
            let slopes = (0..pieces).map(|m| slope(m, i).abs());
            [bends.fold(0.0, f64::max), slopes.fold(0.0, f64::max)]
        };
        (0..path[0].len()).map(of).collect()
    }
}

fn size_of(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |m, v| {
        if v.is_nan() {
            f64::INFINITY
        } else {
            v.abs().max(m)
        }
    })
}

/// Whether twice as many sub-steps changed nothing but rounding in `groups` groups of
/// residuals, component by component.
fn are_known(finer: &[f64], error: &[f64], path: &[Vec<f64>], groups: usize) -> bool {
    let width = finer.len() / groups;
    let size = |i: usize| path.iter().map(|x| x[i].abs()).fold(0.0, f64::max);
    let sizes: Vec<f64> = (0..path[0].len()).map(size).collect();
    let mut all = finer.iter().zip(error).enumerate();
    all.all(|(i, (finer, error))| {
        let rounding = sizes.get(i % width).map_or(0.0, |size| ROUNDING * size);
        (finer - error).abs() <= KNOWN * finer.abs() + rounding
    })
}

/// What the errors of the steps do.
pub(crate) struct StepEffect {
    pub(crate) errors: Vec<StepError>,
    /// What each interval adds to the action, to first order: pᵀδg.
    pub(crate) on_action: Vec<f64>,
    /// By how much the minimum moves, one value for each unknown.
    pub(crate) shift: Vec<f64>,
    /// R δg.
    weighed: Vec<f64>,
}

impl ActionAt<'_> {
    /// The effect of the steps' errors on the minimum `x`, to first order: of the
    /// constraint g + δg in the place of g. `None` where there is no flow, or the
    /// Hessian is singular.
    ///
    /// # Errors
    /// As [`adjoint`](Self::adjoint).
    pub(crate) fn step_effect(&mut self, x: &[f64]) -> Result<Option<StepEffect>> {
        let errors = self.step_errors(x);
        if errors.is_empty() {
            return Ok(None);
        }
        let weighed = self.weighed(x, &errors);
        let g = self.residuals(x)?;
        let mut products = weighed.iter().zip(&g).map(|(v, g)| v * g);
        let on_action = errors.iter();
        let on_action = on_action.map(|e| products.by_ref().take(e.residuals.len()).sum());
        let on_action = on_action.collect();
        let pull = self.adjoint(x, &weighed)?;
        let mut shift = vec![0.0; x.len()];
        Ok(self.pulled(x, &pull, &mut shift).ok().map(|()| StepEffect {
            errors,
            on_action,
            shift,
            weighed,
        }))
    }

    /// What each interval adds to the shift of one unknown. To be called after
    /// [`step_effect`](Self::step_effect).
    ///
    /// # Errors
    /// As [`tangent_linear`](Self::tangent_linear).
    pub(crate) fn shares_of(
        &mut self,
        x: &[f64],
        effect: &StepEffect,
        unknown: usize,
    ) -> Result<Vec<f64>> {
        let mut unit = vec![0.0; x.len()];
        unit[unknown] = 1.0;
        let mut column = vec![0.0; x.len()];
        if self.pulled_again(x, &unit, &mut column).is_err() {
            return Ok(vec![0.0; effect.errors.len()]);
        }
        let change = self.tangent_linear(x, &column)?;
        let mut products = change.iter().zip(&effect.weighed).map(|(c, v)| c * v);
        let errors = effect.errors.iter();
        Ok(errors
            .map(|e| products.by_ref().take(e.residuals.len()).sum())
            .collect())
    }
}
