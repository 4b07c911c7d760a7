//! Observation operators: what different ways to say the same have to agree
//! on, and sums of squares written out by hand.

use crate::fixtures;

use crate::fixtures::cases::Shape;
use crate::fixtures::dense::inverse;
use crate::fixtures::watched::{gauss_newton, minimum};
use crate::fixtures::{Noise, norm, plus};
use deepest::models::Lorenz63;
use deepest::prelude::*;
use deepest::{Curvature, Path};
use ndarray::{Array1, Array2};

const LAYERS: usize = 6;
const STEP: f64 = 0.05;
const THETA: [f64; 3] = [9.0, 27.0, 2.5];

fn grid() -> Grid {
    Grid::uniform(0.0, STEP, LAYERS).unwrap()
}

/// Some values missing, and a whole row.
fn values(columns: usize) -> Array2<f64> {
    let mut noise = Noise(41);
    let mut values = Array2::from_shape_fn((LAYERS, columns), |_| 4.0 * noise.next());
    values.row_mut(3).fill(f64::NAN);
    values[(1, 0)] = f64::NAN;
    values[(4, columns - 1)] = f64::NAN;
    values
}

fn rows(values: &Array2<f64>) -> Vec<Vec<f64>> {
    values.rows().into_iter().map(|row| row.to_vec()).collect()
}

fn action(sets: Vec<Observations>) -> Action {
    let mut window = Window::new(grid());
    for set in sets {
        window = window.observations(set).unwrap();
    }
    let prior = Gaussian::new(10.0, 2.0).unwrap();
    Action::builder(Lorenz63, Trapezoid)
        .window(window)
        .parameter("sigma", Parameter::estimated().prior(prior))
        .parameter("rho", Parameter::fixed(THETA[1]))
        .parameter("beta", Bounds::new(0.0, 10.0).unwrap())
        .build()
        .unwrap()
}

/// States and the parameters σ and β.
fn point() -> Vec<f64> {
    let mut x = Noise(2).vector(3 * LAYERS);
    x.extend([THETA[0], THETA[2]]);
    x
}

/// Value, gradient, and a Newton step of each curvature.
fn seen(action: &Action) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    let x = point();
    let mut at = action.at(1.3).unwrap();
    let mut g = vec![0.0; x.len()];
    let value = at.value_and_gradient(&x, &mut g);
    let steps = [Curvature::GaussNewton, Curvature::Exact].map(|curvature| {
        let mut step = vec![0.0; x.len()];
        at.newton_step(&x, curvature, 30.0, &g, &mut step).unwrap();
        step
    });
    (value, g, steps.to_vec())
}

fn same(a: &Action, b: &Action, name: &str) {
    assert_eq!(a.counts(), b.counts(), "{name}");
    let (a, b) = (seen(a), seen(b));
    assert!((a.0 - b.0).abs() <= 1e-14 * a.0.abs(), "{name}: values");
    let difference = norm(&plus(&a.1, -1.0, &b.1));
    assert!(difference <= 1e-14 * norm(&a.1), "{name}: gradients");
    for (s, t) in a.2.iter().zip(&b.2) {
        // The damped matrix has a condition number of about 100.
        let difference = norm(&plus(s, -1.0, t));
        assert!(difference <= 1e-12 * norm(s), "{name}: steps");
    }
}

struct Picked(Vec<usize>);

impl Observe for Picked {
    fn len(&self, _k: usize) -> usize {
        self.0.len()
    }
    fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
        for (slot, &i) in out.iter_mut().zip(&self.0) {
            *slot = x[i];
        }
    }
}

