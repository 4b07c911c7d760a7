//! Parameters that walk, that every window has of its own, that are fixed or
//! have priors: against normal equations and closed forms. Condition numbers
//! are below 10⁴, so that 1e-10 relative is far above rounding.

use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::cases::Shape;
use crate::fixtures::dense::{Normal, inverse};
use crate::fixtures::exact::{close, close_matrix, inverse_hessian, minimize};
use crate::fixtures::recordings::{D, LAYERS, RF, add_values, model, start, times, values, window};
use crate::fixtures::watched::{gauss_newton, lbfgs, minimum};
use crate::fixtures::{Affine, Noise};
use deepest::prelude::*;
use deepest::{Curvature, Rule};
use ndarray::{Array1, Array2, array};

/// The first parameter changes in time, φ̇ = −rate (φ − m) + noise, with a
/// Gaussian prior of its first value; the second is static.
struct Changing {
    rate: f64,
    mean: f64,
    /// One over the density of the noise.
    precision: f64,
    prior: (f64, f64),
}

impl Changing {
    fn normal(&self, scheme: Scheme) -> Normal {
        let at = |n: usize| n * (D + 1);
        let last = LAYERS * (D + 1);
        let mut normal = Normal::new(last + 1);
        add_values(&mut normal, 3, at);
        let shape = Shape::Full.matrix(D);
        for (n, pair) in times().windows(2).enumerate() {
            let h = pair[1] - pair[0];
            let theta = [
                Value::Unknown(at(n) + D, at(n + 1) + D),
                Value::Unknown(last, last),
            ];
            let precision = &shape * (RF / h);
            scheme.add_step(
                &mut normal,
                &model(),
                h,
                (at(n), at(n + 1)),
                &theta,
                &precision,
            );
            // Maps make one Euler step of the parameter.
            let [w0, w1] = match scheme {
                Scheme::Map => [h, 0.0],
                other => other.weights(h),
            };
            let mut j = Array2::zeros((1, last + 1));
            j[(0, at(n) + D)] = -1.0 + w0 * self.rate;
            j[(0, at(n + 1) + D)] = 1.0 + w1 * self.rate;
            let y = Array1::from_elem(1, h * self.rate * self.mean);
            normal.add(&j, &y, &Array2::from_elem((1, 1), self.precision / h));
        }
        let (mean, deviation) = self.prior;
        add_value(&mut normal, D, mean, deviation.powi(-2));
        normal
    }

    fn compare<R: Rule<Affine>>(&self, rule: R, scheme: Scheme, first: Parameter) {
        let action = Action::builder(model(), rule)
            .window(window(3))
            .parameter("changing", first)
            .parameter("static", Parameter::estimated())
            .model_precision(Shape::Full.precision(D))
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let mut at = action.at(RF).unwrap();
        let mut x = vec![0.0; at.dimension()];
        minimize(&mut at, &mut x);
        let normal = self.normal(scheme);
        let solution = normal.solution().to_vec();
        let name = format!("{}, rate {}", rule.name(), self.rate);
        close(&x, &solution, &name);
        let found = inverse_hessian(&mut at, &x);
        close_matrix(&found, &inverse(&normal.matrix), &name);

        // What the estimate says of the parameter that changes.
        let level = minimum(&action, RF, start(1, &[0.0, 0.0]), gauss_newton());
        let layers = (0..LAYERS).map(|n| solution[n * (D + 1) + D]);
        close(
            &level.estimate.varying[0].component(0),
            &layers.clone().collect::<Vec<_>>(),
            &name,
        );
        let mean = layers.sum::<f64>() / LAYERS as f64;
        assert!((level.estimate.parameters[0] - mean).abs() <= 1e-9 * mean.abs());
    }

    fn every_rule(&self, first: Parameter) {
        self.compare(Map, Scheme::Map, first);
        self.compare(Euler, Scheme::Euler, first);
        self.compare(Trapezoid, Scheme::Trapezoid, first);
        self.compare(Midpoint, Scheme::Trapezoid, first);
    }
}

