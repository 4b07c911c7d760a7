//! Lorenz-63 at two rates and irregular times: xy and z often and with
//! correlated errors, x seldom, some of them missing. The reference is a dense
//! Gauss-Newton method on all unknowns, with residuals written out from the
//! definitions.

use crate::fixtures::Noise;
use crate::fixtures::dense::solve_vector;
use crate::fixtures::watched::{gauss_newton, lbfgs, minimum};
use deepest::models::Lorenz63;
use deepest::prelude::*;
use deepest::{Dual, Path, Rule};
use ndarray::{Array1, Array2, array};

const FAST: usize = 17;
const SIGMA: f64 = 10.0;
const RHO: f64 = 28.0;
const BETA: f64 = 8.0 / 3.0;
const RF: f64 = 20.0;
/// R_m of (xy, z), and of x.
const PRECISION: [[f64; 2]; 2] = [[0.01, 0.02], [0.02, 1.5]];
const SLOW: f64 = 4.0;

/// xy and z.
struct Fast;

impl Observe for Fast {
    fn len(&self, _k: usize) -> usize {
        2
    }
    fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
        out[0] = x[0] * x[1];
        out[1] = x[2];
    }
}

fn field<S: Scalar>(x: &[S], rho: S) -> [S; 3] {
    [
        (x[1] - x[0]) * SIGMA,
        x[0] * (rho - x[2]) - x[1],
        x[0] * x[1] - x[2] * BETA,
    ]
}

struct Data {
    /// Times of the fast values; the grid has one layer between each two.
    times: Vec<f64>,
    grid: Vec<f64>,
    fast: Vec<Vec<f64>>,
    /// Place among the fast times, and value.
    slow: Vec<(usize, f64)>,
    truth: Vec<[f64; 3]>,
}

/// The state after a time, by small steps of Heun's method.
fn flow(mut x: [f64; 3], time: f64) -> [f64; 3] {
    let h = time / 400.0;
    for _ in 0..400 {
        let a = field(&x, RHO);
        let there: [f64; 3] = std::array::from_fn(|i| x[i] + h * a[i]);
        let b = field(&there, RHO);
        x = std::array::from_fn(|i| x[i] + 0.5 * h * (a[i] + b[i]));
    }
    x
}

