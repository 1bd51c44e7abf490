//! What a process that is killed leaves of the read models.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::{
    event::Envelope,
    id::{StreamName, Version},
    port::{
        BoxFuture, Reply,
        clock::between,
        step::{CustomEvent, EventAppender},
        store::{AppendError, Appended, Condition, Expired, Page, ReadError, Snapshot, StoreStats, StreamAppend},
    },
    runtime::MODELS_KEPT_EVERY,
    store::journal::{Journal, Settings},
    vitals::latency::{Latencies, LatencyMeter},
};

/// Events enough for read models to be kept.
async fn fill(world: &World) {
    let step = "note".parse().unwrap();
    let event = |_| CustomEvent { stream: "orders/7".into(), kind: "order.paid".into(), data: "1".into() };
    for _ in 0..MODELS_KEPT_EVERY / 10_000 {
        assert_eq!(world.engine.models_kept(), Position(0));
        world.engine.append_custom(&step, (0..10_000).map(event).collect()).await.unwrap();
    }
}

#[tokio::test]
async fn a_start_after_a_crash_folds_only_what_came_after_the_read_models_were_kept() {
    let (folder, clock) = (TempDir::new().unwrap(), ManualClock::new(moment("2026-01-31T12:00:00Z")));
    let store = Arc::new(Journal::open(folder.path(), Settings::default()).unwrap());
    let queues = Arc::new(MemoryQueues::new(clock.shared()));
    let world = World::on(store, queues, clock.clone(), 1_000_000).await;
    world.active(plain()).await;
    fill(&world).await;
    while world.engine.models_kept() == Position(0) {
        world.pass(Duration::from_secs(1)).await;
    }
    let event = CustomEvent { stream: "orders/7".into(), kind: "order.paid".into(), data: "1".into() };
    world.engine.append_custom(&"note".parse().unwrap(), vec![event]).await.unwrap();
    let engine = world.engine.clone();
    drop(world.stopped().await);
    let (kept, models) = (engine.models_kept(), engine.models().await);
    assert!(kept.0 >= MODELS_KEPT_EVERY && kept < models.position);
    drop(engine);
    let store = Arc::new(Journal::open(folder.path(), Settings::default()).unwrap());
    let engine = Engine::new(store, Arc::new(MemoryQueues::new(clock.shared())), clock.shared());
    assert_eq!(engine.resume_models().await, kept);
    assert_eq!(engine.models().await, models);
}

/// A log that takes events and, while it is told so, no states.
#[derive(Default)]
struct Stateless {
    log: MemoryLog,
    refuses: AtomicBool,
    /// It says that it takes no events either.
    is_full: AtomicBool,
    tries: Mutex<u32>,
}

impl Store for Stateless {
    fn append(&self, batch: Vec<StreamAppend>) -> Reply<'_, Result<Appended, AppendError>> {
        self.log.append(batch)
    }

    fn read(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.log.read(after, filter, max)
    }

    fn read_back(&self, before: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.log.read_back(before, filter, max)
    }

    fn read_stream(&self, stream: &StreamName, after: Version, max: usize) -> Reply<'_, Result<Vec<Envelope>, ReadError>> {
        self.log.read_stream(stream, after, max)
    }

    fn version(&self, stream: &StreamName) -> Reply<'_, Result<Version, ReadError>> {
        self.log.version(stream)
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()> {
        self.log.wait_past(seen)
    }

    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>> {
        self.log.put_snapshot(stream, snapshot)
    }

    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>> {
        self.log.snapshot(stream)
    }

    fn keep_state(&self, name: &'static str, data: Bytes) -> Reply<'_, Result<(), AppendError>> {
        *self.tries.lock().unwrap() += 1;
        if self.refuses.load(Ordering::SeqCst) {
            return Reply::ready(Err(AppendError::Unavailable { reason: "no room for it".into(), source: None }));
        }
        self.log.keep_state(name, data)
    }

    fn kept_state(&self, name: &'static str) -> Reply<'_, Result<Option<Bytes>, ReadError>> {
        self.log.kept_state(name)
    }

    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>> {
        self.log.truncate(before, forget)
    }

    fn let_go(&self, expired: &[Expired]) -> Reply<'_, Result<u64, AppendError>> {
        self.log.let_go(expired)
    }

    fn stats(&self) -> StoreStats {
        self.log.stats()
    }

    fn condition(&self) -> Condition {
        if self.is_full.load(Ordering::SeqCst) {
            return Condition::Refusing { reason: "full".into(), is_full: true };
        }
        Condition::Writing
    }

    /// As of a disk: only there are read models kept.
    fn syncs(&self) -> Option<Latencies> {
        Some(LatencyMeter::default().read())
    }
}

#[tokio::test]
async fn read_models_that_cannot_be_kept_are_tried_again_a_minute_later_and_not_at_all_on_a_full_disk() {
    let (store, clock) = (Arc::new(Stateless::default()), ManualClock::new(moment("2026-01-31T12:00:00Z")));
    let world = World::on(store.clone(), Arc::new(MemoryQueues::new(clock.shared())), clock.clone(), 1_000_000).await;
    let tries = || *store.tries.lock().unwrap();
    let tried = async |count: u32| {
        while tries() < count {
            world.pass(Duration::from_secs(1)).await;
        }
        clock.shared().now()
    };
    world.active(plain()).await;
    store.is_full.store(true, Ordering::SeqCst);
    fill(&world).await;
    for _ in 0..200 {
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(tries(), 0, "it is known that nothing is taken");
    store.is_full.store(false, Ordering::SeqCst);
    store.refuses.store(true, Ordering::SeqCst);
    let (first, second) = (tried(1).await, tried(2).await);
    assert!(between(first, second) >= Duration::from_secs(60), "{first} {second}");
    store.refuses.store(false, Ordering::SeqCst);
    while world.engine.models_kept() == Position(0) {
        world.pass(Duration::from_secs(1)).await;
    }
}
