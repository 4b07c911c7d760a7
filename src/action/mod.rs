//! The action: measurement error + model error + priors over whole paths.
//!
//! An [`Action`] is a model, a discretization, windows with observations, and
//! precisions. It is immutable and shared by all starts; [`Action::at`] gives
//! the objective at one value of R_f.

mod balance;
mod builder;
mod checks;
mod conventions;
mod estimate;
mod evaluation_point;
mod free_run;
mod general_terms;
mod layout;
mod model_shape;
mod places;
mod plateau;
mod predicted;
mod problem;
mod regrid;
mod series;
mod shape;
mod slopes;
mod terms;
mod units;
mod weigh;

pub(crate) use balance::ResidualSizes;
pub use builder::ActionBuilder;
pub use conventions::{ActionTerms, Counts, Equations, Normalization, PrecisionUnit};
pub use estimate::{AtBound, Estimate};
pub(crate) use evaluation_point::{EvaluationPoint, Multipliers};
pub(crate) use general_terms::{At, Scratch};
pub(crate) use layout::{Slot, WindowLayout};
pub(crate) use model_shape::ModelShape;
pub use plateau::Plateau;
pub use problem::Action;
pub(crate) use problem::ShapeBy;
pub(crate) use series::Series;
pub(crate) use slopes::{Slope, Unknown};
pub(crate) use terms::{NonFinite, Sums};
pub(crate) use units::Units;
pub(crate) use weigh::own_rows;
