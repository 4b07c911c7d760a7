//! How far the action is short of its limit R_f → ∞.

use super::ActionAt;
use crate::action::{Sums, own_rows};
use crate::minimize::{NewtonSteps, Objective};

/// Windows are told apart where there are at most so many.
const MOST_WINDOWS: usize = 32;

/// The ratio of R_f by which determinants are compared.
const FACTOR: f64 = 2.0;

/// 2M of some residuals and half its change by ln R_f beyond growing like R_f:
/// Σ gᵀRg and Σ gᵀRġ.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    squares: f64,
    products: f64,
}

impl Group {
    /// How much the action rises for these residuals, which may grow by the
    /// factor `growth` at most.
    fn rise(self, growth: f64) -> f64 {
        let model = 0.5 * self.squares;
        let falls = (-self.products / self.squares).min(1.0);
        if falls * growth > 1.0 {
            model / falls
        } else if model > 0.0 {
            model * growth
        } else {
            0.0
        }
    }
}

impl ActionAt<'_> {
    /// How much the action rises from the minimum `x` to R_f → ∞, where `tangent`
    /// is dx/d ln R_f, and R_f can grow by the factor `growth` before rounding
    /// counts.
    ///
    /// In a linear problem a residual is g = γ/(1 + u), with u proportional to
    /// R_f, and the action rises by ½ Rg²(1 + u)/u. As dg/d ln R_f = −g u/(1 + u),
    /// that is the model error over the rate at which the residual falls, on either
    /// side of its hill. Residuals of different components, and of different
    /// windows, may have hills of their own: the larger of both sums counts.
    pub(crate) fn rise(&mut self, x: &[f64], tangent: &[f64], growth: f64) -> f64 {
        let action = self.action;
        let layout = action.layout();
        let visit = self.visit(x).without_multipliers();
        let groups = action.dynamics().per_time().len();
        let drifting = layout.scope.drifting.len();
        let (states, border) = tangent.split_at(layout.border());
        let mut windows = vec![Group::default(); layout.windows.len()];
        let mut components: Vec<Group> = Vec::new();
        for worker in &mut self.workers {
            let (mut weights, mut v) = (worker.weights.clone(), worker.v.clone());
            let mut change = Vec::new();
            worker.linearize_each(action, x, |evaluator, g, (w, k)| {
                let places = layout.border_of(w);
                let free: Vec<f64> = places.iter().map(|&slot| border[slot]).collect();
                change.clear();
                change.resize(g.len(), 0.0);
                evaluator.push(&states[layout.windows[w].span(k)], &free, &mut change);
                let v = &mut v[..g.len()];
                let sums = &mut Sums::default();
                action.weigh(&visit, (w, k), g, (&mut weights, v), sums);
                let width = g.len() / groups;
                components.resize(components.len().max(width), Group::default());
                for r in 0..groups {
                    for (i, row) in own_rows(r, width, drifting).enumerate() {
                        for group in [&mut components[i], &mut windows[w]] {
                            group.squares += v[row] * g[row];
                            group.products += v[row] * change[row];
                        }
                    }
                }
            });
        }
        let sum = |of: &[Group]| of.iter().map(|group| group.rise(growth)).sum::<f64>();
        let by_windows = match windows.len() <= MOST_WINDOWS {
            true => sum(&windows),
            false => 0.0,
        };
        sum(&components).max(by_windows)
    }

    /// How much the action would rise from here to R_f → ∞ on the average over noise
    /// as it is declared, whatever the data are; and the factorizations that it took.
    /// `None` where the Hessian is not factored as a block arrow, or is singular.
    ///
    /// With the u above, noise makes every γ so large that the action rises by half
    /// of Σ 1/(1 + u), and d ln det H/d ln R_f = Σ u/(1 + u) over all residuals: what
    /// that lacks of their number are residuals that are no constraints yet.
    /// Unknowns at bounds can make residuals that they alone touch constants, which
    /// are not counted.
    pub(crate) fn expected_rise(&mut self, x: &[f64]) -> Option<(f64, usize)> {
        if !self.has_exact_curvature() {
            return None;
        }
        let rf = self.rf;
        let mut gradient = vec![0.0; x.len()];
        let mut at = |at: &mut Self, rf: f64| {
            at.set_rf(rf).ok()?;
            at.value_and_gradient(x, &mut gradient);
            at.log_determinant(x, &gradient).ok()
        };
        let pair = (at(self, rf), at(self, FACTOR * rf));
        self.set_rf(rf).ok()?;
        let (here, there) = (pair.0?, pair.1?);
        let places = x.iter().zip(self.lower.iter().zip(&self.upper));
        let held = places.filter(|(v, (lower, upper))| **v <= **lower || **v >= **upper);
        let residuals = self.action.counts().residuals.saturating_sub(held.count());
        // ln c − ln((1 + cu)/(1 + u)) is (1 − 1/c)/(1 + u) where u is large.
        let missing = residuals as f64 * FACTOR.ln() - (there - here);
        let missing = missing.max(0.0) / (1.0 - FACTOR.recip());
        Some((0.5 * self.action.measurement_weight * missing, 2))
    }
}
