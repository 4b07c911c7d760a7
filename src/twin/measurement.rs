//! Noisy measurements of the truth.

use ndarray::Array2;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Truth, Twin};
use crate::error::{Error, Result, check_length};
use crate::problem::grid::check_finite;
use crate::problem::observations::Observations;
use crate::problem::precision::Precision;

impl Truth {
    /// Measures the path.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a component or layer that does not exist;
    /// [`Error::NotPositive`] for a distance of 0 between measured layers and
    /// for noise of zero deviation without a declared precision;
    /// [`Error::Length`] for deviations that do not fit the components; and
    /// what [`Observations::of_components`] says: duplicates, empty lists,
    /// layers out of order.
    pub fn observe(&self, measurement: &Measurement) -> Result<Twin> {
        let layers = measurement.layers(self.path.layers())?;
        for &n in &layers {
            for &component in &measurement.components {
                let width = self.path.layer(n).len();
                if component >= width {
                    return Err(Error::OutOfRange {
                        what: "observed component",
                        place: format!("measurement of the twin, layer {n}"),
                        low: 0.0,
                        high: width.saturating_sub(1) as f64,
                        found: component as f64,
                    });
                }
            }
        }
        let deviations = measurement.deviations()?;
        let precision = measurement.declared()?;
        // A stream of its own: the first state's would make noise and state
        // depend on each other where both have the same seed.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(measurement.seed);
        rng.jump();
        let mut values = Array2::zeros((layers.len(), deviations.len()));
        for (mut row, &n) in values.rows_mut().into_iter().zip(&layers) {
            let columns = measurement.components.iter().zip(&deviations);
            for (slot, (&component, deviation)) in row.iter_mut().zip(columns) {
                let z: f64 = StandardNormal.sample(&mut rng);
                *slot = self.path.layer(n)[component] + deviation * z;
            }
        }
        let times: Vec<f64> = layers.iter().map(|&n| self.grid.times()[n]).collect();
        let observations =
            Observations::of_components(&measurement.components, times, values, precision)?;
        Ok(Twin {
            truth: self.path.clone(),
            grid: self.grid.clone(),
            parameters: self.parameters.clone(),
            observations,
            inputs: self.inputs.clone(),
        })
    }
}

/// Gaussian measurement noise by its standard deviation, in units of what is
/// measured.
///
/// ```
/// use deepest::{Measurement, Noise};
///
/// // The first of two measured components has σ = 0.5, the second σ = 0.1.
/// let noise = Noise::diagonal([0.5, 0.1])?;
/// let measurement = Measurement::new(&[0, 2], noise);
/// assert!(Noise::scalar(-0.5).is_err());
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("measurement error", "standard deviation"))]
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    scalar: bool,
    deviations: Vec<f64>,
}

impl Noise {
    /// The same standard deviation for every component; zero is allowed.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::OutOfRange`] below zero.
    pub fn scalar(deviation: f64) -> Result<Self> {
        check_deviation(deviation, || "of all components".into())?;
        Ok(Self {
            scalar: true,
            deviations: vec![deviation],
        })
    }

    /// A standard deviation for each observed component, in their order.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::NotFinite`] and [`Error::OutOfRange`] with
    /// the position.
    pub fn diagonal(deviations: impl Into<Vec<f64>>) -> Result<Self> {
        let deviations = deviations.into();
        if deviations.is_empty() {
            return Err(Error::Empty {
                what: "standard deviations",
                place: "noise".into(),
            });
        }
        for (l, &deviation) in deviations.iter().enumerate() {
            check_deviation(deviation, || format!("of observed component {l}"))?;
        }
        Ok(Self {
            scalar: false,
            deviations,
        })
    }
}

fn check_deviation(found: f64, place: impl Fn() -> String) -> Result<()> {
    let what = "standard deviation of the noise";
    check_finite(what, &place(), found)?;
    if found < 0.0 {
        return Err(Error::OutOfRange {
            what,
            place: place(),
            low: 0.0,
            high: f64::INFINITY,
            found,
        });
    }
    Ok(())
}

