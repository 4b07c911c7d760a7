//! Linear-Gaussian problems have exact solutions: the Rauch-Tung-Striebel
//! smoother, and the normal equations. All problems here have condition
//! numbers below 10⁴, so 1e-10 relative is far above rounding.

use crate::fixtures::cases::{SHAPES, Shape};
use crate::fixtures::dense::{Normal, inverse, solve};
use crate::fixtures::exact::{close, close_matrix, inverse_hessian, minimize};
use crate::fixtures::{Affine, Noise};
use deepest::Rule;
use deepest::models::Linear;
use deepest::prelude::*;
use ndarray::{Array1, Array2, array, s};

const D: usize = 3;
const LAYERS: usize = 9;
const STEP: f64 = 0.2;
const RF: f64 = 2.5;

/// One state-space problem: x₀ ~ (prior mean, P), A₁x_{n+1} = A₀x_n + noise of
/// precision R_f F, y = x[components] + noise of precision R_m.
struct Problem {
    model: Shape,
    measurement: Shape,
    components: Vec<usize>,
    /// A row a layer, NaN where missing.
    values: Array2<f64>,
    prior_mean: Array1<f64>,
}

fn matrix() -> Array2<f64> {
    array![[-0.3, 1.1, 0.0], [-1.0, -0.2, 0.4], [0.1, 0.3, -0.5]]
}

impl Problem {
    fn new(model: Shape, measurement: Shape, components: &[usize]) -> Self {
        let mut noise = Noise(17);
        let mut values = Array2::from_shape_fn((LAYERS, components.len()), |_| 3.0 * noise.next());
        // A layer without values, and single values missing.
        values.row_mut(4).fill(f64::NAN);
        for (n, l) in [(1, 0), (2, 1), (5, 0), (5, 2), (7, 1)] {
            if l < components.len() {
                values[(n, l)] = f64::NAN;
            }
        }
        Self {
            model,
            measurement,
            components: components.to_vec(),
            values,
            prior_mean: noise.vector(D).into(),
        }
    }

    fn window(&self) -> Window {
        let grid = Grid::uniform(0.5, STEP, LAYERS).unwrap();
        let precision = self.measurement.precision(self.components.len());
        let data = Observations::of_components(
            &self.components,
            grid.times().to_vec(),
            self.values.clone(),
            precision,
        );
        let prior = StatePrior::new(self.prior_mean.to_vec(), Shape::Full.precision(D)).unwrap();
        Window::new(grid)
            .observations(data.unwrap())
            .unwrap()
            .prior(prior)
    }

    /// Observation operator and error precision of a layer's finite values.
    fn measured(&self, n: usize) -> Option<(Array2<f64>, Array1<f64>, Array2<f64>)> {
        let row = self.values.row(n);
        let kept: Vec<usize> = (0..row.len()).filter(|&l| !row[l].is_nan()).collect();
        if kept.is_empty() {
            return None;
        }
        let h = Array2::from_shape_fn((kept.len(), D), |(k, i)| {
            f64::from(u8::from(self.components[kept[k]] == i))
        });
        let covariance = inverse(&self.measurement.matrix(row.len()));
        let of_kept = Array2::from_shape_fn((kept.len(), kept.len()), |(k, l)| {
            covariance[(kept[k], kept[l])]
        });
        let y = kept.iter().map(|&l| row[l]).collect();
        Some((h, y, inverse(&of_kept)))
    }

