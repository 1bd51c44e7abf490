//! The log in memory: the reference, and what runs when no directory is given.
//!
//! An append is committed by the caller, under one lock, never by a task of the log's own: handing it to another thread
//! would cost a hundred times as much as doing it.

mod fit;
mod heads;
mod read;
mod segments;

use std::{
    collections::HashMap,
    mem,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::{
        BoxFuture, Reply,
        store::{AppendError, Appended, Expected, Filter, Page, ReadError, Snapshot, Store, StoreStats, StreamAppend},
    },
};

use fit::{Weight, unfit, weigh};
use heads::{Heads, Place};
use segments::{Room, Segments};

/// How much the log may hold. Above a limit it asks to be truncated; at twice a limit it takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events, and also streams.
    pub events_max: u64,
    /// Bytes of events and snapshots.
    pub bytes_max: u64,
}

impl Default for Limits {
    /// 200,000 events or 128 MiB.
    fn default() -> Self {
        Self { events_max: 200_000, bytes_max: 128 << 20 }
    }
}

/// The log in memory. Share it by `Arc`.
pub struct MemoryLog {
    limits: Limits,
    /// The newest position; written under the lock, read without.
    head: AtomicU64,
    kept: Mutex<Kept>,
    grown: Notify,
}

struct Kept {
    segments: Segments,
    heads: Heads,
    snapshots: HashMap<StreamName, Snapshot>,
    snapshot_bytes: u64,
    /// Somebody waits for the next append. Without, an append wakes nobody, which is most of its cost.
    awaited: bool,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl MemoryLog {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        let kept = Kept {
            segments: Segments::new(),
            heads: Heads::default(),
            snapshots: HashMap::new(),
            snapshot_bytes: 0,
            awaited: false,
        };
        Self { limits, head: AtomicU64::new(0), kept: Mutex::new(kept), grown: Notify::new() }
    }

    /// [`Store::append`] without a future: it never waits.
    pub fn append_now(&self, mut batch: Vec<StreamAppend>) -> Result<Appended, AppendError> {
        let weight = weigh(&batch)?;
        let mut kept = self.kept();
        kept.admit(weight, self.limits)?;
        let first = kept.segments.next();
        kept.commit(&mut batch)?;
        let last = kept.segments.next() - 1;
        self.head.store(last, Ordering::Release);
        let awaited = mem::take(&mut kept.awaited);
        let orders_room = kept.segments.orders_room();
        drop(kept);
        if awaited {
            self.grown.notify_waiters();
        }
        if orders_room {
            let room = Room::touched();
            self.kept().segments.give(room);
        }
        Ok(Appended { first: Position(first), last: Position(last) })
    }

    /// Whether a limit is passed: time to take snapshots and truncate.
    pub fn over_limit(&self) -> bool {
        self.kept().is_over(self.limits)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn grown_past(&self, seen: Position) {
        loop {
            let mut grown = pin!(self.grown.notified());
            {
                let mut kept = self.kept();
                if kept.segments.next() > seen.0.saturating_add(1) {
                    return;
                }
                kept.awaited = true;
                grown.as_mut().enable();
            }
            grown.await;
        }
    }

    fn put_snapshot_now(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), AppendError> {
        let mut kept = self.kept();
        let Some(head) = kept.heads.get(stream) else {
            return Err(unfit(format!("a snapshot of stream `{stream}`, which does not exist")));
        };
        if snapshot.version.0 > head.version() {
            let (asked, head) = (snapshot.version, head.version());
            return Err(unfit(format!("a snapshot of stream `{stream}` as of version {asked}, but it is at {head}")));
        }
        kept.admit_snapshot(snapshot.data.len() as u64, self.limits)?;
        kept.put(stream, snapshot);
        Ok(())
    }

    fn truncate_now(&self, before: Position, forget: &[StreamName]) {
        let mut kept = self.kept();
        kept.heads.forget_with_last_event(forget);
        let dropped = kept.segments.take_before(before.0);
        let oldest = kept.segments.oldest();
        if kept.heads.trim(oldest) {
            kept.drop_orphaned_snapshots();
        }
        drop(kept);
        drop(dropped);
    }

    fn stats_now(&self) -> StoreStats {
        let kept = self.kept();
        StoreStats {
            head: Position(kept.segments.next() - 1),
            oldest: Position(kept.segments.oldest()),
            bytes: kept.bytes(),
            streams: kept.heads.len() as u64,
            over_limit: kept.is_over(self.limits),
        }
    }
}

impl Kept {
    fn bytes(&self) -> u64 {
        self.segments.bytes() + self.snapshot_bytes
    }

