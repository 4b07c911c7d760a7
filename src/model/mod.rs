//! What a user writes: a model as one generic function.
//!
//! A [`Flow`] is a vector field, dx/dt = F(t, x, θ, u). A [`Layers`] model is
//! a map from layer to layer, whose width may vary. Both are written once over
//! a generic [`Scalar`]; the crate gets exact Jacobians from it.

mod jacobian;
mod pattern;
mod scope;
mod traits;

pub use jacobian::JacobianEntries;
pub(crate) use pattern::Pattern;
pub use pattern::Sparsity;
pub(crate) use scope::Scope;
pub use traits::{Flow, Layers, Model};
pub(crate) use traits::{MOST_COMPONENTS, check_parameters_of};
