//! The discrete flow keeps the symplectic form dx ∧ dp: exactly for every
//! discretization and every layer map that has a flow, and not where momenta are
//! not the canonical ones or Hamilton's equations are solved by another method.

use crate::fixtures;

use crate::fixtures::cases::{SHAPES, Shape};
use crate::fixtures::{Network, Noise, Seasonal};
use deepest::hamiltonian::{
    DiscreteFlow, DiscreteLagrangian, PhasePoint, Potential, symplectic_defect,
};
use deepest::models::{Lorenz63, Lorenz96, LotkaVolterra, NaKl};
use deepest::prelude::*;
use deepest::{Dual, Error, FlowRule};
use ndarray::{Array2, array, s};

/// Forms are kept to the rounding of a few hundred operations, relative to the
/// terms that cancel.
const KEPT: f64 = 1e-12;

/// A potential that couples all components, anharmonic, and changes in time.
struct Rugged;

impl Potential for Rugged {
    fn potential<S: Scalar>(&self, t: f64, x: &[S]) -> S {
        let mut sum = S::zero();
        for (i, &v) in x.iter().enumerate() {
            let next = x[(i + 1) % x.len()];
            sum += (v * next).sin() * (1.0 + t) + v.powi(4) * 0.05;
        }
        sum
    }
}

/// Calls `check` with the flow over one interval of every rule.
fn every_rule<M: Flow + Clone>(
    model: &M,
    theta: &[f64],
    shape: Shape,
    h: f64,
    check: &mut impl Check,
) {
    let mut one = OneRule {
        model,
        theta,
        shape,
        scale: 1.0,
        h,
    };
    one.run(Euler, check);
    one.run(Trapezoid, check);
    one.run(Midpoint, check);
    one.run(Rk4, check);
    one.run(SimpsonHermite, check);
}

trait Check {
    fn check<V: Potential>(&mut self, name: &str, flow: DiscreteFlow<'_, V>);
}

struct OneRule<'a, M> {
    model: &'a M,
    theta: &'a [f64],
    shape: Shape,
    /// What multiplies R_f.
    scale: f64,
    h: f64,
}

impl<M: Flow + Clone> OneRule<'_, M> {
    fn run<R: FlowRule<M>>(&mut self, rule: R, check: &mut impl Check) {
        let steps = rule.steps();
        let grid = Grid::uniform(0.4, self.h / steps as f64, steps + 1).unwrap();
        let matrix = self.shape.matrix(self.model.width()) * self.scale;
        let precision = match self.shape {
            Shape::Scalar => Precision::scalar(matrix[(0, 0)]),
            Shape::Diagonal => Precision::diagonal(matrix.diag().to_vec()),
            Shape::Full => Precision::full(matrix),
        };
        let precision = precision.unwrap();
        let free = |grid| {
            DiscreteLagrangian::new(self.model.clone(), rule, grid, precision.clone())
                .unwrap()
                .parameters(self.theta)
        };
        let name = format!("{}, {:?}", rule.name(), self.shape);
        check.check(&name, free(grid.clone()).flow().unwrap());
        let driven = free(grid).potential(Rugged);
        check.check(&format!("{name}, driven"), driven.flow().unwrap());
    }
}

fn point(d: usize, seed: u64) -> PhasePoint {
    let mut noise = Noise(seed);
    let state: Vec<f64> = noise.vector(d).iter().map(|v| 1.0 + v).collect();
    PhasePoint::new(state, noise.vector(d))
}

struct IsSymplectic {
    width: usize,
}

impl Check for IsSymplectic {
    fn check<V: Potential>(&mut self, name: &str, mut flow: DiscreteFlow<'_, V>) {
        let from = point(self.width, 3);
        let (_, tangent) = flow.tangent(0, &from).unwrap();
        let defect = symplectic_defect(&tangent).unwrap();
        assert!(defect < KEPT, "{name}: {defect}");
    }
}

#[test]
fn every_discretization_is_symplectic() {
    for shape in SHAPES {
        let check = |width| IsSymplectic { width };
        every_rule(&Lorenz63, &[10.0, 28.0, 2.6], shape, 0.02, &mut check(3));
        every_rule(&Lorenz96 { sites: 5 }, &[8.0], shape, 0.05, &mut check(5));
        let prey = [0.6, 0.5, 0.8, 0.4];
        every_rule(&LotkaVolterra, &prey, shape, 0.2, &mut check(2));
        every_rule(&Seasonal, &[0.7, 1.2], shape, 0.2, &mut check(2));
    }
}

