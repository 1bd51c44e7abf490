//! What was once written must always be read, and is still written the same. The bytes stand in `format-1.hex`.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    super::{
        contents::LogContents,
        record::{push_events, push_snapshot, push_truncate},
    },
    kept, open, snapshot, stream,
};
use crate::segment::{
    Contents, base,
    disk::Disk,
    frame::{Batch, HEADER_BYTES, Header, Purpose, seed_of},
    golden::{section, text},
    load::{base_name, segment_name},
    sim::SimDisk,
};
use crate::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, PipelineName, Position, StepName, Version},
    port::store::Store,
    store::memory::{Kept, Stream},
};

const GOLDEN: &str = include_str!("format-1.hex");

fn created() -> Timestamp {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

/// One event for each kind of actor, the second with a cause.
fn events() -> Vec<NewEvent> {
    let actors = [
        Actor::Operator("Zoë".into()),
        Actor::Token("ci".into()),
        Actor::Schedule(PipelineName::new("quakes").unwrap()),
        Actor::Step(StepName::new("save").unwrap()),
        Actor::Engine,
    ];
    let event = |(at, actor): (u128, Actor)| NewEvent {
        id: EventId(Uuid::from_u128(at + 1)),
        kind: EventType("order.placed".into()),
        data: format!("{{\"n\":{at}}}").into(),
        at: "2026-02-28T23:59:59.123456789Z".parse().unwrap(),
        actor,
        correlation: CorrelationId(Uuid::from_u128(77)),
        cause: (at == 1).then_some(EventId(Uuid::from_u128(1))),
    };
    (0..).zip(actors).map(event).collect()
}

/// Positions from 11 on, in stream `order/1` from version 3 on.
fn segment() -> Vec<u8> {
    let mut bytes =
        Header { purpose: Purpose::Segment, number: 7, next: 11, created: created() }.encode(&LogContents::FORMAT).to_vec();
    let seed = seed_of(&bytes);
    let mut batch = Batch::default();
    push_events(&mut batch, &stream("order/1"), &events(), (11, 3));
    bytes.extend_from_slice(batch.seal(seed, HEADER_BYTES as u64, 16));
    let mut batch = Batch::default();
    push_snapshot(&mut batch, &stream("order/1"), &snapshot(7, "state"));
    push_truncate(&mut batch, 13, &[stream("order/0")]);
    let offset = bytes.len() as u64;
    bytes.extend_from_slice(batch.seal(seed, offset, 16));
    bytes
}

fn before() -> Vec<u8> {
    let mut kept = Kept::starting_at(11);
    for (name, version, last) in [("order/0", 1, 1), ("order/1", 2, 10)] {
        kept.restore(&Stream { name: stream(name), version: Version(version), last: Position(last), forget: false });
    }
    kept.put(&stream("order/0"), snapshot(1, "old"));
    let disk = SimDisk::default();
    base::write_as_of(&disk, 7, &LogContents::of(kept), created()).unwrap();
    disk.read(&base_name(7)).unwrap()
}

#[test]
fn it_is_written_as_it_always_was() {
    assert_eq!(GOLDEN, text([("base", before()), ("segment", segment())]));
}

#[tokio::test]
async fn what_was_written_is_read() {
    let files = [(base_name(7), section(GOLDEN, "base")), (segment_name(7), section(GOLDEN, "segment"))];
    let journal = open(&SimDisk::with(files)).unwrap();
    let wanted: Vec<_> = (0..)
        .zip(events())
        .skip(2)
        .map(|(at, event)| Envelope { position: Position(11 + at), stream: stream("order/1"), version: Version(3 + at), event })
        .collect();
    assert_eq!(kept(&journal).await, wanted);
    assert_eq!(journal.snapshot(&stream("order/1")).await.unwrap(), Some(snapshot(7, "state")));
    assert_eq!(journal.version(&stream("order/0")).await.unwrap(), Version(0));
    assert_eq!(journal.snapshot(&stream("order/0")).await.unwrap(), None);
}
