//! Nudging on a flow that can be followed both ways.

use super::*;
use crate::prelude::*;
use rand::SeedableRng;

/// An oscillator that is pushed.
struct Swing;

impl Model for Swing {
    fn parameter_count(&self) -> usize {
        0
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Swing {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], input: &[S], dx: &mut [S]) {
        dx[0] = x[1];
        dx[1] = input[0] - x[0];
    }
}

/// Its swing from (1, 0.5), pushed until t = 2.05; the position is measured.
fn swing() -> (Action, Path) {
    let grid = Grid::uniform(0.0, 0.05, 81).unwrap();
    let push = ndarray::array![[1.0], [0.0]];
    let inputs = Inputs::constant([0.0, 2.05], push).unwrap();
    let truth = Simulation::new(grid, []).from_state([1.0, 0.5]);
    let truth = truth.inputs(inputs).flow(&Swing).unwrap();
    let noise = Measurement::new(&[0], Noise::scalar(0.01).unwrap());
    let twin = truth.observe(&noise).unwrap();
    let action = Action::builder(Swing, Rk4).window(twin.window().unwrap());
    (action.build().unwrap(), twin.truth)
}

fn nudging<'a>(action: &'a Action, signals: &'a [Signal<'a>]) -> Nudging<'a> {
    Nudging { action, signals }
}

#[test]
fn time_runs_back_along_the_same_path() {
    let (action, truth) = swing();
    let signals = Signal::of_all(&action);
    let last = truth.layer(80).to_vec();
    let run = nudging(&action, &signals).layers((0, true), 0.0, &[], (vec![last], 80));
    let (_, layers) = run.unwrap();
    // Eighty steps of an error h⁵/120 each, there and back.
    for (n, layer) in layers.iter().rev().enumerate() {
        for (a, b) in layer.iter().zip(truth.layer(n)) {
            assert!((a - b).abs() < 1e-6, "layer {n}: {a} against {b}");
        }
    }
}

#[test]
fn a_middle_is_lengthened_both_ways() {
    let (action, truth) = swing();
    let middle = Path::from_layers((30..50).map(|n| truth.layer(n)));
    let middle = Estimate::new(vec![middle], []);
    let whole = lengthened(&action, &middle, &[30], 0.0).unwrap();
    for n in 0..81 {
        for (a, b) in whole.paths[0].layer(n).iter().zip(truth.layer(n)) {
            assert!((a - b).abs() < 1e-6, "layer {n}: {a} against {b}");
        }
    }
}

#[test]
fn going_back_finds_the_first_state() {
    let (action, truth) = swing();
    let signals = Signal::of_all(&action);
    let nudging = nudging(&action, &signals);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let nudged = nudging.scan(&[0.125], 1, &mut rng).unwrap();
    let velocity = |path: &Path| (path.layer(0)[1] - truth.layer(0)[1]).abs();
    // A pull of K = 2.5 forgets in 1/K; noise of 0.01 is then what is left.
    let found = velocity(&nudged[0].estimate.paths[0]);
    let guess = Xoshiro256PlusPlus::seed_from_u64(1);
    let guess = nudging.first_state(0, &mut { guess })[1];
    assert!((guess - truth.layer(0)[1]).abs() > 0.1, "{guess}");
    assert!(found < 0.05, "{found}");
}
