//! Path, momentum and action against the continuous problem when layers double,
//! with R_f per time: closed forms of a linear problem.

use crate::fixtures::decay::{self, Decay, RM};
use deepest::hamiltonian::{
    BoundaryProblem, Convergence, DiscreteLagrangian, Momenta, PhasePoint, Potential,
};
use deepest::prelude::*;
use deepest::{Action, FlowRule, Rule};
use ndarray::Array2;

#[test]
fn the_closed_forms_are_the_published_numbers() {
    // From a computation of its own: x(0), x(½), x(1), p(½) and A.
    let close = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-14, "{found}, {expected}");
    };
    close(decay::continuous(0.0).0, 1.380_797_077_977_882_4);
    close(decay::continuous(0.5).0, 0.912_013_568_415_971_4);
    close(decay::continuous(1.0).0, 0.619_202_922_022_117_6);
    close(decay::continuous(0.5).1, 0.263_959_294_752_085_9);
    close(decay::continuous(0.0).1, 0.0);
    close(decay::continuous(1.0).1, 0.0);
    close(decay::action(), 0.089_402_191_516_588_2);
    // Published to six digits with 2000 steps, whose own error is of 1e-7.
    for ((x, ..), expected) in decay::sampled().iter().zip([0.913582, 0.419020, 0.373805]) {
        assert!((x - expected).abs() < 1e-6, "{x}, {expected}");
    }
}

/// What is compared: x(0), x(½), x(1), p(½), A.
type Values = [f64; 5];

fn exact() -> Values {
    let at = decay::continuous;
    [at(0.0).0, at(0.5).0, at(1.0).0, at(0.5).1, decay::action()]
}

/// The action of `steps` steps with measurements y ≡ 1 at all layers, of
/// precision R_m times the weight of the layer in steps.
fn measured_everywhere<R: Rule<Decay>>(
    rule: R,
    steps: usize,
    weight: impl Fn(usize) -> f64,
) -> Action {
    let h = 1.0 / steps as f64;
    let grid = Grid::new((0..=steps).map(|n| n as f64 * h).collect()).unwrap();
    let precisions = (0..=steps).map(|n| Precision::scalar(RM * h * weight(n)).unwrap());
    let ones = Array2::ones((steps + 1, 1));
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], grid.times(), ones, precision)
        .unwrap()
        .precisions(precisions.collect())
        .unwrap();
    Action::builder(Decay, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap()
}

fn constant(layers: usize) -> Estimate {
    Estimate::new(
        vec![deepest::Path::from_layers(vec![[0.5]; layers])],
        Vec::new(),
    )
}

fn of_action(action: &Action) -> Values {
    let layers = action.windows()[0].grid().layers();
    let solved = BoundaryProblem::new(action, 1.0)
        .solve(&constant(layers))
        .unwrap();
    let path = &solved.estimate.paths[0];
    let momenta = &solved.momenta.windows[0];
    let middle = momenta.times.iter().position(|t| *t == 0.5).unwrap();
    // What is measured in a step of time Δ makes p jump: in the middle of the
    // jump is the p of that time.
    let p = 0.5 * (momenta.before.layer(middle)[0] + momenta.after.layer(middle)[0]);
    [
        path.layer(0)[0],
        path.layer((layers - 1) / 2)[0],
        path.layer(layers - 1)[0],
        p,
        solved.action.total,
    ]
}

/// V = ½ · 3 (x − 1)².
struct Everywhere;

impl Potential for Everywhere {
    fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
        (x[0] - 1.0).square() * (0.5 * RM)
    }
}

/// The same with the potential at the rule's own points. The problem is linear:
/// two shots give the x(0) that ends in p = 0.
fn of_potential<R: FlowRule<Decay>>(rule: R, steps: usize) -> Values {
    let h = 1.0 / steps as f64;
    let grid = Grid::new((0..=steps).map(|n| n as f64 * h).collect()).unwrap();
    let precision = Precision::scalar(1.0).unwrap();
    let lagrangian = DiscreteLagrangian::new(Decay, rule, grid, precision)
        .unwrap()
        .potential(Everywhere);
    let mut flow = lagrangian.flow().unwrap();
    let mut shoot = |first: f64| {
        let mut points = vec![PhasePoint::new([first], [0.0])];
        let mut action = 0.0;
        for k in 0..lagrangian.intervals() {
            let step = flow.step(k, &points[k]).unwrap();
            action += step.lagrangian;
            points.push(step.end);
        }
        (points, action)
    };
    let last = |points: &[PhasePoint]| points[points.len() - 1].momentum[0];
    let (at_zero, at_one) = (last(&shoot(0.0).0), last(&shoot(1.0).0));
    let (points, action) = shoot(at_zero / (at_zero - at_one));
    assert!(last(&points).abs() < 1e-12);
    let middle = &points[(points.len() - 1) / 2];
    [
        points[0].state[0],
        middle.state[0],
        points[points.len() - 1].state[0],
        middle.momentum[0],
        action,
    ]
}

