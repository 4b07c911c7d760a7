//! The limit of a perfect model: a path from its first state, with its adjoint variables.

use ndarray::Array2;

use super::NEGLIGIBLE;
use super::equations::{Equilibrated, add_change};
use super::momenta::{Momenta, WindowMomenta};
use crate::action::{Action, Estimate};
use crate::discretization::{Evaluator, Pull};
use crate::error::{Error, Result};
use crate::minimize::Objective;
use crate::problem::path::Path;

/// The limit R_f → ∞: a path without model error and its momenta.
///
/// The unknowns are the first states and the parameters alone; the path follows
/// from them. Its momenta are the adjoint variables of strong-constraint 4D-Var,
/// Lagrange multipliers of the model, and what back-propagation computes in a
/// layered network: the reduced action E(x₀, θ) has the gradient
/// dE/dx₀ = B⁻¹(x₀ − x_b) − p(t₀).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Adjoint {
    /// The path, where the residuals of the rule are zero.
    pub estimate: Estimate,
    /// E, the action of that path in the *sum* normalization.
    pub value: f64,
    /// The momenta, with p(t₀) = −dE/dx₀, but for the prior, as the first of
    /// `before`. Euler-Lagrange residuals are dE/dx₀ at the first layer, zero at
    /// the others; `parameters` holds dE/dθ.
    pub momenta: Momenta,
}

/// Newton iterations that a step may take.
const MOST_ITERATIONS: usize = 50;

impl Adjoint {
    /// Runs the model forward from the first layer of each of the estimate's
    /// paths, whose other layers only guide implicit steps, and the adjoint
    /// equations backward:
    /// p⁻_k = p⁺_k − ∂V/∂x_k, λ_k = (∂g/∂x_{k+1})⁻ᵀ p⁻_{k+1} and
    /// p⁺_k = −(∂g/∂x_k)ᵀ λ_k (O. Talagrand and P. Courtier, Q. J. R. Meteorol.
    /// Soc. 113, 1311 (1987), for the residuals of any rule).
    ///
    /// # Errors
    /// As [`Action::pack`]; [`Error::Contradiction`] for an action with
    /// parameters that change in time, which are part of the path and have errors
    /// of finite precision; [`Error::ModelNotFinite`]; [`Error::GridTooCoarse`]
    /// where an implicit step has no solution that Newton's method finds;
    /// [`Error::Singular`] where it has no unique one.
    pub fn along(action: &Action, estimate: &Estimate) -> Result<Self> {
        if !action.layout().scope.drifting.is_empty() {
            return Err(Error::Contradiction {
                place: "adjoint".into(),
                first: "a parameter that changes in time".into(),
                second: "a path without errors".into(),
            });
        }
        let mut x = action.pack(estimate)?;
        let mut sweeps = (0..action.windows().len())
            .map(|w| Sweep::new(action, w, &x))
            .collect::<Vec<_>>();
        for sweep in &mut sweeps {
            sweep.forward(&mut x)?;
        }
        let mut at = action.at(NEGLIGIBLE)?;
        let mut gradient = vec![0.0; x.len()];
        let value = at.value_and_gradient(&x, &mut gradient) * action.to_sum();
        if gradient.iter().any(|v| !v.is_finite()) {
            return Err(at.locate_non_finite(&x));
        }
        for v in &mut gradient {
            *v *= action.to_sum();
        }
        let border = action.layout().border();
        let (slopes, parameters) = gradient.split_at_mut(border);
        let windows = sweeps.iter_mut();
        let windows = windows
            .map(|sweep| sweep.backward(&x, slopes, parameters))
            .collect::<Result<_>>()?;
        Ok(Self {
            estimate: action.estimate_of(&x),
            value,
            momenta: Momenta {
                windows,
                parameters: parameters.to_vec(),
            },
        })
    }
}

