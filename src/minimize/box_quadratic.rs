//! A small dense quadratic with bounds: the border of a Newton step.

use super::Indefinite;

/// Minimizes ½ zᵀSz − rᵀz over `lower` ≤ z ≤ `upper`, S symmetric (lower
/// triangle, column-major with leading dimension `ld`), with 0 inside the
/// bounds. Writes the minimum to `z` and returns μᵀz with the multipliers
/// μ = Sz − r.
///
/// Primal active set: from zero, minimize on the free unknowns, go as far as
/// the first bound, hold it; release the bound whose multiplier has the wrong
/// sign most. Each minimum over a free set lowers the value, so no set comes
/// twice. S needs to be positive definite on the free sets only: what stands
/// at a bound and is pushed out has no say.
///
/// # Errors
/// [`Indefinite`] where S is not positive definite on a free set.
pub(crate) fn solve_box(
    (s, ld): (&[f64], usize),
    r: &[f64],
    (lower, upper): (&[f64], &[f64]),
    z: &mut [f64],
) -> Result<f64, Indefinite> {
    let n = r.len();
    let entry = |i: usize, j: usize| s[i.max(j) + i.min(j) * ld];
    let residual = |z: &[f64], i: usize| (0..n).map(|j| entry(i, j) * z[j]).sum::<f64>() - r[i];
    z.fill(0.0);
    let mut held: Vec<bool> = (0..n)
        .map(|i| pushed_out(r[i], lower[i], upper[i]))
        .collect();
    // Each unknown is held or released a few times in practice.
    for _ in 0..20 * (n + 1) {
        let free: Vec<usize> = (0..n).filter(|&i| !held[i]).collect();
        let target = minimum_on(&free, &entry, r, z)?;
        let (reach, blocking) = reach(&free, z, &target, lower, upper);
        for (&i, &t) in free.iter().zip(&target) {
            z[i] += reach * (t - z[i]);
        }
        if let Some(i) = blocking {
            z[i] = if target[free.iter().position(|&f| f == i).unwrap_or(0)] < z[i] {
                lower[i]
            } else {
                upper[i]
            };
            held[i] = true;
            continue;
        }
        match wrong_multiplier(&held, &residual, z, (lower, upper), r) {
            Some(i) => held[i] = false,
            None => break,
        }
    }
    Ok((0..n).map(|i| residual(z, i) * z[i]).sum())
}

/// Whether a force `r` pushes an unknown at one of its bounds out of them.
pub(crate) fn pushed_out(r: f64, lower: f64, upper: f64) -> bool {
    (lower >= 0.0 && r < 0.0) || (upper <= 0.0 && r > 0.0)
}

/// The minimum over the free unknowns with the others where they are.
fn minimum_on(
    free: &[usize],
    entry: &impl Fn(usize, usize) -> f64,
    r: &[f64],
    z: &[f64],
) -> Result<Vec<f64>, Indefinite> {
    let m = free.len();
    let mut rhs: Vec<f64> = free
        .iter()
        .map(|&i| {
            let held = (0..z.len()).filter(|j| !free.contains(j));
            r[i] - held.map(|j| entry(i, j) * z[j]).sum::<f64>()
        })
        .collect();
    let mut factor = vec![0.0; m * m];
    for j in 0..m {
        for i in j..m {
            let known: f64 = (0..j).map(|k| factor[i * m + k] * factor[j * m + k]).sum();
            let rest = entry(free[i], free[j]) - known;
            factor[i * m + j] = if i > j {
                rest / factor[j * m + j]
            } else if rest > 0.0 && rest.is_finite() {
                rest.sqrt()
            } else {
                return Err(Indefinite { pivot: rest });
            };
        }
    }
    for i in 0..m {
        let known: f64 = (0..i).map(|k| factor[i * m + k] * rhs[k]).sum();
        rhs[i] = (rhs[i] - known) / factor[i * m + i];
    }
    for i in (0..m).rev() {
        let known: f64 = (i + 1..m).map(|k| factor[k * m + i] * rhs[k]).sum();
        rhs[i] = (rhs[i] - known) / factor[i * m + i];
    }
    Ok(rhs)
}

/// How far towards the target the bounds allow, and which stops the way.
fn reach(
    free: &[usize],
    z: &[f64],
    target: &[f64],
    lower: &[f64],
    upper: &[f64],
) -> (f64, Option<usize>) {
    let mut best = (1.0, None);
    for (&i, &t) in free.iter().zip(target) {
        let way = t - z[i];
        let room = if t < lower[i] {
            lower[i] - z[i]
        } else if t > upper[i] {
            upper[i] - z[i]
        } else {
            continue;
        };
        let reach = (room / way).clamp(0.0, 1.0);
        if reach < best.0 || best.1.is_none() {
            best = (reach, Some(i));
        }
    }
    best
}

/// The held unknown that the gradient pushes back inside most, if any.
fn wrong_multiplier(
    held: &[bool],
    residual: &impl Fn(&[f64], usize) -> f64,
    z: &[f64],
    (lower, upper): (&[f64], &[f64]),
    r: &[f64],
) -> Option<usize> {
    let mut worst: Option<(usize, f64)> = None;
    for i in (0..z.len()).filter(|&i| held[i]) {
        let multiplier = residual(z, i);
        let inward = if z[i] <= lower[i] {
            -multiplier
        } else {
            multiplier
        };
        let rounding = 1e-12 * r[i].abs();
        if inward > rounding && lower[i] < upper[i] && worst.is_none_or(|(_, w)| inward > w) {
            worst = Some((i, inward));
        }
    }
    worst.map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
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
}
