//! Anything that serializes as JSON.

use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::file;

/// Writes a result as JSON, with the names of its fields: an
/// [`Annealing`](crate::Annealing) with all its levels, or any part of it.
/// Numbers keep every bit; NaN and infinity, which JSON does not have, become
/// `null`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the file cannot be written, or
/// `value` cannot be said in JSON.
#[doc(alias("save", "export"))]
pub fn write_json(path: impl AsRef<Path>, value: &impl Serialize) -> Result<()> {
    let path = path.as_ref();
    let bytes = serde_json::to_vec(value).map_err(|error| file::failed(path, &error))?;
    file::replace(path, &bytes)
}
