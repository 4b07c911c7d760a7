//! Why a factorization ends early.

use crate::error::Error;

/// A pivot that is not positive and finite: the matrix is not positive
/// definite, or holds NaN or infinity.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("indefinite matrix: pivot {pivot} in row {row} of front {front} of chain {chain}")]
pub struct Indefinite {
    /// The chain; the number of chains where the border fails.
    pub chain: usize,
    /// The front of the chain; 0 for the border.
    pub front: usize,
    /// The local row of the front (interior first, then left node), or the row of the border.
    pub row: usize,
    /// The pivot; NaN where it is not finite.
    pub pivot: f64,
}

/// What ends a factorization or a solve.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The matrix.
    #[error(transparent)]
    Indefinite(#[from] Indefinite),
    /// What was passed: a wrong length, a right-hand side that is not finite, an
    /// entry outside its front, a step before the one it needs.
    #[error(transparent)]
    Input(#[from] Error),
}
