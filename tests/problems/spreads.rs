//! Standard deviations of parameters against dense normal equations, and what
//! is said of parameters that nothing determines.

use crate::fixtures::Affine;
use crate::fixtures::affine::{Scheme, Value, add_value};
use crate::fixtures::dense::{Normal, inverse};
use crate::fixtures::recordings::{D, LAYERS, RF, add_values, model, start, times, window};
use deepest::prelude::*;
use deepest::{ParameterSpread, Path};
use ndarray::{Array2, array};

/// Columns of two windows' states, then the shared parameter, then each
/// window's own.
const SHARED: usize = 2 * D * LAYERS;
const OWN: usize = SHARED + 1;

/// Both windows under Euler's rule, R_f per time.
fn normal() -> Normal {
    let mut normal = Normal::new(OWN + 2);
    for w in 0..2 {
        let place = |n: usize| (w * LAYERS + n) * D;
        add_values(&mut normal, w as u64 + 1, place);
        let theta = [
            Value::Unknown(SHARED, SHARED),
            Value::Unknown(OWN + w, OWN + w),
        ];
        for (n, pair) in times().windows(2).enumerate() {
            let h = pair[1] - pair[0];
            let places = (place(n), place(n + 1));
            let precision = Array2::eye(D) * (RF / h);
            Scheme::Euler.add_step(&mut normal, &model(), h, places, &theta, &precision);
        }
    }
    normal
}

fn builder(shared: impl Into<Parameter>, own: impl Into<Parameter>) -> deepest::ActionBuilder {
    Action::builder(model(), Euler)
        .window(window(1))
        .window(window(2))
        .parameter("shared", shared)
        .parameter("own", own.into().per_window())
}

/// Inverses of condition numbers below 1e5 are known to 1e-10.
fn close(found: Option<f64>, variance: f64) {
    let (found, expected) = (found.expect("a deviation"), variance.sqrt());
    assert!(
        (found / expected - 1.0).abs() <= 1e-10,
        "{found} {expected}"
    );
}

fn names(spreads: &[ParameterSpread]) -> Vec<(&str, Option<usize>)> {
    spreads
        .iter()
        .map(|s| (s.name.as_str(), s.window))
        .collect()
}

#[test]
fn deviations_are_those_of_the_dense_posterior() {
    let covariance = inverse(&normal().matrix);
    let action = builder(Parameter::estimated(), Parameter::estimated());
    let action = action.build().unwrap();
    let estimate = start(2, &[0.3, 0.4]);
    let spreads = action.parameter_spreads(RF, &estimate).unwrap();
    let expected = [("shared", None), ("own", Some(0)), ("own", Some(1))];
    assert_eq!(names(&spreads), expected);
    for (k, spread) in spreads.iter().enumerate() {
        close(spread.deviation, covariance[(SHARED + k, SHARED + k)]);
        assert_eq!(spread.value, [0.3, 0.4, 0.4][k]);
        assert!(spread.at_bound.is_none() && spread.identifiable);
    }
    // Mean at R_f is the sum at R_f K_y/K_g, whatever it is divided by.
    let mean = builder(Parameter::estimated(), Parameter::estimated());
    let mean = mean.normalization(Normalization::Mean).build().unwrap();
    let counts = mean.counts();
    let rf = RF * counts.residuals as f64 / counts.measured as f64;
    for (found, expected) in mean
        .parameter_spreads(rf, &estimate)
        .unwrap()
        .iter()
        .zip(&spreads)
    {
        close(found.deviation, expected.deviation.unwrap().powi(2));
    }
}

/// One value y of component c with precision R has the information ½ ln(1 + R C)
/// and errs by 1/R + C, C the posterior variance of that component; of several
/// the determinant and the trace of a matrix are asked for.
#[test]
fn what_further_values_tell_is_the_dense_determinant() {
    let covariance = inverse(&normal().matrix);
    let action = builder(Parameter::estimated(), Parameter::estimated());
    let action = action.build().unwrap();
    let estimate = start(2, &[0.3, 0.4]);
    let place = |w: usize, n: usize, c: usize| (w * LAYERS + n) * D + c;
    let set = |n: &[usize], c: usize, precision: f64| {
        let times: Vec<f64> = n.iter().map(|&n| times()[n]).collect();
        let values = Array2::from_elem((n.len(), 1), 0.7);
        let precision = Precision::scalar(precision).unwrap();
        Observations::of_components(&[c], times, values, precision).unwrap()
    };
    for (w, n, c, precision) in [(0, 0, 1, 0.3), (0, 3, 0, 5.0), (1, 6, 1, 1e3)] {
        let variance = covariance[(place(w, n, c), place(w, n, c))];
        let further = [(w, set(&[n], c, precision))];
        let nats = action.information(RF, &estimate, &further).unwrap();
        let expected = 0.5 * (precision * variance).ln_1p();
        assert!((nats / expected - 1.0).abs() < 1e-9, "{nats} {expected}");
        let held = action.held_out(RF, &estimate, &further).unwrap();
        let error = 0.7 - estimate.paths[w].layer(n)[c];
        assert!((held.mean_square / (precision * error * error) - 1.0).abs() < 1e-9);
        // Differences with a share of a hundredth leave 1e-4 of the trace.
        let expected = 1.0 + precision * variance;
        assert!((held.expected / expected - 1.0).abs() < 2e-4, "{held}");
    }
    // Two values in one window, one in the other.
    let further = [(0, set(&[1, 4], 0, 2.0)), (1, set(&[2], 1, 3.0))];
    let places = [place(0, 1, 0), place(0, 4, 0), place(1, 2, 1)];
    let precisions = [2.0, 2.0, 3.0];
    let product = Array2::from_shape_fn((3, 3), |(i, j)| {
        let unit = if i == j { 1.0 } else { 0.0 };
        unit + precisions[i] * covariance[(places[i], places[j])]
    });
    let minor =
        |a: usize, b: usize| product[(1, a)] * product[(2, b)] - product[(1, b)] * product[(2, a)];
    let determinant = product[(0, 0)] * minor(1, 2) - product[(0, 1)] * minor(0, 2)
        + product[(0, 2)] * minor(0, 1);
    let nats = action.information(RF, &estimate, &further).unwrap();
    assert!((nats / (0.5 * determinant.ln()) - 1.0).abs() < 1e-9);
    let held = action.held_out(RF, &estimate, &further).unwrap();
    let trace: f64 = product.diag().sum();
    assert!((held.expected / (trace / 3.0) - 1.0).abs() < 2e-4, "{held}");
}

