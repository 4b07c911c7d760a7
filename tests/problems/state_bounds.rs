//! State bounds: quadratic programs, the Karush-Kuhn-Tucker conditions on
//! nonlinear models, and no evaluation outside on the way.

use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::cases::{Case, Check};
use crate::fixtures::dense::Normal;
use crate::fixtures::features;
use crate::fixtures::watched::{gauss_newton, karush_kuhn_tucker, lbfgs, minimum, state};
use crate::fixtures::{Affine, Noise, norm, plus};
use deepest::models::{Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Curvature, Level, Path, Rule};
use ndarray::{Array2, array};

const D: usize = 2;
const LAYERS: usize = 9;
const STEP: f64 = 0.3;
const RF: f64 = 4.0;
const RM: f64 = 1.6;
const NONE: f64 = f64::INFINITY;

fn model() -> Affine {
    Affine {
        matrix: array![[-0.3, 1.1], [-0.8, -0.2]],
        constant: vec![0.3, -0.2],
        drift: array![[1.0], [0.4]],
    }
}

fn values() -> Array2<f64> {
    let mut noise = Noise(13);
    Array2::from_shape_fn((LAYERS, D), |_| 3.0 * noise.next())
}

/// Bounds of both components, and of the parameter.
type Limits = [(f64, f64); 3];

fn action<R: Rule<Affine>>(rule: R, bounds: Limits) -> Action {
    let grid = Grid::uniform(0.0, STEP, LAYERS).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let times = grid.times().to_vec();
    let data = Observations::of_components(&[0, 1], times, values(), precision).unwrap();
    let [first, second, parameter] =
        bounds.map(|(lower, upper)| Bounds::new(lower, upper).unwrap());
    let prior = Gaussian::new(parameter.nearest(0.0), 1.0).unwrap();
    Action::builder(model(), rule)
        .window(Window::new(grid).observations(data).unwrap())
        .state_bounds(0, first)
        .state_bounds(1, second)
        .parameter("theta", Parameter::from(parameter).prior(prior))
        .build()
        .unwrap()
}

fn program(scheme: Scheme, bounds: Limits) -> Vec<f64> {
    let border = D * LAYERS;
    let mut normal = Normal::new(border + 1);
    for ((n, i), &y) in values().indexed_iter() {
        add_value(&mut normal, n * D + i, y, RM);
    }
    let precision = Array2::eye(D) * RF;
    for n in 0..LAYERS - 1 {
        let theta = [Value::Unknown(border, border)];
        let places = (n * D, (n + 1) * D);
        scheme.add_step(&mut normal, &model(), STEP, places, &theta, &precision);
    }
    add_value(
        &mut normal,
        border,
        0.0_f64.max(bounds[2].0).min(bounds[2].1),
        1.0,
    );
    let of = |i: usize| bounds[if i == border { 2 } else { i % D }];
    let (lower, upper): (Vec<f64>, Vec<f64>) = (0..=border).map(of).unzip();
    normal.within(&lower, &upper).to_vec()
}

/// None of them acts, one side, both sides, everything; a start at each
/// corner.
fn boxes() -> Vec<Limits> {
    vec![
        [(-NONE, NONE); 3],
        [(-90.0, 90.0); 3],
        [(0.0, NONE), (-NONE, NONE), (-NONE, NONE)],
        [(-NONE, NONE), (-NONE, 0.4), (0.7, 2.0)],
        [(-0.5, 0.8), (-0.2, 0.9), (-NONE, -0.3)],
        [(-0.1, 0.1), (-0.1, 0.1), (-0.1, 0.1)],
        [(1.0, 1.5), (-4.0, -2.0), (-NONE, NONE)],
    ]
}

fn solve<R: Rule<Affine>>(rule: R, scheme: Scheme) {
    for bounds in boxes() {
        let expected = program(scheme, bounds);
        let action = action(rule, bounds);
        let nearest = |i: usize, v: f64| v.max(bounds[i].0).min(bounds[i].1);
        for from in [-100.0, 0.0, 100.0] {
            let layer = [nearest(0, from), nearest(1, -from)];
            let path = Path::from_layers([layer; LAYERS]);
            let start = Estimate::new(vec![path], [nearest(2, 0.0)]);
            let name = format!("{}, {bounds:?} from {from}", rule.name());
            let newton = minimum(&action, RF, start.clone(), gauss_newton());
            // An active set of 19 unknowns changes a few times.
            assert!(
                newton.work.factorizations <= 60,
                "{name}: {:?}",
                newton.work
            );
            compare(&action, &newton, &expected, &name);
            let limited = minimum(&action, RF, start, lbfgs());
            compare(&action, &limited, &expected, &format!("L-BFGS, {name}"));
        }
    }
}

