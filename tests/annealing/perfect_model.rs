//! Perfect and nearly perfect models: Newton's method, the method of multipliers and
//! the adjoint agree.

use crate::fixtures;

use crate::fixtures::prey::{FIRST, STEP, THETA, prey, start};
use deepest::hamiltonian::{Adjoint, BoundaryProblem, End, Extremal};
use deepest::models::{Linear, Lorenz96, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Action, Error, Path, Rule};
use ndarray::{Array2, array};

/// Strong-constraint 4D-Var: Newton's method on the gradient of the reduced action,
/// by differences of adjoints.
fn optimum(action: &Action, guess: &Estimate) -> Adjoint {
    let mut unknowns = [guess.paths[0].layer(0), &guess.parameters].concat();
    let along = |u: &[f64]| {
        let guess = start([u[0], u[1]], [u[2], u[3], u[4], u[5]]);
        Adjoint::along(action, &guess).unwrap()
    };
    let gradient = |u: &[f64]| {
        let adjoint = along(u);
        [
            adjoint.momenta.windows[0].residuals.layer(0),
            &adjoint.momenta.parameters,
        ]
        .concat()
    };
    for _ in 0..6 {
        let at = gradient(&unknowns);
        let hessian = Array2::from_shape_fn((6, 6), |(i, j)| {
            let moved = |h: f64| {
                let mut u = unknowns.clone();
                u[j] += h;
                gradient(&u)[i]
            };
            (moved(1e-5) - moved(-1e-5)) / 2e-5
        });
        let change = fixtures::dense::solve_vector(&hessian, &at.into());
        for (slot, change) in unknowns.iter_mut().zip(&change) {
            *slot -= change;
        }
    }
    assert!(gradient(&unknowns).iter().all(|g| g.abs() < 1e-11));
    along(&unknowns)
}

/// Momenta of minima tend to the adjoint at the optimum of the perfect model,
/// as 1/R_f; there dA/dx₀ = 0 although p(t₀) between measurements is not.
#[test]
fn momenta_tend_to_the_adjoint() {
    let action = prey(Midpoint, true);
    let solve = |rf: f64, guess: &Estimate| BoundaryProblem::new(&action, rf).solve(guess).unwrap();
    let mut guess = start(FIRST, THETA);
    let mut levels = Vec::new();
    for rf in [1e1, 1e2, 1e3, 1e4, 1e5] {
        let solved = solve(rf, &guess);
        guess = solved.estimate.clone();
        levels.push(solved);
    }
    let optimum = optimum(&action, &guess);
    let error = |level: &deepest::hamiltonian::Extremal| {
        let (a, b) = (&level.momenta.windows[0], &optimum.momenta.windows[0]);
        let pairs = a.after.values().iter().zip(b.after.values());
        pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
    };
    for pair in levels[2..].windows(2) {
        let ratio = error(&pair[0]) / error(&pair[1]);
        assert!((ratio / 10.0 - 1.0).abs() < 0.05, "{ratio}");
    }
    assert!((levels[4].action.total - optimum.value).abs() < 1e-4 * optimum.value);
    let size = optimum.momenta.windows[0]
        .after
        .values()
        .iter()
        .fold(0.0_f64, |m, p| m.max(p.abs()));
    assert!(size > 0.1, "{size}");
}

/// The largest difference.
fn apart(a: &Path, b: &Path) -> f64 {
    let pairs = a.values().iter().zip(b.values());
    pairs.fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()))
}

