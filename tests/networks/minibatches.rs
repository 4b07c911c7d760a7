//! Batches one after the other come to the minimum for all of them together.

use std::ops::ControlFlow;

use deepest::models::{LotkaVolterra, Network};
use deepest::prelude::*;
use deepest::{Activation, Dense, Error, Minibatches};
use ndarray::{Array2, s};

use crate::fixtures::Noise as Draws;

/// Pairs of a random network with noise, a Gaussian prior for each weight.
struct Study {
    network: Network,
    inputs: Array2<f64>,
    outputs: Array2<f64>,
    guesses: Vec<f64>,
    batches: usize,
}

impl Study {
    fn new(network: Network, pairs: usize, batches: usize) -> Self {
        let mut draws = Draws(5);
        let inputs = Array2::from_shape_fn((pairs, network.width(0)), |_| draws.next());
        let teacher = network.draw(inputs.view(), 1).unwrap();
        let mut outputs = network.predict(&teacher, inputs.view()).unwrap();
        outputs.mapv_inplace(|v| v + 0.1 * draws.next());
        Self {
            guesses: network.draw(inputs.view(), 2).unwrap(),
            network,
            inputs,
            outputs,
            batches,
        }
    }

    fn action(&self, range: std::ops::Range<usize>) -> deepest::Result<Action> {
        let [exact, noisy] = [1e6, 300.0].map(|r| Precision::scalar(r).unwrap());
        let rows = s![range, ..];
        let (inputs, outputs) = (self.inputs.slice(rows), self.outputs.slice(rows));
        let prior = Gaussian::new(0.0, 0.5)?;
        let weights = self.guesses.iter();
        let weights = weights.map(|&w| Parameter::estimated().prior(prior).guess(w));
        Action::builder(self.network.clone(), Map)
            .windows(self.network.pairs((inputs, &exact), (outputs, &noisy))?)
            .parameter_block("weights", weights)
            .build()
    }

    fn batch(&self, b: usize) -> deepest::Result<Action> {
        let each = self.inputs.nrows() / self.batches;
        self.action(b * each..(b + 1) * each)
    }
}

fn go_on<T>(_: T) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The minimum of the action of all windows that is next to these parameters.
fn joint(action: &Action, rf: f64, near: &[f64], paths: Vec<Path>) -> (f64, Vec<f64>) {
    let mut x = action.pack(&Estimate::new(paths, near)).unwrap();
    let mut objective = action.at(rf).unwrap();
    let minimizer = GaussNewton::default().max_factorizations(2000);
    let outcome = minimizer.minimize(&mut objective, &mut x, &mut go_on);
    (outcome.value, x.split_off(x.len() - near.len()))
}

fn forward(study: &Study, theta: &[f64]) -> Vec<Path> {
    let rows = study.inputs.rows().into_iter();
    let path =
        |row: ndarray::ArrayView1<'_, f64>| study.network.forward(theta, &row.to_vec()).unwrap();
    rows.map(path).collect()
}

