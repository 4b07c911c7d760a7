//! Derivatives of models and of their discretizations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod actions;
mod by_hand;
mod differences;
mod discretization;
mod jacobians;
mod patterns;
mod switches;
