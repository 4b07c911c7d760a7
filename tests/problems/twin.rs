//! Twin experiments against hand values.

use deepest::models::{Linear, Lorenz63, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Error, Path, Truth};
use ndarray::{Array2, array};

/// x_{n+1} = Mx_n with M = [[0, 1], [2, 0]], from (1, 3).
fn doubling() -> Truth {
    let model = Linear::new(array![[0.0, 1.0], [2.0, 0.0]]).unwrap();
    let grid = Grid::uniform(0.0, 1.0, 4).unwrap();
    Simulation::new(grid, [])
        .from_state([1.0, 3.0])
        .layers(&model)
        .unwrap()
}

#[test]
fn layer_maps_run_forward() {
    let path = doubling().path;
    assert_eq!(path.values(), [1.0, 3.0, 3.0, 2.0, 2.0, 6.0, 6.0, 4.0]);
}

/// ẋ = −x: a classical Runge-Kutta step of length h multiplies by
/// 1 − h + h²/2 − h³/6 + h⁴/24; a step errs by less than h⁵/120.
#[test]
fn flows_are_integrated_in_substeps() {
    let model = Linear::new(array![[-1.0]]).unwrap();
    for substeps in [1, 2, 10] {
        let truth = Simulation::new(Grid::uniform(0.0, 0.5, 3).unwrap(), [])
            .from_state([2.0])
            .substeps(substeps)
            .flow(&model)
            .unwrap();
        let h = 0.5 / substeps as f64;
        let factor = 1.0 - h + h * h / 2.0 - h.powi(3) / 6.0 + h.powi(4) / 24.0;
        let expected = 2.0 * factor.powi(2 * substeps as i32);
        approx::assert_relative_eq!(truth.path.layer(2)[0], expected, max_relative = 1e-14);
        let exact = 2.0 * (-1.0_f64).exp();
        let error = (truth.path.layer(2)[0] - exact).abs();
        // A step is off by less than h⁵/120, against e⁻ʰ: relative to the
        // solution all 1/h of them add up to h⁴eʰ/120 at most.
        assert!(
            error <= exact * h.powi(4) * h.exp() / 120.0,
            "{substeps}: {error:e}"
        );
    }
}

#[test]
fn a_spin_up_is_the_same_run_begun_earlier() {
    let parameters = [10.0, 28.0, 8.0 / 3.0];
    let state = [1.0, 2.0, 20.0];
    let long = Simulation::new(Grid::uniform(0.0, 0.25, 9).unwrap(), parameters)
        .from_state(state)
        .flow(&Lorenz63)
        .unwrap();
    let late = Simulation::new(Grid::uniform(1.0, 0.25, 5).unwrap(), parameters)
        .from_state(state)
        .spin_up(1.0)
        .flow(&Lorenz63)
        .unwrap();
    // The same sub-steps of an autonomous flow; only the sums of times differ,
    // and 0.25/10 is no binary fraction: an error of ε grows by e^(0.9 · 2).
    for (n, m) in (4..9).zip(0..) {
        for (a, b) in long.path.layer(n).iter().zip(late.path.layer(m)) {
            assert!((a - b).abs() <= 1e-10, "layer {n}: {a} against {b}");
        }
    }
}

#[test]
fn seeds_decide_everything_random() {
    let parameters = [10.0, 28.0, 8.0 / 3.0];
    let grid = || Grid::uniform(0.0, 0.01, 51).unwrap();
    let truth = |seed| {
        Simulation::new(grid(), parameters)
            .seed(seed)
            .flow(&Lorenz63)
            .unwrap()
    };
    assert_eq!(truth(1), truth(1));
    assert_ne!(truth(1).path.layer(0), truth(2).path.layer(0));
    let noise = || Noise::scalar(0.5).unwrap();
    let values = |seed| {
        let measurement = Measurement::new(&[0, 2], noise()).seed(seed);
        truth(1).observe(&measurement).unwrap().observations
    };
    assert_eq!(values(4).values(), values(4).values());
    assert_ne!(values(4).values(), values(5).values());
    // The noise is not the sequence that made the first state.
    let same = truth(4)
        .observe(&Measurement::new(&[0, 1, 2], noise()).seed(4))
        .unwrap();
    let first = same.truth.layer(0);
    for (i, &x) in first.iter().enumerate() {
        let drawn = (same.observations.values()[(0, i)] - x) / 0.5;
        assert!((drawn - x).abs() > 1e-9);
    }
}

