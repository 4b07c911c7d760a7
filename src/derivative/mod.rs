//! Exact derivatives of generic functions by coloured forward duals.
//!
//! A [`Plan`] is what is known of a function's derivatives before any point is: the
//! pattern of its Jacobian, found by tracing unless it is declared, and the colours
//! of the columns. It is made once and shared. A [`Differentiator`] is a plan with
//! the memory to follow it: it gives compressed Jacobians and, by second-order
//! adjoints on a tape, Hessians of weighted sums of the function's results.

mod any;
mod check;
mod coloring;
mod flow;
mod generic;
mod hessian;
mod pack;
mod packed;
mod places;
mod plan;
mod probe;
mod sets;
mod structural;
mod structure;
mod tape;
mod trace;

pub(crate) use any::{AnyFlow, AnyLayers, Number};
pub use check::{check_jacobian, jacobian};
pub(crate) use flow::{
    FlowAt, FlowDerivative, FlowPlan, KnownPattern, declared_rows, flow_pattern,
};
pub(crate) use generic::Generic;
pub(crate) use pack::{LANES, Pack};
pub(crate) use packed::{Packed, Points};
pub(crate) use places::{Places, Values};
pub(crate) use plan::{Differentiator, Plan};
pub(crate) use probe::check_layer;
pub(crate) use structure::{Structure, lacking};
pub(crate) use trace::Trace;
