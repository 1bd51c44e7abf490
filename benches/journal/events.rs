//! What is written: events of 300 bytes of data to 10,000 streams, each commit to one of them with its expected version.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use flexcore_engine::{
    event::{EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, StreamName},
};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const DATA_BYTES: usize = 300;
pub(crate) const KIND: &str = "order.placed";
const STREAMS: usize = 10_000;
/// Events that each of many callers writes into a store that syncs for each.
pub(crate) const CALLER_EVENTS: usize = 20;

/// A folder on the disk of the target folder, gone when it is dropped.
pub(crate) fn folder() -> TempDir {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&target).expect("the target folder is ours");
    TempDir::new_in(target).expect("the target folder is ours")
}

/// Commits in the order in which they come: which stream, and how many events it has already.
#[derive(Default)]
pub(crate) struct Turn {
    commits: AtomicUsize,
}

impl Turn {
    /// The next commit, of so many events.
    pub(crate) fn next(&self, size: usize) -> (String, u64) {
        let commit = self.commits.fetch_add(1, Ordering::Relaxed);
        (format!("order-{:08}", commit % STREAMS), (commit / STREAMS * size) as u64)
    }
}

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName(name.into())
}

pub(crate) fn event() -> NewEvent {
    NewEvent {
        id: EventId(Uuid::from_u128(7)),
        kind: EventType(KIND.into()),
        data: Bytes::from_static(&[b'x'; DATA_BYTES]),
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId(Uuid::from_u128(9)),
        cause: None,
    }
}

/// Before each measurement. Whoever was measured before may still have something to do, and so may whoever is next: a store that
/// merges its files, and the journal, which fills the next of its files while nothing is written.
const CALM: Duration = Duration::from_millis(150);

/// Commits of a size, one after the other, of what was made just before each; events a second.
pub(crate) fn rate<T>(size: usize, commits: usize, mut make: impl FnMut() -> T, mut commit: impl FnMut(T)) -> f64 {
    thread::sleep(CALM);
    let mut took = Duration::ZERO;
    for _ in 0..commits {
        let made = make();
        let start = Instant::now();
        commit(made);
        took += start.elapsed();
    }
    per_s(size * commits, took)
}

/// So many threads, each of which commits one event at a time; events a second.
pub(crate) fn crowd(callers: usize, commit: impl Fn() + Sync) -> f64 {
    let commit = Arc::new(&commit);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..callers {
            let commit = commit.clone();
            scope.spawn(move || (0..CALLER_EVENTS).for_each(|_| commit()));
        }
    });
    per_s(callers * CALLER_EVENTS, start.elapsed())
}

pub(crate) fn per_s(events: usize, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
