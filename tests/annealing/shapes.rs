//! A shape of the model precision that is not given: who chooses it, and that R_f
//! never goes with another.

use deepest::hamiltonian::{BoundaryProblem, Hamiltonian, Momenta};
use deepest::prelude::*;
use deepest::{ActionBuilder, Error, Finding, Minibatches, Twin};
use ndarray::Array2;

/// The neuron of C. Morris and H. Lecar, Biophys. J. 35, 193 (1981): a voltage in mV
/// and the open part of the potassium channels, with a known current.
/// θ = (g_Ca, g_K, g_L, E_K, E_L, V1, V2, V3, V4, φ); C = 20 µF/cm², E_Ca = 120 mV.
struct MorrisLecar;

/// The values of B. Ermentrout and D. Terman, *Mathematical Foundations of
/// Neuroscience* (2010), table 3.1, Hopf.
const VALUES: [f64; 10] = [4.4, 8.0, 2.0, -84.0, -60.0, -1.2, 18.0, 2.0, 30.0, 0.04];

impl Model for MorrisLecar {
    fn parameter_count(&self) -> usize {
        10
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for MorrisLecar {
    fn width(&self) -> usize {
        2
    }

    fn flow<S: Scalar>(&self, _t: S, x: &[S], q: &[S], input: &[S], dx: &mut [S]) {
        let (v, w) = (x[0], x[1]);
        let open = (((v - q[5]) / q[6]).tanh() + 1.0) * 0.5;
        let rest = (((v - q[7]) / q[8]).tanh() + 1.0) * 0.5;
        let half = ((v - q[7]) / (q[8] * 2.0)).exp();
        let rate = q[9] * (half + S::from(1.0) / half) * 0.5;
        let currents = q[0] * open * (-v + 120.0) + q[1] * w * (q[3] - v) + q[2] * (q[4] - v);
        dx[0] = (currents + input[0]) * (1.0 / 20.0);
        dx[1] = rate * (rest - w);
    }
}

/// 100 ms of it, the voltage measured every 0.5 ms with an error of 1 mV.
fn neuron() -> Twin {
    let grid = Grid::uniform(0.0, 0.5, 201).unwrap();
    let times = grid.times().to_vec();
    let current = times.iter().map(|t| 90.0 + 40.0 * (0.13 * t).sin());
    let current = Array2::from_shape_vec((times.len(), 1), current.collect()).unwrap();
    let truth = Simulation::new(grid, VALUES)
        .from_state([-30.0, 0.1])
        .inputs(Inputs::linear(times, current).unwrap())
        .flow(&MorrisLecar)
        .unwrap();
    let measurement = Measurement::new(&[0], Noise::scalar(1.0).unwrap()).seed(5);
    truth.observe(&measurement).unwrap()
}

fn problem(twin: &Twin) -> ActionBuilder {
    let mut builder = Action::builder(MorrisLecar, SimpsonHermite)
        .window(twin.window().unwrap())
        .state_bounds(1, Bounds::new(0.0, 1.0).unwrap());
    for (k, value) in VALUES.into_iter().enumerate() {
        let (a, b) = (0.7 * value, 1.4 * value);
        let bounds = Bounds::new(a.min(b), a.max(b)).unwrap();
        builder = builder.parameter(format!("q{k}"), bounds);
    }
    builder
}

fn annealer(schedule: Schedule) -> Annealer {
    Annealer::new(schedule).starts(1).seed(1)
}

/// R_f and terms of all levels.
fn levels(annealing: &Annealing) -> Vec<(f64, deepest::ActionTerms)> {
    let levels = annealing.starts.iter().flat_map(|start| &start.levels);
    levels.map(|level| (level.rf, level.action)).collect()
}

#[test]
fn a_shape_that_is_not_given_is_balanced_where_rf_is_found() {
    let twin = neuron();
    let unset = problem(&twin).build().unwrap();
    let balanced = problem(&twin).build().unwrap().balanced().unwrap();
    let shape = balanced.model_precision().to_matrix(2).unwrap();
    let shape = shape.diag().to_vec();
    // Millivolts beside a part of one.
    assert!(shape[1] > 1e3 * shape[0], "{shape:?}");
    // The same to the last bit, and it says so.
    let found = annealer(Schedule::adaptive()).run(&unset).unwrap();
    let expected = annealer(Schedule::adaptive()).run(&balanced).unwrap();
    assert_eq!(levels(&found), levels(&expected));
    assert_eq!(found.balanced_shape(), Some(&shape[..]));
    assert_eq!(expected.balanced_shape(), None);
    let (start, best) = found.best().unwrap();
    assert!(start.finished);
    let plateau = unset.expected_plateau().unwrap();
    let off = (best.action.total - plateau.mean) / plateau.deviation;
    assert!(off.abs() < 4.0, "{off}");
    heeded(&unset, &balanced, best);
    let verdict = found.verdict(&unset).unwrap();
    assert_eq!(verdict, expected.verdict(&balanced).unwrap());
}

/// Whatever takes R_f with an estimate answers with the shape that belongs to it.
fn heeded(unset: &Action, balanced: &Action, best: &deepest::Level) {
    let (rf, estimate) = (best.rf, &best.estimate);
    assert_eq!(unset.terms(rf, estimate).unwrap(), best.action);
    let spreads = |action: &Action| action.parameter_spreads(rf, estimate).unwrap();
    assert_eq!(spreads(unset), spreads(balanced));
    let along = |action| Momenta::along(action, rf, estimate).unwrap();
    assert_eq!(along(unset), along(balanced));
    let along = |action| Hamiltonian::along(action, rf, estimate).unwrap();
    assert_eq!(along(unset), along(balanced));
    let x = unset.pack(estimate).unwrap();
    let shaped = unset.shaped_as(estimate).unwrap();
    assert_eq!(shaped.at(rf).unwrap().terms(&x), best.action);
    // With R_f given the shape is one.
    assert_ne!(unset.at(rf).unwrap().terms(&x), best.action);
    let refused = BoundaryProblem::new(unset, rf).solve(estimate).unwrap_err();
    assert!(matches!(refused, Error::Contradiction { .. }), "{refused}");
    assert!(BoundaryProblem::new(&shaped, rf).solve(estimate).is_ok());
}

#[test]
fn a_range_that_is_found_goes_with_its_shape() {
    let twin = neuron();
    let unset = problem(&twin).build().unwrap();
    let balanced = problem(&twin).build().unwrap().balanced().unwrap();
    let (of_unset, of_balanced) = (
        Schedule::spanning(&unset).unwrap(),
        Schedule::spanning(&balanced).unwrap(),
    );
    assert_eq!(of_unset.steps(), of_balanced.steps());
    let shape = balanced.model_precision().to_matrix(2).unwrap();
    assert_eq!(of_unset.shape(), shape.diag().to_vec());
    assert!(of_balanced.shape().is_empty());
    let first = |schedule: &Schedule, action: &Action| {
        let annealer = annealer(schedule.clone());
        let mut run = annealer.begin(action).unwrap();
        run.step().unwrap();
        run.into_annealing()
    };
    let found = first(&of_unset, &unset);
    assert_eq!(levels(&found), levels(&first(&of_balanced, &balanced)));
    assert_eq!(found.balanced_shape(), Some(of_unset.shape()));
    // A shape that was given stays.
    assert_eq!(first(&of_unset, &balanced).balanced_shape(), None);
    // R_f that is given goes with one for all.
    let given = Schedule::geometric(1e-3, 2.0, 0..=1).unwrap();
    let one = problem(&twin).model_precision(Precision::scalar(1.0).unwrap());
    let (here, there) = (first(&given, &unset), first(&given, &one.build().unwrap()));
    assert_eq!(here, there);
    assert_eq!(here.balanced_shape(), None);
    let uneven = |annealing: &Annealing, action| {
        let verdict = annealing.verdict(action).unwrap();
        let mut findings = verdict.findings.into_iter();
        findings.any(|finding| matches!(finding, Finding::UnevenShape { ratio } if ratio > 1e3))
    };
    assert!(uneven(&here, &unset));
    assert!(!uneven(&found, &unset));
    assert!(!uneven(&first(&of_balanced, &balanced), &balanced));
    let refused = Minibatches::new(&of_unset, 2).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Contradiction { .. }), "{refused}");
}
