//! The Karush-Kuhn-Tucker conditions and the number of multiplications.

use super::*;
use proptest::prelude::*;

proptest! {
    /// The Karush-Kuhn-Tucker conditions are the oracle.
    #[test]
    fn the_solution_satisfies_kkt(
        n in 1_usize..7,
        seeds in proptest::collection::vec(-1.0_f64..1.0, 7 * 7 + 21),
    ) {
        let g = |i: usize, j: usize| seeds[i * 7 + j];
        let s: Vec<f64> = (0..n * n)
            .map(|e| {
                let (i, j) = (e % n, e / n);
                let gram: f64 = (0..n).map(|k| g(i, k) * g(j, k)).sum();
                gram + if i == j { 0.1 } else { 0.0 }
            })
            .collect();
        let r: Vec<f64> = (0..n).map(|i| 3.0 * seeds[49 + i]).collect();
        let lower: Vec<f64> = (0..n).map(|i| -seeds[56 + i].abs()).collect();
        let upper: Vec<f64> = (0..n).map(|i| seeds[63 + i].abs()).collect();
        let mut z = vec![0.0; n];
        let work = solve_box((&s, n), &r, (&lower, &upper), &mut z).unwrap();
        let mut expected_work = 0.0;
        for i in 0..n {
            let mu: f64 = (0..n).map(|j| s[i + j * n] * z[j]).sum::<f64>() - r[i];
            expected_work += mu * z[i];
            prop_assert!(lower[i] <= z[i] && z[i] <= upper[i]);
            if z[i] > lower[i] { prop_assert!(mu < 1e-9); }
            if z[i] < upper[i] { prop_assert!(mu > -1e-9); }
        }
        prop_assert!((work - expected_work).abs() < 1e-9);
    }
}

#[test]
fn curvature_across_an_active_bound_does_not_matter() {
    // ½(z₀² − 4z₁²) + z₀z₁ with z₁ pushed against its upper bound 0: the
    // minimum over z₀ alone, 2.
    let s = [1.0, 1.0, 0.0, -4.0];
    let (lower, upper) = ([-5.0, -5.0], [5.0, 0.0]);
    let mut z = [0.0; 2];
    let solved = solve_box((&s, 2), &[2.0, 9.0], (&lower, &upper), &mut z);
    assert_eq!((solved.unwrap(), z), (0.0, [2.0, 0.0]));
    // Pulled inside, the negative curvature counts.
    let solved = solve_box((&s, 2), &[2.0, -9.0], (&lower, &upper), &mut z);
    assert!(solved.unwrap_err().pivot < 0.0);
}

/// A quadratic with its memory.
struct Example {
    matrix: Vec<f64>,
    force: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    shared: usize,
    own: usize,
}

/// Uniform numbers from −1 to 1 (a linear congruence by D. E. Knuth).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        let factor = 6_364_136_223_846_793_005_u64;
        self.0 = self.0.wrapping_mul(factor).wrapping_add(1);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

impl Example {
    /// The normal equations of rows · z = values, in which a row has the entries
    /// `design`(row, unknown), with `ridge` of each diagonal entry added.
    fn new(
        (rows, n): (usize, usize),
        ridge: f64,
        range: (f64, f64),
        mut design: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let mut numbers = Numbers(rows as u64);
        let truth: Vec<f64> = (0..n).map(|_| 2.0 * numbers.next()).collect();
        let (mut matrix, mut force) = (vec![0.0; n * n], vec![0.0; n]);
        for row in 0..rows {
            let entries: Vec<f64> = (0..n).map(|j| design(row, j)).collect();
            let value = dot(&entries, &truth) + 0.3 * numbers.next();
            for j in 0..n {
                force[j] += entries[j] * value;
                for i in j..n {
                    matrix[i + j * n] += entries[i] * entries[j];
                }
            }
        }
        for j in 0..n {
            matrix[j + j * n] *= 1.0 + ridge;
        }
        Self {
            matrix,
            force,
            lower: vec![range.0; n],
            upper: vec![range.1; n],
            shared: n,
            own: 0,
        }
    }

