//! Bad inputs, operators and precisions: each is an error that says what, where,
//! what was expected and what was found.
//!
//! Two mistakes cannot be written down, so that there is nothing to test:
//! windows whose models differ in width or in the number of parameters, because
//! an action has one model, and all its windows and layers ask that one (layers
//! of different widths are in `bad_layers.rs`); and a problem without any
//! unknown, because states cannot be fixed (bounds of width zero are refused)
//! and a window has at least two layers of them.

use crate::fixtures::bad::*;
use crate::fixtures::features::Driven;
use deepest::Error;
use deepest::prelude::*;
use ndarray::{Array2, array};

fn series(rows: usize) -> Array2<f64> {
    Array2::from_elem((rows, 2), 1.0)
}

#[test]
fn inputs_that_end_before_the_window_or_begin_after_it() {
    // The grid of these tests is 0, 0.1, …, 0.4.
    let inputs = Inputs::linear([0.0, 0.3], series(2)).unwrap();
    assert_eq!(
        range(window().inputs(inputs)),
        (
            "last time of the inputs",
            "inputs of a window".into(),
            0.4,
            f64::INFINITY,
            0.3
        )
    );
    for inputs in [
        Inputs::linear([0.1, 0.5], series(2)),
        Inputs::constant([0.1, 0.5], series(2)),
    ] {
        assert_eq!(
            range(window().inputs(inputs.unwrap())),
            (
                "first time of the inputs",
                "inputs of a window".into(),
                f64::NEG_INFINITY,
                0.0,
                0.1
            )
        );
    }
    // A held value holds; rounding is no mistake.
    window()
        .inputs(Inputs::constant([0.0], series(1)).unwrap())
        .unwrap();
    window()
        .inputs(Inputs::linear([1e-13, 0.4 - 1e-13], series(2)).unwrap())
        .unwrap();
}

#[test]
fn times_and_values_of_inputs() {
    assert_eq!(
        not_increasing(Inputs::linear([0.0, 2.0, 1.0], series(3))),
        ("times", 2, 2.0, 1.0)
    );
    assert_eq!(
        not_increasing(Inputs::constant([0.0, 0.0], series(2))),
        ("times", 1, 0.0, 0.0)
    );
    let (what, place, found) = not_finite(Inputs::linear([0.0, f64::NAN], series(2)));
    assert_eq!((what, place.as_str()), ("times", "inputs, index 1"));
    assert!(found.is_nan());
    let mut values = series(2);
    values[(1, 0)] = f64::INFINITY;
    assert_eq!(
        not_finite(Inputs::linear([0.0, 1.0], values)),
        ("input", "row 1, column 0".into(), f64::INFINITY)
    );
    assert_eq!(
        length(Inputs::linear([0.0, 1.0], series(3))),
        ("rows of values", "inputs".into(), 2, 3)
    );
    assert_eq!(
        empty(Inputs::constant([], series(0))),
        ("times", "inputs".into())
    );
}

#[test]
fn models_and_windows_whose_inputs_do_not_fit() {
    let driven = |window: Window| {
        let builder = Action::builder(Driven, Euler).window(window);
        let builder = builder.parameter("a", Parameter::fixed(1.0));
        let builder = builder.parameter("b", Parameter::fixed(1.0));
        builder
            .parameter("c", Parameter::estimated())
            .build()
            .map(|_| ())
    };
    let given = |columns: usize| {
        let values = Array2::from_elem((2, columns), 1.0);
        window()
            .inputs(Inputs::linear([0.0, 0.4], values).unwrap())
            .unwrap()
    };
    match driven(window()).unwrap_err() {
        Error::Missing { what, place } => {
            assert_eq!(
                (what, place.as_str()),
                ("inputs", "window 0, model with 2 inputs")
            );
        }
        other => panic!("{other}"),
    }
    assert_eq!(
        length(driven(given(3))),
        ("inputs", "window 0".into(), 2, 3)
    );
    driven(given(2)).unwrap();
    // A model that reads none cannot be given any.
    assert_eq!(
        length(builder().window(given(2)).build().map(|_| ())),
        ("inputs", "window 0".into(), 0, 2)
    );
}

/// Two values at even times, one at odd ones.
struct Alternating;

impl Observe for Alternating {
    fn len(&self, k: usize) -> usize {
        2 - k % 2
    }
    fn observe<S: Scalar>(&self, k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
        out[0] = x[0];
        if self.len(k) > 1 {
            out[1] = x[1];
        }
    }
}

#[test]
fn operators_whose_values_have_another_length() {
    let rows = [vec![1.0, 2.0], vec![1.0, 2.0]];
    assert_eq!(
        length(Observations::of_operator(
            Alternating,
            [0.0, 0.1],
            &rows,
            one()
        )),
        (
            "values of an observation operator",
            "observations, row 1".into(),
            1,
            2
        )
    );
    let rows = [vec![1.0, 2.0], vec![1.0]];
    assert_eq!(
        length(Observations::of_operator(
            Alternating,
            [0.0, 0.1, 0.2],
            &rows,
            one()
        )),
        ("rows of values", "observations".into(), 3, 2)
    );
    // A precision that fits some times only.
    let two = || Precision::diagonal([1.0, 2.0]).unwrap();
    assert_eq!(
        length(Observations::of_operator(
            Alternating,
            [0.0, 0.1],
            &rows,
            two()
        )),
        ("precision", "of the observations, row 1".into(), 1, 2)
    );
    let good = || Observations::of_operator(Alternating, [0.0, 0.1], &rows, one()).unwrap();
    assert_eq!(
        length(good().precisions(vec![two()])),
        ("precisions", "observations".into(), 2, 1)
    );
    assert_eq!(
        length(good().precisions(vec![two(), two()])),
        ("precision", "of the observations, row 1".into(), 1, 2)
    );
    good().precisions(vec![two(), one()]).unwrap();
}

