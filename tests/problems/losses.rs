//! Robust losses: estimates of location in closed form or by a scalar solver,
//! outliers against reweighted normal equations, and how many steps it takes.

use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::cases::Shape;
use crate::fixtures::dense::Normal;
use crate::fixtures::watched::{gauss_newton, lbfgs, minimum};
use crate::fixtures::{Affine, Noise};
use deepest::models::Linear;
use deepest::prelude::*;
use deepest::{Level, Path};
use ndarray::{Array2, array};

/// Eleven values, two of them far out; R_m is that of a deviation of 0.5.
const Y: [f64; 11] = [0.2, 1.3, -0.7, 0.9, 14.0, 0.4, -22.0, 1.1, -0.1, 0.65, 0.05];
const RM: f64 = 4.0;
/// So strong that the path is constant: a force of at most 11 R_m |e| < 1000
/// bends it by 1000/R_f a layer.
const STRONG: f64 = 1e12;

/// The location of a constant with this loss, from the mean on.
fn location(loss: Loss, minimizer: impl Minimizer + 'static) -> (f64, Level) {
    let layers = Y.len();
    let grid = Grid::uniform(0.0, 1.0, layers).unwrap();
    let values = Array2::from_shape_vec((layers, 1), Y.to_vec()).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let data = Observations::of_components(&[0], grid.times().to_vec(), values, precision);
    let action = Action::builder(Linear::new(array![[1.0]]).unwrap(), Map)
        .window(
            Window::new(grid)
                .observations(data.unwrap().loss(loss))
                .unwrap(),
        )
        .build()
        .unwrap();
    let mean = Y.iter().sum::<f64>() / layers as f64;
    let start = Estimate::new(vec![Path::from_layers([[mean]; 11])], vec![]);
    let level = minimum(&action, STRONG, start, minimizer);
    let path = level.estimate.paths[0].values();
    assert!(path.iter().all(|x| (x - path[0]).abs() <= 1e-7));
    (path[5], level)
}

/// The root of an increasing function.
fn root(f: impl Fn(f64) -> f64, (mut low, mut high): (f64, f64)) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[test]
fn huber_is_the_root_of_its_estimating_equation() {
    for k in [0.3, 1.345, 4.0, 100.0] {
        let psi = |e: f64| (RM.sqrt() * e).clamp(-k, k);
        let expected = root(|x| Y.iter().map(|y| psi(x - y)).sum(), (-30.0, 30.0));
        let (found, level) = location(Loss::huber(k).unwrap(), gauss_newton());
        assert!((found - expected).abs() <= 1e-7, "{k}: {found} {expected}");
        assert!(level.work.factorizations <= 30, "{k}: {:?}", level.work);
    }
    // A threshold beyond all errors leaves the mean.
    let mean = Y.iter().sum::<f64>() / 11.0;
    let (found, _) = location(Loss::huber(100.0).unwrap(), gauss_newton());
    assert!((found - mean).abs() <= 1e-7);
}

/// Rounded off by ε, the median is off by at most about ε times the imbalance
/// that rounding leaves: Σ ½ε²/(R_m d²) over the other values at distances d.
#[test]
fn laplace_is_the_median() {
    let mut sorted = Y;
    sorted.sort_by(f64::total_cmp);
    let median = sorted[5];
    for rounding in [0.1, 0.01, 0.001] {
        let (found, level) = location(Loss::laplace(rounding).unwrap(), gauss_newton());
        let others = sorted.iter().filter(|y| **y != median);
        let imbalance: f64 = others
            .map(|y| 0.5 * rounding * rounding / (RM * (y - median).powi(2)))
            .sum();
        let off = rounding * imbalance / RM.sqrt();
        assert!(
            (found - median).abs() <= 2.0 * off + 1e-7,
            "{rounding}: {found} {median}"
        );
        // Quadratic near the minimum, halving before: log₂ of the distance in
        // units of ε, and a few.
        assert!(
            level.work.factorizations <= 30,
            "{rounding}: {:?}",
            level.work
        );
    }
}

/// From the mean the next stationary point of Student's t is between the
/// outliers, where its slope changes sign once.
#[test]
fn student_t_is_a_stationary_point() {
    for freedom in [1.0, 4.0, 30.0] {
        let slope = |x: f64| {
            let pulls = Y.iter().map(|y| {
                let e = x - y;
                (freedom + 1.0) * RM * e / (freedom + RM * e * e)
            });
            pulls.sum()
        };
        let expected = root(slope, (-0.5, 1.0));
        let (found, level) = location(Loss::student_t(freedom).unwrap(), gauss_newton());
        assert!(
            (found - expected).abs() <= 1e-7,
            "{freedom}: {found} {expected}"
        );
        assert!(
            level.work.factorizations <= 30,
            "{freedom}: {:?}",
            level.work
        );
    }
}

