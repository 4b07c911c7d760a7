//! Where adaptive ladders end: behind the hill of the model error, and before
//! rounding counts.

use deepest::prelude::*;
use deepest::{End, Hill, StartResult};
use ndarray::Array2;

/// ẋ_i = a_i − k_i x_i, θ = (a, k).
struct Rests {
    width: usize,
}

impl Model for Rests {
    fn parameter_count(&self) -> usize {
        2 * self.width
    }
}

impl Flow for Rests {
    fn width(&self) -> usize {
        self.width
    }

    fn flow<S: Scalar>(&self, _t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
        let (a, k) = theta.split_at(self.width);
        for (i, slot) in dx.iter_mut().enumerate() {
            *slot = a[i] - k[i] * x[i];
        }
    }
}

fn fixed(value: f64) -> Parameter {
    Parameter::fixed(value)
}

fn within(low: f64, high: f64) -> Parameter {
    Bounds::new(low, high).unwrap().into()
}

/// Values of one component at all of these times, with one deviation.
fn values(component: usize, times: &[f64], values: &[f64], deviation: f64) -> Observations {
    let column = Array2::from_shape_vec((times.len(), 1), values.to_vec()).unwrap();
    let precision = Precision::from_deviation(deviation).unwrap();
    Observations::of_components(&[component], times, column, precision).unwrap()
}

fn all_to_the_end(action: &Action, starts: Starts) -> Annealing {
    let annealer = Annealer::new(Schedule::adaptive()).start_with(starts);
    let annealing = annealer.run(action).unwrap();
    for start in &annealing.starts {
        assert!(start.finished, "{:?}", start.stopped);
    }
    annealing
}

/// How large an R_f may be before residuals that are one rounding of states of this
/// size cost a hundredth of what is asked for, 10⁻² of the deviation of the action.
fn where_rounding_counts(residuals: f64, size: f64, freedom: f64) -> f64 {
    let asked = 1e-2 * (0.5 * freedom).sqrt();
    1e-2 * asked / (0.5 * residuals * (size * f64::EPSILON).powi(2))
}

fn last(start: &StartResult) -> &deepest::Level {
    start.levels.last().unwrap()
}

#[test]
fn exact_values_end_where_they_are_fitted() {
    // ẋ = −k x from six known states to one exact value each.
    let grid = Grid::uniform(0.0, 0.1, 11).unwrap();
    let mut builder = Action::builder(Rests { width: 1 }, SimpsonHermite);
    for x in 1..=6 {
        let x = f64::from(x);
        let data = values(0, &[1.0], &[x * (-0.7_f64).exp()], 0.01);
        let prior = StatePrior::new([x], Precision::from_deviation(1e-4).unwrap()).unwrap();
        let window = Window::new(grid.clone()).observations(data).unwrap();
        builder = builder.window(window.prior(prior));
    }
    let action = builder
        .parameter("a", fixed(0.0))
        .parameter("k", within(0.0, 10.0));
    let action = action.build().unwrap();
    let most = where_rounding_counts(60.0, 1.0, 5.0);
    for starts in [Starts::Nudged, Starts::Mean, Starts::Uniform] {
        let annealing = all_to_the_end(&action, starts);
        let (_, best) = annealing.best().unwrap();
        assert!(best.rf < most, "{:e}", best.rf);
        assert_eq!(best.hill, Hill::Behind);
        assert!(best.action.total < 1e-9, "{:?}", best.action);
        // The rule is exact to a few (0.07)⁵/180.
        assert!((best.estimate.parameters[1] - 0.7).abs() < 1e-6);
        // y = x e^{−k}: six slopes −x e^{−0.7} with errors of 0.01.
        let spreads = action.parameter_spreads(best.rf, &best.estimate).unwrap();
        let deviation = spreads[0].deviation.unwrap();
        assert!((deviation / 0.00211 - 1.0).abs() < 0.01, "{deviation}");
        assert!(spreads[0].identifiable);
    }
}

