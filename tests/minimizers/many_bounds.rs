//! Bounds of many parameters: one Newton step leads to the minimum within them where the
//! action is quadratic.

use crate::fixtures::Noise;
use crate::fixtures::ladder::go;
use crate::fixtures::watched::{Watched, karush_kuhn_tucker};
use deepest::Work;
use deepest::prelude::*;
use ndarray::Array2;

/// ẋ = −x + y/2, ẏ = −y, and θⱼ pushes both around the time j.
struct Pushed {
    count: usize,
}

impl Model for Pushed {
    fn parameter_count(&self) -> usize {
        self.count
    }
}

impl Flow for Pushed {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        let mut push = S::zero();
        for (j, theta) in theta.iter().enumerate() {
            let apart = t - j as f64;
            push += *theta * (apart * apart * -2.0).exp();
        }
        dx[0] = x[1] * 0.5 - x[0] + push;
        dx[1] = push - x[1];
    }
}

/// A window whose measured values are noise of deviation 1, four layers a unit of time.
fn window(seed: u64, length: usize) -> Window {
    let grid = Grid::uniform(0.0, 0.25, 4 * length + 1).unwrap();
    let mut noise = Noise(seed);
    let values = Array2::from_shape_fn((grid.layers(), 2), |_| noise.next());
    let times = grid.times().to_vec();
    let precision = Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0, 1], times, values, precision).unwrap();
    Window::new(grid).observations(data).unwrap()
}

/// Minimizes under watch: the conditions of Karush, Kuhn and Tucker to the rounding of
/// a value of some hundred (1e-6 in slopes of size one), many bounds that act and many
/// that do not. The action is quadratic: one factorization is the minimum and one more
/// sees that nothing is left.
fn check(action: &Action, parameters: usize) -> Work {
    let mut at = action.at(10.0).unwrap();
    let mut x = vec![0.0; action.counts().unknowns];
    let minimizer = Watched(GaussNewton::default().tolerance(1e-14).unwrap());
    let outcome = minimizer.minimize(&mut at, &mut x, &mut go);
    assert!(
        matches!(
            outcome.termination,
            Termination::Converged | Termination::RoundingLimit
        ),
        "{outcome:?}"
    );
    let active = karush_kuhn_tucker(&mut at, &x, 1e-6);
    assert!(active > parameters / 10, "{active}");
    assert!(active < parameters - parameters / 10, "{active}");
    assert!(outcome.work.factorizations <= 3, "{outcome:?}");
    outcome.work
}

#[test]
fn a_quadratic_action_with_many_bounded_parameters_takes_one_step() {
    let count = 60;
    let bounds = [(-0.2, 0.3), (0.0, f64::INFINITY), (-0.4, 0.4)];
    let mut builder = Action::builder(Pushed { count }, Trapezoid).window(window(5, count));
    for k in 0..count {
        let (lower, upper) = bounds[k % 3];
        builder = builder.parameter(format!("push {k}"), Bounds::new(lower, upper).unwrap());
    }
    check(&builder.build().unwrap(), count);
}

#[test]
fn parameters_of_many_windows_are_solved_window_by_window() {
    let windows = 30;
    let mut builder = Action::builder(Pushed { count: 3 }, Trapezoid)
        .parameter("shared", Bounds::new(-0.05, 0.05).unwrap());
    for name in ["second", "third"] {
        let own = Parameter::from(Bounds::new(-0.3, 0.3).unwrap()).per_window();
        builder = builder.parameter(name, own);
    }
    for w in 0..windows {
        builder = builder.window(window(100 + w, 2));
    }
    check(&builder.build().unwrap(), 1 + 2 * windows as usize);
}
