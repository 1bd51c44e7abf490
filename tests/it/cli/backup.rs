//! `flexcore backup` and `restore`: a directory in one file, of one instant, and back.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use flexcore::data_dir::{self, DataDir};
use flexcore_engine::{
    event::{EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName},
    port::{
        clock::SystemClock,
        queue::{NewMessage, QueueLimits, Queues},
        store::{Expected, Filter, Store, StreamAppend},
    },
    queue::journal::{JournalQueues, Settings as QueueSettings},
    store::journal::{Journal, Settings},
    unit::Duration,
};
use jiff::Timestamp;

use super::events::{append, log};
use crate::run::process::Place;

/// Small files, so that they come and go.
const SEGMENT_BYTES: u64 = 64 << 10;

fn open(folder: &Path) -> (Journal, JournalQueues) {
    let settings = Settings { segment_bytes: SEGMENT_BYTES, ..Settings::default() };
    let log = Journal::open(&data_dir::log(folder), settings).unwrap();
    let settings = QueueSettings { segment_bytes: SEGMENT_BYTES };
    (log, JournalQueues::open(&data_dir::queues(folder), settings, SystemClock::shared()).unwrap())
}

fn event(data: String) -> NewEvent {
    NewEvent {
        id: EventId::fresh(),
        kind: EventType("done".into()),
        data: data.into(),
        at: Timestamp::now(),
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    }
}

