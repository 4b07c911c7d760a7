//! Who chose the shape of the model precision, and with which shape the R_f of an
//! estimate goes.

use super::builder::ActionBuilder;
use super::{Action, Estimate, ShapeBy};
use crate::error::Result;
use crate::problem::precision::Precision;

impl Action {
    /// The same action with the shape of the model precision that an estimate
    /// carries ([`Estimate::shape`]): its [`at`](Action::at) is the objective of
    /// which the annealer found that estimate a minimum. Where the estimate carries
    /// none, or this action was given a shape, nothing changes.
    ///
    /// [`Annealing::verdict`](crate::Annealing::verdict) and all methods that take
    /// R_f together with an estimate do this themselves.
    ///
    /// ```
    /// # use deepest::{models::Lorenz63, prelude::*};
    /// # fn main() -> deepest::Result<()> {
    /// # let grid = Grid::uniform(0.0, 0.01, 101)?;
    /// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
    /// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?))?;
    /// # let builder = Action::builder(Lorenz63, SimpsonHermite).window(twin.window()?);
    /// # let builder = builder.parameter("sigma", Parameter::fixed(10.0));
    /// # let builder = builder.parameter("rho", Bounds::new(0.0, 60.0)?);
    /// # let builder = builder.parameter("beta", Parameter::fixed(8.0 / 3.0));
    /// let action = builder.build()?;
    /// let annealing = Annealer::new(Schedule::adaptive()).starts(1).run(&action)?;
    /// let (_, best) = annealing.best().expect("a start that reached the end");
    /// let shaped = action.shaped_as(&best.estimate)?;
    /// let mut objective = shaped.at(best.rf)?;
    /// assert_eq!(objective.terms(&shaped.pack(&best.estimate)?), best.action);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What [`Precision::diagonal`] and [`ActionBuilder::build`] say of a shape that
    /// is none of this action.
    pub fn shaped_as(&self, estimate: &Estimate) -> Result<Self> {
        match self.reshaped(estimate)? {
            Some(shaped) => Ok(shaped),
            None => ActionBuilder::of(self, self.windows.clone())
                .weighted_as(self)
                .build(),
        }
    }

    /// The same where that is another action.
    pub(crate) fn reshaped(&self, estimate: &Estimate) -> Result<Option<Self>> {
        if self.shape != ShapeBy::Nobody || estimate.shape.is_empty() {
            return Ok(None);
        }
        self.balanced_by(&estimate.shape).map(Some)
    }

    /// The same action with a shape that an annealer chose.
    pub(crate) fn balanced_by(&self, shape: &[f64]) -> Result<Self> {
        ActionBuilder::of(self, self.windows.clone())
            .weighted_as(self)
            .balanced(Precision::diagonal(shape)?)
            .build()
    }

    /// Whether the shape is unset, and could be anything but one for all: of dense
    /// layers it cannot.
    pub(crate) fn is_unshaped(&self) -> bool {
        let windows = self.layout.windows.iter();
        let most = windows.map(|window| window.intervals()).max().unwrap_or(0);
        self.shape == ShapeBy::Nobody
            && self.components_told() > 1
            && (0..most).all(|k| self.dynamics.dense(k).is_none())
    }

    /// The shape that estimates carry; empty where no annealer chose it.
    pub(crate) fn carried_shape(&self) -> Vec<f64> {
        match self.shape {
            ShapeBy::Annealer => self.shape_diagonal(self.components_told()),
            _ => Vec::new(),
        }
    }
}
