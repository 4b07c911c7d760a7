//! The range of R_f that data and model ask for: negligible at its beginning,
//! a constraint at its end, and the same in any unit.

use crate::fixtures::ladder::{lorenz96, reached};
use deepest::Action;
use deepest::models::{Lorenz96, NaKl};
use deepest::prelude::*;
use ndarray::Array2;

/// A flow whose states are measured in other units: z = c x.
struct InUnits<M> {
    model: M,
    factors: Vec<f64>,
}

impl<M: Model> Model for InUnits<M> {
    fn parameter_count(&self) -> usize {
        self.model.parameter_count()
    }
    fn input_count(&self) -> usize {
        self.model.input_count()
    }
}

impl<M: Flow> Flow for InUnits<M> {
    fn width(&self) -> usize {
        self.model.width()
    }
    fn flow<S: Scalar>(&self, t: S, z: &[S], theta: &[S], input: &[S], dz: &mut [S]) {
        let pairs = z.iter().zip(&self.factors);
        let x: Vec<S> = pairs.map(|(&z, &c)| z * c.recip()).collect();
        self.model.flow(t, &x, theta, input, dz);
        for (slot, &c) in dz.iter_mut().zip(&self.factors) {
            *slot = *slot * c;
        }
    }
}

/// NaKL with a noisy voltage (σ = 1 mV) and 18 bounded parameters; states in
/// units of one over these factors.
fn nakl(factors: [f64; 4]) -> Action {
    let grid = Grid::uniform(0.0, 0.02, 201).unwrap();
    let times = grid.times().to_vec();
    let current = times.iter().map(|t| 15.0 + 20.0 * (0.9 * t).sin());
    let current = Array2::from_shape_vec((times.len(), 1), current.collect()).unwrap();
    let inputs = Inputs::linear(times.clone(), current).unwrap();
    let truth = Simulation::new(grid.clone(), NaKl::VALUES)
        .from_state([-65.0, 0.05, 0.6, 0.3])
        .inputs(inputs.clone())
        .flow(&NaKl)
        .unwrap();
    let noise = Noise::scalar(1.0).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0], noise).seed(3))
        .unwrap();
    let volts = twin.observations.values() * factors[0];
    let precision = Precision::from_deviation(factors[0]).unwrap();
    let data = Observations::of_components(&[0], times, volts, precision).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    let model = InUnits {
        model: NaKl,
        factors: factors.to_vec(),
    };
    let mut builder = Action::builder(model, SimpsonHermite).window(window.inputs(inputs).unwrap());
    for (name, value) in NaKl::NAMES.into_iter().zip(NaKl::VALUES) {
        let (a, b) = (0.5 * value, 1.4 * value);
        builder = builder.parameter(name, Bounds::new(a.min(b), a.max(b)).unwrap());
    }
    for gate in 1..4 {
        let gates = Bounds::new(0.0, factors[gate]).unwrap();
        builder = builder.state_bounds(gate, gates);
    }
    builder.build().unwrap()
}

fn first_level(action: &Action) -> f64 {
    let schedule = Schedule::spanning(action).unwrap();
    let annealer = Annealer::new(schedule).starts(1).start_with(Starts::Mean);
    let mut run = annealer.begin(action).unwrap();
    run.step().unwrap();
    run.annealing().starts[0].levels[0].action.total
}

fn begins_negligibly(action: &Action) {
    let level = first_level(action);
    let plateau = action.expected_plateau().unwrap().mean;
    assert!(level > 0.0 && level < 0.01 * plateau, "{level} {plateau}");
}

#[test]
fn the_first_level_is_negligible() {
    let (twin, mean) = lorenz96(20, 161);
    begins_negligibly(&mean);
    let sum = Action::builder(Lorenz96 { sites: 20 }, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap());
    begins_negligibly(&sum.build().unwrap().balanced().unwrap());
    begins_negligibly(&nakl([1.0; 4]));
    begins_negligibly(&nakl([1.0; 4]).balanced().unwrap());
}

/// The range begins where A ≤ 10⁻³ · ½K_y already on the unconstrained path, and
/// ends where the model error is far below the deviation of A.
#[test]
fn a_ladder_over_the_range_ends_on_the_plateau() {
    let (twin, action) = lorenz96(20, 161);
    let schedule = Schedule::spanning(&action).unwrap();
    let annealing = Annealer::new(schedule).starts(2).run(&action).unwrap();
    annealing.starts.iter().for_each(reached);
    let plateau = action.expected_plateau().unwrap();
    let (_, best) = annealing.best().unwrap();
    assert!(best.action.model < 0.1 * plateau.deviation, "{best:?}");
    let off = (best.action.total - plateau.mean) / plateau.deviation;
    assert!(off.abs() < 4.0, "{off} deviations off {plateau:?}");
    let score = twin.score(&best.estimate).unwrap();
    assert!(score.unobserved_rmse.unwrap() < 0.5, "{score:?}");
}

/// In *sum*, *mean* and *minaone* the same ladder, each with its own R_f.
#[test]
fn a_normalization_changes_only_the_unit_of_rf() {
    let (twin, mean) = lorenz96(8, 41);
    let range = |action: &Action| {
        let schedule = Schedule::spanning(action).unwrap();
        (schedule.steps()[0].rf, schedule.steps().len())
    };
    let (expected, levels) = range(&mean);
    let counts = mean.counts();
    let ratio = counts.measured as f64 / counts.residuals as f64;
    for (normalization, ratio) in [(Normalization::Sum, ratio), (Normalization::Minaone, ratio)] {
        let other = Action::builder(Lorenz96 { sites: 8 }, SimpsonHermite)
            .window(twin.window().unwrap())
            .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
            .normalization(normalization)
            .build()
            .unwrap();
        let (rf, count) = range(&other);
        approx::assert_relative_eq!(rf, expected * ratio, max_relative = 1e-12);
        assert_eq!(count, levels);
    }
}

/// A state in a unit a million times smaller: its precision changes by 1e-12,
/// nothing else does, and the first level stays what it was.
#[test]
fn units_of_states_change_their_precision_only() {
    let plain = nakl([1.0; 4]).balanced().unwrap();
    let shape = |action: &Action| {
        action
            .model_precision()
            .to_matrix(4)
            .unwrap()
            .diag()
            .to_vec()
    };
    let range = |action: &Action| {
        let schedule = Schedule::spanning(action).unwrap();
        let steps = schedule.steps();
        (steps[0].rf, steps.len())
    };
    let (expected, level) = (shape(&plain), first_level(&plain));
    for component in 0..4 {
        let mut factors = [1.0; 4];
        factors[component] = 1e6;
        let scaled = nakl(factors).balanced().unwrap();
        for (i, (s, expected)) in shape(&scaled).iter().zip(&expected).enumerate() {
            let factor = if i == component { 1e-12 } else { 1.0 };
            // Sums over hundreds of intervals of products that round.
            approx::assert_relative_eq!(*s, factor * expected, max_relative = 1e-11);
        }
        let ((rf, count), (first, levels)) = (range(&scaled), range(&plain));
        approx::assert_relative_eq!(rf, first, max_relative = 1e-11);
        assert_eq!(count, levels);
        let found = first_level(&scaled);
        approx::assert_relative_eq!(found, level, max_relative = 1e-5);
    }
}
