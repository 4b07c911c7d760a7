//! What measurements tell, by determinants of the Hessian: with a few
//! factorizations and no matrix of covariances.

use crate::action::Action;
use ndarray::Array2;

use super::ActionAt;
use crate::action::ActionBuilder;
use crate::action::Estimate;
use crate::error::{Error, Result};
use crate::linalg::cholesky;
use crate::minimize::Objective;
use crate::newton::Arrows;
use crate::problem::observations::Observations;
use crate::problem::windows::Window;

impl Action {
    /// What further measurements would tell of path and parameters, before
    /// anybody takes them, at an estimate that minimizes the action at `rf`;
    /// in nats, whatever the normalization. Each set has its window's index
    /// with it; its values only say what is missing.
    ///
    /// ½ ln det(I + R_m C), with C the posterior covariance of what would be
    /// measured, is the mutual information of Gaussian errors and a Gaussian
    /// posterior (Lindley 1956), here the difference of ½ ln det H of the
    /// Gauss-Newton Hessian (the Laplace approximation; exact for linear
    /// models). Bounds of parameters count as priors of variance width²/12;
    /// what stands at a bound stays there.
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
    /// # let action = builder.build()?;
    /// # let annealing = Annealer::new(Schedule::adaptive()).starts(1).run(&action)?;
    /// # let (_, best) = annealing.best().expect("a start that reached the end");
    /// // z at the end of the window, once, ten times better than x and y.
    /// let z = |precision| {
    ///     let values = ndarray::array![[0.0]];
    ///     Observations::of_components(&[2], [1.0], values, Precision::scalar(precision)?)
    /// };
    /// let well = action.information(best.rf, &best.estimate, &[(0, z(400.0)?)])?;
    /// let badly = action.information(best.rf, &best.estimate, &[(0, z(4.0)?)])?;
    /// assert!(well > badly && badly > 0.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Action::at`] and [`Action::pack`]; what
    /// [`Window::observations`](crate::Window::observations) and
    /// [`ActionBuilder::build`](crate::ActionBuilder::build) say of the sets;
    /// [`Error::OutOfRange`] for a window that does not exist;
    /// [`Error::NotPositiveDefinite`] where the action without them does not
    /// determine all states and parameters.
    pub fn information(
        &self,
        rf: f64,
        estimate: &Estimate,
        further: &[(usize, Observations)],
    ) -> Result<f64> {
        if let Some(shaped) = self.reshaped(estimate)? {
            return shaped.information(rf, estimate, further);
        }
        let knowledge = Knowledge::new(self, rf, estimate)?;
        knowledge.gained(&self.with_observations(further)?)
    }

    /// The action on windows that go on for as long again, with what is measured now;
    /// `None` where they cannot.
    pub(crate) fn prolonged(&self) -> Option<Self> {
        if !self.dynamics.is_in_time() {
            return None;
        }
        let windows = self.windows.iter().map(Window::prolonged);
        let longer = ActionBuilder::of(self, windows.collect::<Option<_>>()?).weighted_as(self);
        longer.build().ok()
    }

    /// The action with further sets of observations in its windows. R_f and the
    /// terms mean what they mean here.
    pub(crate) fn with_observations(&self, further: &[(usize, Observations)]) -> Result<Self> {
        let mut windows = self.windows.clone();
        for (w, set) in further {
            let last = windows.len() - 1;
            let window = windows.get_mut(*w).ok_or_else(|| Error::OutOfRange {
                what: "window",
                place: "further observations".into(),
                low: 0.0,
                high: last as f64,
                found: *w as f64,
            })?;
            *window = window.clone().observations(set.clone())?;
        }
        ActionBuilder::of(self, windows).weighted_as(self).build()
    }
}

/// What an action knows at its minimum.
pub(crate) struct Knowledge {
    rf: f64,
    x: Vec<f64>,
    gradient: Vec<f64>,
    /// ln det H.
    log_determinant: f64,
}

