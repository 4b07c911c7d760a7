//! Models at zero, where roots and powers have infinite slopes: what does not change
//! there costs nothing, and what does is named.
//!
//! The oracles are central differences away from zero, limits at it, and the names.

use deepest::minimize::Objective;
use deepest::prelude::*;
use deepest::{Error, Rule};
use ndarray::Array2;

/// A model of one component by its right-hand side.
macro_rules! flow {
    ($name:ident, $parameters:expr, $inputs:expr, |$x:ident, $theta:ident, $u:ident| $f:expr) => {
        struct $name;
        impl Model for $name {
            fn parameter_count(&self) -> usize {
                $parameters
            }
            fn input_count(&self) -> usize {
                $inputs
            }
        }
        impl Flow for $name {
            fn width(&self) -> usize {
                1
            }
            fn flow<S: Scalar>(&self, _t: S, $x: &[S], $theta: &[S], $u: &[S], dx: &mut [S]) {
                dx[0] = $f;
            }
        }
    };
}

// A tank that runs out through a hole.
flow!(Tank, 1, 1, |x, theta, u| u[0] - theta[0] * x[0].sqrt());
// A tank fed through a hole of another, whose level is known.
flow!(Fed, 2, 1, |x, theta, u| u[0].sqrt() * theta[0]
    + (theta[1] * u[0]).sqrt()
    - x[0]);
// Activation with an estimated exponent: by a power, and by a logarithm.
flow!(Hill, 2, 1, |x, theta, u| {
    let power = x[0].pow(theta[1]);
    u[0] + power / (theta[0].pow(theta[1]) + power) - x[0]
});
flow!(Logarithm, 2, 1, |x, theta, u| {
    let power = (theta[1] * x[0].ln()).exp();
    u[0] + power / (theta[0].pow(theta[1]) + power) - x[0]
});

const LAYERS: usize = 21;

/// An input that is off half of the time; no state is measured but the first.
fn window() -> Window {
    let grid = Grid::uniform(0.0, 0.1, LAYERS).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [0.0], Array2::zeros((1, 1)), one).unwrap();
    let times = grid.times().to_vec();
    let off = |n: usize| if n % 4 < 2 { 0.0 } else { 0.5 };
    let inputs = Array2::from_shape_fn((LAYERS, 1), |(n, _)| off(n));
    let inputs = Inputs::linear(times, inputs).unwrap();
    let window = Window::new(grid).observations(data).unwrap();
    window.inputs(inputs).unwrap()
}

fn action<M: Flow, R: Rule<M>>(model: M, rule: R, names: &[&str]) -> Action {
    let mut builder = Action::builder(model, rule).window(window());
    for name in names {
        builder = builder.parameter(*name, Bounds::new(0.0, 5.0).unwrap());
    }
    builder.build().unwrap()
}

/// A path that begins at zero, or stands off it.
fn states(first: f64) -> Vec<f64> {
    let all = (0..LAYERS).map(|n| first + 0.04 * n as f64 + 0.01 * (n % 3) as f64);
    all.collect()
}

/// The gradient against central differences at all unknowns but those `skipped`, whose
/// slope `there` is the limit from above, by a difference of first order.
fn compare(action: &Action, x: &[f64], skipped: usize) {
    let mut at = action.at(2.0).unwrap();
    let mut gradient = vec![0.0; x.len()];
    at.value_and_gradient(x, &mut gradient);
    let mut value = |i: usize, by: f64| {
        let mut moved = x.to_vec();
        moved[i] += by;
        at.value(&moved)
    };
    for (i, slope) in gradient.iter().enumerate() {
        // Truncation h²f‴/6 and rounding ε f/h are below 1e-7; on one side alone h f″.
        let difference = if i < skipped {
            (value(i, 1e-7) - value(i, 0.0)) / 1e-7
        } else {
            (value(i, 1e-5) - value(i, -1e-5)) / 2e-5
        };
        let error = (slope - difference).abs();
        assert!(error < 1e-4, "unknown {i}: {slope} {difference}");
    }
}

#[test]
fn the_root_of_a_known_input_that_is_off_is_a_constant() {
    let parameters = [0.7, 1.3];
    let x = [&states(0.3)[..], &parameters].concat();
    compare(&action(Fed, Trapezoid, &["c", "k"]), &x, 0);
    compare(&action(Fed, SimpsonHermite, &["c", "k"]), &x, 0);
    compare(&action(Fed, Euler, &["c", "k"]), &x, 0);
    compare(&action(Fed, Rk4, &["c", "k"]), &x, 0);
}