    /// Means, covariances and lag-one covariances Cov(x_{n+1}, x_n) of the
    /// Kalman filter and Rauch-Tung-Striebel smoother, with transition T and
    /// its noise covariance Q.
    fn smooth(&self, t: &Array2<f64>, q: &Array2<f64>) -> Smoothed {
        let mut mean = self.prior_mean.clone();
        let mut cov = inverse(&Shape::Full.matrix(D));
        let mut filtered = Vec::new();
        for n in 0..LAYERS {
            if n > 0 {
                mean = t.dot(&mean);
                cov = t.dot(&cov).dot(&t.t()) + q;
            }
            if let Some((h, y, precision)) = self.measured(n) {
                let innovation = h.dot(&cov).dot(&h.t()) + inverse(&precision);
                let gain = solve(&innovation, &h.dot(&cov)).reversed_axes();
                mean = &mean + &gain.dot(&(y - h.dot(&mean)));
                cov = &cov - &gain.dot(&h).dot(&cov);
            }
            filtered.push((mean.clone(), cov.clone()));
        }
        let mut smoothed = Smoothed {
            means: vec![mean],
            covariances: vec![cov],
            lagged: Vec::new(),
        };
        for n in (0..LAYERS - 1).rev() {
            let (mean, cov) = &filtered[n];
            let predicted = t.dot(cov).dot(&t.t()) + q;
            let gain = solve(&predicted, &t.dot(cov)).reversed_axes();
            let (next, next_cov) = (&smoothed.means[0], &smoothed.covariances[0]);
            let here = mean + &gain.dot(&(next - &t.dot(mean)));
            let here_cov = cov + &gain.dot(&(next_cov - &predicted)).dot(&gain.t());
            smoothed.lagged.insert(0, next_cov.dot(&gain.t()));
            smoothed.means.insert(0, here);
            smoothed.covariances.insert(0, here_cov);
        }
        smoothed
    }

    /// Compares an action's minimum and inverse Hessian with the smoother of
    /// A₁x_{n+1} = A₀x_n.
    fn compare<R: Rule<Linear>>(
        &self,
        rule: R,
        left: &Array2<f64>,
        right: &Array2<f64>,
        matrix: &Array2<f64>,
    ) {
        let name = format!("{}, {:?}, {:?}", rule.name(), self.model, self.measurement);
        let action = Action::builder(Linear::new(matrix.clone()).unwrap(), rule)
            .window(self.window())
            .model_precision(self.model.precision(D))
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let noise = inverse(&(self.model.matrix(D) * RF / STEP));
        let back = inverse(right);
        let expected = self.smooth(&back.dot(left), &back.dot(&noise).dot(&back.t()));
        let mut at = action.at(RF).unwrap();
        let mut x = vec![0.0; at.dimension()];
        minimize(&mut at, &mut x);
        let mean: Vec<f64> = expected.means.iter().flatten().copied().collect();
        close(&x, &mean, &name);
        let inverse = inverse_hessian(&mut at, &x);
        for n in 0..LAYERS {
            let block = inverse.slice(s![n * D..(n + 1) * D, n * D..(n + 1) * D]);
            close_matrix(&block.to_owned(), &expected.covariances[n], &name);
            if n > 0 {
                let block = inverse.slice(s![n * D..(n + 1) * D, (n - 1) * D..n * D]);
                close_matrix(&block.to_owned(), &expected.lagged[n - 1], &name);
            }
        }
    }
}

struct Smoothed {
    means: Vec<Array1<f64>>,
    covariances: Vec<Array2<f64>>,
    lagged: Vec<Array2<f64>>,
}

/// Every rule of one step on ẋ = Mx, as A₁x_{n+1} = A₀x_n.
fn every_rule(problem: &Problem) {
    let (m, one) = (matrix(), Array2::<f64>::eye(D));
    let h = STEP;
    problem.compare(Map, &m, &one, &m);
    problem.compare(Euler, &(&one + &(&m * h)), &one, &m);
    let (left, right) = (&one + &(&m * (0.5 * h)), &one - &(&m * (0.5 * h)));
    problem.compare(Trapezoid, &left, &right, &m);
    problem.compare(Midpoint, &left, &right, &m);
    let k = &m * h;
    let (k2, k3) = (k.dot(&k), k.dot(&k).dot(&k));
    let k4 = k3.dot(&k);
    problem.compare(
        Rk4,
        &(&one + &k + &k2 / 2.0 + &k3 / 6.0 + &k4 / 24.0),
        &one,
        &m,
    );
}

#[test]
fn the_minimum_is_the_rauch_tung_striebel_smoother() {
    for model in SHAPES {
        for measurement in SHAPES {
            for components in [&[1][..], &[2, 0], &[0, 2, 1]] {
                every_rule(&Problem::new(model, measurement, components));
            }
        }
    }
}

