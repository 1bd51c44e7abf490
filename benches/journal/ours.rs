//! The journal, as the engine opens it but for the limits of what it keeps.

use std::{path::Path, sync::Arc, time::Instant};

use flexcore_engine::{
    id::Version,
    port::store::{Expected, Store, StreamAppend},
    store::{
        journal::{Journal, Settings},
        memory::Limits,
    },
};
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::events::{self, Turn};

/// Events that each of many callers writes: as many more as a round of the peers takes longer.
const CALLER_EVENTS: usize = 10 * events::CALLER_EVENTS;

/// Nothing is ever to be dropped.
pub(crate) const ROOMY: Settings =
    Settings { segment_bytes: 16 << 20, limits: Limits { events_max: u64::MAX / 4, bytes_max: u64::MAX / 4 } };

pub(crate) struct Ours {
    journal: Arc<Journal>,
    runtime: Runtime,
    turn: Arc<Turn>,
    folder: TempDir,
}

impl Ours {
    pub(crate) fn new() -> Self {
        let folder = events::folder();
        let journal = Arc::new(Journal::open(folder.path(), ROOMY).expect("the folder is ours"));
        let runtime = Builder::new_multi_thread().worker_threads(2).build().expect("threads can be started");
        Self { journal, runtime, turn: Arc::default(), folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The events of a commit are made before it, as the floor's bytes are.
    pub(crate) fn rate(&self, size: usize, commits: usize) -> f64 {
        let commit = |append| {
            // Asked for within the runtime, as by tasks: elsewhere nobody writes in their own thread.
            self.runtime.block_on(async { self.journal.append(vec![append]).await }).expect("there is room");
        };
        events::rate(size, commits, || next(&self.turn, size), commit)
    }

    pub(crate) fn crowd(&self, callers: usize) -> f64 {
        self.runtime.block_on(async {
            let start = Instant::now();
            let caller = |_| {
                let (journal, turn) = (self.journal.clone(), self.turn.clone());
                tokio::spawn(async move {
                    for _ in 0..CALLER_EVENTS {
                        commit(&journal, &turn, 1).await;
                    }
                })
            };
            for ended in join_all((0..callers).map(caller)).await {
                ended.expect("a caller ends");
            }
            events::per_s(callers * CALLER_EVENTS, start.elapsed())
        })
    }
}

/// Appends as the next commit; waits until it is safe.
pub(crate) async fn commit(journal: &Journal, turn: &Turn, size: usize) {
    journal.append(vec![next(turn, size)]).await.expect("there is room");
}

fn next(turn: &Turn, size: usize) -> StreamAppend {
    let (stream, version) = turn.next(size);
    let expected = if version == 0 { Expected::NoStream } else { Expected::Exact(Version(version)) };
    StreamAppend { stream: events::stream(&stream), expected, events: vec![events::event(); size] }
}
