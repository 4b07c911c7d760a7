//! Two-point boundary value problems: against closed forms, against multiple
//! shooting in (x, p), and what contradicts itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixtures;

use deepest::hamiltonian::{
    BoundaryProblem, Convergence, DiscreteLagrangian, End, Hamiltonian, PhasePoint, Potential,
};
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{Action, Error, FlowRule, Path, Rule};
use fixtures::decay::{Decay, RM};
use fixtures::dense;
use ndarray::{Array1, Array2, array, s};

fn one() -> Precision {
    Precision::scalar(1.0).unwrap()
}

/// F = −x with y = 0.7 measured at ½ over [0, 1].
fn measured_once<R: Rule<Decay>>(rule: R, steps: usize) -> Action<Decay, R> {
    let h = 1.0 / steps as f64;
    let grid = Grid::new((0..=steps).map(|n| n as f64 * h).collect()).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let data = Observations::of_components(&[0], [0.5], array![[0.7]], precision).unwrap();
    Action::builder(Decay, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap()
}

/// x(0) = 1 and x(1) = −½ are fixed: between ends and measurement p grows as eᵗ
/// and x = x₀ e⁻ᵗ + p₀ sinh t; p(0) follows from two trials.
fn fixed_ends() -> [f64; 4] {
    let half = 0.5_f64;
    let run = |p: f64| {
        let leap = |x: f64, p: f64| (x * (-half).exp() + p * half.sinh(), p * half.exp());
        let (middle, before) = leap(1.0, p);
        let (end, last) = leap(middle, before + RM * (middle - 0.7));
        [p, middle, last, end]
    };
    let (at_zero, at_one) = (run(0.0)[3], run(1.0)[3]);
    run((-0.5 - at_zero) / (at_one - at_zero))
}

#[test]
fn paths_between_fixed_ends_converge_to_the_closed_form() {
    fn check<R: Rule<Decay>>(rule: R, order: f64) {
        let errors = [8, 16, 32].map(|steps| {
            let action = measured_once(rule, steps);
            let guess = Path::from_layers(vec![[0.3]; steps + 1]);
            let solved = BoundaryProblem::new(&action, 1.0)
                .fix(0, End::First, [1.0])
                .unwrap()
                .fix(0, End::Last, [-0.5])
                .unwrap()
                .solve(&Estimate::new(vec![guess], []))
                .unwrap();
            let path = &solved.estimate.paths[0];
            let momenta = &solved.momenta.windows[0];
            assert_eq!([path.layer(0)[0], path.layer(steps)[0]], [1.0, -0.5]);
            // The residual at a fixed end is the momentum there.
            let last = momenta.layers.len() - 1;
            let (first, end) = (momenta.after.layer(0)[0], momenta.before.layer(last)[0]);
            assert!((momenta.residuals.layer(0)[0] + first).abs() < 1e-13);
            assert!((momenta.residuals.layer(steps)[0] - end).abs() < 1e-13);
            // One linear solve, one that sees that nothing is left, and Newton steps
            // on the gradient.
            assert!(solved.work.factorizations <= 6, "{:?}", solved.work);
            let [p, middle, p_end, _] = fixed_ends();
            let found = [first, path.layer(steps / 2)[0], end];
            let pairs = found.iter().zip([p, middle, p_end]);
            pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
        });
        let found = (errors[1] / errors[2]).log2();
        assert!((found - order).abs() < 0.1, "{}: {errors:?}", rule.name());
    }
    check(Trapezoid, 2.0);
    check(Midpoint, 2.0);
    check(SimpsonHermite, 2.0);
    check(Euler, 1.0);
    check(Rk4, 1.0);
}

const THETA: [f64; 4] = [0.6, 0.5, 0.8, 0.4];
const MEASURED: [(usize, f64); 4] = [(2, 2.4), (5, 2.9), (9, 1.2), (12, 0.6)];
const STEP: f64 = 0.3;
const INTERVALS: usize = 12;
const RF: f64 = 2.0;

/// The prey measured at four layers.
fn prey<R: Rule<LotkaVolterra>>(
    rule: R,
    edit: impl FnOnce(Window) -> Window,
) -> Action<LotkaVolterra, R> {
    let grid = Grid::uniform(0.0, STEP, INTERVALS + 1).unwrap();
    let times: Vec<f64> = MEASURED.iter().map(|(n, _)| grid.times()[*n]).collect();
    let values = Array2::from_shape_fn((4, 1), |(k, _)| MEASURED[k].1);
    let precision = Precision::scalar(RM).unwrap();
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    let window = edit(Window::new(grid).observations(data).unwrap());
    let mut builder = Action::builder(LotkaVolterra, rule)
        .window(window)
        .precision_unit(PrecisionUnit::PerTime);
    for (k, value) in THETA.into_iter().enumerate() {
        builder = builder.parameter(format!("p{k}"), Parameter::fixed(value));
    }
    builder.build().unwrap()
}

fn guess() -> Estimate {
    let path = Path::from_layers(vec![[1.5, 1.0]; INTERVALS + 1]);
    Estimate::new(vec![path], THETA)
}

/// What holds at an end: B⁻¹(x − x_b) − p = 0, p + … = 0, or a state.
#[derive(Clone, Copy)]
enum Condition {
    Momentum { precision: f64, mean: [f64; 2] },
    State([f64; 2]),
}

const NATURAL: Condition = Condition::Momentum {
    precision: 0.0,
    mean: [0.0; 2],
};

/// Multiple shooting: all points (x_k, p_k) after measurements are unknowns,
/// joined by the discrete flow and its tangent maps; Newton's method, densely.
fn shoot<R: FlowRule<LotkaVolterra>>(
    rule: R,
    ends: [Condition; 2],
    path: &Path,
) -> Vec<PhasePoint> {
    let grid = Grid::uniform(0.0, STEP, INTERVALS + 1).unwrap();
    let precision = Precision::scalar(RF).unwrap();
    let lagrangian = DiscreteLagrangian::new(&LotkaVolterra, rule, grid, precision)
        .unwrap()
        .parameters(THETA);
    let mut flow = lagrangian.flow().unwrap();
    let jump = |n: usize, x: f64| {
        let measured = MEASURED.iter().find(|(m, _)| *m == n);
        measured.map_or((0.0, 0.0), |(_, y)| (RM * (x - y), RM))
    };
    let order = 4 * (INTERVALS + 1);
    let mut z = Array1::zeros(order);
    for n in 0..=INTERVALS {
        for i in 0..2 {
            z[4 * n + i] = path.layer(n)[i];
        }
    }
    let point = |z: &Array1<f64>, n: usize| {
        let at = z.slice(s![4 * n..4 * n + 4]).to_vec();
        PhasePoint::new(&at[..2], &at[2..])
    };
    for _ in 0..30 {
        let mut matrix = Array2::zeros((order, order));
        let mut rhs = Array1::zeros(order);
        for k in 0..INTERVALS {
            let (step, tangent) = flow.tangent(k, &point(&z, k)).unwrap();
            let row = 2 + 4 * k;
            let next = 4 * (k + 1);
            let (pull, bend) = jump(k + 1, z[next]);
            matrix
                .slice_mut(s![row..row + 4, 4 * k..4 * k + 4])
                .assign(&tangent);
            for i in 0..4 {
                matrix[(row + i, next + i)] = -1.0;
            }
            matrix[(row + 2, next)] += bend;
            let end = [step.end.state, step.end.momentum].concat();
            for i in 0..4 {
                rhs[row + i] = z[next + i] - end[i];
            }
            rhs[row + 2] -= pull;
        }
        for (e, condition) in ends.into_iter().enumerate() {
            let (row, at) = if e == 0 {
                (0, 0)
            } else {
                (order - 2, order - 4)
            };
            for i in 0..2 {
                match condition {
                    Condition::State(state) => {
                        matrix[(row + i, at + i)] = 1.0;
                        rhs[row + i] = state[i] - z[at + i];
                    }
                    Condition::Momentum { precision, mean } => {
                        matrix[(row + i, at + i)] = -precision;
                        matrix[(row + i, at + 2 + i)] = 1.0;
                        let force = precision * (z[at + i] - mean[i]);
                        rhs[row + i] = force - z[at + 2 + i];
                    }
                }
            }
        }
        let change = dense::solve_vector(&matrix, &rhs);
        z += &change;
        if change.iter().all(|c| c.abs() < 1e-12) {
            return (0..=INTERVALS).map(|n| point(&z, n)).collect();
        }
    }
    panic!("multiple shooting does not converge, {}", rule.name());
}

/// Shooting begins at a path that is a thousandth off; its solution is that of
/// Newton's method on the whole path, and no other is near.
fn agree<R: FlowRule<LotkaVolterra>>(
    problem: BoundaryProblem<'_, LotkaVolterra, R>,
    rule: R,
    ends: [Condition; 2],
) {
    let solved = problem.solve(&guess()).unwrap();
    let (path, momenta) = (&solved.estimate.paths[0], &solved.momenta.windows[0]);
    let off = path.to_array().unwrap() * 1.001;
    let points = shoot(rule, ends, &Path::from_array(off.view()));
    for (n, at) in points.iter().enumerate() {
        for i in 0..2 {
            let state = (at.state[i] - path.layer(n)[i]).abs();
            // Free ends have p = 0 behind the last measurement, fixed ones go on
            // as they came.
            let fixed = n == INTERVALS && matches!(ends[1], Condition::State(_));
            let expected = if fixed {
                momenta.before.layer(n)[i] + momenta.jumps.layer(n)[i]
            } else {
                momenta.after.layer(n)[i]
            };
            let momentum = (at.momentum[i] - expected).abs();
            assert!(
                state < 1e-10 && momentum < 1e-10,
                "{}, {n}: {state}, {momentum}",
                rule.name()
            );
        }
    }
}

#[test]
fn multiple_shooting_finds_the_same_paths() {
    fn check<R: FlowRule<LotkaVolterra>>(rule: R) {
        let free = prey(rule, |w| w);
        agree(BoundaryProblem::new(&free, RF), rule, [NATURAL; 2]);
        let (first, last) = ([1.4, 1.3], [0.7, 1.1]);
        let fixed = BoundaryProblem::new(&free, RF)
            .fix(0, End::First, first)
            .unwrap();
        let fixed = fixed.fix(0, End::Last, last).unwrap();
        let ends = [Condition::State(first), Condition::State(last)];
        agree(fixed, rule, ends);
        let prior = StatePrior::new(first, Precision::scalar(5.0).unwrap()).unwrap();
        let action = prey(rule, |w| w.prior(prior));
        let prior = Condition::Momentum {
            precision: 5.0,
            mean: first,
        };
        agree(BoundaryProblem::new(&action, RF), rule, [prior, NATURAL]);
    }
    check(Euler);
    check(Trapezoid);
    check(Midpoint);
    check(Rk4);
}

#[test]
fn boundary_data_that_contradict_each_other_are_refused() {
    let free = prey(Trapezoid, |w| w);
    let contradiction = |result: deepest::Result<BoundaryProblem<'_, _, _>>| {
        let error = result.map(|_| ()).unwrap_err();
        match error {
            Error::Contradiction { place, second, .. } => (place, second),
            other => panic!("{other}"),
        }
    };
    let problem = || BoundaryProblem::new(&free, RF);
    let first = problem().fix(0, End::First, [1.0, 1.0]).unwrap();
    let (place, second) = contradiction(first.fix(0, End::First, [1.0, 2.0]));
    assert_eq!(
        (place.as_str(), second.as_str()),
        ("first layer of window 0", "another one")
    );
    let prior = StatePrior::new([1.0, 1.0], one()).unwrap();
    let action = prey(Trapezoid, |w| w.prior(prior));
    let with_prior = BoundaryProblem::new(&action, RF);
    let (_, second) = contradiction(with_prior.fix(0, End::First, [1.0, 1.0]));
    assert_eq!(second, "a prior of it");
    // The last state has no prior.
    let with_prior = BoundaryProblem::new(&action, RF);
    assert!(with_prior.fix(0, End::Last, [1.0, 1.0]).is_ok());
    let grid = Grid::uniform(0.0, STEP, 3).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[1.0]], one()).unwrap();
    let bounded = Action::builder(Decay, Trapezoid)
        .window(Window::new(grid).observations(data).unwrap())
        .state_bounds(0, Bounds::new(0.0, 1.0).unwrap())
        .build()
        .unwrap();
    let outside = BoundaryProblem::new(&bounded, RF).fix(0, End::Last, [1.5]);
    let error = outside.map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "last layer of window 0: a fixed state and the bounds 0 to 1 of component 0 contradict each other"
    );
    let inside = BoundaryProblem::new(&bounded, RF)
        .fix(0, End::Last, [0.5])
        .unwrap();
    let guess = Estimate::new(vec![Path::from_layers([[0.9]; 3])], []);
    let solved = inside.solve(&guess).unwrap();
    assert_eq!(solved.estimate.paths[0].layer(2), [0.5]);
}

