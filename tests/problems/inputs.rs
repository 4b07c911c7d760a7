//! Known inputs: where each rule reads them, and what that does to its order.
//!
//! The oracles are residuals written out by hand with inputs at the rule's own
//! stage times, and the exact solution of ẋ = u(t) − x.

use std::ops::ControlFlow;

use crate::fixtures::Noise;
use deepest::Rule;
use deepest::prelude::*;
use ndarray::Array2;

/// ẋ = θ₀u(t) − x; as a layer map x_{n+1} = ½x_n + θ₀u.
struct Relax;

impl Model for Relax {
    fn parameter_count(&self) -> usize {
        1
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Relax {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        dx[0] = theta[0] * input[0] - x[0];
    }
}

impl Layers for Relax {
    fn width(&self, _n: usize) -> usize {
        1
    }
    fn layer<S: Scalar>(
        &self,
        _n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    ) {
        out[0] = next[0] - x[0] * 0.5 - theta[0] * input[0];
    }
}

/// ẋ = 1.5t − 0.25 − x: no input at all.
struct Timed;

impl Model for Timed {}

impl Flow for Timed {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = t * 1.5 - 0.25 - x[0];
    }
}

/// A window that knows its first state only.
fn window(times: Vec<f64>, first: f64) -> Window {
    let values = Array2::from_elem((1, 1), first);
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [times[0]], values, one).unwrap();
    let grid = Grid::new(times).unwrap();
    Window::new(grid).observations(data).unwrap()
}

fn action<R: Rule<Relax>>(rule: R, window: Window) -> Action {
    Action::builder(Relax, rule)
        .window(window)
        .parameter("gain", Parameter::fixed(1.0))
        .build()
        .unwrap()
}

fn column(values: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()
}

const TIMES: [f64; 7] = [0.0, 0.2, 0.4, 0.9, 1.4, 1.5, 1.6];
/// Own times of the inputs: none of the layers but the first; more than one in
/// some intervals, none in others.
const OWN: [f64; 8] = [0.0, 0.07, 0.31, 0.36, 0.77, 0.8, 1.45, 1.73];
const U: [f64; 8] = [0.4, -1.3, 2.0, 0.7, -0.9, 1.1, 3.0, -2.0];

/// The series at a time, by looking for the interval around it.
fn naive(t: f64, held: bool) -> f64 {
    let k = (0..OWN.len() - 1).rev().find(|&k| OWN[k] <= t).unwrap();
    if held {
        return U[k];
    }
    U[k] + (t - OWN[k]) / (OWN[k + 1] - OWN[k]) * (U[k + 1] - U[k])
}

/// The residuals of one interval by hand, f(t, x) being the field.
type Naive = fn(&dyn Fn(f64, f64) -> f64, &dyn Fn(f64) -> f64, &[f64], &[f64]) -> Vec<f64>;

fn map(_: &dyn Fn(f64, f64) -> f64, u: &dyn Fn(f64) -> f64, t: &[f64], x: &[f64]) -> Vec<f64> {
    vec![x[1] - 0.5 * x[0] - u(t[0])]
}

fn euler(f: &dyn Fn(f64, f64) -> f64, _: &dyn Fn(f64) -> f64, t: &[f64], x: &[f64]) -> Vec<f64> {
    vec![x[1] - x[0] - (t[1] - t[0]) * f(t[0], x[0])]
}

fn trapezoid(
    f: &dyn Fn(f64, f64) -> f64,
    _: &dyn Fn(f64) -> f64,
    t: &[f64],
    x: &[f64],
) -> Vec<f64> {
    vec![x[1] - x[0] - 0.5 * (t[1] - t[0]) * (f(t[0], x[0]) + f(t[1], x[1]))]
}

fn midpoint(f: &dyn Fn(f64, f64) -> f64, _: &dyn Fn(f64) -> f64, t: &[f64], x: &[f64]) -> Vec<f64> {
    vec![x[1] - x[0] - (t[1] - t[0]) * f(0.5 * (t[0] + t[1]), 0.5 * (x[0] + x[1]))]
}

fn rk4(f: &dyn Fn(f64, f64) -> f64, _: &dyn Fn(f64) -> f64, t: &[f64], x: &[f64]) -> Vec<f64> {
    let h = t[1] - t[0];
    let middle = t[0] + 0.5 * h;
    let k1 = f(t[0], x[0]);
    let k2 = f(middle, x[0] + 0.5 * h * k1);
    let k3 = f(middle, x[0] + 0.5 * h * k2);
    let k4 = f(t[1], x[0] + h * k3);
    vec![x[1] - x[0] - h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)]
}

