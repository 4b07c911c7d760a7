//! What the examples share: flags, the annealer, progress, the tables and the JSON report.

pub mod annealer;
pub mod flags;
pub mod json;
pub mod progress;
pub mod table;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Anything that ends an example; shown as one line.
pub type Failure = Box<dyn std::error::Error>;

/// Runs an example: a failure is one line on stderr and exit status 2.
pub fn run(name: &str, example: impl FnOnce() -> Result<(), Failure>) -> std::process::ExitCode {
    match example() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            let line = failure.to_string().replace(['\n', '\r'], " ");
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "{name}: {line}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Prints to stdout; a reader that has gone away (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

/// Fails where two of these flags name the same file, which one would replace.
pub fn check_distinct(files: &[(&str, Option<&str>)]) -> Result<(), Failure> {
    let given = files
        .iter()
        .filter_map(|&(flag, path)| Some((flag, path?, resolved(path?))));
    let given: Vec<_> = given.collect();
    for (k, (second, path, file)) in given.iter().enumerate() {
        let taken = given[..k].iter().find(|(_, _, other)| other == file);
        // Devices and pipes may serve several.
        if let Some((first, ..)) = taken.filter(|_| !file.exists() || file.is_file()) {
            return Err(
                format!("{second}: expected another file than {first}, found {path}").into(),
            );
        }
    }
    Ok(())
}

/// The file that a path leads to, as far as it exists.
fn resolved(path: &str) -> PathBuf {
    let path = Path::new(path);
    path.canonicalize().unwrap_or_else(|_| {
        let parent = path.parent().filter(|p| *p != Path::new(""));
        let parent = parent.unwrap_or(Path::new(".")).canonicalize();
        parent.map_or_else(
            |_| path.into(),
            |p| p.join(path.file_name().unwrap_or_default()),
        )
    })
}

/// Fails now rather than after a long annealing when a file cannot be written,
/// and leaves everything as it was.
pub fn check_writable(path: &str) -> Result<(), Failure> {
    let existed = Path::new(path).exists();
    let refused = |error| format!("file {path}: cannot be written: {error}");
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    options.open(path).map_err(refused)?;
    if !existed {
        std::fs::remove_file(path).map_err(refused)?;
    }
    Ok(())
}
