//! What looking and repairing found and did, as values and as lines for people.

use std::fmt;

use crate::id::{StreamName, Version};

/// Streams of which lost events are told one by one.
const STREAMS_TOLD_MAX: usize = 20;

/// What is in a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Its files, oldest first, then states beside the log.
    pub files: Vec<FileReport>,
    /// The newest event that could be read.
    pub head: u64,
    /// Where what is kept begins; head + 1 when nothing is.
    pub oldest: u64,
    /// Events that can be read.
    pub events: u64,
    /// Streams that have a head.
    pub streams: u64,
    /// What cannot be read because of damage.
    pub lost: Lost,
}

/// Events that damage has cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    /// Positions, from and to.
    pub positions: Vec<(u64, u64)>,
    /// Versions, as far as later events of the same streams tell.
    pub versions: Vec<LostVersions>,
}

/// Versions of a stream that are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostVersions {
    /// Of which.
    pub stream: StreamName,
    /// From this one.
    pub first: Version,
    /// To this one.
    pub last: Version,
}

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

impl Report {
    /// Whether a journal can be opened without losing anything that was acknowledged.
    pub fn is_sound(&self) -> bool {
        !self.files.iter().any(|file| matches!(file.state, State::Bad { .. }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| writeln!(f, "{file}"))?;
        let Self { head, oldest, events, streams, lost, .. } = self;
        writeln!(f, "{events} events from position {oldest} to {head}, {streams} streams")?;
        lost.fmt(f)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost: u64 = self.positions.iter().map(|(from, to)| to - from + 1).sum();
        if lost > 0 {
            let ranges: Vec<_> = self.positions.iter().map(|range| span(*range)).collect();
            writeln!(f, "lost: {lost} events, at {}", ranges.join(", "))?;
        }
        for LostVersions { stream, first, last } in self.versions.iter().take(STREAMS_TOLD_MAX) {
            writeln!(f, "lost: of stream {stream} version {}", span((first.0, last.0)))?;
        }
        match self.versions.len().saturating_sub(STREAMS_TOLD_MAX) {
            0 => Ok(()),
            more => writeln!(f, "lost: versions of {more} more streams"),
        }
    }
}

fn span((from, to): (u64, u64)) -> String {
    if from == to { from.to_string() } else { format!("{from} to {to}") }
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
