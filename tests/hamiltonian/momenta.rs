//! Canonical momenta of paths: by their definition as slopes of the discrete
//! Lagrangian, by hand for networks, against the discrete flow for solved paths.

use crate::fixtures;

use crate::fixtures::cases::{Case, Check, SHAPES, Shape, every};
use crate::fixtures::decay::{self, Decay, RM};
use crate::fixtures::{Network, Noise, Seasonal, features};
use deepest::hamiltonian::{
    BoundaryProblem, DiscreteLagrangian, Extremal, Hamiltonian, Momenta, PhasePoint,
};
use deepest::models::{Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Action, Error, FlowRule, Path, Rule};
use ndarray::{Array1, Array2, array};

/// The layers of a window, as they are changed one by one.
fn layers(path: &Path) -> Vec<Vec<f64>> {
    (0..path.layers()).map(|n| path.layer(n).to_vec()).collect()
}

/// Steps equal in pairs only, so that Simpson-Hermite can take them.
const TIMES: [f64; 7] = [0.3, 0.35, 0.4, 0.5, 0.6, 0.63, 0.66];
const RF: f64 = 1.7;

/// An action of the layers from `first` on over `count` steps.
fn part<M: Flow, R: Rule<M>>(
    (model, rule): (M, R),
    theta: &[f64],
    shape: Shape,
    (first, count): (usize, usize),
) -> Action {
    let d = model.width();
    let grid = Grid::new(TIMES[first..=first + count].to_vec()).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [TIMES[first]], array![[0.3]], one).unwrap();
    let mut builder = Action::builder(model, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .model_precision(shape.precision(d));
    for (k, &value) in theta.iter().enumerate() {
        builder = builder.parameter(format!("p{k}"), Parameter::fixed(value));
    }
    builder.build().unwrap()
}

/// p⁺ = −D₁L_d and p⁻ = D₂L_d by fourth-order differences of the model error of
/// the one interval, as an action of its own: errors of 1e-9 in terms of size 1e3.
#[test]
fn momenta_are_slopes_of_the_discrete_lagrangian() {
    fn check<M: Flow, R: Rule<M>>(model: impl Fn() -> M, rule: R, theta: &[f64], shape: Shape) {
        let (d, steps) = (model().width(), rule.steps());
        let mut noise = Noise(31);
        let states: Vec<Vec<f64>> = (0..TIMES.len())
            .map(|_| noise.vector(d).iter().map(|v| 1.0 + 0.5 * v).collect())
            .collect();
        let whole = part((model(), rule), theta, shape, (0, TIMES.len() - 1));
        let estimate = Estimate::new(vec![Path::from_layers(&states)], theta);
        let momenta = Momenta::along(&whole, RF, &estimate).unwrap();
        let momenta = &momenta.windows[0];
        let intervals = (TIMES.len() - 1) / steps;
        assert_eq!(
            momenta.layers,
            (0..=intervals).map(|k| k * steps).collect::<Vec<_>>()
        );
        for k in 0..intervals {
            let first = k * steps;
            let action = part((model(), rule), theta, shape, (first, steps));
            let lagrangian = |layers: &[Vec<f64>]| {
                let estimate = Estimate::new(vec![Path::from_layers(layers)], theta);
                action.terms(RF, &estimate).unwrap().model
            };
            let slope = |n: usize, i: usize| {
                let at = |h: f64| {
                    let mut layers = states[first..=first + steps].to_vec();
                    layers[n][i] += h;
                    lagrangian(&layers)
                };
                let h = 2e-3;
                (8.0 * (at(h) - at(-h)) - at(2.0 * h) + at(-2.0 * h)) / (12.0 * h)
            };
            for i in 0..d {
                for (found, expected) in [
                    (momenta.after.layer(k)[i], -slope(0, i)),
                    (momenta.before.layer(k + 1)[i], slope(steps, i)),
                ] {
                    let size = expected.abs().max(1.0);
                    assert!(
                        (found - expected).abs() < 1e-8 * size,
                        "{}, {shape:?}, {k}, {i}: {found}, {expected}",
                        rule.name()
                    );
                }
            }
        }
    }
    fn rules<M: Flow>(model: impl Fn() -> M, theta: &[f64], shape: Shape) {
        check(&model, Euler, theta, shape);
        check(&model, Trapezoid, theta, shape);
        check(&model, Midpoint, theta, shape);
        check(&model, Rk4, theta, shape);
        check(&model, SimpsonHermite, theta, shape);
    }
    for shape in SHAPES {
        rules(|| Lorenz63, &[10.0, 28.0, 2.6], shape);
        rules(|| Seasonal, &[0.7, 1.2], shape);
    }
}

