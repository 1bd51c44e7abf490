//! What every event carries besides its data.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

use crate::id::{Actor, CorrelationId, EventId, Position, StreamName, Version};

use super::{BadEventData, Event};

/// The longest event type, in bytes.
pub const TYPE_BYTES_MAX: usize = 100;
/// The largest data of one event, in bytes: larger appends are refused.
pub const DATA_BYTES_MAX: usize = 1 << 20;

/// An event's type on the wire: `run.failed`, or what `event.append` chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(pub Arc<str>);

impl EventType {
    /// The type as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An event that is not in the log yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Chosen by whoever makes the event; appending the same id twice is not detected.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// JSON, at most [`DATA_BYTES_MAX`].
    pub data: Bytes,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// The event that led to it.
    pub cause: Option<EventId>,
}

/// An event in the log. Cheap to clone: text and data are shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Its number in the whole log.
    pub position: Position,
    /// The thing it happened to.
    pub stream: StreamName,
    /// Its number in that stream.
    pub version: Version,
    /// The event itself.
    pub event: NewEvent,
}

impl Envelope {
    /// The event as the engine knows it; `None` for types of the user's own.
    pub fn decode(&self) -> Option<Result<Event, BadEventData>> {
        Event::decode(self.event.kind.as_str(), &self.event.data)
    }
}
