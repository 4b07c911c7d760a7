//! The truth: a model run forward.

use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::discretization::{Pull, Span, forward, integrate};
use crate::error::{Error, Result, check_count, check_length};
use crate::model::{Flow, Layers, MOST_COMPONENTS, Model, check_parameters_of};
use crate::problem::grid::{Grid, check_finite};
use crate::problem::inputs::Inputs;
use crate::problem::path::Path;

/// Sub-steps that a spin-up may take: beyond this a time was mistyped.
const MOST_SUBSTEPS: f64 = 1e12;

/// How the truth is made: times, parameters, first state.
///
/// ```
/// use deepest::{models::Lorenz63, prelude::*};
///
/// // With ρ < 1 everything comes to rest at the origin.
/// let grid = Grid::uniform(0.0, 0.1, 201)?;
/// let simulation = Simulation::new(grid, [10.0, 0.5, 8.0 / 3.0]).from_state([1.0, 1.0, 1.0]);
/// let truth = simulation.flow(&Lorenz63)?;
/// assert!(truth.path.layer(200).iter().all(|x| x.abs() < 1e-3));
/// # Ok::<(), deepest::Error>(())
/// ```
///
/// A flow is integrated by the classical Runge-Kutta method with equal
/// sub-steps in every step of the grid; a layer map runs forward.
#[doc(alias("integrate", "synthetic data"))]
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a simulation runs with `flow` or `layers`"]
pub struct Simulation {
    grid: Grid,
    parameters: Vec<f64>,
    first: Option<Vec<f64>>,
    seed: u64,
    spin_up: f64,
    substeps: usize,
    inputs: Option<Inputs>,
}

impl Simulation {
    /// States at the layers of `grid` with the model's P `parameters`: first
    /// state drawn from the standard normal distribution with seed 0, no
    /// spin-up, 10 sub-steps a step.
    pub fn new(grid: Grid, parameters: impl Into<Vec<f64>>) -> Self {
        Self {
            grid,
            parameters: parameters.into(),
            first: None,
            seed: 0,
            spin_up: 0.0,
            substeps: 10,
            inputs: None,
        }
    }

    /// Begins at this state, before the spin-up.
    #[doc(alias("initial condition", "initial state"))]
    pub fn from_state(mut self, state: impl Into<Vec<f64>>) -> Self {
        self.first = Some(state.into());
        self
    }

    /// The seed of the random first state.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Runs a flow for this time before the first layer, so that the path
    /// begins on the attractor. In units of the grid's times.
    pub fn spin_up(mut self, time: f64) -> Self {
        self.spin_up = time;
        self
    }

    /// Equal Runge-Kutta sub-steps in one step of the grid, for flows. The
    /// spin-up takes sub-steps of at most the first step's.
    pub fn substeps(mut self, count: usize) -> Self {
        self.substeps = count;
        self
    }

    /// The known inputs of the model; they must reach over the spin-up too.
    pub fn inputs(mut self, inputs: Inputs) -> Self {
        self.inputs = Some(inputs.aligned(&self.grid));
        self
    }

    /// Integrates a flow.
    ///
    /// # Errors
    /// [`Error::Length`] for parameters or a first state that do not fit the
    /// model; [`Error::NotFinite`] for a value of them or the spin-up time;
    /// [`Error::OutOfRange`] for a spin-up time below zero or of more than
    /// 10¹² sub-steps; [`Error::NotPositive`] for no sub-steps;
    /// [`Error::Missing`] for a model with inputs; [`Error::ModelNotFinite`]
    /// with the layer where the simulation leaves the finite numbers.
    pub fn flow<M: Flow>(&self, model: &M) -> Result<Truth> {
        let mut state = self.first_state(model, model.width())?;
        if self.substeps == 0 {
            return Err(Error::NotPositive {
                what: "sub-steps",
                place: "simulation".into(),
                found: 0.0,
            });
        }
        if self.substeps as f64 > MOST_SUBSTEPS {
            return Err(Error::OutOfRange {
                what: "sub-steps",
                place: "simulation".into(),
                low: 1.0,
                high: MOST_SUBSTEPS,
                found: self.substeps as f64,
            });
        }
        let times = self.grid.times();
        let theta = &self.parameters;
        let mut next = state.clone();
        let substeps = self.spin_up_substeps()?;
        if substeps > 0 {
            let times = [times[0] - self.spin_up, times[0]];
            if let Some(inputs) = &self.inputs {
                let slack = self.grid.slack(inputs.times().len());
                inputs.check_reach_over(times, slack, || "spin-up of the simulation".into())?;
            }
            let span = self.span(0, &times);
            integrate(model, span, &state, theta, &free(substeps), &mut next);
            check_state(&next, || "spin-up of the simulation".into())?;
            state.copy_from_slice(&next);
        }
        self.run(state, |n, x| {
            let span = self.span(n, &times[n..=n + 1]);
            integrate(model, span, x, theta, &free(self.substeps), &mut next);
            Ok(next.clone())
        })
    }

