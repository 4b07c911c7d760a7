//! Cholesky factorization of symmetric positive definite *block-arrow* matrices.
//!
//! Chains of nodes, unknowns inside each interval between two nodes, and one
//! dense border that touches everything: the Hessian of a path with static
//! parameters. The matrix is never assembled as a whole. A multifrontal
//! Cholesky streams along each chain: front k holds interior k, node k, node
//! k + 1 and the border; its interior and left node are eliminated, what is left
//! at the right node starts the next front, and what is left at the border
//! accumulates in one corner, the Schur complement of the border.
//!
//! With m interior unknowns, d per node and P in the border, an interval costs
//! about k n² − k² n + k³/3 operations (additions and multiplications) for
//! n = m + 2d + P rows and k = m + d pivots, and the factor keeps (n + 1) k numbers of it (rows padded).

mod arrow;
mod dense;
mod failure;
mod front;
mod kernel;
mod layout;
mod linear_system;
mod memory;
mod shape;
mod small;
mod solve;
mod tridiagonal;

pub use arrow::BlockArrow;
pub(crate) use dense::DenseMatrix;
pub use failure::{Failure, Indefinite};
pub(crate) use front::SingleFront;
pub use front::{Front, FrontSizes};
pub use kernel::Backend;
pub(crate) use kernel::{PADDING, Product};
pub(crate) use linear_system::LinearSystem;
pub use shape::{ArrowShape, ChainShape};
pub(crate) use small::{cholesky, invert, order};
pub(crate) use tridiagonal::BlockTridiagonal;