/// Errors at 10, 20 and 40 intervals.
fn errors(values: impl Fn(usize) -> Values) -> [[f64; 5]; 3] {
    errors_from(10, values)
}

/// Errors at so many intervals, twice and four times as many.
fn errors_from(steps: usize, values: impl Fn(usize) -> Values) -> [[f64; 5]; 3] {
    [steps, 2 * steps, 4 * steps].map(|steps| {
        let found = values(steps);
        std::array::from_fn(|i| (found[i] - exact()[i]).abs())
    })
}

/// Checks that errors of all values fall with this order. The next term of the
/// error is a factor h smaller for the first order, h² for the second (these
/// rules are symmetric in time): ratios at the last doubling are within 12 % (at
/// h = 1/160) and 3 % (at h = 1/40) of theirs also where coefficients of the first
/// term are a tenth of those of the next.
fn has_order(name: &str, errors: [[f64; 5]; 3], order: i32) {
    for (i, what) in ["x(0)", "x(1/2)", "x(1)", "p(1/2)", "A"].iter().enumerate() {
        let ratio = errors[1][i] / errors[2][i];
        let expected = 2.0_f64.powi(order);
        let slack = if order == 1 { 0.12 } else { 0.03 };
        assert!(
            (ratio / expected - 1.0).abs() < slack,
            "{name}, {what}: {ratio} instead of {expected}, {errors:?}"
        );
    }
}

/// Published errors have three digits, or two.
fn published(errors: [[f64; 5]; 3], expected: [f64; 3], digits: f64) {
    for (found, expected) in errors.iter().zip(expected) {
        assert!(
            (found[0] / expected - 1.0).abs() < digits,
            "{} against {expected}",
            found[0]
        );
    }
}

fn trapezoid_weights(steps: usize) -> impl Fn(usize) -> f64 {
    move |n| if n == 0 || n == steps { 0.5 } else { 1.0 }
}

#[test]
fn a_potential_at_the_points_of_the_rule_has_its_order() {
    let midpoint = errors(|steps| of_potential(Midpoint, steps));
    published(midpoint, [7.02e-4, 1.75e-4, 4.38e-5], 4e-3);
    has_order("midpoint", midpoint, 2);
    has_order("trapezoid", errors(|n| of_potential(Trapezoid, n)), 2);
    let simpson = errors(|n| of_potential(SimpsonHermite, 2 * n));
    has_order("simpson-hermite", simpson, 2);
    let fine = errors_from(40, |n| of_potential(Euler, n));
    has_order("euler", fine, 1);
    has_order("rk4", errors_from(40, |n| of_potential(Rk4, n)), 1);
}

#[test]
fn measurements_at_layers_with_quadrature_weights_have_the_order_of_the_rule() {
    fn of<R: Rule<Decay>>(rule: R, from: usize) -> [[f64; 5]; 3] {
        let action = |n| measured_everywhere(rule, n, trapezoid_weights(n));
        errors_from(from, |n| of_action(&action(n)))
    }
    let midpoint = of(Midpoint, 10);
    published(midpoint, [4.92e-3, 1.24e-3, 3.10e-4], 4e-3);
    has_order("midpoint", midpoint, 2);
    has_order("trapezoid", of(Trapezoid, 10), 2);
    has_order("euler", of(Euler, 40), 1);
    has_order("rk4", of(Rk4, 40), 1);
    // Half of 20 steps is a node of Simpson-Hermite.
    has_order("simpson-hermite", of(SimpsonHermite, 20), 2);
}

