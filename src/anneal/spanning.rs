//! The range of R_f that a problem asks for, from its data and its model.

use super::Schedule;
use super::rest::rest;
use super::units::{self, CONVERGED, Limits};
use crate::action::Action;
use crate::error::Result;
use crate::problem::precision::Precision;

/// The first level is at most this part of the measurement error that noise
/// makes.
const NEGLIGIBLE: f64 = 1e-3;

/// The ratio of neighbouring values of R_f.
pub(super) const ALPHA: f64 = 1.5;

/// Components of the balanced shape within this ratio, residuals within a factor of
/// ten, are as well served by one shape for all: of Lorenz-96, whose sites are alike,
/// the residuals along the unconstrained path differ by which are measured, and races
/// with that shape take a fifth to four fifths more factorizations.
const EVEN: f64 = 100.0;

impl Action {
    /// The action with a model precision whose shape fits its states, each in
    /// its own unit: diagonal, sᵢ = 1/vᵢ, where vᵢ is the mean square of the
    /// residuals of component i (per time: of gᵢ²c/h) along the path that
    /// nothing constrains. That path is the one of
    /// [`Starts::Mean`](crate::Starts::Mean): data where there are any, else
    /// the mean of the first state's prior, the middle of the bounds, or the
    /// mean of all observations in the component's unit; parameters as guessed. R_f = 1 then weighs a
    /// residual as large as that with one half, and a state in another unit
    /// changes nothing. Where the widths of layers differ there is one v.
    ///
    /// No √vᵢ is less than a tenth of what would move component i by its unit along
    /// a window, step by step in one direction, nor than ten roundings of the
    /// state: exact data, and states at rest, have residuals of zero. The unit of a
    /// measured component is the deviation of its values, or of their errors where
    /// that is larger; of another one a quarter of the width between its bounds,
    /// or the deviation of its first state's prior, or that of all observations.
    ///
    /// # Errors
    /// [`ModelNotFinite`](crate::Error::ModelNotFinite) where the model gives
    /// NaN or infinity along that path.
    pub fn balanced(self) -> Result<Self> {
        let precision = balanced_shape(&self)?;
        Ok(self.with_model_precision(precision))
    }
}

impl Schedule {
    /// R_f from where the model does not matter to where it is a constraint,
    /// in steps of α = 1.5; for those who know no R_f0. In *sum*:
    ///
    /// - R_f0 = 10⁻³ K_y / Σ gᵀSg, with S the shape of the model precision and
    ///   g the residuals along the unconstrained path of [`Action::balanced`].
    ///   That path goes through the data, so that the minimum at R_f0 is no
    ///   higher than its model error, 10⁻³ · ½K_y: a thousandth of what noise
    ///   leaves at the plateau.
    /// - The last R_f ≥ K_g K q ⟨1/(vᵢsᵢ)⟩ / (6 · 10⁻² √(2ν)). Measurement
    ///   forces add up along the K measured layers of a window like a random
    ///   walk that begins and ends at zero, whose mean square is K/6 times that
    ///   of one; q is that of one, ⟨R_m vᵢ⟩, if states were off by the
    ///   deviation √vᵢ of their residuals. These momenta p leave the model
    ///   error ½ Σ p²/(R_f s), here a hundredth of the standard deviation
    ///   ½√(2ν) of the action's minimum. It is at most where the rounding of
    ///   residuals is a hundredth of that.
    ///
    /// The orders of magnitude are what matters: R_f grows by α^10 = 58 in ten
    /// cheap levels.
    ///
    /// Where the action was given no shape of the model precision S is that of
    /// [`Action::balanced`], and the annealer takes it too: [`Schedule::shape`].
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
    /// let action = builder.build()?.balanced()?;
    /// let annealing = Annealer::new(Schedule::spanning(&action)?).starts(1).run(&action)?;
    /// let (start, best) = annealing.best().expect("a start that reached the last level");
    /// let plateau = action.expected_plateau().expect("more data than unknowns");
    /// assert!(start.levels[0].action.total < 0.01 * plateau.mean);
    /// assert!(best.action.model < 0.1 * plateau.deviation);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Action::balanced`], and as [`Schedule::geometric`] where the range
    /// of numbers does not hold such R_f.
    pub fn spanning(action: &Action) -> Result<Self> {
        let shape = unset_shape(action)?;
        if !shape.is_empty() {
            let schedule = Self::spanning(&action.balanced_by(&shape)?)?;
            return Ok(schedule.with_shape(shape));
        }
        let first = first(action)?;
        let counts = action.counts();
        let x = rest(action)?;
        let sizes = units::residual_sizes(action, &x)?;
        let shape = action.shape_diagonal(sizes.weighted.len());
        // In the action's normalization, which cancels in `force`.
        let noise = action.measurement_scale() * counts.measured as f64;
        let displaced = displaced(action, &x, &sizes.squares);
        let force = 2.0 * action.at(1.0)?.terms(&displaced).measurement / noise;
        let compliance = sizes.weighted.iter().zip(&shape);
        let compliance = compliance.map(|(v, s)| (v * s).recip());
        let compliance = compliance.sum::<f64>() / shape.len() as f64;
        let layers = counts.measured_layers as f64 / action.windows().len() as f64;
        let freedom = action.degrees_of_freedom().unwrap_or(0).max(1) as f64;
        let last = counts.residuals as f64 * layers * force * compliance
            / (6.0 * CONVERGED * (2.0 * freedom).sqrt())
            / action.sum_per_rf();
        let last = last.min(Limits::new(action)?.rf);
        let steps = ((last / first).ln() / ALPHA.ln()).ceil().max(0.0);
        Self::geometric(first, ALPHA, (0..=steps as u32).map(f64::from))
    }
}

