//! Two-point boundary value problems against closed forms.

use crate::fixtures::decay::{Decay, RM};
use deepest::hamiltonian::{BoundaryProblem, Convergence, End, Hamiltonian};
use deepest::prelude::*;
use deepest::{Action, Path, Rule};
use ndarray::array;

/// F = −x with y = 0.7 measured at ½ over [0, 1].
fn measured_once<R: Rule<Decay>>(rule: R, steps: usize) -> Action {
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