fn data() -> Data {
    let mut noise = Noise(77);
    let mut times = vec![0.0];
    for k in 1..FAST {
        times.push(times[k - 1] + 0.06 + 0.025 * noise.next());
    }
    let mut grid = vec![0.0];
    for pair in times.windows(2) {
        grid.push(pair[0] + 0.5 * (pair[1] - pair[0]));
        grid.push(pair[1]);
    }
    let mut truth = vec![flow([1.0, 2.0, 20.0], 4.0)];
    for n in 1..grid.len() {
        truth.push(flow(truth[n - 1], grid[n] - grid[n - 1]));
    }
    let mut fast = Vec::new();
    let mut slow = Vec::new();
    for k in 0..FAST {
        let x = truth[2 * k];
        fast.push(vec![
            x[0] * x[1] + 10.0 * noise.next(),
            x[2] + 0.9 * noise.next(),
        ]);
        if k % 4 == 1 {
            slow.push((k, x[0] + 0.6 * noise.next()));
        }
    }
    fast[3] = vec![f64::NAN, f64::NAN];
    fast[6][0] = f64::NAN;
    fast[11][1] = f64::NAN;
    slow[2].1 = f64::NAN;
    Data {
        times,
        grid,
        fast,
        slow,
        truth,
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scheme {
    Trapezoid,
    SimpsonHermite,
}

impl Data {
    fn action<R: Rule<Lorenz63>>(&self, rule: R) -> Action {
        let [a, b] = PRECISION;
        let full = Precision::full(array![[a[0], a[1]], [b[0], b[1]]]).unwrap();
        let fast = Observations::of_operator(Fast, self.times.clone(), &self.fast, full);
        let times: Vec<f64> = self.slow.iter().map(|(k, _)| self.times[*k]).collect();
        let values = Array2::from_shape_fn((times.len(), 1), |(k, _)| self.slow[k].1);
        let precision = Precision::scalar(SLOW).unwrap();
        let slow = Observations::of_components(&[0], times, values, precision);
        let grid = Grid::from_times(&self.times, 2).unwrap();
        let window = Window::new(grid)
            .observations(fast.unwrap())
            .unwrap()
            .observations(slow.unwrap())
            .unwrap();
        Action::builder(Lorenz63, rule)
            .window(window)
            .parameter("sigma", Parameter::fixed(SIGMA))
            .parameter("rho", Parameter::estimated())
            .parameter("beta", Parameter::fixed(BETA))
            .build()
            .unwrap()
    }

    /// All residuals, each divided by its deviation: ½ of their squares is the
    /// action.
    fn residuals<S: Scalar>(&self, z: &[S], scheme: Scheme) -> Vec<S> {
        let mut all = Vec::new();
        let x = |n: usize| &z[3 * n..3 * n + 3];
        let rho = z[z.len() - 1];
        for (k, y) in self.fast.iter().enumerate() {
            let x = x(2 * k);
            let e = [x[0] * x[1] - y[0], x[2] - y[1]];
            let [[p, q], [_, r]] = PRECISION;
            match [y[0].is_nan(), y[1].is_nan()] {
                // eᵀPe = (√p e₀ + q/√p e₁)² + (r − q²/p) e₁².
                [false, false] => {
                    all.push(e[0] * p.sqrt() + e[1] * (q / p.sqrt()));
                    all.push(e[1] * (r - q * q / p).sqrt());
                }
                // One over the variance that P⁻¹ gives to the value alone.
                [false, true] => all.push(e[0] * (p - q * q / r).sqrt()),
                [true, false] => all.push(e[1] * (r - q * q / p).sqrt()),
                [true, true] => {}
            }
        }
        for &(k, y) in self.slow.iter().filter(|(_, y)| !y.is_nan()) {
            all.push((x(2 * k)[0] - y) * SLOW.sqrt());
        }
        let f = |n: usize| field(x(n), rho);
        for k in 0..FAST - 1 {
            let (t, n) = (&self.grid[2 * k..2 * k + 3], 2 * k);
            if scheme == Scheme::SimpsonHermite {
                let h = t[2] - t[0];
                let (a, b, c) = (f(n), f(n + 1), f(n + 2));
                for i in 0..3 {
                    let simpson = (a[i] + b[i] * 4.0 + c[i]) * (h / 6.0);
                    all.push((x(n + 2)[i] - x(n)[i] - simpson) * (RF / h).sqrt());
                    let hermite = (x(n)[i] + x(n + 2)[i]) * 0.5 + (a[i] - c[i]) * (h / 8.0);
                    all.push((x(n + 1)[i] - hermite) * (4.0 * RF / h).sqrt());
                }
            } else {
                for m in [n, n + 1] {
                    let h = self.grid[m + 1] - self.grid[m];
                    let (a, b) = (f(m), f(m + 1));
                    for i in 0..3 {
                        let g = x(m + 1)[i] - x(m)[i] - (a[i] + b[i]) * (0.5 * h);
                        all.push(g * (RF / h).sqrt());
                    }
                }
            }
        }
        all
    }

    /// Residuals and their Jacobian, eight columns at a time.
    fn linearized(&self, z: &[f64], scheme: Scheme) -> (Array1<f64>, Array2<f64>) {
        const LANES: usize = 8;
        let r = self.residuals(z, scheme);
        let mut jacobian = Array2::zeros((r.len(), z.len()));
        for first in (0..z.len()).step_by(LANES) {
            let duals: Vec<Dual<f64, LANES>> = z
                .iter()
                .enumerate()
                .map(|(i, &v)| Dual::variable(v, i.wrapping_sub(first)))
                .collect();
            for (row, result) in self.residuals(&duals, scheme).iter().enumerate() {
                for lane in 0..LANES.min(z.len() - first) {
                    jacobian[(row, first + lane)] = result.lanes[lane];
                }
            }
        }
        (r.into(), jacobian)
    }

    fn reference(&self, start: &[f64], scheme: Scheme) -> (f64, Vec<f64>) {
        let mut z = Array1::from(start.to_vec());
        let action = |z: &Array1<f64>| -> f64 {
            let r = self.residuals(z.as_slice().unwrap(), scheme);
            0.5 * r.iter().map(|r| r * r).sum::<f64>()
        };
        for _ in 0..300 {
            let (r, j) = self.linearized(z.as_slice().unwrap(), scheme);
            let step = solve_vector(&j.t().dot(&j), &-j.t().dot(&r));
            let mut factor = 1.0;
            let before = action(&z);
            while action(&(&z + &(&step * factor))) > before * (1.0 + 1e-14) && factor > 1e-4 {
                factor *= 0.5;
            }
            z += &(&step * factor);
            if step.dot(&step) <= 1e-26 * z.dot(&z) {
                return (action(&z), z.to_vec());
            }
        }
        panic!("the reference has not converged");
    }

    fn compare<R: Rule<Lorenz63>>(&self, rule: R, scheme: Scheme) {
        let action = self.action(rule);
        assert_eq!(action.precision_unit(), PrecisionUnit::PerTime);
        // 34 fast values less four missing, and 4 slow ones less one.
        assert_eq!(action.counts().measured, 34 - 4 + 4 - 1);
        let path = Path::from_layers(self.truth.iter().map(|x| x.map(|v| v + 0.3)));
        let start = Estimate::new(vec![path], [SIGMA, 26.0, BETA]);
        let begin = action.pack(&start).unwrap();
        let (expected, z) = self.reference(&begin, scheme);
        let size = z.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        // The point where both begin, before anything is solved.
        let first = self.residuals(&begin, scheme);
        let first = 0.5 * first.iter().map(|r| r * r).sum::<f64>();
        let found = action.terms(RF, &start).unwrap().total;
        assert!((found - first).abs() <= 1e-13 * first, "{scheme:?}");

        let level = minimum(&action, RF, start.clone(), gauss_newton());
        let x = action.pack(&level.estimate).unwrap();
        let off = x
            .iter()
            .zip(&z)
            .fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off <= 1e-8 * size, "{scheme:?}: {off:e}");
        let action_off = (level.action.total - expected).abs();
        assert!(action_off <= 1e-10 * expected, "{scheme:?}");
        // Exact curvature near the minimum: a dozen steps, not hundreds.
        assert!(level.work.factorizations <= 30, "{:?}", level.work);

        // L-BFGS sees values only to rounding, the path to its root.
        let limited = minimum(&action, RF, start, lbfgs());
        assert!((limited.action.total - expected).abs() <= 1e-10 * expected);
        let x = action.pack(&limited.estimate).unwrap();
        let off = x
            .iter()
            .zip(&z)
            .fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
        assert!(off <= 1e-5 * size, "L-BFGS, {scheme:?}: {off:e}");
    }
}

#[test]
fn simpson_hermite_ends_at_the_dense_reference() {
    data().compare(SimpsonHermite, Scheme::SimpsonHermite);
}

#[test]
fn the_trapezoidal_rule_ends_at_the_dense_reference() {
    data().compare(Trapezoid, Scheme::Trapezoid);
}
