//! From a model to residuals between layers.

mod collocation;
mod direct;
mod dynamics;
mod evaluator;
mod gram;
mod interval;
mod map;
mod nudge;
mod plans;
mod residual;
mod rk4;
mod rules;
mod table;
mod tables;

pub(crate) use dynamics::Dynamics;
pub(crate) use evaluator::Evaluator;
pub(crate) use interval::{Course, Pull, Span, Target};
pub(crate) use map::forward;
pub(crate) use nudge::integrate;
pub(crate) use plans::Plans;
pub use rules::{Euler, FlowRule, Map, Midpoint, Rk4, Rule, SimpsonHermite, Trapezoid};
