//! Several values at one time in one set of observations.

use deepest::models::Linear;
use deepest::prelude::*;
use deepest::{Error, Rule};
use ndarray::{Array2, array};

/// ȧ = −k a².
struct SecondOrder;

impl Model for SecondOrder {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for SecondOrder {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = -theta[0] * x[0] * x[0];
    }
}

const TIMES: [f64; 7] = [0.0, 0.0, 10.0, 26.0, 44.0, 70.0, 120.0];
const A: [f64; 7] = [0.054, 0.054, 0.044, 0.034, 0.027, 0.020, 0.014];
/// All errors have the same deviation, so that any will do for the estimate.
const DEVIATION: f64 = 4e-4;

fn window() -> Window {
    let values = Array2::from_shape_vec((7, 1), A.to_vec()).unwrap();
    let precision = Precision::from_deviation(DEVIATION).unwrap();
    let data = Observations::of_components(&[0], TIMES, values, precision).unwrap();
    // Steps of 1.25 to 6.25 in which a falls by 6 % at most: the error of Runge-Kutta
    // steps is below 1e-7 of a.
    let grid = Grid::from_times(&TIMES, 8).unwrap();
    assert_eq!(grid.layers(), 5 * 8 + 1);
    Window::new(grid).observations(data).unwrap()
}

/// k, a(0) and Σe² where the model has next to no error: at R_f = 1e14 against
/// R_m = 6e6 it gives way by less than 1e-6 of what the data say.
fn estimate(window: Window) -> (f64, f64, f64, Action, Annealing) {
    let action = Action::builder(SecondOrder, Rk4)
        .window(window)
        .parameter("k", Bounds::new(0.01, 10.0).unwrap())
        .build()
        .unwrap();
    let betas = (0..=10).map(f64::from).collect::<Vec<_>>();
    let schedule = Schedule::geometric(1e4, 10.0, betas).unwrap();
    let annealing = Annealer::new(schedule).starts(2).run(&action).unwrap();
    let (_, level) = annealing.best().unwrap();
    let first = level.estimate.paths[0].layer(0)[0];
    let squares = 2.0 * level.action.measurement * DEVIATION.powi(2);
    (
        level.estimate.parameters[0],
        first,
        squares,
        action,
        annealing,
    )
}

/// Computed with an ODE solver (tolerance 1e-9) and nonlinear least squares; compared
/// to the digits given.
#[test]
fn second_order_kinetics_with_a_replicate_has_the_values_of_least_squares() {
    let (k, first, squares, action, annealing) = estimate(window());
    assert_eq!(action.counts().measured, 7);
    assert!((k - 0.431276).abs() < 1e-6, "{k}");
    assert!((first - 0.0540979).abs() < 1e-7, "{first}");
    assert!((squares - 5.91654e-7).abs() < 2e-12, "{squares}");
    // Both values at one time are drawn, and paired with the next.
    let verdict = annealing.verdict(&action).unwrap();
    assert_eq!(verdict.residuals.unwrap().pairs, 2 + 1 + 1 + 1 + 1);
}

#[test]
fn second_order_kinetics_from_a_known_state_has_the_values_of_least_squares() {
    let known = StatePrior::new([0.054], Precision::from_deviation(1e-9).unwrap()).unwrap();
    let (k, first, ..) = estimate(window().prior(known));
    assert!((first - 0.054).abs() < 1e-9, "{first}");
    assert!((k - 0.430287).abs() < 1e-6, "{k}");
}

fn linear<R: Rule<Linear>>(rule: R, window: Window) -> Action {
    let matrix = array![[-0.3, 1.0], [-1.0, -0.2]];
    let model = Linear::new(matrix).unwrap();
    Action::builder(model, rule).window(window).build().unwrap()
}

fn grid() -> Grid {
    Grid::uniform(0.0, 0.25, 9).unwrap()
}

fn set(times: &[f64], values: &[f64], precisions: &[f64]) -> Observations {
    let values = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let set = Observations::of_components(&[1], times, values, one).unwrap();
    let precisions = precisions.iter().map(|v| Precision::scalar(*v).unwrap());
    set.precisions(precisions.collect()).unwrap()
}

/// Replicates in one set are the same problem as one set for each.
#[test]
fn replicates_of_their_own_precisions_are_sets_of_their_own() {
    let together = set(
        &[0.5, 0.5, 0.5, 1.5],
        &[1.0, 2.0, 4.0, -1.0],
        &[1.0, 2.0, 3.0, 4.0],
    );
    let apart = [
        set(&[0.5, 1.5], &[1.0, -1.0], &[1.0, 4.0]),
        set(&[0.5], &[2.0], &[2.0]),
        set(&[0.5], &[4.0], &[3.0]),
    ];
    let one = Window::new(grid()).observations(together.clone()).unwrap();
    let mut many = Window::new(grid());
    for set in apart {
        many = many.observations(set).unwrap();
    }
    let path = Path::from_layers((0..9).map(|n| vec![0.3 * n as f64, 1.0 - 0.2 * n as f64]));
    let estimate = Estimate::new(vec![path], []);
    let (one, many) = (linear(Trapezoid, one), linear(Trapezoid, many));
    assert_eq!(one.counts().measured, 4);
    let terms = |action: &Action| action.terms(2.0, &estimate).unwrap();
    let (a, b) = (terms(&one), terms(&many));
    // The same numbers in another order.
    approx::assert_relative_eq!(a.measurement, b.measurement, max_relative = 1e-14);
    assert_eq!(a.model, b.model);
    // Smooth ones too, and held-out ones.
    let smooth = Window::new(grid()).observations(together.clone().smooth(0.5).unwrap());
    let smooth = linear(Trapezoid, smooth.unwrap());
    assert_eq!(smooth.counts().measured, 4);
    let held = many.held_out(2.0, &estimate, &[(0, together)]).unwrap();
    assert_eq!(held.count, 4);
}

#[test]
fn times_that_go_back_are_refused() {
    let values = Array2::zeros((3, 1));
    let one = Precision::scalar(1.0).unwrap();
    let back = Observations::of_components(&[0], [0.0, 2.0, 1.0], values, one).unwrap_err();
    assert!(matches!(back, Error::Decreasing { index: 2, .. }), "{back}");
    assert!(back.to_string().contains("sort the rows by time"), "{back}");
}
