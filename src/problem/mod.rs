//! The nouns of a problem, checked when they are made: grids, paths, bounds, precisions,
//! losses, inputs, parameters, observations, and windows, which hold them.

pub(crate) mod bounds;
pub(crate) mod grid;
pub(crate) mod inputs;
pub(crate) mod kernel;
pub(crate) mod losses;
pub(crate) mod observations;
pub(crate) mod operators;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod precision;
pub(crate) mod windows;