/// A regression: the minimum is one, and how far it is from there can be told.
#[test]
fn a_linear_layer_comes_to_the_regression_of_all_pairs() {
    let network = Network::new(4, [Dense::new(3, Activation::Linear)]).unwrap();
    let study = Study::new(network, 60, 6);
    let schedule = Schedule::geometric(1e3, 10.0, [0]).unwrap();
    let mut training = Minibatches::new(&schedule, 6).unwrap().passes(25);
    let mut turns = 0;
    let mut moved = f64::INFINITY;
    let load = |b: usize| study.batch(b);
    training
        .run(&load, &mut |turn| {
            turns += 1;
            moved = turn.moved;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(turns, 150);
    let all = study.action(0..60).unwrap();
    let paths = forward(&study, training.parameters());
    let (value, parameters) = joint(&all, 1e3, training.parameters(), paths);
    let total = training.evaluate(&load).unwrap().total;
    println!("{total} against {value}, moved {moved}");
    // A hundredth of a nat is a tenth of a deviation in one direction.
    assert!((total - value).abs() < 0.01);
    for (a, b) in training.parameters().iter().zip(&parameters) {
        assert!((a - b).abs() < 0.01, "{a} against {b}");
    }
}

/// A minimum of the batches is one of all pairs in one action.
#[test]
fn a_network_ends_at_a_minimum_of_all_pairs() {
    let layers = [
        Dense::new(5, Activation::Tanh),
        Dense::new(2, Activation::Linear),
    ];
    let study = Study::new(Network::new(3, layers).unwrap(), 80, 8);
    let schedule = Schedule::geometric(1.0, 10.0, 0..=4).unwrap();
    let mut training = Minibatches::new(&schedule, 8).unwrap().passes(40).seed(3);
    let load = |b: usize| study.batch(b);
    let mut work = 0;
    let mut watch = |turn: deepest::Turn| {
        work += turn.work.factorizations;
        ControlFlow::Continue(())
    };
    training.run(&load, &mut watch).unwrap();
    let all = study.action(0..80).unwrap();
    let paths = forward(&study, training.parameters());
    let (value, _) = joint(&all, 1e4, training.parameters(), paths);
    let total = training.evaluate(&load).unwrap().total;
    println!("{total} against {value}, {work} factorizations");
    assert!((total - value).abs() < 1.0, "the data tell no difference");
    assert!(work < 6 * 40 * 8 * 5);
}

/// No matrix of 4,125 × 4,125 numbers is made for two pairs at a time.
#[test]
fn more_weights_than_any_matrix_has_rows_for_are_trained() {
    let layers = [
        Dense::new(20, Activation::Logistic),
        Dense::new(5, Activation::Logistic),
    ];
    let study = Study::new(Network::new(200, layers).unwrap(), 8, 4);
    let schedule = Schedule::geometric(1.0, 10.0, 0..=3).unwrap();
    let load = |b: usize| study.batch(b);
    let mut training = Minibatches::new(&schedule, 4).unwrap().passes(10);
    let before = training.evaluate(&load).unwrap();
    training.run(&load, &mut go_on).unwrap();
    let after = training.evaluate(&load).unwrap();
    let all = study.action(0..8).unwrap();
    let paths = forward(&study, training.parameters());
    let (value, _) = joint(&all, 1e3, training.parameters(), paths);
    println!("{before:?}, {after:?}, {value}");
    // Forty turns of at most five steps at each level: all but a hundredth of the way.
    assert!(after.total - value < 1e-2 * (before.total - value));
}

/// Recordings of one system, a flow, two at a time; its rates have bounds.
#[test]
fn recordings_of_a_flow_come_to_what_they_are_together() {
    let rates = [0.8, 0.05, 0.6, 0.04];
    let window = |k: u64| {
        let grid = Grid::uniform(0.0, 0.2, 41).unwrap();
        let first = [20.0 + 4.0 * k as f64, 12.0];
        let truth = Simulation::new(grid, rates).from_state(first);
        let measurement = Measurement::new(&[0, 1], Noise::scalar(1.0).unwrap()).seed(k);
        let twin = truth
            .flow(&LotkaVolterra)
            .unwrap()
            .observe(&measurement)
            .unwrap();
        twin.window().unwrap()
    };
    let action = |windows: std::ops::Range<u64>| {
        let mut builder =
            Action::builder(LotkaVolterra, SimpsonHermite).windows(windows.map(window));
        for (name, high) in [
            ("birth", 3.0),
            ("predation", 0.3),
            ("death", 3.0),
            ("growth", 0.3),
        ] {
            builder = builder.parameter(name, Bounds::new(0.0, high)?);
        }
        builder.build()
    };
    let load = |b: usize| action(2 * b as u64..2 * b as u64 + 2);
    let schedule = Schedule::geometric(1e-2, 10.0, 0..=4).unwrap();
    let mut training = Minibatches::new(&schedule, 4).unwrap().passes(8);
    training.run(&load, &mut go_on).unwrap();
    let all = action(0..8).unwrap();
    let annealing = Annealer::new(schedule).run(&all).unwrap();
    let best = annealing.best().unwrap().1;
    let total = training.evaluate(&load).unwrap().total;
    println!("{total} against {}", best.action.total);
    assert!((total - best.action.total).abs() < 0.02);
    let spreads = all.parameter_spreads(best.rf, &best.estimate).unwrap();
    for (spread, value) in spreads.iter().zip(training.parameters()) {
        let away = (value - spread.value) / spread.deviation.unwrap();
        // ½δ² < 0.02.
        assert!(away.abs() < 0.2, "{}: {away} deviations", spread.name);
    }
}

/// What is kept is all there is: stopped and gone on with, it takes the same turns.
#[test]
fn training_goes_on_where_it_was_stopped() {
    let layers = [
        Dense::new(3, Activation::Logistic),
        Dense::new(2, Activation::Softmax),
    ];
    let study = Study::new(Network::new(3, layers).unwrap(), 24, 4);
    let schedule = Schedule::geometric(1.0, 10.0, 0..=1).unwrap();
    let load = |b: usize| study.batch(b);
    let mut whole = Minibatches::new(&schedule, 4).unwrap().passes(2);
    let mut stopped = whole.clone();
    whole.run(&load, &mut go_on).unwrap();
    let mut count = 0;
    let mut some = |_: deepest::Turn| {
        count += 1;
        if count == 7 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    stopped.run(&load, &mut some).unwrap();
    assert!(stopped != whole);
    let text = serde_json::to_string(&stopped).unwrap();
    let mut resumed: Minibatches = serde_json::from_str(&text).unwrap();
    resumed.run(&load, &mut go_on).unwrap();
    assert_eq!(resumed, whole);
    assert!(resumed.turn(&load).unwrap().is_none());
    let order = |seed: u64| {
        let mut training = Minibatches::new(&schedule, 4).unwrap().seed(seed);
        let batches = (0..4).map(|_| training.turn(&load).unwrap().unwrap().batch);
        batches.collect::<Vec<_>>()
    };
    assert!((0..8).any(|seed| order(seed) != order(0)));
}

#[test]
fn what_batches_cannot_be_is_said() {
    let fixed = Schedule::geometric(1.0, 10.0, [0]).unwrap();
    assert!(matches!(
        Minibatches::new(&fixed, 0),
        Err(Error::Empty { .. })
    ));
    let refused = Minibatches::new(&Schedule::adaptive(), 2);
    assert!(matches!(refused, Err(Error::Contradiction { .. })));
    let network = |units| Network::new(2, [Dense::new(units, Activation::Linear)]).unwrap();
    let studies = [2, 3].map(|units| Study::new(network(units), 8, 2));
    // The second batch that is come to has another network.
    let first = std::cell::Cell::new(true);
    let load = |b: usize| studies[usize::from(!first.replace(false))].batch(b);
    let mut training = Minibatches::new(&fixed, 2).unwrap();
    let refused = training.run(&load, &mut go_on);
    assert!(
        matches!(
            refused,
            Err(Error::Length {
                what: "parameters",
                ..
            })
        ),
        "{refused:?}"
    );
    let with = |parameter: Parameter, normalization| {
        let study = &studies[0];
        let load = |_: usize| {
            let one = Precision::scalar(1.0)?;
            let pairs = study
                .network
                .pairs((study.inputs.view(), &one), (study.outputs.view(), &one))?;
            Action::builder(study.network.clone(), Map)
                .windows(pairs)
                .parameter_block("weights", study.guesses.iter().map(|_| parameter))
                .normalization(normalization)
                .build()
        };
        Minibatches::new(&fixed, 2).unwrap().run(&load, &mut go_on)
    };
    let positive = Parameter::estimated().prior(LogNormal::new(0.0, 1.0).unwrap());
    let refused = with(positive, Normalization::Sum)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("weights[0]"), "{refused}");
    let refused = with(Parameter::estimated(), Normalization::Mean);
    assert!(matches!(refused, Err(Error::Normalization { .. })));
    // Nothing to train is no error.
    assert!(with(Parameter::fixed(0.5), Normalization::Sum).is_ok());
    let broken = |_: usize| -> deepest::Result<Action> {
        Err(Error::Empty {
            what: "files",
            place: "here".into(),
        })
    };
    let refused = Minibatches::new(&fixed, 1)
        .unwrap()
        .run(&broken, &mut go_on);
    assert!(matches!(refused, Err(Error::Empty { what: "files", .. })));
}

/// A batch in which another parameter is known, what came back damaged, and a batch
/// that is not finite.
#[test]
fn batches_that_do_not_belong_together_are_refused() {
    let schedule = Schedule::geometric(1.0, 10.0, [0]).unwrap();
    let layers = [Dense::new(2, Activation::Linear)];
    let study = Study::new(Network::new(2, layers).unwrap(), 8, 2);
    let with = |parameter: &dyn Fn(usize, f64) -> Parameter| {
        let one = Precision::scalar(1.0)?;
        let inputs = (study.inputs.view(), &one);
        let weights = study.guesses.iter().enumerate();
        Action::builder(study.network.clone(), Map)
            .windows(study.network.pairs(inputs, (study.outputs.view(), &one))?)
            .parameter_block("weights", weights.map(|(p, &w)| parameter(p, w)))
            .build()
    };
    let knowing = |known: usize| {
        with(&|p, w| match p == known {
            true => Parameter::fixed(w),
            false => Parameter::estimated().guess(w),
        })
    };
    for (first, second) in [(0, 9), (9, 1), (0, 1)] {
        let mut training = Minibatches::new(&schedule, 2).unwrap();
        training.turn(&|_| knowing(first)).unwrap();
        let before = training.clone();
        let refused = training.turn(&|_| knowing(second));
        let refused = refused.unwrap_err().to_string();
        let name = format!("parameter weights[{}]", first.min(second));
        assert!(refused.contains(&name), "{refused}");
        assert_eq!(training, before);
    }
    let mut training = Minibatches::new(&schedule, 2).unwrap();
    training.turn(&|_| knowing(9)).unwrap();
    let text = serde_json::to_string(&training).unwrap();
    for (whole, damaged) in [
        ("\"passes\":3", "\"passes\":0"),
        ("\"shared\":[0,", "\"shared\":[77,"),
        ("\"shared\":[0,", "\"shared\":["),
    ] {
        assert!(text.contains(whole), "{text}");
        let text = text.replace(whole, damaged);
        let mut damaged: Minibatches = serde_json::from_str(&text).unwrap();
        let refused = damaged.turn(&|_| knowing(9)).unwrap_err().to_string();
        assert!(refused.contains("training that was kept"), "{refused}");
        assert!(damaged.evaluate(&|_| knowing(9)).is_err());
    }
    let mut training = Minibatches::new(&schedule, 2).unwrap();
    let refused = training.turn(&|_| with(&|_, _| Parameter::estimated().guess(1e308)));
    assert!(
        matches!(refused, Err(Error::ModelNotFinite { .. })),
        "{refused:?}"
    );
}
