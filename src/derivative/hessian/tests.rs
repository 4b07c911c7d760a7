//! Gradients and Hessians of weighted sums against nested duals.

use ndarray::Array2;

use super::*;
use crate::derivative::Number;
use crate::derivative::structure::find_pattern;
use crate::dual::Dual;
use crate::model::Sparsity;
use crate::scalar::Scalar;

/// Every operation in five results of three inputs and three parameters; then
/// an input and a parameter as they are, one result twice, and a constant.
struct Everything;

impl Generic for Everything {
    fn inputs(&self) -> usize {
        3
    }
    fn outputs(&self) -> usize {
        9
    }
    fn call<S: Number>(&self, x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        Self::of(x, theta, scratch, out);
    }
}

impl Everything {
    fn of<S: Scalar>(x: &[S], theta: &[S], scratch: &mut Vec<S>, out: &mut [S]) {
        scratch.clear();
        scratch.push((x[0] * x[1]).square() + 1.5);
        let positive = scratch[0];
        out[0] = positive.ln() - (x[0] / positive).exp() * theta[0] + positive.recip();
        out[1] = (x[2] * theta[1]).sin() * x[0].cos() + (x[1] - x[2]).tanh() / 3.0;
        out[2] = positive.sqrt() * theta[2] + positive.powf(1.7) + x[1].powi(3) - 2.0;
        // Each branch is nonlinear, and so is what it is multiplied by.
        let branch = (x[0] * x[1]).max(x[2] * x[2]) + (x[1] * x[2]).min(theta[0] * x[0]);
        out[3] = branch * theta[1] + (x[0] - x[1]).abs() * x[2];
        out[4] = -x[0].logistic();
        out[4] += x[0] * x[0] * x[0];
        out[4] *= theta[2];
        out[4] -= x[1];
        out[4] /= positive;
        out[5] = x[2];
        out[6] = theta[1];
        out[7] = out[3];
        out[8] = S::from(4.0);
    }
}

/// A function that nested duals, which the crate has no other use for, can call.
trait Nested: Generic {
    fn nested(&self, x: &[Second], theta: &[Second], out: &mut [Second]);
}

type Second = Dual<Dual<f64, 2>, 2>;

impl Nested for Everything {
    fn nested(&self, x: &[Second], theta: &[Second], out: &mut [Second]) {
        Self::of(x, theta, &mut Vec::new(), out);
    }
}

impl Nested for Chosen {
    fn nested(&self, x: &[Second], theta: &[Second], out: &mut [Second]) {
        self.of(x, theta, out);
    }
}

/// Derivatives of the weighted sum by nested duals, two variables at a time.
fn exact<F: Nested>(
    f: &F,
    (x, theta): (&[f64], &[f64]),
    free: &[usize],
    weights: &[f64],
) -> (Vec<f64>, Array2<f64>) {
    let variables = x.len() + free.len();
    let (mut gradient, mut hessian) = (vec![0.0; variables], Array2::zeros((variables, variables)));
    for a in 0..variables {
        for b in 0..variables {
            let seed = |v: f64, variable: usize| {
                let lane = |one: usize| if variable == one { 0 } else { 2 };
                Second::variable(Dual::variable(v, lane(b)), lane(a))
            };
            let states: Vec<Second> = x.iter().enumerate().map(|(i, v)| seed(*v, i)).collect();
            let mut parameters: Vec<Second> = theta.iter().map(|v| Second::from(*v)).collect();
            for (k, &p) in free.iter().enumerate() {
                parameters[p] = seed(theta[p], x.len() + k);
            }
            let mut out = vec![Second::zero(); f.outputs()];
            f.nested(&states, &parameters, &mut out);
            let results = || out.iter().zip(weights);
            gradient[a] = results().map(|(r, w)| w * r.lanes[0].value).sum();
            hessian[(a, b)] = results().map(|(r, w)| w * r.lanes[0].lanes[0]).sum();
        }
    }
    (gradient, hessian)
}

/// The directions, and the memory to follow them.
struct Hessian(Directions, Memory);

fn new<F: Generic>(f: &F, parameters: usize, free: &[usize], sparsity: &Sparsity) -> Hessian {
    let (pattern, traced) = find_pattern(f, parameters, free, sparsity);
    let directions = Directions::new(f, parameters, free, traced, &pattern);
    Hessian(directions, Memory::default())
}