#[test]
fn fixed_states_that_do_not_fit_are_refused() {
    let free = prey(Trapezoid, |w| w);
    let fix = |window, state: Vec<f64>| {
        let problem = BoundaryProblem::new(&free, RF);
        problem
            .fix(window, End::First, state)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        fix(1, vec![1.0, 1.0]),
        Error::OutOfRange {
            what: "window",
            found: 1.0,
            ..
        }
    ));
    assert!(matches!(
        fix(0, vec![1.0]),
        Error::Length {
            expected: 2,
            found: 1,
            ..
        }
    ));
    assert!(matches!(
        fix(0, vec![1.0, f64::NAN]),
        Error::NotFinite { .. }
    ));
    let error = BoundaryProblem::new(&free, 0.0)
        .solve(&guess())
        .unwrap_err();
    assert!(matches!(
        error,
        Error::NotPositive {
            what: "R_f",
            found: 0.0,
            ..
        }
    ));
}

/// Without R_f > 0 there is no Hamiltonian: such a precision cannot be made.
#[test]
fn a_precision_without_an_inverse_is_refused() {
    let error = Precision::diagonal([1.0, 0.0]).unwrap_err();
    assert!(
        matches!(error, Error::NotPositive { found: 0.0, .. }),
        "{error}"
    );
    let error = Precision::full(array![[1.0, 1.0], [1.0, 1.0]]).unwrap_err();
    assert!(
        matches!(error, Error::NotPositiveDefinite { pivot: 1, .. }),
        "{error}"
    );
}