#[test]
fn matrices_that_do_not_fit_the_state() {
    let times = || grid().times().to_vec();
    let set = |matrix: Array2<f64>| Observations::of_matrix(matrix, times(), values(5, 1), one());
    let wide = Window::new(grid()).observations(set(Array2::ones((1, 3))).unwrap());
    assert_eq!(
        length(builder().window(wide.unwrap()).build().map(|_| ())),
        (
            "columns of the observation matrix",
            "window 0, observation set 0, layer 0".into(),
            2,
            3
        )
    );
    assert_eq!(
        length(set(Array2::ones((2, 2)))),
        ("columns of values", "observations".into(), 2, 1)
    );
    let broken = set(array![[1.0, f64::NAN]]);
    assert!(not_finite(broken).2.is_nan());
    empty(set(Array2::ones((0, 2))));
}

#[test]
fn an_operator_that_is_not_finite_names_its_window_layer_and_value() {
    struct Root;
    impl Observe for Root {
        fn len(&self, _k: usize) -> usize {
            2
        }
        fn observe<S: Scalar>(&self, k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
            out[0] = x[0];
            out[1] = if k == 1 {
                (-x[1].square() - 1.0).sqrt()
            } else {
                x[1]
            };
        }
    }
    let rows = vec![vec![1.0, 1.0]; 3];
    let set = Observations::of_operator(Root, [0.0, 0.2, 0.4], &rows, one()).unwrap();
    let second = window().observations(set).unwrap();
    let action = builder().window(window()).window(second).build().unwrap();
    for starts in [Starts::Mean, Starts::Nudged] {
        let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..2).unwrap());
        match annealer
            .starts(2)
            .start_with(starts)
            .run(&action)
            .unwrap_err()
        {
            Error::ModelNotFinite {
                place,
                component,
                found,
            } => {
                assert_eq!(place, "observation operator, window 1, layer 2");
                assert_eq!(component, 1);
                assert!(found.is_nan());
            }
            other => panic!("{other}"),
        }
    }
}

/// The size in the message tells measurement and model apart.
#[test]
fn precisions_that_are_not_positive_definite_say_which_and_where() {
    // Pivots by hand: 4, then 1 − 9/4 = −1.25; with a first row of its own, 2
    // comes before them.
    let of_measurement = array![[4.0, 3.0], [3.0, 1.0]];
    let of_model = array![[2.0, 0.0, 0.0], [0.0, 4.0, 3.0], [0.0, 3.0, 1.0]];
    for (matrix, expected_place, expected_pivot) in [
        (of_measurement, "full 2 by 2 matrix", 1),
        (of_model, "full 3 by 3 matrix", 2),
    ] {
        let error = Precision::full(matrix).unwrap_err();
        let words = error.to_string();
        match error {
            Error::NotPositiveDefinite {
                what,
                place,
                pivot,
                found,
            } => {
                assert_eq!((what, place.as_str()), ("precision", expected_place));
                assert_eq!((pivot, found), (expected_pivot, -1.25));
            }
            other => panic!("{other}"),
        }
        assert!(words.contains(expected_place), "{words}");
        let pivot = format!("found pivot -1.25 at row {expected_pivot}");
        assert!(words.ends_with(&pivot), "{words}");
    }
}

#[test]
fn errors_without_extent_are_no_precision() {
    assert_eq!(
        not_positive(Precision::from_deviation(0.0)),
        ("standard deviation", "precision".into(), 0.0)
    );
    let place = |result: deepest::Result<Precision>| match result.unwrap_err() {
        Error::InfinitePrecision { place } => place,
        other => panic!("{other}"),
    };
    let infinite = f64::INFINITY;
    assert_eq!(place(Precision::scalar(infinite)), "scalar");
    assert_eq!(
        place(Precision::diagonal([infinite, 1.0])),
        "diagonal, component 0"
    );
    let full = array![[1.0, 0.0], [0.0, infinite]];
    assert_eq!(
        place(Precision::full(full)),
        "full 2 by 2 matrix, row 1, column 1"
    );
    // So small that its square is zero.
    assert_eq!(place(Precision::from_deviation(1e-200)), "scalar");
    match Gaussian::new(0.0, 1e-200).unwrap_err() {
        Error::InfinitePrecision { place } => assert_eq!(place, "Gaussian prior"),
        other => panic!("{other}"),
    }
    assert_eq!(not_positive(Gaussian::new(0.0, 1e200)).0, "precision");
    let words = Precision::scalar(infinite).unwrap_err().to_string();
    for advice in ["known input", "fixed parameter", "1e8 times"] {
        assert!(words.contains(advice), "{words}");
    }
}
