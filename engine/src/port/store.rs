//! The log's contract. `testing::store_contract` proves it for every implementation.

mod events;

use bytes::Bytes;

pub use events::Events;

use super::{BoxFuture, Reply};
use serde::{Deserialize, Serialize};

use crate::{
    event::{Envelope, NewEvent},
    id::{Position, StreamName, Version},
    vitals::latency::Latencies,
};

/// The most events of one append.
pub const APPEND_EVENTS_MAX: usize = 10_000;
/// The most events of one read.
pub const READ_EVENTS_MAX: usize = 4_096;

/// What a writer believes about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// It does not exist.
    NoStream,
    /// Its last event has this version.
    Exact(Version),
}

/// Events for one stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamAppend {
    /// Where.
    pub stream: StreamName,
    /// What the writer believes.
    pub expected: Expected,
    /// What happened, in order; not empty.
    pub events: Vec<NewEvent>,
}

/// Where the events of an append stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first one.
    pub first: Position,
    /// The last one.
    pub last: Position,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer was there first.
    #[error("stream `{stream}` is at version {actual}, not where the writer expected it")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// Where it is.
        actual: Version,
    },
    /// Larger than [`crate::event::envelope::DATA_BYTES_MAX`], or more than [`APPEND_EVENTS_MAX`], or no event at all.
    #[error("the append is refused: {reason}")]
    Unfit {
        /// Which limit, and how far over it.
        reason: String,
    },
    /// The store cannot be written to now; nothing was written.
    #[error("the log cannot be written: {reason}")]
    Unavailable {
        /// What is wrong.
        reason: String,
        /// What the system said.
        source: Option<std::io::Error>,
    },
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Retention has dropped what was asked for.
    #[error("events before position {oldest} are no longer kept")]
    Truncated {
        /// The oldest event there is.
        oldest: Position,
    },
    /// The store cannot be read now.
    #[error("the log cannot be read: {reason}")]
    Unavailable {
        /// What is wrong.
        reason: String,
        /// What the system said.
        source: Option<std::io::Error>,
    },
}

/// Which events a reader wants. Empty lists: all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Streams that begin so, like `run/`.
    pub stream_prefix: Option<String>,
    /// Types that are exactly one of these.
    pub types: Vec<String>,
}

impl Filter {
    /// Whether an event passes.
    pub fn passes(&self, envelope: &Envelope) -> bool {
        let stream_fits = self.stream_prefix.as_ref().is_none_or(|prefix| envelope.stream.as_str().starts_with(prefix.as_str()));
        let kind = envelope.event.kind.as_str();
        stream_fits && (self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind))
    }
}

/// Events in the order of their positions, and how far the reader has seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// Those that pass the filter.
    pub events: Events,
    /// Everything up to here was looked at: read on after it.
    pub seen: Position,
}

/// The state of an aggregate as of a version, so that retention may drop the events before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// As of this version of its stream.
    pub version: Version,
    /// As of this position of the log.
    pub position: Position,
    /// Opaque to the store.
    pub data: Bytes,
}

/// Whether a store takes appends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// It does.
    #[default]
    Writing,
    /// The last one could not be written, for want of room or because of an error; it tries again with each one.
    Refusing {
        /// For want of room.
        is_full: bool,
        /// What the system said.
        reason: String,
    },
    /// It takes no more until it is opened again: nobody knows what was kept. Reads go on.
    Failed {
        /// What the system said.
        reason: String,
    },
}

impl Condition {
    /// What it means for whoever wants to write, in a few words; nothing while all is well.
    pub fn refuses(&self) -> Option<&'static str> {
        match self {
            Self::Writing => None,
            Self::Refusing { is_full: true, .. } => Some("disk full: nothing is accepted"),
            Self::Refusing { is_full: false, .. } => Some("the disk cannot be written: nothing is accepted"),
            Self::Failed { .. } => Some("the disk failed: nothing is accepted until a restart"),
        }
    }
}

/// Events that need not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// Of this type.
    pub kind: String,
    /// Before this position.
    pub before: Position,
}

