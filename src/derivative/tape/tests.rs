//! The tape alone: what it records of every operation, against nested duals.

use super::*;
use crate::dual::Dual;
use crate::scalar::Scalar;

type Second = Dual<Dual<f64, 2>, 2>;

/// One operation of [`Scalar`], or with a constant on one side, by its number.
fn operation<S: Scalar>(number: usize, x: S, y: S) -> Option<S> {
    let assigned = |assign: fn(&mut S, S)| {
        let mut z = x;
        assign(&mut z, y);
        z
    };
    let (constant, again) = (S::from(1.7), x);
    Some(match number {
        0 => x + y,
        1 => x - y,
        2 => x * y,
        3 => x / y,
        4 => -x,
        5 => x + 1.7,
        6 => x - 1.7,
        7 => x * 1.7,
        8 => x / 1.7,
        9 => assigned(S::add_assign),
        10 => assigned(S::sub_assign),
        11 => assigned(S::mul_assign),
        12 => assigned(S::div_assign),
        13 => x.exp(),
        14 => x.ln(),
        15 => x.sqrt(),
        16 => x.sin(),
        17 => x.cos(),
        18 => x.tanh(),
        19 => x.powi(3),
        20 => x.powi(2),
        21 => x.powi(1),
        22 => x.powi(0),
        23 => x.powi(-2),
        24 => x.powf(2.5),
        25 => x.powf(1.0),
        26 => x.powf(0.0),
        27 => x.powf(-0.5),
        28 => x.abs(),
        29 => x.max(y),
        30 => x.min(y),
        31 => x.recip(),
        32 => x.square(),
        33 => x.logistic(),
        34 => constant + x,
        35 => constant - x,
        36 => constant * x,
        37 => constant / x,
        38 => x / constant,
        39 => x.max(constant),
        40 => constant.min(x),
        41 => x * again,
        42 => x / again,
        43 => x - again,
        44 => x.max(again),
        45 => x * 0.0,
        46 => x * 1.0,
        47 => x.sinh(),
        48 => x.cosh(),
        49 => x.tan(),
        50 => x.asin(),
        51 => x.acos(),
        52 => x.atan(),
        53 => x.atan2(y),
        54 => x.hypot(y),
        55 => x.log10(),
        56 => x.ln_1p(),
        57 => x.exp_m1(),
        58 => x.softplus(),
        59 => x.pow(y),
        60 => constant.pow(x),
        61 => x.pow(constant),
        62 => [x, y, x].iter().sum(),
        63 => [x, y, x].into_iter().sum(),
        _ => return None,
    })
}

/// How many there are.
const OPERATIONS: usize = 64;

/// Gradient and Hessian by the leaves 0 and 1.
type Derivatives = ([f64; 2], [[f64; 2]; 2]);

/// The chain rule from the leaves on, node by node, with all partial
/// derivatives that an operation has; those said to be straight must be zero.
fn chained(operations: &[Operation], node: Option<usize>) -> Derivatives {
    let mut nodes: Vec<Derivatives> = vec![([0.0; 2], [[0.0; 2]; 2]); operations.len()];
    nodes[0].0[0] = 1.0;
    nodes[1].0[1] = 1.0;
    for (n, operation) in operations.iter().enumerate().skip(2) {
        let (mut gradient, mut hessian) = nodes[n];
        for (k, a) in operation.live() {
            for i in 0..2 {
                gradient[i] += operation.first[k] * nodes[a].0[i];
                for j in 0..2 {
                    hessian[i][j] += operation.first[k] * nodes[a].1[i][j];
                    for (m, b) in operation.live() {
                        let second = operation.second[k + m];
                        assert!(!operation.straight[k + m] || second == 0.0);
                        hessian[i][j] += second * nodes[a].0[i] * nodes[b].0[j];
                    }
                }
            }
        }
        nodes[n] = (gradient, hessian);
    }
    node.map_or(Derivatives::default(), |node| nodes[node])
}

/// Where x is below, above and equal to y; negative; and where both are zero.
const POINTS: [[f64; 2]; 6] = [
    [0.7, 1.9],
    [1.9, 0.7],
    [1.3, 1.3],
    [-0.8, 0.6],
    [-0.4, -1.1],
    [0.0, 0.0],
];

#[test]
fn every_operation_has_the_derivatives_of_nested_duals() {
    let mut compared = 0;
    for [x, y] in POINTS {
        let variable = |v, lane| Second::variable(Dual::variable(v, lane), lane);
        for number in 0.. {
            let Some(exact) = operation(number, variable(x, 0), variable(y, 1)) else {
                assert_eq!(number, OPERATIONS);
                break;
            };
            open(2);
            let taped = operation(number, Taped::leaf(x, 0), Taped::leaf(y, 1)).unwrap();
            let plain = operation(number, x, y).unwrap();
            let exact_gradient = exact.lanes.map(|lane| lane.value);
            let exact_hessian = exact.lanes.map(|lane| lane.lanes);
            let all = exact_hessian.iter().flatten().chain(&exact_gradient);
            // Outside its domain an operation has no derivative to compare.
            if !plain.is_finite() || all.into_iter().any(|v| !v.is_finite()) {
                continue;
            }
            let (gradient, hessian) = read(|operations| chained(operations, taped.node()));
            // A handful of roundings of numbers that are not subtracted.
            let close = |found: f64, expected: f64| {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-14 * expected.abs().max(1.0),
                    "operation {number} at {x}, {y}: {found} {expected}"
                );
            };
            close(taped.value(), plain);
            for i in 0..2 {
                close(gradient[i], exact_gradient[i]);
                for j in 0..2 {
                    close(hessian[i][j], exact_hessian[i][j]);
                }
            }
            compared += 1;
        }
    }
    // All where x and y are positive, but arcsine and arccosine beyond one; below zero
    // all but two logarithms, √ and four powers of x; at zero all but those, of which
    // one power has its derivatives, the six that divide by it, and angle and radius of
    // no point.
    let domain = [OPERATIONS, OPERATIONS - 2, OPERATIONS - 2];
    let all = domain.iter().sum::<usize>() + 2 * (OPERATIONS - 7) + OPERATIONS - 14;
    assert_eq!(compared, all);
}

