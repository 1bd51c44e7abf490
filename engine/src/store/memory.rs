//! The log in memory: the reference, and what runs when no directory is given.
//!
//! An append is committed by the caller, under one lock, never by a task of the log's own: handing it to another thread
//! would cost a hundred times as much as doing it.

mod draft;
mod fit;
mod growth;
mod heads;
mod kept;
mod read;
mod segments;
mod steps;
mod thin;

use std::{
    collections::HashMap,
    hint,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
};

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::{
        BoxFuture, Reply,
        store::{AppendError, Appended, Expired, Filter, Page, ReadError, Snapshot, Store, StoreStats, StreamAppend},
    },
};

pub(in crate::store) use draft::{DRAFT_EVENTS_MIN, Draft, Outset};
pub(in crate::store) use fit::{Weight, unfit, weigh};
use growth::Growth;
use kept::One;
pub(in crate::store) use kept::{Dropped, Kept, Stream, is_met};
use segments::Room;
pub(in crate::store) use steps::steps;
pub(in crate::store) use thin::{Thinned, is_expired};

/// How often whoever finds the lock held looks again, each time after twice as long; then others are let run in between.
const LOOKS_MAX: u32 = 5;
const YIELDS_MAX: u32 = 10;
/// A writer looks again less often, but waits so many times as long: some microseconds at first.
const PATIENCE: u32 = 512;
const LOOKS_OF_PATIENCE: u32 = 3;

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
    /// What hashes of streams are taken with, before the lock.
    hasher: RandomState,
    states: Mutex<HashMap<&'static str, Bytes>>,
    kept: Apart<Mutex<Kept>>,
    growth: Growth,
}

