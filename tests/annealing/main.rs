//! Annealing from end to end: schedules, starts, races, levels, results.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod adaptive;
mod ends;
mod hard_constraints;
mod ladders;
mod long_time;
mod long_windows;
mod odd_starts;
mod perfect_model;
mod plateau;
mod published;
mod race;
mod results;
mod running;
mod saddles;
mod shapes;
mod spanning;
mod sparse_windows;
mod starts;
mod success;
mod threads;
mod twins;
mod two_rates;
mod units;
mod verdict;
