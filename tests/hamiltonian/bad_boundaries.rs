//! Boundary data that contradict each other or do not fit, and what has no
//! Hamiltonian: errors that say what, where, expected and found.

use crate::fixtures::decay::Decay;
use deepest::hamiltonian::{BoundaryProblem, DiscreteLagrangian, End, PhasePoint, Potential};
use deepest::models::{Linear, LotkaVolterra};
use deepest::prelude::*;
use deepest::{Action, Error, Path};
use ndarray::array;

const RF: f64 = 2.0;

fn one() -> Precision {
    Precision::scalar(1.0).unwrap()
}

/// Two components, one of them measured.
fn spiral(edit: impl FnOnce(Window) -> Window) -> Action {
    let grid = Grid::uniform(0.0, 0.3, 3).unwrap();
    let data = Observations::of_components(&[0], [0.3], array![[1.0]], one()).unwrap();
    let model = Linear::new(array![[-0.1, 1.0], [-1.0, -0.1]]).unwrap();
    Action::builder(model, Trapezoid)
        .window(edit(Window::new(grid).observations(data).unwrap()))
        .build()
        .unwrap()
}

#[test]
fn boundary_data_that_contradict_each_other_are_refused() {
    let free = spiral(|w| w);
    let contradiction = |result: deepest::Result<BoundaryProblem<'_>>| {
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
    let action = spiral(|w| w.prior(prior));
    let with_prior = BoundaryProblem::new(&action, RF);
    let (_, second) = contradiction(with_prior.fix(0, End::First, [1.0, 1.0]));
    assert_eq!(second, "a prior of it");
    // The last state has no prior.
    let with_prior = BoundaryProblem::new(&action, RF);
    assert!(with_prior.fix(0, End::Last, [1.0, 1.0]).is_ok());
    let grid = Grid::uniform(0.0, 0.3, 3).unwrap();
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
    let free = spiral(|w| w);
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
    let guess = Estimate::new(vec![Path::from_layers([[1.0, 0.0]; 3])], []);
    let error = BoundaryProblem::new(&free, 0.0).solve(&guess).unwrap_err();
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
    let error = DiscreteLagrangian::new(LotkaVolterra, SimpsonHermite, grid(4), one());
    let error = error.map(|_| ()).unwrap_err();
    assert!(
        matches!(error, Error::IncompleteInterval { found: 4, .. }),
        "{error}"
    );
    let wide = Precision::diagonal([1.0; 3]).unwrap();
    let error = DiscreteLagrangian::new(LotkaVolterra, Euler, grid(3), wide);
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
    let bare = DiscreteLagrangian::new(LotkaVolterra, Euler, grid(3), one()).unwrap();
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

    let lagrangian = DiscreteLagrangian::new(Decay, Midpoint, grid(3), one()).unwrap();
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
    let lagrangian = DiscreteLagrangian::new(Explosion, Midpoint, grid, one()).unwrap();
    let from = PhasePoint::new([0.0], [0.0]);
    let error = lagrangian.flow().unwrap().step(0, &from).unwrap_err();
    assert!(matches!(error, Error::GridTooCoarse { .. }), "{error}");
}
