//! An append of many events to one stream as it will be kept, made before it is there and without a lock: where the log is on a disk,
//! while the disk writes it.

use crate::{
    event::{Envelope, NewEvent},
    id::{Position, StreamName, Version},
};

use super::segments::{SEGMENT_EVENTS_MAX, SMALL, Segment};

/// Fewer are put where other events grow.
pub(in crate::store) const DRAFT_EVENTS_MIN: usize = SMALL;

/// Where an append goes on.
pub(in crate::store) struct Outset {
    /// The text that events of the stream share.
    pub(super) stream: StreamName,
    /// The position of its first event.
    pub(super) next: u64,
    pub(super) version: Version,
    /// The position of the last event of the stream, 0 for none.
    pub(super) last: u64,
}

/// Events that have their positions and versions. They can be kept as long as nothing else was since.
pub(in crate::store) struct Draft {
    pub(super) stream: StreamName,
    pub(super) segments: Vec<Segment>,
}

impl Draft {
    pub(in crate::store) fn new(outset: Outset, events: Vec<NewEvent>) -> Self {
        let Outset { stream, mut next, mut version, mut last } = outset;
        let each = events.len().div_ceil(events.len().div_ceil(SEGMENT_EVENTS_MAX).max(1));
        let (mut events, mut segments) = (events.into_iter().peekable(), Vec::new());
        while events.peek().is_some() {
            let (first, mut kept, mut links) = (next, Vec::with_capacity(each), Vec::with_capacity(each));
            for event in events.by_ref().take(each) {
                version = version.next();
                kept.push(Envelope { position: Position(next), stream: stream.clone(), version, event });
                links.push(last);
                (last, next) = (next, next + 1);
            }
            segments.push(Segment::of(first, kept, links));
        }
        Self { stream, segments }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use jiff::Timestamp;

    use super::*;
    use crate::{
        event::EventType,
        id::{Actor, CorrelationId, EventId},
        port::store::{Expected, Filter, Store, StreamAppend},
        store::memory::{Limits, MemoryLog},
    };

    fn events(count: usize) -> Vec<NewEvent> {
        let event = |at: usize| NewEvent {
            id: EventId(uuid::Uuid::from_u128(at as u128)),
            kind: EventType("tested".into()),
            data: Bytes::from(at.to_string()),
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Engine,
            correlation: CorrelationId(uuid::Uuid::nil()),
            cause: None,
        };
        (0..count).map(event).collect()
    }

    fn name(name: &str) -> StreamName {
        StreamName(name.into())
    }

    /// All events, those of each stream, and where it begins and ends.
    fn seen(log: &MemoryLog) -> (Vec<Envelope>, Vec<Vec<Envelope>>, u64, u64) {
        let (mut all, mut after) = (Vec::new(), Position(log.stats().oldest.0 - 1));
        loop {
            let page = log.read(after, &Filter::default(), 1_000).now_or_never().unwrap().unwrap();
            if page.seen == after {
                break;
            }
            after = page.seen;
            all.extend(page.events);
        }
        let stream = |stream: &str| {
            let Some(first) = all.iter().find(|envelope| envelope.stream == name(stream)) else { return Vec::new() };
            let from = |version| log.read_stream(&name(stream), Version(version), 500).now_or_never().unwrap().unwrap();
            let pages = iter::successors(Some(from(first.version.0 - 1)), |page| page.last().map(|last| from(last.version.0)));
            pages.flatten().collect()
        };
        let (stats, streams) = (log.stats(), ["a", "b", "c"].map(stream).to_vec());
        (all, streams, stats.oldest.0, stats.bytes)
    }

    #[test]
    fn what_is_drafted_is_kept_as_what_is_not() {
        let roomy = Limits { events_max: 1_000_000, bytes_max: 1 << 30 };
        let [plain, drafted] = [(); 2].map(|()| MemoryLog::new(roomy));
        let work = [("a", 1), ("b", 300), ("a", 256), ("c", 3), ("a", 1_024), ("b", 5_000), ("c", 1_025), ("b", 2), ("b", 700)];
        for (at, (stream, count)) in work.into_iter().enumerate() {
            let (stream, events) = (name(stream), events(count));
            if count >= DRAFT_EVENTS_MIN {
                let outset = drafted.kept().outset(&stream);
                let draft = Draft::new(outset, events.clone());
                drafted.publish(|kept| kept.commit_draft(draft));
            } else {
                let append = StreamAppend { stream: stream.clone(), expected: Expected::Any, events: events.clone() };
                drafted.append_now(vec![append]).unwrap();
            }
            plain.append_now(vec![StreamAppend { stream, expected: Expected::Any, events }]).unwrap();
            if at % 3 == 2 {
                let before = plain.kept().next() / 2;
                for log in [&plain, &drafted] {
                    drop(log.publish(|kept| kept.truncate_exactly(before, &[])));
                }
            }
            assert_eq!(seen(&plain), seen(&drafted), "after {at}");
        }
    }
}