    fn is_over(&self, limits: Limits) -> bool {
        let streams = self.heads.len() as u64;
        self.segments.len().max(streams) > limits.events_max || self.bytes() > limits.bytes_max
    }

    fn admit(&self, more: Weight, limits: Limits) -> Result<(), AppendError> {
        let (events, bytes) = (self.segments.len().max(self.heads.len() as u64) + more.events, self.bytes() + more.bytes);
        if events <= limits.events_max.saturating_mul(2) && bytes <= limits.bytes_max.saturating_mul(2) {
            return Ok(());
        }
        let Limits { events_max, bytes_max } = limits;
        let reason = format!(
            "with this it would hold {events} events or streams and {bytes} bytes in memory, more than twice its limits of \
             {events_max} and {bytes_max}; raise the limits, or let retention drop old events"
        );
        Err(AppendError::Unavailable { reason, source: None })
    }

    /// A full log still takes snapshots: without them nothing can be dropped.
    fn admit_snapshot(&self, bytes: u64, limits: Limits) -> Result<(), AppendError> {
        let bytes_max = limits.bytes_max.saturating_mul(2);
        if self.snapshot_bytes + bytes <= bytes_max {
            return Ok(());
        }
        let held = self.snapshot_bytes;
        let reason = format!("snapshots take {held} bytes of memory and this one {bytes}, of {bytes_max}; raise the limit");
        Err(AppendError::Unavailable { reason, source: None })
    }

    /// All checks, then all events. One stream, which is nearly every append, is looked up once.
    fn commit(&mut self, batch: &mut [StreamAppend]) -> Result<(), AppendError> {
        if let [append] = batch {
            let place = self.expect(append)?;
            self.push(place, append);
            return Ok(());
        }
        batch.iter().try_for_each(|append| self.expect(append).map(drop))?;
        for append in batch {
            let place = self.heads.find(&append.stream);
            self.push(place, append);
        }
        Ok(())
    }

    fn expect(&self, append: &StreamAppend) -> Result<Option<Place>, AppendError> {
        let place = self.heads.find(&append.stream);
        let actual = self.heads.version_at(place);
        let is_met = match append.expected {
            Expected::Any => true,
            Expected::NoStream => actual == Version(0),
            Expected::Exact(version) => actual == version,
        };
        if is_met { Ok(place) } else { Err(AppendError::Conflict { stream: append.stream.clone(), actual }) }
    }

    /// Takes the events out of the append, but leaves its memory to be freed after the lock.
    fn push(&mut self, place: Option<Place>, append: &mut StreamAppend) {
        let head = self.heads.of_writer(place, &append.stream);
        for event in append.events.drain(..) {
            let position = self.segments.next();
            let (version, link) = head.push(position);
            self.segments.push(Envelope { position: Position(position), stream: head.name(), version, event }, link);
        }
    }

    fn put(&mut self, stream: &StreamName, snapshot: Snapshot) {
        let older = self.snapshots.get(stream).map(|kept| (kept.version, kept.data.len() as u64));
        if older.is_some_and(|(version, _)| version > snapshot.version) {
            return;
        }
        self.snapshot_bytes -= older.map_or(0, |(_, bytes)| bytes);
        self.snapshot_bytes += snapshot.data.len() as u64;
        self.snapshots.insert(stream.clone(), snapshot);
    }

    fn drop_orphaned_snapshots(&mut self) {
        let heads = &self.heads;
        self.snapshots.retain(|stream, _| heads.get(stream).is_some());
        self.snapshot_bytes = self.snapshots.values().map(|snapshot| snapshot.data.len() as u64).sum();
    }
}

impl Store for MemoryLog {
    fn append(&self, batch: Vec<StreamAppend>) -> Reply<'_, Result<Appended, AppendError>> {
        Reply::ready(self.append_now(batch))
    }

