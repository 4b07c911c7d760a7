//! The discrete flow of states and momenta that a Lagrangian generates, step by step.

use ndarray::Array2;

use super::equations::Equations;
use super::hamiltonian_at;
use super::interval::{Interval, Shape};
use super::lagrangian::DiscreteLagrangian;
use super::potential::Potential;
use crate::derivative::{Places, Values};
use crate::discretization::{Evaluator, Pull};
use crate::error::{Error, Result, check_length};
use crate::model::Scope;
use crate::model::check_parameters_of;
use crate::problem::grid::check_finite;
use crate::problem::inputs::check_given;

/// A state and the momentum that belongs to it.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PhasePoint {
    /// x, in units of the states.
    pub state: Vec<f64>,
    /// p, component by component in one over the unit of x.
    pub momentum: Vec<f64>,
}

impl PhasePoint {
    /// A state with its momentum.
    #[must_use]
    pub fn new(state: impl Into<Vec<f64>>, momentum: impl Into<Vec<f64>>) -> Self {
        Self {
            state: state.into(),
            momentum: momentum.into(),
        }
    }
}

/// One step of the discrete flow.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FlowStep {
    /// Where it leads.
    pub end: PhasePoint,
    /// The states of the layers inside the interval, one after the other: the
    /// midpoint of Simpson-Hermite, none else.
    pub interior: Vec<f64>,
    /// The Lagrangian L_d of the interval: what it adds to the action.
    pub lagrangian: f64,
    /// Newton iterations that it took.
    pub iterations: usize,
}

/// The discrete flow (x_k, p_k) → (x_{k+1}, p_{k+1}) of a [`DiscreteLagrangian`],
/// interval by interval.
///
/// It solves p_k = −D₁L_d(x_k, x_{k+1}), p_{k+1} = D₂L_d(x_k, x_{k+1}), with L_d
/// stationary by the layers inside the interval (Marsden and West, Acta Numerica
/// 10, 357 (2001), section 1.5). As L_d generates it, it keeps the symplectic
/// form dx ∧ dp, whatever the rule. Newton's method with exact second derivatives
/// is run on (x, v), v the multipliers of the residuals, so that R_f may be as
/// large as one likes.
///
/// A measurement at a layer is no part of it: it is the jump p → p + h_xᵀ R_m (h − y),
/// which keeps the symplectic form too.
pub struct DiscreteFlow<'a, V> {
    lagrangian: &'a DiscreteLagrangian<V>,
    evaluator: Box<dyn Evaluator>,
    /// The interval of the last step.
    interval: Interval,
}

/// Newton iterations that a step may take.
const MOST_ITERATIONS: usize = 50;

impl<V: Potential> DiscreteLagrangian<V> {
    /// The discrete flow, with the memory that it needs.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of parameters or inputs than the
    /// model's, [`Error::NotFinite`] for a parameter, [`Error::Missing`] for
    /// inputs not given, [`Error::OutOfRange`] for inputs that do not cover the
    /// grid and for layers whose parameters are not some of all.
    pub fn flow(&self) -> Result<DiscreteFlow<'_, V>> {
        let place = || String::from("discrete Lagrangian");
        if self.parameters.len() != self.dynamics.parameter_count() {
            return Err(Error::Length {
                what: "parameters",
                place: place(),
                expected: self.dynamics.parameter_count(),
                found: self.parameters.len(),
            });
        }
        for (p, &value) in self.parameters.iter().enumerate() {
            let place = format!("discrete Lagrangian, parameter {p}");
            check_finite("parameter", &place, value)?;
        }
        for k in 0..self.intervals() {
            let range = self.dynamics.parameters(k);
            let place = || format!("discrete Lagrangian, layer {k}");
            check_parameters_of(&range, self.parameters.len(), place)?;
        }
        check_given(self.inputs.as_ref(), self.dynamics.input_count(), place)?;
        if let Some(inputs) = &self.inputs {
            inputs.check_reach(&self.grid, place)?;
        }
        DiscreteFlow::new(self)
    }
}

