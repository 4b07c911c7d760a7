//! The evaluation of an action: groups of windows, each with memory of its own.

mod assemble;
mod groups;
mod products;
mod together;
mod worker;

pub(crate) use assemble::{Newton, groups};
pub(crate) use groups::{add_borders, by_group, sum_borders};
pub(crate) use together::Together;
pub(crate) use worker::Worker;
