//! The examples as programs: what they print, write and refuse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/example.rs"]
mod example;
#[path = "../fixtures/lynx_hare.rs"]
mod lynx_hare;

mod deepest;
mod delay_embedding;
mod lorenz96;
mod networks;
mod neuron;
mod neuron_refusals;
mod predator_prey;
