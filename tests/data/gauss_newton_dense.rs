//! Least squares with dense matrices as an objective.

use deepest::minimize::{Curvature, Indefinite, NewtonSteps, Objective, QuadraticStep};

use super::problems::Dual;

type Residuals = fn(&[Dual]) -> Vec<Dual>;

/// `level` · Σ rᵢ² within bounds.
pub(crate) struct LeastSquares {
    residuals: Residuals,
    level: f64,
    lower: Vec<f64>,
    upper: Vec<f64>,
    scales: Vec<f64>,
}

impl LeastSquares {
    /// Each unknown in units of its start, where that is not zero.
    pub(crate) fn new(residuals: Residuals, level: f64, start: &[f64]) -> Self {
        let unit = |v: &f64| if *v == 0.0 { 1.0 } else { v.abs() };
        LeastSquares {
            residuals,
            level,
            lower: vec![f64::NEG_INFINITY; start.len()],
            upper: vec![f64::INFINITY; start.len()],
            scales: start.iter().map(unit).collect(),
        }
    }

    pub(crate) fn bounds(mut self, lower: &[f64], upper: &[f64]) -> Self {
        self.lower = lower.to_vec();
        self.upper = upper.to_vec();
        self
    }

    /// r and the columns of its Jacobian.
    fn linearize(&self, x: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let mut z: Vec<Dual> = x.iter().map(|&v| Dual { v, d: 0.0 }).collect();
        let values = (self.residuals)(&z).iter().map(|r| r.v).collect();
        let columns = (0..x.len()).map(|i| {
            z[i].d = 1.0;
            let column = (self.residuals)(&z).iter().map(|r| r.d).collect();
            z[i].d = 0.0;
            column
        });
        let columns = columns.collect();
        (values, columns)
    }

    /// The Hessian from first derivatives, or by central differences of the
    /// gradient (relative error about ε^⅔ at unknowns near 1).
    fn hessian(&mut self, x: &[f64], curvature: Curvature) -> Vec<Vec<f64>> {
        let n = x.len();
        if curvature == Curvature::GaussNewton {
            let (_, columns) = self.linearize(x);
            let entry = |i: usize, j: usize| 2.0 * self.level * dot(&columns[i], &columns[j]);
            return (0..n)
                .map(|i| (0..n).map(|j| entry(i, j)).collect())
                .collect();
        }
        let mut rows = vec![vec![0.0; n]; n];
        for (j, row) in rows.iter_mut().enumerate() {
            let h = f64::EPSILON.cbrt() * x[j].abs().max(1.0);
            let mut ends = [vec![0.0; n], vec![0.0; n]];
            for (end, sign) in ends.iter_mut().zip([1.0, -1.0]) {
                let mut at = x.to_vec();
                at[j] += sign * h;
                self.value_and_gradient(&at, end);
            }
            for (i, slot) in row.iter_mut().enumerate() {
                *slot = (ends[0][i] - ends[1][i]) / (2.0 * h);
            }
        }
        (0..n)
            .map(|i| (0..n).map(|j| 0.5 * (rows[i][j] + rows[j][i])).collect())
            .collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves A s = b over the listed unknowns by Cholesky.
fn solve(a: &[Vec<f64>], b: &[f64], list: &[usize]) -> Result<Vec<f64>, Indefinite> {
    let n = list.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let rest = a[list[i]][list[j]] - dot(&l[i][..j], &l[j][..j]);
            if i > j {
                l[i][j] = rest / l[j][j];
            } else if rest > 0.0 && rest.is_finite() {
                l[i][i] = rest.sqrt();
            } else {
                return Err(Indefinite { pivot: rest });
            }
        }
    }
    let mut z: Vec<f64> = list.iter().map(|&i| b[i]).collect();
    for i in 0..n {
        z[i] = (z[i] - dot(&l[i][..i], &z[..i])) / l[i][i];
    }
    for i in (0..n).rev() {
        let rest: f64 = (i + 1..n).map(|j| l[j][i] * z[j]).sum();
        z[i] = (z[i] - rest) / l[i][i];
    }
    Ok(z)
}

