//! How long retention holds an append up: a writer appends one event after the other and notes how long the longest took,
//! alone and beside retention.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flexcore_engine::{
    id::{Position, StreamName},
    port::store::{Expected, Expired, Store, StreamAppend},
    store::journal::Journal,
};

use crate::{
    events::{self, KIND, Turn},
    harness::Bench,
    life::runtime,
    ours::{ROOMY, commit},
};

/// Events that are there when it begins.
const EVENTS: usize = 200_000;
const BATCH: usize = 1_000;
/// Events of each stream that has ended, as of a short run.
const RUN_EVENTS: usize = 5;
/// Parts of the log that go one after the other.
const PARTS: usize = 10;
/// How long appends are timed, if retention is not done before.
const TIMED: Duration = Duration::from_secs(4);

/// What goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retains {
    Nothing,
    /// The oldest events, and with them the streams that ended there.
    Streams,
    /// Single events, by type, and then the oldest.
    Types,
}

pub(crate) fn rows(bench: &mut Bench) {
    for (retains, what) in [(Retains::Streams, "streams that ended"), (Retains::Types, "single events")] {
        let seen = Cell::new((0.0, 0.0));
        bench.within(&format!("append held up, {what}"), "ms", 10.0, 3, || {
            let (calm, busy) = (longest_append_ms(Retains::Nothing), longest_append_ms(retains));
            seen.set((calm, busy));
            (busy - calm).max(0.01)
        });
        let (calm, busy) = seen.get();
        bench.note(format!("in the last round the longest append took {busy:.1} ms, {calm:.1} ms without retention"));
    }
}

fn longest_append_ms(retains: Retains) -> f64 {
    let folder = events::folder();
    let journal = Arc::new(Journal::open(folder.path(), ROOMY).expect("the folder is ours"));
    runtime().block_on(fill(&journal));
    let (turn, done) = (Turn::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        if retains != Retains::Nothing {
            scope.spawn(|| {
                runtime().block_on(retain(&journal, retains));
                done.store(true, Ordering::Relaxed);
            });
        }
        runtime().block_on(async {
            let (begun, mut longest) = (Instant::now(), Duration::ZERO);
            while begun.elapsed() < TIMED && !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                commit(&journal, &turn, 1).await;
                longest = longest.max(start.elapsed());
            }
            longest.as_secs_f64() * 1e3
        })
    })
}

fn run(number: usize) -> StreamName {
    StreamName(format!("run/0192aaaa-bbbb-7ccc-8ddd-{number:012}").into())
}

async fn fill(journal: &Journal) {
    for batch in 0..EVENTS / BATCH {
        let runs = batch * BATCH / RUN_EVENTS..(batch + 1) * BATCH / RUN_EVENTS;
        let part = |number| StreamAppend {
            stream: run(number),
            expected: Expected::NoStream,
            events: vec![events::event(); RUN_EVENTS],
        };
        journal.append(runs.map(part).collect()).await.expect("there is room");
    }
}

/// A part of the log at a time, as the engine does it.
async fn retain(journal: &Journal, retains: Retains) {
    let size = EVENTS / PARTS;
    for part in 1..=PARTS {
        let before = Position((part * size) as u64);
        let mut forget = Vec::new();
        if retains == Retains::Types {
            let expired = [Expired { kind: KIND.into(), before: Position(before.0 - size as u64 / 2) }];
            journal.let_go(&expired).await.expect("it is kept");
        } else {
            forget.extend(((part - 1) * size / RUN_EVENTS..part * size / RUN_EVENTS).map(run));
        }
        journal.truncate(before, &forget).await.expect("there is room");
    }
}
