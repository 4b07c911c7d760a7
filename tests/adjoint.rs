//! The limit of a perfect model: its momenta are the adjoint, dA/dx₀ = −p(t₀).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use deepest::hamiltonian::{Adjoint, BoundaryProblem, End, Extremal};
use deepest::models::{Linear, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Action, Dual, Error, Path, Rule};
use fixtures::cases::Shape;
use fixtures::{Network, Noise};
use ndarray::{Array2, array};

const STEP: f64 = 0.1;
const LAYERS: usize = 21;
const THETA: [f64; 4] = [0.6, 0.5, 0.8, 0.4];
const FIRST: [f64; 2] = [2.0, 1.0];
const MEASURED: [usize; 4] = [0, 6, 14, 20];

fn values() -> Array2<f64> {
    let mut noise = Noise(3);
    Array2::from_shape_fn((MEASURED.len(), 2), |_| 1.5 + noise.next())
}

/// Prey and predator measured at four layers, all parameters estimated.
fn prey<R: Rule<LotkaVolterra>>(rule: R, prior: bool) -> Action<LotkaVolterra, R> {
    let grid = Grid::uniform(0.0, STEP, LAYERS).unwrap();
    let times: Vec<f64> = MEASURED.iter().map(|&n| grid.times()[n]).collect();
    let precision = Shape::Full.precision(2);
    let data = Observations::of_components(&[0, 1], times, values(), precision).unwrap();
    let mut window = Window::new(grid).observations(data).unwrap();
    if prior {
        let precision = Precision::scalar(2.0).unwrap();
        window = window.prior(StatePrior::new([1.5, 1.2], precision).unwrap());
    }
    let mut builder = Action::builder(LotkaVolterra, rule)
        .window(window)
        .precision_unit(PrecisionUnit::PerTime);
    for k in 0..4 {
        let parameter = if prior && k == 1 {
            Parameter::estimated().prior(Gaussian::new(0.45, 0.2).unwrap())
        } else {
            Bounds::new(0.0, 10.0).unwrap().into()
        };
        builder = builder.parameter(format!("p{k}"), parameter);
    }
    builder.build().unwrap()
}

fn start(first: [f64; 2], theta: [f64; 4]) -> Estimate {
    Estimate::new(vec![Path::from_layers(vec![first; LAYERS])], theta)
}

/// The reduced action of first state and parameters, with the step written out.
fn reduced<S: Scalar>(unknowns: &[S; 6], prior: bool, step: impl Fn([S; 2], &[S]) -> [S; 2]) -> S {
    let mut x = [unknowns[0], unknowns[1]];
    let theta = &unknowns[2..];
    let weight = Shape::Full.matrix(2);
    let mut sum = S::zero();
    if prior {
        sum += (x[0] - 1.5).square() + (x[1] - 1.2).square();
        sum += ((theta[1] - 0.45) / 0.2).square() * 0.5;
    }
    for n in 0..LAYERS {
        if n > 0 {
            x = step(x, theta);
        }
        if let Some(k) = MEASURED.iter().position(|m| *m == n) {
            let error = [x[0] - values()[(k, 0)], x[1] - values()[(k, 1)]];
            for i in 0..2 {
                for j in 0..2 {
                    sum += error[i] * error[j] * (0.5 * weight[(i, j)]);
                }
            }
        }
    }
    sum
}

fn field<S: Scalar>(x: [S; 2], theta: &[S]) -> [S; 2] {
    let mut dx = [S::zero(); 2];
    LotkaVolterra.flow(S::from(0.0), &x, theta, &[], &mut dx);
    dx
}

fn plus<S: Scalar>(x: [S; 2], k: [S; 2], h: f64) -> [S; 2] {
    [x[0] + k[0] * h, x[1] + k[1] * h]
}

fn euler<S: Scalar>(x: [S; 2], theta: &[S]) -> [S; 2] {
    plus(x, field(x, theta), STEP)
}

fn rk4<S: Scalar>(x: [S; 2], theta: &[S]) -> [S; 2] {
    let a = field(x, theta);
    let b = field(plus(x, a, 0.5 * STEP), theta);
    let c = field(plus(x, b, 0.5 * STEP), theta);
    let d = field(plus(x, c, STEP), theta);
    [0, 1].map(|i| x[i] + (a[i] + (b[i] + c[i]) * 2.0 + d[i]) * (STEP / 6.0))
}

