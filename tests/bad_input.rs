//! Bad input is answered with an error that says what, where, what was
//! expected and what was found; each kind alone, the rest of the input good.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ops::Range;

use deepest::models::{Linear, Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Error, Path};
use ndarray::{Array2, array};

fn grid() -> Grid {
    Grid::uniform(0.0, 0.1, 5).unwrap()
}

fn one() -> Precision {
    Precision::scalar(1.0).unwrap()
}

fn values(rows: usize, columns: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(n, l)| 1.0 + n as f64 + 0.5 * l as f64)
}

/// Prey and predator at all five layers.
fn data() -> Observations {
    Observations::of_components(&[0, 1], grid().times().to_vec(), values(5, 2), one()).unwrap()
}

fn window() -> Window {
    Window::new(grid()).observations(data()).unwrap()
}

fn builder() -> deepest::ActionBuilder<LotkaVolterra, Trapezoid> {
    with_first(Parameter::fixed(0.5))
}

fn with_first(first: impl Into<Parameter>) -> deepest::ActionBuilder<LotkaVolterra, Trapezoid> {
    Action::builder(LotkaVolterra, Trapezoid)
        .parameter("growth", first)
        .parameter("b", Parameter::fixed(0.1))
        .parameter("c", Parameter::estimated().guess(0.8))
        .parameter("d", Parameter::fixed(0.1))
}

#[test]
fn the_input_that_the_other_tests_spoil_is_good() {
    builder().window(window()).build().unwrap();
}

fn length<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, String, usize, usize) {
    match result.unwrap_err() {
        Error::Length {
            what,
            place,
            expected,
            found,
        } => (what, place, expected, found),
        other => panic!("{other}"),
    }
}

fn range<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, String, f64, f64, f64) {
    match result.unwrap_err() {
        Error::OutOfRange {
            what,
            place,
            low,
            high,
            found,
        } => (what, place, low, high, found),
        other => panic!("{other}"),
    }
}

fn not_finite<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, String, f64) {
    match result.unwrap_err() {
        Error::NotFinite { what, place, found } => (what, place, found),
        other => panic!("{other}"),
    }
}

fn not_positive<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, String, f64) {
    match result.unwrap_err() {
        Error::NotPositive { what, place, found } => (what, place, found),
        other => panic!("{other}"),
    }
}

fn empty<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, String) {
    match result.unwrap_err() {
        Error::Empty { what, place } => (what, place),
        other => panic!("{other}"),
    }
}

