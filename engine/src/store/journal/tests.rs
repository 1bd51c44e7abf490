//! What a journal must do, beside the contract of every log.

mod alone;
mod contract;
mod crash;
mod damage;
mod doctor;
mod faults;
mod files;
mod golden;
mod retain;
mod state;
mod thin;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{Journal, OpenError, Settings};
use crate::segment::sim::SimDisk;
use crate::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    port::store::{AppendError, Appended, Expected, Filter, Snapshot, Store, StreamAppend},
};

const SMALL: Settings =
    Settings { segment_bytes: 4 << 10, limits: crate::store::memory::Limits { events_max: 100_000, bytes_max: 64 << 20 } };

fn open(disk: &SimDisk) -> Result<Journal, OpenError> {
    Journal::on(Arc::new(disk.clone()), SMALL)
}

fn stream(name: &str) -> StreamName {
    StreamName(name.into())
}

fn event(data: &str) -> NewEvent {
    NewEvent {
        id: EventId::fresh(),
        kind: EventType("tested".into()),
        data: Bytes::copy_from_slice(data.as_bytes()),
        at: Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    }
}

fn to(name: &str, expected: Expected, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected, events }
}

async fn add(journal: &Journal, name: &str, data: &str) -> Result<Appended, AppendError> {
    journal.append(vec![to(name, Expected::Any, vec![event(data)])]).await
}

/// Everything that is kept.
async fn kept(journal: &Journal) -> Vec<Envelope> {
    let (mut all, mut seen) = (Vec::new(), Position(journal.stats().oldest.0 - 1));
    while seen < journal.head() {
        let page = journal.read(seen, &Filter::default(), 1_000).await.unwrap();
        seen = page.seen;
        all.extend(page.events);
    }
    all
}

fn texts(events: &[Envelope]) -> Vec<&str> {
    events.iter().map(|envelope| std::str::from_utf8(&envelope.event.data).unwrap()).collect()
}

fn snapshot(version: u64, data: &str) -> Snapshot {
    Snapshot { version: Version(version), position: Position(version), data: Bytes::copy_from_slice(data.as_bytes()) }
}

/// Whether a file's name ends so.
fn is_a(name: &str, suffix: &str) -> bool {
    name.rsplit('.').next() == Some(suffix)
}

/// The segments of a disk that are begun.
fn segments(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    disk.segments()
}
