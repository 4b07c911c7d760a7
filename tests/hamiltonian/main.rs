//! Momenta, boundary value problems, symplectic maps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod adjoint;
mod bad_boundaries;
mod boundary;
mod continuous_network;
mod continuous_orders;
mod momenta;
mod refinement;
mod shooting;
mod symplectic;
