//! Bad parameters, priors, estimates and bounds: each is an error that says
//! what, where, what was expected and what was found.

use crate::fixtures::bad::*;
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{Error, Path};
use ndarray::Array2;

fn built(first: impl Into<Parameter>) -> deepest::Result<()> {
    with_first(first).window(window()).build().map(|_| ())
}

#[test]
fn priors_outside_bounds() {
    let bounds = |lower, upper| Parameter::from(Bounds::new(lower, upper).unwrap());
    let place = || String::from("parameter growth");
    let gaussian = Gaussian::new(-0.5, 1.0).unwrap();
    assert_eq!(
        range(built(bounds(0.0, f64::INFINITY).prior(gaussian))),
        ("mean of the prior", place(), 0.0, f64::INFINITY, -0.5)
    );
    let log_normal = LogNormal::new(0.0, 0.5).unwrap();
    // The most probable value is exp(−0.25).
    for (lower, upper) in [(1.0, 2.0), (-2.0, -1.0), (-1.0, 0.0)] {
        let (what, found_place, low, high, found) =
            range(built(bounds(lower, upper).prior(log_normal)));
        assert_eq!(
            (what, found_place),
            ("most probable value of the prior", place())
        );
        assert_eq!((low, high), (lower, upper));
        assert!((found - (-0.25_f64).exp()).abs() < 1e-15);
    }
    let correlated = bounds(0.0, 1.0).correlated(2.0, 1.0, 1.0).unwrap();
    assert_eq!(
        range(built(correlated)),
        ("mean of a correlated parameter", place(), 0.0, 1.0, 2.0)
    );
}

#[test]
fn a_prior_of_the_first_state_outside_its_bounds() {
    let prior = || StatePrior::new([1.0, -0.5], one()).unwrap();
    let built = |component, low, high| {
        let bounded = builder().window(window());
        let bounded = bounded.window(window().prior(prior()));
        let bounded = bounded.state_bounds(component, Bounds::new(low, high).unwrap());
        bounded.build().map(|_| ())
    };
    assert_eq!(
        range(built(1, 0.0, f64::INFINITY)),
        (
            "mean of the prior of the first state",
            "window 1, component 1".into(),
            0.0,
            f64::INFINITY,
            -0.5
        )
    );
    // At an end is inside.
    built(0, 1.0, 2.0).unwrap();
}

/// Bounds that reach below zero are cut there: a density that is zero at zero.
#[test]
fn a_log_normal_prior_cuts_bounds_at_zero() {
    let bounds = Bounds::new(-1.0, 2.0).unwrap();
    let parameter = Parameter::from(bounds).prior(LogNormal::new(0.0, 0.5).unwrap());
    let action = with_first(parameter).window(window()).build().unwrap();
    let at = action.at(1.0).unwrap();
    let theta = at.dimension() - 2;
    assert_eq!(
        (at.lower()[theta], at.upper()[theta]),
        (f64::MIN_POSITIVE, 2.0)
    );
}

#[test]
fn numbers_of_priors_and_walks() {
    let parameter = Parameter::estimated;
    for value in [0.0, -1.0] {
        assert_eq!(
            not_positive(parameter().random_walk(value)),
            ("diffusion", "random walk".into(), value)
        );
        assert_eq!(
            not_positive(parameter().correlated(0.0, value, 1.0)).0,
            "standard deviation"
        );
        assert_eq!(
            not_positive(parameter().correlated(0.0, 1.0, value)),
            ("correlation time", "parameter".into(), value)
        );
        assert_eq!(
            not_positive(LogNormal::new(0.0, value)),
            (
                "deviation of the logarithm",
                "log-normal prior".into(),
                value
            )
        );
    }
    assert!(not_finite(parameter().random_walk(f64::NAN)).2.is_nan());
    assert_eq!(
        not_finite(LogNormal::new(f64::INFINITY, 1.0)).0,
        "mean of the logarithm"
    );
}

/// The constructors are the only way to a loss with numbers.
#[test]
fn numbers_of_losses() {
    type Make = fn(f64) -> deepest::Result<Loss>;
    for (make, what, place) in [
        (Loss::huber as Make, "threshold", "Huber loss"),
        (Loss::student_t, "degrees of freedom", "Student-t loss"),
        (Loss::laplace, "rounding", "Laplace loss"),
    ] {
        for value in [0.0, -1.0] {
            assert_eq!(not_positive(make(value)), (what, place.into(), value));
        }
        assert!(not_finite(make(f64::NAN)).2.is_nan());
        assert_eq!(
            not_finite(make(f64::INFINITY)),
            (what, place.into(), f64::INFINITY)
        );
    }
}

