//! What the linear equations of a Newton step cost, by each way to solve them.

use super::ActionAt;
use super::choice::{EquationsChoice, EquationsReason};
use crate::action::{Action, Equations, ModelShape};
use crate::problem::bounds::Bounds;

/// Multiplications of one Newton step, by each way to solve its equations; none
/// where a way is not open.
///
/// With B parameters, K residuals, p unknowns of an interval that are eliminated
/// together and q that follow,
///
/// | way | multiplications |
/// |---|---|
/// | block arrow, front by front | Σ ½ p (p + q + B)² over all intervals, and B³/6 |
/// | block arrow, states condensed | ½ B² for each window, and B³/6 |
/// | residual space | K³/6, and ½ r² for each unknown that r residuals depend on |
/// | conjugate gradients | a block arrow without B, and 50 times 8 for each entry of the residuals' Jacobian |
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NewtonCosts {
    /// [`Equations::BlockArrow`] by exact second derivatives: front by front.
    pub exact: f64,
    /// [`Equations::BlockArrow`] by Gauss-Newton, which is always open. The states
    /// are condensed, where no parameter is fixed either, for networks of dense
    /// layers without sequences; else it goes front by front.
    pub block_arrow: f64,
    /// [`Equations::ResidualSpace`]: without bounds, with measurements of
    /// components and independent errors, and at most 20,000 residuals.
    pub residual_space: Option<f64>,
    /// [`Equations::ConjugateGradients`]: where that is so, for networks of dense
    /// layers.
    pub conjugate_gradients: Option<f64>,
}

/// What conjugate gradients are taken to need.
const ITERATIONS: f64 = 50.0;

/// The matrix of so many residuals takes 3 GB.
const MOST_RESIDUALS: f64 = 2e4;

/// Multiplications that are not worth to be saved: the block arrow knows more, such
/// as second derivatives.
const LITTLE: f64 = 3e7;

/// How many times what Gauss-Newton takes exact second derivatives are worth.
const WORTH: f64 = 10.0;

impl NewtonCosts {
    /// The cheapest way; the block arrow where it takes less than 3·10⁷
    /// multiplications, because it alone has exact second derivatives.
    #[must_use]
    pub fn cheapest(&self) -> Equations {
        let open = [
            (Some(self.block_arrow), Equations::BlockArrow),
            (self.residual_space, Equations::ResidualSpace),
            (self.conjugate_gradients, Equations::ConjugateGradients),
        ];
        let open = open
            .into_iter()
            .filter_map(|(cost, way)| Some((cost?, way)));
        let best = open.min_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((_, way)) if self.block_arrow > LITTLE => way,
            _ => Equations::BlockArrow,
        }
    }

    /// Whether exact second derivatives are worth what they cost.
    pub(crate) fn afford_exact(&self) -> bool {
        self.exact <= LITTLE || self.exact <= WORTH * self.block_arrow
    }

    /// What is asked for where it is open, else the cheapest.
    fn choose(&self, asked: Equations) -> EquationsChoice {
        let open = match asked {
            Equations::Automatic => {
                return EquationsChoice {
                    equations: self.cheapest(),
                    reason: EquationsReason::Cheapest,
                };
            }
            Equations::BlockArrow => true,
            Equations::ResidualSpace => self.residual_space.is_some(),
            Equations::ConjugateGradients => self.conjugate_gradients.is_some(),
        };
        match open {
            true => EquationsChoice {
                equations: asked,
                reason: EquationsReason::Asked,
            },
            false => EquationsChoice {
                equations: self.cheapest(),
                reason: EquationsReason::NotOpen { asked },
            },
        }
    }
}

