//! Minimizers against other libraries and each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../data/gauss_newton_dense.rs"]
mod dense;
#[path = "../data/lbfgs_dual.rs"]
mod dual;
#[path = "../fixtures/mod.rs"]
mod fixtures;
#[path = "../data/lbfgs_hard_cases.rs"]
mod hard_cases;
#[path = "../data/lbfgs_harness.rs"]
mod harness;
#[path = "../data/lbfgs_problems.rs"]
mod problems;

mod agreement;
mod ends;
mod gauss_newton;
mod lbfgs;
mod many_bounds;