#[test]
fn constant_data_end_where_they_are_fitted() {
    // ẋ = a − x at rest.
    let grid = Grid::uniform(0.0, 0.5, 21).unwrap();
    let times = grid.times().to_vec();
    let data = values(0, &times, &[2.0; 21], 0.1);
    let window = Window::new(grid).observations(data).unwrap();
    let action = Action::builder(Rests { width: 1 }, SimpsonHermite)
        .window(window)
        .parameter("a", within(0.0, 10.0))
        .parameter("k", fixed(1.0))
        .build()
        .unwrap();
    let most = where_rounding_counts(20.0, 2.0, 19.0);
    for starts in [Starts::Nudged, Starts::Mean] {
        let annealing = all_to_the_end(&action, starts);
        let (_, best) = annealing.best().unwrap();
        assert!(best.rf < most, "{:e}", best.rf);
        assert!(best.action.total < 1e-9, "{:?}", best.action);
        assert!((best.estimate.parameters[0] - 2.0).abs() < 1e-9);
        let spreads = action.parameter_spreads(best.rf, &best.estimate).unwrap();
        let deviation = spreads[0].deviation.unwrap();
        assert!((deviation / 0.0243 - 1.0).abs() < 0.02, "{deviation}");
        assert!(spreads[0].identifiable);
    }
}

/// X₁ → X₂ → X₃ → ∅.
struct Chain;