/// p⁻ − p⁺ + jump = ∂A/∂x at every node of every kind of action; the gradient
/// itself is tested elsewhere.
struct AddsUp;

impl Check for AddsUp {
    fn check(&self, case: &Case) {
        let momenta = Momenta::along(&case.action, RF, &case.estimate).unwrap();
        let mut gradient = vec![0.0; case.x.len()];
        case.action
            .at(RF)
            .unwrap()
            .value_and_gradient(&case.x, &mut gradient);
        let mut residuals = Vec::new();
        for window in &momenta.windows {
            residuals.extend_from_slice(window.residuals.values());
            for (k, &n) in window.layers.iter().enumerate() {
                let (before, after) = (window.before.layer(k), window.after.layer(k));
                for (i, residual) in window.residuals.layer(n).iter().enumerate() {
                    let jump = window.jumps.layer(n)[i];
                    let size = before[i].abs() + after[i].abs() + jump.abs();
                    let sum = before[i] - after[i] + jump;
                    assert!(
                        (sum - residual).abs() <= 1e-13 * size.max(1.0),
                        "{}, layer {n}, {i}: {sum}, {residual}",
                        case.name
                    );
                }
            }
            let last = window.layers.len() - 1;
            assert!(window.after.layer(last).iter().all(|p| *p == 0.0));
        }
        residuals.extend_from_slice(&momenta.parameters);
        assert_eq!(residuals, gradient, "{}", case.name);
    }
}

#[test]
fn momenta_and_jumps_add_up_to_the_gradient() {
    every(&AddsUp);
    features::every(&AddsUp);
}

/// The first momentum is the slope of the prior, B⁻¹(x₀ − x_b).
#[test]
fn a_prior_is_the_first_momentum() {
    let precision = Shape::Full.precision(2);
    let (mean, state) = ([0.4, 1.1], [1.0, 0.7]);
    let prior = StatePrior::new(mean, precision).unwrap();
    let grid = Grid::uniform(0.0, 0.1, 2).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[1], [0.0], array![[0.2]], one).unwrap();
    let window = Window::new(grid).observations(data).unwrap().prior(prior);
    let mut builder = Action::builder(LotkaVolterra, Euler).window(window);
    for k in 0..4 {
        builder = builder.parameter(format!("p{k}"), Parameter::fixed(0.5));
    }
    let action = builder.build().unwrap();
    let path = Path::from_layers([state, [0.9, 0.8]]);
    let momenta = Momenta::along(&action, 1.0, &Estimate::new(vec![path], [0.5; 4])).unwrap();
    let window = &momenta.windows[0];
    let error = array![state[0] - mean[0], state[1] - mean[1]];
    let expected = Shape::Full.matrix(2).dot(&error);
    for i in 0..2 {
        assert!((window.before.layer(0)[i] - expected[i]).abs() < 1e-15);
    }
    let jump = window.jumps.layer(0);
    assert!(
        jump[0].abs() < 1e-15 && (jump[1] - 0.5).abs() < 1e-15,
        "{jump:?}"
    );
}

