//! Reading and writing arrays as `.npy` files (feature `npy`).

use std::path::Path;

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};

/// Reads a two-dimensional array of 64-bit floats, rows by columns. Both
/// memory orders are understood.
///
/// # Errors
/// [`Error::File`] when the file cannot be opened, is no `.npy` file, or
/// holds other numbers or another dimension.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array2<f64>> {
    let path = path.as_ref();
    ndarray_npy::read_npy(path).map_err(|error| file_error(path, &error))
}

/// Writes a two-dimensional array as 64-bit floats, replacing the file.
///
/// # Errors
/// [`Error::File`] when the file cannot be written.
pub fn write_npy(path: impl AsRef<Path>, values: ArrayView2<'_, f64>) -> Result<()> {
    let path = path.as_ref();
    ndarray_npy::write_npy(path, &values).map_err(|error| file_error(path, &error))
}

fn file_error(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::File {
        path: path.display().to_string(),
        // One line, whatever the header of the file says.
        reason: error.to_string().replace(['\n', '\r'], " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn scratch(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("deepest-io-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_was_written_is_read_again_bit_by_bit() {
        let path = scratch("round.npy");
        let values = array![[1.0, f64::NAN, -0.0], [f64::MIN_POSITIVE, 1e300, 1.0 / 3.0]];
        for view in [values.view(), values.t()] {
            write_npy(&path, view).unwrap();
            let read = read_npy(&path).unwrap();
            assert_eq!(read.dim(), view.dim());
            for (a, b) in read.iter().zip(view) {
                assert_eq!(a.to_bits(), b.to_bits());
            }
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn other_files_are_errors_with_their_path() {
        let text = scratch("text.npy");
        std::fs::write(&text, "time,x\n0,1\n").unwrap();
        let line = scratch("line.npy");
        ndarray_npy::write_npy(&line, &array![1.0, 2.0]).unwrap();
        let integers = scratch("integers.npy");
        ndarray_npy::write_npy(&integers, &array![[1_i64, 2]]).unwrap();
        let short = scratch("short.npy");
        write_npy(&short, array![[1.0, 2.0]].view()).unwrap();
        let bytes = std::fs::read(&short).unwrap();
        std::fs::write(&short, &bytes[..bytes.len() - 3]).unwrap();
        let missing = scratch("missing.npy");
        for path in [&text, &line, &integers, &short, &missing] {
            let error = read_npy(path).unwrap_err();
            assert!(
                matches!(&error, Error::File { path: p, .. } if *p == path.display().to_string()),
                "{error}"
            );
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        for path in [text, line, integers, short] {
            std::fs::remove_file(path).unwrap();
        }
        let nowhere = scratch("no-such-directory").join("a.npy");
        let error = write_npy(nowhere, array![[1.0]].view()).unwrap_err();
        assert!(matches!(error, Error::File { .. }));
    }
}
