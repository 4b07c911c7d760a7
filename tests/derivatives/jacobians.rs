//! Jacobians of flows: by hand, by coloured duals, and wrong ones found.

use crate::fixtures::{Noise, Seasonal};
use deepest::models::{Linear, Lorenz63, Lorenz96, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Error, JacobianEntries, Sparsity, jacobian};
use ndarray::{Array2, array};

#[test]
fn jacobians_are_those_found_by_hand() {
    let j = jacobian(&Lorenz63, 0.0, &[1.0, 2.0, 3.0], &[10.0, 28.0, 2.5], &[]).unwrap();
    let expected = array![
        [-10.0, 10.0, 0.0, 1.0, 0.0, 0.0],
        [25.0, -1.0, -1.0, 0.0, 1.0, 0.0],
        [2.0, 1.0, -2.5, 0.0, 0.0, -3.0]
    ];
    assert_eq!(j, expected);
    let t: f64 = 0.4;
    let j = jacobian(&Seasonal, t, &[0.25, 2.0], &[0.5, 0.75], &[]).unwrap();
    let expected = array![
        [0.5, -0.5 * t.sin(), -2.0 * t.sin(), 0.0],
        [t.cos(), -0.75, 0.0, -2.0]
    ];
    assert_eq!(j, expected);
}

#[test]
fn coloured_jacobians_are_the_dense_ones() {
    let mut noise = Noise(21);
    for _ in 0..3 {
        check_jacobian(&Lorenz63, 0.0, &noise.vector(3), &noise.vector(3), &[]).unwrap();
        check_jacobian(&LotkaVolterra, 0.0, &noise.vector(2), &noise.vector(4), &[]).unwrap();
        check_jacobian(
            &Seasonal,
            noise.next(),
            &noise.vector(2),
            &noise.vector(2),
            &[],
        )
        .unwrap();
        for sites in [4, 5, 7, 20, 37] {
            let model = Lorenz96 { sites };
            check_jacobian(&model, 0.0, &noise.vector(sites), &noise.vector(1), &[]).unwrap();
        }
    }
    let matrix = Array2::from_shape_fn((40, 40), |_| noise.next());
    let model = Linear::new(matrix.clone()).unwrap();
    check_jacobian(&model, 0.0, &noise.vector(40), &[], &[]).unwrap();
    assert_eq!(
        jacobian(&model, 0.0, &noise.vector(40), &[], &[]).unwrap(),
        matrix
    );
}

/// ẋ₀ = x₀x₁, ẋ₁ = θ₀x₁ (x₁ alone), with a Jacobian by hand: (row, column,
/// value) of what is wrong about it, and the declared pattern.
struct ByHand {
    wrong: Option<(usize, usize, f64)>,
    pattern: Sparsity,
}

impl Model for ByHand {
    fn parameter_count(&self) -> usize {
        1
    }
}

impl Flow for ByHand {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] * x[1];
        dx[1] = theta[0] * x[1];
    }
    fn sparsity(&self) -> Sparsity {
        self.pattern.clone()
    }
    fn jacobian(
        &self,
        _t: f64,
        x: &[f64],
        theta: &[f64],
        _input: &[f64],
        entries: &mut JacobianEntries<'_>,
    ) -> bool {
        entries.state(0, 0, x[1]);
        entries.state(0, 1, x[0]);
        entries.state(1, 1, theta[0]);
        entries.parameter(1, 0, x[1]);
        match self.wrong {
            Some((row, column, value)) if column < 2 => entries.state(row, column, value),
            Some((row, column, value)) => entries.parameter(row, column - 2, value),
            None => {}
        }
        true
    }
}

#[test]
fn wrong_jacobians_are_named_by_row_and_column() {
    let check =
        |wrong, pattern| check_jacobian(&ByHand { wrong, pattern }, 0.5, &[2.0, 3.0], &[5.0], &[]);
    check(None, Sparsity::Traced).unwrap();
    check(None, Sparsity::Dense).unwrap();
    let wrong = |error: Error| match error {
        Error::WrongJacobian {
            row,
            column,
            expected,
            found,
            ..
        } => (row, column, expected, found),
        other => panic!("{other}"),
    };
    for (place, expected) in [((0, 0), 3.0), ((0, 1), 2.0), ((1, 1), 5.0), ((1, 2), 3.0)] {
        let (row, column) = place;
        let error = check(Some((row, column, 7.5)), Sparsity::Traced).unwrap_err();
        assert_eq!(wrong(error), (row, column, expected, 7.5));
    }
    // F₁ does not depend on x₀, nor F₀ on θ₀: outside the pattern.
    for (row, column) in [(1, 0), (0, 2)] {
        let error = check(Some((row, column, 7.5)), Sparsity::Traced).unwrap_err();
        assert_eq!(wrong(error), (row, column, 0.0, 7.5));
    }
    // A pattern that misses ∂F₀/∂x₁, with and without the entry by hand.
    let declared = Sparsity::Declared(vec![(0, 0), (1, 1), (1, 2)]);
    assert_eq!(wrong(check(None, declared).unwrap_err()), (0, 1, 2.0, 2.0));
}

#[test]
fn a_declared_pattern_that_misses_an_entry_is_found() {
    struct Declared;
    impl Model for Declared {}
    impl Flow for Declared {
        fn width(&self) -> usize {
            2
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = x[0] * x[1];
            dx[1] = x[1];
        }
        fn sparsity(&self) -> Sparsity {
            Sparsity::Declared(vec![(0, 0), (1, 1)])
        }
    }
    let error = check_jacobian(&Declared, 0.0, &[2.0, 3.0], &[], &[]).unwrap_err();
    assert!(
        matches!(error, Error::WrongJacobian { row: 0, .. }),
        "{error}"
    );
}

#[test]
fn jacobians_of_wrong_arguments_are_errors() {
    let length = |result: deepest::Result<()>| match result.unwrap_err() {
        Error::Length {
            what,
            expected,
            found,
            ..
        } => (what, expected, found),
        other => panic!("{other}"),
    };
    let x = [1.0, 2.0, 3.0];
    let check =
        |x: &[f64], theta: &[f64], u: &[f64]| length(check_jacobian(&Lorenz63, 0.0, x, theta, u));
    assert_eq!(check(&x[1..], &x, &[]), ("state", 3, 2));
    assert_eq!(check(&x, &x[1..], &[]), ("parameters", 3, 2));
    assert_eq!(check(&x, &x, &x[2..]), ("input", 0, 1));
    let error = check_jacobian(&Lorenz63, 0.0, &[1.0, f64::NAN, 0.0], &x, &[]).unwrap_err();
    assert!(matches!(error, Error::ModelNotFinite { component: 0, found, .. } if found.is_nan()));
}
