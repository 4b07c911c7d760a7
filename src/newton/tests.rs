//! Each strategy on matrices handed to it, against elimination written out plainly.
#![allow(clippy::unwrap_used)]

use ndarray::{Array1, Array2};

use super::*;
use crate::linalg::{Backend, ChainShape, Front};

/// Uniform numbers in (−1, 1) (Knuth's MMIX generator).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }
}

/// A⁻¹b and ln det A by Gauss-Jordan elimination with partial pivoting.
fn eliminate(a: &Array2<f64>, b: &[f64]) -> (Vec<f64>, f64) {
    let n = b.len();
    let (mut a, mut b, mut ln) = (a.clone(), b.to_vec(), 0.0);
    for k in 0..n {
        let larger = |i: &usize, j: &usize| a[(*i, k)].abs().total_cmp(&a[(*j, k)].abs());
        let pivot = (k..n).max_by(larger).unwrap();
        for j in 0..n {
            a.swap((k, j), (pivot, j));
        }
        b.swap(k, pivot);
        ln += a[(k, k)].abs().ln();
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[(i, k)] / a[(k, k)];
            for j in 0..n {
                a[(i, j)] -= factor * a[(k, j)];
            }
            b[i] -= factor * b[k];
        }
    }
    ((0..n).map(|k| b[k] / a[(k, k)]).collect(), ln)
}

fn assert_close(found: &[f64], expected: &[f64], name: &str) {
    let size = expected.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-11 * size,
            "{name}: {found}, {expected}"
        );
    }
}

/// Chains of three nodes of two unknowns, one unknown inside each interval.
const CHAIN: usize = 8;

fn chain() -> ChainShape {
    ChainShape::uniform(3, 2, 1)
}

/// The unknowns of front k of a chain in their order, counted within the chain.
fn local(k: usize) -> Vec<usize> {
    let first = 3 * k;
    match k {
        2 => vec![first, first + 1],
        _ => vec![first + 2, first, first + 1, first + 3, first + 4],
    }
}

/// A group of chains of one dense matrix, whose entries it puts into the fronts.
struct Group<'a> {
    matrix: &'a Array2<f64>,
    /// Where its chains begin.
    chains: Vec<usize>,
    border: usize,
}

impl Assemble for Group<'_> {
    fn assemble(&mut self, c: usize, k: usize, front: &mut Front<'_>) {
        let first = self.chains[c];
        let n = self.matrix.nrows();
        let mut own: Vec<usize> = local(k).iter().map(|i| first + i).collect();
        let states = own.len();
        own.extend(self.border..n);
        for (a, &i) in own.iter().enumerate() {
            for (b, &j) in own[..=a].iter().enumerate() {
                // The right node's block comes with its own front, the border's once.
                let later = k < 2 && a < states && (3..5).contains(&a) && (3..5).contains(&b);
                let with_right = k < 2 && (3..5).contains(&b) && a >= states;
                let of_border = b >= states && (k > 0 || first > 0);
                if !later && !with_right && !of_border {
                    front.add(a, b, self.matrix[(i, j)]);
                }
            }
        }
    }
}

/// A positive definite matrix of so many chains with a border of three unknowns, which
/// is zero where chains do not meet.
fn arrow_matrix(chains: usize) -> Array2<f64> {
    let n = CHAIN * chains + 3;
    let mut noise = Noise(7);
    let mut matrix = Array2::zeros((n, n));
    let meet = |i: usize, j: usize| {
        let border = CHAIN * chains;
        if i >= border || j >= border {
            return true;
        }
        let same = i / CHAIN == j / CHAIN;
        same && (0..2).any(|k| local(k).contains(&(i % CHAIN)) && local(k).contains(&(j % CHAIN)))
    };
    for i in 0..n {
        for j in 0..i {
            if meet(i, j) {
                let value = 0.3 * noise.next();
                matrix[(i, j)] = value;
                matrix[(j, i)] = value;
            }
        }
        matrix[(i, i)] = 6.0 + noise.next();
    }
    matrix
}

