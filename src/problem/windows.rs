//! A window: one recording, trial or input/output pair.
//!
//! A [`Window`] joins a grid with any number of sets of observations and, if
//! the first state is known roughly, its [`StatePrior`]. Windows of one action
//! have paths of their own and share the parameters.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::problem::grid::Grid;
use crate::problem::inputs::Inputs;
use crate::problem::observations::Observations;
use crate::problem::precision::{Precision, check_positive};

/// A stretch of layers with its observations and the prior of its first state.
///
/// ```
/// use deepest::{models::LotkaVolterra, prelude::*};
/// use ndarray::array;
///
/// # fn main() -> deepest::Result<()> {
/// # let noise = Precision::from_deviation(2.0)?;
/// let grid = Grid::uniform(0.0, 0.1, 21)?;
/// let data = Observations::of_components(&[0], [0.0, 2.0], array![[30.0], [41.0]], noise)?;
/// let first = Window::new(grid).observations(data)?;
/// # let second = first.clone();
/// // Two recordings are two windows of one action.
/// let builder = Action::builder(LotkaVolterra, Trapezoid).windows([first, second]);
/// # let action = builder.parameter_block("rates", [0.5, 0.03, 0.8, 0.02].map(Parameter::fixed)).build()?;
/// assert_eq!(action.windows().len(), 2);
/// # Ok(())
/// # }
/// ```
///
/// Several windows of one action share the model and its parameters.
#[doc(alias("recording", "trial", "experiment", "segment"))]
#[derive(Debug, Clone)]
pub struct Window {
    grid: Grid,
    /// Each set with the layers that its rows act on.
    observations: Vec<(Observations, Vec<Contact>)>,
    prior: Option<StatePrior>,
    inputs: Option<Inputs>,
    /// A factor of R_f for each step; empty where all are one.
    precision_factors: Vec<f64>,
}

/// A row of observations acts on a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contact {
    pub(crate) row: usize,
    pub(crate) layer: usize,
    /// Its share of the row: one, unless measurements are smooth.
    pub(crate) weight: f64,
}

/// The rows of a set that act on these layers alone.
pub(crate) fn rows_within(
    set: &Observations,
    contacts: &[Contact],
    layers: &Range<usize>,
) -> Range<usize> {
    let before = contacts.iter().rfind(|c| c.layer < layers.start);
    let beyond = contacts.iter().find(|c| c.layer >= layers.end);
    let end = beyond.map_or(set.times().len(), |contact| contact.row);
    before.map_or(0, |contact| contact.row + 1).min(end)..end
}

