//! What looking at a journal found, as values and as lines for people.

use std::fmt;

use crate::{
    id::{StreamName, Version},
    segment::report::{FileReport, State},
};

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
