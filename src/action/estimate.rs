//! States and parameters as a user sees them, and as one vector of unknowns.

use super::Action;
use crate::error::{Error, Result, check_length};
use crate::problem::grid::check_finite;
use crate::problem::parameters::Reach;
use crate::problem::path::Path;
use crate::problem::windows::Window;

/// Paths of all windows and all parameters, the fixed ones included.
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
/// let (_, best) = annealing.best().expect("a start that reached the end");
/// let estimate = &best.estimate;
/// let z = estimate.paths[0].component(2); // at all layers of the first window
/// let rho = estimate.parameters[1];
/// assert_eq!(z.len(), 201);
/// assert!((rho - 28.0).abs() < 1.0);
/// # Ok(())
/// # }
/// ```
#[doc(alias("solution", "result"))]
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Estimate {
    /// One path a window.
    pub paths: Vec<Path>,
    /// All P parameters, in the model's order: the mean over windows or layers
    /// of one that has several values.
    pub parameters: Vec<f64>,
    /// For each window its own values of the parameters that every window has
    /// of its own, in the model's order; empty where there are none.
    pub per_window: Vec<Vec<f64>>,
    /// For each window the values of the parameters that change in time, one
    /// row a layer, in the model's order; empty where there are none.
    pub varying: Vec<Path>,
    /// The diagonal shape of the model precision that the R_f of its level
    /// multiplies, where an annealer balanced it; empty where it is the action's
    /// own. Methods that take R_f and an estimate heed it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub shape: Vec<f64>,
}

/// An unknown that stands at a bound.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AtBound {
    /// A parameter.
    Parameter {
        /// Its name.
        name: String,
        /// The window whose value it is, where every window has its own.
        window: Option<usize>,
        /// The bound.
        bound: f64,
    },
    /// A state component, or a parameter that changes in time, which stands
    /// behind the components of the model.
    State {
        /// The window.
        window: usize,
        /// The layer.
        layer: usize,
        /// The component.
        component: usize,
        /// The bound.
        bound: f64,
    },
}

impl Estimate {
    /// Paths of all windows, and all P parameters. Where windows or layers
    /// have values of their own, they all get the one given here. It carries no
    /// [`shape`](Self::shape): R_f goes with the action's own.
    #[must_use]
    pub fn new(paths: Vec<Path>, parameters: impl Into<Vec<f64>>) -> Self {
        Self {
            paths,
            parameters: parameters.into(),
            per_window: Vec::new(),
            varying: Vec::new(),
            shape: Vec::new(),
        }
    }
}

/// Estimates are near each other when all their paths and parameters are
/// (feature `approx`).
#[cfg(feature = "approx")]
impl approx::AbsDiffEq for Estimate {
    type Epsilon = f64;

    fn default_epsilon() -> f64 {
        f64::EPSILON
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: f64) -> bool {
        let near = |(a, b): (&[f64], &[f64])| a.abs_diff_eq(b, epsilon);
        self.paths[..].abs_diff_eq(&other.paths[..], epsilon)
            && self.varying[..].abs_diff_eq(&other.varying[..], epsilon)
            && self.same_windows(other)
            && self
                .parameter_lists()
                .zip(other.parameter_lists())
                .all(near)
    }
}

/// As for absolute differences, value by value (feature `approx`).
#[cfg(feature = "approx")]
impl approx::RelativeEq for Estimate {
    fn default_max_relative() -> f64 {
        f64::EPSILON
    }

    fn relative_eq(&self, other: &Self, epsilon: f64, max_relative: f64) -> bool {
        let near = |(a, b): (&[f64], &[f64])| a.relative_eq(b, epsilon, max_relative);
        self.paths[..].relative_eq(&other.paths[..], epsilon, max_relative)
            && self.varying[..].relative_eq(&other.varying[..], epsilon, max_relative)
            && self.same_windows(other)
            && self
                .parameter_lists()
                .zip(other.parameter_lists())
                .all(near)
    }
}

#[cfg(feature = "approx")]
impl Estimate {
    fn same_windows(&self, other: &Self) -> bool {
        self.per_window.len() == other.per_window.len()
    }

    /// The shared parameters, then those of each window.
    fn parameter_lists(&self) -> impl Iterator<Item = &[f64]> {
        let shared = std::iter::once(&self.parameters);
        shared.chain(&self.per_window).map(Vec::as_slice)
    }
}