    fn read(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        Reply::ready(self.read_now(after, filter, max))
    }

    fn read_some(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        Reply::ready(self.read_some_now(after, filter, max))
    }

    fn read_back(&self, before: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        Reply::ready(self.read_back_now(before, filter, max))
    }

    fn read_stream(&self, stream: &StreamName, after: Version, max: usize) -> Reply<'_, Result<Vec<Envelope>, ReadError>> {
        Reply::ready(self.read_stream_now(stream, after, max))
    }

    fn version(&self, stream: &StreamName) -> Reply<'_, Result<Version, ReadError>> {
        Reply::ready(Ok(self.kept().heads.version(stream)))
    }

    fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()> {
        Box::pin(self.grown_past(seen))
    }

    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>> {
        Reply::ready(self.put_snapshot_now(stream, snapshot))
    }

    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>> {
        Reply::ready(Ok(self.kept().snapshots.get(stream).cloned()))
    }

    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>> {
        self.truncate_now(before, forget);
        Reply::ready(Ok(()))
    }

    fn stats(&self) -> StoreStats {
        self.stats_now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::{
        event::{EventType, NewEvent},
        id::{Actor, CorrelationId, EventId},
    };

    async fn fresh() -> (Arc<dyn Store>, ()) {
        (Arc::new(MemoryLog::default()), ())
    }

    crate::store_contract!(fresh);

    fn append(log: &MemoryLog, stream: &str, count: usize) -> Result<Appended, AppendError> {
        let event = NewEvent {
            id: EventId::fresh(),
            kind: EventType("tested".into()),
            data: Bytes::from_static(b"{}"),
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Engine,
            correlation: CorrelationId::fresh(),
            cause: None,
        };
        let (stream, events) = (StreamName(stream.into()), vec![event; count]);
        log.append_now(vec![StreamAppend { stream, expected: Expected::Any, events }])
    }

    #[test]
    fn a_log_over_its_limit_says_so_and_at_twice_its_limit_takes_no_more() {
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 1 << 20 });
        append(&log, "a", 10).unwrap();
        assert!(!log.over_limit() && !log.stats().over_limit);
        append(&log, "a", 10).unwrap();
        assert!(log.over_limit() && log.stats().over_limit);
        let refused = append(&log, "a", 1).unwrap_err();
        assert!(matches!(&refused, AppendError::Unavailable { reason, .. } if reason.contains("21 events")), "{refused}");
        log.truncate_now(Position(21), &[]);
        assert!(!log.over_limit());
        assert_eq!(append(&log, "a", 1).unwrap().first, Position(21));
    }

    #[test]
    fn bytes_and_streams_are_limited_too() {
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 4_000 });
        append(&log, "a", 15).unwrap();
        assert!(matches!(append(&log, "a", 50), Err(AppendError::Unavailable { .. })));
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 1 << 20 });
        for at in 0..20 {
            append(&log, &format!("s{at}"), 1).unwrap();
            log.truncate_now(Position(u64::MAX), &[]);
        }
        assert!(log.over_limit() && matches!(append(&log, "s20", 1), Err(AppendError::Unavailable { .. })));
        log.truncate_now(Position(u64::MAX), &[StreamName("s0".into())]);
        append(&log, "s20", 1).unwrap();
    }

    #[test]
    fn a_full_log_still_takes_the_snapshots_that_let_it_shrink() {
        let log = MemoryLog::new(Limits { events_max: 5, bytes_max: 1 << 20 });
        append(&log, "a", 10).unwrap();
        let snapshot = |bytes| Snapshot { version: Version(10), position: Position(10), data: vec![b' '; bytes].into() };
        log.put_snapshot_now(&StreamName("a".into()), snapshot(1_000)).unwrap();
        let refused = log.put_snapshot_now(&StreamName("a".into()), snapshot(3 << 20)).unwrap_err();
        assert!(matches!(refused, AppendError::Unavailable { .. }), "{refused}");
    }
}
