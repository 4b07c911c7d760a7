//! Several windows with parameters in common, and model precisions of every
//! kind, against normal equations. Condition numbers are below 10⁵, so that
//! 1e-10 relative is above rounding.

use crate::fixtures::Affine;
use crate::fixtures::Noise as Numbers;
use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::cases::{SHAPES, Shape};
use crate::fixtures::dense::{Normal, inverse};
use crate::fixtures::exact::{close, close_matrix, inverse_hessian, minimize};
use deepest::Rule;
use deepest::prelude::*;
use ndarray::{Array2, array};

const D: usize = 2;
const RF: f64 = 2.5;
const RM: f64 = 1.6;

fn model() -> Affine {
    Affine {
        matrix: array![[-0.3, 1.1], [-0.8, -0.2]],
        constant: vec![0.3, -0.2],
        drift: array![[1.0], [0.4]],
    }
}

/// One recording: its times, its values, factors of the model precision.
struct Recording {
    times: Vec<f64>,
    values: Array2<f64>,
    factors: Option<Vec<f64>>,
}

impl Recording {
    fn new(layers: usize, step: impl Fn(usize) -> f64, seed: u64) -> Self {
        let mut times = vec![0.4];
        for n in 1..layers {
            times.push(times[n - 1] + step(n));
        }
        let mut noise = Numbers(seed);
        let values = Array2::from_shape_fn((layers, D), |_| 3.0 * noise.next());
        Self {
            times,
            values,
            factors: None,
        }
    }

    fn window(&self) -> Window {
        let precision = Precision::scalar(RM).unwrap();
        let (times, values) = (self.times.clone(), self.values.clone());
        let data = Observations::of_components(&[0, 1], times.clone(), values, precision);
        let window = Window::new(Grid::new(times).unwrap());
        let window = window.observations(data.unwrap()).unwrap();
        match &self.factors {
            Some(factors) => window.precision_factors(factors.clone()).unwrap(),
            None => window,
        }
    }
}

/// How model errors are weighed.
#[derive(Debug, Clone, Copy)]
struct Weighing {
    shape: Shape,
    unit: Option<PrecisionUnit>,
    /// Whether the unit means per time.
    per_time: bool,
}

const PER_STEP: Weighing = Weighing {
    shape: Shape::Scalar,
    unit: Some(PrecisionUnit::PerStep),
    per_time: false,
};

fn action<R: Rule<Affine>>(rule: R, recordings: &[Recording], weighing: Weighing) -> Action {
    let mut builder = Action::builder(model(), rule)
        .parameter("shared", Parameter::estimated())
        .model_precision(weighing.shape.precision(D));
    for recording in recordings {
        builder = builder.window(recording.window());
    }
    if let Some(unit) = weighing.unit {
        builder = builder.precision_unit(unit);
    }
    builder.build().unwrap()
}

fn normal(scheme: Scheme, recordings: &[Recording], weighing: Weighing) -> Normal {
    let layers: usize = recordings.iter().map(|r| r.times.len()).sum();
    let border = D * layers;
    let mut normal = Normal::new(border + 1);
    let mut first = 0;
    for recording in recordings {
        for ((n, i), &y) in recording.values.indexed_iter() {
            add_value(&mut normal, first + n * D + i, y, RM);
        }
        for (n, pair) in recording.times.windows(2).enumerate() {
            let h = pair[1] - pair[0];
            let factor = recording.factors.as_ref().map_or(1.0, |f| f[n]);
            let unit = if weighing.per_time { 1.0 / h } else { 1.0 };
            let precision = weighing.shape.matrix(D) * (RF * factor * unit);
            let places = (first + n * D, first + (n + 1) * D);
            let theta = [Value::Unknown(border, border)];
            scheme.add_step(&mut normal, &model(), h, places, &theta, &precision);
        }
        first += recording.times.len() * D;
    }
    normal
}