/// At large arguments too, relative to the largest derivative of the same order.
#[test]
fn large_arguments_keep_their_digits() {
    for number in 47..59 {
        for x in [-700.0, -40.0, 40.0, 300.0, 1e8, 1e200] {
            let variable = |v, lane| Second::variable(Dual::variable(v, lane), lane);
            let exact = operation(number, variable(x, 0), variable(2.0, 1)).unwrap();
            open(2);
            let taped = operation(number, Taped::leaf(x, 0), Taped::leaf(2.0, 1)).unwrap();
            if !taped.value().is_finite() {
                continue;
            }
            let (gradient, hessian) = read(|operations| chained(operations, taped.node()));
            let close = |found: &[f64], expected: &[f64]| {
                let largest = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    let error = (found - expected).abs();
                    assert!(
                        error <= 16.0 * f64::EPSILON * largest + 1e-307,
                        "operation {number} at {x}: {found} {expected}"
                    );
                }
            };
            close(&gradient, &exact.value.lanes);
            let exact_hessian = exact.lanes.map(|lane| lane.lanes);
            close(hessian.as_flattened(), exact_hessian.as_flattened());
        }
    }
}

/// At a kink the derivative is that of the branch taken: of the first of two
/// equal numbers, and zero for |x| at zero.
#[test]
fn kinks_have_one_of_their_slopes() {
    let slopes = |f: fn(Taped, Taped) -> Taped, at: f64| {
        open(2);
        let z = f(Taped::leaf(at, 0), Taped::leaf(at, 1));
        read(|operations| chained(operations, z.node())).0
    };
    assert_eq!(slopes(Taped::max, 2.0), [1.0, 0.0]);
    assert_eq!(slopes(Taped::min, 2.0), [1.0, 0.0]);
    assert_eq!(slopes(|x, _| x.abs(), 0.0), [0.0, 0.0]);
    assert_eq!(slopes(|x, _| x.abs(), -3.0), [-1.0, 0.0]);
    assert_eq!(slopes(|x, _| x.abs(), 3.0), [1.0, 0.0]);
}

/// Both numbers of `max` and `min` are arguments, so that what depends on the
/// branch not taken is known.
#[test]
fn the_branch_not_taken_is_an_argument() {
    for f in [Taped::max, Taped::min] {
        for [x, y] in [[1.0, 2.0], [2.0, 1.0]] {
            open(2);
            f(Taped::leaf(x, 0), Taped::leaf(y, 1));
            let arguments = read(|operations| operations[2].arguments);
            assert_eq!(arguments, [0, 1]);
        }
    }
}

#[test]
fn constants_leave_no_trace() {
    open(2);
    for number in 0..OPERATIONS {
        let (x, y) = (Taped::from(0.7), Taped::from(1.9));
        let result = operation(number, x, y).unwrap();
        assert_eq!(result.node(), None, "{number}");
        let plain = operation(number, 0.7, 1.9).unwrap();
        assert!((result.value() - plain).abs() <= 1e-15 * plain.abs());
    }
    assert_eq!(read(<[Operation]>::len), 2);
}

/// What moves a number or multiplies it by one is no operation.
#[test]
fn shifts_are_their_argument() {
    open(2);
    let (x, y) = (Taped::leaf(0.7, 0), Taped::leaf(1.9, 1));
    for number in [5, 6, 21, 25, 28, 46] {
        let shifted = operation(number, x, y).unwrap();
        assert_eq!(shifted.node(), Some(0), "{number}");
        assert_eq!(shifted.value(), operation(number, 0.7, 1.9).unwrap());
    }
    assert_eq!(read(<[Operation]>::len), 2);
}

#[test]
fn comparisons_see_values_only() {
    open(2);
    let (x, y) = (Taped::leaf(1.5, 0), Taped::leaf(1.5, 1));
    assert!(x == y && x == Taped::from(1.5));
    assert!(x < Taped::from(2.0) && x + 1.0 > y);
    assert_eq!(x.partial_cmp(&Taped::from(f64::NAN)), None);
    // A variable that is zero now is not zero for good.
    assert!(Taped::zero().is_zero() && !Taped::leaf(0.0, 0).is_zero());
    assert!(Taped::one().is_one());
}

#[test]
fn a_number_from_another_thread_is_a_constant_here() {
    open(1);
    let x = Taped::leaf(2.0, 0);
    let foreign = x * x * x;
    let arguments = std::thread::scope(|scope| {
        let there = scope.spawn(|| {
            open(1);
            let product = Taped::leaf(5.0, 0) * foreign;
            assert_eq!(product.value(), 40.0);
            read(|operations| operations[1].arguments)
        });
        there.join().unwrap()
    });
    assert_eq!(arguments, [0, NONE]);
}

#[test]
fn opening_forgets_what_was_recorded() {
    open(1);
    let x = Taped::leaf(2.0, 0);
    assert_eq!(x.exp().node(), Some(1));
    open(3);
    assert_eq!(read(<[Operation]>::len), 3);
    assert_eq!(Taped::leaf(2.0, 2).exp().node(), Some(3));
}