#[test]
fn components_a_matrix_and_a_function_say_the_same() {
    let losses = [
        Loss::gaussian(),
        Loss::huber(1.0).unwrap(),
        Loss::student_t(4.0).unwrap(),
        Loss::laplace(0.1).unwrap(),
    ];
    for components in [&[1][..], &[2, 0], &[0, 1, 2]] {
        let (count, values) = (components.len(), values(components.len()));
        for shape in [Shape::Scalar, Shape::Diagonal, Shape::Full] {
            for loss in losses {
                let precision = || shape.precision(count);
                let times = || grid().times().to_vec();
                let of_components =
                    Observations::of_components(components, times(), values.clone(), precision());
                let matrix = Array2::from_shape_fn((count, 3), |(l, i)| {
                    f64::from(u8::from(components[l] == i))
                });
                let of_matrix =
                    Observations::of_matrix(matrix, times(), values.clone(), precision());
                let of_operator = Observations::of_operator(
                    Picked(components.to_vec()),
                    times(),
                    &rows(&values),
                    precision(),
                );
                let [a, b, c] = [of_components, of_matrix, of_operator]
                    .map(|set| action(vec![set.unwrap().loss(loss)]));
                let name = format!("{components:?}, {shape:?}, {loss:?}");
                same(&a, &b, &name);
                same(&a, &c, &name);
            }
        }
    }
}

/// The constant is a precision for each time that is the same.
#[test]
fn a_precision_for_each_time_is_one_for_all_where_they_are_equal() {
    for shape in [Shape::Scalar, Shape::Diagonal, Shape::Full] {
        let make = || {
            let times = grid().times().to_vec();
            Observations::of_components(&[0, 2], times, values(2), shape.precision(2)).unwrap()
        };
        let each = vec![shape.precision(2); LAYERS];
        let (a, b) = (
            action(vec![make()]),
            action(vec![make().precisions(each).unwrap()]),
        );
        assert_eq!(seen(&a).0, seen(&b).0);
        assert_eq!(seen(&a).1, seen(&b).1);
    }
}

/// k mod 3 values: of state, parameter and time.
struct Mixed;

impl Observe for Mixed {
    fn len(&self, k: usize) -> usize {
        k % 3
    }
    fn observe<S: Scalar>(&self, k: usize, t: S, x: &[S], theta: &[S], out: &mut [S]) {
        if self.len(k) > 0 {
            out[0] = x[0] * x[1] + theta[2] * t;
        }
        if self.len(k) > 1 {
            out[1] = (x[2] * theta[0]).tanh() + S::from(k as f64);
        }
    }
}

fn mixed(k: usize, x: &[f64]) -> Vec<f64> {
    let t = STEP * k as f64;
    let all = [
        x[0] * x[1] + THETA[2] * t,
        (x[2] * THETA[0]).tanh() + k as f64,
    ];
    all[..k % 3].to_vec()
}

#[test]
fn different_numbers_of_values_at_different_times_add_up_by_hand() {
    let mut noise = Noise(12);
    let mut rows: Vec<Vec<f64>> = (0..LAYERS).map(|k| noise.vector(k % 3)).collect();
    rows[5][0] = f64::NAN;
    let shapes = [
        Shape::Scalar,
        Shape::Scalar,
        Shape::Full,
        Shape::Scalar,
        Shape::Diagonal,
    ];
    let shape = |k: usize| shapes.get(k).copied().unwrap_or(Shape::Full);
    let each = (0..LAYERS).map(|k| shape(k).precision((k % 3).max(1)));
    let each = each.enumerate().map(|(k, p)| match k % 3 {
        0 => Precision::scalar(1.0).unwrap(),
        _ => p,
    });
    let times = grid().times().to_vec();
    let set = Observations::of_operator(Mixed, times, &rows, Precision::scalar(1.0).unwrap());
    let action = action(vec![set.unwrap().precisions(each.collect()).unwrap()]);
    let x = point();
    let mut expected = 0.0;
    let mut count = 0;
    for (k, row) in rows.iter().enumerate().filter(|(k, _)| k % 3 > 0) {
        let h = mixed(k, &x[3 * k..3 * k + 3]);
        let kept: Vec<usize> = (0..row.len()).filter(|&l| !row[l].is_nan()).collect();
        // The marginal precision: the inverse of the covariance's block.
        let covariance = inverse(&shape(k).matrix(k % 3));
        let block = Array2::from_shape_fn((kept.len(), kept.len()), |(a, b)| {
            covariance[(kept[a], kept[b])]
        });
        let e: Array1<f64> = kept.iter().map(|&l| h[l] - row[l]).collect();
        expected += 0.5 * e.dot(&inverse(&block).dot(&e));
        count += kept.len();
    }
    let found = action.at(1.3).unwrap().terms(&x).measurement;
    assert!(
        (found - expected).abs() <= 1e-14 * expected,
        "{found} {expected}"
    );
    assert_eq!((action.counts().measured, count), (5, 5));
    assert_eq!(action.counts().measured_layers, 4);
}