const D: usize = 2;
const LAYERS: usize = 12;
const RF: f64 = 30.0;

fn model() -> Affine {
    Affine {
        matrix: array![[0.8, 0.5], [-0.5, 0.8]],
        constant: vec![0.1, -0.2],
        drift: array![[0.5], [0.3]],
    }
}

/// A path of the model with noise of deviation 0.3 and every seventh value
/// far out.
fn contaminated() -> Array2<f64> {
    let (model, mut noise) = (model(), Noise(19));
    let mut x = [2.0, -1.0];
    let mut count = 0;
    Array2::from_shape_fn((LAYERS, D), |(_, i)| {
        let v = x[i] + 0.5 * noise.next();
        if i == 1 {
            let image = |r: usize| {
                let m = model.matrix.row(r);
                m[0] * x[0] + m[1] * x[1] + model.constant[r] + 0.7 * model.drift[(r, 0)]
            };
            x = [image(0), image(1)];
        }
        count += 1;
        if count % 7 == 0 { v + 8.0 } else { v }
    })
}

fn problem(loss: Loss, shape: Shape, normalization: Normalization) -> Action {
    let grid = Grid::uniform(0.0, 1.0, LAYERS).unwrap();
    let times = grid.times().to_vec();
    let data = Observations::of_components(&[0, 1], times, contaminated(), shape.precision(D));
    Action::builder(model(), Map)
        .window(
            Window::new(grid)
                .observations(data.unwrap().loss(loss))
                .unwrap(),
        )
        .parameter("theta", Parameter::estimated())
        .normalization(normalization)
        .build()
        .unwrap()
}

fn start() -> Estimate {
    let rows = contaminated();
    let layers = rows.rows().into_iter().map(|row| row.to_vec());
    Estimate::new(vec![Path::from_layers(layers)], [0.0])
}

/// Reweighted normal equations until nothing changes: what weight ρ′(s) each
/// error gets is written out here.
fn reweighted(weight: impl Fn(f64, f64) -> f64, shape: Shape) -> Vec<f64> {
    let border = D * LAYERS;
    let values = contaminated();
    let r = shape.matrix(D);
    let mut x: Vec<f64> = values.iter().copied().chain([0.0]).collect();
    for _ in 0..5000 {
        let mut normal = Normal::new(border + 1);
        for n in 0..LAYERS - 1 {
            let theta = [Value::Unknown(border, border)];
            let places = (n * D, (n + 1) * D);
            let precision = Array2::eye(D) * RF;
            Scheme::Map.add_step(&mut normal, &model(), 1.0, places, &theta, &precision);
        }
        for n in 0..LAYERS {
            let e: Vec<f64> = (0..D).map(|i| x[n * D + i] - values[(n, i)]).collect();
            if shape == Shape::Full {
                let s: f64 = r.indexed_iter().map(|((i, j), r)| r * e[i] * e[j]).sum();
                let mut j = Array2::zeros((D, border + 1));
                j[(0, n * D)] = 1.0;
                j[(1, n * D + 1)] = 1.0;
                let y = values.row(n).to_owned();
                normal.add(&j, &y, &(&r * weight(s, 2.0)));
            } else {
                for i in 0..D {
                    let s = r[(i, i)] * e[i] * e[i];
                    let precision = r[(i, i)] * weight(s, 1.0);
                    add_value(&mut normal, n * D + i, values[(n, i)], precision);
                }
            }
        }
        let next = normal.solution().to_vec();
        let moved = x
            .iter()
            .zip(&next)
            .fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        x = next;
        if moved < 1e-13 {
            return x;
        }
    }
    panic!("reweighting has not converged");
}

const FREEDOM: f64 = 4.0;

#[test]
fn outliers_are_weighed_as_by_reweighted_normal_equations() {
    for shape in [Shape::Scalar, Shape::Diagonal, Shape::Full] {
        let (k, freedom, rounding) = (1.345, FREEDOM, 0.1);
        check(Loss::huber(k).unwrap(), shape, |s, _| {
            (k / s.sqrt()).min(1.0)
        });
        check(Loss::student_t(freedom).unwrap(), shape, |s, m| {
            (freedom + m) / (freedom + s)
        });
        check(Loss::laplace(rounding).unwrap(), shape, |s, _| {
            1.0 / (s + rounding * rounding).sqrt()
        });
    }
}