impl Model for Chain {
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Flow for Chain {
    fn width(&self) -> usize {
        3
    }

    fn flow<S: Scalar>(&self, _t: S, x: &[S], k: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = -k[0] * x[0];
        dx[1] = k[0] * x[0] - k[1] * x[1];
        dx[2] = k[1] * x[1] - k[2] * x[2];
    }
}

#[test]
fn layers_too_far_apart_end_too() {
    let [k1, k2, k3] = [100.0, 20.0, 3.0_f64];
    let times: Vec<f64> = (1..=20).map(|k| f64::from(k) / 20.0).collect();
    let exact = |t: f64| {
        let e = |k: f64| (-k * t).exp();
        let b = 5.0 * k1 / (k2 - k1);
        let c1 = b * k2 / (k3 - k1);
        let c2 = -b * k2 / (k3 - k2);
        [
            5.0 * e(k1),
            b * (e(k1) - e(k2)),
            c1 * e(k1) + c2 * e(k2) - (c1 + c2) * e(k3),
        ]
    };
    let rows: Vec<[f64; 3]> = times.iter().map(|&t| exact(t)).collect();
    let precisions = rows
        .iter()
        .map(|row| Precision::diagonal(row.map(|v| (0.1 * v).powi(-2))).unwrap());
    let data = Observations::of_components(
        &[0, 1, 2],
        &times[..],
        Array2::from(rows.clone()),
        Precision::scalar(1.0).unwrap(),
    );
    let data = data.unwrap().precisions(precisions.collect()).unwrap();
    let grid = Grid::from_times(&times, 2).unwrap();
    let residuals = 3.0 * (grid.layers() - 1) as f64;
    let window = Window::new(grid).observations(data).unwrap();
    let mut builder = Action::builder(Chain, SimpsonHermite).window(window);
    for name in ["k1", "k2", "k3"] {
        builder = builder.parameter(name, within(0.0, 200.0));
    }
    let action = builder.build().unwrap();
    let annealing = all_to_the_end(&action, Starts::Mean);
    let (_, best) = annealing.best().unwrap();
    assert!(
        best.rf < where_rounding_counts(residuals, 0.1, 54.0),
        "{:e}",
        best.rf
    );
}

#[test]
fn a_small_model_error_before_its_hill_is_no_end() {
    // ẋ = −x, measured twice at each of five times: at a small R_f the path goes
    // through the means, with a model error below what is asked for and a
    // measurement error that stays.
    let grid = Grid::uniform(0.0, 0.5, 9).unwrap();
    let times: Vec<f64> = grid.times().iter().copied().step_by(2).collect();
    let (one, two) = ([3.0, 1.6, 0.5, 0.9, -0.3], [2.0, 0.4, 1.1, -0.5, 0.9]);
    let window = Window::new(grid.clone())
        .observations(values(0, &times, &one, 0.5))
        .unwrap()
        .observations(values(0, &times, &two, 0.5))
        .unwrap();
    let action = Action::builder(Rests { width: 1 }, Trapezoid)
        .window(window)
        .parameter("a", fixed(0.0))
        .parameter("k", fixed(1.0))
        .build()
        .unwrap();
    // x_n = ρⁿ x₀ with ρ = (1 − h/2)/(1 + h/2), and the best x₀.
    let rho: f64 = 0.75 / 1.25;
    let slopes: Vec<f64> = (0..5).map(|k| rho.powi(2 * k)).collect();
    let pairs = || slopes.iter().zip(one).chain(slopes.iter().zip(two));
    let x0 = pairs().map(|(s, y)| s * y).sum::<f64>() / pairs().map(|(s, _)| s * s).sum::<f64>();
    let limit = 0.5
        * pairs()
            .map(|(s, y)| ((y - s * x0) / 0.5).powi(2))
            .sum::<f64>();
    let annealing = all_to_the_end(&action, Starts::Mean);
    let start = &annealing.starts[0];
    let asked = 1e-2 * (0.5 * 9.0_f64).sqrt();
    let small = |level: &&deepest::Level| level.action.model < asked;
    let early: Vec<_> = start.levels.iter().take_while(small).collect();
    assert!(!early.is_empty() && early.len() < start.levels.len());
    assert!(early.iter().all(|level| level.hill == Hill::Before));
    assert!(early[0].action.model < early[0].action.measurement);
    let level = last(start);
    assert_eq!(
        (level.hill, start.end),
        (Hill::Behind, Some(End::ModelError))
    );
    // Behind u = 3 the rest is below 4/3 of the model error.
    let rest = limit - level.action.total;
    assert!(0.0 < rest && rest < 4.0 / 3.0 * asked, "{rest}");
}

#[test]
fn every_window_and_every_component_is_behind_its_own_hill() {
    // Two of a kind, but for one the model errs a million times more: its hill comes
    // at an R_f that is 10¹² times larger, when the other is long over.
    let grid = Grid::uniform(0.0, 0.5, 9).unwrap();
    let times = grid.times().to_vec();
    let y = [3.0, 1.6, 0.5, 0.9, -0.3, 0.8, -0.6, 0.4, 0.1];
    let rho: f64 = 0.75 / 1.25;
    let slopes: Vec<f64> = (0..9).map(|k| rho.powi(k)).collect();
    let pairs = || slopes.iter().zip(y);
    let x0 = pairs().map(|(s, y)| s * y).sum::<f64>() / pairs().map(|(s, _)| s * s).sum::<f64>();
    let limit = pairs()
        .map(|(s, y)| ((y - s * x0) / 0.5).powi(2))
        .sum::<f64>();
    let window = |component: usize| {
        let data = values(component, &times, &y, 0.5);
        Window::new(grid.clone()).observations(data).unwrap()
    };
    let apart = Action::builder(Rests { width: 1 }, Trapezoid)
        .window(window(0))
        .window(window(0).precision_factors([1e-12; 8]).unwrap())
        .parameter("a", fixed(0.0))
        .parameter("k", fixed(1.0))
        .build()
        .unwrap();
    let both = window(0).observations(values(1, &times, &y, 0.5)).unwrap();
    let mut together = Action::builder(Rests { width: 2 }, Trapezoid)
        .window(both)
        .model_precision(Precision::diagonal([1.0, 1e-12]).unwrap());
    for (name, value) in [("a", 0.0), ("b", 0.0), ("k", 1.0), ("l", 1.0)] {
        together = together.parameter(name, fixed(value));
    }
    let asked = 1e-2 * (0.5 * 16.0_f64).sqrt();
    let of = |annealing: &Annealing| {
        let level = last(&annealing.starts[0]);
        assert_eq!(level.hill, Hill::Behind);
        limit - level.action.total
    };
    let rests = [
        of(&all_to_the_end(&apart, Starts::Mean)),
        of(&all_to_the_end(&together.build().unwrap(), Starts::Mean)),
    ];
    for rest in rests {
        assert!(0.0 < rest && rest < 2.0 * asked, "{rest}");
    }
}

#[test]
fn states_at_rest_have_a_share_of_their_own() {
    // One component decays, one is stuck where the model leaves it: its residuals
    // are zero, and its unit is the deviation of its errors.
    let grid = Grid::uniform(0.0, 0.25, 21).unwrap();
    let times = grid.times().to_vec();
    let decays: Vec<f64> = times.iter().map(|t| 3.0 * (-t).exp()).collect();
    let window = Window::new(grid)
        .observations(values(0, &times, &decays, 0.1))
        .unwrap()
        .observations(values(1, &times, &[500.0; 21], 2.0))
        .unwrap();
    let mut builder = Action::builder(Rests { width: 2 }, SimpsonHermite).window(window);
    for (name, parameter) in [
        ("a", fixed(0.0)),
        ("b", fixed(500.0)),
        ("k", within(0.1, 4.0)),
        ("l", fixed(1.0)),
    ] {
        builder = builder.parameter(name, parameter);
    }
    let action = builder.build().unwrap().balanced().unwrap();
    let shape = action.model_precision().to_matrix(2).unwrap();
    // A tenth of 2 in ten intervals.
    assert!(
        (shape[(1, 1)] * 0.02_f64.powi(2) - 1.0).abs() < 1e-12,
        "{shape}"
    );
    let annealing = all_to_the_end(&action, Starts::Nudged);
    let (_, best) = annealing.best().unwrap();
    assert!((best.estimate.parameters[2] - 1.0).abs() < 1e-3);
    assert!(best.action.total < 1e-2, "{:?}", best.action);
}

#[test]
fn components_that_are_not_measured_have_a_unit_too() {
    // The second component rests at zero, where the model leaves it: in the middle
    // of its bounds, at its bound, at its prior's mean, or of unknown size.
    let grid = Grid::uniform(0.0, 0.25, 21).unwrap();
    let times = grid.times().to_vec();
    let decays: Vec<f64> = times.iter().map(|t| 3.0 * (-t).exp() - 1.0).collect();
    let mean = decays.iter().sum::<f64>() / 21.0;
    let of_all = decays.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 21.0;
    let prior = StatePrior::new([2.0, 0.0], Precision::diagonal([1.0, 4.0]).unwrap()).unwrap();
    let free = Bounds::new(f64::NEG_INFINITY, f64::INFINITY).unwrap();
    let low = Bounds::new(mean, f64::INFINITY).unwrap();
    for (bounds, prior, rests, unit) in [
        (Bounds::new(-8.0, 8.0).unwrap(), None, 0.0, 4.0),
        (low, None, mean, of_all.sqrt()),
        (free, Some(prior), 0.0, 0.5),
        (free, None, mean, of_all.sqrt()),
    ] {
        let mut window = Window::new(grid.clone())
            .observations(values(0, &times, &decays, 0.1))
            .unwrap();
        if let Some(prior) = prior {
            window = window.prior(prior);
        }
        let mut builder = Action::builder(Rests { width: 2 }, SimpsonHermite)
            .window(window)
            .state_bounds(1, bounds);
        for (name, value) in [("a", -1.0), ("b", rests), ("k", 1.0), ("l", 1.0)] {
            builder = builder.parameter(name, fixed(value));
        }
        let action = builder.build().unwrap().balanced().unwrap();
        let shape = action.model_precision().to_matrix(2).unwrap();
        // A tenth of the unit in ten intervals; ẋ = b − x is zero to rounding of b.
        let expected = (0.01 * unit).powi(-2);
        assert!(
            (shape[(1, 1)] / expected - 1.0).abs() < 1e-9,
            "{shape} {expected}"
        );
    }
}
