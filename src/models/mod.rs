//! Models that documentation, tests and examples share; use them as they are
//! or as a pattern for your own.

mod colpitts;
mod linear;
mod lorenz63;
mod lorenz96;
mod lotka_volterra;
mod nakl;
mod network;

pub use colpitts::Colpitts;
pub use linear::Linear;
pub use lorenz63::Lorenz63;
pub use lorenz96::Lorenz96;
pub use lotka_volterra::LotkaVolterra;
pub use nakl::NaKl;
pub use network::{Network, one_hot};