fn compare<R: Rule<Affine>>(rule: R, scheme: Scheme, recordings: &[Recording], weighing: Weighing) {
    let name = format!(
        "{}, {} windows, {weighing:?}",
        rule.name(),
        recordings.len()
    );
    let action = action(rule, recordings, weighing);
    let mut at = action.at(RF).unwrap();
    let mut x = vec![0.0; at.dimension()];
    minimize(&mut at, &mut x);
    let normal = normal(scheme, recordings, weighing);
    close(&x, &normal.solution().to_vec(), &name);
    // The border of the inverse Hessian: the parameter's variance and its
    // covariance with every state.
    let last = x.len() - 1;
    let mut gradient = vec![0.0; x.len()];
    gradient[last] = -1.0;
    let mut column = gradient.clone();
    at.newton_step(
        &x,
        deepest::Curvature::GaussNewton,
        0.0,
        &gradient,
        &mut column,
    )
    .unwrap();
    let exact = inverse(&normal.matrix);
    close(&column, &exact.column(last).to_vec(), &name);
}

fn every_scheme(recordings: &[Recording], weighing: Weighing) {
    compare(Map, Scheme::Map, recordings, weighing);
    compare(Euler, Scheme::Euler, recordings, weighing);
    compare(Trapezoid, Scheme::Trapezoid, recordings, weighing);
    compare(Midpoint, Scheme::Trapezoid, recordings, weighing);
}

#[test]
fn one_to_twenty_windows_solve_the_joint_normal_equations() {
    for count in 1..=20 {
        let recordings: Vec<Recording> = (0..count)
            .map(|w| Recording::new(4, |_| 0.3, 100 + w))
            .collect();
        compare(Map, Scheme::Map, &recordings, PER_STEP);
        compare(Trapezoid, Scheme::Trapezoid, &recordings, PER_STEP);
    }
}

#[test]
fn windows_of_different_lengths_and_steps() {
    let recordings = [
        Recording::new(7, |_| 0.3, 1),
        Recording::new(2, |_| 0.1, 2),
        Recording::new(5, |n| 0.1 * n as f64, 3),
    ];
    for shape in SHAPES {
        for (unit, per_time) in [
            (Some(PrecisionUnit::PerStep), false),
            (Some(PrecisionUnit::PerTime), true),
            (None, true),
        ] {
            let weighing = Weighing {
                shape,
                unit,
                per_time,
            };
            every_scheme(&recordings, weighing);
        }
    }
}

/// Each window alone has equal steps, but not the same as the other's: what
/// one step may err is not the same either.
#[test]
fn the_unit_is_per_time_where_windows_have_different_steps() {
    let default = |per_time| Weighing {
        shape: Shape::Scalar,
        unit: None,
        per_time,
    };
    let equal = [Recording::new(4, |_| 0.3, 1), Recording::new(6, |_| 0.3, 2)];
    let step = action(Euler, &equal, default(false));
    assert_eq!(step.precision_unit(), PrecisionUnit::PerStep);
    compare(Euler, Scheme::Euler, &equal, default(false));
    let different = [
        Recording::new(4, |_| 0.3, 1),
        Recording::new(6, |_| 0.15, 2),
    ];
    let time = action(Euler, &different, default(true));
    assert_eq!(time.precision_unit(), PrecisionUnit::PerTime);
    compare(Euler, Scheme::Euler, &different, default(true));
}

#[test]
fn model_precisions_that_vary_in_time() {
    for shape in SHAPES {
        for per_time in [false, true] {
            let mut recordings = [
                Recording::new(6, |_| 0.3, 1),
                Recording::new(5, |n| 0.1 * n as f64, 3),
            ];
            recordings[0].factors = Some(vec![0.1, 1.0, 10.0, 3.0, 0.5]);
            let unit = if per_time {
                PrecisionUnit::PerTime
            } else {
                PrecisionUnit::PerStep
            };
            let weighing = Weighing {
                shape,
                unit: Some(unit),
                per_time,
            };
            every_scheme(&recordings, weighing);
        }
    }
}

