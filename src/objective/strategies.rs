//! The memory of the ways to solve for a Newton step.

use crate::linalg::BlockTridiagonal;
use crate::linalg::DenseMatrix;
use crate::networks::UnitOrder;
use crate::newton::{Arrows, ResidualSpace};

/// The ways to solve for a Newton step, each made when it is first taken.
#[derive(Default)]
pub(crate) struct Strategies {
    pub(crate) arrows: Option<Arrows>,
    /// Whether their factor is that of the exact Hessian, undamped, for the present R_f.
    pub(crate) exact: bool,
    /// The chains alone, where the border is solved for by iteration.
    pub(crate) chains: Option<Arrows>,
    pub(crate) residual_space: Option<ResidualSpace>,
    pub(crate) condensed: Option<Condensed>,
}

/// Memory for condensed steps.
pub(crate) struct Condensed {
    pub(super) order: UnitOrder,
    pub(super) matrix: DenseMatrix,
    /// The columns of each step, from its own rows on.
    pub(super) columns: Vec<Vec<f64>>,
    /// Of each group of windows.
    pub(super) chains: Vec<Vec<BlockTridiagonal>>,
    /// D⁻¹ of each state, and what damping adds to D.
    pub(super) inverse: Vec<f64>,
    pub(super) damped: Vec<f64>,
}
