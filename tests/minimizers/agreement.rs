//! The minimizers on actions: against each other, against exact values at
//! every R_f, in other units, and where a model breaks.

use crate::fixtures;

use crate::fixtures::dense::solve;
use crate::fixtures::ladder::{go, lorenz96, reached};
use deepest::models::{Linear, Lorenz63};
use deepest::prelude::*;
use deepest::{Curvature, Path};
use ndarray::{Array2, array, s};

#[test]
fn both_minimizers_find_the_same_action() {
    let (twin, action) = lorenz96(20, 161);
    let rf = 4e-6 * 1.5_f64.powi(30);
    let estimate = Estimate::new(vec![twin.truth.clone()], vec![8.17]);
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
    action: Action,
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
        let mut noise = fixtures::Noise(31);
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
        let estimate = Estimate::new(vec![Path::from_layers(layers)], vec![9.0, 30.0, 2.0]);
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
    let estimate = Estimate::new(vec![Path::from_layers((0..19).map(|_| [0.5]))], vec![]);
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