/// A layered network, by hand: p_{n+1} = R_f (x_{n+1} − f(x_n)),
/// p_n = (∂f/∂x_n)ᵀ p_{n+1}, p_out = −R_m (x_out − y_out),
/// Σ (∂f/∂W)ᵀ p_{n+1} = 0.
#[test]
fn momenta_of_a_network_are_back_propagated_errors() {
    let widths = vec![3, 4, 2];
    let network = Network {
        widths: widths.clone(),
        recurrent: false,
    };
    let theta = Noise(8).vector(network.parameter_count());
    let grid = Grid::uniform(0.0, 1.0, 3).unwrap();
    let precision = || Precision::scalar(RM).unwrap();
    let input = array![[0.5, -0.3, 0.8]];
    let input = Observations::of_components(&[0, 1, 2], [0.0], input, precision()).unwrap();
    let output = array![[0.1, -0.9]];
    let output = Observations::of_components(&[0, 1], [2.0], output, precision()).unwrap();
    let window = Window::new(grid).observations(input).unwrap();
    let mut builder = Action::builder(network, Map).window(window.observations(output).unwrap());
    for k in 0..theta.len() {
        let near = Bounds::new(-30.0, 30.0).unwrap();
        builder = builder.parameter(format!("w{k}"), near);
    }
    let action = builder.build().unwrap();
    let path = Path::from_layers([vec![0.5, -0.3, 0.8], vec![0.0; 4], vec![0.0; 2]]);
    let guess = Estimate::new(vec![path], theta);
    let solved = BoundaryProblem::new(&action, RF).solve(&guess).unwrap();
    let x = layers(&solved.estimate.paths[0]);
    let window = &solved.momenta.windows[0];
    let mut next = 0;
    let mut by_weights = Vec::new();
    for n in 0..2 {
        let w = &solved.estimate.parameters[next..next + widths[n] * widths[n + 1]];
        next += w.len();
        let w = Array2::from_shape_vec((widths[n + 1], widths[n]), w.to_vec()).unwrap();
        let f = w.dot(&Array1::from(x[n].clone())).mapv(f64::tanh);
        let arriving = window.before.layer(n + 1);
        let mut slope = Array1::zeros(f.len());
        for i in 0..f.len() {
            assert!((arriving[i] - RF * (x[n + 1][i] - f[i])).abs() < 1e-14);
            slope[i] = (1.0 - f[i] * f[i]) * arriving[i];
        }
        let leaving = w.t().dot(&slope);
        for (p, expected) in window.after.layer(n).iter().zip(&leaving) {
            assert!((p - expected).abs() < 1e-14);
        }
        for slope in &slope {
            by_weights.extend(x[n].iter().map(|x| slope * x));
        }
    }
    // Stationary: what is left of each equation is rounding of terms of size one.
    for (p, (x, y)) in window
        .before
        .layer(2)
        .iter()
        .zip(x[2].iter().zip([0.1, -0.9]))
    {
        assert!((p + RM * (x - y)).abs() < 1e-12);
    }
    assert!(by_weights.iter().all(|v| v.abs() < 1e-12), "{by_weights:?}");
    assert!(solved.momenta.parameters.iter().all(|v| v.abs() < 1e-12));
}

