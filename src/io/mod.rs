//! Results and data in files: tables as CSV, arrays as `.npy` (feature `npy`),
//! anything that serializes as JSON (feature `json`), and the array layouts of
//! the Python package varanneal (the module `varanneal`, feature `npy`).
//!
//! A file appears, or replaces another, only when it is whole.
//!
//! ```no_run
//! use deepest::io::{self, Table};
//! use deepest::prelude::*;
//!
//! fn save(
//!     action: &Action,
//!     annealing: &Annealing,
//! ) -> deepest::Result<()> {
//!     io::write_csv("levels.csv", &Table::levels(annealing))?;
//!     io::write_csv("parameters.csv", &Table::parameters(action, annealing)?)?;
//!     if let Some((start, best)) = annealing.best() {
//!         let path = Table::path(action, &best.estimate, 0)?;
//!         io::write_csv("path.csv", &path)?;
//!         # #[cfg(feature = "npy")] {
//!         io::write_npy("path.npy", path.values.view())?; // the same without names
//!         io::varanneal::save_paths("paths.npy", action, start)?;
//!         # }
//!     }
//!     # #[cfg(feature = "json")]
//!     io::write_json("annealing.json", annealing)?; // everything
//!     Ok(())
//! }
//! ```

mod csv;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "npy")]
mod npy;
mod table;
#[cfg(feature = "npy")]
pub mod varanneal;

pub use csv::write_csv;
#[cfg(feature = "json")]
pub use json::write_json;
#[cfg(feature = "npy")]
pub use npy::{read_npy, write_npy};
pub use table::Table;
