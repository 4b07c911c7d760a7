//! The header of a `.npy` file: the literal of a Python dictionary with three keys.

use std::io::Read;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Fault {
    Reason(String),
    Dimensions(Vec<usize>),
}

impl Fault {
    pub(super) fn reason(reason: impl Into<String>) -> Self {
        Self::Reason(reason.into())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Reason(error.to_string())
    }
}

const MAGIC: &[u8] = b"\x93NUMPY";

/// Longer headers are those of records with many fields, which are no arrays of floats.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) big_endian: bool,
    /// Whether the first index runs fastest.
    pub(super) by_columns: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes before the values.
    pub(super) length: u64,
}

impl Header {
    /// Takes the header from the front of a source.
    pub(super) fn read(source: &mut impl Read) -> Result<Self, Fault> {
        let mut front = [0; 8];
        source.read_exact(&mut front)?;
        let Some([major, _]) = front.strip_prefix(MAGIC) else {
            return Err(Fault::reason("expected a .npy file, found another kind"));
        };
        let (size, width) = match *major {
            1 => {
                let mut size = [0; 2];
                source.read_exact(&mut size)?;
                (usize::from(u16::from_le_bytes(size)), 2)
            }
            2 | 3 => {
                let mut size = [0; 4];
                source.read_exact(&mut size)?;
                (u32::from_le_bytes(size) as usize, 4)
            }
            other => {
                return Err(Fault::reason(format!(
                    "expected version 1, 2 or 3 of the format, found {other}"
                )));
            }
        };
        if size > LONGEST {
            return Err(Fault::reason(format!(
                "expected a header of at most {LONGEST} bytes, found {size}"
            )));
        }
        let mut text = vec![0; size];
        source.read_exact(&mut text)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| Fault::reason("expected a header of text, found other bytes"))?;
        let mut header = Text { rest: text }.dictionary()?;
        header.length = (front.len() + width + size) as u64;
        Ok(header)
    }
}

/// What is left of the text.
struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    fn dictionary(mut self) -> Result<Header, Fault> {
        let (mut big_endian, mut by_columns, mut shape) = (None, None, None);
        self.expect("{")?;
        while !self.takes("}") {
            match self.string()? {
                "descr" => big_endian = Some(self.value(Self::byte_order)?),
                "fortran_order" => by_columns = Some(self.value(Self::truth)?),
                "shape" => shape = Some(self.value(Self::tuple)?),
                other => {
                    return Err(Fault::reason(format!(
                        "expected the keys descr, fortran_order and shape, found {}",
                        start_of(other)
                    )));
                }
            }
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err(self.unexpected("the end of the header"));
        }
        match (big_endian, by_columns, shape) {
            (Some(big_endian), Some(by_columns), Some(shape)) => Ok(Header {
                big_endian,
                by_columns,
                shape,
                length: 0,
            }),
            _ => Err(Fault::reason(
                "expected the keys descr, fortran_order and shape, found fewer",
            )),
        }
    }

    fn value<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.expect(":")?;
        read(self)
    }

    /// Of 64-bit floats; whether the most significant byte comes first.
    fn byte_order(&mut self) -> Result<bool, Fault> {
        self.skip_blanks();
        if !self.rest.starts_with(['\'', '"']) {
            return Err(self.unexpected("64-bit floats ('<f8')"));
        }
        match self.string()? {
            "<f8" => Ok(false),
            ">f8" => Ok(true),
            other => Err(Fault::reason(format!(
                "expected 64-bit floats ('<f8'), found '{}'",
                start_of(other)
            ))),
        }
    }

    fn truth(&mut self) -> Result<bool, Fault> {
        match (self.takes("True"), self.takes("False")) {
            (true, _) => Ok(true),
            (_, true) => Ok(false),
            _ => Err(self.unexpected("True or False")),
        }
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Fault> {
        self.expect("(")?;
        let mut sizes = Vec::new();
        while !self.takes(")") {
            sizes.push(self.size()?);
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(sizes)
    }

    fn size(&mut self) -> Result<usize, Fault> {
        self.skip_blanks();
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        let size = number.parse().map_err(|_| self.unexpected("a size"))?;
        // Python 2 marks long integers.
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(size)
    }

    /// A string without escapes, in either kind of quotes.
    fn string(&mut self) -> Result<&'a str, Fault> {
        self.skip_blanks();
        let quote = self.rest.chars().next();
        let quote = quote.filter(|c| matches!(c, '\'' | '"'));
        let quote = quote.ok_or_else(|| self.unexpected("a string"))?;
        match self.rest[1..].split_once(quote) {
            Some((string, rest)) => {
                self.rest = rest;
                Ok(string)
            }
            None => Err(self.unexpected("a string with an end")),
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Whether a token comes next, which is then taken.
    fn takes(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), Fault> {
        match self.takes(token) {
            true => Ok(()),
            false => Err(self.unexpected(token)),
        }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let found = match self.rest.trim() {
            "" => "its end".into(),
            rest => format!("{:?}", start_of(rest)),
        };
        Fault::reason(format!("expected {expected} in the header, found {found}"))
    }
}

/// As much of a text as a message needs.
fn start_of(text: &str) -> &str {
    match text.char_indices().nth(20) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
