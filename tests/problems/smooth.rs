//! Measurements that take time, against Hamilton's equations solved by shooting.

use crate::fixtures::decay::{Decay, RM};
use deepest::hamiltonian::{BoundaryProblem, Extremal, Hamiltonian};
use deepest::prelude::*;
use deepest::{Action, Error, FlowRule, Path};
use ndarray::{Array2, array};

/// When, and what is measured.
const SAMPLES: [(f64, f64); 2] = [(0.4, 0.7), (0.75, -0.3)];

fn values() -> Array2<f64> {
    array![[SAMPLES[0].1], [SAMPLES[1].1]]
}

fn observations(half_width: f64) -> Observations {
    let precision = Precision::scalar(RM).unwrap();
    let times = SAMPLES.map(|(t, _)| t);
    let data = Observations::of_components(&[0], times, values(), precision).unwrap();
    data.smooth(half_width).unwrap()
}

fn action<R: FlowRule<Decay>>(rule: R, half_width: f64, steps: usize) -> Action {
    let grid = Grid::new((0..=steps).map(|n| n as f64 / steps as f64).collect()).unwrap();
    let window = Window::new(grid).observations(observations(half_width));
    Action::builder(Decay, rule)
        .window(window.unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap()
}

fn solve(action: &Action) -> Extremal {
    let layers = action.windows()[0].grid().layers();
    let guess = Estimate::new(vec![Path::from_layers(vec![[0.3]; layers])], []);
    BoundaryProblem::new(action, 1.0).solve(&guess).unwrap()
}

/// ẋ = −x + p, ṗ = p + Σ κ(t − τ) R_m (x − y), Ȧ = ½ p² + Σ κ ½ R_m (x − y)² by RK4 from
/// (x₀, 0); its error over 4000 steps is that of the third derivatives' jumps at the
/// kernels' ends, h³ = 2e-11.
fn shoot(half_width: f64, first: f64) -> [f64; 3] {
    let steps = 4000;
    let h = 1.0 / f64::from(steps);
    let field = |t: f64, [x, p, _]: [f64; 3]| {
        let weights = SAMPLES.map(|(tau, y)| {
            let s = (t - tau) / half_width;
            let inside = (1.0 - s * s).max(0.0);
            (15.0 / 16.0 / half_width * inside * inside * RM, y)
        });
        let force: f64 = weights.iter().map(|(w, y)| w * (x - y)).sum();
        let energy: f64 = weights.iter().map(|(w, y)| 0.5 * w * (x - y).powi(2)).sum();
        [-x + p, p + force, 0.5 * p * p + energy]
    };
    let mut z = [first, 0.0, 0.0];
    for n in 0..steps {
        let t = f64::from(n) * h;
        let at = |k: [f64; 3], h: f64| [0, 1, 2].map(|i| z[i] + h * k[i]);
        let a = field(t, z);
        let b = field(t + 0.5 * h, at(a, 0.5 * h));
        let c = field(t + 0.5 * h, at(b, 0.5 * h));
        let d = field(t + h, at(c, h));
        z = [0, 1, 2].map(|i| z[i] + h / 6.0 * (a[i] + 2.0 * (b[i] + c[i]) + d[i]));
    }
    z
}

/// x(0) and A: all is linear, so that two trials give the x(0) that ends in p = 0.
fn exact(half_width: f64) -> [f64; 2] {
    let (at_zero, at_one) = (shoot(half_width, 0.0)[1], shoot(half_width, 1.0)[1]);
    let first = at_zero / (at_zero - at_one);
    [first, shoot(half_width, first)[2]]
}

/// The kernel's weights are those of the trapezoidal rule; its second derivative jumps
/// at ±w, where errors of h³ add to those of the rule.
#[test]
fn smooth_measurements_converge_with_the_order_of_the_rule() {
    fn check<R: FlowRule<Decay>>(rule: R, half_width: f64) {
        let exact = exact(half_width);
        let errors = [64, 128, 256].map(|steps| {
            let solved = solve(&action(rule, half_width, steps));
            let first = solved.estimate.paths[0].layer(0)[0];
            [first - exact[0], solved.action.total - exact[1]]
        });
        for i in 0..2 {
            let order = (errors[1][i] / errors[2][i]).abs().log2();
            let off = (order - f64::from(rule.order())).abs();
            assert!(off < 0.25, "{}, {half_width}: {errors:?}", rule.name());
        }
    }
    // Kernels that overlap, and that reach beyond neither end.
    for half_width in [0.25, 0.2] {
        check(Trapezoid, half_width);
        check(Midpoint, half_width);
        check(SimpsonHermite, half_width);
        check(Euler, half_width);
        check(Rk4, half_width);
    }
}

/// The action is that of rows at all layers under the kernel, with precisions by
/// hand; a sample counts once all the same.
#[test]
fn a_smooth_measurement_is_many_that_share_its_precision() {
    let (half_width, steps, tau, y) = (0.3, 40, 0.4, 0.7);
    let grid = Grid::uniform(0.0, 0.025, steps + 1).unwrap();
    let near: Vec<usize> = (0..=steps)
        .filter(|n| (grid.times()[*n] - tau).abs() < half_width - 1e-9)
        .collect();
    let kernel = |n: &usize| (1.0 - ((grid.times()[*n] - tau) / half_width).powi(2)).powi(2);
    let sum: f64 = near.iter().map(kernel).sum();
    let precisions = near
        .iter()
        .map(|n| Precision::scalar(RM * kernel(n) / sum).unwrap());
    let times: Vec<f64> = near.iter().map(|n| grid.times()[*n]).collect();
    let values = Array2::from_elem((near.len(), 1), y);
    let one = Precision::scalar(1.0).unwrap();
    let by_hand = Observations::of_components(&[0], times, values, one).unwrap();
    let by_hand = by_hand.precisions(precisions.collect()).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let smooth = Observations::of_components(&[0], [tau], array![[y]], precision).unwrap();
    let smooth = smooth.smooth(half_width).unwrap();
    let build = |data: Observations| {
        Action::builder(Decay, Trapezoid)
            .window(Window::new(grid.clone()).observations(data).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap()
    };
    let (by_hand, smooth) = (build(by_hand), build(smooth));
    assert!(by_hand.expected_plateau().is_some() && smooth.expected_plateau().is_none());
    assert_eq!(smooth.counts().measured, 1);
    assert_eq!(smooth.counts().measured_layers, near.len());
    let (a, b) = (solve(&by_hand), solve(&smooth));
    assert!((a.action.total - b.action.total).abs() < 1e-14);
    let paths = [&a, &b].map(|s| s.estimate.paths[0].values().to_vec());
    let off = paths[0].iter().zip(&paths[1]).map(|(a, b)| (a - b).abs());
    assert!(off.fold(0.0, f64::max) < 1e-12);
}

/// Narrow kernels are samples at single times, but for the kink that x has there:
/// first order in the width.
#[test]
fn narrow_kernels_are_pulses() {
    let grid = Grid::uniform(0.0, 0.000625, 1601).unwrap();
    let times = SAMPLES.map(|(t, _)| t);
    let precision = Precision::scalar(RM).unwrap();
    let pulses = Observations::of_components(&[0], times, values(), precision).unwrap();
    let action = |data: Observations| {
        Action::builder(Decay, Midpoint)
            .window(Window::new(grid.clone()).observations(data).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap()
    };
    let limit = solve(&action(pulses)).action.total;
    let errors = [0.04, 0.02, 0.01].map(|w| solve(&action(observations(w))).action.total - limit);
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((order - 1.0).abs() < 0.15, "{errors:?}");
    }
}

/// No jump is larger than one layer's share; H changes with the potential.
#[test]
fn momenta_change_smoothly() {
    let jump = |steps: usize| {
        let action = action(Midpoint, 0.2, steps);
        let solved = solve(&action);
        let jumps = &solved.momenta.windows[0].jumps;
        let largest = jumps.values().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let energy = Hamiltonian::along(&action, 1.0, &solved.estimate).unwrap();
        let energy = &energy.windows[0];
        let pairs = energy.before.iter().zip(&energy.after);
        let leap = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        [largest, leap]
    };
    let (coarse, fine) = (jump(100), jump(200));
    for i in 0..2 {
        assert!(
            (coarse[i] / fine[i] - 2.0).abs() < 0.1,
            "{coarse:?}, {fine:?}"
        );
    }
}

/// Starts are pulled towards what is measured smoothly, in proportion to its shares.
#[test]
fn smooth_measurements_are_annealed() {
    let action = action(Trapezoid, 0.2, 50);
    let schedule = Schedule::geometric(1e-3, 10.0, 0..=3).unwrap();
    let annealing = Annealer::new(schedule).starts(2).run(&action).unwrap();
    let (_, best) = annealing.best().unwrap();
    let solved = solve(&action);
    // The annealer's tolerance is relative to the action.
    let off = (best.action.total / solved.action.total - 1.0).abs();
    assert!(off < 1e-6, "{off}");
}

/// Refinement asks for shares anew on every grid, and for their errors.
#[test]
fn smooth_measurements_are_refined_with_the_layers() {
    let coarse = action(Midpoint, 0.25, 16);
    let guess = Estimate::new(vec![Path::from_layers(vec![[0.3]; 17])], []);
    let problem = BoundaryProblem::new(&coarse, 1.0);
    let refined = problem.refine(&guess, 1e-5).unwrap();
    let error = (refined.solved.action.total - exact(0.25)[1]).abs();
    // Local errors of measurements change their sign under a kernel, so that the
    // sum of sizes overestimates.
    assert!(error < 1e-5, "{error}");
}

#[test]
fn kernels_that_do_not_fit_are_named() {
    let data = || observations(0.25);
    for width in [0.0, -1.0] {
        let error = data().smooth(width).unwrap_err();
        assert!(matches!(error, Error::NotPositive { .. }), "{error}");
    }
    let error = data().smooth(f64::INFINITY).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    let on = |times: Vec<f64>| Window::new(Grid::new(times).unwrap()).observations(data());
    let error = on(vec![0.0, 0.25, 0.5, 0.75, 1.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "grid (observation set 0, row 0): too coarse for a smooth measurement; longest step: expected 0.125, found 0.25"
    );
    let fine = |from: usize| (from..=20).map(|n| n as f64 * 0.05).collect();
    assert!(on(fine(0)).is_ok());
    let error = on(fine(10)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                low: 0.5,
                found: 0.4,
                ..
            }
        ),
        "{error}"
    );
}