fn compare(action: &Action, level: &Level, expected: &[f64], name: &str) {
    let x = action.pack(&level.estimate).unwrap();
    // A value known to 1e-15 of about 100 tells the minimum to 3e-7 where
    // curvatures are of size 1.
    for (i, (a, b)) in x.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= 1e-6,
            "{name}, unknown {i}: {a} against {b}"
        );
    }
    let mut at = action.at(RF).unwrap();
    let active = karush_kuhn_tucker(&mut at, &x, 1e-4);
    let bound = |i: &usize| expected[*i] == at.lower()[*i] || expected[*i] == at.upper()[*i];
    let acting: Vec<usize> = (0..x.len()).filter(bound).collect();
    for &i in &acting {
        assert_eq!(x[i], expected[i], "{name}, unknown {i}");
    }
    assert_eq!(active, acting.len(), "{name}");
    let found = action.at_bounds(&level.estimate).unwrap();
    let states: Vec<(usize, f64)> = found
        .iter()
        .filter(|f| matches!(f, deepest::AtBound::State { .. }))
        .map(|found| {
            let (window, layer, component, bound) = state(found);
            assert_eq!(window, 0);
            (layer * D + component, bound)
        })
        .collect();
    for (i, bound) in &states {
        assert!(
            acting.contains(i) && *bound == expected[*i],
            "{name}: {found:?}"
        );
    }
    assert_eq!(found.len(), acting.len(), "{name}");
}

#[test]
fn bounded_states_solve_the_quadratic_program_under_maps() {
    solve(Map, Scheme::Map);
}

#[test]
fn bounded_states_solve_the_quadratic_program_under_the_trapezoidal_rule() {
    solve(Trapezoid, Scheme::Trapezoid);
}

#[test]
fn bounded_states_solve_the_quadratic_program_under_euler() {
    solve(Euler, Scheme::Euler);
}

/// The action of a linear problem is its own quadratic model: a step within
/// bounds gains what it promises, whatever it was cut or held to on the way.
struct Promise;

impl Check for Promise {
    fn check(
        &self,
        Case {
            name, action, x, ..
        }: &Case,
    ) {
        let mut at = action.at(RF).unwrap();
        let inside = |at: &dyn Objective, x: &[f64]| -> Vec<f64> {
            let bounds = at.lower().iter().zip(at.upper());
            let nearest = x
                .iter()
                .zip(bounds)
                .map(|(v, (lo, hi))| v.max(*lo).min(*hi));
            nearest.collect()
        };
        let x = inside(&at, x);
        let mut g = vec![0.0; x.len()];
        let value = at.value_and_gradient(&x, &mut g);
        let mut held = 0;
        for curvature in [Curvature::GaussNewton, Curvature::Exact] {
            for damping in [0.0, 1e-2, 1.0, 100.0] {
                let mut s = vec![0.0; x.len()];
                let Ok(step) = at.newton_step(&x, curvature, damping, &g, &mut s) else {
                    continue;
                };
                let there = plus(&x, 1.0, &s);
                let nearest = inside(&at, &there);
                // x + (bound − x) is the bound but for rounding.
                let out = norm(&plus(&there, -1.0, &nearest));
                assert!(out <= 1e-14, "{name}: {out:e} outside");
                let gain = value - at.value(&nearest);
                let off = (gain - step.predicted_decrease).abs();
                assert!(
                    off <= 1e-12 * value,
                    "{name}, {damping}: {gain} of {step:?}"
                );
                held += nearest
                    .iter()
                    .zip(at.lower().iter().zip(at.upper()))
                    .filter(|(v, (lo, hi))| *v == *lo || *v == *hi)
                    .count();
            }
        }
        assert!(held > 0, "{name}: no bound acts");
    }
}

#[test]
fn steps_within_bounds_gain_what_they_promise() {
    features::linear(&Promise, true);
}