#[test]
fn a_random_walk_is_the_smoother_of_the_augmented_state() {
    let (diffusion, mean, deviation) = (0.7, 0.4, 1.2);
    let prior = Gaussian::new(mean, deviation).unwrap();
    let walk = Parameter::estimated().prior(prior).random_walk(diffusion);
    Changing {
        rate: 0.0,
        mean: 0.0,
        precision: 1.0 / diffusion,
        prior: (mean, deviation),
    }
    .every_rule(walk.unwrap());
}

/// White noise of density 2σ²/τ keeps the variance σ².
#[test]
fn a_correlated_parameter_is_an_ornstein_uhlenbeck_process() {
    let (mean, deviation, time) = (0.4, 1.2, 0.9);
    let parameter = Parameter::estimated().correlated(mean, deviation, time);
    Changing {
        rate: 1.0 / time,
        mean,
        precision: time / (2.0 * deviation * deviation),
        prior: (mean, deviation),
    }
    .every_rule(parameter.unwrap());
}

/// With next to no data the trapezoidal rule leaves the process itself:
/// φ_{n+1}(1 + a) = φ_n(1 − a) + noise of variance 2σ²h/τ with a = h/2τ has
/// the stationary variance σ² exactly and the correlation ((1 − a)/(1 + a))ⁿ,
/// which is exp(−t/τ) but for h².
#[test]
fn a_correlated_parameter_without_data_has_its_variance_and_correlation() {
    let (deviation, time, h, layers) = (1.3, 0.5, 0.02, 41);
    let grid = Grid::uniform(0.0, h, layers).unwrap();
    let weak = Precision::scalar(1e-13).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[0.0]], weak).unwrap();
    // The states know their beginning; they do not feel the parameter.
    let prior = StatePrior::new([0.0], Precision::scalar(1.0).unwrap()).unwrap();
    let still = Affine {
        matrix: array![[-1.0]],
        constant: vec![0.0],
        drift: array![[0.0]],
    };
    let correlated = Parameter::estimated()
        .correlated(2.0, deviation, time)
        .unwrap();
    let action = Action::builder(still, Trapezoid)
        .window(Window::new(grid).observations(data).unwrap().prior(prior))
        .parameter("phi", correlated)
        .build()
        .unwrap();
    let mut at = action.at(1.0).unwrap();
    let covariance = inverse_hessian(&mut at, &vec![0.0; 2 * layers]);
    let a = 0.5 * h / time;
    let forget: f64 = (1.0 - a) / (1.0 + a);
    for n in 0..layers {
        let variance = covariance[(2 * n + 1, 2 * n + 1)];
        approx::assert_relative_eq!(variance, deviation * deviation, max_relative = 1e-10);
        let expected = deviation * deviation * forget.powi(n as i32);
        approx::assert_relative_eq!(covariance[(1, 2 * n + 1)], expected, max_relative = 1e-10);
    }
    let far = covariance[(1, 2 * layers - 1)] / (deviation * deviation);
    let elapsed = h * (layers - 1) as f64 / time;
    assert!((far - (-elapsed).exp()).abs() <= elapsed * a * a * (-elapsed).exp());
}

