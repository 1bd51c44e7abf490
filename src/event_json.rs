//! An event as JSON, the way every door shows it: the command line, and whatever else speaks to programs.

use flexcore_engine::{
    event::Envelope,
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, value::RawValue};

/// An event, ready to be written as one JSON object.
#[derive(Debug, Serialize)]
pub struct EventJson<'e> {
    position: Position,
    at: Timestamp,
    stream: &'e StreamName,
    version: Version,
    #[serde(rename = "type")]
    kind: &'e str,
    actor: &'e Actor,
    id: EventId,
    correlation: CorrelationId,
    cause: Option<EventId>,
    data: Data<'e>,
}

/// Data are JSON; what is not, because somebody else wrote the log, is shown as text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data<'e> {
    Json(&'e RawValue),
    Folded(Value),
    Text(String),
}

impl<'e> Data<'e> {
    /// On one line: what comes after it is the next event.
    fn of(data: &'e [u8]) -> Self {
        let folded = data.contains(&b'\n').then(|| serde_json::from_slice(data).map(Self::Folded));
        let json = folded.unwrap_or_else(|| serde_json::from_slice(data).map(Self::Json));
        json.unwrap_or_else(|_| Self::Text(String::from_utf8_lossy(data).into_owned()))
    }
}

impl<'e> From<&'e Envelope> for EventJson<'e> {
    fn from(envelope: &'e Envelope) -> Self {
        let Envelope { position, stream, version, event } = envelope;
        Self {
            position: *position,
            at: event.at,
            stream,
            version: *version,
            kind: event.kind.as_str(),
            actor: &event.actor,
            id: event.id,
            correlation: event.correlation,
            cause: event.cause,
            data: Data::of(&event.data),
        }
    }
}
