//! Times of any size: data, grid and inputs meet where they differ by rounding.

use deepest::Error;
use deepest::prelude::*;
use ndarray::Array2;

/// ẍ = −k x − c ẋ + u(t).
struct Oscillator;

impl Model for Oscillator {
    fn parameter_count(&self) -> usize {
        2
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Oscillator {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        dx[0] = x[1];
        dx[1] = input[0] - theta[0] * x[0] - theta[1] * x[1];
    }
}

/// A Unix time stamp.
const START: f64 = 1626318282.850657;
const STEP: f64 = 0.05;
const LAYERS: usize = 1001;

/// Times summed step by step: 5e-6 from n steps at once, where doubles are 2e-7 apart.
fn summed(start: f64) -> Vec<f64> {
    let mut time = start;
    let mut times = vec![time];
    for _ in 1..LAYERS {
        time += STEP;
        times.push(time);
    }
    times
}

/// A device that is switched every 40 steps.
fn inputs(times: &[f64]) -> Inputs {
    let switched: Vec<f64> = times.iter().copied().step_by(40).collect();
    let values = Array2::from_shape_fn((switched.len(), 1), |(k, _)| ((k * k) % 5) as f64);
    Inputs::constant(switched, values).unwrap()
}

fn window(grid: Grid, times: Vec<f64>, values: Array2<f64>) -> Window {
    let precision = Precision::from_deviation(0.1).unwrap();
    let known = inputs(&times);
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    window.inputs(known).unwrap()
}

fn anneal<R: deepest::Rule<Oscillator>>(rule: R, window: Window) -> Vec<[f64; 2]> {
    let action = Action::builder(Oscillator, rule)
        .window(window)
        .parameter("k", Bounds::new(0.1, 10.0).unwrap())
        .parameter("c", Bounds::new(0.01, 2.0).unwrap())
        .build()
        .unwrap();
    let schedule = Schedule::geometric(1.0, 10.0, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let annealing = Annealer::new(schedule).run(&action).unwrap();
    let (_, level) = annealing.best().unwrap();
    let spreads = action.parameter_spreads(level.rf, &level.estimate).unwrap();
    let values = level.estimate.parameters.iter().zip(spreads);
    values.map(|(v, s)| [*v, s.deviation.unwrap()]).collect()
}

/// The estimate is that of the same times from zero on, within a thousandth of a
/// deviation.
#[test]
fn unix_time_stamps_give_the_estimate_of_times_from_zero() {
    let from_zero = Grid::uniform(0.0, STEP, LAYERS).unwrap();
    let exact = from_zero.times().to_vec();
    let twin = Simulation::new(from_zero.clone(), [4.0, 0.3])
        .from_state([1.0, 0.0])
        .inputs(inputs(&exact))
        .flow(&Oscillator)
        .unwrap();
    let noise = Noise::scalar(0.1).unwrap();
    let twin = twin
        .observe(&Measurement::new(&[0], noise).seed(7))
        .unwrap();
    let values = twin.observations.values().clone();
    let times = summed(START);
    let late = Grid::uniform(START, STEP, LAYERS).unwrap();
    let off = times.iter().zip(late.times()).map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f64::max) > 1e-6);
    let close = |found: &[[f64; 2]], expected: &[[f64; 2]]| {
        for ([found, _], [expected, deviation]) in found.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error < 1e-3 * deviation, "{found} {expected} ± {deviation}");
        }
    };
    let zero = || window(from_zero.clone(), exact.clone(), values.clone());
    let expected = anneal(Trapezoid, zero());
    let found = anneal(
        Trapezoid,
        window(late.clone(), times.clone(), values.clone()),
    );
    close(&found, &expected);
    // Steps that must be equal are, and a grid may be made of the stamps themselves.
    let expected = anneal(SimpsonHermite, zero());
    let found = anneal(SimpsonHermite, window(late, times.clone(), values.clone()));
    close(&found, &expected);
    let own = Grid::new(times.clone()).unwrap();
    assert!(own.is_uniform());
    close(
        &anneal(SimpsonHermite, window(own, times, values)),
        &expected,
    );
}

/// The grid's time is taken: what is at a layer but for rounding is at the layer.
#[test]
fn measurements_and_switches_are_at_their_layers() {
    let times = summed(START);
    let late = Grid::uniform(START, STEP, LAYERS).unwrap();
    let window = window(late.clone(), times.clone(), Array2::zeros((LAYERS, 1)));
    let set = window.observation_sets().next().unwrap();
    assert_eq!(set.times(), late.times());
    // Two sensors with clocks of their own, sorted: one layer for each of their times.
    let mut both: Vec<f64> = times.iter().chain(late.times()).copied().collect();
    both.sort_unstable_by(f64::total_cmp);
    let grid = Grid::from_times(&both, 1).unwrap();
    assert_eq!(grid.layers(), LAYERS);
    assert!(Grid::from_times(&both, 2).unwrap().is_uniform());
}

/// No further than a thousandth of the shortest step, and than the rounding.
#[test]
fn what_is_between_layers_is_refused() {
    let refused = |grid: &Grid, time: f64| {
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], [time], Array2::zeros((1, 1)), one);
        let window = Window::new(grid.clone()).observations(data.unwrap());
        matches!(window, Err(Error::TimeOffGrid { .. }))
    };
    let late = Grid::uniform(START, STEP, LAYERS).unwrap();
    assert!(!refused(&late, late.times()[500] + 4e-5));
    assert!(refused(&late, late.times()[500] + 6e-5));
    let early = Grid::uniform(0.0, STEP, LAYERS).unwrap();
    assert!(!refused(&early, early.times()[500] + 4e-8));
    assert!(refused(&early, early.times()[500] + 1e-6));
}