/// The chains as one group, as two and as three.
fn groupings(matrix: &Array2<f64>) -> Vec<(Arrangement, Vec<Group<'_>>)> {
    let border = 3 * CHAIN;
    [vec![3], vec![1, 2], vec![1, 1, 1]]
        .into_iter()
        .map(|sizes| {
            let mut start = 0;
            let groups = sizes.iter().map(|&count| {
                let chains = (start..start + count).map(|c| c * CHAIN).collect();
                start += count;
                Group {
                    matrix,
                    chains,
                    border,
                }
            });
            let groups = groups.collect();
            let arrangement = Arrangement {
                groups: sizes.iter().map(|&count| vec![chain(); count]).collect(),
                first: border,
                border: 3,
                parts: (3, 0),
            };
            (arrangement, groups)
        })
        .collect()
}

const FREE: ([f64; 3], [f64; 3]) = ([f64::NEG_INFINITY; 3], [f64::INFINITY; 3]);

#[test]
fn arrows_solve_and_substitute_however_their_chains_are_grouped() {
    let matrix = arrow_matrix(3);
    let n = matrix.nrows();
    let (rhs, other) = (Noise(1).vector(n), Noise(2).vector(n));
    let added = [0.5, 0.0, 2.0];
    let mut whole = matrix.clone();
    for (k, value) in added.iter().enumerate() {
        whole[(3 * CHAIN + k, 3 * CHAIN + k)] += value;
    }
    for (arrangement, mut groups) in groupings(&matrix) {
        let name = format!("{} groups", groups.len());
        let mut arrows = Arrows::new(arrangement, Backend::Auto).unwrap();
        arrows.factor(&mut groups, &rhs, &added).unwrap();
        let mut found = vec![0.0; n];
        let within = arrows.solve((&FREE.0, &FREE.1), &mut found).unwrap();
        let (expected, determinant) = eliminate(&whole, &rhs);
        assert_close(&found, &expected, &name);
        assert!(within.complete && within.work == 0.0);
        let border = arrows.border_matrix().unwrap();
        let (_, of_border) = eliminate(&border, &[0.0; 3]);
        let sum = arrows.chains_log_determinant() + of_border;
        assert!(
            (sum - determinant).abs() < 1e-11 * determinant.abs(),
            "{name}"
        );
        arrows.substitute(&other, &vec![false; n]).unwrap();
        arrows.solve((&FREE.0, &FREE.1), &mut found).unwrap();
        assert_close(&found, &eliminate(&whole, &other).0, &name);
        // What is held has no right-hand side.
        let mut held = vec![false; n];
        held[5] = true;
        arrows.substitute(&other, &held).unwrap();
        arrows.solve((&FREE.0, &FREE.1), &mut found).unwrap();
        let mut without = other.clone();
        without[5] = 0.0;
        assert_close(&found, &eliminate(&whole, &without).0, &name);
    }
}

/// The border keeps its bounds, and the chains follow: with the border fixed where it
/// ended, they are the solution of their own equations.
#[test]
fn the_border_keeps_its_bounds() {
    let matrix = arrow_matrix(3);
    let (n, border) = (matrix.nrows(), 3 * CHAIN);
    let rhs: Vec<f64> = Noise(1).vector(n).iter().map(|v| 10.0 * v).collect();
    let (free, _) = eliminate(&matrix, &rhs);
    let lower: Vec<f64> = free[border..].iter().map(|v| -0.5 * v.abs()).collect();
    let upper: Vec<f64> = lower.iter().map(|v| -v).collect();
    for (arrangement, mut groups) in groupings(&matrix) {
        let mut arrows = Arrows::new(arrangement, Backend::Plain).unwrap();
        arrows.factor(&mut groups, &rhs, &[]).unwrap();
        let mut found = vec![0.0; n];
        arrows.solve((&lower, &upper), &mut found).unwrap();
        let x = Array1::from(found.clone());
        let residual = matrix.dot(&x) - Array1::from(rhs.clone());
        for i in 0..border {
            assert!(residual[i].abs() < 1e-11, "{i}: {}", residual[i]);
        }
        for k in 0..3 {
            let (v, pull) = (found[border + k], -residual[border + k]);
            let inside = lower[k] < v && v < upper[k];
            assert!(lower[k] <= v && v <= upper[k]);
            assert!(
                inside || (v == lower[k]) == (pull < 0.0),
                "{k}: {v}, {pull}"
            );
            assert!(!inside || pull.abs() < 1e-11, "{k}: {pull}");
        }
    }
}