/// The trapezoidal rule by Newton's method: duals are carried along.
fn trapezoid<S: Scalar>(x: [S; 2], theta: &[S]) -> [S; 2] {
    implicit(x, theta, |x, next, theta| {
        let (a, b) = (field(x, theta), field(next, theta));
        [0, 1].map(|i| next[i] - x[i] - (a[i] + b[i]) * (0.5 * STEP))
    })
}

fn midpoint<S: Scalar>(x: [S; 2], theta: &[S]) -> [S; 2] {
    implicit(x, theta, |x, next, theta| {
        let half = [0, 1].map(|i| (x[i] + next[i]) * 0.5);
        let f = field(half, theta);
        [0, 1].map(|i| next[i] - x[i] - f[i] * STEP)
    })
}

/// Fixed-point iteration x ← x − g contracts by about ½ |h DF| < 0.1: 40 of them
/// reach rounding, in values and in derivatives.
fn implicit<S: Scalar>(
    x: [S; 2],
    theta: &[S],
    g: impl Fn([S; 2], [S; 2], &[S]) -> [S; 2],
) -> [S; 2] {
    let mut next = x;
    for _ in 0..40 {
        let residual = g(x, next, theta);
        next = [0, 1].map(|i| next[i] - residual[i]);
    }
    next
}

/// dA/dx₀ = B⁻¹(x₀ − x_b) − p(t₀) and dA/dθ, against duals through the whole run.
fn check<R: Rule<LotkaVolterra>>(
    rule: R,
    step: impl Fn([Dual<f64, 6>; 2], &[Dual<f64, 6>]) -> [Dual<f64, 6>; 2],
) {
    for prior in [false, true] {
        let action = prey(rule, prior);
        let adjoint = Adjoint::along(&action, &start(FIRST, THETA)).unwrap();
        let all = [FIRST.to_vec(), THETA.to_vec()].concat();
        let unknowns = std::array::from_fn(|k| Dual::variable(all[k], k));
        let expected = reduced(&unknowns, prior, &step);
        let window = &adjoint.momenta.windows[0];
        let name = format!("{}, {prior}", rule.name());
        let close = |found: f64, expected: f64| {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-12 * expected.abs().max(1.0),
                "{name}: {found}, {expected}"
            );
        };
        close(adjoint.value, expected.value);
        for i in 0..2 {
            let slope = if prior {
                2.0 * (FIRST[i] - [1.5, 1.2][i])
            } else {
                0.0
            };
            close(slope - window.before.layer(0)[i], expected.lanes[i]);
            close(window.residuals.layer(0)[i], expected.lanes[i]);
        }
        for (k, found) in adjoint.momenta.parameters.iter().enumerate() {
            close(*found, expected.lanes[2 + k]);
        }
        // Behind the last measurement nothing pulls.
        let last = window.layers.len() - 1;
        assert_eq!(window.after.layer(last), [0.0, 0.0]);
        // The path obeys the rule.
        let x = action.pack(&adjoint.estimate).unwrap();
        let residuals = action.at(1.0).unwrap().residuals(&x).unwrap();
        assert!(residuals.iter().all(|g| g.abs() < 1e-14), "{name}");
    }
}

#[test]
fn the_first_momentum_is_the_gradient() {
    check(Euler, euler);
    check(Rk4, rk4);
    check(Trapezoid, trapezoid);
    check(Midpoint, midpoint);
}

/// Simpson-Hermite has a midpoint to solve for: central differences of the value,
/// of order 4.
#[test]
fn the_gradient_through_midpoints_is_that_of_differences() {
    let action = prey(SimpsonHermite, true);
    let adjoint = Adjoint::along(&action, &start(FIRST, THETA)).unwrap();
    let window = &adjoint.momenta.windows[0];
    let gradient = [window.residuals.layer(0), &adjoint.momenta.parameters].concat();
    for (k, found) in gradient.iter().enumerate() {
        let at = |h: f64| {
            let (mut first, mut theta) = (FIRST, THETA);
            match k.checked_sub(2) {
                None => first[k] += h,
                Some(p) => theta[p] += h,
            }
            Adjoint::along(&action, &start(first, theta)).unwrap().value
        };
        let h = 1e-3;
        let slope = (8.0 * (at(h) - at(-h)) - at(2.0 * h) + at(-2.0 * h)) / (12.0 * h);
        assert!(
            (found - slope).abs() < 1e-9 * slope.abs().max(1.0),
            "{k}: {found}, {slope}"
        );
    }
}