fn simpson_hermite(
    f: &dyn Fn(f64, f64) -> f64,
    _: &dyn Fn(f64) -> f64,
    t: &[f64],
    x: &[f64],
) -> Vec<f64> {
    let h = t[2] - t[0];
    let [a, b, c] = [0, 1, 2].map(|k| f(t[k], x[k]));
    vec![
        x[2] - x[0] - h / 6.0 * (a + 4.0 * b + c),
        x[1] - 0.5 * (x[0] + x[2]) - h / 8.0 * (a - c),
    ]
}

/// Compares an action's residuals with those by hand, between random layers.
fn stage_times<R: Rule<Relax>>(rule: R, by_hand: Naive) {
    for held in [false, true] {
        let inputs = if held {
            Inputs::constant(OWN, column(&U))
        } else {
            Inputs::linear(OWN, column(&U))
        };
        let window = window(TIMES.to_vec(), 1.0).inputs(inputs.unwrap()).unwrap();
        let action = action(rule, window);
        let x = Noise(3).vector(TIMES.len());
        let found = action.at(1.0).unwrap().residuals(&x).unwrap();
        let u = |t| naive(t, held);
        let field = |t: f64, x: f64| u(t) - x;
        let steps = rule.steps();
        let expected: Vec<f64> = (0..TIMES.len() - 1)
            .step_by(steps)
            .flat_map(|n| by_hand(&field, &u, &TIMES[n..=n + steps], &x[n..=n + steps]))
            .collect();
        assert_eq!(found.len(), expected.len());
        for (k, (a, b)) in found.iter().zip(&expected).enumerate() {
            // A handful of operations on numbers of size 3.
            let name = rule.name();
            assert!((a - b).abs() <= 1e-14, "{name}, {held}, {k}: {a} {b}");
        }
    }
}

#[test]
fn rules_read_inputs_at_their_own_stage_times() {
    stage_times(Map, map);
    stage_times(Euler, euler);
    stage_times(Trapezoid, trapezoid);
    stage_times(Midpoint, midpoint);
    stage_times(Rk4, rk4);
    stage_times(SimpsonHermite, simpson_hermite);
}

#[test]
fn a_linear_input_is_that_function_of_time() {
    fn compare<R: Rule<Relax> + Rule<Timed>>(rule: R) {
        // u = 1.5t − 0.25 on [−1, 3], by two samples.
        let inputs = Inputs::linear([-1.0, 3.0], column(&[-1.75, 4.25])).unwrap();
        let with_input = action(rule, window(TIMES.to_vec(), 1.0).inputs(inputs).unwrap());
        let with_time = Action::builder(Timed, rule)
            .window(window(TIMES.to_vec(), 1.0))
            .build()
            .unwrap();
        let x = Noise(8).vector(TIMES.len());
        let found = with_input.at(1.0).unwrap().residuals(&x).unwrap();
        let expected = with_time.at(1.0).unwrap().residuals(&x).unwrap();
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() <= 1e-14, "{a} {b}");
        }
    }
    compare(Euler);
    compare(Trapezoid);
    compare(Midpoint);
    compare(Rk4);
    compare(SimpsonHermite);
}

/// The last state of the path without model error.
fn forward<R: Rule<Relax>>(rule: R, times: Vec<f64>, first: f64, inputs: &Inputs) -> f64 {
    let count = times.len();
    let action = action(rule, window(times, first).inputs(inputs.clone()).unwrap());
    let mut at = action.at(1.0).unwrap();
    let mut x = vec![0.0; count];
    let minimizer = GaussNewton::default().tolerance(1e-15).unwrap();
    let outcome = minimizer.minimize(&mut at, &mut x, &mut |_| ControlFlow::Continue(()));
    // As many unknowns as equations: nothing is left.
    assert!(outcome.value <= 1e-26, "{outcome:?}");
    x[count - 1]
}

/// Error at t = 1.2 with steps 0.1, 0.05, …, and the order it falls with.
fn order<R: Rule<Relax>>(rule: R, inputs: &Inputs, exact: f64) -> f64 {
    let error = |k: u32| {
        let steps = 12 << k;
        let times = Grid::uniform(0.0, 0.1 / f64::from(1 << k), steps + 1).unwrap();
        (forward(rule, times.times().to_vec(), 2.0, inputs) - exact).abs()
    };
    (error(1) / error(2)).log2()
}

/// Times of the kinks and jumps, written as people write them: 0.3 is not
/// 3 × 0.1 in floating point.
const JUMPS: [f64; 4] = [0.0, 0.3, 0.6, 0.9];

