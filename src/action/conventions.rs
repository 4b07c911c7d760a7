//! What the numbers of an action mean, and how many there are.

use std::fmt;

/// What the sums of squares are divided by.
///
/// K_y counts the finite measured values, K_t the layers that carry one, K_g
/// the components of the model residuals, over all windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Normalization {
    /// ½ R_m Σ(…)² + ½ R_f Σ(…)²: a negative log posterior, and the only one
    /// that priors, covariances and χ² go with.
    #[default]
    Sum,
    /// R_m Σ(…)² / K_y + R_f Σ(…)² / K_g, as in the Python package varanneal.
    Mean,
    /// (R_m Σ(…)² + R_f Σ(…)²) / K_t, as in minAone.
    Minaone,
}

impl Normalization {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Minaone => "minaone",
        }
    }
}

/// What one unit of model precision means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PrecisionUnit {
    /// R_f weighs each residual as it is, whatever its interval's length (the
    /// custom of varanneal). Unit: state⁻².
    PerStep,
    /// R_f is the inverse density of white model noise; an interval of length
    /// h weighs with R_f / h (Simpson-Hermite: R_f/h on g¹ and 4R_f/h on g²),
    /// so that the problem does not change when the grid is refined. Unit:
    /// time · state⁻².
    PerTime,
}

/// The action by its terms; `total` is their sum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ActionTerms {
    /// The action.
    pub total: f64,
    /// Measurement error.
    pub measurement: f64,
    /// Model error.
    pub model: f64,
    /// Priors.
    pub prior: f64,
}

/// How many numbers enter the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counts {
    /// K_y, finite measured values.
    pub measured: usize,
    /// K_t, layers with a measured value.
    pub measured_layers: usize,
    /// K_g, components of the model residuals.
    pub residuals: usize,
    /// K_p, terms of priors: a component of a first state's, one for each value
    /// of a static parameter that has one, and for a parameter that changes in
    /// time one for each of its changes and for its prior.
    pub priors: usize,
    /// Unknowns: all states and the estimated parameters.
    pub unknowns: usize,
}

/// How the linear equations of a Newton step of an action are solved:
/// [`ActionBuilder::equations`](crate::ActionBuilder::equations).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Equations {
    /// The cheapest way: see [`NewtonCosts`](crate::NewtonCosts).
    #[default]
    Automatic,
    /// By a block-arrow factorization of the Hessian in all unknowns, with the
    /// parameters as its border. Always open, and the only way that knows bounds,
    /// exact second derivatives (where they are not out of all proportion) and with
    /// them the sign of the curvature.
    BlockArrow,
    /// By a dense factorization of the order of the model residuals: for many
    /// parameters and few residuals. Gauss-Newton only.
    ResidualSpace,
    /// By conjugate gradients in the parameters, with the states eliminated
    /// exactly: for many of both. Gauss-Newton only, and inexact.
    ConjugateGradients,
}

impl fmt::Display for Equations {
    /// In words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "the cheapest way",
            Self::BlockArrow => "the block arrow",
            Self::ResidualSpace => "the space of the residuals",
            Self::ConjugateGradients => "conjugate gradients",
        })
    }
}