/// K draws have mean 0 ± σ/√K, variance σ² ± σ²√(2/K), and neighbours
/// correlation 0 ± 1/√K: five standard deviations of each.
#[test]
fn noise_is_white_and_of_the_deviation_asked_for() {
    let model = Linear::new(array![[1.0, 0.0], [0.0, 1.0]]).unwrap();
    let layers = 20_000;
    let truth = Simulation::new(Grid::uniform(0.0, 1.0, layers).unwrap(), [])
        .from_state([3.0, -1.0])
        .layers(&model)
        .unwrap();
    let deviations = [0.25, 4.0];
    let noise = Noise::diagonal(deviations).unwrap();
    let twin = truth
        .observe(&Measurement::new(&[1, 0], noise).seed(3))
        .unwrap();
    let k = layers as f64;
    for (column, (level, deviation)) in [-1.0, 3.0].into_iter().zip(deviations).enumerate() {
        let values = twin.observations.values().column(column);
        let z: Vec<f64> = values.iter().map(|y| (y - level) / deviation).collect();
        let mean = z.iter().sum::<f64>() / k;
        let variance = z.iter().map(|z| z * z).sum::<f64>() / k;
        let lagged = z.windows(2).map(|z| z[0] * z[1]).sum::<f64>() / k;
        assert!(mean.abs() <= 5.0 / k.sqrt());
        assert!((variance - 1.0).abs() <= 5.0 * (2.0 / k).sqrt());
        assert!(lagged.abs() <= 5.0 / k.sqrt());
    }
    let precision = Precision::diagonal([16.0, 0.0625]).unwrap();
    assert_eq!(*twin.observations.precision(0), precision);
}

