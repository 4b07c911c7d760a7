//! Models that do something else on the other side of a switch: gradients and products
//! with the exact Hessian against central differences, for every rule, every kind of
//! switch and every way to say what the pattern is.

use super::differences::{RF, best, check};
use crate::fixtures::{Noise, norm, plus};
use deepest::prelude::*;
use deepest::{Rule, Sparsity};
use ndarray::Array2;

const POINTS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Switch {
    Time,
    Input,
    State,
    Parameter,
}

const SWITCHES: [Switch; 4] = [
    Switch::Time,
    Switch::Input,
    Switch::State,
    Switch::Parameter,
];

/// Three states, four parameters and one input; on each side of the switch every row
/// depends on other unknowns.
#[derive(Debug, Clone)]
struct Switched {
    switch: Switch,
    sparsity: Sparsity,
}

impl Switched {
    fn field<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let on = match self.switch {
            Switch::Time => t.value() > 0.55,
            Switch::Input => input[0] > S::from(0.5),
            Switch::State => x[0] > x[1],
            Switch::Parameter => theta[2] > S::zero(),
        };
        if on {
            dx[0] = -theta[0] * x[0] * x[2];
            dx[1] = theta[2] * x[0] - x[1].sin();
            dx[2] = x[2] * x[2] - theta[2].exp() * input[0];
        } else {
            dx[0] = theta[1] * x[1] - x[0];
            dx[1] = x[2] * x[2] - theta[3] * x[1] * theta[1];
            dx[2] = -x[0].square() + theta[3];
        }
    }

    /// All entries of either side; unknowns are three states and four parameters.
    fn pairs() -> Vec<(usize, usize)> {
        let rows: [&[usize]; 3] = [&[0, 1, 2, 3, 4], &[0, 1, 2, 4, 5, 6], &[0, 2, 5, 6]];
        let rows = rows.into_iter().enumerate();
        rows.flat_map(|(i, row)| row.iter().map(move |&c| (i, c)))
            .collect()
    }
}

