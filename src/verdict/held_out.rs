//! Measurements that were kept back, against the estimate.

use super::normal::{both_tails, deviation_of};
use crate::action::{Action, Estimate};
use crate::error::{Error, Result};
use crate::objective::Knowledge;
use crate::problem::observations::Observations;

/// What a small share of the held-out precision tells at first, in nats: a
/// first guess of how large a share is still small.
const FIRST_SHARE: f64 = 1e-6;

/// The share that serves for derivatives tells about so much.
const SMALL: f64 = 1e-2;

/// How well an estimate predicts measurements that it has not seen.
///
/// ```
/// # use deepest::{models::Lorenz63, prelude::*};
/// # fn main() -> deepest::Result<()> {
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).spin_up(20.0).flow(&Lorenz63)?;
/// # let twin = truth.observe(&Measurement::new(&[0, 1], Noise::scalar(0.5)?).seed(2))?;
/// # let action = Action::builder(Lorenz63, SimpsonHermite)
/// #     .window(twin.window()?)
/// #     .parameter("sigma", Parameter::fixed(10.0))
/// #     .parameter("rho", Bounds::new(0.0, 60.0)?)
/// #     .parameter("beta", Parameter::fixed(8.0 / 3.0))
/// #     .build()?;
/// # let annealing = Annealer::new(Schedule::adaptive()).starts(2).run(&action)?;
/// // What the action has not seen: z, which was measured on its own.
/// let other = truth.observe(&Measurement::new(&[2], Noise::scalar(0.5)?).seed(3))?;
/// let (_, best) = annealing.best().expect("a start that reached the end");
/// let test = action.held_out(best.rf, &best.estimate, &[(0, other.observations)])?;
/// assert_eq!(test.count, 201);
/// assert!(test.z.abs() < 4.0);
/// # Ok(())
/// # }
/// ```
#[doc(alias("prediction", "cross-validation"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct HeldOut {
    /// K, the values that are there.
    pub count: usize,
    /// Σ eᵀR_m e / K, with e = measured − predicted: one where only the
    /// measurements' own errors are left.
    pub mean_square: f64,
    /// What it should be: 1 + tr(R_m C)/K, with C the posterior covariance of
    /// what was measured.
    pub expected: f64,
    /// How many standard deviations of a normal number it is above that.
    pub z: f64,
    /// The probability of a value at least as far from its median, above or
    /// below.
    pub probability: f64,
}

impl Action {
    /// Compares measurements that were kept back with an estimate that minimizes
    /// the action at `rf`. Each set has its window's index with it, may measure
    /// anything at any times of that window's grid, and counts with Gaussian
    /// errors.
    ///
    /// The error of a prediction is that of the measurement and that of the
    /// estimate: Σ eᵀR_m e has the mean K + tr B and the variance
    /// 2(K + 2 tr B + tr B²), B = R_m C (the Laplace approximation with
    /// the Gauss-Newton Hessian). Both traces are derivatives of ln det(I + εB)
    /// at ε = 0, so that C itself is not needed; z takes the sum for a χ² of
    /// that mean and variance (Satterthwaite 1946).
    ///
    /// # Errors
    /// As [`Action::information`], and [`Error::Empty`] where no value was kept back.
    #[doc(alias("prediction", "forecast", "cross-validation", "test set"))]
    pub fn held_out(
        &self,
        rf: f64,
        estimate: &Estimate,
        held: &[(usize, Observations)],
    ) -> Result<HeldOut> {
        if let Some(shaped) = self.reshaped(estimate)? {
            return shaped.held_out(rf, estimate, held);
        }
        let knowledge = Knowledge::new(self, rf, estimate)?;
        let with = |share: f64| {
            let sets = held.iter().map(|(w, set)| (*w, set.gaussian(share)));
            self.with_observations(&sets.collect::<Vec<_>>())
        };
        let all = with(1.0)?;
        let measurement = |action: &Self| Ok(action.terms(rf, estimate)?.measurement);
        let more = measurement(&all)? - measurement(self)?;
        let square = 2.0 * more / self.measurement_scale();
        let count = all.counts().measured - self.counts().measured;
        if count == 0 {
            return Err(Error::Empty {
                what: "values that were kept back",
                place: "held-out measurements".into(),
            });
        }
        let k = count as f64;
        let [trace, trace_of_square] = traces(k, |share| {
            // ln det(I + εB), twice the information.
            Ok(2.0 * knowledge.gained(&with(share)?)?)
        })?;
        let mean = k + trace;
        let variance = 2.0 * (k + 2.0 * trace + trace_of_square);
        let freedom = 2.0 * mean * mean / variance;
        let z = deviation_of(square * freedom / mean, freedom);
        Ok(HeldOut {
            count,
            mean_square: square / k,
            expected: mean / k,
            z,
            probability: both_tails(z),
        })
    }
}

/// tr B and tr B² of a positive semidefinite matrix of rank `k` at most, from
/// f(ε) = ln det(I + εB) = ε tr B − ½ε² tr B² + ….
fn traces(k: f64, f: impl Fn(f64) -> Result<f64>) -> Result<[f64; 2]> {
    let first = (f(FIRST_SHARE)? / FIRST_SHARE).max(1.0);
    let share = SMALL / first;
    let (once, twice) = (f(share)?, f(2.0 * share)?);
    let trace = ((4.0 * once - twice) / (2.0 * share)).max(0.0);
    let square = (2.0 * once - twice) / (share * share);
    Ok([trace, square.clamp(trace * trace / k, trace * trace)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_those_of_the_matrix() {
        let eigenvalues = [3.0_f64, 0.5, 0.01];
        let f = |share: f64| Ok(eigenvalues.iter().map(|l| (share * l).ln_1p()).sum());
        let [trace, square] = traces(3.0, f).unwrap();
        // The next terms of both series are of the order of the share, 0.003.
        approx::assert_relative_eq!(trace, 3.51, max_relative = 1e-4);
        approx::assert_relative_eq!(square, 9.2501, max_relative = 0.03);
    }
}
