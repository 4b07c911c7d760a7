//! The short formulas against dense matrices.
#![allow(clippy::unwrap_used)]

use super::bounds::Bounds;
use super::cauchy::{Place, cauchy_point};
use super::compact::{Compact, Grams};
use super::pairs::Pairs;
use super::subspace::subspace_step;
use super::vectors::dot;
use crate::linalg::LinearSystem;

const N: usize = 13;
/// Rounding of a few hundred operations on numbers near 1, condition < 1e4.
const CLOSE: f64 = 1e-9;

/// Numbers in −1..1 (a linear congruential generator).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn vector(&mut self) -> Vec<f64> {
        (0..N).map(|_| self.next()).collect()
    }
}

/// Pairs of a quadratic with a few noisy entries, more than the memory takes.
fn some_pairs(numbers: &mut Numbers, memory: usize, count: usize) -> Pairs {
    let mut pairs = Pairs::new(N, memory);
    for _ in 0..count {
        let s = numbers.vector();
        let y: Vec<f64> = s
            .iter()
            .enumerate()
            .map(|(i, s)| (1.0 + i as f64) * s + 0.1 * numbers.next())
            .collect();
        pairs.offer(-1e-3, |row_s, row_y| {
            row_s.copy_from_slice(&s);
            row_y.copy_from_slice(&y);
        });
    }
    pairs
}

/// B by the BFGS formula, pair after pair, from θ I.
fn dense(pairs: &Pairs) -> Vec<Vec<f64>> {
    let unit = |i, j| if i == j { pairs.theta() } else { 0.0 };
    let mut b: Vec<Vec<f64>> = (0..N)
        .map(|i| (0..N).map(|j| unit(i, j)).collect())
        .collect();
    for &row in pairs.order() {
        let (s, y) = (pairs.step(row), pairs.change(row));
        let bs: Vec<f64> = b.iter().map(|r| dot(r, s)).collect();
        let (sbs, sy) = (dot(s, &bs), dot(s, y));
        for i in 0..N {
            for j in 0..N {
                b[i][j] += y[i] * y[j] / sy - bs[i] * bs[j] / sbs;
            }
        }
    }
    b
}

/// Solves B_FF z = r over the listed unknowns.
fn solve(b: &[Vec<f64>], list: &[usize], r: &[f64]) -> Vec<f64> {
    let matrix = list
        .iter()
        .flat_map(|&i| list.iter().map(move |&j| b[i][j]))
        .collect();
    LinearSystem::factor(list.len(), matrix).unwrap().solve(r)
}

fn assert_close(a: &[f64], b: &[f64]) {
    let size = b.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= CLOSE * size, "{a} against {b}");
    }
}

#[test]
fn the_two_loop_recursion_inverts_the_bfgs_matrix() {
    let mut numbers = Numbers(1);
    for count in 0..8 {
        let mut pairs = some_pairs(&mut numbers, 5, count);
        let g = numbers.vector();
        let mut out = vec![0.0; N];
        let product = pairs.apply_inverse(&g, &mut out);
        let all: Vec<usize> = (0..N).collect();
        assert_close(&out, &solve(&dense(&pairs), &all, &g));
        assert!((product - dot(&g, &out)).abs() <= CLOSE * product);
    }
}

#[test]
fn the_compact_form_is_the_bfgs_matrix() {
    let mut numbers = Numbers(2);
    for count in 0..8 {
        let pairs = some_pairs(&mut numbers, 5, count);
        let compact = Compact::of(&pairs, &mut Grams::new(N, &[2, 3, 11])).unwrap();
        let v = numbers.vector();
        let w = compact.middle_times(&compact.columns_times(&pairs, &v));
        let mut product: Vec<f64> = v.iter().map(|v| compact.theta * v).collect();
        compact.add_columns(&pairs, &w, -compact.theta, &mut product);
        let expected: Vec<f64> = dense(&pairs).iter().map(|r| dot(r, &v)).collect();
        assert_close(&product, &expected);
    }
}

/// A place with random bounds on every other unknown, some of them holding.
struct Scene {
    pairs: Pairs,
    x: Vec<f64>,
    gradient: Vec<f64>,
    scales: Vec<f64>,
    bounds: Bounds,
}

impl Scene {
    fn new(numbers: &mut Numbers, count: usize, room: f64) -> Self {
        let (mut lower, mut upper) = (vec![f64::NEG_INFINITY; N], vec![f64::INFINITY; N]);
        let x = numbers.vector();
        for i in (0..N).step_by(2) {
            lower[i] = x[i] - room * numbers.next().max(0.0);
            upper[i] = x[i] + room * numbers.next().max(0.0);
        }
        Scene {
            pairs: some_pairs(numbers, 5, count),
            gradient: numbers.vector(),
            scales: (0..N).map(|i| 2.0_f64.powi(i as i32 - 6)).collect(),
            bounds: Bounds::new(&lower, &upper),
            x,
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            x: &self.x,
            gradient: &self.gradient,
            bounds: &self.bounds,
            scales: &self.scales,
            pairs: &self.pairs,
        }
    }

