//! Where the action must end if model and errors are what they are said to be.

use super::{Action, Counts, Normalization};
use crate::problem::losses::Loss;

/// The distribution of the minimum of the action, when the model and the
/// precisions are right.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Plateau {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

impl Normalization {
    /// The factors of ½ R_m Σ(…)² and ½ R_f Σ(…)².
    pub(crate) fn weights(self, counts: &Counts) -> [f64; 2] {
        match self {
            Self::Sum => [1.0; 2],
            Self::Mean => [2.0 / counts.measured as f64, 2.0 / counts.residuals as f64],
            Self::Minaone => [2.0 / counts.measured_layers as f64; 2],
        }
    }
}

impl Action {
    /// ν, the terms of the action less its unknowns:
    /// ν = K_y + K_g + K_p − n, with the [`Counts`] `measured`, `residuals`,
    /// `priors` and `unknowns`. `None` where there are fewer terms than unknowns.
    ///
    /// Every layer but the first has one residual for each of its states, so
    /// that ν = K_y + K_p − Σ D − P: the widths D of the first layers of all
    /// windows, and P unknowns for the parameters (one a window for a parameter
    /// of each window, or that changes in time).
    pub fn degrees_of_freedom(&self) -> Option<usize> {
        let Counts {
            measured,
            residuals,
            priors,
            unknowns,
            ..
        } = self.counts;
        (measured + residuals + priors).checked_sub(unknowns)
    }

    /// The minimum that is to be expected, in the action's own normalization.
    ///
    /// With Gaussian errors every term of 2A is the square of a standard normal
    /// number, and a linear least-squares problem of so many terms with n
    /// unknowns leaves χ² with ν = [terms − n](Self::degrees_of_freedom): mean ν
    /// and variance 2ν. In *sum* A has half of both the mean and the standard
    /// deviation √(2ν). That holds twice: at the R_f that the model errors have,
    /// and at R_f → ∞ for a model without errors, where each residual that
    /// becomes a constraint takes one term and one unknown away. Priors are
    /// data: the truth is a draw from them (a log-normal one of deviation σ in
    /// ln θ adds up to ½σ² to A that is not counted here).
    ///
    /// The other normalizations multiply by 2/K_y and 2/K_t. Nonlinear problems
    /// follow this as far as they are linear within their errors; unknowns that
    /// end at a bound are unknowns less.
    ///
    /// `None` without degrees of freedom, where a [`Loss`] is not Gaussian, and for
    /// smooth measurements, whose term is a potential and no square of one error.
    pub fn expected_plateau(&self) -> Option<Plateau> {
        if !self.is_gaussian() {
            return None;
        }
        let freedom = self.degrees_of_freedom().filter(|f| *f > 0)?;
        Some(Plateau {
            mean: 0.5 * self.measurement_weight * freedom as f64,
            deviation: self.deviation(freedom),
        })
    }

    /// Whether each measured value adds the square of one Gaussian error.
    pub(crate) fn is_gaussian(&self) -> bool {
        let sets = self.windows.iter().flat_map(|w| w.observation_sets());
        let mut sets = sets.map(|set| (set.loss_function(), set.kernel()));
        sets.all(|(loss, kernel)| loss == Loss::gaussian() && kernel.is_none())
    }

    /// What noise makes of the action, in its own normalization: the standard
    /// deviation of the plateau, or of one with as many terms as there are
    /// measured values where none is to be expected.
    pub(crate) fn noise_deviation(&self) -> f64 {
        let plateau = self.expected_plateau();
        plateau.map_or_else(|| self.deviation(self.counts.measured), |p| p.deviation)
    }

    /// What noise leaves of the action, in its own normalization: the mean of the
    /// plateau, or one half for each measured value where none is to be expected.
    pub(crate) fn noise_level(&self) -> f64 {
        let all = 0.5 * self.measurement_weight * self.counts.measured as f64;
        self.expected_plateau().map_or(all, |plateau| plateau.mean)
    }

    fn deviation(&self, freedom: usize) -> f64 {
        0.5 * self.measurement_weight * (2.0 * freedom as f64).sqrt()
    }
}