/// A prior adds its precision; alone it tells more than the data where it is
/// narrow, and bounds are a uniform prior in this respect.
#[test]
fn priors_and_bounds_that_tell_more_than_the_data() {
    let without = inverse(&normal().matrix)[(SHARED, SHARED)].sqrt();
    for (deviation, identifiable) in [(0.5 * without, false), (2.0 * without, true)] {
        let mut normal = normal();
        add_value(&mut normal, SHARED, 0.3, deviation.powi(-2));
        let prior = Gaussian::new(0.3, deviation).unwrap();
        let action = builder(Parameter::estimated().prior(prior), Parameter::estimated());
        let action = action.build().unwrap();
        let spreads = action.parameter_spreads(RF, &start(2, &[0.3, 0.4]));
        let shared = &spreads.unwrap()[0];
        close(shared.deviation, inverse(&normal.matrix)[(SHARED, SHARED)]);
        assert_eq!(shared.identifiable, identifiable);

        // A uniform density of this deviation.
        let half = 3.0_f64.sqrt() * deviation;
        let bounds = Bounds::new(0.3 - half, 0.3 + half).unwrap();
        let action = builder(bounds, Parameter::estimated()).build().unwrap();
        let spreads = action.parameter_spreads(RF, &start(2, &[0.3, 0.4]));
        let shared = &spreads.unwrap()[0];
        close(shared.deviation, without * without);
        assert_eq!(shared.identifiable, identifiable);
    }
}

/// At a bound a parameter has no deviation, and the others have those of a
/// problem where it is fixed.
#[test]
fn bounds_hold_what_stands_at_them() {
    let bounds = Bounds::new(-1.0, 0.3).unwrap();
    let action = builder(bounds, Parameter::estimated()).build().unwrap();
    let spreads = action.parameter_spreads(RF, &start(2, &[0.3, 0.4]));
    let spreads = spreads.unwrap();
    assert_eq!(spreads[0].at_bound, Some(0.3));
    assert_eq!(
        (spreads[0].deviation, spreads[0].identifiable),
        (None, false)
    );
    let normal = normal();
    let free: Vec<usize> = (0..OWN + 2).filter(|i| *i != SHARED).collect();
    let rest = Array2::from_shape_fn((free.len(), free.len()), |(i, j)| {
        normal.matrix[(free[i], free[j])]
    });
    let covariance = inverse(&rest);
    for (w, spread) in spreads[1..].iter().enumerate() {
        close(spread.deviation, covariance[(SHARED + w, SHARED + w)]);
    }
}

/// The second state is neither measured nor seen by the first, so that it
/// follows whatever drives it: that parameter's information is zero, of which
/// elimination leaves rounding of either sign. The first one's is as if it were
/// alone.
#[test]
fn parameters_without_any_information() {
    for (decay, layers) in [(0.1, 20), (0.7, 41), (1.3, 80), (2.1, 161), (0.37, 400)] {
        let grid = Grid::uniform(0.0, 0.1, layers).unwrap();
        let measured = Array2::zeros((layers, 1));
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], grid.times().to_vec(), measured, one.clone());
        let window = || {
            let window = Window::new(grid.clone()).observations(data.clone().unwrap());
            window
                .unwrap()
                .prior(StatePrior::new([0.0; 2], one.clone()).unwrap())
        };
        let free = Parameter::estimated;
        let wide = || Parameter::from(Bounds::new(-1.0, 1.0).unwrap());
        for rf in [1e-8, 1.0, 1e8] {
            let spreads = |second: Parameter| {
                let model = Affine {
                    matrix: array![[-0.5, 0.0], [0.0, -decay]],
                    constant: vec![0.0; 2],
                    drift: array![[1.0, 0.0], [0.0, 0.7]],
                };
                let builder = Action::builder(model, Trapezoid).window(window());
                let builder = builder.parameter("first", free());
                let action = builder.parameter("second", second).build().unwrap();
                let path = Path::from_layers((0..layers).map(|_| [0.0; 2]));
                action.parameter_spreads(rf, &Estimate::new(vec![path], [0.1, 0.1]))
            };
            let alone = spreads(Parameter::fixed(0.1)).unwrap();
            for second in [free(), wide()] {
                let name = format!("decay {decay}, {layers} layers, R_f {rf}");
                let both = spreads(second).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert!(both[0].identifiable && !both[1].identifiable, "{name}");
                let [found, expected] = [&both[0], &alone[0]].map(|s| s.deviation.unwrap());
                assert!(
                    (found / expected - 1.0).abs() < 1e-6,
                    "{name}: {found} {expected}"
                );
            }
        }
    }
}