    /// Scaled displacement after a time on the projected steepest descent.
    fn path(&self, time: f64) -> Vec<f64> {
        let place = self.place();
        let mut z: Vec<f64> = self.gradient.iter().map(|g| -time * g).collect();
        for (k, &i) in self.bounds.index.iter().enumerate() {
            let limit = place.distance(k);
            z[i] = if self.gradient[i] > 0.0 {
                z[i].max(limit)
            } else {
                z[i].min(limit)
            };
        }
        z
    }
}

#[test]
fn the_cauchy_point_is_the_first_minimum_on_the_projected_path() {
    let mut numbers = Numbers(3);
    for trial in 0..60 {
        let scene = Scene::new(&mut numbers, trial % 8, [0.5, 5.0, 50.0][trial % 3]);
        let (b, place) = (dense(&scene.pairs), scene.place());
        let model = |z: &[f64]| {
            let bz: Vec<f64> = b.iter().map(|r| dot(r, z)).collect();
            dot(&scene.gradient, z) + 0.5 * dot(z, &bz)
        };
        let compact = Compact::of(&scene.pairs, &mut Grams::new(N, &scene.bounds.index)).unwrap();
        let cauchy = cauchy_point(&place, &compact, &mut [0.0; N]);
        let at = |time: f64| model(&scene.path(time));
        let steps = 200;
        for k in 0..steps {
            let (t, next) = (k as f64 / steps as f64, (k + 1) as f64 / steps as f64);
            assert!(
                at(t * cauchy.time) >= at(next * cauchy.time) - 1e-12,
                "trial {trial}"
            );
        }
        // Just beyond, the model rises, unless the path has come to its end.
        assert!(at(1.001 * cauchy.time) >= at(cauchy.time) - 1e-12);
        let moved = scene.path(cauchy.time);
        assert_close(
            &cauchy.coefficients,
            &compact.columns_times(&scene.pairs, &moved),
        );
    }
}

#[test]
fn the_subspace_step_minimizes_the_model_over_the_free_unknowns() {
    let mut numbers = Numbers(4);
    let mut compared = 0;
    for trial in 0..60 {
        let scene = Scene::new(&mut numbers, trial % 8, [0.5, 5.0, 50.0][trial % 3]);
        let (b, place) = (dense(&scene.pairs), scene.place());
        let mut grams = Grams::new(N, &scene.bounds.index);
        let compact = Compact::of(&scene.pairs, &mut grams).unwrap();
        let cauchy = cauchy_point(&place, &compact, &mut [0.0; N]);
        let mut step = vec![0.0; N];
        subspace_step(&place, &compact, &mut grams, &cauchy, &mut step).unwrap();
        assert!(dot(&step, &scene.gradient) < 0.0);

        let mut expected = vec![0.0; N];
        let index = &scene.bounds.index;
        for k in (0..index.len()).filter(|&k| cauchy.fixed[k]) {
            expected[index[k]] = place.distance(k);
        }
        let is_fixed = |i: &usize| {
            index
                .iter()
                .position(|j| j == i)
                .is_some_and(|k| cauchy.fixed[k])
        };
        let free: Vec<usize> = (0..N).filter(|i| !is_fixed(i)).collect();
        let right: Vec<f64> = free
            .iter()
            .map(|&i| -scene.gradient[i] - dot(&b[i], &expected))
            .collect();
        for (&i, z) in free.iter().zip(solve(&b, &free, &right)) {
            expected[i] = z;
        }
        let mut outside = 0;
        for (k, &i) in index.iter().enumerate() {
            let (low, high) = (scene.room(k, -1.0), scene.room(k, 1.0));
            outside += usize::from(expected[i] < low || expected[i] > high);
            expected[i] = expected[i].max(low).min(high);
        }
        // The projection stands unless it would go up.
        if outside == 0 || dot(&expected, &scene.gradient) < 0.0 {
            assert_close(&step, &expected);
            compared += 1;
        }
    }
    assert!(compared >= 40);
}

impl Scene {
    /// Scaled way to the bound of one side.
    fn room(&self, k: usize, side: f64) -> f64 {
        let i = self.bounds.index[k];
        (self.bounds.ahead(k, side) - self.x[i]) / self.scales[i]
    }
}

/// At its bound, a step of 1e-19 outwards adds to nothing: no step inside.
#[test]
fn a_step_lost_in_rounding_leaves_the_bound_all_the_same() {
    let bounds = Bounds::new(&[0.0, 1.0], &[1.0, 9.0]);
    let x = [0.5, 9.0];
    assert!(!bounds.contain(&x, &[0.1, 1e-19]));
    assert!(bounds.contain(&x, &[0.1, -1e-19]));
    assert!(bounds.contain(&x, &[0.5, 0.0]));
}
