//! What looking and repairing found and did, as values and as lines for people.

use std::fmt;

/// What is in a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Its files, oldest first.
    pub files: Vec<FileReport>,
    /// The newest event that could be read.
    pub head: u64,
    /// The oldest event that is kept; head + 1 when none is.
    pub oldest: u64,
    /// Streams that have a head.
    pub streams: u64,
}

/// What is in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Batches that are whole.
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
    /// A file was renamed.
    SetAside {
        /// The file.
        file: String,
        /// Its name now.
        to: String,
    },
    /// The batches of a damaged file that are whole were written to a file of its name.
    Saved {
        /// The file.
        file: String,
        /// How many batches.
        batches: u64,
    },
}

impl Report {
    /// Whether a journal can be opened without losing anything that was acknowledged.
    pub fn is_sound(&self) -> bool {
        !self.files.iter().any(|file| matches!(file.state, State::Bad { .. }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| writeln!(f, "{file}"))?;
        let Self { head, oldest, streams, .. } = self;
        writeln!(f, "{} events from position {oldest} to {head}, {streams} streams", (head + 1).saturating_sub(*oldest))
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, batches, records, state } = self;
        write!(f, "{file}: {bytes} bytes, {batches} batches, {records} records, ")?;
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
            Self::Saved { file, batches } => write!(f, "{file}: {batches} whole batches saved"),
        }
    }
}