#[test]
fn simpson_hermite_solves_its_normal_equations() {
    let (m, one) = (matrix(), Array2::<f64>::eye(D));
    let h = 2.0 * STEP;
    for shape in SHAPES {
        let problem = Problem::new(shape, Shape::Full, &[0, 2, 1]);
        let action = Action::builder(Linear::new(m.clone()).unwrap(), SimpsonHermite)
            .window(problem.window())
            .model_precision(shape.precision(D))
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let mut normal = Normal::new(D * LAYERS);
        add_window(&mut normal, &problem, 0);
        // White noise of one density: Var g¹ = h/R_f, Var g² = h/4R_f.
        let first = shape.matrix(D) * (RF / h);
        let second = shape.matrix(D) * (4.0 * RF / h);
        for n in (0..LAYERS - 1).step_by(2) {
            let mut j = Array2::zeros((D, D * LAYERS));
            let mut block = |n: usize, value: Array2<f64>| {
                j.slice_mut(s![.., n * D..(n + 1) * D]).assign(&value);
            };
            block(n, -&one - &m * (h / 6.0));
            block(n + 1, -&m * (4.0 * h / 6.0));
            block(n + 2, &one - &m * (h / 6.0));
            normal.add(&j, &Array1::zeros(D), &first);
            let mut j = Array2::zeros((D, D * LAYERS));
            let mut block = |n: usize, value: Array2<f64>| {
                j.slice_mut(s![.., n * D..(n + 1) * D]).assign(&value);
            };
            block(n, &one * -0.5 - &m * (h / 8.0));
            block(n + 1, one.clone());
            block(n + 2, &one * -0.5 + &m * (h / 8.0));
            normal.add(&j, &Array1::zeros(D), &second);
        }
        let mut at = action.at(RF).unwrap();
        let mut x = vec![0.0; at.dimension()];
        minimize(&mut at, &mut x);
        close(&x, &normal.solution().to_vec(), "simpson-hermite");
        let found = inverse_hessian(&mut at, &x);
        close_matrix(
            &found,
            &inverse(&normal.matrix),
            "simpson-hermite, inverse Hessian",
        );
    }
}

/// Measurements and prior of a window whose states begin at `first`.
fn add_window(normal: &mut Normal, problem: &Problem, first: usize) {
    let order = normal.rhs.len();
    let place = |n: usize, h: &Array2<f64>| {
        let mut j = Array2::zeros((h.nrows(), order));
        let begin = first + n * D;
        j.slice_mut(s![.., begin..begin + D]).assign(h);
        j
    };
    for n in 0..LAYERS {
        if let Some((h, y, precision)) = problem.measured(n) {
            normal.add(&place(n, &h), &y, &precision);
        }
    }
    normal.add(
        &place(0, &Array2::eye(D)),
        &problem.prior_mean,
        &Shape::Full.matrix(D),
    );
}

/// x_{n+1} = Mx_n + c + Bθ in two windows with θ in common: linear in all
/// unknowns. One parameter has a prior, one has none, one is fixed.
#[test]
fn windows_share_parameters_as_the_joint_normal_equations_say() {
    for shape in SHAPES {
        let model = || Affine {
            matrix: matrix(),
            constant: vec![0.3, -0.2, 0.1],
            drift: array![[1.0, 0.2, 0.5], [0.0, -0.4, 0.3], [0.5, 0.7, -0.6]],
        };
        let (mean, deviation, fixed) = (0.8, 0.4, -0.7);
        let problems = [
            Problem::new(shape, Shape::Full, &[0, 1, 2]),
            Problem::new(shape, Shape::Diagonal, &[2, 0]),
        ];
        let prior = Gaussian::new(mean, deviation).unwrap();
        let action = Action::builder(model(), Map)
            .window(problems[0].window())
            .window(problems[1].window())
            .parameter("with prior", Parameter::estimated().prior(prior))
            .parameter("fixed", Parameter::fixed(fixed))
            .parameter("without", Parameter::estimated())
            .model_precision(shape.precision(D))
            .build()
            .unwrap();
        let states = 2 * LAYERS * D;
        let mut normal = Normal::new(states + 2);
        let Affine {
            constant, drift, ..
        } = model();
        let known = Array1::from(constant) + drift.column(1).to_owned() * fixed;
        for (w, problem) in problems.iter().enumerate() {
            add_window(&mut normal, problem, w * LAYERS * D);
            for n in 0..LAYERS - 1 {
                let begin = (w * LAYERS + n) * D;
                let mut j = Array2::zeros((D, states + 2));
                j.slice_mut(s![.., begin..begin + D]).assign(&-matrix());
                j.slice_mut(s![.., begin + D..begin + 2 * D])
                    .assign(&Array2::eye(D));
                j.column_mut(states).assign(&-&drift.column(0));
                j.column_mut(states + 1).assign(&-&drift.column(2));
                normal.add(&j, &known, &(shape.matrix(D) * RF));
            }
        }
        let mut j = Array2::zeros((1, states + 2));
        j[(0, states)] = 1.0;
        normal.add(&j, &array![mean], &array![[deviation.powi(-2)]]);
        let mut at = action.at(RF).unwrap();
        let mut x = vec![0.0; at.dimension()];
        minimize(&mut at, &mut x);
        close(&x, &normal.solution().to_vec(), "two windows");
        let found = inverse_hessian(&mut at, &x);
        close_matrix(
            &found,
            &inverse(&normal.matrix),
            "two windows, inverse Hessian",
        );
    }
}