/// Compares the tangent map with differences of the flow.
struct IsDerivative {
    width: usize,
}

impl Check for IsDerivative {
    fn check<V: Potential>(&mut self, name: &str, mut flow: DiscreteFlow<'_, V>) {
        let d = self.width;
        let from = point(d, 3);
        let (step, tangent) = flow.tangent(0, &from).unwrap();
        let again = flow.step(0, &from).unwrap();
        assert_eq!(step, again);
        let mut all = |h: f64, j: usize| {
            let mut moved = from.clone();
            let slot = if j < d {
                &mut moved.state[j]
            } else {
                &mut moved.momentum[j - d]
            };
            *slot += h;
            let end = flow.step(0, &moved).unwrap().end;
            [end.state, end.momentum].concat()
        };
        for j in 0..2 * d {
            // Fourth-order central differences: truncation of 1e-12, rounding of
            // 1e-13 in units of third and fifth derivatives of size one to ten.
            let h = 1e-3;
            let (a, b) = (all(h, j), all(-h, j));
            let (c, e) = (all(2.0 * h, j), all(-2.0 * h, j));
            for i in 0..2 * d {
                let slope = (8.0 * (a[i] - b[i]) - (c[i] - e[i])) / (12.0 * h);
                let found = tangent[(i, j)];
                assert!(
                    (found - slope).abs() < 1e-8,
                    "{name}, {i} {j}: {found} {slope}"
                );
            }
        }
    }
}

#[test]
fn tangent_maps_are_derivatives_of_the_flow() {
    let prey = [0.6, 0.5, 0.8, 0.4];
    every_rule(
        &LotkaVolterra,
        &prey,
        Shape::Full,
        0.2,
        &mut IsDerivative { width: 2 },
    );
    every_rule(
        &Seasonal,
        &[0.7, 1.2],
        Shape::Full,
        0.2,
        &mut IsDerivative { width: 2 },
    );
    let lorenz = [10.0, 28.0, 2.6];
    every_rule(
        &Lorenz63,
        &lorenz,
        Shape::Diagonal,
        0.02,
        &mut IsDerivative { width: 3 },
    );
}

/// Voltages of a hundred beside gates of one, with precisions to match.
#[test]
fn units_do_not_matter() {
    let grid = Grid::uniform(0.0, 0.01, 3).unwrap();
    let precision = Precision::diagonal([1e-4, 1e4, 1e4, 1e4]).unwrap();
    let inputs = Inputs::linear([0.0, 1.0], array![[3.0], [5.0]]).unwrap();
    let lagrangian = DiscreteLagrangian::new(NaKl, SimpsonHermite, grid, precision)
        .unwrap()
        .parameters(NaKl::VALUES)
        .inputs(inputs);
    let mut flow = lagrangian.flow().unwrap();
    let from = PhasePoint::new([-61.0, 0.1, 0.6, 0.3], [0.01, 2.0, -1.0, 3.0]);
    let (_, mut tangent) = flow.tangent(0, &from).unwrap();
    // In units where all states and momenta are of size one.
    let unit = [100.0, 1.0, 1.0, 1.0, 0.01, 1.0, 1.0, 1.0];
    for ((i, j), value) in tangent.indexed_iter_mut() {
        *value *= unit[j] / unit[i];
    }
    let defect = symplectic_defect(&tangent).unwrap();
    assert!(defect < KEPT, "{defect}");
}

