//! What a verdict says of twins that are right, or wrong in one known way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../fixtures/judged.rs"]
mod judged;

mod cases;
mod contradictions;
mod ends;
mod steps;
mod twins;