/// Appends values that must be finite.
fn push(
    x: &mut Vec<f64>,
    what: &'static str,
    values: &[f64],
    place: impl Fn() -> String,
) -> Result<()> {
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(Error::NotFinite {
            what,
            place: format!("{}, component {i}", place()),
            found: values[i],
        });
    }
    x.extend_from_slice(values);
    Ok(())
}

impl Action {
    /// The vector of unknowns of an estimate: all states window by window and
    /// layer by layer, each layer followed by the parameters that change in
    /// time; then the static parameters that are shared, then those of each
    /// window.
    ///
    /// # Errors
    /// [`Error::Length`] naming the window, layer or parameter list that does
    /// not fit; [`Error::NotFinite`] for a value.
    pub fn pack(&self, estimate: &Estimate) -> Result<Vec<f64>> {
        let here = || String::from("estimate");
        check_length("paths", here, self.windows.len(), estimate.paths.len())?;
        let p = self.parameters.len();
        check_length("parameters", here, p, estimate.parameters.len())?;
        for (what, lists) in [
            (
                "lists of the windows' own parameters",
                estimate.per_window.len(),
            ),
            ("paths of varying parameters", estimate.varying.len()),
        ] {
            // None at all: they are the same everywhere.
            if lists > 0 {
                check_length(what, here, self.windows.len(), lists)?;
            }
        }
        let mut x = Vec::with_capacity(self.layout.dimension());
        for (w, (path, layout)) in estimate.paths.iter().zip(&self.layout.windows).enumerate() {
            let place = || format!("estimate, path {w}");
            check_length("layers", place, layout.layers(), path.layers())?;
            if let Some(varying) = estimate.varying.get(w) {
                let place = || format!("estimate, varying parameters of window {w}");
                check_length("layers", place, layout.layers(), varying.layers())?;
            }
            for n in 0..layout.layers() {
                let place = || format!("estimate, path {w}, layer {n}");
                let state = path.layer(n);
                check_length("components", place, layout.state(n).len(), state.len())?;
                push(&mut x, "state", state, place)?;
                self.pack_varying(estimate, (w, n), &mut x)?;
            }
        }
        for slot in &self.layout.slots {
            let p = slot.parameter;
            let value = match slot
                .window
                .and_then(|w| Some((w, estimate.per_window.get(w)?)))
            {
                None => estimate.parameters[p],
                Some((w, own)) => {
                    let place = || format!("estimate, window {w}");
                    check_length(
                        "parameters of a window",
                        place,
                        self.own().count(),
                        own.len(),
                    )?;
                    let index = self.own().position(|q| q == p).unwrap_or(0);
                    own[index]
                }
            };
            check_finite("parameter", &self.names[p], value)?;
            x.push(value);
        }
        Ok(x)
    }

