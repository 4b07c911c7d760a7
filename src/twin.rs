//! Twin experiments: a model is simulated, observed with noise and estimated
//! from these observations, and the estimate is compared with the truth.
//!
//! ```
//! use deepest::models::Lorenz63;
//! use deepest::prelude::*;
//!
//! let grid = Grid::uniform(0.0, 0.01, 101)?;
//! let truth = Simulation::new(grid, [10.0, 28.0, 8.0 / 3.0])
//!     .spin_up(10.0)
//!     .seed(1)
//!     .flow(&Lorenz63)?;
//! let twin = truth.observe(&Measurement::new(&[0], Noise::scalar(1.0)?).seed(2))?;
//! assert_eq!(twin.observations.values().dim(), (101, 1));
//! # Ok::<(), deepest::Error>(())
//! ```

mod measurement;
mod score;
mod simulation;

pub use measurement::{Measurement, Noise};
pub use score::Score;
pub use simulation::{Simulation, Truth};

use crate::error::Result;
use crate::problem::grid::Grid;
use crate::problem::inputs::Inputs;
use crate::problem::observations::Observations;
use crate::problem::path::Path;
use crate::problem::windows::Window;

/// A truth and its observations.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Twin {
    /// The simulated states at all N layers.
    pub truth: Path,
    /// The times of the layers.
    pub grid: Grid,
    /// All P parameters of the simulation.
    pub parameters: Vec<f64>,
    /// The noisy measurements.
    pub observations: Observations,
    /// The known inputs, where the model has any.
    pub inputs: Option<Inputs>,
}

impl Twin {
    /// The window of an action that estimates this twin.
    ///
    /// # Errors
    /// As [`Window::observations`]; a twin as it was made gives none.
    pub fn window(&self) -> Result<Window> {
        let window = Window::new(self.grid.clone()).observations(self.observations.clone())?;
        match &self.inputs {
            Some(inputs) => window.inputs(inputs.clone()),
            None => Ok(window),
        }
    }
}
