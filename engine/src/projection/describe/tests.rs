//! Every type has a line of its own; the golden files of the repository feed each of them through here again.

use bytes::Bytes;

use super::*;
use crate::{
    event::{EventType, NewEvent, pipeline::*, run::*},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
};

fn envelope(stream: &str, kind: &str, data: Bytes) -> Envelope {
    let event = NewEvent {
        id: EventId::fresh(),
        kind: EventType(kind.into()),
        data,
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    };
    Envelope { position: Position(1), stream: StreamName(stream.into()), version: Version(1), event }
}

fn line(stream: &str, event: impl Into<Event>) -> (Severity, String, String) {
    let event = event.into();
    let Description { severity, subject, text } = describe(&envelope(stream, event.kind(), event.data()));
    (severity, subject, text)
}

const RUN: &str = "run/019b0000-0000-7000-8000-0000deadbeef";

#[test]
fn a_failure_is_told_with_its_place_and_its_causes() {
    let error = RunError {
        step: Some("load".parse().unwrap()),
        message: "the table is gone".into(),
        causes: vec!["relation orders does not exist".into()],
        record: None,
        retryable: false,
    };
    let (severity, subject, text) = line(RUN, RunFailed { attempt: 3, error });
    assert_eq!((severity, subject.as_str()), (Severity::Error, "run deadbeef"));
    assert_eq!(text, "failed in attempt 3: step load: the table is gone: relation orders does not exist");
}

#[test]
fn ticks_that_started_nothing_are_told_with_their_reason() {
    let skipped = TickSkipped { tick: jiff::Timestamp::UNIX_EPOCH, reason: SkipReason::Overlap, count: 3 };
    let (severity, subject, text) = line("pipeline/quakes", skipped);
    assert_eq!((severity, subject.as_str()), (Severity::Warn, "quakes"));
    assert_eq!(text, "3 ticks skipped, the last due 1970-01-01 00:00:00Z: a run still lives");
}

#[test]
fn what_the_engine_does_not_know_is_shown_as_its_beginning_in_one_line() {
    let long = format!("{{\"text\":\n\"{}\"}}", "ä".repeat(1 << 19));
    let description = describe(&envelope("orders/7", "order.paid", long.into()));
    assert_eq!((description.severity, description.subject.as_str()), (Severity::Info, "orders/7"));
    assert!(description.text.len() <= TEXT_BYTES_MAX && description.text.ends_with('…'), "{}", description.text);
    assert!(!description.text.contains('\n'));
}

#[test]
fn data_that_does_not_fit_its_type_is_told_as_such() {
    let description = describe(&envelope(RUN, "run.failed", Bytes::from_static(b"{}")));
    assert_eq!(description.severity, Severity::Warn);
    assert!(description.text.contains("does not fit its type"), "{}", description.text);
}