/// The contraction as a symmetric matrix, and which pairs it has; each pair
/// comes once and in its order.
fn contracted<F: Generic>(
    hessian: &mut Hessian,
    f: &F,
    point: (&[f64], &[f64]),
    free: &[usize],
    weights: &[f64],
) -> (Array2<f64>, Vec<(usize, usize)>) {
    let variables = f.inputs() + free.len();
    let (mut matrix, mut pairs) = (Array2::zeros((variables, variables)), Vec::new());
    let Hessian(directions, memory) = hessian;
    directions.contract(f, (point, free), weights, memory, |a, b, value| {
        assert!(a >= b && !pairs.contains(&(a, b)), "{a}, {b}");
        pairs.push((a, b));
        matrix[(a, b)] = value;
        matrix[(b, a)] = value;
    });
    pairs.sort_unstable();
    (matrix, pairs)
}

/// Both are exact, so that they differ by the rounding of some dozen
/// operations.
fn assert_same(found: &Array2<f64>, expected: &Array2<f64>, name: &str) {
    let size = expected.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    for (pair, expected) in expected.indexed_iter() {
        let error = (found[pair] - expected).abs();
        let found = found[pair];
        assert!(
            error <= 1e-13 * size,
            "{name}, {pair:?}: {found} {expected}"
        );
    }
}

const THETA: [f64; 3] = [0.8, -1.2, 0.6];
const WEIGHTS: [f64; 9] = [0.7, -1.1, 0.4, 1.3, -0.6, 2.0, 0.9, -0.2, 5.0];
/// Every branch of `max`, `min` and `abs` is taken at one of them.
const POINTS: [[f64; 3]; 4] = [
    [1.1, 0.9, 0.3],
    [0.4, 1.3, -1.6],
    [-1.2, -0.5, 0.2],
    [0.6, -0.7, 1.4],
];
const SUBSETS: [&[usize]; 5] = [&[], &[1], &[0, 2], &[2, 0], &[0, 1, 2]];

#[test]
fn the_points_take_every_branch() {
    let taken = |f: fn(&[f64; 3]) -> bool| {
        let yes = POINTS.iter().filter(|x| f(x)).count();
        assert!(yes > 0 && yes < POINTS.len());
    };
    taken(|x| x[0] * x[1] > x[2] * x[2]);
    taken(|x| x[1] * x[2] < THETA[0] * x[0]);
    taken(|x| x[0] > x[1]);
}

#[test]
fn hessians_are_those_of_nested_duals() {
    let every_pair = (0..9).flat_map(|i| (0..6).map(move |j| (i, j)));
    for sparsity in [
        Sparsity::Traced,
        Sparsity::Dense,
        Sparsity::Declared(every_pair.collect()),
    ] {
        for free in SUBSETS {
            // One plan for all points: its memory is used again.
            let mut hessian = new(&Everything, 3, free, &sparsity);
            for x in &POINTS {
                let point = (&x[..], &THETA[..]);
                let (found, _) = contracted(&mut hessian, &Everything, point, free, &WEIGHTS);
                let (_, expected) = exact(&Everything, point, free, &WEIGHTS);
                let name = format!("{sparsity:?}, free {free:?}, at {x:?}");
                assert_same(&found, &expected, &name);
            }
        }
    }
}

#[test]
fn adjoints_of_the_variables_are_the_gradient() {
    let (mut arguments, mut sweep) = (Arguments::default(), Sweep::default());
    for free in SUBSETS {
        for x in &POINTS {
            let point = (&x[..], &THETA[..]);
            record(&Everything, point, free, &mut arguments);
            tape::read(|operations| sweep.adjoin(operations, &arguments.out, &WEIGHTS));
            let (expected, _) = exact(&Everything, point, free, &WEIGHTS);
            for (found, expected) in sweep.adjoint.iter().zip(&expected) {
                let error = (found - expected).abs();
                assert!(error <= 1e-13 * expected.abs().max(1.0), "{free:?}, {x:?}");
            }
            let mut plain = [0.0; 9];
            Everything.call(x, &THETA, &mut Vec::new(), &mut plain);
            for (taped, plain) in arguments.out.iter().zip(plain) {
                assert!((taped.value() - plain).abs() <= 1e-14 * plain.abs().max(1.0));
            }
        }
    }
}

