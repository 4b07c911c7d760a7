//! Layers where the problem asks for them, against exact actions.

use std::cell::Cell;
use std::ops::ControlFlow;

use crate::fixtures::decay::{self, Decay, RM};
use deepest::hamiltonian::{BoundaryProblem, Convergence, End, Refined};
use deepest::minimize::Iteration;
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{Action, Error, FlowRule, Path};
use ndarray::{Array2, array};

/// Decay with its three samples.
fn sampled<R: FlowRule<Decay>>(rule: R) -> Action {
    let (times, values): (Vec<f64>, Vec<f64>) = decay::SAMPLES.into_iter().unzip();
    let grid = Grid::from_times(&times, 2).unwrap();
    let values = Array2::from_shape_vec((3, 1), values).unwrap();
    let precision = Precision::scalar(RM).unwrap();
    let data = Observations::of_components(&[0], times, values, precision).unwrap();
    Action::builder(Decay, rule)
        .window(Window::new(grid).observations(data).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap()
}

/// ∫ ½ p² dt with p ∝ eᵗ between samples, + Σ ½ R_m (x − y)².
fn exact_action() -> f64 {
    let nodes = decay::sampled();
    let errors = decay::SAMPLES.iter().zip(&nodes);
    let data: f64 = errors
        .map(|((_, y), (x, ..))| 0.5 * RM * (x - y).powi(2))
        .sum();
    let runs = nodes.windows(2);
    data + runs
        .map(|n| 0.25 * (n[1].1.powi(2) - n[0].2.powi(2)))
        .sum::<f64>()
}

fn guess(action: &Action) -> Estimate {
    let layers = action.windows()[0].grid().layers();
    Estimate::new(vec![Path::from_layers(vec![[0.5]; layers])], [])
}

/// The estimate is a sum of local errors that all have one sign here: for rules of
/// second order it is the error itself, but for terms of the next order and what
/// intervals of different lengths leave; never is it smaller by a quarter.
#[test]
fn the_action_is_within_the_tolerance() {
    fn check<R: FlowRule<Decay>>(rule: R, tolerance: f64) {
        let action = sampled(rule);
        let problem = BoundaryProblem::new(&action, 1.0);
        let refined = problem.refine(&guess(&action), tolerance).unwrap();
        let error = (refined.solved.action.total - exact_action()).abs();
        let name = rule.name();
        assert!(error < 1.25 * tolerance, "{name}: {error}");
        assert!(refined.error <= tolerance, "{name}: {}", refined.error);
        // The estimates of all rounds fall, the last but one was too large.
        let rounds = &refined.rounds;
        let falls = rounds.windows(2).all(|pair| pair[1].error < pair[0].error);
        assert!(
            falls && rounds[rounds.len() - 2].error > tolerance,
            "{name}"
        );
        let last = rounds[rounds.len() - 1];
        let layers = refined.action.windows()[0].grid().layers();
        assert_eq!(
            (last.layers, last.error, last.action),
            (layers, refined.error, refined.solved.action.total)
        );
        // Errors of order q need tolerance^(−1/q) layers.
        let most = 4.0 * (0.2 / tolerance).powf(1.0 / f64::from(rule.order()));
        assert!((layers as f64) < most, "{name}: {layers}, {most}");
    }
    check(Trapezoid, 1e-7);
    check(Midpoint, 1e-7);
    check(SimpsonHermite, 1e-7);
    check(Euler, 1e-4);
    check(Rk4, 1e-4);
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

const DURATION: f64 = 24.0;
const RF: f64 = 3.0;

/// From one valley to the other in so many equal steps, one value that weighs
/// nothing in place of the data that an action must have.
fn over_the_hill(steps: usize) -> (Action, Estimate) {
    let grid = Grid::uniform(0.0, DURATION / steps as f64, steps + 1).unwrap();
    let weightless = Precision::scalar(1e-14).unwrap();
    let data = Observations::of_components(&[0], [0.0], array![[-1.0]], weightless);
    let action = Action::builder(Valley, Midpoint)
        .window(Window::new(grid).observations(data.unwrap()).unwrap())
        .precision_unit(PrecisionUnit::PerTime)
        .build()
        .unwrap();
    let line = (0..=steps).map(|n| [2.0 * n as f64 / steps as f64 - 1.0]);
    (action, Estimate::new(vec![Path::from_layers(line)], []))
}

fn between_valleys(action: &Action) -> BoundaryProblem<'_> {
    let problem = BoundaryProblem::new(action, RF);
    let problem = problem.fix(0, End::First, [-1.0]).unwrap();
    problem.fix(0, End::Last, [1.0]).unwrap()
}

/// Uphill p = −2 R_f F, downhill p = 0, and A = 2 R_f ΔU = ½ R_f but for 1e-7 that the
/// end of time costs. The path is as fast on both sides of the hill, but errors are
/// made only where there is a momentum.
#[test]
fn layers_gather_where_there_is_momentum() {
    let (action, guess) = over_the_hill(24);
    let tolerance = 1e-4;
    let refined = between_valleys(&action).refine(&guess, tolerance).unwrap();
    let error = (refined.solved.action.total - 0.5 * RF).abs();
    assert!(error < 1.25 * tolerance, "{error}");
    let times = refined.action.windows()[0].grid().times();
    let path = &refined.solved.estimate.paths[0];
    let shortest = |low: f64, high: f64| {
        let inside = |n: &usize| (low..high).contains(&path.layer(*n)[0]);
        let steps = (1..times.len()).filter(inside);
        steps.map(|n| times[n] - times[n - 1]).fold(1.0, f64::min)
    };
    let (uphill, downhill) = (shortest(-0.9, -0.1), shortest(0.1, 0.9));
    assert!(uphill < 0.1 && downhill == 0.5, "{uphill}, {downhill}");
    // As many layers at equal distances.
    let (even, guess) = over_the_hill(times.len() - 1);
    let solved = between_valleys(&even).solve(&guess).unwrap();
    let uniform = (solved.action.total - 0.5 * RF).abs();
    assert!(uniform > 3.0 * error, "{uniform}, {error}");
}

/// A nearly perfect model has p of size one and residuals of nearly zero: layers are
/// those that p asks for. Without model errors x = x₀e⁻ᵗ, and x₀ is that of least
/// squares; R_f = 1e8 changes the action by 1e-8 of it.
#[test]
fn a_stiff_model_does_not_ask_for_more_layers() {
    let action = sampled(Midpoint);
    let refine = |rf: f64| {
        let problem = BoundaryProblem::new(&action, rf);
        problem.refine(&guess(&action), 1e-6).unwrap()
    };
    let stiff = refine(1e8);
    let samples = || decay::SAMPLES.into_iter().map(|(t, y)| ((-t).exp(), y));
    let slope: f64 = samples().map(|(h, y)| h * y).sum();
    let first = slope / samples().map(|(h, _)| h * h).sum::<f64>();
    let exact: f64 = samples()
        .map(|(h, y)| 0.5 * RM * (first * h - y).powi(2))
        .sum();
    let error = (stiff.solved.action.total - exact).abs();
    assert!(error < 1.25e-6, "{error}");
    let layers = |refined: &Refined| refined.action.windows()[0].grid().layers();
    let (soft, stiff) = (layers(&refine(10.0)), layers(&stiff));
    assert!(stiff < 2 * soft, "{stiff}, {soft}");
}

/// Prey and predator, one parameter estimated and one changing in time, on a grid
/// whose precision has factors. No closed form: the limit of uniform layers.
#[test]
fn parameters_are_estimated_on_the_way() {
    let action = |steps: usize| {
        let times = [0.0, 1.0, 2.5, 4.0];
        let grid = Grid::from_times(&times, steps).unwrap();
        let values = array![[2.0, 1.1], [2.6, 1.6], [1.1, 2.4], [0.6, 1.3]];
        let precision = Precision::scalar(20.0).unwrap();
        let data = Observations::of_components(&[0, 1], times, values, precision).unwrap();
        let factors: Vec<f64> = (0..3 * steps)
            .map(|n| if n < steps { 2.0 } else { 1.0 })
            .collect();
        let window = Window::new(grid).precision_factors(factors).unwrap();
        let drift = Parameter::estimated().random_walk(0.1).unwrap();
        Action::builder(LotkaVolterra, Trapezoid)
            .window(window.observations(data).unwrap())
            .precision_unit(PrecisionUnit::PerTime)
            .parameter("birth", drift)
            .parameter("predation", Parameter::fixed(0.5))
            .parameter("death", Bounds::new(0.1, 2.0).unwrap())
            .parameter("growth", Parameter::fixed(0.4))
            .build()
            .unwrap()
    };
    let guess = |steps: usize| {
        let path = Path::from_layers(vec![[1.5, 1.5]; 3 * steps + 1]);
        Estimate::new(vec![path], [0.6, 0.5, 0.8, 0.4])
    };
    let values = [16, 32, 64].map(|steps| {
        let action = action(steps);
        let problem = BoundaryProblem::new(&action, 5.0);
        problem.solve(&guess(steps)).unwrap().action.total
    });
    let limit = Convergence::of(&values, 2).unwrap();
    let coarse = action(2);
    let refined = BoundaryProblem::new(&coarse, 5.0)
        .refine(&guess(2), 1e-5)
        .unwrap();
    let error = (refined.solved.action.total - limit.limit).abs();
    // The limit itself is known to about a tenth of what it was extrapolated by.
    assert!(error < 1e-5 + 0.1 * limit.error, "{error}, {limit:?}");
}

#[test]
fn what_cannot_be_refined_is_named() {
    let refine = |action: Action, tolerance: f64| {
        let problem = BoundaryProblem::new(&action, 1.0);
        let refined = problem.refine(&guess(&action), tolerance);
        refined.map(|_| ()).unwrap_err()
    };
    for tolerance in [0.0, -1.0] {
        let error = refine(sampled(Trapezoid), tolerance);
        assert!(matches!(error, Error::NotPositive { .. }), "{error}");
    }
    let error = refine(sampled(Trapezoid), f64::NAN);
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    let of = |unit, normalization| {
        let grid = Grid::uniform(0.0, 0.5, 3).unwrap();
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], [0.5], array![[0.7]], one).unwrap();
        Action::builder(Decay, Trapezoid)
            .window(Window::new(grid).observations(data).unwrap())
            .precision_unit(unit)
            .normalization(normalization)
            .build()
            .unwrap()
    };
    let error = refine(of(PrecisionUnit::PerStep, Normalization::Sum), 1e-3);
    assert_eq!(
        error.to_string(),
        "refinement: a model precision per step and steps of any length contradict each other"
    );
    let error = refine(of(PrecisionUnit::PerTime, Normalization::Mean), 1e-3);
    assert!(matches!(error, Error::Normalization { .. }), "{error}");
    // Below rounding.
    let error = refine(sampled(Trapezoid), 1e-25);
    assert!(
        matches!(
            error,
            Error::GridTooCoarse {
                expected: 1e-25,
                ..
            }
        ),
        "{error}"
    );
}

/// What an observer breaks off can be gone on with.
#[test]
fn a_solution_is_watched_broken_off_and_gone_on_with() {
    let (action, guess) = over_the_hill(240);
    let whole = between_valleys(&action).solve(&guess).unwrap();
    let seen = Cell::new(0);
    let watch = |iteration: Iteration| {
        seen.set(iteration.number);
        match iteration.number {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let watched = || between_valleys(&action).watch(&watch);
    let broken = watched().solve(&guess).unwrap();
    assert_eq!((seen.get(), broken.work.iterations), (3, 3));
    assert_eq!(broken.termination, Termination::Cancelled);
    assert!(broken.action.total > whole.action.total);
    let resumed = between_valleys(&action).solve(&broken.estimate).unwrap();
    assert!((resumed.action.total - whole.action.total).abs() < 1e-10);
    // A refinement says how far it came, and that it knows no error.
    let refined = watched().refine(&guess, 1e-6).unwrap();
    assert_eq!(refined.solved.termination, Termination::Cancelled);
    assert!(refined.error.is_infinite() && refined.rounds.len() == 1);
}