impl Knowledge {
    pub(crate) fn new(action: &Action, rf: f64, estimate: &Estimate) -> Result<Self> {
        let x = action.pack(estimate)?;
        let mut at = action.at(rf)?;
        let mut gradient = vec![0.0; x.len()];
        at.value_and_gradient(&x, &mut gradient);
        Ok(Self {
            rf,
            log_determinant: at.log_determinant(&x, &gradient)?,
            x,
            gradient,
        })
    }

    /// What the action with further measurements knows more, in nats.
    pub(crate) fn gained(&self, further: &Action) -> Result<f64> {
        // The gradient says which states are held at their bounds: the same ones.
        let after = further
            .at(self.rf)?
            .log_determinant(&self.x, &self.gradient)?;
        Ok(0.5 * (after - self.log_determinant))
    }

    /// What an action whose windows go on knows more of their first layers and of the
    /// parameters at an estimate that goes on too, in nats: its states behind the
    /// layers of `before` are eliminated.
    pub(crate) fn gained_by_time(
        &self,
        before: &Action,
        longer: &Action,
        estimate: &Estimate,
    ) -> Result<f64> {
        let all = Self::new(longer, self.rf, estimate)?;
        let mut later = longer.at(self.rf)?;
        for (w, window) in before.layout.windows.iter().enumerate() {
            for n in 0..window.layers() {
                let places = longer.layout.windows[w].layer(n);
                later.fix_at(places.clone(), &all.x[places]);
            }
        }
        let later = later.states_log_determinant(&all.x, &all.gradient)?.1;
        Ok(0.5 * (all.log_determinant - later - self.log_determinant))
    }
}

impl ActionAt<'_> {
    /// ln det of the Gauss-Newton Hessian by all that stands at no bound, but
    /// for a constant; bounds of parameters count as priors.
    pub(crate) fn log_determinant(&mut self, x: &[f64], gradient: &[f64]) -> Result<f64> {
        let (border, states) = self.states_log_determinant(x, gradient)?;
        let action = self.action;
        let first = action.layout.border();
        let ranges = action.layout.slots.iter();
        let ranges: Vec<_> = ranges
            .map(|slot| action.parameters[slot.parameter].range())
            .collect();
        let inside: Vec<usize> = (0..ranges.len())
            .filter(|&k| ranges[k].end_at(x[first + k]).is_none())
            .collect();
        let mut matrix = border.select(ndarray::Axis(0), &inside);
        matrix = matrix.select(ndarray::Axis(1), &inside);
        for (slot, &k) in matrix.diag_mut().iter_mut().zip(&inside) {
            let width = ranges[k].width();
            *slot += action.measurement_weight * width.map_or(0.0, |w| 12.0 / (w * w));
        }
        let factor = cholesky(&matrix)
            .map_err(|(k, bad)| undetermined("information by the parameters", inside[k], bad))?;
        let parameters: f64 = factor.diag().iter().map(|v| 2.0 * v.ln()).sum();
        Ok(parameters + states)
    }

    /// The Schur complement by the parameters, and ln det of the Gauss-Newton Hessian
    /// by the states that stand at no bound.
    fn states_log_determinant(
        &mut self,
        x: &[f64],
        gradient: &[f64],
    ) -> Result<(Array2<f64>, f64)> {
        let border = self.border_matrix(x, 0.0, gradient);
        let border = border.map_err(|bad| undetermined("Hessian by the states", 0, bad.pivot))?;
        let arrows = self.newton.arrows.as_ref();
        let states = arrows.map_or(f64::NAN, Arrows::chains_log_determinant);
        Ok((border, states))
    }
}

fn undetermined(what: &'static str, pivot: usize, found: f64) -> Error {
    Error::NotPositiveDefinite {
        what,
        place: "information of measurements".into(),
        pivot,
        found,
    }
}