/// Euler's rule is the symplectic Euler method, written out for Lorenz-63:
/// x₁ = x₀ + h (F(x₀) + R_f⁻¹p₁), p₀ = (I + h DF(x₀))ᵀ p₁ − h ∂V.
#[test]
fn euler_is_symplectic_euler() {
    let (h, theta, rf) = (0.01, [10.0, 28.0, 2.6], 1.7);
    let grid = Grid::uniform(0.0, h, 2).unwrap();
    let precision = Precision::scalar(rf).unwrap();
    let lagrangian = DiscreteLagrangian::new(Lorenz63, Euler, grid, precision)
        .unwrap()
        .parameters(theta)
        .potential(Paraboloid);
    let from = PhasePoint::new([1.0, -2.0, 20.0], [0.3, 0.1, -0.4]);
    let end = lagrangian.flow().unwrap().step(0, &from).unwrap().end;
    let [x, y, z] = [from.state[0], from.state[1], from.state[2]];
    let [sigma, rho, beta] = theta;
    let f = [sigma * (y - x), x * (rho - z) - y, x * y - beta * z];
    let df = [[-sigma, sigma, 0.0], [rho - z, -1.0, -x], [y, x, -beta]];
    for i in 0..3 {
        let q = end.momentum[i] / rf;
        let expected = from.state[i] + h * (f[i] + q);
        assert!((end.state[i] - expected).abs() < 1e-13);
        let pulled: f64 = (0..3).map(|k| df[k][i] * end.momentum[k]).sum();
        let slope = from.state[i];
        let begin = end.momentum[i] + h * pulled - h * slope;
        assert!((from.momentum[i] - begin).abs() < 1e-13);
    }
}

/// V = ½ |x|².
struct Paraboloid;

impl Potential for Paraboloid {
    fn potential<S: Scalar>(&self, _t: f64, x: &[S]) -> S {
        let mut sum = S::zero();
        for v in x {
            sum += v.square() * 0.5;
        }
        sum
    }
}

/// Hamilton's equations of Lorenz-63 with R_f = 1, in (x, p).
fn hamilton<S: Scalar>(z: &[S]) -> [S; 6] {
    let [sigma, rho, beta] = [10.0, 28.0, 2.6];
    let (x, y, w, p) = (z[0], z[1], z[2], &z[3..]);
    [
        (y - x) * sigma + p[0],
        x * (-w + rho) - y + p[1],
        x * y - w * beta + p[2],
        p[0] * sigma - p[1] * (-w + rho) - p[2] * y,
        -p[0] * sigma + p[1] - p[2] * x,
        p[1] * x + p[2] * beta,
    ]
}

fn rk4<S: Scalar>(z: [S; 6], h: f64) -> [S; 6] {
    let plus = |k: [S; 6], h: f64| -> [S; 6] { std::array::from_fn(|i| z[i] + k[i] * h) };
    let a = hamilton(&z);
    let b = hamilton::<S>(&plus(a, 0.5 * h));
    let c = hamilton::<S>(&plus(b, 0.5 * h));
    let d = hamilton::<S>(&plus(c, h));
    std::array::from_fn(|i| z[i] + (a[i] + b[i] * 2.0 + c[i] * 2.0 + d[i]) * (h / 6.0))
}

/// Explicit Euler.
fn euler<S: Scalar>(z: [S; 6], h: f64) -> [S; 6] {
    let slope = hamilton(&z);
    std::array::from_fn(|i| z[i] + slope[i] * h)
}

fn tangent(map: impl Fn([Dual<f64, 6>; 6]) -> [Dual<f64, 6>; 6]) -> Array2<f64> {
    let z = [1.0, -2.0, 20.0, 0.3, 0.1, -0.4];
    let end = map(std::array::from_fn(|i| Dual::variable(z[i], i)));
    Array2::from_shape_fn((6, 6), |(i, j)| end[i].lanes[j])
}

/// The order of a defect, from steps of 1/200 and 1/400.
fn order(defect: impl Fn(f64) -> f64) -> f64 {
    (defect(1.0 / 200.0) / defect(1.0 / 400.0)).log2()
}

/// Explicit methods for the same equations keep the form only as well as they
/// solve them: T = I + hA + … with TᵀJT − J = h² AᵀJA for Euler; a Runge-Kutta
/// method of order q is a symplectic map (the exact flow) but for h^{q+1}.
#[test]
fn explicit_methods_for_hamiltons_equations_are_not_symplectic() {
    let of_euler = |h: f64| symplectic_defect(&tangent(|z| euler(z, h))).unwrap();
    let of_rk4 = |h: f64| symplectic_defect(&tangent(|z| rk4(z, h))).unwrap();
    assert!(of_rk4(0.005) > 1e3 * KEPT, "{}", of_rk4(0.005));
    let (first, fourth) = (order(of_euler), order(of_rk4));
    assert!((first - 2.0).abs() < 0.1, "{first}");
    assert!((fourth - 5.0).abs() < 0.3, "{fourth}");
}

