//! Bad input is answered with an error that says what, where, what was
//! expected and what was found; each kind alone, the rest of the input good.
//! Here what is wrong in itself; in `bad_problems.rs` what does not fit together.

use crate::fixtures::bad::*;
use deepest::Error;
use deepest::prelude::*;
use ndarray::{Array2, array};

#[test]
fn grids() {
    assert_eq!(
        length(Grid::new(vec![1.0])),
        ("layers, at least", "grid".into(), 2, 1)
    );
    assert_eq!(
        length(Grid::uniform(0.0, 0.1, 1)),
        ("layers, at least", "grid".into(), 2, 1)
    );
    assert_eq!(
        length(Grid::from_times(&[], 2)),
        ("layers, at least", "grid".into(), 2, 0)
    );
    // One time, given twice.
    assert_eq!(
        length(Grid::from_times(&[1.0, 1.0], 2)),
        ("layers, at least", "grid".into(), 2, 1)
    );
    assert_eq!(
        not_increasing(Grid::new(vec![0.0, 2.0, 1.0])),
        ("times", 2, 2.0, 1.0)
    );
    assert_eq!(
        not_increasing(Grid::new(vec![0.0, 0.0])),
        ("times", 1, 0.0, 0.0)
    );
    assert_eq!(
        decreasing(Grid::from_times(&[3.0, 2.0], 2)),
        ("times", 1, 3.0, 2.0)
    );
    let (what, place, found) = not_finite(Grid::new(vec![0.0, f64::NAN, 1.0]));
    assert!(what == "times" && place == "grid, index 1" && found.is_nan());
    assert_eq!(
        not_finite(Grid::new(vec![0.0, f64::INFINITY])),
        ("times", "grid, index 1".into(), f64::INFINITY)
    );
    assert!(not_finite(Grid::uniform(f64::NAN, 0.1, 5)).0 == "start");
    assert!(not_finite(Grid::uniform(0.0, f64::INFINITY, 5)).0 == "step");
    assert_eq!(
        not_positive(Grid::uniform(0.0, 0.0, 5)),
        ("step", "grid".into(), 0.0)
    );
    assert_eq!(
        not_positive(Grid::uniform(0.0, -0.1, 5)),
        ("step", "grid".into(), -0.1)
    );
    assert_eq!(
        not_positive(Grid::from_times(&[0.0, 1.0], 0)).0,
        "steps between times"
    );
    // More layers than any memory.
    for result in [
        Grid::uniform(0.0, 1.0, usize::MAX),
        Grid::from_times(&[0.0, 1.0], usize::MAX),
    ] {
        let (what, ..) = range(result);
        assert_eq!(what, "layers");
    }
    // A step below the rounding of the times.
    assert_eq!(
        not_increasing(Grid::uniform(1e16, 0.5, 3)),
        ("times", 1, 1e16, 1e16)
    );
}

#[test]
fn precisions() {
    for value in [0.0, -2.0] {
        assert_eq!(
            not_positive(Precision::scalar(value)),
            ("precision", "scalar".into(), value)
        );
        assert_eq!(
            not_positive(Precision::diagonal([1.0, value])),
            ("precision", "diagonal, component 1".into(), value)
        );
    }
    assert!(not_finite(Precision::scalar(f64::NAN)).2.is_nan());
    let infinite = Precision::scalar(f64::INFINITY).unwrap_err();
    assert!(matches!(&infinite, Error::InfinitePrecision { place } if place == "scalar"));
    let infinite = Precision::diagonal([1.0, f64::INFINITY]).unwrap_err();
    assert!(
        matches!(&infinite, Error::InfinitePrecision { place } if place == "diagonal, component 1")
    );
    let (_, place, found) = not_finite(Precision::diagonal([1.0, 2.0, f64::NAN]));
    assert!(place == "diagonal, component 2" && found.is_nan());
    assert_eq!(
        empty(Precision::diagonal([])),
        ("precision values", "diagonal".into())
    );
    let none = Array2::zeros((0, 0));
    assert_eq!(
        empty(Precision::full(none)),
        ("precision values", "full 0 by 0 matrix".into())
    );
    assert_eq!(
        length(Precision::full(Array2::ones((2, 3)))),
        ("precision columns", "full 2 by 3 matrix".into(), 2, 3)
    );
    let (_, place, found) = not_finite(Precision::full(array![[1.0, f64::NAN], [0.0, 1.0]]));
    assert!(place == "full 2 by 2 matrix, row 0, column 1" && found.is_nan());
    match Precision::full(array![[2.0, 0.5], [0.4, 2.0]]).unwrap_err() {
        Error::NotSymmetric {
            row,
            column,
            found,
            mirrored,
            ..
        } => {
            assert_eq!((row, column, found, mirrored), (0, 1, 0.5, 0.4));
        }
        other => panic!("{other}"),
    }
    // Pivots by hand: 1, then 2 − 1·1 = 1, then 1 − 4 = −3.
    match Precision::full(array![[1.0, 1.0, 2.0], [1.0, 2.0, 2.0], [2.0, 2.0, 1.0]]).unwrap_err() {
        Error::NotPositiveDefinite { pivot, found, .. } => assert_eq!((pivot, found), (2, -3.0)),
        other => panic!("{other}"),
    }
    match Precision::full(array![[0.0, 0.0], [0.0, 1.0]]).unwrap_err() {
        Error::NotPositiveDefinite { pivot, found, .. } => assert_eq!((pivot, found), (0, 0.0)),
        other => panic!("{other}"),
    }
}

