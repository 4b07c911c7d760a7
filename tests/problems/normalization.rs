//! Sums, means and counts.

use crate::fixtures::Noise;
use deepest::models::Linear;
use deepest::prelude::*;
use ndarray::{Array2, array};

/// The other normalizations are the sum with other weights: with K_y and K_g
/// counted by hand, mean at R_f is (2/K_y)·sum at R_f K_y/K_g.
#[test]
fn normalizations_have_the_minimum_of_the_sum_with_another_rf() {
    let grid = || Grid::uniform(0.0, 0.2, 5).unwrap();
    let mut values = Array2::from_shape_fn((5, 2), |(n, l)| (n + 2 * l) as f64 * 0.3 - 0.5);
    values[(3, 0)] = f64::NAN;
    values.row_mut(2).fill(f64::NAN);
    let build = |normalization| {
        let data = Observations::of_components(
            &[0, 2],
            grid().times().to_vec(),
            values.clone(),
            Precision::scalar(4.0).unwrap(),
        );
        Action::builder(
            Linear::new(array![
                [-0.3, 1.1, 0.0],
                [-1.0, -0.2, 0.4],
                [0.1, 0.3, -0.5]
            ])
            .unwrap(),
            SimpsonHermite,
        )
        .window(Window::new(grid()).observations(data.unwrap()).unwrap())
        .normalization(normalization)
        .build()
        .unwrap()
    };
    let (measured, layers, residuals) = (7.0, 4.0, 12.0);
    let sum = build(Normalization::Sum);
    let counts = sum.counts();
    assert_eq!(
        (
            counts.measured,
            counts.measured_layers,
            counts.residuals,
            counts.unknowns
        ),
        (7, 4, 12, 15)
    );
    let x = Noise(2).vector(15);
    for (normalization, factor, ratio) in [
        (Normalization::Mean, 2.0 / measured, measured / residuals),
        (Normalization::Minaone, 2.0 / layers, 1.0),
    ] {
        let found = build(normalization).at(2.5).unwrap().terms(&x);
        let expected = sum.at(2.5 * ratio).unwrap().terms(&x);
        approx::assert_relative_eq!(found.total, factor * expected.total, max_relative = 1e-14);
        approx::assert_relative_eq!(
            found.measurement,
            factor * expected.measurement,
            max_relative = 1e-14
        );
        approx::assert_relative_eq!(found.model, factor * expected.model, max_relative = 1e-14);
    }
    // The sum itself, by hand.
    let mut by_hand = 0.0;
    for ((n, l), y) in values.indexed_iter().filter(|(_, y)| !y.is_nan()) {
        by_hand += 0.5 * 4.0 * (x[3 * n + 2 * l] - y).powi(2);
    }
    let terms = sum.at(2.5).unwrap().terms(&x);
    approx::assert_relative_eq!(terms.measurement, by_hand, max_relative = 1e-14);
}

/// Equal R_f means equal noise in all windows: where steps differ, also from
/// one window to another, a unit of model precision is one per time.
#[test]
fn the_default_unit_is_per_time_wherever_steps_differ() {
    let window = |start: f64, step: f64| {
        let grid = Grid::uniform(start, step, 5).unwrap();
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], [start], array![[1.0]], one).unwrap();
        Window::new(grid).observations(data).unwrap()
    };
    let unit = |windows: &[(f64, f64)]| {
        let mut builder = Action::builder(Linear::new(array![[-1.0]]).unwrap(), Trapezoid);
        for &(start, step) in windows {
            builder = builder.window(window(start, step));
        }
        builder.build().unwrap().precision_unit()
    };
    assert_eq!(unit(&[(0.0, 0.1)]), PrecisionUnit::PerStep);
    // Times far from zero round more than those near it.
    assert_eq!(unit(&[(0.0, 0.1), (1e4, 0.1)]), PrecisionUnit::PerStep);
    assert_eq!(unit(&[(1e4, 0.1), (0.0, 0.1)]), PrecisionUnit::PerStep);
    assert_eq!(unit(&[(0.0, 0.1), (0.0, 0.2)]), PrecisionUnit::PerTime);
    assert_eq!(
        unit(&[(0.0, 0.2), (3.0, 0.2), (5.0, 0.1)]),
        PrecisionUnit::PerTime
    );
}

/// Estimates that differ in one number, of any kind, by 1e-3 of it.
#[test]
fn estimates_are_compared_with_tolerances() {
    use approx::{AbsDiffEq, RelativeEq};
    let path = |last: f64| deepest::Path::from_layers([vec![1.0, 2.0], vec![last]]);
    let estimate = |values: [f64; 4]| {
        let mut estimate = Estimate::new(vec![path(values[0])], [values[1]]);
        estimate.per_window = vec![vec![values[2]]];
        estimate.varying = vec![path(values[3])];
        estimate
    };
    let base = [10.0, 20.0, 30.0, 40.0];
    let one = estimate(base);
    assert!(one.abs_diff_eq(&one, 0.0) && one.relative_eq(&one, 0.0, 0.0));
    for k in 0..base.len() {
        let mut changed = base;
        changed[k] *= 1.001;
        let other = estimate(changed);
        let difference = 0.001 * base[k];
        assert!(one.abs_diff_eq(&other, 1.01 * difference));
        assert!(!one.abs_diff_eq(&other, 0.99 * difference));
        assert!(one.relative_eq(&other, 0.0, 1.01e-3));
        assert!(!one.relative_eq(&other, 0.0, 0.99e-3));
    }
    // Other shapes are never near, whatever the tolerance.
    let mut fewer = one.clone();
    fewer.per_window.clear();
    assert!(!one.abs_diff_eq(&fewer, f64::INFINITY));
    let (flat, split) = (
        deepest::Path::from_layers([[1.0, 2.0]]),
        deepest::Path::from_layers([[1.0], [2.0]]),
    );
    assert!(!flat.relative_eq(&split, f64::INFINITY, 1.0));
}
