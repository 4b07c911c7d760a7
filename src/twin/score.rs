//! How far an estimate is from the truth.

use super::Twin;
use crate::action::Estimate;
use crate::error::{Result, check_length};
use crate::problem::path::Path;

/// Distances of an estimate from the truth, in units of the states and
/// parameters. NaN where the estimate has a NaN.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Score {
    /// Root of the mean squared error over all states.
    pub rmse: f64,
    /// The same over the observed components, at all layers.
    pub observed_rmse: f64,
    /// The same over the components that are never observed; `None` where all
    /// are observed.
    pub unobserved_rmse: Option<f64>,
    /// The same for each component, over the layers wide enough to have it.
    pub component_rmse: Vec<f64>,
    /// Estimate − truth, for each parameter.
    pub parameter_errors: Vec<f64>,
}

/// A mean of squares that grows.
#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    sum: f64,
    count: usize,
}

impl Squares {
    fn of(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::default(), |all, part| Self {
            sum: all.sum + part.sum,
            count: all.count + part.count,
        })
    }

    fn root_mean(self) -> Option<f64> {
        (self.count > 0).then(|| (self.sum / self.count as f64).sqrt())
    }
}

impl Twin {
    /// Compares an estimate of this twin with the truth.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) unless the estimate has one
    /// path with the layers and widths of the truth, and all parameters.
    pub fn score(&self, estimate: &Estimate) -> Result<Score> {
        let place = || String::from("estimate to score");
        let (paths, parameters) = (&estimate.paths, &estimate.parameters);
        check_length("paths", place, 1, paths.len())?;
        check_length("parameters", place, self.parameters.len(), parameters.len())?;
        let squares = self.squares(&paths[0])?;
        let observed = self.observations.components();
        let chosen = |seen: bool| {
            let components = squares.iter().enumerate();
            let kept = components.filter(move |(i, _)| {
                observed.is_some_and(|observed| observed.contains(i)) == seen
            });
            Squares::of(kept.map(|(_, part)| *part)).root_mean()
        };
        let all = Squares::of(squares.iter().copied());
        let components = squares.iter().map(|part| part.root_mean());
        let errors = parameters.iter().zip(&self.parameters);
        Ok(Score {
            rmse: all.root_mean().unwrap_or(f64::NAN),
            observed_rmse: chosen(true).unwrap_or(f64::NAN),
            unobserved_rmse: chosen(false),
            component_rmse: components.map(|r| r.unwrap_or(f64::NAN)).collect(),
            parameter_errors: errors
                .map(|(found, true_value)| found - true_value)
                .collect(),
        })
    }

    /// Squared errors, component by component.
    fn squares(&self, path: &Path) -> Result<Vec<Squares>> {
        let place = || String::from("path to score");
        check_length("layers", place, self.truth.layers(), path.layers())?;
        let mut squares: Vec<Squares> = Vec::new();
        for n in 0..path.layers() {
            let (truth, found) = (self.truth.layer(n), path.layer(n));
            let place = || format!("path to score, layer {n}");
            check_length("components", place, truth.len(), found.len())?;
            if squares.len() < truth.len() {
                squares.resize(truth.len(), Squares::default());
            }
            for (part, (a, b)) in squares.iter_mut().zip(truth.iter().zip(found)) {
                part.sum += (a - b).powi(2);
                part.count += 1;
            }
        }
        Ok(squares)
    }
}