/// R_f g/h of the trapezoidal rule is no canonical momentum: p_k =
/// (I + ½h DF(x_k))ᵀ v belongs to it. In (x, v) the same map, p → v by that
/// relation at both ends, keeps the form up to terms of h² a step only.
#[test]
fn weighted_residuals_are_no_canonical_momenta() {
    let canonical = |h: f64| {
        let grid = Grid::uniform(0.0, h, 2).unwrap();
        let precision = Precision::scalar(1.0).unwrap();
        let lagrangian = DiscreteLagrangian::new(Lorenz63, Trapezoid, grid, precision)
            .unwrap()
            .parameters([10.0, 28.0, 2.6]);
        let from = PhasePoint::new([1.0, -2.0, 20.0], [0.3, 0.1, -0.4]);
        let (step, tangent) = lagrangian.flow().unwrap().tangent(0, &from).unwrap();
        // ∂(x, p)/∂(x, v) = (I, 0; ½h Σ v ∇²F, (I + ½h DF)ᵀ) at a point; v from p.
        let change = |at: &PhasePoint| {
            let x = &at.state;
            let (sigma, rho, beta) = (10.0, 28.0, 2.6);
            let df = array![
                [-sigma, sigma, 0.0],
                [rho - x[2], -1.0, -x[0]],
                [x[1], x[0], -beta]
            ];
            let factor = (Array2::eye(3) + df * (0.5 * h)).reversed_axes();
            let p = Array2::from_shape_vec((3, 1), at.momentum.clone()).unwrap();
            let v = fixtures::dense::solve(&factor, &p);
            let mut matrix = Array2::eye(6);
            matrix.slice_mut(s![3.., 3..]).assign(&factor);
            // ∇²F₁ has −1 at (x, z), ∇²F₂ has 1 at (x, y).
            for (i, j, value) in [(0, 2, -v[(1, 0)]), (0, 1, v[(2, 0)])] {
                matrix[(3 + i, j)] += 0.5 * h * value;
                matrix[(3 + j, i)] += 0.5 * h * value;
            }
            matrix
        };
        let other = fixtures::dense::solve(&change(&step.end), &tangent.dot(&change(&from)));
        (
            symplectic_defect(&tangent).unwrap(),
            symplectic_defect(&other).unwrap(),
        )
    };
    let (kept, lost) = canonical(0.005);
    assert!(kept < KEPT && lost > 1e-4, "{kept}, {lost}");
    let found = order(|h| canonical(h).1);
    assert!((found - 2.0).abs() < 0.15, "{found}");
}

fn network_flow(
    network: &Network,
    theta: &[f64],
) -> Result<(deepest::hamiltonian::FlowStep, Array2<f64>), Error> {
    let layers = network.widths.len();
    let grid = Grid::uniform(0.0, 1.0, layers)?;
    let precision = Precision::scalar(2.0)?;
    let lagrangian =
        DiscreteLagrangian::new(network.clone(), Map, grid, precision)?.parameters(theta);
    let d = network.widths[0];
    let mut flow = lagrangian.flow()?;
    // All layers, one after the other.
    let mut at = small(d);
    let mut product = Array2::eye(2 * d);
    let mut last = None;
    for k in 0..layers - 1 {
        let (step, tangent) = flow.tangent(k, &at)?;
        product = tangent.dot(&product);
        at = step.end.clone();
        last = Some(step);
    }
    Ok((last.unwrap(), product))
}

/// A point that does not saturate layers, and where those with the next layer on
/// both sides have a next layer.
fn small(d: usize) -> PhasePoint {
    let at = point(d, 9);
    let part = |values: &[f64], c: f64| values.iter().map(|v| c * v).collect::<Vec<_>>();
    PhasePoint::new(part(&at.state, 0.3), part(&at.momentum, 0.1))
}