/// A walk on the rules whose residuals are not of that form is the same as a
/// model with one more state.
#[test]
fn a_random_walk_is_one_more_state() {
    struct Seen;
    impl Model for Seen {
        fn parameter_count(&self) -> usize {
            1
        }
    }
    impl Flow for Seen {
        fn width(&self) -> usize {
            2
        }
        fn flow<S: Scalar>(&self, t: S, x: &[S], theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = x[1] * theta[0] - x[0].square() + t.sin();
            dx[1] = -x[0] * theta[0].square();
        }
    }
    struct Augmented;
    impl Model for Augmented {}
    impl Flow for Augmented {
        fn width(&self) -> usize {
            3
        }
        fn flow<S: Scalar>(&self, t: S, x: &[S], _theta: &[S], input: &[S], dx: &mut [S]) {
            Seen.flow(t, &x[..2], &x[2..], input, &mut dx[..2]);
            dx[2] = S::zero();
        }
    }
    fn compare<R: Rule<Seen> + Rule<Augmented>>(rule: R) {
        let diffusion = 0.3;
        let walk = Parameter::estimated().random_walk(diffusion).unwrap();
        let times: Vec<f64> = (0..LAYERS).map(|n| 0.1 * n as f64).collect();
        let window = || {
            let one = Precision::scalar(1.0).unwrap();
            let data = Observations::of_components(&[0, 1], times.clone(), values(5), one);
            let grid = Grid::new(times.clone()).unwrap();
            Window::new(grid).observations(data.unwrap()).unwrap()
        };
        let changing = Action::builder(Seen, rule)
            .window(window())
            .parameter("walk", walk)
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let shape = [1.0, 1.0, 1.0 / (diffusion * RF)];
        let augmented = Action::builder(Augmented, rule)
            .window(window())
            .model_precision(Precision::diagonal(shape).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let x = Noise(6).vector(3 * LAYERS);
        let (mut one, mut other) = (changing.at(RF).unwrap(), augmented.at(RF).unwrap());
        let (mut g, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let value = one.value_and_gradient(&x, &mut g);
        let total = other.value_and_gradient(&x, &mut expected);
        let name = Rule::<Seen>::name(&rule);
        assert!((value - total).abs() <= 1e-13 * total, "{name}");
        close(&g, &expected, name);
        for curvature in [Curvature::GaussNewton, Curvature::Exact] {
            let step = |at: &mut dyn NewtonSteps| {
                let mut step = vec![0.0; x.len()];
                at.newton_step(&x, curvature, 20.0, &g, &mut step).unwrap();
                step
            };
            close(&step(&mut one), &step(&mut other), name);
        }
    }
    compare(Euler);
    compare(Trapezoid);
    compare(Midpoint);
    compare(Rk4);
    compare(SimpsonHermite);
}

#[test]
fn windows_with_parameters_of_their_own_are_separate_problems() {
    let build = |seeds: &[u64], own: bool| {
        let parameter = |mean: f64| {
            let prior = Gaussian::new(mean, 0.9).unwrap();
            let parameter = Parameter::estimated().prior(prior);
            if own {
                parameter.per_window()
            } else {
                parameter
            }
        };
        let mut builder = Action::builder(model(), Trapezoid);
        for &seed in seeds {
            builder = builder.window(window(seed));
        }
        let builder = builder.parameter("first", parameter(0.2));
        builder
            .parameter("second", parameter(-0.3))
            .build()
            .unwrap()
    };
    let seeds = [3, 4, 5];
    let level = minimum(
        &build(&seeds, true),
        RF,
        start(3, &[0.0; 2]),
        gauss_newton(),
    );
    let mut total = 0.0;
    let mut sums = [0.0; 2];
    for (w, seed) in seeds.iter().enumerate() {
        let alone = minimum(
            &build(&[*seed], false),
            RF,
            start(1, &[0.0; 2]),
            gauss_newton(),
        );
        let name = format!("window {w}");
        close(
            level.estimate.paths[w].values(),
            alone.estimate.paths[0].values(),
            &name,
        );
        close(
            &level.estimate.per_window[w],
            &alone.estimate.parameters,
            &name,
        );
        total += alone.action.total;
        for (sum, value) in sums.iter_mut().zip(&alone.estimate.parameters) {
            *sum += value / 3.0;
        }
    }
    assert!((level.action.total - total).abs() <= 1e-12 * total);
    close(&level.estimate.parameters, &sums, "means over windows");
}

/// A problem with one minimum has it from every kind of start.
#[test]
fn every_kind_of_start_finds_the_minimum() {
    let walk = Parameter::estimated()
        .prior(Gaussian::new(0.4, 1.2).unwrap())
        .random_walk(0.7)
        .unwrap();
    let own = Parameter::estimated().prior(Gaussian::new(0.1, 0.9).unwrap());
    let action = Action::builder(model(), Trapezoid)
        .window(window(3))
        .window(window(9))
        .parameter("walk", walk)
        .parameter("own", own.per_window())
        .build()
        .unwrap();
    let expected = minimum(&action, RF, start(2, &[0.0, 0.0]), gauss_newton());
    for starts in [Starts::Nudged, Starts::Mean, Starts::Uniform] {
        let schedule = Schedule::geometric(RF, 2.0, 0..1).unwrap();
        let annealer = Annealer::new(schedule).minimizer(gauss_newton());
        let annealing = annealer.starts(3).start_with(starts).run(&action).unwrap();
        for found in &annealing.starts {
            let found = &found.levels[0];
            let (a, b) = (found.action.total, expected.action.total);
            assert!((a - b).abs() <= 1e-12 * b);
            for (a, b) in found
                .estimate
                .varying
                .iter()
                .zip(&expected.estimate.varying)
            {
                close(a.values(), b.values(), "walks");
            }
        }
    }
}

/// One value of ln θ with precision R, and ln θ ~ N(μ, σ²): the density by θ
/// has its mode at (Ry + (μ − σ²)/σ²) / (R + 1/σ²).
#[test]
fn a_log_normal_prior_has_its_minimum_in_closed_form() {
    struct Logarithm;
    impl Observe for Logarithm {
        fn len(&self, _k: usize) -> usize {
            1
        }
        fn observe<S: Scalar>(&self, _k: usize, _t: S, _x: &[S], theta: &[S], out: &mut [S]) {
            out[0] = theta[0].ln();
        }
    }
    let (mu, sigma, y, r) = (0.8, 0.6, -1.1, 2.0);
    for (data, expected) in [
        (false, mu - sigma * sigma),
        (
            true,
            (r * y + mu / (sigma * sigma) - 1.0) / (r + 1.0 / (sigma * sigma)),
        ),
    ] {
        for per_window in [false, true] {
            let mut window = window(3);
            if data {
                let precision = Precision::scalar(r).unwrap();
                let rows = [vec![y]];
                let set = Observations::of_operator(Logarithm, [0.0], &rows, precision);
                window = window.observations(set.unwrap()).unwrap();
            }
            // The states do not feel the first parameter.
            let mut model = model();
            model.drift.column_mut(0).fill(0.0);
            let prior = LogNormal::new(mu, sigma).unwrap();
            let parameter = Parameter::estimated().prior(prior);
            let action = Action::builder(model, Euler)
                .window(window)
                .parameter(
                    "theta",
                    if per_window {
                        parameter.per_window()
                    } else {
                        parameter
                    },
                )
                .parameter("other", Parameter::fixed(0.0))
                .build()
                .unwrap();
            for guess in [0.01, 1.0, 30.0] {
                let from = start(1, &[guess, 0.0]);
                let level = minimum(&action, RF, from.clone(), gauss_newton());
                let theta = level.estimate.parameters[0];
                // The value tells the minimum to √ε.
                assert!(
                    (theta.ln() - expected).abs() <= 1e-7,
                    "{theta} from {guess}"
                );
                let theta = minimum(&action, RF, from, lbfgs()).estimate.parameters[0];
                assert!(
                    (theta.ln() - expected).abs() <= 1e-6,
                    "{theta} from {guess}"
                );
            }
        }
    }
}

#[test]
fn a_fixed_parameter_is_no_unknown() {
    let build = |first: Parameter| {
        Action::builder(model(), Trapezoid)
            .window(window(3))
            .parameter("first", first)
            .parameter("second", Parameter::estimated())
            .build()
            .unwrap()
    };
    let fixed = Parameter::fixed(0.6);
    let action = build(fixed);
    assert_eq!(action.counts().unknowns, LAYERS * D + 1);
    // Also where it is said to vary.
    for kind in [fixed.per_window(), fixed.random_walk(1.0).unwrap()] {
        let same = build(kind);
        assert_eq!(same.counts(), action.counts());
        let x = Noise(5).vector(LAYERS * D + 1);
        let values = [&same, &action].map(|action| action.at(RF).unwrap().value(&x));
        assert_eq!(values[0], values[1]);
    }
    let level = minimum(&action, RF, start(1, &[0.6, 0.0]), gauss_newton());
    assert_eq!(level.estimate.parameters[0], 0.6);
    // It is data: the constant of the model moved by B₀ θ₀.
    let mut moved = model();
    for i in 0..D {
        moved.constant[i] += 0.6 * moved.drift[(i, 0)];
    }
    moved.drift.column_mut(0).fill(0.0);
    let other = Action::builder(moved, Trapezoid)
        .window(window(3))
        .parameter("first", Parameter::fixed(0.0))
        .parameter("second", Parameter::estimated())
        .build()
        .unwrap();
    let other = minimum(&other, RF, start(1, &[0.0, 0.0]), gauss_newton());
    close(
        level.estimate.paths[0].values(),
        other.estimate.paths[0].values(),
        "constant",
    );
}