/// In lines of the processor's cache of its own (they are fetched two at a time): who reads one of them does not take those
/// away that a writer on another core needs.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl MemoryLog {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self::holding(limits, Kept::starting_at(1))
    }

    /// One that goes on from what is kept.
    pub(in crate::store) fn holding(limits: Limits, kept: Kept) -> Self {
        let (growth, hasher) = (Growth::new(kept.next() - 1), kept.heads.hasher());
        Self { limits, hasher, states: Mutex::default(), kept: Apart(Mutex::new(kept)), growth }
    }

    /// [`Store::append`] without a future: it never waits.
    pub fn append_now(&self, mut batch: Vec<StreamAppend>) -> Result<Appended, AppendError> {
        let weight = weigh(&batch)?;
        if batch.len() > 1 {
            return self.publish(|kept| self.admitted(kept, weight, |kept| kept.commit(&mut batch)));
        }
        let mut one = One::new(batch.pop().expect("an append of no events is refused before"), &self.hasher);
        self.publish(|kept| self.admitted(kept, weight, |kept| kept.commit_one(&mut one)))
    }

    #[inline]
    fn admitted(
        &self,
        kept: &mut Kept,
        weight: Weight,
        commit: impl FnOnce(&mut Kept) -> Result<(), AppendError>,
    ) -> Result<Appended, AppendError> {
        kept.admit(weight, self.limits)?;
        let first = kept.next();
        commit(kept)?;
        Ok(Appended { first: Position(first), last: Position(kept.next() - 1) })
    }

    /// Changes what is kept and lets readers know.
    pub(in crate::store) fn publish<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> T {
        let (outcome, orders_room) = self.show(change);
        if orders_room {
            self.make_room();
        }
        outcome
    }

    /// The same without what can be done later; whether there is something: [`MemoryLog::make_room`].
    #[inline]
    pub(in crate::store) fn show<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> (T, bool) {
        let mut kept = self.kept_patiently();
        let before = kept.next();
        let outcome = change(&mut kept);
        let (grows, orders_room) = (kept.next() > before, kept.segments.orders_room());
        if grows {
            self.growth.to(kept.next() - 1);
        }
        drop(kept);
        if grows {
            self.growth.tell();
        }
        (outcome, orders_room)
    }

    /// Gets memory for the next events.
    pub(in crate::store) fn make_room(&self) {
        let room = Room::touched();
        self.kept().segments.give(room);
    }

    /// Whether a limit is passed: time to take snapshots and truncate.
    pub fn over_limit(&self) -> bool {
        self.kept().is_over(self.limits)
    }

    pub(in crate::store) fn limits(&self) -> Limits {
        self.limits
    }

    /// It is held for less than a wake-up takes: whoever finds it held looks again, then lets others run, and sleeps only if
    /// that did not help. Where one sleeps, whoever gives it back must wake them, and all go at the pace of wake-ups.
    pub(in crate::store) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept_now().unwrap_or_else(|| self.kept_later(1, LOOKS_MAX))
    }

    /// The same for a writer. Where two cores took turns, every append would wait for the lines of the cache that the other
    /// core has just written; so whoever comes second lets the first one write some dozens.
    fn kept_patiently(&self) -> MutexGuard<'_, Kept> {
        self.kept_now().unwrap_or_else(|| self.kept_later(PATIENCE, LOOKS_OF_PATIENCE))
    }

    fn kept_now(&self) -> Option<MutexGuard<'_, Kept>> {
        match self.kept.0.try_lock() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cold]
    fn kept_later(&self, pauses: u32, looks: u32) -> MutexGuard<'_, Kept> {
        for look in 0..looks + YIELDS_MAX {
            if look < looks {
                (0..pauses << look).for_each(|_| hint::spin_loop());
            } else {
                thread::yield_now();
            }
            if let Some(kept) = self.kept_now() {
                return kept;
            }
        }
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what is kept begins, and the position that the next event gets.
    pub(in crate::store) fn reach(&self) -> (u64, u64) {
        let kept = self.kept();
        (kept.oldest(), kept.next())
    }

    fn put_snapshot_now(&self, stream: &StreamName, snapshot: Snapshot) -> Result<(), AppendError> {
        let mut kept = self.kept();
        let version = kept.version(stream);
        kept.admit_snapshot(stream, &snapshot, version, self.limits)?;
        kept.put(stream, snapshot);
        Ok(())
    }

    fn states(&self) -> MutexGuard<'_, HashMap<&'static str, Bytes>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn truncate_in_steps(&self, before: Position, forget: Vec<StreamName>) {
        let (oldest, next) = self.reach();
        for step in steps(oldest, before.0.min(next), &forget, usize::MAX) {
            let dropped = {
                let mut kept = self.kept();
                // What went before stays gone, and a stream that ended there with it.
                let before = step.before.max(kept.oldest());
                kept.truncate_exactly(before, step.forget)
            };
            dropped.free().await;
        }
    }

    fn stats_now(&self) -> StoreStats {
        let kept = self.kept();
        StoreStats {
            head: Position(kept.next() - 1),
            oldest: Position(kept.segments.oldest()),
            gone: kept.next() - kept.segments.oldest() - kept.segments.len(),
            bytes: kept.bytes(),
            streams: kept.heads.len() as u64,
            over_limit: kept.is_over(self.limits),
        }
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
        Reply::ready(Ok(self.kept().version(stream)))
    }

    fn head(&self) -> Position {
        Position(self.growth.head())
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()> {
        Box::pin(self.growth.past(seen.0, || self.kept().next() - 1))
    }

    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>> {
        Reply::ready(self.put_snapshot_now(stream, snapshot))
    }

    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>> {
        Reply::ready(Ok(self.kept().snapshot(stream).cloned()))
    }

    fn keep_state(&self, name: &'static str, data: Bytes) -> Reply<'_, Result<(), AppendError>> {
        self.states().insert(name, data);
        Reply::ready(Ok(()))
    }

    fn kept_state(&self, name: &'static str) -> Reply<'_, Result<Option<Bytes>, ReadError>> {
        Reply::ready(Ok(self.states().get(name).cloned()))
    }

    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>> {
        let forget = forget.to_vec();
        Reply::Pending(Box::pin(async move {
            self.truncate_in_steps(before, forget).await;
            Ok(())
        }))
    }

    fn let_go(&self, expired: &[Expired]) -> Reply<'_, Result<u64, AppendError>> {
        Reply::ready(Ok(self.let_go_now(expired).events))
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
        port::store::Expected,
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

    #[tokio::test]
    async fn a_log_over_its_limit_says_so_and_at_twice_its_limit_takes_no_more() {
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 1 << 20 });
        append(&log, "a", 10).unwrap();
        assert!(!log.over_limit() && !log.stats().over_limit);
        append(&log, "a", 10).unwrap();
        assert!(log.over_limit() && log.stats().over_limit);
        let refused = append(&log, "a", 1).unwrap_err();
        assert!(matches!(&refused, AppendError::Unavailable { reason, .. } if reason.contains("21 events")), "{refused}");
        log.truncate(Position(21), &[]).await.unwrap();
        assert!(!log.over_limit());
        assert_eq!(append(&log, "a", 1).unwrap().first, Position(21));
    }

    #[tokio::test]
    async fn bytes_and_streams_are_limited_too() {
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 4_000 });
        append(&log, "a", 15).unwrap();
        assert!(matches!(append(&log, "a", 50), Err(AppendError::Unavailable { .. })));
        let log = MemoryLog::new(Limits { events_max: 10, bytes_max: 1 << 20 });
        for at in 0..20 {
            append(&log, &format!("s{at}"), 1).unwrap();
            log.truncate(Position(u64::MAX), &[]).await.unwrap();
        }
        assert!(log.over_limit() && matches!(append(&log, "s20", 1), Err(AppendError::Unavailable { .. })));
        log.truncate(Position(u64::MAX), &[StreamName("s0".into())]).await.unwrap();
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
