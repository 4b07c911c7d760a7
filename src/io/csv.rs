//! Tables as comma-separated values.

use std::fmt::Write;
use std::path::Path;

use super::Table;
use crate::error::Result;
use crate::file;

/// Writes a table as CSV (RFC 4180, lines end in `\n`): the names of its columns,
/// then its rows. Numbers keep every bit; those that are not finite are `NaN`,
/// `inf` and `-inf`, which pandas, NumPy and R read.
///
/// # Errors
/// [`Error::File`](crate::Error::File) when the file cannot be written.
#[doc(alias("save", "export"))]
pub fn write_csv(path: impl AsRef<Path>, table: &Table) -> Result<()> {
    let names: Vec<String> = table.columns.iter().map(|name| quoted(name)).collect();
    let mut text = names.join(",");
    text.push('\n');
    for row in table.values.rows() {
        for (k, value) in row.iter().enumerate() {
            let comma = if k > 0 { "," } else { "" };
            // `{:?}` has exponents where `{}` would have hundreds of zeros.
            let _ = write!(text, "{comma}{value:?}");
        }
        text.push('\n');
    }
    file::replace(path.as_ref(), text.as_bytes())
}

/// In quotes where a name would be taken for several.
fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.into()
    }
}