impl Model for Switched {
    fn parameter_count(&self) -> usize {
        4
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Switched {
    fn width(&self) -> usize {
        3
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        self.field(t, x, theta, input, dx);
    }
    fn sparsity(&self) -> Sparsity {
        self.sparsity.clone()
    }
}

/// The same as a map x_{n+1} = x_n + F/10, whose time is the layer's number.
struct Stepped(Switched);

impl Model for Stepped {
    fn parameter_count(&self) -> usize {
        4
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Layers for Stepped {
    fn width(&self, _n: usize) -> usize {
        3
    }
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        theta: &[S],
        input: &[S],
        out: &mut [S],
    ) {
        self.0.field(S::from(0.2 * n as f64), x, theta, input, out);
        for i in 0..3 {
            out[i] = next[i] - x[i] - out[i] * 0.1;
        }
    }
    fn sparsity(&self, n: usize) -> Sparsity {
        let Sparsity::Declared(_) = self.0.sparsity else {
            return self.0.sparsity.clone();
        };
        let on = 0.2 * n as f64 > 0.55;
        // The map of a layer is on one side of a switch in time.
        let one_sided = self.0.switch == Switch::Time;
        let side: [&[usize]; 3] = if on {
            [&[0, 2, 3], &[0, 1, 5], &[2, 5]]
        } else {
            [&[0, 1, 4], &[1, 2, 4, 6], &[0, 2, 6]]
        };
        let side = side.into_iter().enumerate();
        let side: Vec<(usize, usize)> = side
            .flat_map(|(i, row)| row.iter().map(move |&c| (i, c)))
            .collect();
        let own = if one_sided { side } else { Switched::pairs() };
        // The next layer's components stand between states and parameters.
        let moved = own
            .into_iter()
            .map(|(i, c)| (i, if c < 3 { c } else { c + 3 }));
        let all = moved
            .chain((0..3).map(|i| (i, 3 + i)))
            .chain((0..3).map(|i| (i, i)));
        Sparsity::Declared(all.collect())
    }
}

/// Seven layers from 0 to 1.2, an input that jumps, and some values.
fn action<M: Model, R: Rule<M>>(model: M, rule: R, kinds: [Parameter; 4]) -> Action {
    let grid = Grid::uniform(0.0, 0.2, 7).unwrap();
    let inputs = Inputs::constant([0.0, 0.4, 0.8], ndarray::array![[0.0], [1.0], [0.2]]).unwrap();
    let values = Array2::from_shape_fn((3, 2), |(i, j)| 0.3 * i as f64 - 0.2 * j as f64);
    let precision = Precision::scalar(2.0).unwrap();
    let data = Observations::of_components(&[0, 2], [0.0, 0.4, 1.2], values, precision).unwrap();
    let window = Window::new(grid).inputs(inputs).unwrap();
    let mut builder = Action::builder(model, rule).window(window.observations(data).unwrap());
    for (p, kind) in kinds.into_iter().enumerate() {
        builder = builder.parameter(format!("p{p}"), kind);
    }
    builder.build().unwrap()
}

fn every_rule(model: &Switched, kinds: [Parameter; 4], points: usize, name: &str) {
    let flow = || model.clone();
    check(
        &action(flow(), Euler, kinds),
        points,
        1.0,
        &format!("Euler, {name}"),
    );
    check(
        &action(flow(), Trapezoid, kinds),
        points,
        1.0,
        &format!("Trapezoid, {name}"),
    );
    check(
        &action(flow(), Midpoint, kinds),
        points,
        1.0,
        &format!("Midpoint, {name}"),
    );
    check(
        &action(flow(), Rk4, kinds),
        points,
        1.0,
        &format!("Rk4, {name}"),
    );
    check(
        &action(flow(), SimpsonHermite, kinds),
        points,
        1.0,
        &format!("Simpson, {name}"),
    );
    check(
        &action(Stepped(flow()), Map, kinds),
        points,
        1.0,
        &format!("Map, {name}"),
    );
}

#[test]
fn derivatives_on_both_sides_of_switches_are_differences() {
    let kinds = [Parameter::estimated(); 4];
    for switch in SWITCHES {
        for sparsity in [
            Sparsity::Traced,
            Sparsity::Dense,
            Sparsity::Declared(Switched::pairs()),
        ] {
            let name = format!("{switch:?}, {sparsity:?}");
            every_rule(&Switched { switch, sparsity }, kinds, POINTS, &name);
        }
    }
}

/// Fixed parameters have no column, those that change in time one among the states.
#[test]
fn patterns_know_which_parameters_are_unknowns() {
    let walk = Parameter::estimated().random_walk(0.7).unwrap();
    let (free, fixed) = (Parameter::estimated(), Parameter::fixed(0.4));
    for kinds in [
        [fixed, walk, free, Parameter::estimated().per_window()],
        [free, fixed, walk, walk],
        [fixed; 4],
    ] {
        for sparsity in [Sparsity::Traced, Sparsity::Declared(Switched::pairs())] {
            let switch = Switch::Time;
            let name = format!("{kinds:?}, {sparsity:?}");
            every_rule(&Switched { switch, sparsity }, kinds, 10, &name);
        }
    }
}

/// Seven transfers along a chain of eight compartments, of which the rates change at
/// days 4, 12, 22, 28 and 38: six times seven, and one that all share.
struct Epidemic;

const CHANGES: [f64; 5] = [4.0, 12.0, 22.0, 28.0, 38.0];

impl Model for Epidemic {
    fn parameter_count(&self) -> usize {
        43
    }
}

impl Flow for Epidemic {
    fn width(&self) -> usize {
        8
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        let period = CHANGES.iter().filter(|day| t.value() >= **day).count();
        let rates = &theta[7 * period..7 * period + 7];
        dx.fill(S::zero());
        for i in 0..7 {
            let flux = rates[i] * x[i] * (theta[42] + x[i + 1].square());
            dx[i] -= flux;
            dx[i + 1] += flux;
        }
    }
}

#[test]
fn rates_that_change_at_five_days_all_have_their_derivatives() {
    fn of<R: Rule<Epidemic>>(rule: R) {
        let grid = Grid::uniform(0.0, 1.0, 47).unwrap();
        let values = Array2::from_elem((47, 1), 0.2);
        let precision = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[7], grid.times(), values, precision).unwrap();
        let window = Window::new(grid).observations(data).unwrap();
        let rates = [Parameter::estimated(); 43];
        let builder = Action::builder(Epidemic, rule).window(window);
        let action = builder.parameter_block("rate", rates).build().unwrap();
        let name = format!("epidemic, {}", action.rule_name());
        check(&action, 5, 0.3, &name);
        // Every rate is felt: none is without a derivative at a random point, where
        // a day's share of it is about 0.3 · 0.1 · 0.3.
        let mut at = action.at(RF).unwrap();
        let n = action.counts().unknowns;
        let mut g = vec![0.0; n];
        let x: Vec<f64> = Noise(5).vector(n).iter().map(|v| 0.3 * v).collect();
        at.value_and_gradient(&x, &mut g);
        assert!(g[n - 43..].iter().all(|slope| slope.abs() > 1e-6), "{name}");
    }
    of(Euler);
    of(Trapezoid);
    of(Midpoint);
    of(Rk4);
    of(SimpsonHermite);
}

/// ẋ = −a x before t = 5 and −b x after.
struct SwitchedDecay;

impl Model for SwitchedDecay {
    fn parameter_count(&self) -> usize {
        2
    }
}

impl Flow for SwitchedDecay {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        let rate = if t < S::from(5.0) { theta[0] } else { theta[1] };
        dx[0] = -rate * x[0];
    }
}

/// The same with the switch as an input that is held.
struct Driven;

impl Model for Driven {
    fn parameter_count(&self) -> usize {
        2
    }
    fn input_count(&self) -> usize {
        1
    }
}

impl Flow for Driven {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let late = input[0].value() > 0.5;
        dx[0] = -theta[usize::from(late)] * x[0];
    }
}