#[tokio::test]
async fn what_was_backed_up_is_restored() {
    let place = Place::new();
    let (directory, journal) = log(&place.path("data"));
    for _ in 0..10 {
        append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    }
    journal.keep_state("models", Bytes::from_static(b"{}")).await.unwrap();
    place.write("data/adopted", "{}");
    let done = place.done(&["backup", "data", "kept.tar"]);
    assert_eq!((done.code, &*done.told), (Some(0), ""), "while it is open");
    assert!(done.out.starts_with("kept.tar: 4 files, "), "{}", done.out);
    append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    drop((journal, directory));
    let done = place.done(&["restore", "kept.tar", "again"]);
    assert_eq!((done.code, &*done.told), (Some(0), ""));
    assert_eq!(place.done(&["doctor", "again"]).code, Some(0));
    let (before, after) = (place.done(&["events", "data", "--json"]), place.done(&["events", "again", "--json"]));
    assert_eq!(after.out.lines().count(), 10);
    assert!(before.out.starts_with(&after.out));
    assert_eq!(place.read("again/adopted"), "{}");
    assert!(place.path("again/log/models.state").exists());
    let (_directory, journal) = log(&place.path("again"));
    append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    assert_eq!(journal.head(), Position(11));
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_is_left_half_done() {
    let place = Place::new();
    let (directory, journal) = log(&place.path("data"));
    for _ in 0..3 {
        append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    }
    drop((journal, directory));
    assert_eq!(place.done(&["backup", "data", "kept.tar"]).code, Some(0));
    let whole = fs::read(place.path("kept.tar")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let placed = memchr::memmem::find(&whole, b"order.placed").unwrap();
    fs::write(place.path("flipped.tar"), flipped(placed)).unwrap();
    fs::write(place.path("short.tar"), &whole[..whole.len() - 3 * 1_024]).unwrap();
    fs::write(place.path("text.tar"), "no archive").unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["backup", "data", "kept.tar"], 2, "kept.tar is there already"),
        (&["backup", "none", "new.tar"], 2, "none is not a data directory: it is not there"),
        (&["restore", "kept.tar", "."], 2, ". is not empty"),
        (&["restore", "flipped.tar", "new"], 1, "the checksum of log/0000000001.journal is wrong"),
        (&["restore", "short.tar", "new"], 1, "is not a whole backup"),
        (&["restore", "text.tar", "new"], 1, "is not a whole backup"),
        (&["restore", "none.tar", "new"], 1, "cannot open none.tar"),
    ];
    let names = || {
        let mut names: Vec<_> = fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    for (arguments, code, expected) in cases {
        let done = place.done(arguments);
        assert_eq!((done.code, &*done.out), (Some(code), ""), "{arguments:?}: {}", done.told);
        assert!(done.told.contains(expected), "{arguments:?}: {}", done.told);
    }
    assert_eq!(names(), before, "nothing is left");
    let segment = place.path("data/log/0000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    bytes[2_000] = 1;
    fs::write(&segment, bytes).unwrap();
    let done = place.done(&["backup", "data", "bad.tar"]);
    assert!(done.code == Some(1) && !place.path("bad.tar").exists(), "a damaged directory is no backup: {}", done.told);
}

/// A worker receives a message, appends what came of it, sends on what it made, appends that too, and acknowledges.
async fn work(log: Arc<Journal>, queues: Arc<JournalQueues>, stop: Arc<AtomicBool>) {
    let (from, to) = ("from".parse().unwrap(), "to".parse().unwrap());
    let append = async |stream: &str, data: &str| {
        let (stream, events) = (StreamName(stream.into()), vec![event(data.to_owned())]);
        log.append(vec![StreamAppend { stream, expected: Expected::Any, events }]).await.unwrap();
    };
    for at in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let body = Bytes::from(format!("{at}"));
        queues.send(&from, vec![NewMessage { body: body.clone(), ..NewMessage::default() }]).await.unwrap();
        let leased = queues.receive(&from, 1, Duration::from_secs(60), "worker").await.unwrap();
        queues.send(&to, vec![NewMessage { body, ..NewMessage::default() }]).await.unwrap();
        append("checkpoints", &format!("{at}")).await;
        let leases: Vec<_> = leased.iter().map(|message| message.receipt).collect();
        queues.ack(&from, &leases).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_of_one_instant() {
    let place = Place::new();
    let folder = place.path("data");
    let directory = DataDir::open(&folder).unwrap();
    let (log, queues) = open(&folder);
    let (log, queues, stop) = (Arc::new(log), Arc::new(queues), Arc::new(AtomicBool::new(false)));
    for queue in ["from", "to"] {
        queues.declare(&queue.parse().unwrap(), QueueLimits::default()).await.unwrap();
    }
    let worker = tokio::spawn(work(log.clone(), queues.clone(), stop.clone()));
    for round in 0..6 {
        log.wait_past(log.head()).await;
        let (from, to) = (folder.clone(), place.path(&format!("{round}.tar")));
        tokio::task::spawn_blocking(move || flexcore::backup::backup(&from, &to).unwrap()).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    worker.await.unwrap();
    drop((log, queues, directory));
    let mut last = 0;
    for round in 0..6 {
        let restored = place.path(&format!("restored-{round}"));
        flexcore::backup::restore(&place.path(&format!("{round}.tar")), &restored).unwrap();
        let (log, queues) = open(&restored);
        let checkpoints = log.head().0;
        let page = log.read(Position(0), &Filter::default(), 4_096).await.unwrap();
        assert_eq!(page.events.first().map(|event| event.position), (checkpoints > 0).then_some(Position(1)));
        let counts = |name: &str| {
            let name = name.parse().unwrap();
            let queues = &queues;
            async move { queues.stats().await.unwrap().into_iter().find(|(known, _)| *known == name).map(|(_, stats)| stats).unwrap() }
        };
        let (from, to) = (counts("from").await, counts("to").await);
        let waiting = from.ready + from.leased + from.delayed;
        // What is checkpointed was sent before, and what is acknowledged was checkpointed before.
        assert!(to.ready >= checkpoints && to.ready <= checkpoints + 1, "{} sent, {checkpoints} checkpoints", to.ready);
        assert!(waiting <= 1, "{waiting} wait");
        assert!(checkpoints >= last);
        last = checkpoints;
    }
    assert!(last > 0, "something happened meanwhile");
}