/// A network whose layers differ in width: back-propagation.
#[test]
fn the_adjoint_of_a_network_is_back_propagation() {
    let widths = [3, 4, 2];
    let theta = Noise(8).vector(20);
    let (first, target) = ([0.5, -0.3, 0.8], [0.1, -0.9]);
    let network = Network {
        widths: widths.to_vec(),
        recurrent: false,
    };
    let one = Precision::scalar(1.0).unwrap();
    let values = Array2::from_shape_vec((1, 2), target.to_vec()).unwrap();
    let data = Observations::of_components(&[0, 1], [2.0], values, one).unwrap();
    let window = Window::new(Grid::uniform(0.0, 1.0, 3).unwrap());
    let mut builder = Action::builder(network, Map).window(window.observations(data).unwrap());
    for k in 0..theta.len() {
        builder = builder.parameter(format!("w{k}"), Parameter::estimated());
    }
    let action = builder.build().unwrap();
    let layers = [first.to_vec(), vec![0.0; 4], vec![0.0; 2]];
    let estimate = Estimate::new(vec![Path::from_layers(layers)], theta.clone());
    let adjoint = Adjoint::along(&action, &estimate).unwrap();
    // Duals forward, one direction an unknown.
    let unknowns: Vec<Dual<f64, 23>> = [first.to_vec(), theta]
        .concat()
        .into_iter()
        .enumerate()
        .map(|(k, v)| Dual::variable(v, k))
        .collect();
    let mut x = unknowns[..3].to_vec();
    let mut weights = &unknowns[3..];
    for n in 0..2 {
        let (own, rest) = weights.split_at(widths[n] * widths[n + 1]);
        weights = rest;
        x = own
            .chunks(widths[n])
            .map(|row| {
                let mut sum = Dual::constant(0.0);
                for (w, v) in row.iter().zip(&x) {
                    sum += *w * *v;
                }
                sum.tanh()
            })
            .collect();
    }
    let mut error = Dual::constant(0.0);
    for (x, y) in x.iter().zip(target) {
        error += (*x - y).square() * 0.5;
    }
    let window = &adjoint.momenta.windows[0];
    for i in 0..3 {
        assert!((window.before.layer(0)[i] + error.lanes[i]).abs() < 1e-14);
    }
    for (found, expected) in adjoint.momenta.parameters.iter().zip(&error.lanes[3..]) {
        assert!((found - expected).abs() < 1e-14);
    }
}

/// Strong-constraint 4D-Var: Newton's method on the gradient of the reduced action,
/// by differences of adjoints.
fn optimum<R: Rule<LotkaVolterra>>(action: &Action<LotkaVolterra, R>, guess: &Estimate) -> Adjoint {
    let mut unknowns = [guess.paths[0].layer(0), &guess.parameters].concat();
    let along = |u: &[f64]| {
        let guess = start([u[0], u[1]], [u[2], u[3], u[4], u[5]]);
        Adjoint::along(action, &guess).unwrap()
    };
    let gradient = |u: &[f64]| {
        let adjoint = along(u);
        [
            adjoint.momenta.windows[0].residuals.layer(0),
            &adjoint.momenta.parameters,
        ]
        .concat()
    };
    for _ in 0..6 {
        let at = gradient(&unknowns);
        let hessian = Array2::from_shape_fn((6, 6), |(i, j)| {
            let moved = |h: f64| {
                let mut u = unknowns.clone();
                u[j] += h;
                gradient(&u)[i]
            };
            (moved(1e-5) - moved(-1e-5)) / 2e-5
        });
        let change = fixtures::dense::solve_vector(&hessian, &at.into());
        for (slot, change) in unknowns.iter_mut().zip(&change) {
            *slot -= change;
        }
    }
    assert!(gradient(&unknowns).iter().all(|g| g.abs() < 1e-11));
    along(&unknowns)
}