/// Minimizes ½sᵀAs + gᵀs for low ≤ s ≤ high: a primal active set from s = 0.
fn solve_within(
    a: &[Vec<f64>],
    g: &[f64],
    (low, high): (&[f64], &[f64]),
) -> Result<Vec<f64>, Indefinite> {
    let n = g.len();
    let mut s = vec![0.0; n];
    let mut fixed = vec![false; n];
    loop {
        let free: Vec<usize> = (0..n).filter(|&i| !fixed[i]).collect();
        let right: Vec<f64> = (0..n)
            .map(|i| {
                let held: f64 = (0..n).filter(|&j| fixed[j]).map(|j| a[i][j] * s[j]).sum();
                -g[i] - held
            })
            .collect();
        let target = solve(a, &right, &free)?;
        // As far as the first bound on the way.
        let mut part = 1.0;
        let mut stop = None;
        for (&i, &t) in free.iter().zip(&target) {
            let way = t - s[i];
            let room = if way > 0.0 {
                high[i] - s[i]
            } else {
                low[i] - s[i]
            };
            if way != 0.0 && room / way < part {
                part = (room / way).max(0.0);
                stop = Some((i, if way > 0.0 { high[i] } else { low[i] }));
            }
        }
        for (&i, &t) in free.iter().zip(&target) {
            s[i] += part * (t - s[i]);
        }
        if let Some((i, bound)) = stop {
            s[i] = bound;
            fixed[i] = true;
            continue;
        }
        let slope = |i: usize| g[i] + dot(&a[i], &s);
        let wrong = (0..n).filter(|&i| fixed[i] && low[i] < high[i]).find(|&i| {
            let outward = if s[i] == low[i] { slope(i) } else { -slope(i) };
            outward < 0.0
        });
        match wrong {
            Some(i) => fixed[i] = false,
            None => return Ok(s),
        }
    }
}

impl Objective for LeastSquares {
    fn dimension(&self) -> usize {
        self.lower.len()
    }
    fn lower(&self) -> &[f64] {
        &self.lower
    }
    fn upper(&self) -> &[f64] {
        &self.upper
    }
    fn scales(&self) -> &[f64] {
        &self.scales
    }
    fn value(&mut self, x: &[f64]) -> f64 {
        self.value_and_gradient(x, &mut vec![0.0; x.len()])
    }
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let (r, columns) = self.linearize(x);
        for (g, column) in gradient.iter_mut().zip(&columns) {
            *g = 2.0 * self.level * dot(column, &r);
        }
        self.level * dot(&r, &r)
    }
    fn newton(&mut self) -> Option<&mut dyn NewtonSteps> {
        Some(self)
    }
}

impl NewtonSteps for LeastSquares {
    fn newton_step(
        &mut self,
        x: &[f64],
        curvature: Curvature,
        damping: f64,
        gradient: &[f64],
        step: &mut [f64],
    ) -> Result<QuadraticStep, Indefinite> {
        let hessian = self.hessian(x, curvature);
        let mut damped = hessian.clone();
        for (i, row) in damped.iter_mut().enumerate() {
            row[i] += damping / self.scales[i].powi(2);
        }
        let room =
            |bound: &[f64]| -> Vec<f64> { bound.iter().zip(x).map(|(b, x)| b - x).collect() };
        let bounds = (room(&self.lower), room(&self.upper));
        step.copy_from_slice(&solve_within(&damped, gradient, (&bounds.0, &bounds.1))?);
        let bend: f64 = hessian
            .iter()
            .zip(&*step)
            .map(|(row, s)| s * dot(row, step))
            .sum();
        Ok(QuadraticStep::new(-dot(gradient, step) - 0.5 * bend))
    }
}
