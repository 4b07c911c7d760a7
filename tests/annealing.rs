//! The annealer: identities of the ladder, the same bits for any number of
//! threads, cancellation, work counters, and models that break on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use deepest::models::{Linear, Lorenz63, Lorenz96};
use deepest::prelude::*;
use deepest::{Curvature, Path, StartResult};
use fixtures::Noise as Random;
use fixtures::dense::solve;
use ndarray::{Array2, array, s};

/// Lorenz-96 with even components measured, σ = 0.5, in the settings of the
/// varanneal tutorial.
fn lorenz96(sites: usize, layers: usize) -> (Twin, Action<Lorenz96, SimpsonHermite>) {
    let model = Lorenz96 { sites };
    let truth = Simulation::new(Grid::uniform(0.0, 0.025, layers).unwrap(), [8.17])
        .spin_up(20.0)
        .seed(1)
        .flow(&model)
        .unwrap();
    let even: Vec<usize> = (0..sites).step_by(2).collect();
    let noise = Noise::scalar(0.5).unwrap();
    let twin = truth
        .observe(&Measurement::new(&even, noise).seed(2))
        .unwrap();
    let action = Action::builder(model, SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .normalization(Normalization::Mean)
        .build()
        .unwrap();
    (twin, action)
}

fn schedule(last: i32) -> Schedule {
    Schedule::geometric(4e-6, 1.5, 0..=last).unwrap()
}

fn go(_: deepest::minimize::Iteration) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn reached(start: &StartResult) {
    assert!(start.finished);
    for level in &start.levels {
        assert!(
            matches!(
                level.termination,
                Termination::Converged | Termination::RoundingLimit
            ),
            "beta {}: {:?} after {:?}",
            level.beta,
            level.termination,
            level.work
        );
    }
}

#[test]
fn the_ladder_of_a_twin() {
    let (twin, action) = lorenz96(20, 161);
    let annealing = Annealer::new(schedule(60)).starts(2).run(&action).unwrap();
    for start in &annealing.starts {
        reached(start);
        // Four and a half factorizations a level.
        let work = start.work();
        assert!(work.factorizations <= 280, "{work:?}");
        assert!(work.iterations <= work.factorizations);
        assert!(work.evaluations >= work.iterations);
    }
    // The lowest action A(R_f) is a minimum over paths of functions that are
    // affine in R_f: increasing and concave, with the model error as its
    // derivative by ln R_f.
    let levels = |k: usize| {
        let all = annealing.starts.iter().map(move |s| &s.levels[k]);
        all.min_by(|a, b| a.action.total.total_cmp(&b.action.total))
            .unwrap()
    };
    let lowest: Vec<_> = (0..61).map(levels).collect();
    for pair in lowest.windows(2) {
        let [a, b] = pair else { unreachable!() };
        // Minima are found to 1e-9 of their value.
        let slack = 2e-9 * b.action.total;
        assert!(b.action.total >= a.action.total - slack, "beta {}", b.beta);
        let tangent = a.action.total + (b.rf / a.rf - 1.0) * a.action.model;
        assert!(b.action.total <= tangent + slack, "beta {}", b.beta);
    }
    for triple in lowest.windows(3) {
        let [a, b, c] = triple else { unreachable!() };
        let (left, right) = (b.rf - a.rf, c.rf - b.rf);
        let first = (b.action.total - a.action.total) / left;
        let second = (c.action.total - b.action.total) / right;
        let slack = 2e-9 * (b.action.total / left + c.action.total / right);
        assert!(
            second <= first + slack,
            "beta {}: {first:e}, then {second:e}",
            b.beta
        );
    }
    // What the lowest level must be: about 1 − (D + P)/K_y with a standard
    // deviation of √(2/K_y), six of which are allowed.
    let (_, best) = annealing.best().unwrap();
    let measured = action.counts().measured as f64;
    assert_eq!(measured, 1610.0);
    // R_m = 1/σ² = 4 in `mean`: two times ½.
    let expected = 1.0 - 21.0 / measured;
    assert!(
        (best.action.total - expected).abs() <= 6.0 * (2.0 / measured).sqrt(),
        "{:?}",
        best.action
    );
    let score = twin.score(&best.estimate).unwrap();
    assert!(score.unobserved_rmse.unwrap() < 0.5, "{score:?}");
}

#[test]
fn the_derivative_by_the_logarithm_of_rf_is_the_model_error() {
    let (_, action) = lorenz96(10, 81);
    let annealer = Annealer::new(schedule(45)).starts(1);
    let start = &annealer.run(&action).unwrap().starts[0];
    let exact = || GaussNewton::default().tolerance(1e-13).unwrap();
    for beta in [5, 20, 30, 45] {
        let level = &start.levels[beta];
        let mut x = action.pack(&level.estimate).unwrap();
        let mut at = action.at(level.rf).unwrap();
        exact().minimize(&mut at, &mut x, &mut go);
        let terms = at.terms(&x);
        let delta = 1e-3_f64;
        let mut side = |sign: f64| {
            let mut x = x.clone();
            at.set_rf(level.rf * (sign * delta).exp()).unwrap();
            exact().minimize(&mut at, &mut x, &mut go).value
        };
        let slope = (side(1.0) - side(-1.0)) / (2.0 * delta);
        // A changes by its own size over a unit of ln R_f, and so do its
        // derivatives: the difference errs by about A δ²/6.
        let error = (slope - terms.model).abs();
        assert!(
            error <= delta * delta * terms.total,
            "beta {beta}: {slope} {}",
            terms.model
        );
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let (_, action) = lorenz96(8, 41);
    for starts in [Starts::Nudged, Starts::Uniform] {
        let run = |threads, seed| {
            Annealer::new(schedule(40))
                .starts(5)
                .start_with(starts.clone())
                .seed(seed)
                .threads(threads)
                .run(&action)
                .unwrap()
        };
        let first = run(1, 3);
        assert_eq!(first.starts.len(), 5);
        for (index, start) in first.starts.iter().enumerate() {
            assert_eq!(start.index, index);
            assert_eq!(start.levels.len(), 41);
        }
        for threads in [1, 2, 5] {
            let other = run(threads, 3);
            assert_eq!(first, other, "{threads} threads");
            // Equality of numbers takes 0 for −0: compare the bits too.
            for (a, b) in first.starts.iter().zip(&other.starts) {
                let bits = |s: &StartResult| -> Vec<u64> {
                    let paths = s.levels.iter().flat_map(|l| l.estimate.paths[0].values());
                    paths.map(|v| v.to_bits()).collect()
                };
                assert_eq!(bits(a), bits(b), "{threads} threads");
            }
        }
        let other = run(2, 4);
        assert_ne!(
            first.starts[0].levels[0].estimate,
            other.starts[0].levels[0].estimate
        );
        let seeds: std::collections::HashSet<_> = first.starts.iter().map(|s| s.seed).collect();
        assert_eq!(seeds.len(), 5);
    }
}

#[test]
fn an_observer_stops_everything_and_what_was_reached_survives() {
    let (_, action) = lorenz96(8, 41);
    let annealer = || Annealer::new(schedule(20)).starts(2).threads(1);
    let full = annealer().run(&action).unwrap();
    reached(&full.starts[0]);

    let nothing = annealer()
        .run_observed(&action, &|_| ControlFlow::Break(()))
        .unwrap();
    assert!(nothing.best().is_none());
    assert!(
        nothing
            .starts
            .iter()
            .all(|s| s.levels.is_empty() && !s.finished)
    );

    // At the second iteration of a level.
    let stopped = annealer()
        .run_observed(&action, &|event| match event {
            Event::Iteration {
                beta: 7.0,
                number: 2,
                ..
            } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
        .unwrap();
    let start = &stopped.starts[0];
    assert!(!start.finished);
    assert_eq!(start.levels.len(), 8);
    assert_eq!(start.levels[..7], full.starts[0].levels[..7]);
    let last = &start.levels[7];
    assert_eq!(
        (last.termination, last.work.iterations),
        (Termination::Cancelled, 2)
    );
    // The cancelled level holds the point it had come to.
    let terms = action.terms(last.rf, &last.estimate).unwrap();
    assert_eq!(terms, last.action);
    assert!(terms.total >= full.starts[0].levels[7].action.total * (1.0 - 1e-9));
    assert!(stopped.starts[1].levels.is_empty());

    // When a level was reached.
    let events = AtomicUsize::new(0);
    let stopped = annealer()
        .run_observed(&action, &|event| {
            events.fetch_add(1, Ordering::Relaxed);
            match event {
                Event::LevelReached {
                    beta: 3.0,
                    start: 0,
                    action: value,
                    ..
                } => {
                    assert_eq!(value, full.starts[0].levels[3].action.total);
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    assert_eq!(stopped.starts[0].levels, full.starts[0].levels[..4]);
    assert!(!stopped.starts[0].finished);
    let (_, best) = stopped.best().unwrap();
    assert_eq!(*best, full.starts[0].levels[3]);
    // Once it has broken off, the observer is left alone.
    let iterations: usize = stopped.starts[0]
        .levels
        .iter()
        .map(|l| l.work.iterations)
        .sum();
    assert_eq!(events.into_inner(), 1 + iterations + 4);
}

#[test]
fn events_tell_the_whole_story() {
    let (_, action) = lorenz96(8, 41);
    let counts: [AtomicUsize; 4] = std::array::from_fn(|_| AtomicUsize::new(0));
    let annealing = Annealer::new(schedule(10))
        .starts(3)
        .threads(2)
        .run_observed(&action, &|event| {
            let kind = match event {
                Event::StartBegan { .. } => 0,
                Event::Iteration { .. } => 1,
                Event::LevelReached { .. } => 2,
                _ => 3,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
            ControlFlow::Continue(())
        })
        .unwrap();
    let counts = counts.map(AtomicUsize::into_inner);
    assert_eq!(counts, [3, annealing.work().iterations, 33, 3]);
}

#[test]
fn beta_may_be_any_increasing_numbers() {
    let (_, action) = lorenz96(8, 41);
    let betas = [-2.5, 0.0, 0.1, 12.75, 40.5];
    let schedule = Schedule::geometric(4e-6, 1.5, betas).unwrap();
    let start = &Annealer::new(schedule)
        .starts(1)
        .run(&action)
        .unwrap()
        .starts[0];
    reached(start);
    for (level, beta) in start.levels.iter().zip(betas) {
        assert_eq!(level.beta, beta);
        approx::assert_relative_eq!(level.rf, 4e-6 * 1.5_f64.powf(beta), max_relative = 1e-15);
    }
}

#[test]
fn a_given_start_begins_where_it_says() {
    let (twin, action) = lorenz96(8, 41);
    let estimate = Estimate {
        paths: vec![twin.truth.clone()],
        parameters: vec![8.17],
    };
    let before = action.terms(4e-6, &estimate).unwrap().total;
    let first = std::sync::Mutex::new(None);
    let annealing = Annealer::new(schedule(3))
        .starts(2)
        .start_with(Starts::Given(estimate.clone()))
        .run_observed(&action, &|event| {
            if let Event::Iteration {
                number: 1,
                beta: 0.0,
                action,
                ..
            } = event
            {
                first.lock().unwrap().get_or_insert(action);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(first.into_inner().unwrap().unwrap() < before);
    assert!(annealing.starts.iter().all(|s| s.kind == "given"));
    assert_eq!(annealing.starts[0].levels, annealing.starts[1].levels);
    // The same walk as the minimizer's own, from the same point, but for the
    // annealer's scales, of which a converged minimum knows nothing.
    let mut x = action.pack(&estimate).unwrap();
    let mut at = action.at(4e-6).unwrap();
    let outcome = GaussNewton::default().minimize(&mut at, &mut x, &mut go);
    let level = &annealing.starts[0].levels[0];
    approx::assert_relative_eq!(outcome.value, level.action.total, max_relative = 2e-9);
}

#[test]
fn both_minimizers_find_the_same_action() {
    let (twin, action) = lorenz96(20, 161);
    let rf = 4e-6 * 1.5_f64.powi(30);
    let estimate = Estimate {
        paths: vec![twin.truth.clone()],
        parameters: vec![8.17],
    };
    let x = action.pack(&estimate).unwrap();
    let mut at = action.at(rf).unwrap();
    let (mut a, mut b) = (x.clone(), x);
    let newton = GaussNewton::default().tolerance(1e-12).unwrap();
    let newton = newton.minimize(&mut at, &mut a, &mut go);
    let limited = Lbfgs::default()
        .max_iterations(20_000)
        .tolerance(1e-13)
        .unwrap();
    let limited = limited.minimize(&mut at, &mut b, &mut go);
    assert_eq!(limited.work.factorizations, 0);
    approx::assert_relative_eq!(newton.value, limited.value, max_relative = 1e-8);
}

/// A chain x_{n+1} = Mx_n with every state measured, R_m = 1, and x₀ ~ N(0, 1).
/// Integrating the states out leaves y ~ N(0, S) with S = 1 + LCLᵀ, where
/// (x₀, w₁, w₂, …) of covariance C = diag(1, 1/R_f, …) gives the path by L, so
/// the lowest action is ½ yᵀS⁻¹y: an oracle that is well conditioned where the
/// Hessian, with a condition number of about R_f, is not.
struct Chain {
    action: Action<Linear, Map>,
    propagator: Array2<f64>,
    values: Array2<f64>,
}

impl Chain {
    const LAYERS: usize = 9;

    fn new() -> Self {
        let matrix = array![[0.8, 0.6], [-0.6, 0.8]];
        let (n, d) = (Self::LAYERS, 2);
        let mut propagator = Array2::zeros((n * d, n * d));
        for k in 0..n {
            let mut power = Array2::<f64>::eye(d);
            for m in k..n {
                let mut block = propagator.slice_mut(s![m * d..(m + 1) * d, k * d..(k + 1) * d]);
                block.assign(&power);
                power = matrix.dot(&power);
            }
        }
        let grid = Grid::uniform(0.0, 1.0, n).unwrap();
        let mut noise = Random(31);
        let values = Array2::from_shape_fn((n, d), |_| 2.0 * noise.next());
        let one = || Precision::scalar(1.0).unwrap();
        let times = grid.times().to_vec();
        let data = Observations::of_components(&[0, 1], times, values.clone(), one()).unwrap();
        let prior = StatePrior::new([0.0, 0.0], one()).unwrap();
        let window = Window::new(grid).observations(data).unwrap().prior(prior);
        let action = Action::builder(Linear::new(matrix).unwrap(), Map)
            .window(window)
            .build()
            .unwrap();
        Self {
            action,
            propagator,
            values,
        }
    }

    fn lowest(&self, rf: f64) -> f64 {
        let order = self.propagator.nrows();
        let c = Array2::from_shape_fn((order, order), |(i, j)| match (i == j, i < 2) {
            (false, _) => 0.0,
            (true, true) => 1.0,
            (true, false) => 1.0 / rf,
        });
        let s = Array2::eye(order) + self.propagator.dot(&c).dot(&self.propagator.t());
        let y = Array2::from_shape_vec((order, 1), self.values.iter().copied().collect()).unwrap();
        0.5 * (&y * &solve(&s, &y)).sum()
    }
}

#[test]
fn a_linear_problem_is_solved_at_every_rf() {
    let chain = Chain::new();
    for exponent in -6..=12 {
        let rf = 10.0_f64.powi(exponent);
        let expected = chain.lowest(rf);
        let solve = |minimizer: &dyn Minimizer| {
            let mut at = chain.action.at(rf).unwrap();
            let mut x = vec![0.5; at.dimension()];
            let outcome = minimizer.minimize(&mut at, &mut x, &mut go);
            let name = minimizer.name();
            assert!(
                matches!(
                    outcome.termination,
                    Termination::Converged | Termination::RoundingLimit
                ),
                "{name}, R_f = 1e{exponent}: {outcome:?}"
            );
            let error = (outcome.value - expected).abs() / expected;
            assert!(error <= 1e-8, "{name}, R_f = 1e{exponent}: {error:e}");
            outcome.work
        };
        // One step is exact, one more sees that nothing is left, and one may
        // take away what a condition of R_f made of rounding.
        assert!(solve(&GaussNewton::default()).factorizations <= 3);
        solve(&Lbfgs::default());
    }
}

/// Lorenz-63 with component `i` in units of 1/scale[i].
struct Scaled([f64; 3]);

impl Model for Scaled {
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Flow for Scaled {
    fn width(&self) -> usize {
        3
    }
    fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        let plain: [S; 3] = std::array::from_fn(|i| x[i] / self.0[i]);
        Lorenz63.flow(t, &plain, theta, input, dx);
        for (slot, scale) in dx.iter_mut().zip(self.0) {
            *slot = *slot * scale;
        }
    }
}

#[test]
fn units_change_no_count() {
    let parameters = [10.0, 28.0, 8.0 / 3.0];
    let truth = Simulation::new(Grid::uniform(0.0, 0.02, 81).unwrap(), parameters)
        .spin_up(10.0)
        .seed(1)
        .flow(&Lorenz63)
        .unwrap();
    let twin = truth
        .observe(&Measurement::new(&[0, 1], Noise::scalar(1.0).unwrap()))
        .unwrap();
    let annealed = |scale: [f64; 3], minimizer: GaussNewton| {
        let squares = scale.map(|s| 1.0 / (s * s));
        let values = twin.observations.values();
        let values = Array2::from_shape_fn(values.dim(), |(n, l)| values[(n, l)] * scale[l]);
        let precision = Precision::diagonal(&squares[..2]).unwrap();
        let times = twin.grid.times().to_vec();
        let data = Observations::of_components(&[0, 1], times, values, precision).unwrap();
        let mut builder = Action::builder(Scaled(scale), SimpsonHermite)
            .window(Window::new(twin.grid.clone()).observations(data).unwrap())
            .model_precision(Precision::diagonal(squares).unwrap());
        for (k, value) in parameters.into_iter().enumerate() {
            let bounds = Bounds::new(0.5 * value, 2.0 * value).unwrap();
            builder = builder.parameter(format!("p{k}"), bounds);
        }
        // Far from the truth: observed components as measured, the third flat
        // but for a wave.
        let layers = (0..81).map(|n| {
            let seen = twin.observations.values().row(n);
            let third = 20.0 + (n as f64 * 0.3).sin();
            [seen[0] * scale[0], seen[1] * scale[1], third * scale[2]]
        });
        let estimate = Estimate {
            paths: vec![Path::from_layers(layers)],
            parameters: vec![9.0, 30.0, 2.0],
        };
        let schedule = Schedule::geometric(1e-4, 2.0, 0..30).unwrap();
        let annealer = Annealer::new(schedule).starts(1).minimizer(minimizer);
        let action = builder.build().unwrap();
        annealer
            .start_with(Starts::Given(estimate))
            .run(&action)
            .unwrap()
    };
    for curvature in [Curvature::GaussNewton, Curvature::Exact] {
        let minimizer = || GaussNewton::default().curvature(curvature);
        let plain = annealed([1.0; 3], minimizer());
        reached(&plain.starts[0]);
        for scale in [[1e6, 1.0, 1.0], [1.0, 1e6, 1.0], [1.0, 1.0, 1e6]] {
            let scaled = annealed(scale, minimizer());
            for (a, b) in plain.starts[0].levels.iter().zip(&scaled.starts[0].levels) {
                assert_eq!(a.work, b.work, "{curvature:?}, {scale:?}, beta {}", a.beta);
                assert_eq!(a.termination, b.termination);
                approx::assert_relative_eq!(a.action.total, b.action.total, max_relative = 1e-8);
            }
        }
    }
}

/// ẋ = −√x is NaN below zero, where a step from noisy data may lead.
#[test]
fn a_model_that_breaks_on_the_way_makes_the_minimizer_step_back() {
    struct Root;
    impl Model for Root {}
    impl Flow for Root {
        fn width(&self) -> usize {
            1
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = -x[0].sqrt();
        }
    }
    // Down to zero, with errors that go below it; the start is above.
    let grid = Grid::uniform(0.0, 0.1, 19).unwrap();
    let values = Array2::from_shape_fn((19, 1), |(n, _)| {
        (1.0 - 0.05 * n as f64).powi(2) + [0.1, -0.1][n % 2]
    });
    assert!(values.iter().any(|y| *y < 0.0));
    let precision = Precision::scalar(100.0).unwrap();
    let data = Observations::of_components(&[0], grid.times().to_vec(), values, precision);
    let action = Action::builder(Root, Trapezoid)
        .window(Window::new(grid).observations(data.unwrap()).unwrap())
        .build()
        .unwrap();
    let estimate = Estimate {
        paths: vec![Path::from_layers((0..19).map(|_| [0.5]))],
        parameters: vec![],
    };
    let schedule = Schedule::geometric(1e-3, 1.5, 0..=60).unwrap();
    let annealer = Annealer::new(schedule).starts(1);
    let annealing = annealer
        .start_with(Starts::Given(estimate.clone()))
        .run(&action)
        .unwrap();
    let start = &annealing.starts[0];
    assert!(start.finished);
    let mut x = action.pack(&estimate).unwrap();
    let before = action.at(1e-3).unwrap().value(&x);
    // The minimum has states below zero, where nothing can go: the walk ends
    // at the edge and does not say that it converged.
    let first = &start.levels[0];
    assert!(first.action.total < before);
    assert!(
        matches!(
            first.termination,
            Termination::NoProgress | Termination::RoundingLimit
        ),
        "{first:?}"
    );
    for level in &start.levels {
        assert!(level.action.total.is_finite());
        assert_ne!(level.termination, Termination::IterationLimit);
        let states = level.estimate.paths[0].values();
        assert!(states.iter().all(|x| *x >= 0.0));
    }
    let outcome = Lbfgs::default().minimize(&mut action.at(1e-3).unwrap(), &mut x, &mut go);
    assert!(outcome.value.is_finite() && outcome.value < before);
    // A point where the model is NaN is no start.
    let mut x = vec![-1.0; 19];
    let outcome = GaussNewton::default().minimize(&mut action.at(1.0).unwrap(), &mut x, &mut go);
    assert_eq!(outcome.termination, Termination::NonFinite);
    assert_eq!(outcome.work.factorizations, 0);
}

/// Lorenz-96 of the varanneal tutorial, when the folder of its data is named
/// in DEEPEST_DATA: the lowest levels known, to their last digit. (Below β = 20
/// the action is flat, and lower minima than the published ones exist.)
#[test]
fn published_levels_of_the_varanneal_tutorial() {
    let Some(folder) = std::env::var_os("DEEPEST_DATA") else {
        println!("skipped: DEEPEST_DATA names no folder with lorenz96_data.npy");
        return;
    };
    let table = deepest::io::read_npy(std::path::Path::new(&folder).join("lorenz96_data.npy"));
    let table = table.unwrap();
    /// β, the lowest level known, and its last digit.
    type Known = (usize, f64, f64);
    let known: [(&[usize], &[Known]); 2] = [
        (
            &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18],
            &[(60, 0.963955, 1e-6)],
        ),
        (
            &[0, 2, 4, 6, 8, 10, 14, 16],
            &[
                (20, 2.186e-3, 1e-6),
                (30, 0.105917, 1e-6),
                (40, 0.735030, 1e-6),
                (50, 0.943736, 1e-6),
                (60, 0.973995, 1e-6),
                (100, 0.976402, 1e-6),
            ],
        ),
    ];
    for (components, levels) in known {
        let columns: Vec<usize> = components.iter().map(|c| c + 1).collect();
        let values = table.select(ndarray::Axis(1), &columns);
        let times = table.column(0).to_vec();
        let precision = Precision::scalar(4.0).unwrap();
        let grid = Grid::new(times.clone()).unwrap();
        let data = Observations::of_components(components, times, values, precision).unwrap();
        let action = Action::builder(Lorenz96 { sites: 20 }, SimpsonHermite)
            .window(Window::new(grid).observations(data).unwrap())
            .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
            .normalization(Normalization::Mean)
            .build()
            .unwrap();
        let last = levels[levels.len() - 1].0 as i32;
        let annealing = Annealer::new(schedule(last))
            .starts(2)
            .run(&action)
            .unwrap();
        for &(beta, expected, digit) in levels {
            let all = annealing.starts.iter().map(|s| s.levels[beta].action.total);
            let lowest = all.fold(f64::INFINITY, f64::min);
            assert!(
                (lowest - expected).abs() <= 0.51 * digit,
                "beta {beta}: {lowest}"
            );
        }
        let (_, best) = annealing.best().unwrap();
        assert!((best.estimate.parameters[0] - 8.17).abs() < 0.02);
    }
}
