//! What a journal costs over its life: to open and to read with a million events in it, and to keep small while it is
//! written to.

use std::{cell::LazyCell, fs, hint::black_box, time::Instant};

use flexcore_engine::{
    id::Position,
    port::store::{Filter, READ_EVENTS_MAX, Store},
    store::{
        journal::{Journal, Settings},
        memory::Limits,
    },
};
use futures_util::FutureExt;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::{
    events::{self, Turn},
    harness::Bench,
    held,
    ours::{ROOMY, commit},
};

const EVENTS: usize = 1_000_000;
const BATCH: usize = 1_000;
/// What is kept when retention is on.
const KEPT: Settings = Settings { segment_bytes: 16 << 20, limits: Limits { events_max: 100_000, bytes_max: 128 << 20 } };

pub(crate) fn rows(bench: &mut Bench) {
    let world = LazyCell::new(World::new);
    bench.within("start with 1 M events", "s", 1.0, 3, || world.start_s());
    bench.pair("replay of headers", "aim 5 M ev/s", "ev/s", 1.0, 5, || world.replay(), || 5e6);
    let millions = if bench.is_quick() { 1 } else { 10 };
    let halves = LazyCell::new(|| halves(millions * EVENTS));
    let name = format!("memory, {millions} M events, retention");
    bench.pair(&name, "second half of the run", "1/MB", 0.9, 1, || 1.0 / halves.1, || 1.0 / halves.0);
    held::rows(bench);
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime needs nothing but memory")
}

/// A journal of a million events that was closed.
struct World {
    folder: TempDir,
    open: LazyCell<Journal, Box<dyn FnOnce() -> Journal>>,
}

impl World {
    fn new() -> Self {
        let folder = events::folder();
        let (journal, turn) = (Journal::open(folder.path(), ROOMY).expect("the folder is ours"), Turn::default());
        runtime().block_on(async {
            for _ in 0..EVENTS / BATCH {
                commit(&journal, &turn, BATCH).await;
            }
        });
        drop(journal);
        let path = folder.path().to_owned();
        let open = LazyCell::new(Box::new(move || Journal::open(&path, ROOMY).expect("it was closed")) as Box<_>);
        Self { folder, open }
    }

    /// Seconds until it can be read and written.
    fn start_s(&self) -> f64 {
        let start = Instant::now();
        let journal = Journal::open(self.folder.path(), ROOMY).expect("it was closed");
        let took = start.elapsed().as_secs_f64();
        assert_eq!(journal.head(), Position(EVENTS as u64));
        took
    }

    /// Events a second whose envelopes are looked at, but not their data.
    fn replay(&self) -> f64 {
        let journal = &*self.open;
        let start = Instant::now();
        let (mut sum, mut seen) = (0, Position(0));
        while seen < journal.head() {
            let read = journal.read_some(seen, &Filter::default(), READ_EVENTS_MAX).now_or_never();
            let page = read.expect("memory answers at once").expect("nothing is dropped");
            let headers = page.events.iter().map(|event| event.version.0 + event.event.kind.as_str().len() as u64);
            sum += headers.sum::<u64>();
            seen = page.seen;
        }
        black_box(sum);
        events::per_s(EVENTS, start.elapsed())
    }
}

/// The most memory of the process in the first and in the second half of so many events, in MB, while what is old is dropped.
fn halves(count: usize) -> (f64, f64) {
    let folder = events::folder();
    let (journal, turn) = (Journal::open(folder.path(), KEPT).expect("the folder is ours"), Turn::default());
    let mut most = [0.0_f64; 2];
    runtime().block_on(async {
        for written in (0..count).step_by(BATCH) {
            commit(&journal, &turn, BATCH).await;
            retain(&journal).await;
            let half = &mut most[written * 2 / count];
            *half = half.max(resident_mb());
        }
    });
    (most[0], most[1])
}

/// What the engine's janitor does with a log over its limit, but for the snapshots.
async fn retain(journal: &Journal) {
    if journal.stats().over_limit {
        let before = Position(journal.head().0 - KEPT.limits.events_max / 2);
        journal.truncate(before, &[]).await.expect("there is room");
    }
}

fn resident_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4_096.0 / 1e6
}
