//! Boundary value problems by another method: multiple shooting in (x, p).

use crate::fixtures::decay::RM;
use crate::fixtures::dense;
use deepest::hamiltonian::{BoundaryProblem, DiscreteLagrangian, End, PhasePoint};
use deepest::models::LotkaVolterra;
use deepest::prelude::*;
use deepest::{Action, FlowRule, Path, Rule};
use ndarray::{Array1, Array2, s};

const THETA: [f64; 4] = [0.6, 0.5, 0.8, 0.4];
const MEASURED: [(usize, f64); 4] = [(2, 2.4), (5, 2.9), (9, 1.2), (12, 0.6)];
/// Of an interval.
const LENGTH: f64 = 0.3;
const INTERVALS: usize = 12;
const RF: f64 = 2.0;

/// So many intervals of a rule.
fn grid<R: Rule<LotkaVolterra>>(rule: R) -> Grid {
    let steps = rule.steps();
    Grid::uniform(0.0, LENGTH / steps as f64, steps * INTERVALS + 1).unwrap()
}

/// The prey measured at the ends of four intervals.
fn prey<R: Rule<LotkaVolterra>>(rule: R, edit: impl FnOnce(Window) -> Window) -> Action {
    let grid = grid(rule);
    let node = |k: usize| grid.times()[k * rule.steps()];
    let times: Vec<f64> = MEASURED.iter().map(|(k, _)| node(*k)).collect();
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

fn guess<R: Rule<LotkaVolterra>>(rule: R) -> Estimate {
    let path = Path::from_layers(vec![[1.5, 1.0]; grid(rule).layers()]);
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
    let precision = Precision::scalar(RF).unwrap();
    let lagrangian = DiscreteLagrangian::new(LotkaVolterra, rule, grid(rule), precision)
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
            z[4 * n + i] = path.layer(n * rule.steps())[i];
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
fn agree<R: FlowRule<LotkaVolterra>>(problem: BoundaryProblem<'_>, rule: R, ends: [Condition; 2]) {
    let solved = problem.solve(&guess(rule)).unwrap();
    let (path, momenta) = (&solved.estimate.paths[0], &solved.momenta.windows[0]);
    let off = path.to_array().unwrap() * 1.001;
    let points = shoot(rule, ends, &Path::from_array(off.view()));
    for (n, at) in points.iter().enumerate() {
        for i in 0..2 {
            let layer = momenta.layers[n];
            let state = (at.state[i] - path.layer(layer)[i]).abs();
            // Free ends have p = 0 behind the last measurement, fixed ones go on
            // as they came.
            let fixed = n == INTERVALS && matches!(ends[1], Condition::State(_));
            let expected = if fixed {
                momenta.before.layer(n)[i] + momenta.jumps.layer(layer)[i]
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
    check(SimpsonHermite);
    check(Rk4);
}
