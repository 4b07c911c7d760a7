//! Sums, means and counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use deepest::models::Linear;
use deepest::prelude::*;
use fixtures::Noise;
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