#[test]
fn observations() {
    let times = grid().times().to_vec();
    let set = |components: &[usize], times: &[f64], values: Array2<f64>, precision| {
        Observations::of_components(components, times, values, precision)
    };
    let here = || String::from("observations");
    let none: &[usize] = &[];
    assert_eq!(
        empty(set(none, &times, values(5, 0), one())),
        ("observed components", here())
    );
    match set(&[3, 1, 3], &times, values(5, 3), one()).unwrap_err() {
        Error::Duplicate {
            what,
            value,
            first,
            second,
            ..
        } => {
            assert_eq!(
                (what, value, first, second),
                ("observed components", 3, 0, 2)
            );
        }
        other => panic!("{other}"),
    }
    assert_eq!(
        length(set(&[0, 1], &times, values(4, 2), one())),
        ("rows of values", here(), 5, 4)
    );
    assert_eq!(
        length(set(&[0, 1], &times, values(5, 3), one())),
        ("columns of values", here(), 2, 3)
    );
    let three = Precision::diagonal([1.0; 3]).unwrap();
    assert_eq!(
        length(set(&[0, 1], &times, values(5, 2), three)),
        ("precision", "of the observations, row 0".into(), 2, 3)
    );
    let three = Precision::full(Array2::eye(3)).unwrap();
    assert_eq!(length(set(&[0, 1], &times, values(5, 2), three)).2, 2);
    assert_eq!(
        decreasing(set(&[0], &[0.0, 0.2, 0.1], values(3, 1), one())),
        ("times", 2, 0.2, 0.1)
    );
    let (_, place, found) = not_finite(set(&[0], &[0.0, f64::NAN], values(2, 1), one()));
    assert!(place == "observations, index 1" && found.is_nan());
    let mut infinite = values(5, 2);
    infinite[(3, 1)] = f64::NEG_INFINITY;
    let (what, place, found) = not_finite(set(&[0, 1], &times, infinite, one()));
    assert_eq!((what, found), ("observed value", f64::NEG_INFINITY));
    assert!(place.contains("row 3, column 1"), "{place}");
    let missing = Array2::from_elem((5, 2), f64::NAN);
    let (what, _) = empty(set(&[0, 1], &times, missing, one()));
    assert_eq!(what, "observed values that are not missing");
    assert_eq!(
        empty(set(&[0], &[], values(0, 1), one())),
        ("times", "observations".into())
    );
}

#[test]
fn windows() {
    let off = Observations::of_components(&[0], [0.1, 0.26], values(2, 1), one()).unwrap();
    match Window::new(grid()).observations(off).unwrap_err() {
        Error::TimeOffGrid {
            place,
            time,
            nearest,
            nearest_time,
        } => {
            assert_eq!(
                (place.as_str(), time, nearest),
                ("observation set 0, row 1", 0.26, 3)
            );
            assert_eq!(nearest_time, grid().times()[3]);
        }
        other => panic!("{other}"),
    }
    for time in [-0.2, 9.0] {
        let off = Observations::of_components(&[0], [time], values(1, 1), one()).unwrap();
        match window().observations(off).unwrap_err() {
            Error::TimeOffGrid { place, nearest, .. } => {
                assert_eq!(place, "observation set 1, row 0");
                assert_eq!(nearest, if time < 0.0 { 0 } else { 4 });
            }
            other => panic!("{other}"),
        }
    }
    // Two times that are one layer are two values there.
    let twice = Observations::of_components(&[0], [0.1, 0.1 + 1e-9], values(2, 1), one()).unwrap();
    let window = Window::new(grid()).observations(twice).unwrap();
    let set = window.observation_sets().next().unwrap();
    assert_eq!(set.times(), [grid().times()[1]; 2]);
    let (what, place, _) = not_finite(StatePrior::new([0.0, f64::NAN], one()));
    assert_eq!(
        (what, place.as_str()),
        ("mean", "prior of the first state, component 1")
    );
    let three = Precision::diagonal([1.0; 3]).unwrap();
    let (what, _, expected, found) = length(StatePrior::new([0.0, 1.0], three));
    assert_eq!((what, expected, found), ("precision", 2, 3));
}