impl<'a, V: Potential> DiscreteFlow<'a, V> {
    pub(super) fn new(lagrangian: &'a DiscreteLagrangian<V>) -> Result<Self> {
        let intervals = lagrangian.intervals();
        let parameters = lagrangian.parameters.iter().map(|&value| Values {
            start: value,
            low: value,
            high: value,
        });
        let places = Places {
            windows: vec![(lagrangian.grid().times(), lagrangian.inputs.as_ref())],
            states: Vec::new(),
            parameters: parameters.collect(),
        };
        let dynamics = &lagrangian.dynamics;
        let plans = dynamics.plans(intervals, &Scope::default(), &places)?;
        let evaluator = dynamics.evaluator(&plans);
        let shape = Shape::of(lagrangian, evaluator.residual_count(0), 0);
        Ok(Self {
            interval: Interval::new(lagrangian, shape)?,
            lagrangian,
            evaluator,
        })
    }

    /// The step over interval `k` from `from`, the point at its left node after
    /// what is measured there.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an interval beyond the grid; [`Error::Length`]
    /// for a point that does not fit the model, and for a layer map whose layers
    /// at both ends differ in width: no symplectic map leads from a phase space to
    /// one of another dimension. [`Error::Singular`] where the map does not exist
    /// because the Jacobian of the step has no inverse;
    /// [`Error::GridTooCoarse`] where Newton's method finds no solution of an
    /// implicit step; [`Error::ModelNotFinite`].
    pub fn step(&mut self, k: usize, from: &PhasePoint) -> Result<FlowStep> {
        Ok(self.solve(k, from)?.0)
    }

    /// The step with its tangent map ∂(x_{k+1}, p_{k+1})/∂(x_k, p_k), 2D × 2D,
    /// states first.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn tangent(&mut self, k: usize, from: &PhasePoint) -> Result<(FlowStep, Array2<f64>)> {
        let (step, equations) = self.solve(k, from)?;
        let tangent = equations.tangent(&self.interval, || place(k))?;
        Ok((step, tangent))
    }

    /// Solves the equations of interval `k` and linearizes it at the solution.
    fn solve(&mut self, k: usize, from: &PhasePoint) -> Result<(FlowStep, Equations)> {
        self.open(k, from)?;
        let lagrangian = self.lagrangian;
        let length = lagrangian.span(k).length();
        let equations = Equations::new(&self.interval.shape, length, lagrangian);
        let mut x = self.first_guess(k, from);
        let mut v = vec![0.0; self.interval.shape.residuals];
        v[..from.momentum.len()].copy_from_slice(&from.momentum);
        let mut last = f64::INFINITY;
        for iterations in 1..=MOST_ITERATIONS {
            self.linearize(k, &x, &v)?;
            let momentum = &from.momentum;
            let change = equations.correction(&self.interval, momentum, &v, || place(k))?;
            last = equations.apply(&change, &mut x, &mut v);
            if last <= 1.0 {
                self.linearize(k, &x, &v)?;
                let step = self.arrive(&equations, &x, &v, iterations);
                return Ok((step, equations));
            }
        }
        Err(Error::GridTooCoarse {
            what: "a step of the discrete flow; last Newton change in units of the tolerance",
            place: place(k),
            expected: 1.0,
            found: last,
        })
    }

    /// Checks what is asked for and makes room for interval `k`.
    fn open(&mut self, k: usize, from: &PhasePoint) -> Result<()> {
        let lagrangian = self.lagrangian;
        if k >= lagrangian.intervals() {
            return Err(Error::OutOfRange {
                what: "interval",
                place: "discrete flow".into(),
                low: 0.0,
                high: (lagrangian.intervals() - 1) as f64,
                found: k as f64,
            });
        }
        let shape = Shape::of(lagrangian, self.evaluator.residual_count(k), k);
        let (left, right) = (shape.left(), shape.states() - shape.right());
        for (what, found) in [
            ("state", from.state.len()),
            ("momentum", from.momentum.len()),
            ("components of the next layer, for a symplectic map", right),
        ] {
            check_length(what, || place(k), left, found)?;
        }
        if shape != self.interval.shape {
            self.interval = Interval::new(lagrangian, shape)?;
        }
        Ok(())
    }

    fn linearize(&mut self, k: usize, x: &[f64], v: &[f64]) -> Result<()> {
        let (interval, evaluator) = (&mut self.interval, &mut *self.evaluator);
        interval.linearize(self.lagrangian, evaluator, k, (x, v));
        match interval.g.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(component) => Err(Error::ModelNotFinite {
                place: place(k),
                component: component % interval.shape.left(),
                found: interval.g[component],
            }),
        }
    }

    /// The states of the interval where Newton's method begins: the model run
    /// forward, with the velocity that the momentum adds.
    fn first_guess(&self, k: usize, from: &PhasePoint) -> Vec<f64> {
        let lagrangian = self.lagrangian;
        let (span, dynamics) = (lagrangian.span(k), &lagrangian.dynamics);
        let mut end = vec![0.0; from.state.len()];
        let pull = Pull {
            targets: &[],
            gain: 0.0,
            substeps: 1,
        };
        let theta = &lagrangian.parameters;
        dynamics.advance(span, &from.state, theta, &pull, &mut end);
        let mut drift = vec![0.0; end.len()];
        lagrangian.covariance.apply(&from.momentum, &mut drift);
        for (slot, v) in end.iter_mut().zip(&drift) {
            *slot += span.length() * v;
        }
        let steps = dynamics.steps();
        let mut x = Vec::with_capacity(self.interval.shape.states());
        for j in 0..=steps {
            let part = j as f64 / steps as f64;
            let between = from.state.iter().zip(&end);
            x.extend(between.map(|(a, b)| a + part * (b - a)));
        }
        x
    }

    /// The step whose end is at `x` and `v`, where the interval is linearized.
    fn arrive(&self, equations: &Equations, x: &[f64], v: &[f64], iterations: usize) -> FlowStep {
        let (left, right) = (self.interval.shape.left(), self.interval.shape.right());
        FlowStep {
            end: PhasePoint {
                state: x[right..].to_vec(),
                momentum: self.interval.slope(v)[right..].to_vec(),
            },
            interior: x[left..right].to_vec(),
            lagrangian: equations.energy(v) + self.interval.potential,
            iterations,
        }
    }
}

