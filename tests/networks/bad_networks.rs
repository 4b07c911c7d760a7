//! What networks are not, one thing at a time; and what is allowed all the same.

use crate::fixtures::Noise as Draws;
use deepest::models::{Network, one_hot};
use deepest::prelude::*;
use deepest::{ActionBuilder, Activation, Dense, Equations, Error, Finding, Termination};
use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn network() -> Network {
    let layers = [
        Dense::new(3, Activation::Tanh),
        Dense::new(2, Activation::Linear),
    ];
    Network::new(2, layers).unwrap()
}

fn said<T>(result: deepest::Result<T>) -> String {
    result.err().expect("an error").to_string()
}

#[test]
fn layers_must_have_units_and_residual_ones_as_many_as_before() {
    let tanh = |units| Dense::new(units, Activation::Tanh);
    assert!(matches!(Network::new(2, []), Err(Error::Empty { .. })));
    assert!(matches!(
        Network::new(0, [tanh(1)]),
        Err(Error::NotPositive { .. })
    ));
    let message = said(Network::new(2, [tanh(3), tanh(0)]));
    assert!(message.contains("network, layer 2"), "{message}");
    let message = said(Network::new(2, [tanh(3).residual(0.1)]));
    assert!(message.contains("expected 2, found 3"), "{message}");
    for step in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Network::new(2, [tanh(2).residual(step)]).is_err(), "{step}");
    }
    assert!(network().with_times(0).is_err());
    let message = said(network().with_times(usize::MAX));
    assert!(message.contains("states"), "{message}");
    let message = said(Network::new(2, [tanh(usize::MAX)]));
    assert!(message.contains("parameters"), "{message}");
}

#[test]
fn pairs_must_have_the_width_of_the_layers() {
    let one = Precision::scalar(1.0).unwrap();
    let pairs = |inputs: Array2<f64>, outputs: Array2<f64>| {
        said(network().pairs((inputs.view(), &one), (outputs.view(), &one)))
    };
    let good = array![[0.1, 0.2]];
    let message = pairs(array![[0.1, 0.2, 0.3]], good.clone());
    assert!(
        message.contains("columns of inputs") && message.contains("found 3"),
        "{message}"
    );
    let message = pairs(good.clone(), array![[0.1]]);
    assert!(message.contains("columns of outputs"), "{message}");
    let message = pairs(good.clone(), array![[0.1, 0.2], [0.3, 0.4]]);
    assert!(message.contains("rows of outputs"), "{message}");
    let message = pairs(Array2::zeros((0, 2)), Array2::zeros((0, 2)));
    assert!(message.contains("pairs"), "{message}");
    let infinite = array![[0.1, f64::INFINITY]];
    let message = pairs(infinite.clone(), good.clone());
    assert!(message.contains("input of pair 0, column 1"), "{message}");
    let missing = array![[f64::NAN, f64::NAN]];
    let message = pairs(good.clone(), missing);
    assert!(message.contains("output of pair 0"), "{message}");
    assert!(network().draw(infinite.view(), 1).is_err());
    assert!(network().predict(&[0.0; 3], good.view()).is_err());
    assert!(network().forward(&[0.0; 17], &[0.0]).is_err());
}

#[test]
fn labels_must_be_classes() {
    let message = said(one_hot(&[0, 3, 1], 3));
    assert!(
        message.contains("label") && message.contains("pair 1"),
        "{message}"
    );
    assert!(one_hot(&[0], 0).is_err());
    assert_eq!(one_hot(&[], 4).unwrap().dim(), (0, 4));
}

fn action(network: &Network, pairs: usize, guess: f64) -> Action {
    builder(network, pairs, guess).build().unwrap()
}

fn builder(network: &Network, pairs: usize, guess: f64) -> ActionBuilder {
    let mut draws = Draws(3);
    let one = Precision::scalar(100.0).unwrap();
    let last = network.depth() - 1;
    let mut values = |n: usize| Array2::from_shape_fn((pairs, network.width(n)), |_| draws.next());
    let (inputs, outputs) = (values(0), values(last));
    let windows = network
        .pairs((inputs.view(), &one), (outputs.view(), &one))
        .unwrap();
    let mut builder = Action::builder(network.clone(), Map).windows(windows);
    for (name, range) in network.blocks() {
        let parameters = range.map(|k| Parameter::estimated().guess(guess * (k as f64).sin()));
        builder = builder.parameter_block(&name, parameters);
    }
    builder
}