/// A bound that acts is an equation: the others solve the problem with the
/// parameter fixed there.
#[test]
fn an_active_bound_leaves_the_problem_with_that_parameter_fixed() {
    let model = || Affine {
        matrix: matrix(),
        constant: vec![0.0; 3],
        drift: array![[1.0, 0.2], [0.0, -0.4], [0.5, 0.7]],
    };
    let problem = Problem::new(Shape::Scalar, Shape::Scalar, &[0, 1, 2]);
    let build = |first: Parameter| {
        Action::builder(model(), Map)
            .window(problem.window())
            .parameter("first", first)
            .parameter("second", Parameter::estimated())
            .build()
            .unwrap()
    };
    let solve_it = |action: &Action| {
        let mut at = action.at(RF).unwrap();
        let mut x = vec![0.0; at.dimension()];
        minimize(&mut at, &mut x);
        (action.at(RF).unwrap().value(&x), x)
    };
    let states = LAYERS * D;
    let free = solve_it(&build(Parameter::estimated())).1[states];
    for (lower, upper, bound) in [
        (free + 0.5, free + 2.0, free + 0.5),
        (free - 2.0, free - 0.5, free - 0.5),
    ] {
        let bounds = Bounds::new(lower, upper).unwrap();
        let (bounded, x) = solve_it(&build(Parameter::from(bounds)));
        let (fixed, y) = solve_it(&build(Parameter::fixed(bound)));
        assert_eq!(x[states], bound);
        close(&x[..states], &y[..states], "states under a bound");
        close(&x[states + 1..], &y[states..], "the other parameter");
        assert!((bounded - fixed).abs() <= 1e-12 * fixed);
    }
}

/// Random walk, Q = R = 1, flat prior: in a long record the smoother's
/// variance is 1/√5, the correlation of neighbours (3 − √5)/2, the variance at
/// the end (√5 − 1)/2; corrections fall as 0.38^n.
#[test]
fn the_local_level_model_has_its_closed_form() {
    let layers = 81;
    let grid = Grid::uniform(0.0, 1.0, layers).unwrap();
    let values = Array2::from_shape_fn((layers, 1), |(n, _)| (n as f64 * 0.7).sin());
    let one = || Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], grid.times().to_vec(), values, one()).unwrap();
    let action = Action::builder(Linear::new(array![[1.0]]).unwrap(), Map)
        .window(Window::new(grid).observations(data).unwrap())
        .build()
        .unwrap();
    let mut at = action.at(1.0).unwrap();
    let covariance = inverse_hessian(&mut at, &vec![0.0; layers]);
    let root = 5.0_f64.sqrt();
    let middle = layers / 2;
    let variance = covariance[(middle, middle)];
    approx::assert_relative_eq!(variance, 1.0 / root, max_relative = 1e-14);
    let correlation = covariance[(middle, middle + 1)] / variance;
    approx::assert_relative_eq!(correlation, 0.5 * (3.0 - root), max_relative = 1e-14);
    for end in [0, layers - 1] {
        let variance = covariance[(end, end)];
        approx::assert_relative_eq!(variance, 0.5 * (root - 1.0), max_relative = 1e-14);
    }
}
