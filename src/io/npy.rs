//! Arrays as `.npy` files.

mod header;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::{Array2, ArrayView, Dimension, ShapeBuilder};
use ndarray_npy::WriteNpyExt;

use crate::error::{Error, Result};
use crate::file;
use header::Fault;
use header::Header;

/// Reads a two-dimensional array of 64-bit floats, rows by columns. Both
/// memory orders and both byte orders are understood.
///
/// No more memory is taken than the file has bytes, whatever its header says.
///
/// # Errors
/// [`Error::File`] when the file cannot be opened, is no `.npy` file, is shorter or
/// longer than its header says, or holds other numbers; [`Error::Dimensions`] with the
/// shape of an array that is not two-dimensional.
#[doc(alias("numpy", "load"))]
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array2<f64>> {
    let path = path.as_ref();
    let failed = |error: std::io::Error| file::failed(path, &error);
    let source = File::open(path).map_err(failed)?;
    let metadata = source.metadata().map_err(failed)?;
    // Pipes and devices do not know their length.
    let length = metadata.is_file().then_some(metadata.len());
    read(std::io::BufReader::new(source), length).map_err(|fault| match fault {
        Fault::Reason(reason) => file::failed(path, &reason),
        Fault::Dimensions(found) => Error::Dimensions {
            path: path.display().to_string(),
            expected: 2,
            found,
        },
    })
}

/// Reads an array from a source of `length` bytes, where that is known.
fn read(mut source: impl Read, length: Option<u64>) -> std::result::Result<Array2<f64>, Fault> {
    let header = Header::read(&mut source)?;
    let &[rows, columns] = &header.shape[..] else {
        return Err(Fault::Dimensions(header.shape));
    };
    let bytes = rows.checked_mul(columns).and_then(|n| n.checked_mul(8));
    let expected = bytes.map(|bytes| bytes as u64);
    let wrong = |found: u64| {
        let expected = expected.map_or_else(|| "more than there can be".into(), |n| n.to_string());
        let shape = &header.shape;
        Fault::reason(format!(
            "expected {expected} bytes of an array of shape {shape:?}, found {found}"
        ))
    };
    let left = length.map(|length| length.saturating_sub(header.length));
    let Some(expected) = expected.filter(|expected| left.is_none_or(|left| left == *expected))
    else {
        return Err(wrong(left.unwrap_or(0)));
    };
    // Grows with what comes, not with what is announced.
    let mut values = Vec::new();
    source.take(expected + 1).read_to_end(&mut values)?;
    if values.len() as u64 != expected {
        return Err(wrong(values.len() as u64));
    }
    let (values, _) = values.as_chunks::<8>();
    let number = |bytes: &[u8; 8]| match header.big_endian {
        true => f64::from_be_bytes(*bytes),
        false => f64::from_le_bytes(*bytes),
    };
    let values: Vec<f64> = values.iter().map(number).collect();
    let shape = (rows, columns).set_f(header.by_columns);
    Array2::from_shape_vec(shape, values).map_err(|error| Fault::reason(error.to_string()))
}

/// Writes an array of any number of dimensions as 64-bit floats.
///
/// # Errors
/// [`Error::File`] when the file cannot be written.
#[doc(alias("numpy", "save"))]
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
    use ndarray::{ArrayD, array};

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

    /// A file with this header, and this many values.
    fn with_header(header: &str, values: usize) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend((0..values).flat_map(|v| (v as f64).to_le_bytes()));
        bytes
    }

    fn reason(bytes: &[u8]) -> String {
        match read(bytes, Some(bytes.len() as u64)) {
            Err(Fault::Reason(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// Headers that announce more than there is, or nest without end, cost nothing.
    #[test]
    fn headers_are_bounded_by_the_file() {
        let shaped = |shape: &str| {
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n")
        };
        let good = with_header(&shaped("(2, 3)"), 6);
        let array = read(&good[..], Some(good.len() as u64)).unwrap();
        assert_eq!(array, array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
        let array = read(&good[..], None).unwrap();
        assert_eq!(array.dim(), (2, 3));
        // As NumPy wrote long integers under Python 2.
        let long = with_header(&shaped("(2L, 3L)"), 6);
        assert_eq!(read(&long[..], None).unwrap().dim(), (2, 3));
        let most = usize::MAX;
        for shape in [
            "(100000000, 120)".into(),
            format!("({most}, 2)"),
            format!("({most}, {most})"),
            format!("(1, {})", most / 8),
            format!("(0, {most})"),
            format!("({most}0, 1)"),
            "(2, 4)".into(),
            "(1, 3)".into(),
            "(-2, -3)".into(),
            "(2 3)".into(),
            "2, 3".into(),
            "(2, 3".into(),
            "'2, 3'".into(),
        ] {
            let words = reason(&with_header(&shaped(&shape), 6));
            assert!(!words.is_empty() && words.len() < 300, "{shape}: {words}");
        }
        let words = reason(&with_header(&shaped("(100000000, 120)"), 6));
        assert_eq!(
            words,
            "expected 96000000000 bytes of an array of shape [100000000, 120], found 48"
        );
        for nest in ["(", "[", "{", "{'a': "] {
            for depth in [26, 5000] {
                reason(&with_header(&nest.repeat(depth), 0));
                reason(&with_header(&shaped(&nest.repeat(depth)), 0));
            }
        }
        // A header of 4 GB, of which there is nothing.
        let mut huge = b"\x93NUMPY\x02\x00".to_vec();
        huge.extend(u32::MAX.to_le_bytes());
        reason(&huge);
    }

    /// Bytes changed, inserted, removed, cut off or repeated: a typed error, or an array
    /// as large as the file says.
    #[test]
    fn damaged_files_are_errors() {
        let values = Array2::from_shape_fn((3, 4), |(i, j)| (i + j) as f64);
        let mut good = Vec::new();
        values.write_npy(&mut good).unwrap();
        let mut by_columns = Vec::new();
        values.t().write_npy(&mut by_columns).unwrap();
        let mut state = 1_u64;
        let mut draw = |most: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % most
        };
        let telling = b"(){}[],:'\"0123456789<>=fiTrueFals\n \xff\x00";
        let mut read_all = 0;
        for k in 0..20_000 {
            let mut bytes = [&good, &by_columns][k % 2].clone();
            for _ in 0..1 + draw(3) {
                if bytes.is_empty() {
                    break;
                }
                // Mostly in the header.
                let header = bytes.len().min(128);
                let most = if draw(4) > 0 { header } else { bytes.len() };
                let place = draw(most);
                let new = telling[draw(telling.len())];
                match draw(5) {
                    0 | 1 => bytes[place] = new,
                    2 => bytes.insert(place, new),
                    3 => drop(bytes.remove(place)),
                    _ if draw(2) == 0 => bytes.truncate(place + 1),
                    _ => bytes.extend_from_within(place..),
                }
            }
            match read(&bytes[..], Some(bytes.len() as u64)) {
                Ok(array) => {
                    assert!(array.len() * 8 < bytes.len());
                    read_all += 1;
                }
                Err(Fault::Reason(reason)) => assert!(!reason.is_empty() && reason.len() < 1000),
                Err(Fault::Dimensions(found)) => assert_ne!(found.len(), 2),
            }
        }
        // Changed numbers and blanks are read.
        assert!((1..20_000).contains(&read_all), "{read_all}");
    }
}
