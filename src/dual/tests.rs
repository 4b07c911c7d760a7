//! Duals against differences and rules of calculus, and what they depend on.

use super::*;

/// A function that uses every operation, with x and y away from kinks.
fn everything<S: Scalar>(x: S, y: S) -> S {
    let a = (x * y + 1.5).ln() - (x / y).exp() * 0.25 + y.recip() - 0.5;
    let b = x.sin() * y.cos() + (x - y).tanh() + x.powi(3) / 7.0 + y.powf(1.7);
    let mut c = (x * x + y * y).sqrt() + (x - y).abs() + x.max(y) - x.min(y) + x.logistic();
    c += a;
    c *= b;
    c -= y.square();
    c /= x + 2.0;
    -c
}

fn central(f: impl Fn(f64) -> f64, at: f64) -> f64 {
    // Sixth-order central difference: truncation below 1e-11 for h = 0.01.
    let h = 1e-2;
    let d = |k: f64| (f(at + k * h) - f(at - k * h)) / h;
    d(1.0) * 0.75 - d(2.0) * 0.15 + d(3.0) / 60.0
}

#[test]
fn first_derivatives_match_differences() {
    let (x, y) = (0.7, 1.9);
    let dual = everything(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1));
    assert_eq!(dual.value, everything(x, y));
    assert!((dual.lanes[0] - central(|x| everything(x, y), x)).abs() < 1e-8);
    assert!((dual.lanes[1] - central(|y| everything(x, y), y)).abs() < 1e-8);
}

#[test]
fn second_derivatives_by_nesting_are_symmetric_and_match_differences() {
    type Second = Dual<Dual<f64, 2>, 2>;
    let (x, y) = (0.7, 1.9);
    let inner = |v, lane| Dual::<f64, 2>::variable(v, lane);
    let z = everything(
        Second::variable(inner(x, 0), 0),
        Second::variable(inner(y, 1), 1),
    );
    let slope = |x: f64, y: f64, lane: usize| {
        everything(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1)).lanes[lane]
    };
    assert!((z.lanes[0].lanes[1] - z.lanes[1].lanes[0]).abs() < 1e-13);
    assert!((z.lanes[0].lanes[0] - central(|x| slope(x, y, 0), x)).abs() < 1e-8);
    assert!((z.lanes[1].lanes[1] - central(|y| slope(x, y, 1), y)).abs() < 1e-8);
    assert!((z.lanes[0].lanes[1] - central(|y| slope(x, y, 0), y)).abs() < 1e-8);
}

#[test]
fn powers_at_zero_are_exact() {
    let x = Dual::<f64, 1>::variable(0.0, 0);
    assert_eq!(x.powi(0).lanes[0], 0.0);
    assert_eq!(x.powi(1).lanes[0], 1.0);
    assert_eq!(x.powi(2).lanes[0], 0.0);
    assert_eq!(x.powf(0.0).lanes[0], 0.0);
    assert_eq!(x.abs().lanes[0], 0.0);
}

#[test]
fn logistic_does_not_overflow() {
    for (x, expected) in [(-800.0, 0.0), (0.0, 0.5), (800.0, 1.0)] {
        let y = Dual::<f64, 1>::variable(x, 0).logistic();
        assert_eq!(y.value, expected);
        assert!(y.lanes[0].is_finite());
    }
}

/// A function of one number, by its place in [`by_hand`].
fn function<S: Scalar>(number: usize, x: S) -> S {
    match number {
        0 => x.sinh(),
        1 => x.cosh(),
        2 => x.tan(),
        3 => x.asin(),
        4 => x.acos(),
        5 => x.atan(),
        6 => x.log10(),
        7 => x.ln_1p(),
        8 => x.exp_m1(),
        _ => x.softplus(),
    }
}

/// The first two derivatives of a function.
type Slopes = fn(f64) -> [f64; 2];

