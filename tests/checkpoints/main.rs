//! Runs that are kept, killed and gone on with.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod bad_checkpoints;
mod killed;
mod mutated;
mod resumed;