/// The same constraint three ways: the reduced problem by adjoints, the method of
/// multipliers at ∞ and at 1e12, and Newton's method up to R_f = 1e12. States and
/// momenta are of size one and differ by a few times 1/R_f. Newton's method knows
/// residuals of size 1/R_f to 1e-16 only, and momenta to 1e-4 times what the steps
/// leave of that.
#[test]
fn three_ways_to_a_perfect_model_agree() {
    fn check<R: Rule<LotkaVolterra>>(rule: R) {
        let name = rule.name();
        let action = prey(rule, true);
        let problem = |rf: f64| BoundaryProblem::new(&action, rf);
        let soft = problem(10.0).solve(&start(FIRST, THETA)).unwrap().estimate;
        let optimum = optimum(&action, &soft);
        let off = |found: &Extremal| {
            let (a, b) = (&found.momenta.windows[0], &optimum.momenta.windows[0]);
            let states = apart(&found.estimate.paths[0], &optimum.estimate.paths[0]);
            [states, apart(&a.after, &b.after)]
        };
        for (rf, tolerance) in [(f64::INFINITY, 1e-12), (1e12, 5e-12)] {
            let held = problem(rf).solve_by_multipliers(&soft, 10.0).unwrap();
            assert_eq!(held.termination, Termination::Converged, "{name}");
            let [states, momenta] = off(&held);
            assert!(states < tolerance, "{name}, {rf}: {states}");
            assert!(momenta < tolerance, "{name}, {rf}: {momenta}");
            assert!((held.action.total - optimum.value).abs() < 1e-12);
            // ½ |g|², with g = p/R_f; rounding at ∞.
            let error = action.terms(1.0, &held.estimate).unwrap().model;
            assert!(error < tolerance * tolerance, "{name}, {rf}: {error}");
            // A ladder of eleven levels at two factorizations each is 22; three
            // values of the penalty, each solved to the last digit.
            assert!(held.work.factorizations < 80, "{:?}", held.work);
        }
        let mut penalized = soft;
        for decade in 2..=11 {
            let level = problem(10.0_f64.powi(decade)).solve(&penalized).unwrap();
            penalized = level.estimate;
        }
        let [states, momenta] = off(&problem(1e12).solve(&penalized).unwrap());
        assert!(states < 5e-12, "{name}: {states}");
        assert!((1e-6..0.1).contains(&momenta), "{name}: {momenta}");
    }
    check(Euler);
    check(Trapezoid);
    check(Midpoint);
    check(SimpsonHermite);
    check(Rk4);
}

