//! Work that is counted in instructions: five key cases, each run by name.
//!
//! `cargo bench --bench instructions` lists the cases with their repetitions;
//! `cargo bench --bench instructions -- CASE COUNT` prepares a case, does its work
//! once, so that memory is there and traces are made, and then COUNT times more.
//! `.ci/instructions` has the instructions of one repetition counted, and compares
//! them with `benches/instructions.txt`.

#[allow(clippy::unwrap_used)]
mod tutorial;

use deepest::minimize::Curvature;
use deepest::models::{Lorenz96, NaKl, Network};
use deepest::prelude::*;
use deepest::{Activation, Dense, Equations};
use ndarray::Array2;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A case: its name, how often it is repeated, and its work, so many times.
type Case = (&'static str, usize, fn(usize) -> Result<f64>);

const CASES: [Case; 5] = [
    ("lorenz96-20-gauss-newton", 20, |n| lorenz96(20, n)),
    ("lorenz96-5-gauss-newton", 100, |n| lorenz96(5, n)),
    ("lorenz96-annealing", 1, annealing),
    ("nakl-exact-newton", 10, neuron),
    ("network-condensed", 5, network),
];

/// An evaluation at x with its gradient and the Newton step from there, once and
/// then `count` times more; returns the sum of the last step.
fn steps(
    mut at: impl Objective + NewtonSteps,
    x: &[f64],
    how: (Curvature, f64),
    count: usize,
) -> Result<f64> {
    let (mut gradient, mut step) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let (curvature, damping) = how;
    for _ in 0..=count {
        std::hint::black_box(at.value_and_gradient(x, &mut gradient));
        let solved = at.newton_step(x, curvature, damping, &gradient, &mut step);
        if solved.is_err() {
            return Err(format!("no step: {solved:?}").into());
        }
    }
    Ok(step.iter().sum())
}

/// A Gauss-Newton step of Lorenz-96 with half of the components measured, at the
/// truth with another forcing.
fn lorenz96(sites: usize, count: usize) -> Result<f64> {
    let grid = Grid::uniform(0.0, 0.025, 161)?;
    let truth = Simulation::new(grid, [8.17]).seed(1).spin_up(5.0);
    let truth = truth.flow(&Lorenz96 { sites })?;
    let observed: Vec<usize> = (0..sites).step_by(2).collect();
    let twin = truth.observe(&Measurement::new(&observed, Noise::scalar(0.5)?).seed(2))?;
    let action = Action::builder(Lorenz96 { sites }, SimpsonHermite)
        .window(twin.window()?)
        .parameter("forcing", Bounds::new(0.0, 20.0)?)
        .build()?;
    let x = action.pack(&Estimate::new(vec![twin.truth.clone()], vec![8.0]))?;
    steps(action.at(1.0)?, &x, (Curvature::GaussNewton, 0.0), count)
}

/// A whole annealing of one growing start: 8 of 20 components, ten levels.
fn annealing(count: usize) -> Result<f64> {
    let action = tutorial::action(&[0, 2, 4, 6, 8, 10, 14, 16], &tutorial::table());
    let schedule = Schedule::geometric(1e-3, 10.0, 0..=9)?;
    let annealer = Annealer::new(schedule).starts(1).seed(1);
    let annealer = annealer.start_with(Starts::Growing);
    let mut total = 0.0;
    for _ in 0..count {
        let annealing = annealer.run(&action)?;
        let (_, best) = annealing.best().ok_or("no level was reached")?;
        total = best.action.total;
    }
    Ok(total)
}

/// A step by the exact Hessian of the NaKl neuron with all its 18 parameters unknown,
/// at the truth.
fn neuron(count: usize) -> Result<f64> {
    let grid = Grid::uniform(0.0, 0.05, 401)?;
    let current = Array2::from_shape_fn((401, 1), |(n, _)| 10.0 + 8.0 * (0.03 * n as f64).sin());
    let inputs = Inputs::linear(grid.times().to_vec(), current)?;
    let truth = Simulation::new(grid, NaKl::VALUES).inputs(inputs);
    let truth = truth.from_state([-65.0, 0.1, 0.5, 0.4]).flow(&NaKl)?;
    let twin = truth.observe(&Measurement::new(&[0], Noise::scalar(1.0)?).seed(4))?;
    let mut builder = Action::builder(NaKl, SimpsonHermite).window(twin.window()?);
    for (name, (low, high)) in NaKl::NAMES.into_iter().zip(NaKl::BOUNDS) {
        builder = builder.parameter(name, Bounds::new(low, high)?);
    }
    for gate in 1..4 {
        builder = builder.state_bounds(gate, Bounds::new(0.0, 1.0)?);
    }
    let action = builder.build()?;
    let estimate = Estimate::new(vec![twin.truth.clone()], NaKl::VALUES.to_vec());
    let x = action.pack(&estimate)?;
    // Spikes between layers leave the Hessian indefinite where nothing damps it.
    steps(action.at(0.01)?, &x, (Curvature::Exact, 0.1), count)
}

/// A Gauss-Newton step of a network of 32, 18 and 4 units and 100 windows, whose states
/// are condensed.
fn network(count: usize) -> Result<f64> {
    let layers = [18, 4].map(|units| Dense::new(units, Activation::Logistic));
    let network = Network::new(32, layers)?;
    let inputs = Array2::from_shape_fn((100, 32), |(m, i)| (m as f64 * (1.3 + i as f64)).sin());
    let weights = network.draw(inputs.view(), 1)?;
    let outputs = network.predict(&weights, inputs.view())?;
    let one = Precision::scalar(1.0)?;
    let guesses = network.draw(inputs.view(), 2)?;
    let guesses = guesses.iter().map(|&w| Parameter::estimated().guess(w));
    let action = Action::builder(network.clone(), Map)
        .windows(network.pairs((inputs.view(), &one), (outputs.view(), &one))?)
        .parameter_block("weights", guesses)
        .equations(Equations::BlockArrow)
        .build()?;
    let at = action.at(10.0)?;
    let x: Vec<f64> = (0..at.dimension())
        .map(|k| (k as f64).sin() * 0.5)
        .collect();
    steps(at, &x, (Curvature::GaussNewton, 1e-3), count)
}

fn main() -> Result<()> {
    let arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    match arguments.collect::<Vec<_>>().as_slice() {
        [] => CASES
            .iter()
            .for_each(|(name, repetitions, _)| println!("{name} {repetitions}")),
        [case, count] => {
            let (name, _, work) = CASES
                .iter()
                .find(|(name, ..)| name == case)
                .ok_or_else(|| format!("no case {case}"))?;
            println!("{name}: {:?}", work(count.parse()?)?);
        }
        _ => return Err("expected a case and a count".into()),
    }
    Ok(())
}