#[test]
fn weights_of_zero_leave_their_result_out() {
    let free = [0, 1, 2];
    let point = (&POINTS[0][..], &THETA[..]);
    let mut hessian = new(&Everything, 3, &free, &Sparsity::Traced);
    let (none, pairs) = contracted(&mut hessian, &Everything, point, &free, &[0.0; 9]);
    assert!(!pairs.is_empty() && none.iter().all(|v| *v == 0.0));
    for result in 0..9 {
        let mut weights = [0.0; 9];
        weights[result] = 1.0;
        let (found, _) = contracted(&mut hessian, &Everything, point, &free, &weights);
        let (_, expected) = exact(&Everything, point, &free, &weights);
        assert_same(&found, &expected, &format!("result {result}"));
        // An input, a parameter and a constant bend nothing.
        let straight = [5, 6, 8].contains(&result);
        assert_eq!(found.iter().all(|v| *v == 0.0), straight, "{result}");
    }
}

/// One of some small functions, with a result for each input.
struct Chosen {
    inputs: usize,
    which: Which,
}

#[derive(Clone, Copy)]
enum Which {
    Constants,
    Linear,
    Powers,
    Maximum,
    MaximumTimes,
    Neighbours,
}

impl Generic for Chosen {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.inputs
    }
    fn call<S: Number>(&self, x: &[S], theta: &[S], _scratch: &mut Vec<S>, out: &mut [S]) {
        self.of(x, theta, out);
    }
}

impl Chosen {
    fn of<S: Scalar>(&self, x: &[S], theta: &[S], out: &mut [S]) {
        for (i, slot) in out.iter_mut().enumerate() {
            let (own, again) = (x[i], x[i]);
            *slot = match self.which {
                Which::Constants => (S::from(2.0) * S::from(3.0)).exp(),
                Which::Linear => own * 3.0 - x[0] / 7.0 + theta[0] + 1.0,
                Which::Powers => own * again * own + own / again - own.powi(2) * own,
                Which::Maximum => (x[0] * x[1]).max(x[2] * x[3]),
                Which::MaximumTimes => x[0].max(x[1]) * x[2],
                Which::Neighbours => own * x[(i + 1).min(self.inputs - 1)] * theta[i % 2],
            };
        }
    }
}

impl Chosen {
    /// Contracts at a point without symmetry, and compares with nested duals.
    fn check(&self, free: &[usize], sparsity: &Sparsity) -> (Hessian, Vec<(usize, usize)>) {
        let x: Vec<f64> = (0..self.inputs).map(|i| 1.0 + 0.3 * i as f64).collect();
        let weights: Vec<f64> = (0..self.inputs).map(|i| 0.5 - 0.2 * i as f64).collect();
        let mut hessian = new(self, 2, free, sparsity);
        let point = (&x[..], &[0.8, -0.4][..]);
        let (found, pairs) = contracted(&mut hessian, self, point, free, &weights);
        let (_, expected) = exact(self, point, free, &weights);
        assert_same(&found, &expected, "chosen");
        (hessian, pairs)
    }
}

#[test]
fn what_is_straight_costs_nothing() {
    for which in [Which::Constants, Which::Linear] {
        let chosen = Chosen { inputs: 3, which };
        let (hessian, pairs) = chosen.check(&[0, 1], &Sparsity::Traced);
        assert_eq!((hessian.0.colors, pairs.len()), (0, 0));
        // A dense pattern is taken at its word: 15 pairs of five variables.
        let (_, pairs) = chosen.check(&[0, 1], &Sparsity::Dense);
        assert_eq!(pairs.len(), 15);
    }
}

/// x³ + x/x − x² x: the parts cancel, their derivatives must too.
#[test]
fn one_variable_may_be_used_again_and_again() {
    let chosen = Chosen {
        inputs: 2,
        which: Which::Powers,
    };
    let (_, pairs) = chosen.check(&[], &Sparsity::Traced);
    assert_eq!(pairs, [(0, 0), (1, 1)]);
}

#[test]
fn patterns_hold_the_branch_not_taken() {
    let pairs = |which| {
        let chosen = Chosen { inputs: 4, which };
        chosen.check(&[], &Sparsity::Traced).1
    };
    assert_eq!(pairs(Which::Maximum), [(1, 0), (3, 2)]);
    assert_eq!(pairs(Which::MaximumTimes), [(2, 0), (2, 1)]);
}

