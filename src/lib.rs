//! Variational annealing (crate documentation is being written).
pub mod action;
pub mod anneal;
pub mod bounds;
mod derivative;
pub mod discretization;
mod dual;
pub mod error;
pub mod grid;
pub mod inputs;
#[cfg(feature = "npy")]
pub mod io;
pub mod linalg;
pub mod losses;
pub mod minimize;
pub mod model;
pub mod models;
pub mod observations;
pub mod operators;
pub mod parameters;
pub mod path;
#[cfg(feature = "plot")]
pub mod plot;
pub mod precision;
pub mod scalar;
pub mod twin;
pub mod windows;

pub use action::{
    Action, ActionAt, ActionBuilder, ActionTerms, AtBound, Counts, Estimate, Normalization,
    PrecisionUnit,
};
pub use anneal::{Annealer, Annealing, Event, Level, Schedule, StartResult, Starts};
pub use bounds::Bounds;
pub use derivative::Sparsity;
pub use discretization::{Euler, Map, Midpoint, Rk4, Rule, SimpsonHermite, Trapezoid};
pub use dual::Dual;
pub use error::{Error, Result};
pub use grid::Grid;
pub use inputs::Inputs;
pub use losses::Loss;
pub use minimize::{Curvature, GaussNewton, Lbfgs, Minimizer, Objective, Termination, Work};
pub use model::{Flow, JacobianEntries, Layers, Model, check_jacobian, jacobian};
pub use observations::Observations;
pub use operators::Observe;
pub use parameters::{Gaussian, LogNormal, Parameter, Prior};
pub use path::Path;
pub use precision::Precision;
pub use scalar::Scalar;
pub use twin::{Measurement, Noise, Score, Simulation, Truth, Twin};
pub use windows::{StatePrior, Window};

/// Everything that a program usually needs.
pub mod prelude {
    pub use crate::{
        Action, Annealer, Annealing, Bounds, Estimate, Euler, Event, Flow, GaussNewton, Gaussian,
        Grid, Layers, Lbfgs, Level, Map, Measurement, Midpoint, Minimizer, Model, Noise,
        Normalization, Objective, Observations, Observe, Parameter, Path, Precision, PrecisionUnit,
        Rk4, Scalar, Schedule, SimpsonHermite, Simulation, Starts, StatePrior, Termination,
        Trapezoid, Twin, Window, check_jacobian,
    };
}
