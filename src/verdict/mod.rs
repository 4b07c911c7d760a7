//! What an annealing came to: whether the lowest level can be right, whether the
//! starts and the data decide, and what to measure next.
//!
//! In the repository, `docs/verdict.md` says what each number means and what to
//! do about it.

mod conclusions;
mod findings;
mod held_out;
mod influence;
mod judge;
mod judgement;
mod known;
mod level;
mod measurements;
mod minima;
mod normal;
mod priors;
mod residuals;
mod steps;
mod words;

pub use findings::Finding;
pub use held_out::HeldOut;
pub use judgement::Verdict;
pub use level::{LevelTest, ModelError};
pub use measurements::{Further, Gain};
pub use minima::Minima;
pub use priors::PriorTest;
pub use residuals::Correlation;
pub use steps::{LongSteps, StepTest};