/// V = x².
struct Square;

impl Potential for Square {
    fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
        x[0].square()
    }
}

#[test]
fn lagrangians_and_points_that_do_not_fit_are_refused() {
    let grid = |layers| Grid::uniform(0.0, 0.1, layers).unwrap();
    let error = DiscreteLagrangian::new(&LotkaVolterra, SimpsonHermite, grid(4), one());
    let error = error.map(|_| ()).unwrap_err();
    assert!(
        matches!(error, Error::IncompleteInterval { found: 4, .. }),
        "{error}"
    );
    let wide = Precision::diagonal([1.0; 3]).unwrap();
    let error = DiscreteLagrangian::new(&LotkaVolterra, Euler, grid(3), wide);
    let error = error.map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                expected: 2,
                found: 3,
                ..
            }
        ),
        "{error}"
    );
    let bare = DiscreteLagrangian::new(&LotkaVolterra, Euler, grid(3), one()).unwrap();
    let error = bare.flow().map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                expected: 4,
                found: 0,
                ..
            }
        ),
        "{error}"
    );
    let spoilt = bare.parameters([0.1, 0.1, f64::INFINITY, 0.1]);
    let error = spoilt.flow().map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");

    let lagrangian = DiscreteLagrangian::new(&Decay, Midpoint, grid(3), one()).unwrap();
    let lagrangian = lagrangian.potential(Square);
    let mut flow = lagrangian.flow().unwrap();
    let at = PhasePoint::new([1.0], [0.0]);
    let error = flow.step(2, &at).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                what: "interval",
                high: 1.0,
                ..
            }
        ),
        "{error}"
    );
    let error = flow
        .step(0, &PhasePoint::new([1.0], [0.0, 1.0]))
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Length {
                what: "momentum",
                ..
            }
        ),
        "{error}"
    );
    let error = flow.hamiltonian(3, &at).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfRange {
                what: "layer",
                high: 2.0,
                ..
            }
        ),
        "{error}"
    );
    // H = ½ p² − px − x².
    let at = PhasePoint::new([3.0], [2.0]);
    assert_eq!(flow.hamiltonian(1, &at).unwrap(), 2.0 - 6.0 - 9.0);
    let error = flow
        .step(0, &PhasePoint::new([f64::NAN], [0.0]))
        .unwrap_err();
    assert!(matches!(error, Error::ModelNotFinite { .. }), "{error}");
}