/// Lorenz-63 with x measured at five times, ρ estimated.
fn lorenz<R: Rule<Lorenz63>>(rule: R, unit: PrecisionUnit, between: usize) -> Action {
    let times = [0.0, 0.08, 0.16, 0.24, 0.32];
    let grid = Grid::from_times(&times, between).unwrap();
    let truth = Simulation::new(grid.clone(), [10.0, 28.0, 8.0 / 3.0])
        .from_state([-6.0, -9.0, 20.0])
        .flow(&Lorenz63)
        .unwrap();
    let mut noise = Noise(5);
    let values = Array2::from_shape_fn((times.len(), 2), |(k, i)| {
        truth.path.layer(k * between)[i] + 0.3 * noise.next()
    });
    let precision = Precision::scalar(10.0).unwrap();
    let data = Observations::of_components(&[0, 1], times, values, precision).unwrap();
    Action::builder(Lorenz63, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(unit)
        .model_precision(Shape::Full.precision(3))
        .parameter("sigma", Parameter::fixed(10.0))
        .parameter("rho", Bounds::new(0.0, 60.0).unwrap())
        .parameter("beta", Parameter::fixed(8.0 / 3.0))
        .build()
        .unwrap()
}

fn solve(action: &Action, rf: f64) -> Extremal {
    let count = action.windows()[0].grid().layers();
    let path = Path::from_layers(vec![[-6.0, -8.0, 22.0]; count]);
    let theta = [10.0, 27.0, 8.0 / 3.0];
    let guess = Estimate::new(vec![path], theta);
    BoundaryProblem::new(action, rf).solve(&guess).unwrap()
}

/// From the first node on, the discrete flow and the jumps lead along the path
/// that minimizes the action.
#[test]
fn the_discrete_flow_follows_a_solved_path() {
    fn check<R: FlowRule<Lorenz63>>(rule: R) {
        let rf = 0.5;
        let action = lorenz(rule, PrecisionUnit::PerTime, 8);
        let solved = solve(&action, rf);
        let (path, momenta) = (&solved.estimate.paths[0], &solved.momenta.windows[0]);
        let residuals = momenta.residuals.values().iter();
        // Rounding of terms of size R_f x/h = 1e3.
        let left = residuals.fold(0.0_f64, |m, r| m.max(r.abs()));
        assert!(left < 1e-10, "{}: {left}", rule.name());
        assert!(solved.momenta.parameters[0].abs() < 1e-10);
        let precision = Precision::full(Shape::Full.matrix(3) * rf).unwrap();
        let grid = action.windows()[0].grid().clone();
        let lagrangian = DiscreteLagrangian::new(Lorenz63, rule, grid, precision)
            .unwrap()
            .parameters(solved.estimate.parameters.clone());
        let mut flow = lagrangian.flow().unwrap();
        let mut model_error = 0.0;
        for (k, &n) in momenta.layers[1..].iter().enumerate() {
            let state = path.layer(momenta.layers[k]);
            let from = PhasePoint::new(state, momenta.after.layer(k));
            let step = flow.step(k, &from).unwrap();
            model_error += step.lagrangian;
            let close = |a: &[f64], b: &[f64]| {
                let pairs = a.iter().zip(b);
                pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
            };
            // As above, one step on.
            assert!(
                close(&step.end.state, path.layer(n)) < 1e-9,
                "{}",
                rule.name()
            );
            assert!(close(&step.end.momentum, momenta.before.layer(k + 1)) < 1e-9);
            if rule.steps() == 2 {
                assert!(close(&step.interior, path.layer(n - 1)) < 1e-9);
            }
        }
        let relative = model_error / solved.action.model - 1.0;
        assert!(relative.abs() < 1e-9, "{}: {relative}", rule.name());
    }
    check(Euler);
    check(Trapezoid);
    check(Midpoint);
    check(Rk4);
    check(SimpsonHermite);
}

/// A = Σ … in another normalization is a multiple of the *sum* action with another
/// R_f; momenta are those of the latter.
#[test]
fn momenta_do_not_depend_on_the_normalization() {
    let data = || {
        let values = array![[1.0], [0.2], [0.5]];
        let precision = Precision::scalar(RM).unwrap();
        Observations::of_components(&[0], [0.0, 0.5, 1.0], values, precision).unwrap()
    };
    let build = |normalization| {
        let window = Window::new(Grid::uniform(0.0, 0.25, 5).unwrap());
        Action::builder(Decay, Trapezoid)
            .window(window.observations(data()).unwrap())
            .normalization(normalization)
            .build()
            .unwrap()
    };
    let path = Path::from_layers([[0.9], [0.5], [0.4], [0.41], [0.45]]);
    let estimate = Estimate::new(vec![path], Vec::new());
    let sum = build(Normalization::Sum);
    let expected = Momenta::along(&sum, 2.0, &estimate).unwrap();
    let energy = Hamiltonian::along(&sum, 2.0, &estimate).unwrap();
    // K_y = 3, K_g = 4.
    let others = [
        (Normalization::Mean, 2.0 * 4.0 / 3.0),
        (Normalization::Minaone, 2.0),
    ];
    for (normalization, rf) in others {
        let other = build(normalization);
        let found = Momenta::along(&other, rf, &estimate).unwrap();
        let (a, b) = (&found.windows[0], &expected.windows[0]);
        for (a, b) in [
            (&a.before, &b.before),
            (&a.after, &b.after),
            (&a.jumps, &b.jumps),
        ] {
            approx::assert_relative_eq!(a, b, max_relative = 1e-14);
        }
        let found = Hamiltonian::along(&other, rf, &estimate).unwrap();
        for (a, b) in found.windows[0].after.iter().zip(&energy.windows[0].after) {
            approx::assert_relative_eq!(a, b, max_relative = 1e-14);
        }
    }
}

/// H = ½ p² − px is constant between samples; its values are known.
#[test]
fn the_hamiltonian_is_kept_between_measurements() {
    let errors = [8, 16, 32].map(|steps| {
        let h = 1.0 / f64::from(steps);
        let grid = Grid::new((0..=steps).map(|n| f64::from(n) * h).collect()).unwrap();
        let (times, values): (Vec<f64>, Vec<f64>) = decay::SAMPLES.into_iter().unzip();
        let values = Array2::from_shape_vec((3, 1), values).unwrap();
        let precision = Precision::scalar(RM).unwrap();
        let data = Observations::of_components(&[0], times, values, precision).unwrap();
        let action = Action::builder(Decay, Trapezoid)
            .window(Window::new(grid).observations(data).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let path = Path::from_layers(vec![[0.5]; steps as usize + 1]);
        let guess = Estimate::new(vec![path], Vec::new());
        let solved = BoundaryProblem::new(&action, 1.0).solve(&guess).unwrap();
        let found = Hamiltonian::along(&action, 1.0, &solved.estimate).unwrap();
        let found = &found.windows[0];
        let nodes = decay::sampled();
        let exact = |after: bool, k: usize| {
            let (x, before, behind) = nodes[k];
            let p = if after { behind } else { before };
            0.5 * p * p - p * x
        };
        let mut worst = 0.0_f64;
        for (k, &t) in found.times.iter().enumerate() {
            // Sample 1 stands between the two stretches.
            if t < 1.0 {
                let segment = usize::from(t >= 0.5);
                worst = worst.max((found.after[k] - exact(true, segment)).abs());
            }
            if t > 0.0 {
                let segment = if t > 0.5 { 2 } else { 1 };
                worst = worst.max((found.before[k] - exact(false, segment)).abs());
            }
        }
        // p = 0 at both ends.
        assert!(found.before[0].abs() < 1e-14 && found.after[steps as usize].abs() < 1e-14);
        worst
    });
    let order = (errors[1] / errors[2]).log2();
    assert!((order - 2.0).abs() < 0.1, "{errors:?}");
}

/// The defects of Hamilton's equations fall with the order of the rule, at most 2,
/// and R_f per step is R_f h per time.
#[test]
fn hamiltons_equations_hold_to_the_order_of_the_rule() {
    fn defect<R: FlowRule<Lorenz63>>(rule: R, between: usize) -> [f64; 2] {
        let action = lorenz(rule, PrecisionUnit::PerTime, between);
        let solved = solve(&action, 0.5);
        let found = Hamiltonian::along(&action, 0.5, &solved.estimate).unwrap();
        let largest = |path: &Path| path.values().iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let window = &found.windows[0];
        [
            largest(&window.state_defects),
            largest(&window.momentum_defects),
        ]
    }
    fn check<R: FlowRule<Lorenz63>>(rule: R, between: usize, order: f64) {
        let (coarse, fine) = (defect(rule, between), defect(rule, 2 * between));
        for (coarse, fine) in coarse.iter().zip(fine) {
            let found = (coarse / fine).log2();
            // The largest of many: the place moves by a step.
            assert!((found - order).abs() < 0.2, "{}: {found}", rule.name());
        }
    }
    check(Trapezoid, 32, 2.0);
    check(Midpoint, 32, 2.0);
    check(SimpsonHermite, 32, 2.0);
    check(Euler, 32, 1.0);
    // Of first order in the momenta only, which are small beside the flow.
    check(Rk4, 512, 1.0);

    let h = 0.08 / 16.0;
    let per_time = lorenz(Midpoint, PrecisionUnit::PerTime, 16);
    let solved = solve(&per_time, 0.5).estimate;
    let per_step = lorenz(Midpoint, PrecisionUnit::PerStep, 16);
    let expected = Hamiltonian::along(&per_time, 0.5, &solved).unwrap();
    let found = Hamiltonian::along(&per_step, 0.5 / h, &solved).unwrap();
    // Steps differ from h by the rounding of times.
    for (a, b) in found.windows[0]
        .after
        .iter()
        .zip(&expected.windows[0].after)
    {
        assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a}, {b}");
    }
}

/// A parameter that changes in time is a component of the layers: it has a
/// momentum, and Hamilton's equations of its own.
#[test]
fn a_parameter_that_changes_in_time_has_a_momentum() {
    let defects = |between: usize| {
        let times = [0.0, 0.5, 1.0, 1.5];
        let grid = Grid::from_times(&times, between).unwrap();
        let layers = grid.layers();
        let values = array![[0.3, 0.9], [0.8, 0.4], [0.2, 0.6], [0.9, 0.5]];
        let precision = Precision::scalar(20.0).unwrap();
        let data = Observations::of_components(&[0, 1], times, values, precision).unwrap();
        let drifting = Parameter::estimated().correlated(0.8, 0.5, 1.5).unwrap();
        let action = Action::builder(Seasonal, Midpoint)
            .window(Window::new(grid).observations(data).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .parameter("a", drifting)
            .parameter("b", Parameter::fixed(1.2))
            .build()
            .unwrap();
        let path = Path::from_layers(vec![[0.5, 0.5]; layers]);
        let guess = Estimate::new(vec![path], [0.8, 1.2]);
        let solved = BoundaryProblem::new(&action, 5.0).solve(&guess).unwrap();
        let window = &solved.momenta.windows[0];
        let residuals = window.residuals.values().iter();
        assert!(residuals.fold(0.0_f64, |m, r| m.max(r.abs())) < 1e-10);
        assert!(window.after.component(2).iter().any(|p| p.abs() > 0.01));
        // The stationary density of the parameter is its prior: variance 0.25.
        let first = solved.estimate.varying[0].layer(0)[0];
        let expected = (first - 0.8) / 0.25;
        assert!((window.before.layer(0)[2] - expected).abs() < 1e-13);
        let found = Hamiltonian::along(&action, 5.0, &solved.estimate).unwrap();
        let largest = |path: &Path, i: usize| {
            let values = path.component(i).into_iter();
            values.fold(0.0_f64, |m, v| m.max(v.abs()))
        };
        let window = &found.windows[0];
        [0, 1, 2].map(|i| largest(&window.state_defects, i) + largest(&window.momentum_defects, i))
    };
    for (coarse, fine) in defects(16).iter().zip(defects(32)) {
        let order = (coarse / fine).log2();
        assert!((order - 2.0).abs() < 0.2, "{order}");
    }
}

#[test]
fn a_model_that_is_not_finite_is_named() {
    let action = fixtures::bad::builder().window(fixtures::bad::window());
    let action = action.build().unwrap();
    let mut path = vec![[1.0, 1.0]; 5];
    path[3][1] = f64::MAX;
    let estimate = Estimate::new(vec![Path::from_layers(path)], [0.5, 0.1, 0.8, 0.1]);
    let error = Momenta::along(&action, 1.0, &estimate).unwrap_err();
    assert!(matches!(error, Error::ModelNotFinite { .. }), "{error}");
    let error = Momenta::along(&action, -1.0, &estimate).unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotPositive {
                what: "R_f",
                found: -1.0,
                ..
            }
        ),
        "{error}"
    );
}
