//! Networks and their Newton equations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod bad_networks;
mod equations;
mod errors;
mod minibatches;
mod training;
