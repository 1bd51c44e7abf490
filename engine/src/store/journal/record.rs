//! The bodies of records. A text is its length as u32 and its bytes; what comes last takes the rest.
//!
//! ```text
//! event     position u64 | version u64 | id 16 | correlation 16 | at s i64, ns i32 | cause 0, or 1 and 16
//!           | actor u8, text | stream text | type text | data
//! snapshot  version u64 | position u64 | stream text | data
//! truncate  oldest u64 | count u32 | streams to forget, texts
//! stream    version u64 | last position u64 | forget u8 | name text                                  in a base only
//! skip      next position u64                              events before it are not here, whatever their positions
//! gone      first version u64 | last version u64 | stream text                      of these, what retention let go
//! ```

use std::{collections::HashSet, sync::Arc};

use crate::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, PipelineName, Position, StepName, StreamName, Version},
    port::store::Snapshot,
    store::memory::Stream,
};

use crate::segment::{
    field::{Body, put_text},
    frame::{Batch, FRAME_BYTES},
};

pub(super) const EVENT: u8 = 1;
pub(super) const SNAPSHOT: u8 = 2;
pub(super) const TRUNCATE: u8 = 3;
pub(super) const STREAM: u8 = 5;
pub(super) const SKIP: u8 = 6;
pub(super) const GONE: u8 = 7;

/// A record of a truncation that names no stream, whole.
pub(super) const TRUNCATE_BYTES: usize = FRAME_BYTES + 12;

/// Of an event's record, what is always as long: from its position to its moment.
const EVENT_HEAD_BYTES: usize = 60;

/// Types of events that are shared while a file is read; beyond that each event has its own.
const KINDS_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    Event(Envelope),
    Snapshot { stream: StreamName, snapshot: Snapshot },
    Truncate { oldest: u64, forget: Vec<StreamName> },
    Stream(Stream),
    Skip { next: u64 },
    Gone { stream: StreamName, first: Version, last: Version },
}

/// What the record of an event takes.
pub(super) fn event_bytes(stream: &StreamName, event: &NewEvent) -> usize {
    let cause = if event.cause.is_some() { 17 } else { 1 };
    let texts = [actor_parts(&event.actor).1, stream.as_str(), event.kind.as_str()];
    let texts: usize = texts.iter().map(|text| 4 + text.len()).sum();
    FRAME_BYTES + EVENT_HEAD_BYTES + cause + 1 + texts + event.data.len()
}

/// Adds events of a stream, the first of them with a position and a version. Where these are not known yet, they are for
/// [`Batch::patch`].
pub(super) fn push_events(batch: &mut Batch, stream: &StreamName, events: &[NewEvent], (position, version): (u64, u64)) {
    // Who and what: mostly as in the event before.
    let (mut texts, mut said) = (Vec::new(), None);
    for (event, numbers) in events.iter().zip((position..).zip(version..)) {
        let NewEvent { id, kind, data, at, actor, correlation, cause } = event;
        if said != Some((actor, kind)) {
            said = Some((actor, kind));
            texts.clear();
            put_texts(&mut texts, actor, stream, kind);
        }
        batch.push(EVENT, |out| {
            let mut head = [0; EVENT_HEAD_BYTES + 1 + 16];
            head[..8].copy_from_slice(&numbers.0.to_le_bytes());
            head[8..16].copy_from_slice(&numbers.1.to_le_bytes());
            head[16..32].copy_from_slice(id.0.as_bytes());
            head[32..48].copy_from_slice(correlation.0.as_bytes());
            head[48..56].copy_from_slice(&at.as_second().to_le_bytes());
            head[56..60].copy_from_slice(&at.subsec_nanosecond().to_le_bytes());
            let mut length = EVENT_HEAD_BYTES + 1;
            if let Some(cause) = cause {
                head[60] = 1;
                head[61..].copy_from_slice(cause.0.as_bytes());
                length = head.len();
            }
            out.extend_from_slice(&head[..length]);
            out.extend_from_slice(&texts);
            out.extend_from_slice(data);
        });
    }
}

fn put_texts(out: &mut Vec<u8>, actor: &Actor, stream: &StreamName, kind: &EventType) {
    let (who, name) = actor_parts(actor);
    out.push(who);
    put_text(out, name);
    put_text(out, stream.as_str());
    put_text(out, kind.as_str());
}

pub(super) fn push_snapshot(batch: &mut Batch, stream: &StreamName, snapshot: &Snapshot) {
    batch.push(SNAPSHOT, |out| {
        out.extend_from_slice(&snapshot.version.0.to_le_bytes());
        out.extend_from_slice(&snapshot.position.0.to_le_bytes());
        put_text(out, stream.as_str());
        out.extend_from_slice(&snapshot.data);
    });
}

