//! The orders of the rules: the residual that an exact solution leaves in one
//! interval, and the error of the path where the model is a hard constraint.

use std::ops::ControlFlow;

use deepest::Rule;
use deepest::prelude::*;
use ndarray::Array2;

/// A flow with a known solution.
trait Known: Flow + Copy {
    fn solution(&self, t: f64) -> f64;
    /// A time at which none of its first five derivatives is nearly zero.
    const START: f64;
}

/// ẋ = x(1 − x), x(0) = 1/4.
#[derive(Clone, Copy)]
struct Logistic;

impl Model for Logistic {}
impl Flow for Logistic {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] * (-x[0] + 1.0);
    }
}
impl Known for Logistic {
    const START: f64 = 0.6;
    fn solution(&self, t: f64) -> f64 {
        1.0 / (1.0 + 3.0 * (-t).exp())
    }
}

/// ẋ = x cos t, x(0) = 1: x = exp(sin t).
#[derive(Clone, Copy)]
struct Swing;

impl Model for Swing {}
impl Flow for Swing {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] * t.cos();
    }
}
impl Known for Swing {
    const START: f64 = 1.4;
    fn solution(&self, t: f64) -> f64 {
        t.sin().exp()
    }
}

/// An action on a uniform grid with exact measurements at `measured` layers.
fn action<M: Known, R: Rule<M>>(
    model: M,
    rule: R,
    (start, step, layers): (f64, f64, usize),
    measured: &[usize],
) -> Action {
    let grid = Grid::uniform(start, step, layers).unwrap();
    let times: Vec<f64> = measured.iter().map(|&n| grid.times()[n]).collect();
    let values = Array2::from_shape_fn((times.len(), 1), |(k, _)| model.solution(times[k]));
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    Action::builder(model, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .build()
        .unwrap()
}

/// Slopes of log₂ of errors from each halving of h to the next deviate from
/// the order by O(h); twice the last less the one before by O(h²), below 0.1
/// where derivatives of neighbouring orders are of one size and h ≤ 0.1.
fn assert_order(errors: &[f64], order: f64, name: &str) {
    let slopes: Vec<f64> = errors.windows(2).map(|e| (e[0] / e[1]).log2()).collect();
    let [.., before, last] = slopes[..] else {
        panic!("{name}: three errors at least");
    };
    assert!(
        (2.0 * last - before - order).abs() <= 0.1,
        "{name}: slopes {slopes:?} of {errors:?}"
    );
}

/// `orders` of the defect: p + 1 for each group of residuals.
fn defects<M: Known, R: Rule<M>>(model: M, rule: R, orders: &[f64], name: &str) {
    let steps = rule.steps();
    let mut errors = vec![Vec::new(); orders.len()];
    for k in 0..6 {
        let step = 0.4 / steps as f64 * 0.5_f64.powi(k);
        let action = action(model, rule, (M::START, step, steps + 1), &[0]);
        let times = action.windows()[0].grid().times();
        let x: Vec<f64> = times.iter().map(|&t| model.solution(t)).collect();
        let g = action.at(1.0).unwrap().residuals(&x).unwrap();
        assert_eq!(g.len(), orders.len(), "{name}");
        for (errors, g) in errors.iter_mut().zip(g) {
            errors.push(g.abs());
        }
    }
    for (errors, order) in errors.iter().zip(orders) {
        assert_order(errors, *order, &format!("defect, {name}, {}", rule.name()));
    }
}

fn every_defect<M: Known>(model: M, name: &str) {
    defects(model, Euler, &[2.0], name);
    defects(model, Trapezoid, &[3.0], name);
    defects(model, Midpoint, &[3.0], name);
    defects(model, Rk4, &[5.0], name);
    // Simpson's rule, and the cubic through both ends at the middle.
    defects(model, SimpsonHermite, &[5.0, 4.0], name);
}

#[test]
fn defects_of_exact_solutions_have_the_order_of_the_rule_plus_one() {
    every_defect(Logistic, "logistic");
    every_defect(Swing, "swing");
}

/// Measured exactly at both ends, R_f so large that the model holds to
/// rounding: what remains is the rule's error over the whole window.
fn hard_constraint<M: Known, R: Rule<M>>(model: M, rule: R, order: f64, name: &str) {
    let length = 2.0;
    let mut errors = Vec::new();
    for k in 0..4 {
        let steps = 10 << k;
        let grid = (0.0, length / steps as f64, steps + 1);
        let action = action(model, rule, grid, &[0, steps]);
        let mut at = action.at(1e8).unwrap();
        let mut x = vec![1.0; steps + 1];
        let minimizer = GaussNewton::default().tolerance(1e-12).unwrap();
        let outcome = minimizer.minimize(&mut at, &mut x, &mut |_| ControlFlow::Continue(()));
        assert!(
            matches!(
                outcome.termination,
                Termination::Converged | Termination::RoundingLimit
            ),
            "{name}: {outcome:?}"
        );
        let times = action.windows()[0].grid().times();
        // Interval ends: they alone have the order of the rule everywhere.
        let every = rule.steps();
        let distances = times.iter().zip(&x).step_by(every);
        errors.push(distances.fold(0.0_f64, |m, (&t, x)| m.max((x - model.solution(t)).abs())));
    }
    assert_order(
        &errors,
        order,
        &format!("hard constraint, {name}, {}", rule.name()),
    );
}

fn every_hard_constraint<M: Known>(model: M, name: &str) {
    hard_constraint(model, Euler, 1.0, name);
    hard_constraint(model, Trapezoid, 2.0, name);
    hard_constraint(model, Midpoint, 2.0, name);
    hard_constraint(model, Rk4, 4.0, name);
    hard_constraint(model, SimpsonHermite, 4.0, name);
}

#[test]
fn under_a_hard_constraint_the_error_has_the_order_of_the_rule() {
    every_hard_constraint(Logistic, "logistic");
    every_hard_constraint(Swing, "swing");
}

/// ẋ = −x + noise of density 1/R_f, measured with density 1/R_m everywhere:
/// the Euler-Lagrange equations have a closed form (R_f = 1, R_m = 3, y = 1 on
/// [0, 1]), x(0) = 1.3807970779778824 and A = 0.0894021915165882, which the
/// discrete problems approach in second order when precisions are densities.
/// Measurements at the layers weigh with the trapezoid's Δ, ½Δ at both ends;
/// the errors of x(0) with 10, 20, 40 steps are known.
#[test]
fn precisions_per_time_approach_the_continuous_problem() {
    let known = [4.92e-3, 1.24e-3, 3.10e-4];
    let mut errors = Vec::new();
    let mut actions = Vec::new();
    for (k, rounded) in known.into_iter().enumerate() {
        let steps = 10 << k;
        let (x, value) = continuous(Midpoint, steps);
        let error = (x - 1.380_797_077_977_882_4).abs();
        // Three figures are given.
        assert!(
            (error - rounded).abs() <= 0.006 * rounded,
            "{error:e} against {rounded:e}"
        );
        errors.push(error);
        actions.push((value - 0.089_402_191_516_588_2).abs());
    }
    assert_order(&errors, 2.0, "x(0), midpoint");
    assert_order(&actions, 2.0, "action, midpoint");
    let trapezoid: Vec<f64> = (0..3)
        .map(|k| (continuous(Trapezoid, 10 << k).0 - 1.380_797_077_977_882_4).abs())
        .collect();
    assert_order(&trapezoid, 2.0, "x(0), trapezoid");
    let hermite: Vec<f64> = (0..3)
        .map(|k| (continuous(SimpsonHermite, 10 << k).0 - 1.380_797_077_977_882_4).abs())
        .collect();
    assert_order(&hermite, 2.0, "x(0), simpson-hermite");
}

fn continuous<R: Rule<deepest::models::Linear>>(rule: R, steps: usize) -> (f64, f64) {
    let step = 1.0 / steps as f64;
    let grid = Grid::uniform(0.0, step, steps + 1).unwrap();
    let set = |times: &[f64], precision: f64| {
        let values = Array2::ones((times.len(), 1));
        let precision = Precision::scalar(precision).unwrap();
        Observations::of_components(&[0], times.to_vec(), values, precision).unwrap()
    };
    let times = grid.times().to_vec();
    let window = Window::new(grid)
        .observations(set(&times[1..steps], 3.0 * step))
        .unwrap()
        .observations(set(&[times[0], times[steps]], 1.5 * step))
        .unwrap();
    let model = deepest::models::Linear::new(ndarray::array![[-1.0]]).unwrap();
    let action = Action::builder(model, rule)
        .window(window)
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap();
    let mut at = action.at(1.0).unwrap();
    let mut x = vec![1.0; steps + 1];
    let outcome =
        GaussNewton::default().minimize(&mut at, &mut x, &mut |_| ControlFlow::Continue(()));
    (x[0], outcome.value)
}

/// What each rule says of an interval, with numbers worked by hand: ẋ = x cos t
/// from t = 0 to h, midpoint at h/2.
#[test]
fn residuals_are_those_of_the_table() {
    let h: f64 = 0.3;
    let x: [f64; 3] = [1.1, 1.4, 1.2];
    let field = |t: f64, x: f64| x * t.cos();
    let residuals = |layers: &[f64], found: Vec<f64>, expected: &[f64]| {
        for (a, b) in found.iter().zip(expected) {
            assert!(
                (a - b).abs() <= 4.0 * f64::EPSILON * layers[0],
                "{a} against {b}"
            );
        }
        assert_eq!(found.len(), expected.len());
    };
    let one_step = (0.0, h, 2);
    let ends = [x[0], x[2]];
    let (f0, f2) = (field(0.0, x[0]), field(h, x[2]));
    let euler = action(Swing, Euler, one_step, &[0])
        .at(1.0)
        .unwrap()
        .residuals(&ends);
    residuals(&ends, euler.unwrap(), &[x[2] - x[0] - h * f0]);
    let trapezoid = action(Swing, Trapezoid, one_step, &[0])
        .at(1.0)
        .unwrap()
        .residuals(&ends);
    residuals(
        &ends,
        trapezoid.unwrap(),
        &[x[2] - x[0] - 0.5 * h * (f0 + f2)],
    );
    let midpoint = action(Swing, Midpoint, one_step, &[0])
        .at(1.0)
        .unwrap()
        .residuals(&ends);
    let middle = field(0.5 * h, 0.5 * (x[0] + x[2]));
    residuals(&ends, midpoint.unwrap(), &[x[2] - x[0] - h * middle]);
    let k1 = f0;
    let k2 = field(0.5 * h, x[0] + 0.5 * h * k1);
    let k3 = field(0.5 * h, x[0] + 0.5 * h * k2);
    let k4 = field(h, x[0] + h * k3);
    let rk4 = action(Swing, Rk4, one_step, &[0])
        .at(1.0)
        .unwrap()
        .residuals(&ends);
    residuals(
        &ends,
        rk4.unwrap(),
        &[x[2] - x[0] - h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)],
    );
    let pair = action(Swing, SimpsonHermite, (0.0, 0.5 * h, 3), &[0]);
    let f1 = field(0.5 * h, x[1]);
    let expected = [
        x[2] - x[0] - h / 6.0 * (f0 + 4.0 * f1 + f2),
        x[1] - 0.5 * (x[0] + x[2]) - h / 8.0 * (f0 - f2),
    ];
    residuals(&x, pair.at(1.0).unwrap().residuals(&x).unwrap(), &expected);
}
