//! The continuous problem behind the sum: momenta, Hamilton's equations,
//! symplectic maps.
//!
//! With the model precision per time the action is a discrete form of
//! ∫ L dt, L = ½ (ẋ − F)ᵀ R_f (ẋ − F) + V(t, x), V the error of what is measured,
//! and its minimum an approximate path of a Hamiltonian system (Abarbanel,
//! Rozdeba and Shirman, Neural Computation 30, 2025 (2018)):
//! p = ∂L/∂ẋ = R_f (ẋ − F), H = ½ pᵀR_f⁻¹p + pᵀF − V,
//!
//! ```text
//! ẋ = F + R_f⁻¹ p,     ṗ = −DFᵀ p + h_xᵀ R_m (h − y),
//! ```
//!
//! with p = 0 at both ends, or p = B⁻¹(x − x_b) at the first where there is a
//! prior. A value measured at time τ is a potential there only, so that p jumps by
//! h_xᵀ R_m (h − y).
//!
//! | you want | look at |
//! |---|---|
//! | the momenta of a solved path, its jumps, whether it is stationary | [`Momenta`] |
//! | the path between two given ends | [`BoundaryProblem`] |
//! | the same on as many layers as the problem needs | [`BoundaryProblem::refine`] |
//! | the same at R_f = 10¹² or ∞ | [`BoundaryProblem::solve_by_multipliers`] |
//! | the limit of a perfect model: adjoint, back-propagation | [`Adjoint`] |
//! | the value of H along it, how well Hamilton's equations hold | [`Hamiltonian`] |
//! | the map (x, p) → (x, p) of a discretization or a layer; other Lagrangians | [`DiscreteLagrangian`], [`DiscreteFlow`] |
//! | whether a map is symplectic | [`symplectic_defect`] |
//! | the limit of infinitely many layers | [`Convergence`] |
//!
//! In the repository, `docs/hamilton.md` tells the story.

mod adjoint;
mod boundary;
mod convergence;
mod equations;
mod flow;
mod hamilton;
mod interval;
mod lagrangian;
mod momenta;
mod multipliers;
mod potential;
mod refinement;
mod symplectic;

pub use adjoint::Adjoint;
pub use boundary::{BoundaryProblem, End, Extremal};
pub use convergence::Convergence;
pub use flow::{DiscreteFlow, FlowStep, PhasePoint};
pub use hamilton::{Hamiltonian, WindowHamiltonian};
pub use lagrangian::DiscreteLagrangian;
pub use momenta::{Momenta, WindowMomenta};
pub use potential::{NoPotential, Potential};
pub use refinement::{Refined, Refinement};
pub use symplectic::symplectic_defect;

/// ½ pᵀR_f⁻¹p + pᵀF, with `noise` = R_f⁻¹p.
fn hamiltonian_at(momentum: &[f64], velocity: &[f64], noise: &[f64]) -> f64 {
    let terms = momentum.iter().zip(velocity).zip(noise);
    terms.map(|((p, f), q)| p * (f + 0.5 * q)).sum()
}

/// An R_f that leaves nothing of the model error.
const NEGLIGIBLE: f64 = 1e-200;