#[test]
fn an_implicit_step_that_is_too_long_is_named() {
    // With p = 0 the step is that of the model: x₁ = x₀ + h (1 + ¼ (x₀ + x₁)²)
    // has no real solution at h = 2, x₀ = 0.
    struct Explosion;
    impl Model for Explosion {}
    impl Flow for Explosion {
        fn width(&self) -> usize {
            1
        }
        fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
            dx[0] = x[0].square() + 1.0;
        }
    }
    let grid = Grid::uniform(0.0, 2.0, 2).unwrap();
    let lagrangian = DiscreteLagrangian::new(&Explosion, Midpoint, grid, one()).unwrap();
    let from = PhasePoint::new([0.0], [0.0]);
    let error = lagrangian.flow().unwrap().step(0, &from).unwrap_err();
    assert!(matches!(error, Error::GridTooCoarse { .. }), "{error}");
}

/// ẋ = x − x³ = −U′, U = ¼ (x² − 1)².
struct Valley;

impl Model for Valley {}

impl Flow for Valley {
    fn width(&self) -> usize {
        1
    }
    fn flow<S: Scalar>(&self, _t: S, x: &[S], _theta: &[S], _input: &[S], dx: &mut [S]) {
        dx[0] = x[0] - x[0].powi(3);
    }
}

