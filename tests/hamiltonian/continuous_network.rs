//! Networks whose layers are steps of dx/dℓ = tanh(W(ℓ) x + b(ℓ)): what is learned is
//! a function of depth, and layers are as many as one likes.

use crate::fixtures::Noise;
use deepest::hamiltonian::{Adjoint, BoundaryProblem, End, Extremal};
use deepest::prelude::*;
use deepest::{Action, FlowRule, Path};
use ndarray::array;

/// W(ℓ) and b(ℓ) are Σ φ_j(ℓ) (W_j, b_j).
#[derive(Clone, Copy)]
enum Depth {
    /// φ_j is one on the j-th of two halves: held inputs, which jump at ½.
    Pieces,
    /// φ_j = ℓʲ, j < 3.
    Polynomial,
}

impl Depth {
    fn count(self) -> usize {
        match self {
            Self::Pieces => 2,
            Self::Polynomial => 3,
        }
    }

    /// φ at ℓ, on the left side of a jump or on the right.
    fn basis(self, l: f64, left: bool) -> Vec<f64> {
        match self {
            Self::Pieces if l < 0.5 || (l == 0.5 && left) => vec![1.0, 0.0],
            Self::Pieces => vec![0.0, 1.0],
            Self::Polynomial => vec![1.0, l, l * l],
        }
    }
}

/// Two units; of each j four weights, row by row, and two thresholds.
struct Deep(Depth);

impl Model for Deep {
    fn parameter_count(&self) -> usize {
        6 * self.0.count()
    }
    fn input_count(&self) -> usize {
        match self.0 {
            Depth::Pieces => 2,
            Depth::Polynomial => 0,
        }
    }
}

impl Flow for Deep {
    fn width(&self) -> usize {
        2
    }
    fn flow<S: Scalar>(&self, l: S, x: &[S], theta: &[S], input: &[S], dx: &mut [S]) {
        for i in 0..2 {
            let mut z = S::zero();
            for (j, of) in theta.chunks(6).enumerate() {
                let phi = match self.0 {
                    Depth::Pieces => input[j],
                    Depth::Polynomial => l.powi(j as i32),
                };
                z += phi * (of[2 * i] * x[0] + of[2 * i + 1] * x[1] + of[4 + i]);
            }
            dx[i] = z.tanh();
        }
    }
}

const PAIRS: usize = 6;
/// The model's errors are small beside those of the outputs.
const RF: f64 = 100.0;
const RM: f64 = 20.0;

fn inputs() -> Vec<[f64; 2]> {
    let mut noise = Noise(5);
    (0..PAIRS).map(|_| [noise.next(), noise.next()]).collect()
}

/// A third of a turn, and a shift.
fn target([a, b]: [f64; 2]) -> [f64; 2] {
    let (sin, cos) = (std::f64::consts::TAU / 6.0).sin_cos();
    [cos * a - sin * b + 0.2, sin * a + cos * b]
}

/// One window for each of the given inputs.
fn network<R: FlowRule<Deep>>(
    (depth, rule): (Depth, R),
    layers: usize,
    given: &[[f64; 2]],
) -> Action {
    let grid = Grid::new((0..=layers).map(|n| n as f64 / layers as f64).collect()).unwrap();
    let mut builder = Action::builder(Deep(depth), rule).precision_unit(PrecisionUnit::PerTime);
    for &x in given {
        let [a, b] = target(x);
        let precision = Precision::scalar(RM).unwrap();
        let data = Observations::of_components(&[0, 1], [1.0], array![[a, b]], precision);
        let mut window = Window::new(grid.clone())
            .observations(data.unwrap())
            .unwrap();
        if let Depth::Pieces = depth {
            let halves = Inputs::constant([0.0, 0.5], array![[1.0, 0.0], [0.0, 1.0]]);
            window = window.inputs(halves.unwrap()).unwrap();
        }
        builder = builder.window(window);
    }
    let prior = Gaussian::new(0.0, 2.0).unwrap();
    for p in 0..6 * depth.count() {
        builder = builder.parameter(format!("theta {p}"), Parameter::estimated().prior(prior));
    }
    builder.build().unwrap()
}

