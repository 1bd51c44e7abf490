//! What looking at files and mending them found and did, as values and as lines for people.

use std::fmt;

use super::scan::{Damage, Scanned};

/// What is in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Batches that are whole, before any damage.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Whether it is as it was written.
    pub state: State,
}

/// Whether a file is as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is.
    Whole,
    /// It ends with a write that was not finished: nobody was told that it was.
    Torn {
        /// Where that begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
    },
    /// It is damaged, or missing.
    Bad {
        /// The first byte that is wrong.
        offset: u64,
        /// What is wrong.
        what: String,
    },
}

/// What was done to a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// A write that was not finished was cut off.
    Truncated {
        /// The file.
        file: String,
        /// Its length now.
        at: u64,
    },
    /// A damaged file was moved.
    SetAside {
        /// The file.
        file: String,
        /// Where it is now.
        to: String,
    },
    /// What can be read of a damaged file was written to a file of its name.
    Rebuilt {
        /// The file.
        file: String,
        /// How many records.
        records: u64,
    },
}

impl FileReport {
    pub(crate) fn new(name: &str, bytes: &[u8], state: State, scanned: Option<&Scanned>) -> Self {
        let (batches, records) = scanned.map_or((0, 0), |scanned| (scanned.batches, scanned.records));
        Self { file: name.to_owned(), bytes: bytes.len() as u64, batches, records, state }
    }

    /// What reading a segment came to.
    pub(crate) fn of(name: &str, bytes: &[u8], read: Result<Scanned, Damage>) -> Self {
        match read {
            Ok(scanned) => Self::new(name, bytes, State::of(&scanned), Some(&scanned)),
            Err(damage) => Self::bad(name, bytes, damage),
        }
    }

    /// A segment that should be there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(name, &[], State::Bad { offset: 0, what: "it is missing, and later ones are there".into() }, None)
    }

    /// Whether it is damaged or missing.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.state, State::Bad { .. })
    }

    pub(crate) fn bad(name: &str, bytes: &[u8], Damage { offset, what, sound }: Damage) -> Self {
        Self::new(name, bytes, State::Bad { offset, what }, Some(&sound))
    }
}

impl State {
    pub(crate) fn of(scanned: &Scanned) -> Self {
        let torn = scanned.torn.as_ref().map(|torn| Self::Torn { offset: torn.start, bytes: torn.end - torn.start });
        torn.unwrap_or(Self::Whole)
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, batches, records, state } = self;
        write!(f, "{file}: {bytes} bytes, ")?;
        if *batches > 0 {
            write!(f, "{batches} batches, {records} records, ")?;
        }
        match state {
            State::Whole => f.write_str("whole"),
            State::Torn { offset, bytes } => {
                write!(f, "ends with a write of {bytes} bytes at byte {offset} that was not finished")
            }
            State::Bad { offset, what } => write!(f, "damaged at byte {offset}: {what}"),
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { file, at } => write!(f, "{file}: cut off at byte {at}"),
            Self::SetAside { file, to } => write!(f, "{file}: set aside as {to}"),
            Self::Rebuilt { file, records } => write!(f, "{file}: made anew from {records} records that can be read"),
        }
    }
}