/// Sets are independent: their sum is the sum of the actions with each alone.
#[test]
fn several_sets_in_one_window_add_up() {
    let times =
        |every: usize| -> Vec<f64> { grid().times().iter().copied().step_by(every).collect() };
    let sets = || {
        let first =
            Observations::of_components(&[0], times(1), values(1), Precision::scalar(2.0).unwrap());
        let matrix = Array2::from_shape_fn((2, 3), |(l, i)| 0.3 * l as f64 - 0.5 * i as f64 + 1.0);
        let at = times(2);
        let second = Array2::from_shape_fn((at.len(), 2), |(k, l)| (k + l) as f64);
        let second = Observations::of_matrix(matrix, at, second, Shape::Full.precision(2));
        let third: Vec<Vec<f64>> = (0..LAYERS).map(|k| vec![0.5; k % 3]).collect();
        let one = Precision::scalar(0.5).unwrap();
        let third = Observations::of_operator(Mixed, times(1), &third, one);
        let huber = Loss::huber(1.0).unwrap();
        [first.unwrap(), second.unwrap(), third.unwrap().loss(huber)]
    };
    let x = point();
    let gradient = |sets: Vec<Observations>| {
        let action = action(sets);
        let mut at = action.at(1.0).unwrap();
        let mut g = vec![0.0; x.len()];
        at.value_and_gradient(&x, &mut g);
        (at.terms(&x), g)
    };
    let (together, g) = gradient(sets().to_vec());
    let alone = sets().map(|set| gradient(vec![set]));
    let sum: f64 = alone.iter().map(|(terms, _)| terms.measurement).sum();
    assert!((together.measurement - sum).abs() <= 1e-14 * sum);
    // The other terms are in each of the three, so they are taken off twice.
    let action = action(sets().to_vec());
    let mut at = action.at(1.0).unwrap();
    let residuals = at.residuals(&x).unwrap();
    let mut others = at.adjoint(&x, &residuals).unwrap();
    others[3 * LAYERS] += (THETA[0] - 10.0) / 4.0;
    let mut rest = plus(&g, 2.0, &others);
    let mut size = norm(&rest);
    for (_, one) in &alone {
        rest = plus(&rest, -1.0, one);
        size += norm(one);
    }
    assert!(norm(&rest) <= 1e-14 * size, "{:e}", norm(&rest) / size);
}

/// ½R(h(x, θ) − y)² with h = θx² has its minimum where h = y if the model does
/// not object, with any number of layers.
#[test]
fn a_nonlinear_operator_of_the_parameter_is_met_exactly() {
    struct Square;
    impl Observe for Square {
        fn len(&self, _k: usize) -> usize {
            2
        }
        fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], theta: &[S], out: &mut [S]) {
            out[0] = theta[0] * x[0].square();
            out[1] = x[0];
        }
    }
    let one = || Precision::scalar(1.0).unwrap();
    let still = fixtures::Affine {
        matrix: ndarray::array![[1.0]],
        constant: vec![0.0],
        drift: ndarray::array![[0.0]],
    };
    // x = 1.5 and θx² = 6 at every layer: θ = 8/3.
    let rows = vec![vec![6.0, 1.5]; 4];
    let set = Observations::of_operator(Square, [0.0, 1.0, 2.0, 3.0], &rows, one());
    let grid = Grid::uniform(0.0, 1.0, 4).unwrap();
    let action = Action::builder(still, Map)
        .window(Window::new(grid).observations(set.unwrap()).unwrap())
        .parameter("theta", Parameter::estimated())
        .build()
        .unwrap();
    let path = Path::from_layers([[1.0]; 4]);
    let level = minimum(
        &action,
        1.0,
        Estimate::new(vec![path], [1.0]),
        gauss_newton(),
    );
    assert!(level.action.total <= 1e-25);
    assert!((level.estimate.parameters[0] - 8.0 / 3.0).abs() <= 1e-12);
}