    fn quadratic(&self) -> BoxQuadratic<'_> {
        BoxQuadratic {
            matrix: &self.matrix,
            ld: self.force.len(),
            force: &self.force,
            lower: &self.lower,
            upper: &self.upper,
            shared: self.shared,
            own: self.own,
        }
    }

    fn order(&self) -> usize {
        self.force.len()
    }

    fn entry(&self, i: usize, j: usize) -> f64 {
        self.matrix[i.max(j) + i.min(j) * self.order()]
    }

    fn slope(&self, z: &[f64]) -> Vec<f64> {
        let row = |i: usize| (0..z.len()).map(move |j| self.entry(i, j) * z[j]);
        (0..z.len())
            .map(|i| row(i).sum::<f64>() - self.force[i])
            .collect()
    }

    fn value(&self, z: &[f64]) -> f64 {
        let slope = self.slope(z);
        (0..z.len())
            .map(|i| 0.5 * (slope[i] - self.force[i]) * z[i])
            .sum()
    }

    /// Minimizes, checks what always holds, and the Karush-Kuhn-Tucker conditions where
    /// it says that it came to the minimum: slopes are known to the rounding of sums of
    /// n products, times what the conditioning of the factor adds (`digits`).
    fn check(&self, digits: f64, name: &str) -> (BoxMinimum, Vec<f64>) {
        let n = self.order();
        let mut z = vec![0.0; n];
        let found = self.quadratic().minimize(None, &mut z).expect(name);
        assert!(self.quadratic().contains(&z), "{name}");
        assert!(self.value(&z) <= 0.0, "{name}");
        let slope = self.slope(&z);
        let work: f64 = dot(&slope, &z);
        let size = self.force.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
        let most = size * digits;
        assert!((found.work - work).abs() <= most * n as f64, "{name}");
        if found.complete {
            for i in 0..n {
                let (low, high) = (z[i] > self.lower[i], z[i] < self.upper[i]);
                assert!(!low || slope[i] <= most, "{name}, {i}: {:e}", slope[i]);
                assert!(!high || slope[i] >= -most, "{name}, {i}: {:e}", slope[i]);
            }
        }
        // Three factorizations, or what takes a millisecond.
        let whole = (n as f64).powi(3) / 6.0;
        assert!(
            found.operations <= (3.0 * whole).max(4e6),
            "{name}: {found:?}"
        );
        (found, z)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Every way that bounds can act: none, on one side, tight, loose; and designs of
/// which most unknowns hardly differ.
#[test]
fn many_bounds_are_met_and_left_at_once() {
    let ranges = [
        (0.0, f64::INFINITY),
        (f64::NEG_INFINITY, 0.0),
        (-0.5, 0.5),
        (-1.5, 1.5),
        (-9.0, 9.0),
        (f64::NEG_INFINITY, f64::INFINITY),
    ];
    for n in [33, 60, 150] {
        for range in ranges {
            let mut numbers = Numbers(n as u64);
            let random = Example::new((2 * n, n), 0.0, range, |_, _| numbers.next());
            let (found, _) = random.check(1e-10, &format!("random, {n}, {range:?}"));
            assert!(found.complete, "random, {n}, {range:?}: {found:?}");
            let mut numbers = Numbers(n as u64);
            let few = Example::new((n / 2, n), 1e-6, range, |_, _| numbers.next());
            few.check(1e-7, &format!("few values, {n}, {range:?}"));
            let smooth = |k: usize, j: usize| {
                let apart = k as f64 / (2 * n) as f64 - j as f64 / n as f64;
                (-200.0 * apart * apart).exp()
            };
            let smooth = Example::new((2 * n, n), 1e-6, range, smooth);
            smooth.check(1e-7, &format!("smooth, {n}, {range:?}"));
            let sums = |k: usize, j: usize| if j <= k / 2 { 1.0 } else { 0.0 };
            let sums = Example::new((2 * n, n), 0.0, range, sums);
            sums.check(1e-8, &format!("sums, {n}, {range:?}"));
        }
    }
}

/// Where the work allowed does not do, the point at hand is lower and within the bounds,
/// and says that it is not the minimum; from there on it goes further.
#[test]
fn what_takes_too_long_is_cut_and_goes_on() {
    let n = 330;
    let smooth = |k: usize, j: usize| {
        let apart = k as f64 / (2 * n) as f64 - j as f64 / n as f64;
        (-2000.0 * apart * apart).exp()
    };
    let mut example = Example::new((2 * n, n), 1e-4, (-0.7, 0.7), smooth);
    let (mut rounds, mut value) = (0, 0.0);
    loop {
        let (found, z) = example.check(1e-7, "smooth");
        let gain = -example.value(&z);
        rounds += 1;
        // The next round begins where this one ended, as a Newton step does.
        example.force = example.slope(&z).iter().map(|slope| -slope).collect();
        for (i, z) in z.iter().enumerate() {
            example.lower[i] -= z;
            example.upper[i] -= z;
        }
        value += gain;
        if found.complete {
            break;
        }
        assert!(gain > 0.0, "{rounds}: no gain");
        assert!(rounds < 100, "{found:?}");
    }
    assert!(value > 0.0);
}

/// Blocks that meet shared unknowns only are the same quadratic as the whole matrix,
/// and cost a small part of it.
#[test]
fn blocks_are_solved_apart() {
    for (shared, own, blocks) in [(0, 2, 60), (3, 2, 40), (40, 1, 50), (5, 7, 10)] {
        let n = shared + own * blocks;
        let mut numbers = Numbers(7);
        let meets = |row: usize, j: usize| j < shared || (j - shared) / own == row % blocks;
        let mut example = Example::new((20 * blocks, n), 0.0, (-0.6, 1.1), |row, j| {
            let number = numbers.next();
            if meets(row, j) { number } else { 0.0 }
        });
        let name = format!("{shared} and {blocks} times {own}");
        let (whole, dense) = example.check(1e-10, &name);
        (example.shared, example.own) = (shared, own);
        let (apart, blockwise) = example.check(1e-10, &name);
        assert!(whole.complete && apart.complete, "{name}");
        for (a, b) in dense.iter().zip(&blockwise) {
            assert!((a - b).abs() < 1e-9, "{name}: {a}, {b}");
        }
        let all: Vec<usize> = (0..n).collect();
        let cost = example.quadratic().cost(&all);
        let (o, s) = (own as f64, shared as f64);
        let of_block = o.powi(3) / 6.0 + 0.5 * o * o * s + 0.5 * o * s * s;
        assert!((cost - blocks as f64 * of_block - s.powi(3) / 6.0).abs() <= 1e-9 * cost);
    }
}

/// A minimum without bounds that is known and inside costs no factorization more, and
/// one that is outside is the first face.
#[test]
fn a_known_minimum_is_used() {
    let mut numbers = Numbers(3);
    let n = 50;
    let design = |_, _| numbers.next();
    let mut example = Example::new((2 * n, n), 0.0, (f64::NEG_INFINITY, f64::INFINITY), design);
    let (first, free) = example.check(1e-10, "free");
    let whole = (n as f64).powi(3) / 6.0;
    assert!((first.operations - whole).abs() <= 1e-9 * whole);
    let mut z = vec![0.0; n];
    let known = example.quadratic().minimize(Some(&free), &mut z).unwrap();
    assert_eq!((known.operations, known.complete), (0.0, true));
    assert_eq!(z, free);
    example.upper.fill(0.8);
    let (from_zero, expected) = example.check(1e-10, "bounded");
    let found = example.quadratic().minimize(Some(&free), &mut z).unwrap();
    assert!(from_zero.complete && found.complete);
    assert!(found.operations <= from_zero.operations - 0.99 * whole);
    for (a, b) in z.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-9, "{a}, {b}");
    }
}

/// Negative curvature across bounds that are met does not matter; on free unknowns it
/// is told.
#[test]
fn many_unknowns_may_be_indefinite_where_they_are_held() {
    let mut numbers = Numbers(5);
    let n = 40;
    let mut example = Example::new((2 * n, n), 0.0, (-2.0, 2.0), |_, _| numbers.next());
    example.matrix[5 + 5 * n] = -1e3;
    (example.upper[5], example.force[5]) = (0.0, 1e6);
    let (found, z) = example.check(1e-10, "held");
    assert!(found.complete);
    assert_eq!(z[5], 0.0);
    example.force[5] = -1e6;
    let solved = example.quadratic().minimize(None, &mut vec![0.0; n]);
    assert!(solved.unwrap_err().pivot < 0.0);
}