/// Every layer as its input, and these weights.
fn guess(layers: usize, given: &[[f64; 2]], theta: &[f64]) -> Estimate {
    let paths = given
        .iter()
        .map(|x| Path::from_layers(vec![*x; layers + 1]));
    Estimate::new(paths.collect(), theta)
}

fn train<R: FlowRule<Deep>>(
    (depth, rule): (Depth, R),
    layers: usize,
    theta: &[f64],
) -> (Action, Extremal) {
    let given = inputs();
    let action = network((depth, rule), layers, &given);
    let mut problem = BoundaryProblem::new(&action, RF);
    for (w, x) in given.iter().enumerate() {
        problem = problem.fix(w, End::First, *x).unwrap();
    }
    let trained = problem.solve(&guess(layers, &given, theta)).unwrap();
    (action, trained)
}

/// Small weights to start from.
fn start(depth: Depth) -> Vec<f64> {
    Noise(8)
        .vector(6 * depth.count())
        .iter()
        .map(|v| 0.3 * v)
        .collect()
}

/// What the trained net makes of inputs it has not seen, by so many layers.
fn outputs<R: FlowRule<Deep>>(which: (Depth, R), layers: usize, theta: &[f64]) -> Vec<f64> {
    let unseen = [[0.5, -0.3], [-0.8, 0.1], [0.2, 0.9]];
    let action = network(which, layers, &unseen);
    let run = Adjoint::along(&action, &guess(layers, &unseen, theta)).unwrap();
    let paths = run.estimate.paths.iter();
    paths.flat_map(|p| p.layer(layers).to_vec()).collect()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    let pairs = a.iter().zip(b);
    pairs.fold(0.0, |m, (a, b)| m.max((a - b).abs()))
}

/// The same weights at 10, 20, 40 and 80 layers: a path without model errors has the
/// order of the step. (Ten layers of Simpson-Hermite have the jump of the pieces
/// inside an interval, which is why the order is that of the last two.)
#[test]
fn the_same_net_at_any_depth_is_the_same_function() {
    fn check<R: FlowRule<Deep>>(depth: Depth, rule: R, order: f64, theta: &[f64]) {
        let many = outputs((depth, SimpsonHermite), 640, theta);
        let errors =
            [10, 20, 40, 80].map(|layers| apart(&outputs((depth, rule), layers, theta), &many));
        let found = (errors[2] / errors[3]).log2();
        // The next term of an error is a factor h or h² smaller.
        assert!((found - order).abs() < 0.05, "{}, {errors:?}", rule.name());
    }
    for depth in [Depth::Pieces, Depth::Polynomial] {
        let (_, trained) = train((depth, Midpoint), 20, &start(depth));
        assert_eq!(trained.termination, Termination::Converged);
        // It has learned: outputs are wrong by less than their σ = 0.22, 12 of them.
        assert!(trained.action.measurement < 0.5 * 12.0 * 0.2);
        let theta = &trained.estimate.parameters;
        check(depth, Euler, 1.0, theta);
        check(depth, Trapezoid, 2.0, theta);
        check(depth, Midpoint, 2.0, theta);
        check(depth, SimpsonHermite, 4.0, theta);
        check(depth, Rk4, 4.0, theta);
    }
}

