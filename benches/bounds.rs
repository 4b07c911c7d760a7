//! Bounds kept by an active set against bounds by construction: the NaKL neuron
//! from its voltage, all 18 parameters estimated.
//!
//! `cargo bench --bench bounds` prints the work of one ladder with the bounds
//! given to the action, and with parameters θ = l + (u − l)/(1 + e⁻ᶻ) whose z
//! has none, which keeps them inside as an interior method does.
#![allow(clippy::unwrap_used)]

use deepest::models::NaKl;
use deepest::prelude::*;
use ndarray::Array2;

/// The neuron with parameters that cannot leave their bounds.
struct Inside;

impl Model for Inside {
    fn parameter_count(&self) -> usize {
        18
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Inside {
    fn width(&self) -> usize {
        4
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], z: &[S], input: &[S], dx: &mut [S]) {
        let mut theta = [S::zero(); 18];
        for ((slot, z), (low, high)) in theta.iter_mut().zip(z).zip(NaKl::BOUNDS) {
            *slot = z.logistic() * (high - low) + low;
        }
        NaKl.flow(t, x, &theta, input, dx);
    }
}

fn action<M: Flow>(model: M, window: Window, parameter: impl Fn(usize) -> Parameter) -> Action {
    let mut builder = Action::builder(model, SimpsonHermite)
        .window(window)
        .model_precision(Precision::diagonal([1.0, 1e4, 1e4, 1e4]).unwrap())
        .state_bounds(0, Bounds::new(-100.0, 100.0).unwrap())
        .normalization(Normalization::Mean);
    for gate in 1..4 {
        builder = builder.state_bounds(gate, Bounds::new(0.0, 1.0).unwrap());
    }
    for (k, name) in NaKl::NAMES.into_iter().enumerate() {
        builder = builder.parameter(name, parameter(k));
    }
    builder.build().unwrap()
}

fn report(name: &str, action: &Action) {
    let schedule = Schedule::geometric(1e-8, 1.5, 0..=60).unwrap();
    let annealer = Annealer::new(schedule).start_with(Starts::Mean).starts(1);
    let annealing = annealer.run(action).unwrap();
    let start = &annealing.starts[0];
    let limits = start.levels.iter();
    let limits = limits.filter(|l| l.termination == Termination::IterationLimit);
    let level = |beta: f64| {
        let mut levels = start.levels.iter();
        levels.find(|l| l.beta == beta).map(|l| l.action.total)
    };
    println!(
        "{name:>16} {:>14} {:>11} {:>12.6} {:>12.6} {:>15}",
        start.work().factorizations,
        start.work().evaluations,
        level(40.0).unwrap(),
        level(60.0).unwrap(),
        limits.count(),
    );
}

fn main() {
    let grid = Grid::uniform(0.0, 0.02, 1001).unwrap();
    let times = grid.times().to_vec();
    let current = |t: f64| 12.0 * (0.31 * t).sin() + 9.0 * (0.83 * t).sin() + 8.0;
    let current = Array2::from_shape_fn((times.len(), 1), |(n, _)| current(times[n]));
    let stimulus = Inputs::linear(times, current).unwrap();
    let truth = Simulation::new(grid, NaKl::VALUES)
        .from_state([-65.0, 0.1, 0.6, 0.4])
        .inputs(stimulus)
        .flow(&NaKl)
        .unwrap();
    let noise = Noise::scalar(1.0).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0], noise).seed(2))
        .unwrap();
    println!(
        "          bounds factorizations evaluations    A(beta=40)    A(beta=60)  at iteration limit"
    );
    let given = |k: usize| {
        let (low, high) = NaKl::BOUNDS[k];
        Bounds::new(low, high).unwrap().into()
    };
    report("active set", &action(NaKl, twin.window().unwrap(), given));
    let free = |_| Parameter::estimated();
    report(
        "by construction",
        &action(Inside, twin.window().unwrap(), free),
    );
}
