//! One run, told from its events: what happened, when, and how long after its first event.

use jiff::Timestamp;

use super::describe::{Description, describe};
use crate::{event::Envelope, id::Position, port::clock::between, unit::Duration};

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where the event stands in the log.
    pub position: Position,
    /// When.
    pub at: Timestamp,
    /// How long after the first event; zero where the clock stepped back.
    pub offset: Duration,
    /// What happened.
    pub description: Description,
}

/// The timeline of a run's events, which come in the order of the log.
pub fn timeline(envelopes: &[Envelope]) -> Vec<Line> {
    let Some(start) = envelopes.first().map(|first| first.event.at) else { return Vec::new() };
    let line = |envelope: &Envelope| Line {
        position: envelope.position,
        at: envelope.event.at,
        offset: Duration(between(start, envelope.event.at)),
        description: describe(envelope),
    };
    envelopes.iter().map(line).collect()
}
