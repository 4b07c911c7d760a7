//! Arrays as `.npy` files.

use std::path::Path;

use ndarray::{Array2, ArrayD, ArrayView, Dimension};
use ndarray_npy::{ReadNpyError, WriteNpyExt};

use crate::error::{Error, Result};
use crate::file;

/// Reads a two-dimensional array of 64-bit floats, rows by columns. Both
/// memory orders are understood.
///
/// # Errors
/// [`Error::File`] when the file cannot be opened, is no `.npy` file, or
/// holds other numbers; [`Error::Dimensions`] with the shape of an array that
/// is not two-dimensional.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array2<f64>> {
    let path = path.as_ref();
    let array: ArrayD<f64> = ndarray_npy::read_npy(path).map_err(|error| match error {
        ReadNpyError::WrongDescriptor(found) => file::failed(
            path,
            &format!("expected 64-bit floats ('<f8'), found {found}"),
        ),
        other => file::failed(path, &other),
    })?;
    let found = array.shape().to_vec();
    array.into_dimensionality().map_err(|_| Error::Dimensions {
        path: path.display().to_string(),
        expected: 2,
        found,
    })
}

/// Writes an array of any number of dimensions as 64-bit floats.
///
/// # Errors
/// [`Error::File`] when the file cannot be written.
pub fn write_npy<D: Dimension>(
    path: impl AsRef<Path>,
    values: ArrayView<'_, f64, D>,
) -> Result<()> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let written = values.write_npy(&mut bytes);
    written.map_err(|error| file::failed(path, &error))?;
    file::replace(path, &bytes)
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
        let integers = scratch("integers.npy");
        ndarray_npy::write_npy(&integers, &array![[1_i64, 2]]).unwrap();
        let short = scratch("short.npy");
        write_npy(&short, array![[1.0, 2.0]].view()).unwrap();
        let bytes = std::fs::read(&short).unwrap();
        std::fs::write(&short, &bytes[..bytes.len() - 3]).unwrap();
        let missing = scratch("missing.npy");
        for path in [&text, &integers, &short, &missing] {
            let error = read_npy(path).unwrap_err();
            assert!(
                matches!(&error, Error::File { path: p, .. } if *p == path.display().to_string()),
                "{error}"
            );
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let words = read_npy(&integers).unwrap_err().to_string();
        assert!(
            words.ends_with("expected 64-bit floats ('<f8'), found '<i8'"),
            "{words}"
        );
        for path in [text, integers, short] {
            std::fs::remove_file(path).unwrap();
        }
        let nowhere = scratch("no-such-directory").join("a.npy");
        let error = write_npy(nowhere, array![[1.0]].view()).unwrap_err();
        assert!(matches!(error, Error::File { .. }));
    }

    #[test]
    fn arrays_of_another_dimension_say_their_shape() {
        let path = scratch("dimensions.npy");
        let zeros = |shape: &[usize]| ArrayD::<f64>::zeros(shape);
        for shape in [&[][..], &[161], &[2, 3, 4]] {
            ndarray_npy::write_npy(&path, &zeros(shape)).unwrap();
            let error = read_npy(&path).unwrap_err();
            let expected = Error::Dimensions {
                path: path.display().to_string(),
                expected: 2,
                found: shape.to_vec(),
            };
            assert_eq!(error, expected);
        }
        ndarray_npy::write_npy(&path, &zeros(&[161])).unwrap();
        let words = read_npy(&path).unwrap_err().to_string();
        let end = "expected an array of 2 dimensions, found one of shape [161]";
        assert!(words.ends_with(end), "{words}");
        // One column is a table.
        ndarray_npy::write_npy(&path, &zeros(&[161, 1])).unwrap();
        assert_eq!(read_npy(&path).unwrap().dim(), (161, 1));
        std::fs::remove_file(path).unwrap();
    }
}