/// Trained anew at 10, 20, 40 and 80 layers the functions converge too.
#[test]
fn nets_trained_at_any_depth_learn_the_same_function() {
    fn check<R: FlowRule<Deep>>(depth: Depth, rule: R, slack: f64) {
        let mut theta = start(depth);
        let learned = [10, 20, 40, 80].map(|layers| {
            theta = train((depth, rule), layers, &theta).1.estimate.parameters;
            outputs((depth, rule), layers, &theta)
        });
        let steps: Vec<f64> = learned
            .windows(2)
            .map(|pair| apart(&pair[0], &pair[1]))
            .collect();
        let found = (steps[1] / steps[2]).log2();
        let order = f64::from(rule.order());
        assert!((found - order).abs() < slack, "{}, {steps:?}", rule.name());
    }
    for depth in [Depth::Pieces, Depth::Polynomial] {
        check(depth, Euler, 0.05);
        check(depth, Trapezoid, 0.05);
        check(depth, Midpoint, 0.05);
        // Its errors of fourth order are still a tenth of those of second.
        check(depth, SimpsonHermite, 0.4);
    }
}

/// Σ over pairs of ∫ pᵀF_θ dℓ is the slope of the prior: by the trapezoidal rule on
/// the momenta of all layers, with F_θ by hand.
#[test]
fn momenta_balance_the_prior_of_each_weight() {
    fn defect(depth: Depth, layers: usize) -> f64 {
        let (_, trained) = train((depth, Midpoint), layers, &start(depth));
        // Stationary in the discrete action, to rounding.
        let discrete = trained.momenta.parameters.iter();
        assert!(discrete.fold(0.0_f64, |m, v| m.max(v.abs())) < 1e-9);
        let theta = &trained.estimate.parameters;
        let mut integral = vec![0.0; theta.len()];
        for (path, momenta) in trained.estimate.paths.iter().zip(&trained.momenta.windows) {
            for k in 0..layers {
                for (n, p, left) in [
                    (k, momenta.after.layer(k), false),
                    (k + 1, momenta.before.layer(k + 1), true),
                ] {
                    let (x, l) = (path.layer(n), momenta.times[n]);
                    let phi = depth.basis(l, left);
                    for i in 0..2 {
                        let z: f64 = theta
                            .chunks(6)
                            .zip(&phi)
                            .map(|(of, phi)| {
                                phi * (of[2 * i] * x[0] + of[2 * i + 1] * x[1] + of[4 + i])
                            })
                            .sum();
                        let weight = 0.5 / layers as f64 * p[i] * (1.0 - z.tanh().powi(2));
                        for (j, phi) in phi.iter().enumerate() {
                            integral[6 * j + 2 * i] += weight * phi * x[0];
                            integral[6 * j + 2 * i + 1] += weight * phi * x[1];
                            integral[6 * j + 4 + i] += weight * phi;
                        }
                    }
                }
            }
        }
        let slopes: Vec<f64> = theta.iter().map(|theta| theta / 4.0).collect();
        assert!(slopes.iter().any(|s| s.abs() > 0.05));
        apart(&integral, &slopes)
    }
    for depth in [Depth::Pieces, Depth::Polynomial] {
        let defects = [10, 20, 40].map(|layers| defect(depth, layers));
        let order = (defects[1] / defects[2]).log2();
        assert!((order - 2.0).abs() < 0.05, "{defects:?}");
    }
}

/// Without model errors what is stationary is what back-propagation finds.
#[test]
fn a_perfect_net_is_stationary_by_back_propagation() {
    let given = inputs();
    let (action, soft) = train((Depth::Polynomial, Midpoint), 20, &start(Depth::Polynomial));
    let mut problem = BoundaryProblem::new(&action, f64::INFINITY);
    for (w, x) in given.iter().enumerate() {
        problem = problem.fix(w, End::First, *x).unwrap();
    }
    let trained = problem.solve_by_multipliers(&soft.estimate, RF).unwrap();
    let adjoint = Adjoint::along(&action, &trained.estimate).unwrap();
    let slopes = adjoint.momenta.parameters.iter();
    let largest = slopes.fold(0.0_f64, |m, v| m.max(v.abs()));
    assert!(largest < 1e-12, "{largest}");
    assert!((adjoint.value - trained.action.total).abs() < 1e-12);
}