/// A Gaussian prior of the first state, ½ (x₀ − x_b)ᵀ B⁻¹ (x₀ − x_b).
///
/// ```
/// use deepest::{models::LotkaVolterra, prelude::*};
///
/// # fn main() -> deepest::Result<()> {
/// # let data = Observations::of_components(&[0], [0.0], ndarray::array![[30.0]], Precision::scalar(1.0)?)?;
/// # let window = Window::new(Grid::uniform(0.0, 0.1, 21)?).observations(data)?;
/// // The first state is 30 ± 0.1 and 4 ± 2.
/// let known = Precision::diagonal([1.0 / 0.01, 1.0 / 4.0])?;
/// let window = window.prior(StatePrior::new([30.0, 4.0], known)?);
/// let builder = Action::builder(LotkaVolterra, Trapezoid).window(window);
/// # let action = builder.parameter_block("rates", [0.5, 0.03, 0.8, 0.02].map(Parameter::fixed)).build()?;
/// assert_eq!(action.counts().priors, 2);
/// # Ok(())
/// # }
/// ```
#[doc(alias("initial condition", "initial state", "background"))]
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
            inputs: None,
            precision_factors: Vec::new(),
        }
    }

    /// Adds a set of observations; several sets may have different components,
    /// times and precisions, and several values may stand at one time. Their errors
    /// are independent.
    ///
    /// Times and layers meet where they are the same but for rounding, and the
    /// layer's time is taken: within a millionth of a step, or the rounding of times
    /// that were summed step by step, N ε max |t| for N steps and at most a thousandth
    /// of the shortest step. Unix time stamps serve as they are.
    ///
    /// # Errors
    /// [`Error::TimeOffGrid`] for an observation between the layers; for smooth
    /// ones [`Error::OutOfRange`] for one outside of the window and
    /// [`Error::GridTooCoarse`] for a step longer than half the kernel's half-width.
    pub fn observations(mut self, mut observations: Observations) -> Result<Self> {
        let set = self.observations.len();
        let contacts = match observations.kernel() {
            None => {
                let contacts = self.contacts(set, observations.times())?;
                let layers = contacts.iter().map(|contact| contact.layer);
                let times = layers.map(|n| self.grid.times()[n]).collect();
                observations = observations.at_times(times);
                contacts
            }
            Some(kernel) => {
                let mut contacts = Vec::new();
                let slack = self.grid.slack(observations.times().len());
                for (row, &time) in observations.times().iter().enumerate() {
                    let place = || format!("observation set {set}, row {row}");
                    let shares = kernel.shares(&self.grid, time, slack, place)?;
                    contacts.extend(shares.into_iter().map(|(layer, weight)| Contact {
                        row,
                        layer,
                        weight,
                    }));
                }
                contacts
            }
        };
        self.observations.push((observations, contacts));
        Ok(self)
    }

    /// Rows on layers of their own.
    fn contacts(&self, set: usize, times: &[f64]) -> Result<Vec<Contact>> {
        let slack = self.grid.slack(times.len());
        let rows = times.iter().enumerate();
        rows.map(|(row, &time)| {
            let place = || format!("observation set {set}, row {row}");
            Ok(Contact {
                row,
                layer: self.grid.layer_at(time, slack, place)?,
                weight: 1.0,
            })
        })
        .collect()
    }

    /// Sets the prior of the first state.
    #[doc(alias("initial condition", "initial state"))]
    #[must_use]
    pub fn prior(mut self, prior: StatePrior) -> Self {
        self.prior = Some(prior);
        self
    }

    /// The known inputs of the model over this window.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for series that begin after the first layer or
    /// end before the last.
    pub fn inputs(mut self, inputs: Inputs) -> Result<Self> {
        let place = || String::from("inputs of a window");
        inputs.check_reach(&self.grid, place)?;
        self.inputs = Some(inputs.aligned(&self.grid));
        Ok(self)
    }

    /// Lets the model precision vary in time: R_f is multiplied by
    /// `factors[n]` between layers n and n + 1 (by the mean of its steps' in an
    /// interval of several steps).
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one factor a step,
    /// [`Error::NotPositive`] and [`Error::NotFinite`] with the step.
    pub fn precision_factors(mut self, factors: impl Into<Vec<f64>>) -> Result<Self> {
        let factors = factors.into();
        if factors.len() != self.grid.layers() - 1 {
            return Err(Error::Length {
                what: "factors of the model precision",
                place: "window".into(),
                expected: self.grid.layers() - 1,
                found: factors.len(),
            });
        }
        for (n, &factor) in factors.iter().enumerate() {
            let place = || format!("window, step {n}");
            check_positive("factor of the model precision", place, factor)?;
        }
        self.precision_factors = factors;
        Ok(self)
    }

    /// Some consecutive layers, at least two, and what was measured there alone; the
    /// prior where the first layer is among them. `None` where first rows are left out
    /// of a set that knows rows by number.
    pub(crate) fn part(&self, layers: Range<usize>) -> Option<Self> {
        let mut part = Self {
            grid: self.grid.part(layers.clone()),
            observations: Vec::new(),
            prior: self.prior.clone().filter(|_| layers.start == 0),
            inputs: self.inputs.clone(),
            precision_factors: Vec::new(),
        };
        if !self.precision_factors.is_empty() {
            let steps = layers.start..layers.end - 1;
            part.precision_factors = self.precision_factors[steps].to_vec();
        }
        for (set, contacts) in &self.observations {
            let rows = rows_within(set, contacts, &layers);
            if rows.start > 0 && set.is_numbered() {
                return None;
            }
            let Some(set) = set.at_rows(&rows.clone().collect::<Vec<_>>()) else {
                continue;
            };
            let contacts = contacts
                .iter()
                .filter(|contact| rows.contains(&contact.row));
            let moved = contacts.map(|contact| Contact {
                row: contact.row - rows.start,
                layer: contact.layer - layers.start,
                weight: contact.weight,
            });
            part.observations.push((set, moved.collect()));
        }
        Some(part)
    }

    /// The same recording on other layers.
    ///
    /// # Errors
    /// As [`observations`](Self::observations) and [`inputs`](Self::inputs).
    pub(crate) fn regridded(&self, grid: Grid) -> Result<Self> {
        let mut window = self.without_observations(grid)?;
        for set in self.observation_sets() {
            window = window.observations(set.clone())?;
        }
        Ok(window)
    }

    /// All but the observations, on other layers. A step has the factor of the
    /// model precision that the step had where its middle lies.
    fn without_observations(&self, grid: Grid) -> Result<Self> {
        let known = &self.grid.times()[1..];
        let last = self.precision_factors.len().saturating_sub(1);
        let factor = |pair: &[f64]| {
            let middle = 0.5 * (pair[0] + pair[1]);
            self.precision_factors[known.partition_point(|t| *t < middle).min(last)]
        };
        let mut window = Self::new(grid);
        if !self.precision_factors.is_empty() {
            window.precision_factors = window.grid.times().windows(2).map(factor).collect();
        }
        window.prior = self.prior.clone();
        if let Some(inputs) = &self.inputs {
            window = window.inputs(inputs.clone())?;
        }
        Ok(window)
    }

    /// Every `k`-th layer, and what was measured there, as far as that makes whole
    /// intervals of `steps`; layers that are left over at the end all stay. `None`
    /// where sets know their rows by number or are smooth.
    pub(crate) fn thinned(&self, k: usize, steps: usize) -> Option<Self> {
        let times = self.grid.times();
        let regular = (times.len() - 1) / (k * steps) * (k * steps);
        let stays = |n: usize| n > regular || n.is_multiple_of(k);
        let kept = times.iter().enumerate().filter(|(n, _)| stays(*n));
        let grid = Grid::new(kept.map(|(_, t)| *t).collect()).ok()?;
        let mut window = self.without_observations(grid).ok()?;
        for (set, contacts) in &self.observations {
            let rows = contacts.iter().filter(|contact| stays(contact.layer));
            let rows: Vec<usize> = rows.map(|contact| contact.row).collect();
            let set = set.at_rows(&rows).filter(|set| set.kernel().is_none())?;
            window = window.observations(set).ok()?;
        }
        Some(window)
    }

    /// The window and as much time again, in the same steps and with the same
    /// measurements; `None` where known inputs end, or times are too large for that.
    pub(crate) fn prolonged(&self) -> Option<Self> {
        let times = self.grid.times();
        let first = times[0];
        let length = times[times.len() - 1] - first;
        let later = times[1..].iter().map(|t| t + length);
        let grid = Grid::new(times.iter().copied().chain(later).collect()).ok()?;
        let mut window = Self::new(grid);
        window.prior = self.prior.clone();
        window.precision_factors = self.precision_factors.repeat(2);
        if let Some(inputs) = &self.inputs {
            window = window.inputs(inputs.clone()).ok()?;
        }
        for set in self.observation_sets() {
            window = window.observations(set.clone()).ok()?;
            if let Some(again) = set.repeated(length, first) {
                window = window.observations(again).ok()?;
            }
        }
        Some(window)
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

    pub(crate) fn sets(&self) -> &[(Observations, Vec<Contact>)] {
        &self.observations
    }

    pub(crate) fn known_inputs(&self) -> Option<&Inputs> {
        self.inputs.as_ref()
    }

    /// The factor of R_f from layer `first` on over `steps` steps.
    #[inline]
    pub(crate) fn precision_factor(&self, first: usize, steps: usize) -> f64 {
        match self.precision_factors.get(first..first + steps) {
            Some(factors) => factors.iter().sum::<f64>() / steps as f64,
            None => 1.0,
        }
    }

    pub(crate) fn state_prior(&self) -> Option<&StatePrior> {
        self.prior.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use ndarray::Array2;

    /// Eight layers, of which every second is measured: the layer's number.
    fn window() -> Window {
        let grid = Grid::uniform(0.0, 1.0, 8).unwrap();
        let times = vec![0.0, 2.0, 4.0, 6.0];
        let values = Array2::from_shape_fn((4, 1), |(k, _)| times[k]);
        let precision = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], times, values, precision);
        let prior = StatePrior::new([0.0], Precision::scalar(1.0).unwrap());
        let window = Window::new(grid).observations(data.unwrap()).unwrap();
        let factors: Vec<f64> = (1..8).map(f64::from).collect();
        window
            .prior(prior.unwrap())
            .precision_factors(factors)
            .unwrap()
    }

    #[test]
    fn a_part_has_what_was_measured_there() {
        let part = window().part(3..7).unwrap();
        assert_eq!(part.grid.times(), [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(part.precision_factors, [4.0, 5.0, 6.0]);
        assert!(part.prior.is_none());
        let (set, contacts) = &part.sets()[0];
        assert_eq!(set.values().column(0).to_vec(), [4.0, 6.0]);
        let layers: Vec<_> = contacts.iter().map(|c| (c.row, c.layer)).collect();
        assert_eq!(layers, [(0, 1), (1, 3)]);
        assert!(window().part(0..3).unwrap().prior.is_some());
    }

    #[test]
    fn rows_that_reach_out_of_a_part_are_no_part_of_it() {
        let (grid, times) = (Grid::uniform(0.0, 1.0, 9).unwrap(), vec![2.0, 4.0, 6.0]);
        let values = Array2::from_shape_fn((3, 1), |(k, _)| times[k]);
        let precision = Precision::scalar(1.0).unwrap();
        let data = Observations::of_components(&[0], times, values, precision).unwrap();
        let window = Window::new(grid)
            .observations(data.smooth(2.5).unwrap())
            .unwrap();
        // The row at 4 reaches from 2 to 6.
        let part = window.part(2..7).unwrap();
        let (set, contacts) = &part.sets()[0];
        assert_eq!(set.times(), [4.0]);
        assert!(contacts.iter().all(|c| c.row == 0));
        assert_eq!(
            contacts.iter().map(|c| c.layer).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4]
        );
        assert!(window.part(3..7).unwrap().sets().is_empty());
    }

    /// The first component, by a function.
    struct First;

    impl Observe for First {
        fn len(&self, _k: usize) -> usize {
            1
        }
        fn observe<S: Scalar>(&self, _k: usize, _t: S, x: &[S], _theta: &[S], out: &mut [S]) {
            out[0] = x[0];
        }
    }

    #[test]
    fn a_set_that_knows_its_rows_by_number_keeps_its_first_ones() {
        let (times, rows) = (vec![0.0, 2.0, 4.0], vec![vec![0.0], vec![2.0], vec![4.0]]);
        let one = Precision::scalar(1.0).unwrap();
        let data = Observations::of_operator(First, times, &rows, one).unwrap();
        let window = Window::new(Grid::uniform(0.0, 1.0, 5).unwrap());
        let window = window.observations(data).unwrap();
        assert_eq!(window.part(0..3).unwrap().sets()[0].0.times(), [0.0, 2.0]);
        assert!(window.part(2..5).is_none());
    }
}
