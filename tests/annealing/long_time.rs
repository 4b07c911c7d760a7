//! A particle in a potential over 10⁵ layers: what variational integrators keep
//! for ever, and others do not. The data-assimilation flow itself is hyperbolic;
//! here F = 0 and V = −U make the Lagrangian that of mechanics.

use deepest::FlowRule;
use deepest::hamiltonian::{DiscreteLagrangian, PhasePoint, Potential};
use deepest::prelude::*;

/// ẋ = 0.
struct Still;

impl Model for Still {}

impl Flow for Still {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, _x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = S::zero();
    }
}

/// U = ½ x².
struct Harmonic;

impl Potential for Harmonic {
    fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
        -x[0].square() * 0.5
    }
}

/// U = ¼ (x² − 1)².
struct DoubleWell;

impl Potential for DoubleWell {
    fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
        -(x[0].square() - 1.0).square() * 0.25
    }
}

const INTERVALS: usize = 100_000;

/// Calls `see` with state, momentum and H at each of so many nodes.
fn run<R: FlowRule<Still>, V: Potential>(
    (rule, potential): (R, V),
    h: f64,
    intervals: usize,
    from: [f64; 2],
    mut see: impl FnMut(f64, f64, f64),
) {
    let steps = rule.steps();
    let grid = Grid::uniform(0.0, h / steps as f64, intervals * steps + 1).unwrap();
    let lagrangian = DiscreteLagrangian::new(Still, rule, grid, Precision::scalar(1.0).unwrap())
        .unwrap()
        .potential(potential);
    let mut flow = lagrangian.flow().unwrap();
    let mut at = PhasePoint::new([from[0]], [from[1]]);
    for k in 0..intervals {
        let energy = flow.hamiltonian(k * steps, &at).unwrap();
        see(at.state[0], at.momentum[0], energy);
        at = flow.step(k, &at).unwrap().end;
    }
}

/// Each rule turns the phase plane of an oscillator along ellipses of its own, by
/// the same angle at each step: invariant and angle are known exactly. Rounding
/// errors of 10⁵ steps add up to 10⁻¹¹ at worst.
#[test]
fn an_oscillator_keeps_its_ellipse_and_its_pace() {
    fn check<R: FlowRule<Still>>(rule: R, h: f64, angle: f64, invariant: impl Fn(f64, f64) -> f64) {
        let mut first = None;
        let mut n = 0.0;
        run((rule, Harmonic), h, INTERVALS, [1.0, 0.0], |x, p, _| {
            let kept = *first.get_or_insert(invariant(x, p));
            assert!(
                (invariant(x, p) / kept - 1.0).abs() < 1e-11,
                "{}",
                rule.name()
            );
            // From p = 0 an ellipse with its axes along x and p begins at the top
            // of a cosine; a tilted one (Euler's) is shifted by half a step in p.
            if rule.name() != "euler" {
                let expected = (n * angle).cos();
                assert!((x - expected).abs() < 1e-10, "{}, {n}", rule.name());
            }
            n += 1.0;
        });
    }
    let h = 0.1_f64;
    // Störmer-Verlet: sin(angle/2) = h/2. Implicit midpoint: tan(angle/2) = h/2,
    // and H itself is kept.
    let verlet = 2.0 * (0.5 * h).asin();
    check(Trapezoid, h, verlet, |x, p| {
        p * p + (1.0 - 0.25 * h * h) * x * x
    });
    check(Midpoint, h, 2.0 * (0.5 * h).atan(), |x, p| p * p + x * x);
    check(Euler, h, verlet, |x, p| p * p + x * x - h * x * p);
}

/// Mean and largest |H − H₀| over the first and the last tenth.
struct Drift {
    first: f64,
    last: f64,
    largest: f64,
}

fn drift<R: FlowRule<Still>>(rule: R, h: f64, intervals: usize) -> Drift {
    let (mut errors, mut start) = (Vec::new(), None);
    // H = 0.33 is above the hill of U(0) = 0.25: both wells are visited.
    run(
        (rule, DoubleWell),
        h,
        intervals,
        [0.0, 0.4],
        |_, _, energy| {
            errors.push(energy - *start.get_or_insert(energy));
        },
    );
    of_errors(&errors)
}

fn of_errors(errors: &[f64]) -> Drift {
    let tenth = errors.len() / 10;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    Drift {
        first: mean(&errors[..tenth]),
        last: mean(&errors[errors.len() - tenth..]),
        largest: errors.iter().fold(0.0, |m, e| e.abs().max(m)),
    }
}

/// The energy error of a symplectic method of order q stays of size h^q: it is
/// that of a modified Hamiltonian that is kept (Hairer, Lubich and Wanner,
/// *Geometric Numerical Integration*, IX.8). 10⁴ layers see 80 oscillations, so
/// that means over them agree to a few percent of the amplitude.
#[test]
fn a_double_well_keeps_its_energy_but_for_an_oscillation() {
    fn check<R: FlowRule<Still>>(rule: R, order: i32) {
        let h = 0.05;
        let coarse = drift(rule, h, INTERVALS);
        let name = rule.name();
        let moved = (coarse.last - coarse.first).abs();
        assert!(
            moved < 0.03 * coarse.largest,
            "{name}: {moved} of {}",
            coarse.largest
        );
        let fine = drift(rule, 0.5 * h, 4000);
        let ratio = coarse.largest / fine.largest;
        let expected = 2.0_f64.powi(order);
        assert!((ratio / expected - 1.0).abs() < 0.1, "{name}: {ratio}");
    }
    check(Trapezoid, 2);
    check(Midpoint, 2);
    check(SimpsonHermite, 2);
    check(Euler, 1);
    check(Rk4, 1);
}

/// The same equations, ẋ = p, ṗ = x − x³, by a Runge-Kutta method of fourth order
/// with steps of 0.4: more accurate at first, but its energy falls for ever.
#[test]
fn a_method_that_is_not_symplectic_loses_energy() {
    let h = 0.4;
    let field = |z: [f64; 2]| [z[1], z[0] - z[0].powi(3)];
    let plus = |z: [f64; 2], k: [f64; 2], h: f64| [z[0] + h * k[0], z[1] + h * k[1]];
    let energy = |z: [f64; 2]| 0.5 * z[1] * z[1] + 0.25 * (z[0] * z[0] - 1.0).powi(2);
    let mut z = [0.0, 0.4];
    let mut errors = Vec::new();
    for _ in 0..INTERVALS {
        errors.push(energy(z) - 0.33);
        let a = field(z);
        let b = field(plus(z, a, 0.5 * h));
        let c = field(plus(z, b, 0.5 * h));
        let d = field(plus(z, c, h));
        z = [0, 1].map(|i| z[i] + h / 6.0 * (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]));
    }
    let explicit = of_errors(&errors);
    assert!(explicit.last < -0.05, "{}", explicit.last);
    let symplectic = drift(Trapezoid, h, INTERVALS);
    let moved = (symplectic.last - symplectic.first).abs();
    assert!(moved < 0.03 * symplectic.largest, "{moved}");
    assert!(symplectic.largest < 0.05, "{}", symplectic.largest);
}
