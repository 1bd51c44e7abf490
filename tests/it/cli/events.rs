//! `flexcore events`: what is in a data directory, also while somebody writes to it.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use flexcore::data_dir::{self, DataDir};
use flexcore_engine::{
    event::{EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, StreamName},
    port::store::{Expected, Store, StreamAppend},
    store::journal::{Journal, Settings},
};
use jiff::Timestamp;
use serde_json::Value;

use crate::run::process::{Done, Place};

/// Appends an event to the log of a directory.
pub(super) async fn append(log: &Journal, stream: &str, kind: &str, at: Timestamp, data: &str) {
    let event = NewEvent {
        id: EventId::fresh(),
        kind: EventType(kind.into()),
        data: Bytes::copy_from_slice(data.as_bytes()),
        at,
        actor: Actor::Operator("zoe".into()),
        correlation: CorrelationId::fresh(),
        cause: None,
    };
    let append = StreamAppend { stream: StreamName(stream.into()), expected: Expected::Any, events: vec![event] };
    log.append(vec![append]).await.unwrap();
}

/// The log of a data directory that is made if it is not there.
pub(super) fn log(folder: &Path) -> (DataDir, Journal) {
    let directory = DataDir::open(folder).unwrap();
    let journal = Journal::open(&data_dir::log(folder), Settings::default()).unwrap();
    (directory, journal)
}

/// Ten events, one a minute, from 03:00 on.
async fn ten(place: &Place) -> (DataDir, Journal) {
    let (directory, journal) = log(&place.path("data"));
    for minute in 0..10 {
        let at = format!("2026-11-22T03:{minute:02}:00Z").parse().unwrap();
        let stream = if minute % 2 == 0 { "orders/1" } else { "pipeline/quakes" };
        let kind = if minute % 2 == 0 { "order.placed" } else { "pipeline.archived" };
        append(&journal, stream, kind, at, if minute % 2 == 0 { "{\"n\":1}" } else { "{}" }).await;
    }
    (directory, journal)
}

fn events(place: &Place, flags: &[&str]) -> Done {
    place.done(&[&["events", "data"], flags].concat())
}

/// The positions of what is printed.
fn positions(place: &Place, flags: &[&str]) -> Vec<u64> {
    let done = events(place, flags);
    assert_eq!((done.code, &*done.told), (Some(0), ""), "{flags:?}");
    done.out.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_line_tells_when_where_what_and_who() {
    let place = Place::new();
    drop(ten(&place).await);
    let done = events(&place, &["--max", "2"]);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(
        lines,
        [
            "2026-11-22T03:08:00.000Z        9  orders/1  order.placed  zoe  {\"n\":1}",
            "2026-11-22T03:09:00.000Z       10  pipeline/quakes  pipeline.archived  zoe  archived",
        ],
        "{done:?}"
    );
}

#[tokio::test]
async fn events_are_chosen_by_moment_stream_type_and_number() {
    let place = Place::new();
    drop(ten(&place).await);
    assert_eq!(positions(&place, &[]), (1..=10).collect::<Vec<_>>());
    assert_eq!(positions(&place, &["--since", "2026-11-22T03:07:00Z"]), [8, 9, 10]);
    assert_eq!(positions(&place, &["--until", "2026-11-22T03:02:00Z"]), [1, 2, 3]);
    assert_eq!(positions(&place, &["--since", "3", "--until", "5"]), [3, 4, 5]);
    assert_eq!(positions(&place, &["--since", "-1s"]), [] as [u64; 0]);
    assert_eq!(positions(&place, &["--stream", "orders/"]), [1, 3, 5, 7, 9]);
    assert_eq!(positions(&place, &["--type", "pipeline.archived", "--max", "2"]), [8, 10]);
    assert_eq!(positions(&place, &["--type", "pipeline.archived", "--max", "9", "--since", "3", "--until", "8"]), [4, 6, 8]);
    assert_eq!(positions(&place, &["--max", "0"]), [] as [u64; 0]);
}

#[tokio::test]
async fn a_line_of_json_holds_everything() {
    let place = Place::new();
    let (directory, journal) = ten(&place).await;
    append(&journal, "orders/2", "order.placed", Timestamp::UNIX_EPOCH, "{\n  \"n\": 2\n}").await;
    drop((journal, directory));
    let done = events(&place, &["--json", "--since", "10"]);
    let lines: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{}", done.out);
    let expected = [("/position", 10.into()), ("/stream", "pipeline/quakes".into()), ("/version", 5.into())];
    let more = [("/type", "pipeline.archived".into()), ("/actor/name", "zoe".into()), ("/at", "2026-11-22T03:09:00Z".into())];
    for (pointer, value) in expected.iter().chain(&more) {
        assert_eq!(lines[0].pointer(pointer), Some::<&Value>(value), "{pointer}");
    }
    assert_eq!(lines[1]["data"], serde_json::json!({"n": 2}));
    assert_eq!(lines[1]["cause"], Value::Null);
}

#[tokio::test]
async fn a_log_is_read_while_somebody_writes_to_it_and_is_not_changed() {
    let place = Place::new();
    let (_directory, journal) = ten(&place).await;
    assert_eq!(positions(&place, &["--max", "1"]), [10]);
    let journal = Arc::new(journal);
    append(&journal, "orders/1", "order.placed", Timestamp::now(), "{}").await;
    assert_eq!(positions(&place, &["--since", "-1m"]), [11]);
    let segment = data_dir::log(&place.path("data")).join("0000000001.journal");
    let before = fs::read(&segment).unwrap();
    assert_eq!(positions(&place, &[]).len(), 11);
    assert!(fs::read(&segment).unwrap() == before);
}

#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let place = Place::new();
    drop(ten(&place).await);
    let cases: [(&[&str], &str); 5] = [
        (&["events"], "no engine of yours is running"),
        (&["events", "--follow"], "no engine of yours is running"),
        (&["events", "none"], "none is not a data directory: it is not there"),
        (&["events", "data", "--since", "yesterday"], "--since: `yesterday` is no moment: write it like -15m, 03:07"),
        (&["events", "state"], "state is not a data directory: it has no file FORMAT"),
    ];
    fs::create_dir(place.path("state")).unwrap();
    for (arguments, expected) in cases {
        let done = place.done(arguments);
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{arguments:?}");
        assert!(done.told.contains(expected), "{arguments:?}: {}", done.told);
    }
    let segment = data_dir::log(&place.path("data")).join("0000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let done = events(&place, &[]);
    assert_eq!((done.code, &*done.out), (Some(1), ""));
    assert!(done.told.contains("`0000000001.journal` is damaged at byte "), "{}", done.told);
}

#[test]
fn the_directory_may_be_a_setting() {
    let place = Place::new();
    drop(log(&place.path("data")));
    let done = crate::run::process::done(place.command(&["events"]).env("FLEXCORE_DATA", "data"));
    assert_eq!((done.code, &*done.out, &*done.told), (Some(0), "", ""));
}