/// Where to compare it, and its first two derivatives in forms that keep their digits.
fn by_hand(number: usize) -> (&'static [f64], Slopes) {
    match number {
        0 => (&[-2.0, 0.0, 3.0, 300.0], |x| [x.cosh(), x.sinh()]),
        1 => (&[-2.0, 0.0, 3.0, 300.0], |x| [x.sinh(), x.cosh()]),
        2 => (&[-1.0, 0.0, 1.5, 20.0], |x| {
            let slope = x.cos().powi(-2);
            [slope, 2.0 * x.tan() * slope]
        }),
        3 => (&[-0.9, 0.0, 0.5, 0.999_999], |x| {
            let square = (1.0 - x) * (1.0 + x);
            [square.powf(-0.5), x * square.powf(-1.5)]
        }),
        4 => (&[-0.9, 0.0, 0.5, 0.999_999], |x| {
            let square = (1.0 - x) * (1.0 + x);
            [-square.powf(-0.5), -x * square.powf(-1.5)]
        }),
        5 => (&[-3.0, 0.0, 0.5, 1e8, 1e200], |x| {
            let slope = x.hypot(1.0).powi(-1).powi(2);
            [slope, -2.0 * x * slope * slope]
        }),
        6 => (&[1e-150, 0.3, 1.0, 1e150, 1e300], |x| {
            let tenth = 10_f64.ln();
            [1.0 / (x * tenth), -1.0 / x / (x * tenth)]
        }),
        7 => (&[-0.5, 0.0, 1e-17, 3.0, 1e150, 1e300], |x| {
            [1.0 / (1.0 + x), -1.0 / (1.0 + x) / (1.0 + x)]
        }),
        8 => (&[-700.0, -40.0, -1e-17, 0.0, 3.0, 700.0], |x| [x.exp(); 2]),
        _ => (
            &[-745.0, -700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0, 1e300],
            |x| {
                let e = (-x.abs()).exp();
                let slope = if x < 0.0 {
                    e / (1.0 + e)
                } else {
                    1.0 / (1.0 + e)
                };
                [slope, e / (1.0 + e) / (1.0 + e)]
            },
        ),
    }
}