impl<V: Potential> DiscreteFlow<'_, V> {
    /// H = ½ pᵀ R_f⁻¹ p + pᵀF − V at layer `n`, the Hamiltonian of the continuous
    /// problem. Units: one over time.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a layer beyond the grid, [`Error::Length`] for
    /// a point that does not fit the model, [`Error::NotAFlow`] for layer maps.
    pub fn hamiltonian(&self, n: usize, at: &PhasePoint) -> Result<f64> {
        let lagrangian = self.lagrangian;
        let Some(&t) = lagrangian.grid.times().get(n) else {
            return Err(Error::OutOfRange {
                what: "layer",
                place: "Hamiltonian".into(),
                low: 0.0,
                high: (lagrangian.grid.layers() - 1) as f64,
                found: n as f64,
            });
        };
        let flow = lagrangian.dynamics.flow();
        let flow = flow.ok_or(Error::NotAFlow {
            what: "the Hamiltonian of the continuous problem",
        })?;
        let width = flow.width();
        let place = || format!("Hamiltonian, layer {n}");
        check_length("state", place, width, at.state.len())?;
        check_length("momentum", place, width, at.momentum.len())?;
        let mut input = Vec::new();
        if let Some(inputs) = &lagrangian.inputs {
            inputs.write(t, false, &mut input);
        }
        let mut velocity = vec![0.0; width];
        let theta = &lagrangian.parameters;
        flow.values(t, &at.state, theta, &input, &mut velocity);
        let mut noise = vec![0.0; width];
        lagrangian.covariance.apply(&at.momentum, &mut noise);
        let kinetic = hamiltonian_at(&at.momentum, &velocity, &noise);
        Ok(kinetic - lagrangian.potential.potential(t, &at.state))
    }
}

fn place(k: usize) -> String {
    format!("discrete flow, interval {k}")
}
