//! Recovery of the log: whatever is in its file, opening it panics never and invents nothing.

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use flexcore_engine::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName},
    port::store::{Expected, Filter, Store, StreamAppend},
    store::journal::{Journal, Settings, doctor},
};

use super::files;

/// A file of a log, and the events in it.
static GOOD: LazyLock<(Vec<u8>, Vec<Envelope>)> = LazyLock::new(|| {
    let folder = files::folder();
    let log = open(folder.path()).expect("an empty folder is a log");
    for number in 0..10 {
        append(&log, number % 3, 1 + number % 4);
    }
    let events = events(&log);
    drop(log);
    (fs::read(folder.path().join(files::SEGMENT)).expect("the log has a file"), events)
});

fn open(folder: &Path) -> Option<Journal> {
    Journal::open(folder, Settings { segment_bytes: files::SEGMENT_BYTES, ..Settings::default() }).ok()
}

fn wait<T>(asked: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs nothing").block_on(asked)
}

fn append(log: &Journal, stream: u64, count: u64) {
    let event = |number| NewEvent {
        id: EventId::fresh(),
        kind: EventType("fuzz.event".into()),
        data: format!("{{\"n\":{number}}}").into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    };
    let stream = StreamName(Arc::from(format!("fuzz/{stream}")));
    let part = StreamAppend { stream, expected: Expected::Any, events: (0..count).map(event).collect() };
    wait(async { log.append(vec![part]).await }).expect("a log that was opened takes events");
}

fn events(log: &Journal) -> Vec<Envelope> {
    wait(async { log.read(Position(0), &Filter::default(), 4_096).await })
        .map_or(Vec::new(), |page| page.events.iter().cloned().collect())
}

/// What is there was appended once, at that position.
fn known(found: &[Envelope]) {
    let (_, good) = &*GOOD;
    for event in found {
        assert!(good.contains(event), "invented: {event:?}");
    }
}

/// One input.
pub(crate) fn check(input: &[u8]) {
    let bytes = files::file(&GOOD.0, input);
    // Records of anyone's making may say anything; those of a good file say what was in it.
    let is_damaged = input.first().is_some_and(|first| *first > 1);
    let folder = files::folder();
    files::write(folder.path(), &bytes);
    let report = doctor::verify(folder.path()).map(|report| report.to_string());
    if let Some(log) = open(folder.path()) {
        let before = events(&log);
        if is_damaged {
            known(&before);
            assert_eq!(before, GOOD.1[..before.len()], "a front of it: {report:?}");
        }
        append(&log, 9, 1);
        drop(log);
        let log = open(folder.path()).expect("what was opened once can be opened again");
        assert_eq!(events(&log)[..before.len()], before, "nothing changes by opening");
        assert_eq!(events(&log).len(), before.len() + 1);
    } else if doctor::repair(folder.path()).is_ok()
        && let Some(log) = open(folder.path())
        && is_damaged
    {
        known(&events(&log));
    }
}