    /// A window with its path.
    pub(crate) fn window_with_path<'a>(
        &'a self,
        estimate: &'a Estimate,
        w: usize,
    ) -> Result<(&'a Window, &'a Path)> {
        let Some((window, path)) = self.windows.get(w).zip(estimate.paths.get(w)) else {
            return Err(Error::Length {
                what: "windows, at least",
                place: "estimate of an action".into(),
                expected: w.saturating_add(1),
                found: self.windows.len().min(estimate.paths.len()),
            });
        };
        let place = || format!("estimate, path {w}");
        check_length("layers", place, window.grid().layers(), path.layers())?;
        Ok((window, path))
    }

    fn pack_varying(
        &self,
        estimate: &Estimate,
        (w, n): (usize, usize),
        x: &mut Vec<f64>,
    ) -> Result<()> {
        let drifting = &self.layout.scope.drifting;
        if drifting.is_empty() {
            return Ok(());
        }
        let place = || format!("estimate, varying parameters of window {w}, layer {n}");
        match estimate.varying.get(w) {
            Some(path) => {
                check_length("parameters", place, drifting.len(), path.layer(n).len())?;
                push(x, "parameter", path.layer(n), place)
            }
            None => {
                let values = drifting.iter().map(|(p, _)| estimate.parameters[*p]);
                push(x, "parameter", &values.collect::<Vec<_>>(), place)
            }
        }
    }

    /// The parameters that every window has of its own.
    fn own(&self) -> impl Iterator<Item = usize> {
        let free = self.layout.scope.free.iter().copied();
        free.filter(|&p| self.parameters[p].reach == Reach::Window)
    }

    /// The estimate in a vector of unknowns, as [`pack`](Self::pack) gives it.
    ///
    /// # Errors
    /// [`Error::Length`] for another length than [`Counts::unknowns`](crate::Counts).
    pub fn unpack(&self, x: &[f64]) -> Result<Estimate> {
        let place = || String::from("action");
        check_length("unknowns", place, self.layout.dimension(), x.len())?;
        Ok(self.estimate_of(x))
    }

    /// The same of a vector of the right length.
    pub(crate) fn estimate_of(&self, x: &[f64]) -> Estimate {
        let count = self.windows.len();
        let path = |part: &dyn Fn(usize, usize) -> std::ops::Range<usize>, w: usize| {
            let layers = 0..self.layout.windows[w].layers();
            Path::from_layers(layers.map(|n| &x[part(w, n)]))
        };
        let state = |w: usize, n: usize| self.layout.windows[w].state(n);
        let drift = |w: usize, n: usize| self.layout.windows[w].drifting(n);
        let mut estimate = Estimate::new((0..count).map(|w| path(&state, w)).collect(), []);
        estimate.shape = self.carried_shape();
        let mut theta = vec![0.0; self.parameters.len()];
        let mut sum = vec![0.0; self.parameters.len()];
        for w in 0..count {
            self.window_parameters(x, w, &mut theta);
            if self.own().next().is_some() {
                estimate
                    .per_window
                    .push(self.own().map(|p| theta[p]).collect());
            }
            for (slot, value) in sum.iter_mut().zip(&theta) {
                *slot += value;
            }
        }
        estimate.parameters = theta.clone();
        for p in self.own() {
            estimate.parameters[p] = sum[p] / count as f64;
        }
        if !self.layout.scope.drifting.is_empty() {
            estimate.varying = (0..count).map(|w| path(&drift, w)).collect();
            for (k, (p, _)) in self.layout.scope.drifting.iter().enumerate() {
                let paths = estimate.varying.iter();
                let values: Vec<f64> = paths.flat_map(|path| path.component(k)).collect();
                estimate.parameters[*p] = values.iter().sum::<f64>() / values.len() as f64;
            }
        }
        estimate
    }

    /// Writes all P parameters of window `w`: the static ones from `x`, the
    /// fixed ones as they are; those that change in time hold their guess.
    pub(crate) fn window_parameters(&self, x: &[f64], w: usize, theta: &mut [f64]) {
        theta.copy_from_slice(&self.initial);
        let border = &x[self.layout.border()..];
        let free = self.layout.scope.free.iter();
        for (&p, &slot) in free.zip(self.layout.border_of(w)) {
            theta[p] = border[slot];
        }
    }

    /// The unknowns of an estimate that stand at a bound: the data (or the
    /// model) ask for more than the bounds allow.
    ///
    /// # Errors
    /// As [`Action::pack`].
    pub fn at_bounds(&self, estimate: &Estimate) -> Result<Vec<AtBound>> {
        let x = self.pack(estimate)?;
        let mut found = Vec::new();
        for (slot, of) in (self.layout.border()..).zip(&self.layout.slots) {
            let range = self.parameters[of.parameter].range();
            if let Some(bound) = range.end_at(x[slot]) {
                found.push(AtBound::Parameter {
                    name: self.names[of.parameter].clone(),
                    window: of.window,
                    bound,
                });
            }
        }
        for (window, layout) in self.layout.windows.iter().enumerate() {
            for layer in 0..layout.layers() {
                let first = layout.layer(layer).start;
                let width = layout.state(layer).len();
                let states = self.state_bounds.iter().copied();
                let drifting = self.layout.scope.drifting.iter().enumerate();
                let drifting = drifting.map(|(k, (p, _))| (width + k, self.parameters[*p].range()));
                for (component, range) in states.chain(drifting) {
                    if let Some(bound) = range.end_at(x[first + component]) {
                        found.push(AtBound::State {
                            window,
                            layer,
                            component,
                            bound,
                        });
                    }
                }
            }
        }
        Ok(found)
    }
}