/// The shape of [`Action::balanced`].
fn balanced_shape(action: &Action) -> Result<Precision> {
    let sizes = units::residual_sizes(action, &rest(action)?)?;
    let shape: Vec<f64> = sizes.weighted.iter().map(|v| v.recip()).collect();
    match shape[..] {
        [one] => Precision::scalar(one),
        _ => Precision::diagonal(shape),
    }
}

/// The shape that a schedule which finds R_f itself gives to an action that has none;
/// empty where it has one, or can have one for all only, or where one for all is as
/// good.
pub(super) fn unset_shape(action: &Action) -> Result<Vec<f64>> {
    if !action.is_unshaped() {
        return Ok(Vec::new());
    }
    let components = action.components_told();
    let shape = balanced_shape(action)?.to_matrix(components)?;
    let shape = shape.diag().to_vec();
    let uneven = ratio(&shape).is_some_and(|ratio| ratio > EVEN);
    Ok(if uneven { shape } else { Vec::new() })
}

/// The largest ratio between two components of a shape.
fn ratio(shape: &[f64]) -> Option<f64> {
    let most = shape.iter().copied().reduce(f64::max)?;
    let least = shape.iter().copied().reduce(f64::min)?;
    Some(most / least)
}

/// How far components of a shape that is unset, one for all, are from the balanced
/// one: the largest ratio between two of them. `None` where the shape was given, or one
/// for all is as good.
pub(crate) fn imbalance(action: &Action) -> Option<f64> {
    ratio(&unset_shape(action).ok()?)
}

/// R_f0 of [`Schedule::spanning`].
pub(super) fn first(action: &Action) -> Result<f64> {
    let counts = action.counts();
    let scale = action.measurement_scale();
    let x = rest(action)?;
    let model = action.at(1.0)?.terms(&x).model;
    // NaN stays what it is.
    let least = units::least_model_error(action, &x);
    let model = if model < least { least } else { model };
    Ok(NEGLIGIBLE * 0.5 * scale * counts.measured as f64 / model)
}

/// Where the model error of the unconstrained path is what noise leaves: where
/// the model begins to matter.
pub(super) fn balance(action: &Action) -> Result<f64> {
    Ok(first(action)? / NEGLIGIBLE)
}

/// All states off by the deviation of their residuals.
fn displaced(action: &Action, x: &[f64], squares: &[f64]) -> Vec<f64> {
    let mut x = x.to_vec();
    for window in &action.layout().windows {
        for n in 0..window.layers() {
            for (i, v) in x[window.state(n)].iter_mut().enumerate() {
                *v += squares[i % squares.len()].sqrt();
            }
        }
    }
    x
}