#[test]
fn a_pivot_that_is_not_positive_is_named() {
    let mut matrix = arrow_matrix(3);
    matrix[(CHAIN + 2, CHAIN + 2)] = -3.0;
    let rhs = vec![1.0; matrix.nrows()];
    for (arrangement, mut groups) in groupings(&matrix) {
        let mut arrows = Arrows::new(arrangement, Backend::Auto).unwrap();
        let bad = arrows.factor(&mut groups, &rhs, &[]).unwrap_err();
        assert_eq!(bad.pivot, -3.0);
    }
}

/// (D + damping S⁻² + GᵀRG) s = −g.
#[test]
fn the_residual_space_gives_the_step_in_all_unknowns() {
    let (unknowns, residuals) = (9, 4);
    let mut noise = Noise(5);
    // Groups of columns that share rows, narrow and wide, and one without any.
    let columns: Vec<Vec<usize>> = vec![
        vec![0, 1, 2, 3, 4, 5],
        vec![0, 1, 2, 3, 4, 6],
        vec![5, 6],
        vec![7],
    ];
    let mut space = ResidualSpace::new(&columns, unknowns);
    let mut jacobian = Array2::zeros((residuals, unknowns));
    let mut entry = 0;
    for (i, row) in columns.iter().enumerate() {
        for &column in row {
            let value = noise.next();
            jacobian[(i, column)] = value;
            space.values[entry] = value;
            entry += 1;
        }
    }
    let precision: Vec<f64> = (0..residuals).map(|i| 1.0 + i as f64).collect();
    space.precision.copy_from_slice(&precision);
    let diagonal: Vec<f64> = (0..unknowns).map(|i| 0.5 + 0.1 * i as f64).collect();
    let scales: Vec<f64> = (0..unknowns).map(|i| 1.0 + 0.2 * i as f64).collect();
    let damping = 0.7;
    space.set_diagonal(&diagonal, damping, &scales);
    space.factor().unwrap();
    let gradient = noise.vector(unknowns);
    let mut step = vec![0.0; unknowns];
    let stepped = space.solve(&gradient, &mut step).unwrap();
    let weights = Array2::from_diag(&Array1::from(precision));
    let undamped =
        jacobian.t().dot(&weights).dot(&jacobian) + Array2::from_diag(&Array1::from(diagonal));
    let mut damped = undamped.clone();
    for (k, scale) in scales.iter().enumerate() {
        damped[(k, k)] += damping / (scale * scale);
    }
    let rhs: Vec<f64> = gradient.iter().map(|g| -g).collect();
    assert_close(&step, &eliminate(&damped, &rhs).0, "step");
    // −gᵀs − ½sᵀHs.
    let s = Array1::from(step);
    let decrease = -Array1::from(gradient).dot(&s) - 0.5 * s.dot(&undamped.dot(&s));
    assert!((stepped.predicted_decrease - decrease).abs() < 1e-12);
}

/// What is left is r − S p, and small; without curvature nothing is done.
#[test]
fn conjugate_gradients_leave_what_they_say() {
    let n = 12;
    let mut noise = Noise(9);
    let root = Array2::from_shape_fn((n, n), |_| noise.next());
    let matrix = root.t().dot(&root) + Array2::<f64>::eye(n);
    let rhs = noise.vector(n);
    let diagonal = matrix.diag().to_vec();
    let multiply = |v: &[f64], out: &mut [f64]| {
        out.copy_from_slice(matrix.dot(&Array1::from(v.to_vec())).as_slice().unwrap());
        Ok(())
    };
    let mut p = vec![f64::NAN; n];
    let left = conjugate_gradients(multiply, &diagonal, rhs.clone(), &mut p).unwrap();
    let image = matrix.dot(&Array1::from(p.clone()));
    for k in 0..n {
        assert!((rhs[k] - image[k] - left[k]).abs() < 1e-12);
    }
    let size = |v: &[f64]| -> f64 { v.iter().zip(&diagonal).map(|(v, d)| v * v / d).sum() };
    assert!(size(&left) <= 0.03 * 0.03 * size(&rhs), "{}", size(&left));
    let none = |_: &[f64], out: &mut [f64]| {
        out.fill(0.0);
        Ok(())
    };
    let left = conjugate_gradients(none, &diagonal, rhs.clone(), &mut p).unwrap();
    assert!(left == rhs && p.iter().all(|v| *v == 0.0));
    let nan = |_: &[f64], out: &mut [f64]| {
        out.fill(f64::NAN);
        Ok(())
    };
    assert!(conjugate_gradients(nan, &diagonal, rhs, &mut p).is_err());
}
