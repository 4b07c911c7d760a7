//! How well the momenta of a path obey Hamilton's equations.

use super::hamiltonian_at;
use super::momenta::{Momenta, WindowMomenta};
use crate::action::{Action, Estimate};
use crate::derivative::{AnyFlow, FlowAt, FlowDerivative};
use crate::error::{Error, Result};
use crate::problem::path::Path;
use crate::problem::precision::Precision;

/// Hamilton's equations along a path of a flow.
///
/// In the *sum* normalization, with R_f per time: that of an action whose
/// precision is per step is R_f h (by the weight of g¹ for Simpson-Hermite).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Hamiltonian {
    /// Those of each window.
    pub windows: Vec<WindowHamiltonian>,
}

/// Hamilton's equations in one window of K intervals.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WindowHamiltonian {
    /// The times of the K + 1 nodes.
    pub times: Vec<f64>,
    /// H = ½ pᵀR_f⁻¹p + pᵀF at each node with p⁻, before what is measured there.
    /// Between measurements, which count as potentials at single times, a flow
    /// that does not depend on time keeps it, but for the error of the rule.
    /// Under the kernel of a smooth measurement it is H + V. Unit: one over time.
    pub before: Vec<f64>,
    /// The same with p⁺, after what is measured there.
    pub after: Vec<f64>,
    /// For each interval Δx/h less the mean of F + R_f⁻¹p at its two ends: zero
    /// to the order of the rule, at most 2. Unit: state over time.
    pub state_defects: Path,
    /// For each interval Δp/h, without jumps inside, less the mean of −DFᵀp at
    /// its two ends. Unit: one over (state · time).
    pub momentum_defects: Path,
}

/// The right-hand sides at a node.
struct Side {
    hamiltonian: f64,
    velocity: Vec<f64>,
    force: Vec<f64>,
}

impl Hamiltonian {
    /// H and the defects of Hamilton's equations for an estimate at model
    /// precision `rf`. Defects need [`Momenta`] of a stationary path; they say
    /// how fine the layers are.
    ///
    /// # Errors
    /// As [`Momenta::along`]; [`Error::NotAFlow`] for layer maps.
    pub fn along(action: &Action, rf: f64, estimate: &Estimate) -> Result<Self> {
        if let Some(shaped) = action.reshaped(estimate)? {
            return Self::along(&shaped, rf, estimate);
        }
        let momenta = Momenta::along(action, rf, estimate)?;
        let x = action.pack(estimate)?;
        let windows = momenta.windows.iter().enumerate();
        let windows = windows
            .map(|(w, momenta)| WindowHamiltonian::new(action, rf, &x, w, momenta))
            .collect::<Result<_>>()?;
        Ok(Self { windows })
    }
}

impl WindowHamiltonian {
    fn new(action: &Action, rf: f64, x: &[f64], w: usize, momenta: &WindowMomenta) -> Result<Self> {
        let layout = &action.layout().windows[w];
        let mut field = Field::new(action, rf, x, w)?;
        let intervals = 0..layout.intervals();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let (mut state_defects, mut momentum_defects) = (Vec::new(), Vec::new());
        for k in intervals {
            let (p, q) = (momenta.after.layer(k), momenta.before.layer(k + 1));
            let (left, right) = (momenta.layers[k], momenta.layers[k + 1]);
            if k == 0 {
                before.push(field.at(k, left, momenta.before.layer(0)).hamiltonian);
            }
            let (begin, end) = (field.at(k, left, p), field.at(k, right, q));
            after.push(begin.hamiltonian);
            before.push(end.hamiltonian);
            let h = momenta.times[k + 1] - momenta.times[k];
            let defect = |from: &[f64], to: &[f64], a: &[f64], b: &[f64]| -> Vec<f64> {
                (0..from.len())
                    .map(|i| (to[i] - from[i]) / h - 0.5 * (a[i] + b[i]))
                    .collect()
            };
            let (states, ends) = (&x[layout.layer(left)], &x[layout.layer(right)]);
            state_defects.push(defect(states, ends, &begin.velocity, &end.velocity));
            let mut p = p.to_vec();
            for n in left + 1..right {
                for (slot, jump) in p.iter_mut().zip(momenta.jumps.layer(n)) {
                    *slot += jump;
                }
            }
            momentum_defects.push(defect(&p, q, &begin.force, &end.force));
        }
        let last = layout.intervals();
        let end = (last - 1, momenta.layers[last], momenta.after.layer(last));
        after.push(field.at(end.0, end.1, end.2).hamiltonian);
        Ok(Self {
            times: momenta.times.clone(),
            before,
            after,
            state_defects: Path::from_layers(state_defects),
            momentum_defects: Path::from_layers(momentum_defects),
        })
    }
}

/// The right-hand sides of Hamilton's equations in one window.
struct Field<'a> {
    action: &'a Action,
    flow: &'a dyn AnyFlow,
    rf: f64,
    covariance: Precision,
    x: &'a [f64],
    w: usize,
    theta: Vec<f64>,
    derivative: FlowDerivative,
    entries: Vec<f64>,
    input: Vec<f64>,
}

impl<'a> Field<'a> {
    fn new(action: &'a Action, rf: f64, x: &'a [f64], w: usize) -> Result<Self> {
        let flow = action.dynamics().flow().ok_or(Error::NotAFlow {
            what: "the Hamiltonian of the continuous problem",
        })?;
        let mut theta = vec![0.0; flow.parameter_count()];
        action.window_parameters(x, w, &mut theta);
        let derivative = FlowDerivative::new(action.plans().flow().clone());
        Ok(Self {
            action,
            flow,
            rf,
            covariance: action.model_precision().inverse(|| "Hamiltonian".into())?,
            x,
            w,
            theta,
            entries: vec![0.0; derivative.pattern().entry_count()],
            derivative,
            input: Vec::new(),
        })
    }

    /// At layer `n`, an end of interval `k`.
    fn at(&mut self, k: usize, n: usize, momentum: &[f64]) -> Side {
        let action = self.action;
        let time = action.windows()[self.w].grid().times()[n];
        action.span(self.w, k).write_inputs(time, &mut self.input);
        let at = FlowAt {
            model: self.flow,
            scope: &action.layout().scope,
            time,
            input: &self.input,
        };
        let state = &self.x[action.layout().windows[self.w].layer(n)];
        let mut velocity = vec![0.0; state.len()];
        let (derivative, entries) = (&mut self.derivative, &mut self.entries);
        derivative.jacobian(&at, state, &self.theta, &mut velocity, entries);
        let mut force = vec![0.0; state.len()];
        let pattern = derivative.pattern();
        for (i, p) in momentum.iter().enumerate() {
            let (columns, range) = pattern.row(i);
            for (&column, entry) in columns.iter().zip(&entries[range]) {
                if let Some(slot) = force.get_mut(column) {
                    *slot -= p * entry;
                }
            }
        }
        let noise = action.disperse((self.rf, &self.covariance), (self.w, k), momentum);
        let hamiltonian = hamiltonian_at(momentum, &velocity, &noise);
        for (slot, noise) in velocity.iter_mut().zip(&noise) {
            *slot += noise;
        }
        Side {
            hamiltonian,
            velocity,
            force,
        }
    }
}