fn not_increasing<T: std::fmt::Debug>(
    result: deepest::Result<T>,
) -> (&'static str, usize, f64, f64) {
    match result.unwrap_err() {
        Error::NotIncreasing {
            what,
            index,
            previous,
            found,
            ..
        } => (what, index, previous, found),
        other => panic!("{other}"),
    }
}

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
    assert_eq!(
        not_increasing(Grid::new(vec![0.0, 2.0, 1.0])),
        ("times", 2, 2.0, 1.0)
    );
    assert_eq!(
        not_increasing(Grid::new(vec![0.0, 0.0])),
        ("times", 1, 0.0, 0.0)
    );
    assert_eq!(
        not_increasing(Grid::from_times(&[3.0, 2.0], 2)),
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
    assert_eq!(
        not_finite(Precision::scalar(f64::INFINITY)).2,
        f64::INFINITY
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
        ("precision values", "full matrix".into())
    );
    assert_eq!(
        length(Precision::full(Array2::ones((2, 3)))),
        ("precision columns", "full matrix".into(), 2, 3)
    );
    let (_, place, found) = not_finite(Precision::full(array![[1.0, f64::NAN], [0.0, 1.0]]));
    assert!(place == "full matrix, row 0, column 1" && found.is_nan());
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
        ("precision", "of the observations".into(), 2, 3)
    );
    let three = Precision::full(Array2::eye(3)).unwrap();
    assert_eq!(length(set(&[0, 1], &times, values(5, 2), three)).2, 2);
    assert_eq!(
        not_increasing(set(&[0], &[0.0, 0.2, 0.1], values(3, 1), one())),
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
        empty(set(&[0], &[], values(0, 1), one())).0,
        "observed values that are not missing"
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
    // Two times that are one layer.
    let twice = Observations::of_components(&[0], [0.1, 0.1 + 1e-9], values(2, 1), one()).unwrap();
    match Window::new(grid()).observations(twice).unwrap_err() {
        Error::Duplicate {
            value,
            first,
            second,
            ..
        } => assert_eq!((value, first, second), (1, 0, 1)),
        other => panic!("{other}"),
    }
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
fn an_action_of_nothing() {
    assert_eq!(empty(builder().build()), ("windows", "action".into()));
    assert_eq!(
        empty(builder().window(Window::new(grid())).build()),
        ("observations", "action".into())
    );
    // A prior is no observation.
    let prior = StatePrior::new([1.0, 1.0], one()).unwrap();
    let only = Window::new(grid()).prior(prior);
    assert_eq!(
        empty(builder().window(only).build()),
        ("observations", "action".into())
    );
}

#[test]
fn shapes_of_an_action() {
    let few = Action::builder(LotkaVolterra, Euler).parameter("one", Parameter::fixed(1.0));
    assert_eq!(
        length(few.window(window()).build()),
        ("parameters", "action".into(), 4, 1)
    );
    let many = builder().parameter("fifth", Parameter::fixed(1.0));
    assert_eq!(
        length(many.window(window()).build()),
        ("parameters", "action".into(), 4, 5)
    );

    let outside = Observations::of_components(&[1, 2], [0.2], values(1, 2), one()).unwrap();
    let second = Window::new(grid()).observations(outside).unwrap();
    assert_eq!(
        range(builder().window(window()).window(second).build()),
        (
            "observed component",
            "window 1, observation set 0, layer 2".into(),
            0.0,
            1.0,
            2.0
        )
    );
    let prior = StatePrior::new([1.0; 3], one()).unwrap();
    assert_eq!(
        length(builder().window(window().prior(prior)).build()),
        (
            "mean of the prior of the first state",
            "window 0".into(),
            2,
            3
        )
    );
    let three = Precision::diagonal([1.0; 3]).unwrap();
    assert_eq!(
        length(builder().window(window()).model_precision(three).build()),
        ("precision", "of the model, window 0, layer 1".into(), 2, 3)
    );
    let three = Precision::full(Array2::eye(3)).unwrap();
    assert_eq!(
        length(builder().window(window()).model_precision(three).build()).0,
        "precision"
    );
}

#[test]
fn grids_that_simpson_hermite_cannot_take() {
    let build = |times: Vec<f64>| {
        let data = Observations::of_components(&[0], [times[0]], values(1, 1), one()).unwrap();
        let window = Window::new(Grid::new(times).unwrap())
            .observations(data)
            .unwrap();
        Action::builder(Linear::new(Array2::eye(2)).unwrap(), SimpsonHermite)
            .window(window)
            .build()
            .map(|_| ())
    };
    match build(vec![0.0, 1.0, 2.0, 3.0]).unwrap_err() {
        Error::IncompleteInterval {
            place,
            rule,
            per_interval,
            found,
        } => {
            assert_eq!(
                (place.as_str(), rule, per_interval, found),
                ("window 0", "simpson-hermite", 2, 4)
            );
        }
        other => panic!("{other}"),
    }
    match build(vec![0.0, 1.0, 2.0, 3.0, 4.5]).unwrap_err() {
        Error::UnequalSteps {
            place,
            rule,
            layer,
            first,
            second,
        } => {
            assert_eq!((place.as_str(), rule), ("window 0", "simpson-hermite"));
            assert_eq!((layer, first, second), (2, 1.0, 1.5));
        }
        other => panic!("{other}"),
    }
    // Steps may differ from pair to pair, and by rounding within one.
    build(vec![0.0, 1.0, 2.0, 4.0, 6.0]).unwrap();
    build((0..161).map(|n| 1e6 + f64::from(n) * 0.025).collect()).unwrap();
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
fn priors_go_with_the_sum_only() {
    for normalization in [Normalization::Mean, Normalization::Minaone] {
        let prior = Gaussian::new(0.5, 1.0).unwrap();
        let of_parameter = with_first(Parameter::estimated().prior(prior));
        let of_state = StatePrior::new([1.0, 1.0], one()).unwrap();
        for (builder, expected_what) in [
            (of_parameter.window(window()), "a prior of a parameter"),
            (
                builder().window(window().prior(of_state)),
                "a prior of the first state",
            ),
        ] {
            match builder.normalization(normalization).build().unwrap_err() {
                Error::Normalization {
                    what,
                    expected,
                    found,
                } => {
                    assert_eq!((what, expected), (expected_what, "sum"));
                    assert_eq!(found, normalization.name());
                }
                other => panic!("{other}"),
            }
        }
        builder()
            .window(window())
            .normalization(normalization)
            .build()
            .unwrap();
    }
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

#[test]
fn annealers_and_objectives() {
    let action = builder().window(window()).build().unwrap();
    let annealer = || Annealer::new(Schedule::geometric(1.0, 2.0, 0..2).unwrap());
    assert_eq!(
        empty(annealer().starts(0).run(&action)),
        ("starts", "annealer".into())
    );
    assert_eq!(
        not_positive(annealer().threads(0).run(&action)),
        ("threads", "annealer".into(), 0.0)
    );
    for rf in [0.0, -1.0] {
        assert_eq!(
            not_positive(action.at(rf).map(|_| ())),
            ("R_f", "objective".into(), rf)
        );
        assert_eq!(not_positive(action.at(1.0).unwrap().set_rf(rf)).2, rf);
    }
    assert!(not_finite(action.at(f64::NAN).map(|_| ())).2.is_nan());
    // No length of x makes a panic, only a value that is none.
    let mut at = action.at(1.0).unwrap();
    for n in [0, 3, at.dimension() + 1] {
        assert!(at.value(&vec![1.0; n]).is_nan());
        assert!(at.terms(&vec![1.0; n]).total.is_nan());
    }
    for tolerance in [0.0, -1.0] {
        assert_eq!(
            not_positive(GaussNewton::default().tolerance(tolerance)).2,
            tolerance
        );
    }
    assert!(
        not_finite(GaussNewton::default().tolerance(f64::NAN))
            .2
            .is_nan()
    );
}

#[test]
fn estimates_of_another_shape() {
    let action = builder().window(window()).window(window()).build().unwrap();
    let path = || Path::from_array(values(5, 2).view());
    let good = || Estimate {
        paths: vec![path(), path()],
        parameters: vec![0.5, 0.1, 0.8, 0.1],
    };
    let x = action.pack(&good()).unwrap();
    assert_eq!(x.len(), action.counts().unknowns);
    assert_eq!(x[20], 0.8);

    let spoiled = |spoil: &dyn Fn(&mut Estimate)| {
        let mut estimate = good();
        spoil(&mut estimate);
        action.pack(&estimate)
    };
    let here = || String::from("estimate");
    assert_eq!(
        length(spoiled(&|e| e.paths.truncate(1))),
        ("paths", here(), 2, 1)
    );
    assert_eq!(
        length(spoiled(&|e| e.parameters.truncate(3))),
        ("parameters", here(), 4, 3)
    );
    let short = || Path::from_array(values(4, 2).view());
    assert_eq!(
        length(spoiled(&|e| e.paths[1] = short())),
        ("layers", "estimate, path 1".into(), 5, 4)
    );
    let ragged = || {
        Path::from_layers([
            &[1.0, 1.0][..],
            &[1.0, 1.0],
            &[1.0],
            &[1.0, 1.0],
            &[1.0, 1.0],
        ])
    };
    assert_eq!(
        length(spoiled(&|e| e.paths[1] = ragged())),
        ("components", "estimate, path 1, layer 2".into(), 2, 1)
    );
    let mut broken = values(5, 2);
    broken[(3, 1)] = f64::NAN;
    let (what, place, _) = not_finite(spoiled(&|e| e.paths[0] = Path::from_array(broken.view())));
    assert_eq!(
        (what, place.as_str()),
        ("state", "estimate, path 0, layer 3, component 1")
    );
    let (what, place, found) = not_finite(spoiled(&|e| e.parameters[2] = f64::INFINITY));
    assert_eq!(
        (what, place.as_str(), found),
        ("parameter", "c", f64::INFINITY)
    );

    // The same through the doors that take an estimate.
    let mut short = good();
    short.paths.truncate(1);
    assert_eq!(length(action.terms(1.0, &short)).0, "paths");
    let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..2).unwrap());
    assert_eq!(
        length(annealer.start_with(Starts::Given(short)).run(&action)).0,
        "paths"
    );
}

/// A layer map that is NaN or infinite in one component between layers 2 and
/// 3, at every state.
struct Broken(f64);

impl Model for Broken {}

impl Layers for Broken {
    fn width(&self, _n: usize) -> usize {
        2
    }
    fn parameters_of(&self, _n: usize) -> Range<usize> {
        0..0
    }
    fn layer<S: Scalar>(
        &self,
        n: usize,
        x: &[S],
        next: &[S],
        _theta: &[S],
        _input: &[S],
        out: &mut [S],
    ) {
        out[0] = next[0] - x[1];
        out[1] = next[1] - x[0] + if n == 2 { self.0 } else { 0.0 };
    }
}

#[test]
fn a_model_that_is_not_finite_at_the_start() {
    for found_value in [f64::NAN, f64::INFINITY] {
        for starts in [Starts::Nudged, Starts::Mean, Starts::Uniform] {
            let action = Action::builder(Broken(found_value), Map)
                .window(window())
                .build()
                .unwrap();
            let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..4).unwrap());
            let result = annealer.starts(2).start_with(starts).run(&action);
            match result.unwrap_err() {
                Error::ModelNotFinite {
                    place,
                    component,
                    found,
                } => {
                    assert_eq!(
                        (place.as_str(), component),
                        ("window 0, interval from layer 2", 1)
                    );
                    assert!(!found.is_finite());
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_flow_that_is_not_finite_at_the_start() {
    struct Root;
    impl Model for Root {}
    impl Flow for Root {
        fn width(&self) -> usize {
            2
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = x[1];
            dx[1] = (-x[0] - 1e3).sqrt();
        }
    }
    let action = Action::builder(Root, SimpsonHermite)
        .window(window())
        .build()
        .unwrap();
    let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..4).unwrap());
    match annealer.run(&action).unwrap_err() {
        Error::ModelNotFinite {
            place,
            component,
            found,
        } => {
            assert_eq!(
                (place.as_str(), component),
                ("window 0, interval from layer 0", 1)
            );
            assert!(found.is_nan());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn models_with_inputs_and_bad_linear_models() {
    struct Driven;
    impl Model for Driven {
        fn input_count(&self) -> usize {
            1
        }
    }
    impl Flow for Driven {
        fn width(&self) -> usize {
            2
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], input: &[S], dx: &mut [S]) {
            dx[0] = x[1];
            dx[1] = input[0];
        }
    }
    let result = Action::builder(Driven, Euler).window(window()).build();
    assert!(matches!(result, Err(Error::Missing { what: "inputs", .. })));
    assert_eq!(
        length(Linear::new(Array2::ones((2, 3)))),
        ("columns", "linear model".into(), 2, 3)
    );
    assert_eq!(
        empty(Linear::new(Array2::ones((0, 0)))),
        ("rows", "linear model".into())
    );
    let (_, place, _) = not_finite(Linear::new(array![[1.0, 0.0], [f64::NAN, 1.0]]));
    assert_eq!(place, "linear model, row 1, column 0");
}

#[test]
fn errors_say_it_in_words() {
    let error = Action::builder(Lorenz63, Euler)
        .window(window())
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameters (action): expected 3, found 0"
    );
    let error = Precision::full(array![[1.0, 2.0], [2.0, 1.0]]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "precision (full matrix): expected a positive definite matrix, found pivot -3 at row 1"
    );
}