/// Seventeen weights and seven states for four numbers: a perfect fit, about which
/// the verdict says that there is nothing to judge it by.
#[test]
fn one_pair_is_fitted_and_the_verdict_says_what_that_is_worth() {
    let action = action(&network(), 1, 1.0);
    let schedule = Schedule::geometric(1.0, 10.0, 0..=6).unwrap();
    let annealing = Annealer::new(schedule).starts(1).run(&action).unwrap();
    let (_, best) = annealing.best().unwrap();
    assert!(best.action.total < 1e-12, "{}", best.action.total);
    let verdict = annealing.verdict(&action).unwrap();
    assert!(verdict.level.is_none());
    assert!(action.expected_plateau().is_none());
    let words = verdict.to_string();
    assert!(matches!(
        verdict.findings[0],
        Finding::TooFewMeasurements { freedom: None }
    ));
    let many = Finding::ManyNotIdentifiable { count: 17, of: 17 };
    assert!(verdict.findings.contains(&many), "{words}");
}

/// At z = 0 a rectifier has no derivative: it is taken to be zero, so that units that
/// begin there stay there, and nothing is NaN.
#[test]
fn a_rectifier_at_its_corner_is_flat() {
    let layers = [
        Dense::new(3, Activation::Relu),
        Dense::new(2, Activation::Linear),
    ];
    let network = Network::new(2, layers).unwrap();
    for equations in [
        Equations::BlockArrow,
        Equations::ResidualSpace,
        Equations::ConjugateGradients,
    ] {
        let action = builder(&network, 4, 0.0)
            .equations(equations)
            .build()
            .unwrap();
        let schedule = Schedule::geometric(1.0, 10.0, 0..=3).unwrap();
        let annealing = Annealer::new(schedule).starts(1).run(&action).unwrap();
        for level in &annealing.starts[0].levels {
            assert_ne!(level.termination, Termination::NonFinite);
            assert!(level.action.total.is_finite());
        }
    }
}

/// Every 436 levels of a 784-30-10 network with two pairs, for the work of a few: a
/// perfect fit stays one, and is not minimized again.
#[test]
fn a_wide_network_with_two_pairs_costs_a_factorization_a_decade() {
    let layers = [30, 10].map(|units| Dense::new(units, Activation::Logistic));
    let network = Network::new(784, layers).unwrap();
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let inputs = Array2::from_shape_fn((2, 784), |_| rng.random::<f64>());
    let teacher = network.draw(inputs.view(), 5).unwrap();
    let outputs = network.predict(&teacher, inputs.view()).unwrap();
    let one = Precision::scalar(1.0).unwrap();
    let windows = network
        .pairs((inputs.view(), &one), (outputs.view(), &one))
        .unwrap();
    let mut builder = Action::builder(network.clone(), Map).windows(windows);
    for (name, range) in network.blocks() {
        let guesses = range.map(|_| Parameter::estimated().guess(0.2 * rng.random::<f64>() - 0.1));
        builder = builder.parameter_block(&name, guesses);
    }
    let action = builder.build().unwrap();
    assert_eq!(action.newton_costs().cheapest(), Equations::ResidualSpace);
    let schedule = Schedule::geometric(5e-10, 1.1, 0..=435).unwrap();
    let annealer = Annealer::new(schedule)
        .starts(1)
        .start_with(Starts::Uniform);
    let annealing = annealer.run(&action).unwrap();
    let start = &annealing.starts[0];
    assert_eq!(start.levels.len(), 436);
    assert!(start.work().factorizations <= 60, "{:?}", start.work());
    let end = &start.levels[435].action;
    // A rounding of forty states of size one in two windows, at R_f = 5·10⁸.
    let rounding = 0.5 * 5.07e8 * f64::EPSILON.powi(2) * 80.0;
    assert!(end.total <= rounding, "{}", end.total);
}