/// Momenta of minima tend to the adjoint at the optimum of the perfect model,
/// as 1/R_f; there dA/dx₀ = 0 although p(t₀) between measurements is not.
#[test]
fn momenta_tend_to_the_adjoint() {
    let action = prey(Midpoint, true);
    let solve = |rf: f64, guess: &Estimate| BoundaryProblem::new(&action, rf).solve(guess).unwrap();
    let mut guess = start(FIRST, THETA);
    let mut levels = Vec::new();
    for rf in [1e1, 1e2, 1e3, 1e4, 1e5] {
        let solved = solve(rf, &guess);
        guess = solved.estimate.clone();
        levels.push(solved);
    }
    let optimum = optimum(&action, &guess);
    let error = |level: &deepest::hamiltonian::Extremal| {
        let (a, b) = (&level.momenta.windows[0], &optimum.momenta.windows[0]);
        let pairs = a.after.values().iter().zip(b.after.values());
        pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
    };
    for pair in levels[2..].windows(2) {
        let ratio = error(&pair[0]) / error(&pair[1]);
        assert!((ratio / 10.0 - 1.0).abs() < 0.05, "{ratio}");
    }
    assert!((levels[4].action.total - optimum.value).abs() < 1e-4 * optimum.value);
    let size = optimum.momenta.windows[0]
        .after
        .values()
        .iter()
        .fold(0.0_f64, |m, p| m.max(p.abs()));
    assert!(size > 0.1, "{size}");
}

/// The largest difference.
fn apart(a: &Path, b: &Path) -> f64 {
    let pairs = a.values().iter().zip(b.values());
    pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
}

/// The same constraint three ways: the reduced problem by adjoints, the method of
/// multipliers at ∞ and at 1e12, and Newton's method up to R_f = 1e12. States and
/// momenta are of size one and differ by a few times 1/R_f. Newton's method knows
/// residuals of size 1/R_f to 1e-16 only, and momenta to 1e-4 times what the steps
/// leave of that.
#[test]
fn three_ways_to_a_perfect_model_agree() {
    fn check<R: Rule<LotkaVolterra>>(rule: R) {
        let name = rule.name();
        let action = prey(rule, true);
        let problem = |rf: f64| BoundaryProblem::new(&action, rf);
        let soft = problem(10.0).solve(&start(FIRST, THETA)).unwrap().estimate;
        let optimum = optimum(&action, &soft);
        let off = |found: &Extremal| {
            let (a, b) = (&found.momenta.windows[0], &optimum.momenta.windows[0]);
            let states = apart(&found.estimate.paths[0], &optimum.estimate.paths[0]);
            [states, apart(&a.after, &b.after)]
        };
        for (rf, tolerance) in [(f64::INFINITY, 1e-12), (1e12, 5e-12)] {
            let held = problem(rf).solve_by_multipliers(&soft, 10.0).unwrap();
            assert_eq!(held.termination, Termination::Converged, "{name}");
            let [states, momenta] = off(&held);
            assert!(states < tolerance, "{name}, {rf}: {states}");
            assert!(momenta < tolerance, "{name}, {rf}: {momenta}");
            assert!((held.action.total - optimum.value).abs() < 1e-12);
            // ½ |g|², with g = p/R_f; rounding at ∞.
            let error = action.terms(1.0, &held.estimate).unwrap().model;
            assert!(error < tolerance * tolerance, "{name}, {rf}: {error}");
            // A ladder of eleven levels at two factorizations each is 22; three
            // values of the penalty, each solved to the last digit.
            assert!(held.work.factorizations < 80, "{:?}", held.work);
        }
        let mut penalized = soft;
        for decade in 2..=11 {
            let level = problem(10.0_f64.powi(decade)).solve(&penalized).unwrap();
            penalized = level.estimate;
        }
        let [states, momenta] = off(&problem(1e12).solve(&penalized).unwrap());
        assert!(states < 5e-12, "{name}: {states}");
        assert!((1e-6..0.1).contains(&momenta), "{name}: {momenta}");
    }
    check(Euler);
    check(Trapezoid);
    check(Midpoint);
    check(SimpsonHermite);
    check(Rk4);
}

/// At an R_f that Newton's method can take, multipliers lead to the same path. The
/// penalty may be larger or smaller than R_f.
#[test]
fn multipliers_do_not_change_the_problem() {
    let action = prey(Trapezoid, true);
    let problem = || BoundaryProblem::new(&action, 50.0);
    let solved = problem().solve(&start(FIRST, THETA)).unwrap();
    for penalty in [1.0, 50.0, 1e3] {
        let held = problem().solve_by_multipliers(&start(FIRST, THETA), penalty);
        let held = held.unwrap();
        let of = |solved: &Extremal| {
            let momenta = &solved.momenta.windows[0];
            [solved.estimate.paths[0].clone(), momenta.after.clone()]
        };
        for (a, b) in of(&held).iter().zip(&of(&solved)) {
            let off = apart(a, b);
            assert!(off < 1e-10, "{penalty}: {off}, {:?}", held.termination);
        }
        assert!((held.action.total - solved.action.total).abs() < 1e-12);
        assert!((held.action.model - solved.action.model).abs() < 1e-10);
    }
}

