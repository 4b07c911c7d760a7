//! A window: one recording, trial or input/output pair.
//!
//! A [`Window`] joins a grid with any number of sets of observations and, if
//! the first state is known roughly, its [`StatePrior`]. Windows of one action
//! have paths of their own and share the parameters.

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::observations::Observations;
use crate::precision::Precision;

/// A stretch of layers with its observations and the prior of its first state.
///
/// Several windows of one action share the model and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    grid: Grid,
    /// Each set with the layers of its rows.
    observations: Vec<(Observations, Vec<usize>)>,
    prior: Option<StatePrior>,
}

/// A Gaussian prior of the first state, ½ (x₀ − x_b)ᵀ B⁻¹ (x₀ − x_b).
#[derive(Debug, Clone, PartialEq)]
pub struct StatePrior {
    pub(crate) mean: Vec<f64>,
    pub(crate) precision: Precision,
}

impl StatePrior {
    /// `mean` is x_b, `precision` B⁻¹.
    ///
    /// # Errors
    /// [`Error::NotFinite`] for a mean, [`Error::Length`] when the precision
    /// does not fit it.
    pub fn new(mean: impl Into<Vec<f64>>, precision: Precision) -> Result<Self> {
        let mean = mean.into();
        if let Some(i) = mean.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite {
                what: "mean",
                place: format!("prior of the first state, component {i}"),
                found: mean[i],
            });
        }
        precision.check_size(mean.len(), || "prior of the first state".into())?;
        Ok(Self { mean, precision })
    }
}

impl Window {
    /// A window without observations.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            observations: Vec::new(),
            prior: None,
        }
    }

    /// Adds a set of observations; several sets may have different components,
    /// times and precisions. Their errors are independent.
    ///
    /// # Errors
    /// [`Error::TimeOffGrid`] for an observation between the layers.
    pub fn observations(mut self, observations: Observations) -> Result<Self> {
        let set = self.observations.len();
        let times = observations.times().iter().enumerate();
        let layers = times
            .map(|(row, &time)| {
                self.grid
                    .layer_at(time, || format!("observation set {set}, row {row}"))
            })
            .collect::<Result<Vec<_>>>()?;
        if let Some(row) = (1..layers.len()).find(|&row| layers[row] == layers[row - 1]) {
            return Err(Error::Duplicate {
                what: "layers of observation times",
                place: format!("observation set {set}"),
                value: layers[row],
                first: row - 1,
                second: row,
            });
        }
        self.observations.push((observations, layers));
        Ok(self)
    }

    /// Sets the prior of the first state.
    #[must_use]
    pub fn prior(mut self, prior: StatePrior) -> Self {
        self.prior = Some(prior);
        self
    }

    /// The times of the layers.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The sets of observations.
    pub fn observation_sets(&self) -> impl Iterator<Item = &Observations> {
        self.observations.iter().map(|(set, _)| set)
    }

    pub(crate) fn sets(&self) -> &[(Observations, Vec<usize>)] {
        &self.observations
    }

    pub(crate) fn state_prior(&self) -> Option<&StatePrior> {
        self.prior.as_ref()
    }
}
