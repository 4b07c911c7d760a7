//! deepest
pub mod action;
pub mod anneal;
mod derivative;
pub mod discretization;
mod dual;
pub mod error;
pub mod grid;
#[path="/tmp/linalg_tmp.rs"]
pub mod linalg;
pub mod minimize;
pub mod model;
pub mod models;
pub mod observations;
pub mod parameters;
pub mod path;
pub mod precision;
pub mod scalar;
pub mod windows;
pub use anneal::{Annealer, Schedule};
pub use derivative::Sparsity;
pub use dual::Dual;
pub use error::{Error, Result};
pub use model::{Flow, Layers, Model, check_jacobian};
pub use scalar::Scalar;
/// prelude
pub mod prelude { pub use crate::{Flow, Model, Layers, Scalar, check_jacobian}; }
