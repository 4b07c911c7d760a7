//! Files that are whole or not there.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Puts a file in its place only when it is whole and on the disk. A link is
/// followed, a device or pipe is written as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes).map_err(|error| failed(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return std::fs::write(path, bytes);
    }
    let place = path.canonicalize().unwrap_or_else(|_| path.into());
    let mut beside = place.as_os_str().to_owned();
    beside.push(".part");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, place)
}

/// What cannot be read or written, and why, in one line.
pub(crate) fn failed(path: &Path, reason: &dyn Display) -> Error {
    Error::File {
        path: path.display().to_string(),
        reason: reason.to_string().replace(['\n', '\r'], " "),
    }
}