/// A pair of steps of Simpson-Hermite has one weight, the mean of its steps'.
#[test]
fn factors_of_an_interval_of_two_steps_are_their_mean() {
    let model = |factors: Option<[f64; 4]>| {
        let mut recording = Recording::new(5, |_| 0.2, 1);
        recording.factors = factors.map(|f| f.to_vec());
        let x = Numbers(6).vector(11);
        let action = action(SimpsonHermite, &[recording], PER_STEP);
        action.at(RF).unwrap().terms(&x).model
    };
    let none = model(None);
    assert_eq!(model(Some([1.0; 4])), none);
    assert_eq!(model(Some([0.5, 1.5, 1.75, 0.25])), none);
    // The two intervals apart, and linear in their factors.
    let (first, second) = (
        model(Some([1.0, 1.0, 1e-9, 1e-9])),
        model(Some([1e-9, 1e-9, 1.0, 1.0])),
    );
    let weighed = model(Some([1.0, 3.0, 0.5, 0.5]));
    assert!((weighed - 2.0 * first - 0.5 * second).abs() <= 1e-8 * weighed);
}

/// Windows that differ in their values only carry the same information: the
/// parameter's variance is 1/W of that of one.
#[test]
fn the_variance_of_a_shared_parameter_falls_as_one_over_the_number_of_windows() {
    let variance = |count: u64| {
        let recordings: Vec<Recording> = (0..count)
            .map(|w| Recording::new(6, |_| 0.3, 7 + w))
            .collect();
        let action = action(Trapezoid, &recordings, PER_STEP);
        let mut at = action.at(RF).unwrap();
        let x = vec![0.0; at.dimension()];
        let covariance = inverse_hessian(&mut at, &x);
        let exact = inverse(&normal(Scheme::Trapezoid, &recordings, PER_STEP).matrix);
        close_matrix(&covariance, &exact, "inverse Hessian");
        covariance[(x.len() - 1, x.len() - 1)]
    };
    let one = variance(1);
    for count in [2, 3, 8, 9, 17] {
        approx::assert_relative_eq!(variance(count), one / count as f64, max_relative = 1e-11);
    }
}

/// Windows are summed in groups that the problem sets: threads change nothing.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    use deepest::models::Lorenz63;
    let mut windows = Vec::new();
    for w in 0..11_u64 {
        let layers = 7 + 2 * (w as usize % 3);
        let truth = Simulation::new(Grid::uniform(0.0, 0.02, layers).unwrap(), [10.0, 28.0, 2.7])
            .spin_up(5.0)
            .seed(w)
            .flow(&Lorenz63)
            .unwrap();
        let noise = Noise::scalar(0.5).unwrap();
        let twin = truth
            .observe(&Measurement::new(&[0, 1], noise).seed(w))
            .unwrap();
        windows.push(twin.window().unwrap());
    }
    let run = |threads: usize| {
        let mut builder = Action::builder(Lorenz63, SimpsonHermite)
            .parameter("sigma", Bounds::new(5.0, 20.0).unwrap())
            .parameter("rho", Bounds::new(15.0, 40.0).unwrap())
            .parameter("beta", Parameter::fixed(2.7));
        for window in &windows {
            builder = builder.window(window.clone());
        }
        let action = builder.build().unwrap();
        let schedule = Schedule::geometric(1e-2, 4.0, 0..=6).unwrap();
        let annealer = Annealer::new(schedule).starts(3).seed(5).threads(threads);
        annealer.run(&action).unwrap()
    };
    let one = run(1);
    assert!(one.starts.iter().all(|start| start.finished));
    for threads in [2, 8] {
        // Equality of floating-point numbers, none of them NaN: the same bits
        // but for the sign of zero.
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

/// With the parameter known, what it was found to be together with others, a
/// window alone has the same path.
#[test]
fn windows_touch_each_other_through_the_parameter_only() {
    let recordings = [Recording::new(5, |_| 0.3, 1), Recording::new(4, |_| 0.3, 2)];
    let fixed = |value: f64| {
        Action::builder(model(), Trapezoid)
            .window(recordings[0].window())
            .parameter("shared", Parameter::fixed(value))
            .model_precision(Shape::Scalar.precision(D))
            .build()
            .unwrap()
    };
    let both = action(Trapezoid, &recordings, PER_STEP);
    let mut at = both.at(RF).unwrap();
    let mut x = vec![0.0; at.dimension()];
    minimize(&mut at, &mut x);
    let alone = fixed(x[x.len() - 1]);
    let mut at = alone.at(RF).unwrap();
    let mut y = vec![0.0; at.dimension()];
    minimize(&mut at, &mut y);
    close(&x[..y.len()], &y, "first window");
}