#[test]
fn measurements_without_noise_are_the_truth_at_the_layers_asked_for() {
    let truth = doubling();
    let exact = || {
        let measurement = Measurement::new(&[1], Noise::scalar(0.0).unwrap());
        measurement.precision_declared(Precision::scalar(9.0).unwrap())
    };
    let values = |measurement: &Measurement| {
        let observations = truth.observe(measurement).unwrap().observations;
        (
            observations.times().to_vec(),
            observations.values().iter().copied().collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        values(&exact()),
        (vec![0.0, 1.0, 2.0, 3.0], vec![3.0, 2.0, 6.0, 4.0])
    );
    assert_eq!(values(&exact().every(2)), (vec![0.0, 2.0], vec![3.0, 6.0]));
    assert_eq!(
        values(&exact().at_layers(&[1, 3])),
        (vec![1.0, 3.0], vec![2.0, 4.0])
    );
    let twin = truth.observe(&exact()).unwrap();
    assert_eq!(
        *twin.observations.precision(0),
        Precision::scalar(9.0).unwrap()
    );
    assert_eq!(twin.window().unwrap().grid(), &twin.grid);
}

#[test]
fn scores_are_those_worked_by_hand() {
    let exact = Measurement::new(&[1], Noise::scalar(1.0).unwrap());
    let twin = doubling().observe(&exact).unwrap();
    // Component 0 is off by 3, −1, 0, 0; component 1 by 0, 0, 2, −2.
    let estimate = Estimate::new(
        vec![Path::from_array(
            array![[4.0, 3.0], [2.0, 2.0], [2.0, 8.0], [6.0, 2.0]].view(),
        )],
        [],
    );
    let score = twin.score(&estimate).unwrap();
    assert_eq!(
        score.component_rmse,
        [(10.0_f64 / 4.0).sqrt(), (8.0_f64 / 4.0).sqrt()]
    );
    assert_eq!(score.rmse, (18.0_f64 / 8.0).sqrt());
    assert_eq!(score.observed_rmse, 2.0_f64.sqrt());
    assert_eq!(score.unobserved_rmse, Some(2.5_f64.sqrt()));
    assert!(score.parameter_errors.is_empty());

    let grid = Grid::uniform(0.0, 0.1, 3).unwrap();
    let truth = Simulation::new(grid, [0.5, 0.25, 0.75, 0.125])
        .from_state([10.0, 5.0])
        .flow(&LotkaVolterra)
        .unwrap();
    let all = Measurement::new(&[0, 1], Noise::scalar(1.0).unwrap());
    let twin = truth.observe(&all).unwrap();
    let estimate = Estimate::new(vec![truth.path.clone()], [0.75, 0.25, 0.5, 0.25]);
    let score = twin.score(&estimate).unwrap();
    assert_eq!(
        (score.rmse, score.observed_rmse, score.unobserved_rmse),
        (0.0, 0.0, None)
    );
    assert_eq!(score.parameter_errors, [0.25, 0.0, -0.25, 0.125]);
}

fn length<T: std::fmt::Debug>(result: deepest::Result<T>) -> (&'static str, usize, usize) {
    match result.unwrap_err() {
        Error::Length {
            what,
            expected,
            found,
            ..
        } => (what, expected, found),
        other => panic!("{other}"),
    }
}

#[test]
fn bad_simulations() {
    let grid = || Grid::uniform(0.0, 0.1, 4).unwrap();
    let good = || Simulation::new(grid(), [10.0, 28.0, 2.5]).from_state([1.0; 3]);
    good().flow(&Lorenz63).unwrap();
    assert_eq!(
        length(Simulation::new(grid(), [1.0]).flow(&Lorenz63)),
        ("parameters", 3, 1)
    );
    assert_eq!(
        length(good().from_state([1.0]).flow(&Lorenz63)),
        ("first state", 3, 1)
    );
    let result = good().from_state([1.0, f64::NAN, 0.0]).flow(&Lorenz63);
    assert!(matches!(
        result,
        Err(Error::NotFinite {
            what: "first state",
            ..
        })
    ));
    let result = Simulation::new(grid(), [f64::INFINITY, 1.0, 1.0]).flow(&Lorenz63);
    assert!(matches!(
        result,
        Err(Error::NotFinite {
            what: "parameter",
            ..
        })
    ));
    let result = good().substeps(0).flow(&Lorenz63);
    assert!(matches!(
        result,
        Err(Error::NotPositive {
            what: "sub-steps",
            ..
        })
    ));
    for (time, negative) in [(-1.0, true), (1e300, false)] {
        match good().spin_up(time).flow(&Lorenz63).unwrap_err() {
            Error::OutOfRange {
                what: "spin-up time",
                low,
                found,
                ..
            } => {
                assert_eq!((low, found), (0.0, time), "{negative}");
            }
            other => panic!("{other}"),
        }
    }
    let result = good().spin_up(f64::NAN).flow(&Lorenz63);
    assert!(matches!(
        result,
        Err(Error::NotFinite {
            what: "spin-up time",
            ..
        })
    ));
    let linear = Linear::new(Array2::eye(2)).unwrap();
    let result = Simulation::new(grid(), []).spin_up(1.0).layers(&linear);
    assert!(matches!(
        result,
        Err(Error::OutOfRange {
            what: "spin-up time",
            ..
        })
    ));
}

/// x_{n+1} = x_n² from 1e100 leaves the numbers at layer 2: 1e200, then 1e400.
#[test]
fn a_simulation_that_leaves_the_numbers_says_where() {
    struct Square;
    impl Model for Square {}
    impl Layers for Square {
        fn width(&self, _n: usize) -> usize {
            1
        }
        fn layer<S: Scalar>(
            &self,
            _n: usize,
            x: &[S],
            next: &[S],
            _p: &[S],
            _u: &[S],
            out: &mut [S],
        ) {
            out[0] = next[0] - x[0] * x[0];
        }
    }
    let grid = Grid::uniform(0.0, 1.0, 4).unwrap();
    match Simulation::new(grid, [])
        .from_state([1e100])
        .layers(&Square)
        .unwrap_err()
    {
        Error::ModelNotFinite {
            place,
            component,
            found,
        } => {
            assert_eq!((place.as_str(), component), ("simulation, layer 2", 0));
            assert_eq!(found, f64::INFINITY);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn bad_measurements_and_scores() {
    let truth = doubling();
    let noise = || Noise::scalar(0.5).unwrap();
    match truth
        .observe(&Measurement::new(&[0, 2], noise()))
        .unwrap_err()
    {
        Error::OutOfRange {
            what: "observed component",
            high,
            found,
            ..
        } => {
            assert_eq!((high, found), (1.0, 2.0));
        }
        other => panic!("{other}"),
    }
    match truth
        .observe(&Measurement::new(&[0], noise()).at_layers(&[1, 4]))
        .unwrap_err()
    {
        Error::OutOfRange {
            what: "measured layer",
            high,
            found,
            ..
        } => {
            assert_eq!((high, found), (3.0, 4.0));
        }
        other => panic!("{other}"),
    }
    let result = truth.observe(&Measurement::new(&[0], noise()).at_layers(&[2, 1]));
    assert!(matches!(result, Err(Error::Decreasing { index: 1, .. })));
    let result = truth.observe(&Measurement::new(&[0, 0], noise()));
    assert!(matches!(result, Err(Error::Duplicate { value: 0, .. })));
    assert!(matches!(
        truth.observe(&Measurement::new(&[], noise())),
        Err(Error::Empty { .. })
    ));
    let result = truth.observe(&Measurement::new(&[0], noise()).every(0));
    assert!(matches!(result, Err(Error::NotPositive { .. })));
    let exact = Measurement::new(&[0], Noise::scalar(0.0).unwrap());
    assert!(matches!(
        truth.observe(&exact),
        Err(Error::NotPositive { found: 0.0, .. })
    ));
    let two = Noise::diagonal([1.0, 1.0]).unwrap();
    assert_eq!(
        length(truth.observe(&Measurement::new(&[0], two))),
        ("standard deviations", 1, 2)
    );
    assert!(matches!(Noise::diagonal([]), Err(Error::Empty { .. })));
    assert!(matches!(
        Noise::scalar(f64::NAN),
        Err(Error::NotFinite { .. })
    ));
    match Noise::diagonal([1.0, -0.5]).unwrap_err() {
        Error::OutOfRange { place, found, .. } => {
            assert_eq!((place.as_str(), found), ("of observed component 1", -0.5));
        }
        other => panic!("{other}"),
    }

    let twin = truth.observe(&Measurement::new(&[0], noise())).unwrap();
    let estimate = |paths: Vec<Path>, parameters: Vec<f64>| Estimate::new(paths, parameters);
    let path = || truth.path.clone();
    assert_eq!(
        length(twin.score(&estimate(vec![], vec![]))),
        ("paths", 1, 0)
    );
    assert_eq!(
        length(twin.score(&estimate(vec![path()], vec![1.0]))),
        ("parameters", 0, 1)
    );
    let short = Path::from_array(Array2::zeros((3, 2)).view());
    assert_eq!(
        length(twin.score(&estimate(vec![short], vec![]))),
        ("layers", 4, 3)
    );
    let wide = Path::from_array(Array2::zeros((4, 3)).view());
    assert_eq!(
        length(twin.score(&estimate(vec![wide], vec![]))),
        ("components", 2, 3)
    );
}