impl Action {
    /// What a Gauss-Newton step of this action costs.
    pub fn newton_costs(&self) -> NewtonCosts {
        let layout = &self.layout;
        let border = layout.slots.len() as f64;
        let most = layout.windows.iter().map(|w| w.intervals()).max();
        let groups = self.dynamics.per_time().len() as f64;
        let mut costs = [border.powi(3) / 6.0, 0.0, 0.0];
        let [fronts, residuals, iterations] = &mut costs;
        let mut chains = 0.0;
        let mut rows_of = vec![0.0; layout.slots.len()];
        let mut order: f64 = 0.0;
        for (w, window) in layout.windows.iter().enumerate() {
            let chain = window.chain();
            for k in 0..window.intervals() {
                let [left, right] = [chain.nodes[k], chain.nodes[k + 1]].map(|n| n as f64);
                let pivots = left + chain.interiors[k] as f64;
                *fronts += 0.5 * pivots * (pivots + right + border).powi(2);
                chains += 0.5 * pivots * (pivots + right).powi(2);
                let count = groups * right;
                order += count;
                *residuals += 0.5 * (pivots + right) * count * count;
                let entries = self.parameter_entries((w, k), count, &mut rows_of);
                let states = count * (left + 1.0);
                *iterations += ITERATIONS * 8.0 * (states + entries);
            }
        }
        *residuals += order.powi(3) / 6.0;
        *residuals += rows_of.iter().map(|r| 0.5 * r * r).sum::<f64>();
        let simple = self.has_diagonal_terms();
        let dense = |k| self.dynamics.dense(k).is_some();
        let network = layout.shares_all() && (0..most.unwrap_or(0)).all(dense);
        let alike = |w: &crate::action::WindowLayout| Some(w.intervals()) == most;
        let network = network && layout.windows.iter().all(alike);
        *iterations += chains;
        let sequences = |k| {
            let layer = self.dynamics.dense(k);
            layer.is_some_and(|l| l.times > 1 || l.dense.recurrent)
        };
        let condensed = simple
            && network
            && layout.slots.len() == self.parameters.len()
            && !(0..most.unwrap_or(0)).any(sequences);
        let windows = layout.windows.len() as f64;
        NewtonCosts {
            exact: *fronts,
            block_arrow: match condensed {
                true => chains + 0.5 * windows * border.powi(2) + border.powi(3) / 6.0,
                false => *fronts,
            },
            residual_space: (simple && order <= MOST_RESIDUALS).then_some(*residuals),
            conjugate_gradients: (simple && network).then_some(*iterations),
        }
    }

    /// The entries by parameters of the Jacobian of an interval with `count`
    /// residuals, counted in `rows_of` too.
    fn parameter_entries(&self, (w, k): (usize, usize), count: f64, rows_of: &mut [f64]) -> f64 {
        let used = self.dynamics.parameters(k);
        let free = self.layout.scope.free.iter();
        let places = free.zip(self.layout.border_of(w));
        // One entry for each residual, or for a dense layer's weights one only.
        let rows = match self.dynamics.dense(k) {
            Some(layer) => layer.times as f64,
            None => count,
        };
        let mut entries = 0.0;
        for (p, &place) in places {
            if used.contains(p) {
                rows_of[place] += rows;
                entries += rows;
            }
        }
        entries
    }

    /// Whether everything but the model error has a diagonal Hessian, the model
    /// error a diagonal precision, and nothing a bound.
    pub(crate) fn has_diagonal_terms(&self) -> bool {
        let unbounded = |p: &crate::problem::parameters::Parameter| p.range() == Bounds::NONE;
        let terms = || self.terms.iter().zip(&self.layout.windows);
        self.state_bounds.is_empty()
            && self.layout.scope.drifting.is_empty()
            && self.parameters.iter().all(unbounded)
            && !matches!(self.model_shape, ModelShape::Full { .. })
            && terms().all(|(terms, window)| (0..window.layers()).all(|n| terms.is_diagonal(n)))
    }
}

impl ActionAt<'_> {
    /// Whether states or residuals are held by more than the action.
    pub(crate) fn is_held(&self) -> bool {
        self.bounded || self.multipliers.is_some()
    }

    /// How the equations of its Newton steps are solved, and why. The answer's
    /// `equations` is never [`Equations::Automatic`].
    ///
    /// ```
    /// # use deepest::prelude::*;
    /// # use deepest::{Equations, EquationsReason, models::LotkaVolterra};
    /// # fn main() -> deepest::Result<()> {
    /// # let data = Observations::of_components(&[0], [0.0], ndarray::array![[1.0]], Precision::scalar(1.0)?)?;
    /// # let window = Window::new(Grid::uniform(0.0, 0.1, 3)?).observations(data)?;
    /// # let mut builder = Action::builder(LotkaVolterra, Trapezoid).window(window);
    /// # for name in ["birth", "predation", "death", "growth"] {
    /// #     builder = builder.parameter(name, Bounds::new(0.0, 1.0)?);
    /// # }
    /// // Parameters have bounds, which the space of the residuals does not know.
    /// let action = builder.equations(Equations::ResidualSpace).build()?;
    /// let choice = action.at(1.0)?.equations();
    /// assert_eq!(choice.equations, Equations::BlockArrow);
    /// let asked = Equations::ResidualSpace;
    /// assert_eq!(choice.reason, EquationsReason::NotOpen { asked });
    /// println!("{choice}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn equations(&mut self) -> EquationsChoice {
        let asked = self.action.equations;
        if self.is_held() {
            return EquationsChoice {
                equations: Equations::BlockArrow,
                reason: match asked {
                    Equations::BlockArrow => EquationsReason::Asked,
                    _ => EquationsReason::Held,
                },
            };
        }
        if let Some(choice) = self.equations {
            return choice;
        }
        let costs = self.action.newton_costs();
        let choice = costs.choose(asked);
        self.equations = Some(choice);
        self.affords_exact = costs.afford_exact();
        choice
    }
}