#[test]
fn bounds_and_parameters() {
    let upside_down = |lower, upper| match Bounds::new(lower, upper).unwrap_err() {
        Error::BoundsUpsideDown { lower, upper, .. } => (lower, upper),
        other => panic!("{other}"),
    };
    assert_eq!(upside_down(2.0, 1.0), (2.0, 1.0));
    assert_eq!(upside_down(1.0, 1.0), (1.0, 1.0));
    assert!(upside_down(f64::NAN, 1.0).0.is_nan());

    let bounds = Bounds::new(0.0, 1.0).unwrap();
    let place = || String::from("parameter growth");
    let built = |first: Parameter| with_first(first).window(window()).build().map(|_| ());
    assert_eq!(
        range(built(Parameter::fixed(2.0).bounds(bounds))),
        ("fixed value", place(), 0.0, 1.0, 2.0)
    );
    assert_eq!(
        range(built(Parameter::from(bounds).guess(-0.5))),
        ("guess", place(), 0.0, 1.0, -0.5)
    );
    let prior = Gaussian::new(1.5, 1.0).unwrap();
    assert_eq!(
        range(built(Parameter::from(bounds).prior(prior))),
        ("mean of the prior", place(), 0.0, 1.0, 1.5)
    );
    for (parameter, what) in [
        (Parameter::fixed(f64::NAN), "fixed value"),
        (Parameter::estimated().guess(f64::INFINITY), "guess"),
    ] {
        let (found_what, found_place, _) = not_finite(built(parameter));
        assert_eq!((found_what, found_place), (what, place()));
    }
    assert_eq!(not_finite(Gaussian::new(f64::INFINITY, 1.0)).0, "mean");
    assert_eq!(
        not_positive(Gaussian::new(0.0, 0.0)).0,
        "standard deviation"
    );
    assert_eq!(not_positive(Gaussian::new(0.0, -1.0)).2, -1.0);
    assert!(not_finite(Gaussian::new(0.0, f64::NAN)).2.is_nan());
}

#[test]
fn schedules() {
    let here = || String::from("schedule");
    for rf0 in [0.0, -1.0] {
        assert_eq!(
            not_positive(Schedule::geometric(rf0, 1.5, 0..3)),
            ("R_f0", here(), rf0)
        );
    }
    assert!(
        not_finite(Schedule::geometric(f64::NAN, 1.5, 0..3))
            .2
            .is_nan()
    );
    for alpha in [1.0, 0.5, -2.0] {
        let (what, _, low, _, found) = range(Schedule::geometric(1.0, alpha, 0..3));
        assert_eq!((what, found), ("alpha", alpha));
        assert!(low > 1.0);
    }
    assert_eq!(
        not_finite(Schedule::geometric(1.0, f64::INFINITY, 0..3)).0,
        "alpha"
    );
    assert_eq!(
        empty(Schedule::geometric(1.0, 1.5, 0..0)),
        ("values of beta", here())
    );
    assert_eq!(
        not_increasing(Schedule::geometric(1.0, 1.5, [0.0, 2.5, 2.5])),
        ("beta", 2, 2.5, 2.5)
    );
    assert!(
        not_finite(Schedule::geometric(1.0, 1.5, [0.0, f64::NAN]))
            .2
            .is_nan()
    );
    // Beyond the largest number and below the smallest.
    let (what, place, _) = not_finite(Schedule::geometric(1.0, 10.0, [0.0, 400.0]));
    assert_eq!((what, place.as_str()), ("R_f", "schedule, beta 400"));
    assert_eq!(
        not_positive(Schedule::geometric(1.0, 10.0, [-400.0])).0,
        "R_f"
    );
}
