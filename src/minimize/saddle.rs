//! The way down from a saddle.

use super::{Indefinite, Objective, project};

/// Damping of the first try, in units of the value, and its growth.
pub(crate) const FIRST: f64 = 1e-8;
const GROWTH: f64 = 100.0;
const TRIES: usize = 9;

/// Halvings, in the logarithm, of the last growth.
const BISECTIONS: usize = 2;

/// Steps of the inverse iteration at most. It ends when the curvature along the
/// direction is negative and a step changes it by less than this part.
const ITERATIONS: usize = 40;
const SETTLED: f64 = 1e-2;

/// Lengths that are tried along the direction: the largest change of an unknown
/// in its scale is 2⁻ᵏ.
const LENGTHS: std::ops::Range<i32> = 0..20;

/// A decrease below this part of the value is none.
const NOTHING: f64 = 1e-9;

/// An objective whose exact Hessian H can be solved with on some of the unknowns.
pub(crate) trait ExactHessian: Objective {
    /// Factors H + damping·S⁻² at `x` by the unknowns that are `free`, S the
    /// diagonal of scales, and solves for `right`; the other unknowns are zero.
    ///
    /// # Errors
    /// [`Indefinite`] where it is not positive definite there.
    fn factor_on(
        &mut self,
        x: &[f64],
        free: &[bool],
        damping: f64,
        right: &[f64],
        solved: &mut [f64],
    ) -> Result<(), Indefinite>;

    /// Solves for another right-hand side with the factor of
    /// [`factor_on`](Self::factor_on).
    ///
    /// # Errors
    /// [`Indefinite`] where there is no such factor.
    fn solve_on(
        &mut self,
        free: &[bool],
        right: &[f64],
        solved: &mut [f64],
    ) -> Result<(), Indefinite>;
}

/// Moves `x`, where the gradient vanishes and the exact Hessian is indefinite,
/// along the direction of the most negative curvature to where the value is
/// lower; returns whether there is such a place, and how many factorizations it
/// took.
///
/// Unknowns that the gradient pushes against a bound stay there. The direction is
/// the eigenvector of (H, S⁻²) by the others with the lowest eigenvalue, by inverse
/// iteration with a damping that makes H + λS⁻² positive definite. Both signs
/// of it are tried. So a problem and its mirror image are left on mirrored ways.
pub(crate) fn leave_saddle(objective: &mut dyn ExactHessian, x: &mut [f64]) -> (bool, usize) {
    let mut gradient = vec![0.0; x.len()];
    let value = objective.value_and_gradient(x, &mut gradient);
    if value <= objective.rounding(x) {
        return (false, 0);
    }
    let free = free_at(objective, x, &gradient, NOTHING * value.abs());
    let mut descent = Descent {
        free,
        // A vector that no symmetry of the problem is likely to have.
        direction: (0..x.len())
            .map(|i| (1.0 + i as f64).sqrt().sin())
            .collect(),
        solved: vec![0.0; x.len()],
        factorizations: 0,
    };
    let found = descent.find(objective, x, value);
    let moved = found && descent.follow(objective, x, value);
    (moved, descent.factorizations)
}

/// Which unknowns are not pushed against a bound: moving by its scale away from the
/// bound would cost less than `negligible`.
fn free_at(
    objective: &dyn ExactHessian,
    x: &[f64],
    gradient: &[f64],
    negligible: f64,
) -> Vec<bool> {
    let (lower, upper) = (objective.lower(), objective.upper());
    let forces = gradient.iter().zip(objective.scales());
    let forces = forces.map(|(g, scale)| g * scale).enumerate();
    let free = forces.map(|(i, force)| {
        let below = x[i] <= lower[i] && force > negligible;
        let above = x[i] >= upper[i] && force < -negligible;
        lower[i] < upper[i] && !below && !above
    });
    free.collect()
}

/// The search for a direction of negative curvature.
struct Descent {
    free: Vec<bool>,
    /// In scaled unknowns.
    direction: Vec<f64>,
    solved: Vec<f64>,
    factorizations: usize,
}