/// Products of neighbours in a chain of 20: colours in the order 0, 1, 0, 2 are
/// a star colouring (the greedy one may take a fourth) where a dense pattern
/// takes one a state; two parameters that meet every state, but not each other,
/// add one each.
#[test]
fn sparse_patterns_share_directions() {
    let chosen = Chosen {
        inputs: 20,
        which: Which::Neighbours,
    };
    let (sparse, pairs) = chosen.check(&[], &Sparsity::Traced);
    // 19 neighbours and the square at the end.
    assert_eq!(pairs.len(), 20);
    assert!(sparse.0.colors <= 4, "{}", sparse.0.colors);
    let (dense, pairs) = chosen.check(&[], &Sparsity::Dense);
    assert_eq!((dense.0.colors, pairs.len()), (20, 210));
    let (sparse, pairs) = chosen.check(&[1, 0], &Sparsity::Traced);
    // Every state meets its own products' parameters.
    let of_parameters = pairs.iter().filter(|(a, _)| *a >= 20).count();
    assert_eq!((of_parameters, pairs.len()), (2 * 20 - 1, 2 * 20 - 1 + 20));
    assert!(sparse.0.colors <= 6, "{}", sparse.0.colors);
    let (dense, _) = chosen.check(&[0, 1], &Sparsity::Dense);
    assert_eq!(dense.0.colors, 22);
}

/// Each of `n` results depends on all inputs: through a sum over pairs, as of coupled
/// oscillators, or nonlinearly on a sum that is added up term by term.
struct AllToAll {
    n: usize,
    pairs: bool,
}

impl Generic for AllToAll {
    fn inputs(&self) -> usize {
        self.n
    }
    fn outputs(&self) -> usize {
        self.n
    }
    fn call<S: Scalar>(&self, x: &[S], _theta: &[S], _scratch: &mut Vec<S>, out: &mut [S]) {
        for (i, slot) in out.iter_mut().enumerate() {
            let mut sum = S::zero();
            for (j, &other) in x.iter().enumerate() {
                sum += match self.pairs {
                    true => (other - x[i]).sin(),
                    false => other * (1.0 + (i * j) as f64),
                };
            }
            *slot = if self.pairs { sum } else { sum.tanh() };
        }
    }
}

/// A set of all variables takes n/8 bytes. What operations depend on is held for the
/// results and the variables at most, what variables meet for the variables: n sets
/// each, where a list for each operation would take n³ numbers.
#[test]
fn all_to_all_takes_memory_for_pairs_only() {
    let n = 320;
    for pairs in [true, false] {
        let f = AllToAll { n, pairs };
        let x: Vec<f64> = (0..n).map(|i| 0.01 * i as f64).collect();
        record(&f, (&x, &[]), &[], &mut Arguments::default());
        let mut meets = vec![Set::default(); n];
        let held = tape::read(|operations| interactions(operations, n, &mut meets));
        assert!(held <= (n + 1) * (n / 8 + 64), "{pairs}: {held}");
        let bytes: usize = meets.iter().map(Set::bytes).sum();
        assert!(bytes <= n * (n / 8 + 8), "{pairs}: {bytes}");
        let met: usize = meets.iter().map(|set| set.members().len()).sum();
        assert_eq!(met, n * n, "{pairs}");
    }
}

/// Infinite and vanishing second derivatives beside others.
struct Edges;

impl Generic for Edges {
    fn inputs(&self) -> usize {
        5
    }
    fn outputs(&self) -> usize {
        3
    }
    fn call<S: Scalar>(&self, x: &[S], theta: &[S], _scratch: &mut Vec<S>, out: &mut [S]) {
        // A tank that runs dry, what it feeds, and a known input that is off.
        let off = S::from(0.0);
        out[0] = x[1] * x[2] - theta[0] * x[0].sqrt() + (off * x[3]).sqrt();
        // A branch not taken, and a result that nobody weighs.
        out[1] = x[4].sqrt().max(S::from(1.0)) * x[1] + x[4] * x[3];
        out[2] = x[3].ln();
    }
}

#[test]
fn an_infinite_second_derivative_stays_where_it_is() {
    let (x, theta, free) = ([0.0, 2.0, 3.0, 0.0, 0.0], [5.0], [0]);
    let (pattern, traced) = find_pattern(&Edges, 1, &free, &Sparsity::Dense);
    let directions = Directions::new(&Edges, 1, &free, traced, &pattern);
    let mut found = Array2::<f64>::zeros((6, 6));
    let (at, weights) = (((&x[..], &theta[..]), &free[..]), [2.0, 3.0, 0.0]);
    directions.contract(&Edges, at, &weights, &mut Memory::default(), |a, b, v| {
        found[(a, b)] += v;
    });
    let inf = f64::INFINITY;
    for a in 0..6 {
        for b in 0..=a {
            let expected = match (a, b) {
                // −2 θ √x has −2 θ · (−¼) x^(−3/2) = ∞.
                (0, 0) => inf,
                (2, 1) => 2.0,
                (4, 3) => 3.0,
                (5, 0) => -inf,
                _ => 0.0,
            };
            assert_eq!(found[(a, b)], expected, "({a}, {b})");
        }
    }
}