#[test]
fn inputs_that_jump_or_bend_at_layers_keep_the_order() {
    let levels = [1.0, -2.0, 4.0, 0.5];
    let mut exact = 2.0;
    for (k, u) in levels.iter().enumerate() {
        let end = if k < 3 { JUMPS[k + 1] } else { 1.2 };
        exact = u + (exact - u) * (JUMPS[k] - end).exp();
    }
    let held = Inputs::constant(JUMPS, column(&levels)).unwrap();
    orders(&held, exact);

    let times = [0.0, 0.3, 0.6, 0.9, 1.2];
    let values = [1.0, -2.0, 4.0, 0.5, 3.0];
    let mut exact = 2.0;
    for k in 0..4 {
        // ẋ = a + bs − x has the solution a − b + bs + C exp(−s).
        let length: f64 = times[k + 1] - times[k];
        let (a, b) = (values[k], (values[k + 1] - values[k]) / length);
        exact = a - b + b * length + (exact - a + b) * (-length).exp();
    }
    orders(&Inputs::linear(times, column(&values)).unwrap(), exact);
}

/// At steps of 0.05 and 0.025 the next order is a few percent of the error.
fn orders(inputs: &Inputs, exact: f64) {
    for (name, found, expected) in [
        ("euler", order(Euler, inputs, exact), 1.0),
        ("trapezoid", order(Trapezoid, inputs, exact), 2.0),
        ("midpoint", order(Midpoint, inputs, exact), 2.0),
        ("rk4", order(Rk4, inputs, exact), 4.0),
        ("simpson-hermite", order(SimpsonHermite, inputs, exact), 4.0),
    ] {
        assert!((found - expected).abs() < 0.15, "{name}: order {found}");
    }
}

/// Jumps a few units in the last place beside a layer are meant to be at it,
/// on both sides and also where times are large.
#[test]
fn a_jump_beside_a_layer_by_rounding_is_at_the_layer() {
    let start = 1e4;
    let times: Vec<f64> = (0..7).map(|n| start + 0.1 * f64::from(n)).collect();
    let levels = column(&[1.0, 5.0]);
    let residuals = |jump: f64| {
        let inputs = Inputs::constant([start, jump], levels.clone()).unwrap();
        let window = window(times.clone(), 1.0).inputs(inputs).unwrap();
        let x = Noise(4).vector(times.len());
        [
            action(Trapezoid, window.clone())
                .at(1.0)
                .unwrap()
                .residuals(&x)
                .unwrap(),
            action(Rk4, window.clone())
                .at(1.0)
                .unwrap()
                .residuals(&x)
                .unwrap(),
            action(SimpsonHermite, window)
                .at(1.0)
                .unwrap()
                .residuals(&x)
                .unwrap(),
        ]
    };
    let at = residuals(times[4]);
    assert_eq!(residuals(times[4].next_up()), at);
    assert_eq!(residuals(times[4].next_down()), at);
    // A jump that is really between layers is another input.
    assert_ne!(residuals(times[4] + 0.01), at);
}

/// A simulation meets the same jumps: twelve steps of 0.1, each off by at most
/// h⁵/120 times |x − u| ≤ 6, give 6e-6; one stage of one step on the wrong side
/// of a jump gives h/6 times it, 0.05.
#[test]
fn simulations_see_jumps_at_layers_from_the_right_side() {
    let levels = [1.0, -2.0, 4.0, 0.5];
    let mut exact = 2.0;
    for (k, u) in levels.iter().enumerate() {
        let end = if k < 3 { JUMPS[k + 1] } else { 1.2 };
        exact = u + (exact - u) * (JUMPS[k] - end).exp();
    }
    let truth = Simulation::new(Grid::uniform(0.0, 0.1, 13).unwrap(), [1.0])
        .from_state([2.0])
        .inputs(Inputs::constant(JUMPS, column(&levels)).unwrap())
        .flow(&Relax)
        .unwrap();
    let found = truth.path.layer(12)[0];
    assert!((found - exact).abs() <= 6e-6, "{found} {exact}");
}

/// The gain of the input is estimated from a response without noise.
#[test]
fn a_gain_is_found_from_the_exact_response() {
    // x = u + C exp(−t) under a constant input; Simpson-Hermite errs by
    // h⁵/2880 a step, 17 of them: 1e-8 at h = 0.1.
    let times: Vec<f64> = (0..17).map(|n| 0.05 * f64::from(n)).collect();
    let gain = 1.7;
    let values: Vec<f64> = times
        .iter()
        .map(|t| gain + (0.3 - gain) * (-t).exp())
        .collect();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], times.clone(), column(&values), one).unwrap();
    let window = Window::new(Grid::new(times).unwrap())
        .observations(data)
        .unwrap()
        .inputs(Inputs::constant([0.0], column(&[1.0])).unwrap())
        .unwrap();
    let action = Action::builder(Relax, SimpsonHermite)
        .window(window)
        .parameter("gain", Parameter::estimated())
        .build()
        .unwrap();
    let mut x = vec![0.0; 18];
    let mut at = action.at(1e3).unwrap();
    let go = &mut |_| ControlFlow::Continue(());
    GaussNewton::default().minimize(&mut at, &mut x, go);
    assert!((x[17] - gain).abs() < 1e-6, "{}", x[17]);
}