/// A given path outside is moved to the nearest one inside.
#[test]
fn a_start_outside_begins_at_the_bounds() {
    let bounds = [(-0.5, 0.8), (-0.2, 0.9), (-NONE, -0.3)];
    let action = action(Trapezoid, bounds);
    let start = |v: f64| Estimate::new(vec![Path::from_layers([[v, -v]; LAYERS])], [v]);
    let expected = program(Scheme::Trapezoid, bounds);
    for from in [-1e6, 1e6] {
        for level in [
            minimum(&action, RF, start(from), gauss_newton()),
            minimum(&action, RF, start(from), lbfgs()),
        ] {
            compare(&action, &level, &expected, &format!("from {from}"));
        }
    }
}

fn nonlinear<M: Model + Copy, R: Rule<M>>(
    (model, rule): (M, R),
    theta: &[f64],
    bounds: &[(usize, f64, f64)],
    truth: &Twin,
) {
    let mut builder = Action::builder(model, rule).window(truth.window().unwrap());
    for (k, &value) in theta.iter().enumerate() {
        let parameter = if k == 0 {
            Parameter::from(Bounds::new(0.2 * value, 5.0 * value).unwrap())
        } else {
            Parameter::fixed(value)
        };
        builder = builder.parameter(format!("p{k}"), parameter);
    }
    for &(component, lower, upper) in bounds {
        builder = builder.state_bounds(component, Bounds::new(lower, upper).unwrap());
    }
    let action = builder.build().unwrap();
    let start = Estimate::new(vec![truth.truth.clone()], theta);
    for rf in [1.0, 100.0] {
        let newton = minimum(&action, rf, start.clone(), gauss_newton());
        let limited = minimum(&action, rf, start.clone(), lbfgs());
        for level in [&newton, &limited] {
            let x = action.pack(&level.estimate).unwrap();
            let mut at = action.at(rf).unwrap();
            // Rounding of the value, ε·A, hides slopes of √(ε·A·curvature).
            let size = 1e-6 * (rf * 1e4 * (1.0 + level.action.total)).sqrt();
            let active = karush_kuhn_tucker(&mut at, &x, size);
            assert!(active > 0, "{}: nothing acts at {rf}", rule.name());
            assert_eq!(active, action.at_bounds(&level.estimate).unwrap().len());
        }
        let name = rule.name();
        approx::assert_relative_eq!(
            newton.action.total,
            limited.action.total,
            max_relative = 1e-8
        );
        assert!(
            newton.work.factorizations <= 150,
            "{name}: {:?}",
            newton.work
        );
    }
}

fn every_rule<M: Flow + Copy>(model: M, theta: &[f64], bounds: &[(usize, f64, f64)], truth: &Twin) {
    nonlinear((model, Euler), theta, bounds, truth);
    nonlinear((model, Trapezoid), theta, bounds, truth);
    nonlinear((model, Midpoint), theta, bounds, truth);
    nonlinear((model, Rk4), theta, bounds, truth);
    nonlinear((model, SimpsonHermite), theta, bounds, truth);
}

/// Bounds that cut off a part of the truth, so that some must act.
#[test]
fn nonlinear_models_end_at_karush_kuhn_tucker_points() {
    let theta = [10.0, 28.0, 8.0 / 3.0];
    let truth = Simulation::new(Grid::uniform(0.0, 0.02, 41).unwrap(), theta)
        .spin_up(10.0)
        .seed(4)
        .flow(&Lorenz63)
        .unwrap();
    let noise = deepest::Noise::scalar(1.0).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1, 2], noise).seed(1))
        .unwrap();
    let range = |i: usize| {
        let values = twin.truth.component(i);
        let high = values.iter().copied().fold(f64::MIN, f64::max);
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        (low + 0.2 * (high - low), high - 0.2 * (high - low))
    };
    let (low, high) = range(0);
    every_rule(
        Lorenz63,
        &theta,
        &[(0, low, high), (2, f64::NEG_INFINITY, range(2).1)],
        &twin,
    );
}

#[test]
fn populations_stay_positive() {
    let theta = [0.6, 0.5, 0.8, 0.4];
    let truth = Simulation::new(Grid::uniform(0.0, 0.25, 41).unwrap(), theta)
        .from_state([4.0, 0.3])
        .flow(&LotkaVolterra)
        .unwrap();
    // Noise of half the smallest populations goes below zero.
    let noise = deepest::Noise::scalar(0.6).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1], noise).seed(3))
        .unwrap();
    let bounds = [(0, 0.4, f64::INFINITY), (1, 0.5, f64::INFINITY)];
    every_rule(LotkaVolterra, &theta, &bounds, &twin);
}