#[test]
fn equal_weights_at_all_layers_are_of_first_order_only() {
    let equal = errors(|n| of_action(&measured_everywhere(Midpoint, n, |_| 1.0)));
    // The 4.6e-2 of ten steps has two digits.
    published(equal, [4.6e-2, 2.35e-2, 1.19e-2], 1.1e-2);
    let action = |n| measured_everywhere(Midpoint, n, |_| 1.0);
    has_order(
        "equal weights",
        errors_from(40, |n| of_action(&action(n))),
        1,
    );
}

/// Samples at three times as measurements.
fn sampled<R: Rule<Decay>>(rule: R, steps: usize) -> Action {
    let h = 1.0 / steps as f64;
    let grid = Grid::new((0..=steps).map(|n| n as f64 * h).collect()).unwrap();
    let (times, values): (Vec<f64>, Vec<f64>) = decay::SAMPLES.into_iter().unzip();
    let values = Array2::from_shape_vec((3, 1), values).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    Action::builder(Decay, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap()
}

#[test]
fn samples_at_single_times_make_momenta_jump() {
    fn check<R: Rule<Decay>>(rule: R, order: i32) {
        let errors = [8, 16, 32].map(|steps| {
            let action = sampled(rule, steps);
            let problem = BoundaryProblem::new(&action, 1.0);
            let solved = problem.solve(&constant(steps + 1)).unwrap();
            let momenta = &solved.momenta.windows[0];
            let mut worst = 0.0_f64;
            let nodes = decay::sampled();
            for ((t, y), (x, before, after)) in decay::SAMPLES.into_iter().zip(nodes) {
                let k = momenta.times.iter().position(|time| *time == t).unwrap();
                let n = momenta.layers[k];
                let state = solved.estimate.paths[0].layer(n)[0];
                let jump = momenta.after.layer(k)[0] - momenta.before.layer(k)[0];
                // The jump is that of the path found, to rounding of terms of
                // size R_f/h = 32.
                assert!((jump - RM * (state - y)).abs() < 1e-13);
                assert_eq!(momenta.jumps.layer(n)[0], RM * (state - y));
                worst = worst.max((state - x).abs());
                worst = worst.max((momenta.before.layer(k)[0] - before).abs());
                worst = worst.max((momenta.after.layer(k)[0] - after).abs());
            }
            worst
        });
        // The trapezoid's step for ẋ = −x is exact but for h²/12: at 8 steps
        // its error is of 1e-3.
        let found = (errors[1] / errors[2]).log2();
        assert!(
            (found - f64::from(order)).abs() < 0.1,
            "{}, {errors:?}",
            rule.name()
        );
    }
    check(Trapezoid, 2);
    check(Midpoint, 2);
    check(SimpsonHermite, 2);
    check(Euler, 1);
    check(Rk4, 1);
}

#[test]
fn the_published_action_of_samples() {
    let action = sampled(Midpoint, 2000);
    let solved = BoundaryProblem::new(&action, 1.0)
        .solve(&constant(2001))
        .unwrap();
    assert!((solved.action.total - 0.158567).abs() < 5e-7);
    let path = &solved.estimate.paths[0];
    for (n, expected) in [(0, 0.913582), (1000, 0.419020), (2000, 0.373805)] {
        assert!((path.layer(n)[0] - expected).abs() < 5e-7);
    }
    // Stationary to rounding: terms of size R_f x/h = 2000.
    let momenta = Momenta::along(&action, 1.0, &solved.estimate).unwrap();
    let residuals = momenta.windows[0].residuals.values();
    assert!(residuals.iter().all(|r| r.abs() < 1e-11));
}

#[test]
fn extrapolation_finds_the_continuous_action() {
    let values: Vec<f64> = [10, 20, 40]
        .iter()
        .map(|&n| of_action(&measured_everywhere(Trapezoid, n, trapezoid_weights(n)))[4])
        .collect();
    let found = Convergence::of(&values, 2).unwrap();
    let error = (found.limit - decay::action()).abs();
    // The next term of the error is of order 4: h² of the first one.
    assert!(error < 0.01 * found.error, "{error}, {found:?}");
    let coarse = Convergence::of(&values, 4).unwrap_err();
    assert!(
        matches!(coarse, deepest::Error::GridTooCoarse { expected: 4.0, found, .. } if (found - 2.0).abs() < 0.1),
        "{coarse}"
    );
}
