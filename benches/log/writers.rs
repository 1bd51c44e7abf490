//! Appends: 1 M events of 300 bytes to 10,000 streams, each with its expected version.

use std::{
    hint::black_box,
    sync::{Arc, Barrier, Mutex},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use flexcore_engine::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    port::store::{Expected, Filter, READ_EVENTS_MAX, Store, StreamAppend},
};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::roomy;

const EVENTS: usize = 1_000_000;
const STREAMS: usize = 10_000;
const PAYLOAD_BYTES: usize = 300;

/// What one writer writes: its own streams in turn, so that writers meet only at the log.
struct Work {
    streams: Vec<StreamName>,
    payloads: Vec<Bytes>,
    kind: EventType,
}

impl Work {
    fn of(writer: usize, writers: usize) -> Self {
        let count = STREAMS / writers;
        let streams = (writer * count..(writer + 1) * count).map(|at| StreamName(format!("order-{at:08}").into())).collect();
        let payloads = (0..EVENTS / writers).map(|_| payload()).collect();
        Self { streams, payloads, kind: EventType("order.placed".into()) }
    }

    /// Calls with stream, the version it is at, and the event.
    fn each(self, mut write: impl FnMut(&StreamName, Version, NewEvent)) {
        let (mut at, mut version) = (0, 0);
        for data in self.payloads {
            write(&self.streams[at], Version(version), new_event(&self.kind, data));
            at += 1;
            if at == self.streams.len() {
                (at, version) = (0, version + 1);
            }
        }
    }
}

pub(crate) fn payload() -> Bytes {
    vec![b'x'; PAYLOAD_BYTES].into()
}

pub(crate) fn new_event(kind: &EventType, data: Bytes) -> NewEvent {
    NewEvent {
        id: EventId(Uuid::from_u128(7)),
        kind: kind.clone(),
        data,
        at: jiff::Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId(Uuid::from_u128(9)),
        cause: None,
    }
}

/// Runs writers from one moment on; events a second.
fn race(writers: usize, write: impl Fn(Work) + Sync) -> f64 {
    let start_line = Barrier::new(writers + 1);
    let works: Vec<Work> = (0..writers).map(|writer| Work::of(writer, writers)).collect();
    let took = thread::scope(|scope| {
        let run = |work| {
            let (start_line, write) = (&start_line, &write);
            scope.spawn(move || {
                start_line.wait();
                write(work);
            })
        };
        let threads: Vec<_> = works.into_iter().map(run).collect();
        start_line.wait();
        let start = Instant::now();
        for thread in threads {
            thread.join().expect("a writer ends");
        }
        start.elapsed()
    });
    rate(EVENTS, took)
}

pub(crate) fn rate(events: usize, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}

pub(crate) fn ours(writers: usize) -> f64 {
    let log = roomy();
    let rate = race(writers, |work| fill(&log, work));
    assert_eq!(log.head(), Position(EVENTS as u64));
    rate
}

fn fill(log: &flexcore_engine::store::memory::MemoryLog, work: Work) {
    work.each(|stream, version, event| {
        let expected = if version == Version(0) { Expected::NoStream } else { Expected::Exact(version) };
        log.append_now(vec![StreamAppend { stream: stream.clone(), expected, events: vec![event] }])
            .expect("no one else writes there");
    });
}

pub(crate) fn bare(writers: usize) -> f64 {
    let log = Mutex::new(Vec::new());
    let rate = race(writers, |work| fill_bare(&log, work));
    assert_eq!(log.into_inner().expect("no writer panicked").len(), EVENTS);
    rate
}

fn fill_bare(log: &Mutex<Vec<Arc<Envelope>>>, work: Work) {
    work.each(|stream, version, event| {
        let envelope = Envelope { position: Position(0), stream: stream.clone(), version: version.next(), event };
        let envelope = Arc::new(envelope);
        log.lock().expect("no writer panicked").push(envelope);
    });
}

pub(crate) fn replay_of_ours() -> impl FnMut() -> f64 {
    let log = roomy();
    fill(&log, Work::of(0, 1));
    move || {
        let start = Instant::now();
        let (mut sum, mut seen) = (0, Position(0));
        while seen < log.head() {
            let read = log.read_some(seen, &Filter::default(), READ_EVENTS_MAX).now_or_never();
            let page = read.expect("memory answers at once").expect("nothing is dropped");
            sum += page.events.iter().map(touch).sum::<u64>();
            seen = page.seen;
        }
        black_box(sum);
        rate(EVENTS, start.elapsed())
    }
}

pub(crate) fn replay_of_bare() -> impl FnMut() -> f64 {
    let log = Mutex::new(Vec::new());
    fill_bare(&log, Work::of(0, 1));
    let log = log.into_inner().expect("no writer panicked");
    move || {
        let start = Instant::now();
        black_box(log.iter().map(|envelope| touch(envelope)).sum::<u64>());
        rate(EVENTS, start.elapsed())
    }
}

/// Looks at the envelope and into the payload.
pub(crate) fn touch(envelope: &Envelope) -> u64 {
    envelope.version.0 + u64::from(envelope.event.data[PAYLOAD_BYTES / 2])
}