    /// Runs a layer map forward from the first layer: the next layer is where
    /// the residual, taken at next = 0, says, so the map must have the form
    /// g = next − f(x).
    ///
    /// # Errors
    /// As [`Simulation::flow`], but for sub-steps, which layer maps do not
    /// have; [`Error::Length`] for a dense layer that does not fit its widths and
    /// parameters; [`Error::OutOfRange`] also for any spin-up, and for a residual
    /// that is not zero at the layer found, because the next layer stands on
    /// both sides.
    pub fn layers<M: Layers>(&self, model: &M) -> Result<Truth> {
        let state = self.first_state(model, model.width(0))?;
        if self.spin_up != 0.0 {
            return Err(Error::OutOfRange {
                what: "spin-up time",
                place: "simulation of a layer map".into(),
                low: 0.0,
                high: 0.0,
                found: self.spin_up,
            });
        }
        for n in 0..self.grid.layers() - 1 {
            let place = || format!("simulation, layer {n}");
            let range = model.parameters_of(n);
            check_parameters_of(&range, self.parameters.len(), place)?;
            if let Some(layer) = model.dense(n) {
                layer.check([model.width(n), model.width(n + 1)], range.len(), place)?;
            }
        }
        let times = self.grid.times();
        self.run(state, |n, x| {
            let mut next = vec![0.0; model.width(n + 1)];
            let span = self.span(n, &times[n..=n + 1]);
            forward(model, span, x, &self.parameters, &free(1), &mut next);
            self.check_residual(model, span, x, &next)?;
            Ok(next)
        })
    }

    fn check_residual<M: Layers>(
        &self,
        model: &M,
        span: Span<'_>,
        x: &[f64],
        next: &[f64],
    ) -> Result<()> {
        let (n, mut g) = (span.index, vec![0.0; next.len()]);
        let theta = &self.parameters[model.parameters_of(n)];
        let mut input = Vec::new();
        span.write_inputs(span.times[0], &mut input);
        model.layer(n, x, next, theta, &input, &mut g);
        let size = next.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        let slack = 1e-10 * size;
        match g.iter().position(|g| g.abs() > slack) {
            None => Ok(()),
            Some(i) => Err(Error::OutOfRange {
                what: "residual after a forward pass",
                place: format!("simulation, layer {}, component {i}", n + 1),
                low: -slack,
                high: slack,
                found: g[i],
            }),
        }
    }

    fn span<'a>(&'a self, index: usize, times: &'a [f64]) -> Span<'a> {
        Span {
            index,
            times,
            follows: false,
            followed: false,
            inputs: self.inputs.as_ref(),
        }
    }

    fn run(
        &self,
        first: Vec<f64>,
        mut step: impl FnMut(usize, &[f64]) -> Result<Vec<f64>>,
    ) -> Result<Truth> {
        let mut layers = vec![first];
        for n in 0..self.grid.layers() - 1 {
            let next = step(n, &layers[n])?;
            check_state(&next, || format!("simulation, layer {}", n + 1))?;
            layers.push(next);
        }
        Ok(Truth {
            path: Path::from_layers(layers),
            grid: self.grid.clone(),
            parameters: self.parameters.clone(),
            inputs: self.inputs.clone(),
        })
    }

    /// Checks parameters and inputs, and gives the state to begin at.
    fn first_state<M: Model>(&self, model: &M, width: usize) -> Result<Vec<f64>> {
        let place = || String::from("simulation");
        match &self.inputs {
            None if model.input_count() > 0 => {
                return Err(Error::Missing {
                    what: "inputs",
                    place: format!("simulated model with {} inputs", model.input_count()),
                });
            }
            None => {}
            Some(inputs) => {
                check_length("inputs", place, model.input_count(), inputs.count())?;
                inputs.check_reach(&self.grid, place)?;
            }
        }
        check_length(
            "parameters",
            place,
            model.parameter_count(),
            self.parameters.len(),
        )?;
        for (k, &value) in self.parameters.iter().enumerate() {
            check_finite("parameter", &format!("simulation, parameter {k}"), value)?;
        }
        if let Some(first) = &self.first {
            check_length("first state", place, width, first.len())?;
            for (i, &value) in first.iter().enumerate() {
                check_finite("first state", &format!("simulation, component {i}"), value)?;
            }
            return Ok(first.clone());
        }
        check_count("components", place, width, MOST_COMPONENTS)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        Ok((0..width)
            .map(|_| StandardNormal.sample(&mut rng))
            .collect())
    }

    fn spin_up_substeps(&self) -> Result<usize> {
        check_finite("spin-up time", "simulation", self.spin_up)?;
        let times = self.grid.times();
        let sub = (times[1] - times[0]) / self.substeps as f64;
        let count = (self.spin_up / sub).ceil();
        if !(0.0..=MOST_SUBSTEPS).contains(&count) {
            return Err(Error::OutOfRange {
                what: "spin-up time",
                place: "simulation".into(),
                low: 0.0,
                high: MOST_SUBSTEPS * sub,
                found: self.spin_up,
            });
        }
        Ok(count as usize)
    }
}

/// An integration that nothing pulls.
fn free(substeps: usize) -> Pull<'static> {
    Pull {
        targets: &[],
        gain: 0.0,
        substeps,
    }
}

fn check_state(state: &[f64], place: impl Fn() -> String) -> Result<()> {
    match state.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(component) => Err(Error::ModelNotFinite {
            place: place(),
            component,
            found: state[component],
        }),
    }
}

/// A simulated path with what it was made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Truth {
    /// The states at all N layers.
    pub path: Path,
    /// The times of the layers.
    pub grid: Grid,
    /// All P parameters.
    pub parameters: Vec<f64>,
    /// The known inputs, where the model has any.
    pub inputs: Option<Inputs>,
}
