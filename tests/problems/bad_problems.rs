//! Parts of a problem that do not fit together, and models that are finite
//! nowhere, are answered with errors.

use std::ops::Range;

use crate::fixtures::bad::*;
use deepest::models::{Linear, Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Error, Path};
use ndarray::{Array2, array};

#[test]
fn the_input_that_the_other_tests_spoil_is_good() {
    builder().window(window()).build().unwrap();
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
    // What to do: a row less or more, layers between the rows, or another rule.
    let words = build(vec![0.0, 1.0, 2.0, 3.0]).unwrap_err().to_string();
    for advice in [
        "one of 3 layers or one of 5",
        "Grid::from_times(&times, 2)",
        "Trapezoid",
    ] {
        assert!(words.contains(advice), "{words}");
    }
    let words = build(vec![0.0, 1.0]).unwrap_err().to_string();
    assert!(words.contains("a longer recording or one of 3"), "{words}");
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
    let good = || Estimate::new(vec![path(), path()], [0.5, 0.1, 0.8, 0.1]);
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
        "precision (full 2 by 2 matrix): expected a positive definite matrix, found pivot -3 at row 1"
    );
}