#[test]
fn estimates_of_windows_and_layers_with_another_count() {
    let own = Parameter::estimated().per_window();
    let walk = Parameter::estimated().random_walk(1.0).unwrap();
    let action = Action::builder(LotkaVolterra, Trapezoid)
        .window(window())
        .window(window())
        .parameter("a", own)
        .parameter("b", Parameter::fixed(0.1))
        .parameter("c", walk)
        .parameter("d", own)
        .build()
        .unwrap();
    let path = || Path::from_array(values(5, 2).view());
    let varying = |layers: usize, columns: usize| {
        Path::from_array(Array2::from_elem((layers, columns), 1.0).view())
    };
    let packed = |spoil: &dyn Fn(&mut Estimate)| {
        let mut estimate = Estimate::new(vec![path(), path()], [0.5, 0.1, 0.8, 0.1]);
        estimate.per_window = vec![vec![0.5, 0.1], vec![0.6, 0.2]];
        estimate.varying = vec![varying(5, 1), varying(5, 1)];
        spoil(&mut estimate);
        action.pack(&estimate)
    };
    let good = packed(&|_| {}).unwrap();
    assert_eq!(good.len(), 2 * 5 * 3 + 4);
    assert_eq!(good[30..], [0.5, 0.1, 0.6, 0.2]);
    assert_eq!(
        length(packed(&|e| e.per_window[1] = vec![0.6])),
        ("parameters of a window", "estimate, window 1".into(), 2, 1)
    );
    for count in [1, 3] {
        assert_eq!(
            length(packed(&|e| e.per_window.resize(count, vec![0.6, 0.2]))),
            (
                "lists of the windows' own parameters",
                "estimate".into(),
                2,
                count
            )
        );
        assert_eq!(
            length(packed(&|e| e.varying.resize(count, varying(5, 1)))),
            ("paths of varying parameters", "estimate".into(), 2, count)
        );
    }
    for layers in [4, 6] {
        assert_eq!(
            length(packed(&|e| e.varying[1] = varying(layers, 1))),
            (
                "layers",
                "estimate, varying parameters of window 1".into(),
                5,
                layers
            )
        );
    }
    assert_eq!(
        length(packed(&|e| e.varying[0] = varying(5, 2))),
        (
            "parameters",
            "estimate, varying parameters of window 0, layer 0".into(),
            1,
            2
        )
    );
    let (what, place, _) = not_finite(packed(&|e| e.per_window[0][1] = f64::NAN));
    assert_eq!((what, place.as_str()), ("parameter", "d"));
    // None at all: the same value everywhere.
    let same = packed(&|e| e.per_window.clear()).unwrap();
    assert_eq!(same[30..], [0.5, 0.1, 0.5, 0.1]);
}

#[test]
fn parameters_that_change_in_time_go_with_the_sum_only() {
    let walk = Parameter::estimated().random_walk(1.0).unwrap();
    let builder = with_first(walk).window(window());
    match builder
        .normalization(Normalization::Mean)
        .build()
        .unwrap_err()
    {
        Error::Normalization {
            what,
            expected,
            found,
        } => {
            assert_eq!(what, "a parameter that changes in time");
            assert_eq!((expected, found), ("sum", "mean"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn factors_of_the_model_precision() {
    assert_eq!(
        length(window().precision_factors([1.0; 5])),
        ("factors of the model precision", "window".into(), 4, 5)
    );
    assert_eq!(
        not_positive(window().precision_factors([1.0, 1.0, 0.0, 1.0])),
        (
            "factor of the model precision",
            "window, step 2".into(),
            0.0
        )
    );
    assert!(
        not_finite(window().precision_factors([f64::NAN; 4]))
            .2
            .is_nan()
    );
}

#[test]
fn state_bounds_upside_down_of_other_components_or_given_twice() {
    match Bounds::new(1.0, -1.0).unwrap_err() {
        Error::BoundsUpsideDown { lower, upper, .. } => assert_eq!((lower, upper), (1.0, -1.0)),
        other => panic!("{other}"),
    }
    let bounds = Bounds::new(0.0, 1.0).unwrap();
    let outside = builder().window(window()).state_bounds(2, bounds);
    assert_eq!(
        range(outside.build().map(|_| ())),
        (
            "bounded component",
            "window 0, layer 0".into(),
            0.0,
            1.0,
            2.0
        )
    );
    let twice = builder()
        .window(window())
        .state_bounds(1, bounds)
        .state_bounds(1, bounds);
    match twice.build().unwrap_err() {
        Error::Duplicate {
            what,
            value,
            first,
            second,
            ..
        } => assert_eq!(
            (what, value, first, second),
            ("bounded components", 1, 0, 1)
        ),
        other => panic!("{other}"),
    }
}

/// Results are found by names: each has one, and no other has it.
#[test]
fn names_that_are_missing_or_given_twice() {
    let named = |first: &str, second: &str| {
        let fixed = || Parameter::fixed(0.5);
        Action::builder(LotkaVolterra, Trapezoid)
            .window(window())
            .parameter(first, fixed())
            .parameter("b", fixed())
            .parameter(second, fixed())
            .parameter("d", fixed())
            .build()
            .map(|_| ())
    };
    for nothing in ["", "  "] {
        assert_eq!(
            empty(named("a", nothing)),
            (
                "characters of a parameter's name",
                "action, parameter 2".into()
            )
        );
    }
    match named("a", "a").unwrap_err() {
        Error::DuplicateName {
            what,
            name,
            first,
            second,
            ..
        } => assert_eq!(
            (what, name.as_str(), first, second),
            ("names of parameters", "a", 0, 2)
        ),
        other => panic!("{other}"),
    }
}

/// States alone are a problem too.
#[test]
fn nothing_but_states_to_estimate() {
    let mut builder = Action::builder(LotkaVolterra, Trapezoid).window(window());
    for (name, value) in [("a", 0.5), ("b", 0.1), ("c", 0.8), ("d", 0.1)] {
        builder = builder.parameter(name, Parameter::fixed(value));
    }
    let action = builder.build().unwrap();
    assert_eq!(action.counts().unknowns, 10);
    let annealer = Annealer::new(Schedule::geometric(1.0, 2.0, 0..3).unwrap());
    assert!(
        annealer
            .run(&action)
            .unwrap()
            .starts
            .iter()
            .all(|start| start.finished)
    );
}