/// One window, interval by interval.
pub(super) struct Sweep<'a> {
    action: &'a Action,
    evaluator: Box<dyn Evaluator>,
    w: usize,
    theta: Vec<f64>,
}

/// ∂g of an interval.
pub(super) struct Slopes {
    pub(super) g: Vec<f64>,
    /// By the left layer, by the other layers, and by the free parameters.
    left: Array2<f64>,
    rest: Array2<f64>,
    free: Array2<f64>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(action: &'a Action, w: usize, x: &[f64]) -> Self {
        let mut theta = vec![0.0; action.dynamics().parameter_count()];
        action.window_parameters(x, w, &mut theta);
        Self {
            action,
            evaluator: action.dynamics().evaluator(action.plans()),
            w,
            theta,
        }
    }

    /// Residuals and slopes of interval `k`.
    pub(super) fn linearize(&mut self, k: usize, x: &[f64]) -> Result<Slopes> {
        let (action, w) = (self.action, self.w);
        let layout = &action.layout().windows[w];
        let mut span = action.span(w, k);
        (span.follows, span.followed) = (false, false);
        let states = &x[layout.span(k)];
        let mut g = vec![0.0; self.evaluator.residual_count(k)];
        let evaluator = &mut self.evaluator;
        evaluator.linearize(span, states, &self.theta, &mut g);
        if let Some(component) = g.iter().position(|v| !v.is_finite()) {
            return Err(Error::ModelNotFinite {
                place: place(w, k),
                component,
                found: g[component],
            });
        }
        let (count, left) = (g.len(), layout.layer(layout.first(k)).len());
        let mut slopes = Slopes {
            left: Array2::zeros((count, left)),
            rest: Array2::zeros((count, states.len() - left)),
            free: Array2::zeros((count, action.layout().scope.free.len())),
            g,
        };
        let mut unit = vec![0.0; count];
        let mut by_free = vec![0.0; slopes.free.ncols()];
        for i in 0..count {
            unit[i] = 1.0;
            let mut row = vec![0.0; states.len()];
            by_free.fill(0.0);
            evaluator.pullback(&unit, &mut row, &mut by_free);
            unit[i] = 0.0;
            let of = |from: &[f64]| ndarray::Array1::from(from.to_vec());
            slopes.left.row_mut(i).assign(&of(&row[..left]));
            slopes.rest.row_mut(i).assign(&of(&row[left..]));
            slopes.free.row_mut(i).assign(&of(&by_free));
        }
        Ok(slopes)
    }

    /// The multipliers v of an interval's residuals, with `rhs` = Gᵀv by the layers
    /// behind the first: p⁻ at the last, −∂V at those between.
    pub(super) fn multipliers(&self, of: &Slopes, k: usize, rhs: &[f64]) -> Result<Vec<f64>> {
        let transposed = of.rest.t().to_owned();
        Ok(Equilibrated::factor(transposed, || place(self.w, k))?.solve(rhs))
    }

    /// Puts the path without model error into `x`.
    fn forward(&mut self, x: &mut [f64]) -> Result<()> {
        let layout = &self.action.layout().windows[self.w];
        for k in 0..layout.intervals() {
            self.guess(k, x);
            self.close(k, x)?;
        }
        Ok(())
    }

    /// The model run over interval `k`, which explicit rules confirm.
    fn guess(&self, k: usize, x: &mut [f64]) {
        let (action, w) = (self.action, self.w);
        let layout = &action.layout().windows[w];
        let (first, steps) = (layout.first(k), action.dynamics().steps());
        let from = x[layout.layer(first)].to_vec();
        let mut end = vec![0.0; layout.layer(first + steps).len()];
        let pull = Pull {
            targets: &[],
            gain: 0.0,
            substeps: 1,
        };
        let span = action.span(w, k);
        action
            .dynamics()
            .advance(span, &from, &self.theta, &pull, &mut end);
        for j in 1..=steps {
            let part = j as f64 / steps as f64;
            for (i, slot) in x[layout.layer(first + j)].iter_mut().enumerate() {
                let begin = from.get(i).copied().unwrap_or(end[i]);
                *slot = begin + part * (end[i] - begin);
            }
        }
    }