/// Relative to what is expected, a dozen roundings: at large arguments too nothing
/// overflows and no digits cancel. Numbers below the smallest normal one keep fewer.
#[test]
fn functions_have_their_first_two_derivatives() {
    for number in 0..10 {
        let (points, exact) = by_hand(number);
        for &x in points {
            let inner = Dual::<f64, 1>::variable(x, 0);
            let z = function(number, Dual::<_, 1>::variable(inner, 0));
            assert_eq!(z.value.value, function(number, x), "{number} at {x}");
            let found = [z.value.lanes[0], z.lanes[0].value, z.lanes[0].lanes[0]];
            let [slope, bend] = exact(x);
            for (found, expected) in found.into_iter().zip([slope, slope, bend]) {
                let error = (found - expected).abs();
                assert!(
                    error <= 12.0 * f64::EPSILON * expected.abs() + 1e-307,
                    "function {number} at {x}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn functions_match_differences() {
    for number in 0..10 {
        for x in [0.45, 0.6, 0.7] {
            let dual = function(number, Dual::<f64, 1>::variable(x, 0));
            let difference = central(|x| function(number, x), x);
            assert!((dual.lanes[0] - difference).abs() < 1e-8, "{number} at {x}");
        }
    }
}

/// 1 − tanh² has the rounding of one, not of itself; far out it is zero.
#[test]
fn a_hyperbolic_tangent_goes_flat() {
    for x in [-1e300, -400.0, -20.0, 3.0, 400.0, 1e300] {
        let inner = Dual::<f64, 1>::variable(x, 0);
        let z = Dual::<_, 1>::variable(inner, 0).tanh();
        let slope = x.abs().min(400.0).cosh().powi(-2);
        assert!((z.lanes[0].value - slope).abs() <= f64::EPSILON);
        let bend = -2.0 * x.tanh() * slope;
        assert!((z.lanes[0].lanes[0] - bend).abs() <= 4.0 * f64::EPSILON);
    }
}

/// Gradient and Hessian of a function of two numbers.
fn derivatives(
    f: impl Fn([Dual<Dual<f64, 2>, 2>; 2]) -> Dual<Dual<f64, 2>, 2>,
    at: [f64; 2],
) -> ([f64; 2], [[f64; 2]; 2]) {
    let z = f(std::array::from_fn(|k| {
        Dual::variable(Dual::variable(at[k], k), k)
    }));
    for (inner, outer) in z.value.lanes.into_iter().zip(z.lanes) {
        assert!(inner == outer.value || (inner / outer.value - 1.0).abs() < 1e-15);
    }
    (z.value.lanes, z.lanes.map(|lane| lane.lanes))
}

/// A handful of roundings.
fn assert_close(found: [f64; 2], expected: [f64; 2]) {
    for (found, expected) in found.into_iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(
            error <= 12.0 * f64::EPSILON * expected.abs(),
            "{found} {expected}"
        );
    }
}

#[test]
fn angle_and_radius_have_their_derivatives() {
    for [y, x] in [[0.4, 0.3], [-4e150, 3e150], [3e-150, -4e-150], [2.0, 0.0]] {
        let r = y.hypot(x);
        let (s, c) = (y / r, x / r);
        let (gradient, hessian) = derivatives(|[y, x]| y.atan2(x), [y, x]);
        assert_close(gradient, [c / r, -s / r]);
        assert_close(hessian[0], [-2.0 * s * c / r / r, (s * s - c * c) / r / r]);
        assert_close(hessian[1], [(s * s - c * c) / r / r, 2.0 * s * c / r / r]);
        let (gradient, hessian) = derivatives(|[y, x]| y.hypot(x), [y, x]);
        assert_close(gradient, [s, c]);
        assert_close(hessian[0], [c * c / r, -s * c / r]);
        assert_close(hessian[1], [-s * c / r, s * s / r]);
    }
}

#[test]
fn a_power_changes_with_base_and_exponent() {
    let (x, n) = (1.7_f64, 2.3_f64);
    let (gradient, hessian) = derivatives(|[x, n]| x.pow(n), [x, n]);
    let (l, p) = (x.ln(), |m: f64| x.powf(n - m));
    assert_close(gradient, [n * p(1.0), p(0.0) * l]);
    let mixed = p(1.0) * (1.0 + n * l);
    assert_close(hessian[0], [n * (n - 1.0) * p(2.0), mixed]);
    assert_close(hessian[1], [mixed, p(0.0) * l * l]);
    // With a constant exponent, the power that has one.
    for x in [0.0, 0.3, 4.0] {
        let z = Dual::<f64, 1>::variable(x, 0);
        assert_eq!(z.pow(2.5.into()).lanes, z.powf(2.5).lanes);
    }
    // A whole power of a negative number, if the exponent is a constant.
    let z = Dual::<f64, 1>::variable(-2.0, 0).pow(3.0.into());
    assert_eq!((z.value, z.lanes[0]), (-8.0, 12.0));
}

/// x^n/(K^n + x^n) at x = 0: the slope is 0, 1/K or infinite.
#[test]
fn a_hill_term_at_zero_has_the_slope_of_its_exponent() {
    let hill = |n: f64, x: f64| {
        let [x, k, n] = [(x, 0), (2.0, 1), (n, 2)].map(|(v, l)| Dual::<f64, 3>::variable(v, l));
        x.pow(n) / (k.pow(n) + x.pow(n))
    };
    for (n, slope) in [(2.5, 0.0), (1.0, 0.5), (0.5, f64::INFINITY)] {
        let z = hill(n, 0.0);
        assert_eq!((z.value, z.lanes), (0.0, [slope, 0.0, 0.0]), "{n}");
    }
    // Written by a logarithm it is 0 · ∞, which is no number.
    let [x, n] = [(0.0, 0), (2.5, 1)].map(|(v, l)| Dual::<f64, 2>::variable(v, l));
    let z = (n * x.ln()).exp();
    assert_eq!(z.value, 0.0);
    assert!(z.lanes.iter().all(|lane| lane.is_nan()));
}

/// What a number does not depend on stays zero beside an infinite slope, in first and
/// second derivatives; what it depends on does not become zero, not even where its
/// slope is.
#[test]
fn an_infinite_slope_stays_in_its_own_directions() {
    type D = Dual<f64, 2>;
    let (x, y) = (D::variable(0.0, 0), D::variable(3.0, 1));
    let zero = D::from(0.0);
    let inf = f64::INFINITY;
    assert_eq!(x.sqrt().lanes, [inf, 0.0]);
    assert_eq!(x.ln().lanes, [inf, 0.0]);
    assert_eq!(x.powf(0.5).lanes, [inf, 0.0]);
    assert_eq!(x.pow(D::from(0.5)).lanes, [inf, 0.0]);
    assert_eq!(x.powi(-1).lanes, [-inf, 0.0]);
    assert_eq!((x + 1.0).acos().lanes, [-inf, 0.0]);
    assert_eq!((y - x.sqrt()).lanes, [-inf, 1.0]);
    assert_eq!((y * x.ln()).lanes, [inf, -inf]);
    assert_eq!((D::from(2.0) / x).lanes[1], 0.0);
    // Known inputs: functions of them are constants, and so is what they switch off.
    for constant in [zero.sqrt(), zero.ln(), zero.recip(), zero.powf(0.3)] {
        assert_eq!(constant.lanes, [0.0; 2]);
    }
    for product in [zero * y, y * zero, y * 0.0, zero / y] {
        assert_eq!(product.sqrt().lanes, [0.0; 2]);
    }
    assert_eq!(x.sqrt().max(D::from(1.0)).lanes, [0.0; 2]);
    // At a zero of one factor only its own slope counts: x √x has the slope 0.
    for product in [x * x.sqrt(), x.sqrt() * x, x / (x.sqrt() + 1.0) - x] {
        assert_eq!(product.lanes, [0.0; 2]);
    }
    assert_eq!((x.sqrt() * y / (y + x.sqrt())).lanes, [inf, 0.0]);
    // √x · √x is x, but nobody can see it.
    assert!((x.sqrt() * x.sqrt()).lanes[0].is_nan());
    // √(x³) has no slope at 0 by these rules, and √(x²) has none at all.
    assert!(x.powf(1.5).sqrt().lanes[0].is_nan());
    assert!((x * x).sqrt().lanes[0].is_nan());
    // Lanes that somebody wrote count.
    let mut written = D::from(0.0);
    written.lanes[1] = 2.0;
    assert_eq!(written.sqrt().lanes, [0.0, inf]);
    let (gradient, hessian) = derivatives(|[x, y]| x.sqrt() + y.square(), [0.0, 3.0]);
    assert_eq!(gradient, [inf, 6.0]);
    assert_eq!(hessian, [[-inf, 0.0], [0.0, 2.0]]);
}

#[test]
fn sums_are_those_of_a_loop() {
    let numbers: [Dual<f64, 3>; 3] = std::array::from_fn(|k| Dual::variable(k as f64, k));
    let sum: Dual<f64, 3> = numbers.iter().map(|v| *v * 2.0).sum();
    assert_eq!((sum.value, sum.lanes), (6.0, [2.0; 3]));
    let sum: Dual<f64, 3> = numbers.iter().sum();
    assert_eq!((sum.value, sum.lanes), (3.0, [1.0; 3]));
    fn total<S: Scalar>(x: &[S]) -> S {
        x.iter().sum()
    }
    assert_eq!(total(&[1.0, 2.5]), 3.5);
    assert!(total::<Dual<f64, 1>>(&[]).is_zero());
}
