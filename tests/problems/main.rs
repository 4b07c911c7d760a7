//! What a problem is made of: observations, parameters, bounds, priors, windows, inputs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/example.rs"]
mod example;
#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../fixtures/lynx_hare.rs"]
mod lynx_hare;

mod bad_counts;
mod bad_features;
mod bad_input;
mod bad_layers;
mod bad_models;
mod bad_parameters;
mod bad_problems;
mod embedding;
mod exactness;
mod inputs;
mod losses;
mod normalization;
mod operators;
mod parameter_bounds;
mod parameters;
mod predator_prey;
mod replicates;
mod slopes_at_zero;
mod smooth;
mod spreads;
mod state_bounds;
mod time_stamps;
mod twin;
mod windows;
