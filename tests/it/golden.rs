//! Old logs must always read: one example of every event type, as it was written, and it must read and write the same.
//!
//! A file is `<type>.json`, or `<type>.<what>.json` for a further shape of the same type. Files are added with every new
//! type or shape, and never changed.

use std::{collections::BTreeMap, fs, path::Path};

use flexcore_engine::{
    event::{Envelope, Event, EventType, NewEvent},
    handle::may_go,
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    projection::{ReadModels, describe::describe},
};
use serde_json::Value;

/// File name → type and text.
fn golden_files() -> BTreeMap<String, (&'static str, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("golden files have plain names");
        let stem = name.strip_suffix(".json").unwrap_or_else(|| panic!("{name} is not a .json file"));
        let fits = |kind: &&str| stem.strip_prefix(*kind).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let kind = Event::TYPES.iter().copied().find(fits);
        let kind = kind.unwrap_or_else(|| panic!("{name} is of no event type: was a type renamed or removed?"));
        (name.clone(), (kind, fs::read_to_string(entry.path()).expect("a golden file is text")))
    };
    fs::read_dir(folder).expect("the folder is there").map(|entry| read(entry.expect("it can be listed"))).collect()
}

fn envelope(kind: &str, data: &str) -> Envelope {
    let event = NewEvent {
        id: EventId::fresh(),
        kind: EventType(kind.into()),
        data: data.to_owned().into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    };
    Envelope { position: Position(1), stream: StreamName::engine(), version: Version(1), event }
}

#[test]
fn every_event_type_has_a_golden_file() {
    let files = golden_files();
    for kind in Event::TYPES {
        assert!(files.values().any(|(of, _)| of == kind), "tests/it/golden/{kind}.json is missing: add an example");
    }
}

#[test]
fn every_golden_file_reads_and_writes_the_same() {
    for (name, (kind, text)) in golden_files() {
        let event = Event::decode(kind, text.as_bytes()).unwrap().unwrap_or_else(|bad| panic!("{name}: {bad}: {}", bad.source));
        assert_eq!(event.kind(), kind, "{name}");
        let (written, golden): (Value, Value) =
            (serde_json::from_slice(&event.data()).unwrap(), serde_json::from_str(&text).unwrap());
        assert_eq!(written, golden, "{name}");
    }
}

#[test]
fn every_event_type_has_a_line_of_its_own() {
    for (name, (kind, text)) in golden_files() {
        let line = describe(&envelope(kind, &text)).text;
        assert!(!line.is_empty() && !line.contains('{') && !line.contains('\n'), "{name}: {line}");
    }
}

/// Retention by type may take these out of the middle of the log; whatever is made anew from the rest must be the same.
#[test]
fn what_may_go_by_itself_changes_no_read_model() {
    let mut left = Vec::new();
    for (name, (kind, text)) in golden_files().into_iter().filter(|(_, (kind, _))| may_go(kind)) {
        let mut models = ReadModels::default();
        models.apply(&envelope(kind, &text));
        let untouched = ReadModels { position: models.position, history: models.history.clone(), ..ReadModels::default() };
        assert_eq!(models, untouched, "{name}");
        left.push(kind);
    }
    assert!(left.len() >= 10, "{left:?}");
    assert!(may_go("order.paid") && !may_go("run.checkpointed"));
}