/// n > 1 has the slope 0 at the first layer, n = 1 the slope 1/K.
#[test]
fn a_hill_term_may_begin_at_zero() {
    for n in [2.5, 1.0] {
        let x = [&states(0.0)[..], &[0.8, n]].concat();
        compare(&action(Hill, Trapezoid, &["K", "n"]), &x, 1);
        compare(&action(Hill, Euler, &["K", "n"]), &x, 1);
        compare(&action(Hill, Rk4, &["K", "n"]), &x, 1);
    }
}

/// The error of an annealing that starts on a path with a zero at layer 3.
fn refused(action: &Action, parameters: &[f64]) -> (Error, String) {
    let mut all = states(0.3);
    all[3] = 0.0;
    let path = Path::from_layers(all.iter().map(|x| vec![*x]));
    let given = Starts::Given(Estimate::new(vec![path], parameters));
    let schedule = Schedule::geometric(1.0, 2.0, [0.0]).unwrap();
    let result = Annealer::new(schedule).start_with(given).run(action);
    let error = result.unwrap_err();
    let words = error.to_string();
    (error, words)
}

#[test]
fn an_infinite_slope_is_named() {
    let place = |error: &Error| match error {
        Error::SlopeNotFinite {
            place,
            component: 0,
            unknown,
            found,
        } => (place.clone(), unknown.clone(), *found),
        other => panic!("{other}"),
    };
    let state = || String::from("component 0 of the state");
    let (error, words) = refused(&action(Tank, Trapezoid, &["hole"]), &[1.0]);
    let (here, unknown, found) = place(&error);
    assert_eq!((here, unknown), ("window 0, layer 3".into(), state()));
    assert!(found.is_infinite() && words.contains("bounds"), "{words}");
    let (error, _) = refused(&action(Tank, Rk4, &["hole"]), &[1.0]);
    assert_eq!(place(&error).0, "window 0, layer 3");
    let (error, _) = refused(&action(Hill, SimpsonHermite, &["K", "n"]), &[0.8, 0.5]);
    let (here, unknown, found) = place(&error);
    assert_eq!((here, unknown), ("window 0, layer 3".into(), state()));
    assert!(found.is_infinite());
    // Of a logarithm and an exponential nobody can tell; a power is the advice.
    let (error, words) = refused(&action(Logarithm, Trapezoid, &["K", "n"]), &[0.8, 2.5]);
    assert!(
        place(&error).2.is_nan() && words.contains("x.pow(n)"),
        "{words}"
    );
}

/// A parameter is named as the user named it; so is one in an observation operator.
#[test]
fn an_infinite_slope_by_a_parameter_is_named() {
    flow!(Leak, 1, 1, |x, theta, u| u[0] * theta[0].sqrt() - x[0]);
    let (error, _) = refused(&action(Leak, Trapezoid, &["leak"]), &[0.0]);
    assert!(
        matches!(&error, Error::SlopeNotFinite { unknown, .. } if unknown == "parameter \"leak\""),
        "{error}"
    );
    struct Root;
    impl Observe for Root {
        fn len(&self, _k: usize) -> usize {
            2
        }
        fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], theta: &[S], out: &mut [S]) {
            out[0] = x[0];
            out[1] = theta[0].sqrt();
        }
    }
    flow!(Still, 1, 0, |x, _theta, _u| -x[0]);
    let grid = Grid::uniform(0.0, 0.1, LAYERS).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let data = Observations::of_operator(Root, [0.2], &[vec![1.0, 1.0]], one).unwrap();
    let action = Action::builder(Still, Trapezoid)
        .window(Window::new(grid).observations(data).unwrap())
        .parameter("offset", Parameter::estimated())
        .build()
        .unwrap();
    let (error, words) = refused(&action, &[0.0]);
    assert!(
        words.contains("observation operator, window 0, layer 2"),
        "{words}"
    );
    assert!(
        matches!(&error, Error::SlopeNotFinite { component: 1, unknown, .. }
            if unknown == "parameter \"offset\""),
        "{error}"
    );
}
