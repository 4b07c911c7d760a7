//! An action at one R_f, as an objective to minimize, and what is told at a point of it.

mod action_at;
mod choice;
mod condensed;
mod costs;
mod descent;
mod errors;
mod forces;
mod information;
mod iterative;
mod linearized;
mod local_terms;
mod multipliers;

mod residual_sizes;
mod residual_space;
mod rise;
mod slopes;
mod spread;
mod step;
mod step_errors;
mod strategies;
mod tangent;

pub use action_at::ActionAt;
pub use choice::{EquationsChoice, EquationsReason};
pub use costs::NewtonCosts;
pub use errors::ByErrors;
pub(crate) use forces::Forces;
pub(crate) use information::Knowledge;
pub(crate) use local_terms::LocalTerms;
pub use spread::ParameterSpread;
pub(crate) use step_errors::StepError;
pub(crate) use tangent::Change;
