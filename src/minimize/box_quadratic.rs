//! A quadratic with bounds: the border of a Newton step.

mod faces;
mod many;
#[cfg(test)]
mod tests;

use super::Indefinite;

/// ½ zᵀSz − rᵀz over `lower` ≤ z ≤ `upper`, with 0 inside the bounds.
///
/// S is symmetric (lower triangle, column-major with leading dimension `ld`). Its first
/// `shared` unknowns meet all others. The rest are blocks of `own` unknowns that do not
/// meet each other; `own` is 0 where there are none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoxQuadratic<'a> {
    pub(crate) matrix: &'a [f64],
    pub(crate) ld: usize,
    pub(crate) force: &'a [f64],
    pub(crate) lower: &'a [f64],
    pub(crate) upper: &'a [f64],
    pub(crate) shared: usize,
    pub(crate) own: usize,
}

/// Where [`BoxQuadratic::minimize`] came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BoxMinimum {
    /// μᵀz with μ = Sz − r, the work of the bounds' multipliers at a minimum.
    pub(crate) work: f64,
    /// Whether z is the minimum. Else it is a point with a lower value than 0 has.
    pub(crate) complete: bool,
    /// Multiplications that factorizations took.
    pub(crate) operations: f64,
}

impl BoxMinimum {
    /// A minimum that no bound has a say in.
    pub(crate) fn inside() -> Self {
        Self {
            work: 0.0,
            complete: true,
            operations: 0.0,
        }
    }
}

/// Up to so many unknowns are held and released one by one.
const FEW: usize = 32;

impl BoxQuadratic<'_> {
    /// Writes the minimum to `z`. `free` is the minimum without bounds, where it is
    /// known.
    ///
    /// S needs to be positive definite on the sets of free unknowns that are met, and
    /// what stands at a bound and is pushed out is not free at first.
    ///
    /// # Errors
    /// [`Indefinite`] where S is not positive definite on such a set.
    pub(crate) fn minimize(
        &self,
        free: Option<&[f64]>,
        z: &mut [f64],
    ) -> Result<BoxMinimum, Indefinite> {
        if self.force.len() > FEW {
            return self.minimize_many(free, z);
        }
        let bounds = (self.lower, self.upper);
        let work = solve_box((self.matrix, self.ld), self.force, bounds, z)?;
        Ok(BoxMinimum {
            work,
            ..BoxMinimum::inside()
        })
    }

    /// Whether blocks are solved apart, for less than the matrix as a whole takes.
    pub(crate) fn prefers_blocks(&self) -> bool {
        let finite = |bounds: &[f64]| bounds.iter().any(|bound| bound.is_finite());
        self.own > 0 && self.force.len() > FEW && (finite(self.lower) || finite(self.upper))
    }

    /// Whether a force pushes an unknown at one of its bounds out of them.
    pub(crate) fn is_pushed_out(&self) -> bool {
        let bounds = self.lower.iter().zip(self.upper);
        let mut forces = self.force.iter().zip(bounds);
        forces.any(|(r, (lower, upper))| pushed_out(*r, *lower, *upper))
    }

    /// Whether `z` lies within the bounds.
    pub(crate) fn contains(&self, z: &[f64]) -> bool {
        let bounds = self.lower.iter().zip(self.upper);
        let mut values = z.iter().zip(bounds);
        values.all(|(z, (lower, upper))| lower <= z && z <= upper)
    }
}

/// Minimizes ½ zᵀSz − rᵀz over `lower` ≤ z ≤ `upper` for a few unknowns. Writes the
/// minimum to `z` and returns μᵀz with the multipliers μ = Sz − r.
///
/// Primal active set: from zero, minimize on the free unknowns, go as far as
/// the first bound, hold it; release the bound whose multiplier has the wrong
/// sign most. Each minimum over a free set lowers the value, so no set comes
/// twice.
///
/// # Errors
/// [`Indefinite`] where S is not positive definite on a free set.
fn solve_box(
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
fn pushed_out(r: f64, lower: f64, upper: f64) -> bool {
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