#[test]
fn layer_maps_of_equal_widths_are_symplectic() {
    for recurrent in [false, true] {
        for width in [1, 3, 6] {
            let network = Network {
                widths: vec![width; 4],
                recurrent,
            };
            // Weights that carry all directions: near a multiple of the identity.
            let mut theta = Noise(21).vector(network.parameter_count());
            for (k, weight) in theta.iter_mut().enumerate() {
                let place = k % (width * width);
                let diagonal = place % (width + 1) == 0;
                *weight = 0.2 * *weight + if diagonal { 1.1 } else { 0.0 };
            }
            let (_, tangent) = network_flow(&network, &theta)
                .unwrap_or_else(|error| panic!("{width}, {recurrent}: {error}"));
            let defect = symplectic_defect(&tangent).unwrap();
            assert!(defect < KEPT, "{width}, {recurrent}: {defect}");
        }
    }
}

/// p_n = (∂f/∂x)ᵀ p_{n+1} and x_{n+1} = f(x_n) + R_f⁻¹ p_{n+1}, written out.
#[test]
fn a_layer_steps_by_back_propagation() {
    let network = Network {
        widths: vec![2, 2],
        recurrent: false,
    };
    let theta = [0.4, -0.7, 0.9, 0.3];
    let from = small(2);
    let (step, _) = network_flow(&network, &theta).unwrap();
    let w = array![[theta[0], theta[1]], [theta[2], theta[3]]];
    let z = w.dot(&ndarray::Array1::from(from.state.clone()));
    for j in 0..2 {
        let back: f64 = (0..2)
            .map(|i| (1.0 - z[i].tanh().powi(2)) * w[(i, j)] * step.end.momentum[i])
            .sum();
        assert!((back - from.momentum[j]).abs() < 1e-14);
        let next = z[j].tanh() + step.end.momentum[j] / 2.0;
        assert!((step.end.state[j] - next).abs() < 1e-14);
    }
    // R_f |g|²/2.
    let g: Vec<f64> = (0..2).map(|i| step.end.state[i] - z[i].tanh()).collect();
    assert!((step.lagrangian - g[0] * g[0] - g[1] * g[1]).abs() < 1e-14);
}

#[test]
fn layers_without_a_symplectic_map_are_refused() {
    let narrowing = Network {
        widths: vec![3, 3, 2],
        recurrent: false,
    };
    let theta = Noise(2).vector(narrowing.parameter_count());
    let error = network_flow(&narrowing, &theta).unwrap_err();
    assert!(
        matches!(&error, Error::Length { expected: 3, found: 2, place, .. } if place.contains("interval 1")),
        "{error}"
    );
    // The second row of weights is twice the first: nothing comes back from
    // their difference.
    let square = Network {
        widths: vec![2, 2],
        recurrent: false,
    };
    let error = network_flow(&square, &[0.3, 0.5, 0.6, 1.0]).unwrap_err();
    assert!(matches!(error, Error::Singular { .. }), "{error}");
    // A layer that is saturated to rounding.
    let error = network_flow(&square, &[60.0, 0.5, 0.6, 70.0]).unwrap_err();
    assert!(matches!(error, Error::Singular { .. }), "{error}");
}

/// At any R_f: where it is infinite for all that the numbers can tell, the flow is
/// that of the model, and p₁ᵀ dx₁ = p₀ᵀ dx₀ for every perturbation.
#[test]
fn a_perfect_model_is_a_limit_and_no_exception() {
    struct Limit;
    impl Check for Limit {
        fn check<V: Potential>(&mut self, name: &str, mut flow: DiscreteFlow<'_, V>) {
            if name.contains("driven") {
                return;
            }
            let from = point(2, 3);
            let (step, tangent) = flow.tangent(0, &from).unwrap();
            assert!(symplectic_defect(&tangent).unwrap() < KEPT, "{name}");
            for j in 0..2 {
                let product: f64 = (0..2).map(|i| step.end.momentum[i] * tangent[(i, j)]).sum();
                assert!((product - from.momentum[j]).abs() < 1e-13, "{name}");
            }
            assert!(step.lagrangian < 1e-90);
        }
    }
    let prey = [0.6, 0.5, 0.8, 0.4];
    let mut one = OneRule {
        model: &LotkaVolterra,
        theta: &prey,
        shape: Shape::Full,
        scale: 1e100,
        h: 0.2,
    };
    one.run(Euler, &mut Limit);
    one.run(Trapezoid, &mut Limit);
    one.run(Midpoint, &mut Limit);
    one.run(Rk4, &mut Limit);
    one.run(SimpsonHermite, &mut Limit);
}