/// What is measured of a simulated path, and how well.
///
/// ```
/// use deepest::{models::Lorenz63, prelude::*};
///
/// # let grid = Grid::uniform(0.0, 0.01, 201)?;
/// # let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0]).flow(&Lorenz63)?;
/// // Components 0 and 2 at every tenth of 201 layers.
/// let measurement = Measurement::new(&[0, 2], Noise::scalar(0.5)?).every(10).seed(1);
/// let twin = truth.observe(&measurement)?;
/// assert_eq!(twin.observations.values().dim(), (21, 2));
/// # Ok::<(), deepest::Error>(())
/// ```
#[doc(alias("noise", "measurement error", "synthetic data"))]
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a measurement is taken with `Truth::observe`"]
pub struct Measurement {
    components: Vec<usize>,
    noise: Noise,
    when: When,
    seed: u64,
    precision: Option<Precision>,
}

/// The measured layers.
#[derive(Debug, Clone, PartialEq)]
enum When {
    Every(usize),
    Layers(Vec<usize>),
}

impl Measurement {
    /// Measures the `components` (0-based) at every layer, with seed 0.
    pub fn new(components: &[usize], noise: Noise) -> Self {
        Self {
            components: components.to_vec(),
            noise,
            when: When::Every(1),
            seed: 0,
            precision: None,
        }
    }

    /// Measures the first layer and every `distance`-th after it.
    pub fn every(mut self, distance: usize) -> Self {
        self.when = When::Every(distance);
        self
    }

    /// Measures these layers, in their order; one that stands there several times is
    /// measured as often.
    pub fn at_layers(mut self, layers: &[usize]) -> Self {
        self.when = When::Layers(layers.to_vec());
        self
    }

    /// The seed of the noise, which is independent of a first state drawn with
    /// the same seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The precision R_m that the observations declare; where it is not given,
    /// one over the noise's variance.
    pub fn precision_declared(mut self, precision: Precision) -> Self {
        self.precision = Some(precision);
        self
    }

    fn layers(&self, count: usize) -> Result<Vec<usize>> {
        let place = || String::from("measurement of the twin");
        match &self.when {
            When::Every(0) => Err(Error::NotPositive {
                what: "distance between measured layers",
                place: place(),
                found: 0.0,
            }),
            When::Every(distance) => Ok((0..count).step_by(*distance).collect()),
            When::Layers(layers) => match layers.iter().find(|&&n| n >= count) {
                None => Ok(layers.clone()),
                Some(&found) => Err(Error::OutOfRange {
                    what: "measured layer",
                    place: place(),
                    low: 0.0,
                    high: count.saturating_sub(1) as f64,
                    found: found as f64,
                }),
            },
        }
    }

    /// One standard deviation a component.
    fn deviations(&self) -> Result<Vec<f64>> {
        let (count, noise) = (self.components.len(), &self.noise);
        if noise.scalar {
            return Ok(vec![noise.deviations[0]; count]);
        }
        let place = || String::from("noise");
        check_length("standard deviations", place, count, noise.deviations.len())?;
        Ok(noise.deviations.clone())
    }

    fn declared(&self) -> Result<Precision> {
        if let Some(precision) = &self.precision {
            return Ok(precision.clone());
        }
        if let Some(l) = self.noise.deviations.iter().position(|s| *s == 0.0) {
            return Err(Error::NotPositive {
                what: "standard deviation of the noise, where no precision is declared",
                place: format!("measurement of the twin, deviation {l}"),
                found: 0.0,
            });
        }
        let precisions: Vec<f64> = self.noise.deviations.iter().map(|s| s.powi(-2)).collect();
        if self.noise.scalar {
            Precision::scalar(precisions[0])
        } else {
            Precision::diagonal(precisions)
        }
    }
}
