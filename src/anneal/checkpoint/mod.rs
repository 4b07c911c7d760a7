//! The state of an annealing in a file, from which it goes on after any end.
//!
//! The file: 8 bytes that say what it is, the format, the length of the file;
//! the crate's version and the fingerprint of the annealing; the starts; a
//! checksum. It is written beside its place and moved there, so that there is
//! always a whole one.

mod fingerprint;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Annealer;
use super::climb::Climb;
use super::hash::Hash;
use super::ladder::Ladder;
use super::plain::{Plain, plain_struct};
use super::results::{End, Level, StartResult, Stop};
use crate::action::Action;
use crate::error::{Error, Refusal, Result};
use crate::file;

const MAGIC: [u8; 8] = *b"deepest\0";

/// Grows with every change of what follows the magic.
const FORMAT: u64 = 4;

/// Magic, format and length.
const HEADER: usize = 24;

const CHECKSUM: usize = 8;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writing takes at most one part in so many of the time.
const REST: u32 = 10;

/// A start as it is kept, its levels in any order.
pub(super) struct Kept {
    pub(super) kind: String,
    pub(super) finished: bool,
    pub(super) stopped: Option<Stop>,
    pub(super) end: Option<End>,
    /// None before the first level, to which making the start belongs.
    pub(super) climb: Option<Climb>,
    pub(super) levels: Vec<Level>,
}
plain_struct!(Kept {
    kind,
    finished,
    stopped,
    end,
    climb,
    levels
});

/// Keeps a file up to date while starts go on in parallel.
pub(super) struct Checkpoint {
    path: PathBuf,
    /// The fingerprint of the annealing, part by part.
    parts: Vec<(&'static str, u64)>,
    pages: Mutex<Pages>,
}

/// What the file should hold.
struct Pages {
    starts: Vec<Page>,
    /// Whether it lacks something.
    stale: bool,
    /// When it may be written again.
    rested: Instant,
}

/// A [`Kept`] in bytes, the levels apart: they only grow.
#[derive(Default)]
struct Page {
    front: Vec<u8>,
    count: usize,
    levels: Vec<u8>,
}

impl Page {
    /// The start as it stands now, with levels that are new.
    fn turn(&mut self, start: &StartResult, climb: Option<&Climb>, levels: &[Level]) {
        // What stopped it from outside does so no more when it is resumed.
        let lasting =
            |stop: &Stop| !matches!(stop, Stop::Cancelled | Stop::TimeBudget | Stop::WorkBudget);
        self.front.clear();
        start.kind.write(&mut self.front);
        start.finished.write(&mut self.front);
        start.stopped.filter(lasting).write(&mut self.front);
        start.end.write(&mut self.front);
        climb.cloned().write(&mut self.front);
        for level in levels {
            level.write(&mut self.levels);
        }
        self.count += levels.len();
    }
}

impl Checkpoint {
    pub(super) fn new(
        path: &Path,
        (annealer, ladder): (&Annealer, &Ladder),
        action: &Action,
    ) -> Result<Self> {
        Ok(Self {
            path: path.into(),
            parts: fingerprint::parts(annealer, ladder, action)?,
            pages: Mutex::new(Pages {
                starts: Vec::new(),
                stale: true,
                rested: Instant::now(),
            }),
        })
    }

    /// What the file holds, one a start; `None` where there is no file.
    pub(super) fn load(&self, fits: &dyn Fn(&Kept) -> bool) -> Result<Option<Vec<Kept>>> {
        match std::fs::read(&self.path) {
            Ok(bytes) => match self.read(&bytes, fits) {
                Ok(starts) => {
                    self.pages().stale = false;
                    Ok(Some(starts))
                }
                Err(reason) => Err(Error::Checkpoint {
                    path: self.path.display().to_string(),
                    reason,
                }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file::failed(&self.path, &error)),
        }
    }

    fn read(
        &self,
        bytes: &[u8],
        fits: &dyn Fn(&Kept) -> bool,
    ) -> std::result::Result<Vec<Kept>, Refusal> {
        let mut rest = contents(bytes)?;
        let version = String::read(&mut rest).ok_or(Refusal::Damaged)?;
        if version != VERSION {
            return Err(Refusal::Version {
                expected: VERSION.into(),
                found: version,
            });
        }
        for &(what, expected) in &self.parts {
            if u64::read(&mut rest).ok_or(Refusal::Damaged)? != expected {
                return Err(Refusal::Foreign { what });
            }
        }
        let starts = Vec::<Kept>::read(&mut rest).ok_or(Refusal::Damaged)?;
        if !rest.is_empty() || !starts.iter().all(fits) {
            return Err(Refusal::Damaged);
        }
        Ok(starts)
    }

    /// Takes over a start as it stands; the starts come in their order.
    pub(super) fn add(&mut self, start: &StartResult, climb: Option<&Climb>) {
        let mut page = Page::default();
        page.turn(start, climb, &start.levels);
        self.pages().starts.push(page);
    }

    /// Notes how a start stands, and levels that it has reached.
    pub(super) fn note(&self, start: &StartResult, climb: Option<&Climb>, levels: &[Level]) {
        let mut pages = self.pages();
        if let Some(page) = pages.starts.get_mut(start.index) {
            page.turn(start, climb, levels);
            pages.stale = true;
        }
    }

    /// Writes what the file lacks, if it was not written just now.
    pub(super) fn write_when_rested(&self) -> Result<()> {
        let mut pages = self.pages();
        if pages.stale && Instant::now() >= pages.rested {
            self.write(&mut pages)?;
        }
        Ok(())
    }

    /// Writes what the file lacks.
    pub(super) fn write_now(&self) -> Result<()> {
        let mut pages = self.pages();
        if pages.stale {
            self.write(&mut pages)?;
        }
        Ok(())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, pages: &mut Pages) -> Result<()> {
        let began = Instant::now();
        let mut bytes = [&MAGIC[..], &FORMAT.to_le_bytes(), &[0; 8]].concat();
        String::from(VERSION).write(&mut bytes);
        for (_, part) in &self.parts {
            part.write(&mut bytes);
        }
        pages.starts.len().write(&mut bytes);
        for page in &pages.starts {
            bytes.extend(&page.front);
            page.count.write(&mut bytes);
            bytes.extend(&page.levels);
        }
        let length = (bytes.len() + CHECKSUM) as u64;
        bytes[HEADER - 8..HEADER].copy_from_slice(&length.to_le_bytes());
        Hash::of(&bytes).write(&mut bytes);
        file::replace(&self.path, &bytes)?;
        pages.stale = false;
        pages.rested = Instant::now() + REST * began.elapsed();
        Ok(())
    }
}

/// What stands between header and checksum.
fn contents(bytes: &[u8]) -> std::result::Result<&[u8], Refusal> {
    let found = bytes.len() as u64;
    if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
        return Err(Refusal::NoCheckpoint);
    }
    let mut header = &bytes[bytes.len().min(MAGIC.len())..];
    let mut number = || u64::read(&mut header);
    let (Some(format), Some(expected)) = (number(), number()) else {
        let expected = HEADER as u64;
        return Err(Refusal::Truncated { expected, found });
    };
    if format != FORMAT {
        let expected = FORMAT;
        return Err(Refusal::Format {
            expected,
            found: format,
        });
    }
    if found < expected {
        return Err(Refusal::Truncated { expected, found });
    }
    let (body, mut checksum) = bytes.split_at(bytes.len() - CHECKSUM);
    let sound = found == expected && u64::read(&mut checksum) == Some(Hash::of(body));
    body.get(HEADER..).filter(|_| sound).ok_or(Refusal::Damaged)
}