fn check(loss: Loss, shape: Shape, weight: impl Fn(f64, f64) -> f64) {
    let expected = reweighted(weight, shape);
    let action = problem(loss, shape, Normalization::Sum);
    // Student's t has more than one minimum: all methods begin near this one.
    let near = |x: &[f64]| {
        let layers = x[..D * LAYERS].chunks(D).map(<[f64]>::to_vec);
        let shifted = layers.map(|v| v.iter().map(|v| v + 0.05).collect::<Vec<_>>());
        Estimate::new(vec![Path::from_layers(shifted)], [x[D * LAYERS] - 0.1])
    };
    let from = if loss == Loss::student_t(FREEDOM).unwrap() {
        near(&expected)
    } else {
        start()
    };
    let name = format!("{loss:?}, {shape:?}");
    let newton = minimum(&action, RF, from.clone(), gauss_newton());
    // Globalization of a convex problem, then quadratic convergence.
    assert!(
        newton.work.factorizations <= 30,
        "{name}: {:?}",
        newton.work
    );
    let x = action.pack(&newton.estimate).unwrap();
    let limited = minimum(&action, RF, from, lbfgs());
    let y = action.pack(&limited.estimate).unwrap();
    for (i, expected) in expected.iter().enumerate() {
        // A value known to 1e-15 of 50 tells the minimum to 2e-7.
        assert!(
            (x[i] - expected).abs() <= 1e-6,
            "{name}, {i}: {} {expected}",
            x[i]
        );
        assert!(
            (y[i] - expected).abs() <= 1e-6,
            "L-BFGS, {name}, {i}: {} {expected}",
            y[i]
        );
    }
}

/// *Mean* at R_f is the *sum* at R_f K_y/K_g times 2/K_y, and *minaone* is 2/K_t
/// times the *sum*, whatever the loss: what counts as an outlier does not
/// depend on what the action is divided by.
#[test]
fn normalizations_divide_the_action_and_not_the_threshold() {
    let losses = [
        Loss::gaussian(),
        Loss::huber(1.0).unwrap(),
        Loss::student_t(3.0).unwrap(),
        Loss::laplace(0.1).unwrap(),
    ];
    for loss in losses {
        for shape in [Shape::Scalar, Shape::Full] {
            let of = |normalization| problem(loss, shape, normalization);
            let sum = of(Normalization::Sum);
            let counts = sum.counts();
            let (values, residuals) = (counts.measured as f64, counts.residuals as f64);
            let layers = counts.measured_layers as f64;
            let x = sum.pack(&start()).unwrap();
            let x: Vec<f64> = x.iter().map(|v| v + 0.3).collect();
            for (other, rf, factor) in [
                (
                    of(Normalization::Mean),
                    RF * values / residuals,
                    2.0 / values,
                ),
                (of(Normalization::Minaone), RF, 2.0 / layers),
            ] {
                let found = other.at(RF).unwrap().terms(&x);
                let expected = sum.at(rf).unwrap().terms(&x);
                let scaled = factor * expected.measurement;
                assert!(
                    (found.measurement - scaled).abs() <= 1e-14 * scaled,
                    "{loss:?}"
                );
                let scaled = factor * expected.total;
                assert!((found.total - scaled).abs() <= 1e-14 * scaled, "{loss:?}");
            }
        }
    }
}

/// Far from all data Huber's and Laplace's forces are bounded and Student's
/// vanishes: where the outlier is does not matter.
#[test]
fn one_value_out_of_all_proportion() {
    let run = |loss: Loss, last: f64| {
        let grid = Grid::uniform(0.0, 1.0, 5).unwrap();
        let values = array![[1.0], [1.2], [0.8], [1.1], [last]];
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], grid.times().to_vec(), values, one);
        let action = Action::builder(Linear::new(array![[1.0]]).unwrap(), Map)
            .window(
                Window::new(grid)
                    .observations(data.unwrap().loss(loss))
                    .unwrap(),
            )
            .build()
            .unwrap();
        let start = Estimate::new(vec![Path::from_layers([[1.0]; 5])], vec![]);
        minimum(&action, 1e6, start, gauss_newton()).estimate.paths[0].layer(0)[0]
    };
    for loss in [Loss::huber(1.0).unwrap(), Loss::laplace(0.01).unwrap()] {
        // The force is the same from 10³ and from 10⁶.
        let (near, far) = (run(loss, 1e3), run(loss, 1e6));
        assert!((near - far).abs() <= 1e-6, "{loss:?}: {near} {far}");
    }
    let (near, far) = (run(Loss::student_t(2.0).unwrap(), 1e5), 1.025);
    // The other four are all but Gaussian, symmetric about their mean.
    assert!((near - far).abs() <= 0.01, "{near}");
}