/// Figures of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreStats {
    /// The newest event.
    pub head: Position,
    /// The oldest event that is kept; head + 1 when none is.
    pub oldest: Position,
    /// Events since the oldest that are no longer kept, because retention by type has let them go.
    pub gone: u64,
    /// Bytes of the events that are kept, envelopes included.
    pub bytes: u64,
    /// Streams that have a head.
    pub streams: u64,
    /// More is kept than the store was set up for: time to take snapshots and truncate.
    pub over_limit: bool,
}

impl StoreStats {
    /// Events that are kept.
    pub fn kept(&self) -> u64 {
        (self.head.0 + 1).saturating_sub(self.oldest.0).saturating_sub(self.gone)
    }
}

/// One log. Appends are atomic over all their streams; positions are total and given without gaps, and so are versions per
/// stream. Gaps come only from [`Store::let_go`].
pub trait Store: Send + Sync + 'static {
    /// All of it or nothing. A stream may occur once.
    fn append(&self, batch: Vec<StreamAppend>) -> Reply<'_, Result<Appended, AppendError>>;

    /// Events after a position, oldest first: looks at up to `max` (at most [`READ_EVENTS_MAX`]) that pass.
    fn read(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>>;

    /// As [`Store::read`], but may stop early, even before the first that passes, wherever that saves a copy: for readers
    /// that go on after `seen` until they are at the head. A subscription is one.
    fn read_some(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.read(after, filter, max)
    }

    /// The last `max` events before a position that pass, oldest first. `seen` is the position of the first looked at.
    /// `Truncated` when there was something before that position and none of it is kept.
    fn read_back(&self, before: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>>;

    /// Events of a stream after a version, oldest first, at most [`READ_EVENTS_MAX`]. Empty when the stream does not exist;
    /// `Truncated` when the first of them is no longer kept.
    fn read_stream(&self, stream: &StreamName, after: Version, max: usize) -> Reply<'_, Result<Vec<Envelope>, ReadError>>;

    /// The version of a stream's last event; 0 when it does not exist. Known even when retention dropped the events.
    fn version(&self, stream: &StreamName) -> Reply<'_, Result<Version, ReadError>>;

    /// The newest event's position.
    fn head(&self) -> Position;

    /// Resolves when the head is past a position; where more comes at once, perhaps some turns of others later. Mark the head as
    /// seen before you read, then wait for more: nothing is missed that way.
    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()>;

    /// Keeps the newest snapshot of a stream; one of an older version than the one kept is ignored.
    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>>;

    /// The newest snapshot of a stream.
    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>>;

    /// Keeps a state that belongs to no stream, in place of the one of that name: all of it or nothing. As large as memory
    /// allows; a name is one of a few that the engine has.
    fn keep_state(&self, name: &'static str, data: Bytes) -> Reply<'_, Result<(), AppendError>>;

    /// The state that was kept under a name.
    fn kept_state(&self, name: &'static str) -> Reply<'_, Result<Option<Bytes>, ReadError>>;

    /// Drops events before a position, as far as the implementation's granularity allows, never later ones. Heads and
    /// snapshots of streams stay, except of streams named in `forget`: theirs go as soon as none of their events is kept,
    /// now or at a later call, unless something is appended to them before.
    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>>;

    /// Lets go of single events, wherever they are; how many. Positions and versions of the others stay as they are, heads and
    /// snapshots too. Readers go past what is missing, as they go past what a filter leaves out: nobody is told. So it is
    /// only for types that no state depends on, or whose effect is kept in snapshots.
    fn let_go(&self, expired: &[Expired]) -> Reply<'_, Result<u64, AppendError>>;

    /// Writes something that changes nothing if the last append was refused, so that what refuses goes on by itself once it
    /// can: nobody appends to a log that is said to take nothing. Why it cannot yet, otherwise.
    fn try_again(&self) -> Reply<'_, Result<(), AppendError>> {
        Reply::ready(Ok(()))
    }

    /// Figures for health and metrics.
    fn stats(&self) -> StoreStats;

    /// Whether it takes appends. Memory always does.
    fn condition(&self) -> Condition {
        Condition::Writing
    }

    /// How long the syncs of its disk took; `None` for a store without one.
    fn syncs(&self) -> Option<Latencies> {
        None
    }
}