/// Lorenz-96, ten of twenty components measured, forcing estimated: at R_f = ∞ the
/// adjoint finds no slope by the first state or the forcing, 1e-9 of the forces
/// that the data exert (a hundred).
#[test]
fn a_chaotic_model_is_held_too() {
    let model = || Lorenz96 { sites: 20 };
    let grid = Grid::uniform(0.0, 0.025, 41).unwrap();
    let truth = Simulation::new(grid, [8.17]).spin_up(10.0);
    let truth = truth.flow(&model()).unwrap();
    let even: Vec<usize> = (0..20).step_by(2).collect();
    let measurement = Measurement::new(&even, Noise::scalar(0.5).unwrap()).seed(3);
    let twin = truth.observe(&measurement).unwrap();
    let action = Action::builder(model(), SimpsonHermite)
        .window(twin.window().unwrap())
        .parameter("forcing", Bounds::new(0.0, 20.0).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap();
    let guess = Estimate::new(vec![twin.truth.clone()], [8.17]);
    let held = BoundaryProblem::new(&action, f64::INFINITY)
        .solve_by_multipliers(&guess, 10.0)
        .unwrap();
    assert_eq!(held.termination, Termination::Converged);
    let adjoint = Adjoint::along(&action, &held.estimate).unwrap();
    assert!((adjoint.value - held.action.total).abs() < 1e-10 * adjoint.value);
    let slopes = adjoint.momenta.windows[0].residuals.values().iter();
    let slopes = slopes.chain(&adjoint.momenta.parameters);
    let largest = slopes.fold(0.0_f64, |m, v| m.max(v.abs()));
    assert!(largest < 1e-7, "{largest}");
    let off = apart(
        &held.momenta.windows[0].after,
        &adjoint.momenta.windows[0].after,
    );
    assert!(off < 1e-7, "{off}");
}

/// At an R_f that Newton's method can take, multipliers lead to the same path. The
/// penalty may be larger or smaller than R_f.
#[test]
fn multipliers_do_not_change_the_problem() {
    let action = prey(Trapezoid, true);
    let problem = || BoundaryProblem::new(&action, 50.0);
    let solved = problem().solve(&start(FIRST, THETA)).unwrap();
    for penalty in [1.0, 50.0, 1e3] {
        let held = problem().solve_by_multipliers(&start(FIRST, THETA), penalty);
        let held = held.unwrap();
        // It converges, and not by its 60 rounds.
        assert_eq!(held.termination, Termination::Converged, "{penalty}");
        assert!(held.work.factorizations < 120, "{penalty}: {:?}", held.work);
        let of = |solved: &Extremal| {
            let momenta = &solved.momenta.windows[0];
            [solved.estimate.paths[0].clone(), momenta.after.clone()]
        };
        for (a, b) in of(&held).iter().zip(&of(&solved)) {
            let off = apart(a, b);
            assert!(off < 1e-10, "{penalty}: {off}, {:?}", held.termination);
        }
        assert!((held.action.total - solved.action.total).abs() < 1e-12);
        assert!((held.action.model - solved.action.model).abs() < 1e-10);
    }
}

/// Values without noise: the action is zero and so are all multipliers. Nothing but
/// rounding is left, which says when to end.
#[test]
fn multipliers_of_a_perfect_fit_are_none() {
    let grid = Grid::uniform(0.0, STEP, 41).unwrap();
    let truth = Simulation::new(grid, THETA).from_state(FIRST);
    let map = truth.clone().flow(&LotkaVolterra).unwrap();
    let exact = Measurement::new(&[0, 1], Noise::scalar(0.1).unwrap()).every(4);
    let twin = map.observe(&exact).unwrap();
    let rows = twin.observations.times().to_vec();
    let values = Array2::from_shape_fn((rows.len(), 2), |(k, i)| map.path.layer(4 * k)[i]);
    let precision = Precision::scalar(100.0).unwrap();
    let data = Observations::of_components(&[0, 1], rows, values, precision).unwrap();
    let mut builder = Action::builder(LotkaVolterra, Rk4)
        .window(Window::new(map.grid.clone()).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime);
    for (k, value) in THETA.into_iter().enumerate() {
        let bounds = Bounds::new(0.5 * value, 2.0 * value).unwrap();
        builder = builder.parameter(format!("p{k}"), bounds);
    }
    let action = builder.build().unwrap();
    let guess = THETA.map(|value| 1.05 * value);
    let guess = Estimate::new(vec![map.path.clone()], guess);
    for rf in [1e6, f64::INFINITY] {
        let problem = BoundaryProblem::new(&action, rf);
        let held = problem.solve_by_multipliers(&guess, 10.0).unwrap();
        assert!(
            matches!(
                held.termination,
                Termination::Converged | Termination::RoundingLimit
            ),
            "{rf}: {:?}",
            held.termination
        );
        // Residuals of states of size four are known to 1e-15. A penalty of 1e6 makes
        // forces of 1e-9 of that, which forty layers add up to 4e-8 against R_m = 100:
        // values are off by 4e-10, and by a hundred times that along the softest
        // direction. Half of 100 times the squares of 22 such errors is 2e-12.
        assert!(held.action.total < 2e-12, "{rf}: {:?}", held.action);
        for (found, value) in held.estimate.parameters.iter().zip(THETA) {
            assert!((found - value).abs() < 1e-6, "{rf}: {found}, {value}");
        }
    }
}

#[test]
fn multipliers_of_what_cannot_be_held_are_refused() {
    let action = prey(Trapezoid, false);
    let solve = |rf: f64, penalty: f64| {
        let problem = BoundaryProblem::new(&action, rf);
        let solved = problem.solve_by_multipliers(&start(FIRST, THETA), penalty);
        solved.map(|_| ()).unwrap_err()
    };
    for rf in [0.0, -1.0, f64::NAN] {
        let error = solve(rf, 1.0);
        assert!(
            matches!(error, Error::NotPositive { what: "R_f", .. }),
            "{error}"
        );
    }
    let error = solve(1.0, 0.0);
    assert!(
        matches!(
            error,
            Error::NotPositive {
                what: "penalty",
                ..
            }
        ),
        "{error}"
    );
    // A perfect model leads from the first state to one last state only.
    let grid = Grid::uniform(0.0, STEP, 5).unwrap();
    let one = || Precision::scalar(1.0).unwrap();
    let data = Observations::of_components(&[0], [STEP], array![[1.0]], one()).unwrap();
    let linear = Linear::new(array![[0.0, 1.0], [-1.0, 0.0]]).unwrap();
    let action = Action::builder(linear, Midpoint)
        .window(Window::new(grid).observations(data).unwrap())
        .build()
        .unwrap();
    let guess = Estimate::new(vec![Path::from_layers([[1.0, 0.0]; 5])], []);
    let between = |rf: f64| {
        let problem = BoundaryProblem::new(&action, rf);
        let problem = problem.fix(0, End::First, [1.0, 0.0]).unwrap();
        let problem = problem.fix(0, End::Last, [-1.0, 0.0]).unwrap();
        problem.solve_by_multipliers(&guess, 1.0)
    };
    let error = between(f64::INFINITY).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "last layer of window 0: a fixed state and a perfect model of a fixed first state contradict each other"
    );
    let solved = between(3.0).unwrap();
    assert_eq!(solved.estimate.paths[0].layer(4), [-1.0, 0.0]);
}