    /// Solves g = 0 of interval `k` for its interior and right layers.
    fn close(&mut self, k: usize, x: &mut [f64]) -> Result<()> {
        let w = self.w;
        let layout = &self.action.layout().windows[w];
        let (states, left) = (layout.span(k), layout.layer(layout.first(k)).len());
        let mut last = f64::INFINITY;
        for _ in 0..MOST_ITERATIONS {
            let slopes = self.linearize(k, x)?;
            let system = Equilibrated::factor(slopes.rest, || place(w, k))?;
            let change: Vec<f64> = system.solve(&slopes.g).iter().map(|v| -v).collect();
            last = add_change(&change, &mut x[states.start + left..states.end]);
            if last <= 1.0 {
                return Ok(());
            }
        }
        Err(Error::GridTooCoarse {
            what: "a step without model error; last Newton change in units of the tolerance",
            place: place(w, k),
            expected: 1.0,
            found: last,
        })
    }

    /// The momenta, from the slopes of data and priors by the states; adds what
    /// the model contributes to the gradient by the parameters.
    fn backward(
        &mut self,
        x: &[f64],
        slopes: &[f64],
        parameters: &mut [f64],
    ) -> Result<WindowMomenta> {
        let (action, w) = (self.action, self.w);
        let layout = &action.layout().windows[w];
        let last = layout.intervals();
        let mut after = vec![vec![0.0; layout.layer(layout.first(last)).len()]];
        let mut before = Vec::new();
        for k in (0..last).rev() {
            let of = self.linearize(k, x)?;
            let inner = layout.span(k).start + of.left.ncols()..layout.span(k).end;
            // Right-hand sides: p⁻ at the right node, −∂V at interior layers.
            let mut rhs: Vec<f64> = slopes[inner].iter().map(|v| -v).collect();
            let arriving = after[after.len() - 1].iter().rev();
            for (slot, p) in rhs.iter_mut().rev().zip(arriving) {
                *slot += p;
            }
            let right = rhs.len() - after[after.len() - 1].len();
            before.push(rhs[right..].to_vec());
            let lambda = ndarray::Array1::from(self.multipliers(&of, k, &rhs)?);
            after.push((-of.left.t().dot(&lambda)).to_vec());
            let by_free = of.free.t().dot(&lambda);
            for (&slot, value) in action.layout().border_of(w).iter().zip(&by_free) {
                parameters[slot] += value;
            }
        }
        let prior = action.first_layer_slope(x, w);
        let mut jumps: Vec<Vec<f64>> = (0..layout.layers())
            .map(|n| slopes[layout.layer(n)].to_vec())
            .collect();
        let mut first = after[last].clone();
        for ((slot, jump), prior) in first.iter_mut().zip(&mut jumps[0]).zip(&prior) {
            *jump -= prior;
            *slot -= *jump;
        }
        let mut residuals: Vec<Vec<f64>> = jumps.iter().map(|v| vec![0.0; v.len()]).collect();
        for (i, slot) in residuals[0].iter_mut().enumerate() {
            *slot = prior[i] - first[i];
        }
        before.push(first);
        let layers: Vec<usize> = (0..=last).map(|k| layout.first(k)).collect();
        let times = action.windows()[w].grid().times();
        Ok(WindowMomenta {
            times: layers.iter().map(|&n| times[n]).collect(),
            layers,
            before: Path::from_layers(before.into_iter().rev()),
            after: Path::from_layers(after.into_iter().rev()),
            jumps: Path::from_layers(jumps),
            residuals: Path::from_layers(residuals),
        })
    }
}

fn place(w: usize, k: usize) -> String {
    format!("adjoint, window {w}, interval {k}")
}