/// x = e^{−0.3 t} up to t = 5 and e^{−1.5 − 0.1 (t − 5)} after, without noise.
fn decay<M: Model, R: Rule<M>>(model: M, rule: R, inputs: Option<Inputs>) -> Action {
    let times: Vec<f64> = (0..21).map(|k| 0.5 * f64::from(k)).collect();
    let exact = |t: &f64| (-0.3 * t.min(5.0) - 0.1 * (t - 5.0).max(0.0)).exp();
    let values = Array2::from_shape_vec((21, 1), times.iter().map(exact).collect()).unwrap();
    let precision = Precision::from_deviation(1e-3).unwrap();
    let data = Observations::of_components(&[0], times.clone(), values, precision).unwrap();
    let mut window = Window::new(Grid::from_times(&times, 2).unwrap());
    if let Some(inputs) = inputs {
        window = window.inputs(inputs).unwrap();
    }
    let bounds = Bounds::new(0.01, 2.0).unwrap();
    Action::builder(model, rule)
        .window(window.observations(data).unwrap())
        .parameter("a", bounds)
        .parameter("b", bounds)
        .build()
        .unwrap()
}

#[test]
fn a_rate_that_acts_after_a_switch_only_has_its_derivative() {
    fn of<R: Rule<SwitchedDecay>>(rule: R) {
        let action = decay(SwitchedDecay, rule, None);
        let layers = Path::from_layers((0..41).map(|n| vec![(-0.05 * f64::from(n)).exp()]));
        let x = action
            .pack(&Estimate::new(vec![layers], [0.4, 0.7]))
            .unwrap();
        let mut at = action.at(1e3).unwrap();
        let mut g = vec![0.0; x.len()];
        at.value_and_gradient(&x, &mut g);
        for i in 41..43 {
            let mut unit = vec![0.0; x.len()];
            unit[i] = 1.0;
            let error = best(|h| {
                let (up, down) = (
                    at.value(&plus(&x, h, &unit)),
                    at.value(&plus(&x, -h, &unit)),
                );
                ((up - down) / (2.0 * h) - g[i]).abs()
            });
            let name = action.rule_name();
            assert!(
                g[i].abs() > 1e-3 && error <= 1e-8 * norm(&g),
                "{name}, {i}: {error:e}"
            );
        }
    }
    of(Euler);
    of(Trapezoid);
    of(Midpoint);
    of(Rk4);
    of(SimpsonHermite);
}

/// With the switch as a held input no step crosses it: the rates are those of the
/// data but for the step's error, h⁴/180 of a fifth derivative.
#[test]
fn rates_on_both_sides_of_a_held_input_are_found() {
    let switch = Inputs::constant([0.0, 5.0], ndarray::array![[0.0], [1.0]]).unwrap();
    let action = decay(Driven, SimpsonHermite, Some(switch));
    let layers = Path::from_layers((0..41).map(|n| vec![(-0.05 * f64::from(n)).exp()]));
    let mut x = action
        .pack(&Estimate::new(vec![layers], [1.0, 1.0]))
        .unwrap();
    for rf in [1e2, 1e4, 1e6, 1e8] {
        let mut at = action.at(rf).unwrap();
        let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut |_| {
            std::ops::ControlFlow::Continue(())
        });
        let ended = outcome.termination;
        assert!(
            matches!(ended, Termination::Converged | Termination::RoundingLimit),
            "{outcome:?}"
        );
    }
    // The parameters stand behind 41 layers.
    for (value, expected) in x[41..].iter().zip([0.3, 0.1]) {
        assert!((value - expected).abs() < 1e-3, "{:?}", &x[41..]);
    }
}