pub(super) fn push_truncate(batch: &mut Batch, oldest: u64, forget: &[StreamName]) {
    batch.push(TRUNCATE, |out| {
        out.extend_from_slice(&oldest.to_le_bytes());
        out.extend_from_slice(&(forget.len() as u32).to_le_bytes());
        for stream in forget {
            put_text(out, stream.as_str());
        }
    });
}

pub(super) fn push_stream(batch: &mut Batch, stream: &Stream) {
    batch.push(STREAM, |out| {
        out.extend_from_slice(&stream.version.0.to_le_bytes());
        out.extend_from_slice(&stream.last.0.to_le_bytes());
        out.push(u8::from(stream.forget));
        put_text(out, stream.name.as_str());
    });
}

pub(super) fn push_skip(batch: &mut Batch, next: u64) {
    batch.push(SKIP, |out| out.extend_from_slice(&next.to_le_bytes()));
}

pub(super) fn push_gone(batch: &mut Batch, stream: &StreamName, first: Version, last: Version) {
    batch.push(GONE, |out| {
        out.extend_from_slice(&first.0.to_le_bytes());
        out.extend_from_slice(&last.0.to_le_bytes());
        put_text(out, stream.as_str());
    });
}

fn actor_parts(actor: &Actor) -> (u8, &str) {
    match actor {
        Actor::Operator(name) => (1, name),
        Actor::Token(name) => (2, name),
        Actor::Schedule(pipeline) => (3, pipeline.as_str()),
        Actor::Step(step) => (4, step.as_str()),
        Actor::Engine => (5, ""),
    }
}

/// Reads records back. Texts that occur in every event are shared.
#[derive(Default)]
pub(super) struct Decoder {
    kinds: HashSet<Arc<str>>,
}

impl Decoder {
    /// Reads a record whose checksum held; what is wrong with it otherwise.
    pub(super) fn decode(&mut self, kind: u8, body: &[u8]) -> Result<Record, String> {
        let mut body = Body(body);
        match kind {
            EVENT => self.event(&mut body).map(Record::Event),
            SNAPSHOT => snapshot(&mut body),
            TRUNCATE => truncate(&mut body),
            STREAM => stream(&mut body).map(Record::Stream),
            SKIP => Ok(Record::Skip { next: body.u64()? }),
            GONE => gone(&mut body),
            other => Err(format!("a record of the unknown kind {other}")),
        }
    }

    fn event(&mut self, body: &mut Body<'_>) -> Result<Envelope, String> {
        let (position, version) = (Position(body.u64()?), Version(body.u64()?));
        let (id, correlation) = (EventId(body.uuid()?), CorrelationId(body.uuid()?));
        let at = body.moment()?;
        let cause = if body.u8()? == 0 { None } else { Some(EventId(body.uuid()?)) };
        let actor = actor(body)?;
        let stream = name(body)?;
        let kind = self.kind(body.text()?);
        let event = NewEvent { id, kind, data: body.rest(), at, actor, correlation, cause };
        Ok(Envelope { position, stream, version, event })
    }

    fn kind(&mut self, text: &str) -> EventType {
        if let Some(kind) = self.kinds.get(text) {
            return EventType(kind.clone());
        }
        let kind: Arc<str> = text.into();
        if self.kinds.len() < KINDS_MAX {
            self.kinds.insert(kind.clone());
        }
        EventType(kind)
    }
}

fn name(body: &mut Body<'_>) -> Result<StreamName, String> {
    body.text().map(|text| StreamName(text.into()))
}

fn actor(body: &mut Body<'_>) -> Result<Actor, String> {
    let (kind, name) = (body.u8()?, body.text()?);
    Ok(match kind {
        1 => Actor::Operator(name.into()),
        2 => Actor::Token(name.into()),
        3 => Actor::Schedule(PipelineName::new(name).map_err(|error| error.to_string())?),
        4 => Actor::Step(StepName::new(name).map_err(|error| error.to_string())?),
        5 => Actor::Engine,
        other => return Err(format!("an actor of the unknown kind {other}")),
    })
}

fn snapshot(body: &mut Body<'_>) -> Result<Record, String> {
    let (version, position) = (Version(body.u64()?), Position(body.u64()?));
    let stream = name(body)?;
    Ok(Record::Snapshot { stream, snapshot: Snapshot { version, position, data: body.rest() } })
}

fn truncate(body: &mut Body<'_>) -> Result<Record, String> {
    let (oldest, count) = (body.u64()?, body.u32()?);
    let forget = (0..count).map(|_| name(body)).collect::<Result<_, _>>()?;
    Ok(Record::Truncate { oldest, forget })
}

fn gone(body: &mut Body<'_>) -> Result<Record, String> {
    let (first, last) = (Version(body.u64()?), Version(body.u64()?));
    Ok(Record::Gone { stream: name(body)?, first, last })
}

fn stream(body: &mut Body<'_>) -> Result<Stream, String> {
    let (version, last, forget) = (Version(body.u64()?), Position(body.u64()?), body.u8()? != 0);
    Ok(Stream { name: name(body)?, version, last, forget })
}
