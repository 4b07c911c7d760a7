//! deepest
pub mod error;
pub mod linalg;
pub mod minimize;
pub mod scalar;
pub use error::{Error, Result};