impl Descent {
    /// Finds the direction; whether there is one.
    fn find(&mut self, objective: &mut dyn ExactHessian, x: &[f64], value: f64) -> bool {
        let Some(damping) = self.damping(objective, x, value) else {
            return false;
        };
        let mut last = f64::INFINITY;
        for _ in 0..ITERATIONS {
            let Some(curvature) = self.turn(objective.scales(), damping) else {
                return false;
            };
            if curvature < 0.0 && (curvature - last).abs() <= SETTLED * curvature.abs() {
                break;
            }
            last = curvature;
            let right = self.right(objective.scales());
            let solved = objective.solve_on(&self.free, &right, &mut self.solved);
            if solved.is_err() {
                return false;
            }
        }
        true
    }

    /// A damping not far above the smallest that makes the Hessian positive
    /// definite, with whose factor the direction is solved for. None where the least
    /// does: such a curvature is rounding of none.
    fn damping(&mut self, objective: &mut dyn ExactHessian, x: &[f64], value: f64) -> Option<f64> {
        let mut damping = FIRST * value.abs().max(f64::MIN_POSITIVE);
        let mut tries = 0;
        while !self.factor(objective, x, damping) {
            damping *= GROWTH;
            tries += 1;
            if tries > TRIES {
                return None;
            }
        }
        if tries == 0 {
            return None;
        }
        let mut growth = GROWTH;
        let mut factored = true;
        for _ in 0..BISECTIONS {
            growth = growth.sqrt();
            damping = if factored {
                damping / growth
            } else {
                damping * growth
            };
            factored = self.factor(objective, x, damping);
        }
        while !factored && growth > 1.0 {
            damping *= growth;
            factored = self.factor(objective, x, damping);
            growth *= growth;
        }
        factored.then_some(damping)
    }

    fn factor(&mut self, objective: &mut dyn ExactHessian, x: &[f64], damping: f64) -> bool {
        self.factorizations += 1;
        let right = self.right(objective.scales());
        let factored = objective.factor_on(x, &self.free, damping, &right, &mut self.solved);
        factored.is_ok()
    }

    fn right(&self, scales: &[f64]) -> Vec<f64> {
        let direction = self.direction.iter().zip(scales);
        direction.map(|(v, s)| v / s).collect()
    }

    /// Takes what was solved as the direction, its largest entry one; returns the
    /// curvature along it. With (H + λ)w = v this is wᵀHw/wᵀw = wᵀv/wᵀw − λ.
    fn turn(&mut self, scales: &[f64], damping: f64) -> Option<f64> {
        let (mut products, mut squares, mut largest) = (0.0, 0.0, 0.0_f64);
        for ((v, s), scale) in self.direction.iter_mut().zip(&self.solved).zip(scales) {
            let w = s / scale;
            products += w * *v;
            squares += w * w;
            largest = largest.max(w.abs());
            *v = w;
        }
        if !(largest > 0.0 && largest.is_finite()) {
            return None;
        }
        self.direction.iter_mut().for_each(|v| *v /= largest);
        Some(products / squares - damping)
    }

    /// Moves `x` to the lowest value along the direction; whether it is lower.
    fn follow(&self, objective: &mut dyn ExactHessian, x: &mut [f64], value: f64) -> bool {
        let mut best = value - NOTHING * value.abs();
        let mut moved = false;
        let (from, scales) = (x.to_vec(), objective.scales().to_vec());
        let mut trial = from.clone();
        for (k, sign) in LENGTHS.flat_map(|k| [(k, 1.0), (k, -1.0)]) {
            let length = sign * 0.5_f64.powi(k);
            for (i, slot) in trial.iter_mut().enumerate() {
                *slot = from[i] + length * scales[i] * self.direction[i];
            }
            project(&mut trial, objective.lower(), objective.upper());
            let lower = objective.value(&trial);
            if lower < best {
                best = lower;
                moved = true;
                x.copy_from_slice(&trial);
            }
        }
        moved
    }
}