/// The most probable way from one valley to the other takes no time into account:
/// uphill ẋ = −F with p = −2 R_f F, downhill ẋ = F with p = 0, H = 0 throughout,
/// and A = 2 R_f ΔU = ½ R_f (M. I. Freidlin and A. D. Wentzell, *Random
/// Perturbations of Dynamical Systems*, 1984, chapter 4). In a finite time T it goes
/// a little faster: with H = R_f ε the valleys, of rate 2, and the hill, of rate 1,
/// take ¼ ln 1/ε, ln 1/ε and ¼ ln 1/ε, so that ε is of size e^(−2T/3), here 1e-7.
#[test]
fn the_way_over_the_hill_is_an_instanton() {
    let (duration, rf) = (24.0, 3.0);
    let mut actions = Vec::new();
    for steps in [480, 960, 1920] {
        let grid = Grid::uniform(0.0, duration / steps as f64, steps + 1).unwrap();
        // An action has data: here one value that weighs nothing.
        let weightless = Precision::scalar(1e-14).unwrap();
        let data = Observations::of_components(&[0], [0.0], array![[-1.0]], weightless);
        let action = Action::builder(Valley, Midpoint)
            .window(Window::new(grid).observations(data.unwrap()).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .build()
            .unwrap();
        let line = (0..=steps).map(|n| [2.0 * n as f64 / steps as f64 - 1.0]);
        let guess = Estimate::new(vec![Path::from_layers(line)], []);
        let problem = BoundaryProblem::new(&action, rf);
        let problem = problem.fix(0, End::First, [-1.0]).unwrap();
        let solved = problem
            .fix(0, End::Last, [1.0])
            .unwrap()
            .solve(&guess)
            .unwrap();
        actions.push(solved.action.total);
        if steps == 1920 {
            let found = Hamiltonian::along(&action, rf, &solved.estimate).unwrap();
            let momenta = &solved.momenta.windows[0];
            for n in 0..steps {
                let (x, p) = (
                    solved.estimate.paths[0].layer(n)[0],
                    momenta.after.layer(n)[0],
                );
                let expected = if x < 0.0 {
                    -2.0 * rf * (x - x.powi(3))
                } else {
                    0.0
                };
                // √2ε = 5e-4 in p/R_f, and h² = 1.6e-4.
                assert!((p - expected).abs() < 2e-3 * rf, "{n}: {p}, {expected}");
                assert!(found.windows[0].after[n].abs() < 2e-4 * rf);
            }
        }
    }
    let found = Convergence::of(&actions, 2).unwrap();
    assert!((found.order - 2.0).abs() < 0.05, "{found:?}");
    assert!((found.limit / rf - 0.5).abs() < 1e-5, "{found:?}");
}
