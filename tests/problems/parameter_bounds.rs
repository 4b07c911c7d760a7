//! Bounds of parameters: a dense quadratic program, the Karush-Kuhn-Tucker
//! conditions, no evaluation outside on the way, and what is reported.

use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::dense::Normal;
use crate::fixtures::recordings::{D, LAYERS, RF, add_values, model, start, times, window};
use crate::fixtures::watched::{self, gauss_newton, karush_kuhn_tucker, lbfgs, minimum};
use deepest::prelude::*;
use ndarray::{Array2, array};

/// Bounds on both sides, one side and none; on static parameters, on one
/// that each window has of its own and on one that walks.
#[test]
fn bounded_parameters_solve_the_quadratic_program() {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    for (lower, upper) in [
        (-0.2, 0.3),
        (low, -0.4),
        (0.5, high),
        (low, high),
        (-50.0, 60.0),
    ] {
        for changing in [false, true] {
            let bounds = Bounds::new(lower, upper).unwrap();
            let own = Parameter::from(bounds);
            let first = if changing {
                let prior = Gaussian::new(bounds.nearest(0.0), 1.0).unwrap();
                own.prior(prior).random_walk(0.7).unwrap()
            } else {
                own.per_window()
            };
            let action = Action::builder(model(), Trapezoid)
                .window(window(3))
                .window(window(9))
                .parameter("first", first)
                .parameter("second", Bounds::new(-0.1, 0.1).unwrap())
                .precision_unit(PrecisionUnit::PerTime)
                .build()
                .unwrap();
            let expected = quadratic_program(changing, (lower, upper));
            let begin = start(2, &[bounds.nearest(0.0), 0.0]);
            let name = format!("{lower} {upper} {changing}");
            check_program(&action, &begin, gauss_newton(), &expected, &name);
            check_program(&action, &begin, lbfgs(), &expected, &name);
        }
    }
}

fn quadratic_program(changing: bool, (lower, upper): (f64, f64)) -> Vec<f64> {
    let width = D + usize::from(changing);
    let at = |w: usize, n: usize| (w * LAYERS + n) * width;
    let border = at(2, 0);
    let count = border + if changing { 1 } else { 3 };
    let mut normal = Normal::new(count);
    let mut bounds = vec![(f64::NEG_INFINITY, f64::INFINITY); count];
    bounds[border] = (-0.1, 0.1);
    for (w, seed) in [3, 9].into_iter().enumerate() {
        add_values(&mut normal, seed, |n| at(w, n));
        if changing {
            add_value(
                &mut normal,
                at(w, 0) + D,
                0.0_f64.max(lower).min(upper),
                1.0,
            );
            for n in 0..LAYERS {
                bounds[at(w, n) + D] = (lower, upper);
            }
        } else {
            bounds[border + 1 + w] = (lower, upper);
        }
        for (n, pair) in times().windows(2).enumerate() {
            let h = pair[1] - pair[0];
            let first = if changing {
                Value::Unknown(at(w, n) + D, at(w, n + 1) + D)
            } else {
                Value::Unknown(border + 1 + w, border + 1 + w)
            };
            let theta = [first, Value::Unknown(border, border)];
            let precision = Array2::eye(D) * (RF / h);
            let places = (at(w, n), at(w, n + 1));
            Scheme::Trapezoid.add_step(&mut normal, &model(), h, places, &theta, &precision);
            if changing {
                let mut j = Array2::zeros((1, count));
                j[(0, at(w, n) + D)] = -1.0;
                j[(0, at(w, n + 1) + D)] = 1.0;
                normal.add(&j, &array![0.0], &array![[1.0 / (0.7 * h)]]);
            }
        }
    }
    let (lower, upper): (Vec<f64>, Vec<f64>) = bounds.into_iter().unzip();
    normal.within(&lower, &upper).to_vec()
}

fn check_program(
    action: &Action,
    begin: &Estimate,
    minimizer: impl Minimizer + 'static,
    expected: &[f64],
    name: &str,
) {
    let name = format!("{}, {name}", minimizer.name());
    let level = minimum(action, RF, begin.clone(), minimizer);
    let x = action.pack(&level.estimate).unwrap();
    // A value known to 1e-15 tells the minimum to about √1e-15, states being
    // of size 3 and curvatures of size 1.
    for (i, (a, b)) in x.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-6, "{name}, {i}: {a} against {b}");
    }
    let mut at = action.at(RF).unwrap();
    let active = karush_kuhn_tucker(&mut at, &x, 1e-5);
    let (lower, upper) = (at.lower().to_vec(), at.upper().to_vec());
    let bound = |i: &usize| expected[*i] == lower[*i] || expected[*i] == upper[*i];
    let at_bound: Vec<usize> = (0..x.len()).filter(bound).collect();
    for &i in &at_bound {
        assert_eq!(x[i], expected[i], "{name}, {i}");
    }
    assert_eq!(active, at_bound.len(), "{name}");
    // They are reported one by one.
    let found = action.at_bounds(&level.estimate).unwrap();
    assert_eq!(found.len(), active, "{name}");
    for report in &found {
        match report {
            deepest::AtBound::Parameter { .. } => {
                let (parameter, window, bound) = watched::parameter(report);
                let slot = match (parameter, window) {
                    ("second", None) => second(action),
                    ("first", Some(w)) => second(action) + 1 + w,
                    other => panic!("{other:?}"),
                };
                assert!(at_bound.contains(&slot), "{name}: {report:?}");
                assert_eq!(bound, expected[slot]);
            }
            _ => {
                let (window, layer, component, bound) = watched::state(report);
                assert_eq!(component, D, "behind the model's own");
                let slot = (window * LAYERS + layer) * (D + 1) + D;
                assert!(at_bound.contains(&slot), "{name}: {report:?}");
                assert_eq!(bound, expected[slot]);
            }
        }
    }
}

/// Where the static parameter stands among the unknowns.
fn second(action: &Action) -> usize {
    let unknowns = action.counts().unknowns;
    let states = 2 * LAYERS * D;
    // Two windows' own values behind it, or one more component a layer.
    if unknowns == states + 3 {
        states
    } else {
        unknowns - 1
    }
}
