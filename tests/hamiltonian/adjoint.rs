//! The limit of a perfect model: its momenta are the adjoint, dA/dx₀ = −p(t₀).

use crate::fixtures::cases::Shape;
use crate::fixtures::prey::{FIRST, LAYERS, MEASURED, STEP, THETA, prey, start, values};
use crate::fixtures::{Network, Noise};
use deepest::hamiltonian::Adjoint;
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{Action, Dual, Error, Path, Rule};
use ndarray::{Array2, array};

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
