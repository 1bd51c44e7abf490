//! Retention that forgets many streams at once, as that of many short runs does.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use bytes::Bytes;

use super::{Journal, event, is_a, kept, stream, to};
use crate::{
    event::{EventType, NewEvent},
    id::{Position, StreamName, Version},
    port::store::{Expected, Expired, Snapshot, Store},
    segment::{disk::STEP_BYTES, frame::HEADER_BYTES, sim::SimDisk},
    store::{journal::Settings, memory::Limits},
};

const STREAMS: usize = 2_000;
const ROOMY: Settings = Settings { segment_bytes: 1 << 20, limits: Limits { events_max: 100_000, bytes_max: 64 << 20 } };

fn open(disk: &SimDisk) -> Journal {
    Journal::on(Arc::new(disk.clone()), ROOMY).unwrap()
}

fn names() -> Vec<StreamName> {
    (0..STREAMS).map(|at| stream(&format!("run/{at:036}"))).collect()
}

/// An event for each stream, with that data, and one for a stream that stays.
async fn fill(journal: &Journal, data: impl Fn() -> Bytes) {
    let one = |stream: StreamName| to(stream.as_str(), Expected::NoStream, vec![NewEvent { data: data(), ..event("") }]);
    journal.append(names().into_iter().map(one).collect()).await.unwrap();
    journal.append(vec![to("stays", Expected::NoStream, vec![event("{}")])]).await.unwrap();
}

#[tokio::test]
async fn streams_that_ended_are_forgotten_with_one_sync_for_many() {
    let disk = SimDisk::default();
    let journal = open(&disk);
    fill(&journal, || Bytes::from_static(b"{}")).await;
    let before = journal.syncs().unwrap().count();
    journal.truncate(journal.head(), &names()).await.unwrap();
    let syncs = journal.syncs().unwrap().count() - before;
    // 44 bytes a name, and a sixteenth of a segment for what makes room.
    assert!(syncs <= 2, "{syncs} syncs for {STREAMS} streams");
    assert_eq!((journal.stats().streams, kept(&journal).await.len()), (1, 1));
    drop(journal);
    let journal = open(&disk.after_crash(3));
    assert_eq!((journal.stats().streams, journal.stats().oldest), (1, Position(STREAMS as u64 + 1)));
    assert_eq!(journal.version(&names()[7]).await.unwrap(), Version(0));
}

/// Data that tells which thread frees it.
struct Told(Arc<Mutex<Vec<String>>>);

impl AsRef<[u8]> for Told {
    fn as_ref(&self) -> &[u8] {
        b"{}"
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(thread::current().name().unwrap_or_default().to_owned());
    }
}

#[tokio::test]
async fn what_is_dropped_is_not_freed_by_the_thread_that_all_appends_wait_for() {
    let journal = open(&SimDisk::default());
    let told = Arc::default();
    fill(&journal, || Bytes::from_owner(Told(Arc::clone(&told)))).await;
    assert_eq!(told.lock().unwrap().len(), 0);
    journal.truncate(journal.head(), &names()).await.unwrap();
    drop(journal);
    let told = told.lock().unwrap();
    assert_eq!((told.len(), told.iter().find(|name| *name == "journal-writer")), (STREAMS, None));
}

#[tokio::test]
async fn nothing_large_is_synced_at_once_beside_appends() {
    let disk = SimDisk::default();
    let journal = open(&disk);
    journal.keep_state("models", vec![b'x'; 3 << 20].into()).await.unwrap();
    let large = |kind: &str| NewEvent { kind: EventType(kind.into()), ..event(&"x".repeat(200_000)) };
    for at in 0..30 {
        let kind = if at % 3 == 0 { "noted" } else { "tested" };
        journal.append(vec![to(&format!("run/{at}"), Expected::Any, vec![large(kind)])]).await.unwrap();
        let snapshot = Snapshot { version: Version(1), position: Position(1), data: vec![b'{'; 50_000].into() };
        journal.put_snapshot(&stream(&format!("run/{at}")), snapshot).await.unwrap();
    }
    assert_eq!(journal.let_go(&[Expired { kind: "noted".into(), before: Position(25) }]).await.unwrap(), 8);
    journal.truncate(Position(20), &[]).await.unwrap();
    drop(journal);
    let (names, most) = (disk.files().into_iter().map(|(name, _)| name).collect::<Vec<_>>(), disk.world().most_beside);
    assert!(names.iter().any(|name| is_a(name, "base")), "{names:?}");
    // A next file, a state, a base and a file without some of its events: each is larger than that.
    assert!(most <= STEP_BYTES + HEADER_BYTES && most > STEP_BYTES / 2, "{most}");
}