#[test]
fn multipliers_of_what_cannot_be_held_are_refused() {
    let action = prey(Trapezoid, false);
    let solve = |rf: f64, penalty: f64| {
        let problem = BoundaryProblem::new(&action, rf);
        let solved = problem.solve_by_multipliers(&start(FIRST, THETA), penalty);
        solved.map(|_| ()).unwrap_err()
    };
    for rf in [0.0, -1.0, f64::NAN] {
        let error = solve(rf, 1.0);
        assert!(
            matches!(error, Error::NotPositive { what: "R_f", .. }),
            "{error}"
        );
    }
    let error = solve(1.0, 0.0);
    assert!(
        matches!(
            error,
            Error::NotPositive {
                what: "penalty",
                ..
            }
        ),
        "{error}"
    );
    // A perfect model leads from the first state to one last state only.
    let grid = Grid::uniform(0.0, STEP, 5).unwrap();
    let one = || Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [STEP], array![[1.0]], one()).unwrap();
    let linear = Linear::new(array![[0.0, 1.0], [-1.0, 0.0]]).unwrap();
    let action = Action::builder(linear, Midpoint)
        .window(Window::new(grid).observations(data).unwrap())
        .build()
        .unwrap();
    let guess = Estimate::new(vec![Path::from_layers([[1.0, 0.0]; 5])], []);
    let between = |rf: f64| {
        let problem = BoundaryProblem::new(&action, rf);
        let problem = problem.fix(0, End::First, [1.0, 0.0]).unwrap();
        let problem = problem.fix(0, End::Last, [-1.0, 0.0]).unwrap();
        problem.solve_by_multipliers(&guess, 1.0)
    };
    let error = between(f64::INFINITY).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "last layer of window 0: a fixed state and a perfect model of a fixed first state contradict each other"
    );
    let solved = between(3.0).unwrap();
    assert_eq!(solved.estimate.paths[0].layer(4), [-1.0, 0.0]);
}

#[test]
fn what_has_no_adjoint_is_named() {
    // A parameter that changes in time has an error of its own.
    let grid = Grid::uniform(0.0, STEP, 3).unwrap();
    let one = || Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[1.0]], one()).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    let mut builder = Action::builder(LotkaVolterra, Euler).window(window.clone());
    for k in 0..4 {
        let parameter = match k {
            0 => Parameter::estimated().random_walk(0.1).unwrap(),
            _ => Parameter::fixed(0.5),
        };
        builder = builder.parameter(format!("p{k}"), parameter);
    }
    let estimate = Estimate::new(vec![Path::from_layers([[1.0; 2]; 3])], [0.5; 4]);
    let error = Adjoint::along(&builder.build().unwrap(), &estimate).unwrap_err();
    assert!(matches!(error, Error::Contradiction { .. }), "{error}");
    // No solution of the implicit step: x₁ = x₀ + h (1 + ¼ (x₀ + x₁)²) at h = 2.
    let far = Grid::uniform(0.0, 2.0, 3).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[1.0]], one()).unwrap();
    let window = Window::new(far).observations(data).unwrap();
    let action = Action::builder(Explosion, Midpoint)
        .window(window)
        .build()
        .unwrap();
    let estimate = Estimate::new(vec![Path::from_layers([[0.0]; 3])], []);
    let error = Adjoint::along(&action, &estimate).unwrap_err();
    assert!(matches!(error, Error::GridTooCoarse { .. }), "{error}");
    // An explicit run leaves the finite numbers.
    let steps = Grid::uniform(0.0, 2.0, 40).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[1.0]], one()).unwrap();
    let window = Window::new(steps).observations(data).unwrap();
    let action = Action::builder(Explosion, Euler)
        .window(window)
        .build()
        .unwrap();
    let estimate = Estimate::new(vec![Path::from_layers([[0.0]; 40])], []);
    let error = Adjoint::along(&action, &estimate).unwrap_err();
    assert!(matches!(error, Error::ModelNotFinite { .. }), "{error}");
}

/// ẋ = 1 + x².
struct Explosion;

impl Model for Explosion {}

impl Flow for Explosion {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0].square() + 1.0;
    }
}
