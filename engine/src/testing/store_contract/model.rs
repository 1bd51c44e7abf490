//! The log as simple as it can be said, and any sequence of calls against it: a vector of events, and where streams stand.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{Subject, events, stream};
use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::store::{AppendError, Appended, Expected, Filter, ReadError, Snapshot, StreamAppend},
};

/// One call; numbers are parts of 1,000 of whatever there is, so that they mean something at any length.
#[derive(Debug, Clone)]
enum Call {
    Append(BTreeMap<u8, (Belief, usize)>),
    Read { after: u64, filter: u8, max: usize, some: bool },
    ReadBack { before: u64, filter: u8, max: usize },
    ReadStream { stream: u8, after: u64, max: usize },
    Truncate { before: u64, forget: Option<u8> },
    PutSnapshot { stream: u8, version: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Belief {
    Any,
    NoStream,
    Right,
    Off,
}

#[derive(Default)]
struct Model {
    log: Vec<Envelope>,
    oldest: u64,
    streams: BTreeMap<StreamName, Standing>,
}

#[derive(Default, Clone)]
struct Standing {
    version: u64,
    last: u64,
    forget: bool,
    snapshot: Option<Snapshot>,
}

/// Runs many sequences of calls on a fresh store each, and compares every answer.
pub fn it_agrees_with_the_model<G>(fresh: impl AsyncFn() -> (Subject, G)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let calls = prop::collection::vec(call(), 1..40);
    let outcome = runner.run(&calls, |calls| {
        runtime.block_on(async {
            let (store, _guard) = fresh().await;
            let mut model = Model { oldest: 1, ..Model::default() };
            for call in &calls {
                model.compare(&store, call).await;
            }
        });
        Ok(())
    });
    if let Err(difference) = outcome {
        panic!("{difference}");
    }
}

fn call() -> impl Strategy<Value = Call> {
    let belief =
        prop_oneof![4 => Just(Belief::Right), 3 => Just(Belief::Any), 1 => Just(Belief::NoStream), 1 => Just(Belief::Off)];
    let count = prop_oneof![6 => 1_usize..4, 1 => 200_usize..1_500];
    let (of_all, max) = (0_u64..=1_100, prop_oneof![0_usize..20, Just(5_000)]);
    prop_oneof![
        6 => prop::collection::btree_map(0_u8..4, (belief, count), 1..3).prop_map(Call::Append),
        2 => (of_all.clone(), 0_u8..4, max.clone(), any::<bool>())
            .prop_map(|(after, filter, max, some)| Call::Read { after, filter, max, some }),
        2 => (of_all.clone(), 0_u8..4, max.clone()).prop_map(|(before, filter, max)| Call::ReadBack { before, filter, max }),
        2 => (0_u8..5, of_all.clone(), max).prop_map(|(stream, after, max)| Call::ReadStream { stream, after, max }),
        1 => (of_all.clone(), prop::option::of(0_u8..5)).prop_map(|(before, forget)| Call::Truncate { before, forget }),
        1 => (0_u8..5, of_all).prop_map(|(stream, version)| Call::PutSnapshot { stream, version }),
    ]
}

fn name(at: u8) -> StreamName {
    stream(["run/1", "run/2", "queue/1", "engine", "nobody"][usize::from(at)])
}

fn filter(at: u8) -> Filter {
    let prefix = [None, Some("run/"), Some("queue/1"), Some("nobody")][usize::from(at)];
    Filter { stream_prefix: prefix.map(Into::into), types: vec!["tested".into(); usize::from(at % 2)] }
}

impl Model {
    fn head(&self) -> u64 {
        self.log.len() as u64
    }

    fn kept(&self) -> &[Envelope] {
        &self.log[self.oldest as usize - 1..]
    }

    async fn compare(&mut self, store: &Subject, call: &Call) {
        match call {
            Call::Append(parts) => self.append(store, parts).await,
            Call::Read { after, filter: which, max, some } => self.read(store, *after, &filter(*which), *max, *some).await,
            Call::ReadBack { before, filter: which, max } => self.read_back(store, *before, &filter(*which), *max).await,
            Call::ReadStream { stream, after, max } => self.read_stream(store, &name(*stream), *after, *max).await,
            Call::Truncate { before, forget } => self.truncate(store, *before, forget.map(name)).await,
            Call::PutSnapshot { stream, version } => self.put_snapshot(store, &name(*stream), *version).await,
        }
        let stats = store.stats();
        assert_eq!((store.head().0, stats.head.0, stats.oldest.0), (self.head(), self.head(), self.oldest));
        assert_eq!(stats.streams, self.streams.len() as u64);
    }

    fn standing(&self, stream: &StreamName) -> Standing {
        self.streams.get(stream).cloned().unwrap_or_default()
    }

    async fn append(&mut self, store: &Subject, parts: &BTreeMap<u8, (Belief, usize)>) {
        let batch: Vec<_> = parts.iter().map(|(at, (belief, count))| self.part(name(*at), *belief, *count)).collect();
        let first = Position(self.head() + 1);
        let fits = batch.iter().all(|part| match part.expected {
            Expected::Any => true,
            Expected::NoStream => self.standing(&part.stream).version == 0,
            Expected::Exact(version) => self.standing(&part.stream).version == version.0,
        });
        match store.append(batch.clone()).await {
            Ok(appended) => {
                assert!(fits, "a conflict was not seen");
                for part in batch {
                    self.push(part);
                }
                assert_eq!(appended, Appended { first, last: Position(self.head()) });
            }
            Err(AppendError::Conflict { stream, actual }) => {
                assert!(!fits && self.standing(&stream).version == actual.0, "a conflict at {stream} that is none");
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn part(&self, stream: StreamName, belief: Belief, count: usize) -> StreamAppend {
        let version = self.standing(&stream).version;
        let expected = match belief {
            Belief::Any => Expected::Any,
            Belief::NoStream => Expected::NoStream,
            Belief::Right => Expected::Exact(Version(version)),
            Belief::Off => Expected::Exact(Version(version + 1)),
        };
        StreamAppend { stream, expected, events: events(count) }
    }

    fn push(&mut self, part: StreamAppend) {
        for event in part.events {
            let position = Position(self.head() + 1);
            let standing = self.streams.entry(part.stream.clone()).or_default();
            (standing.version, standing.last, standing.forget) = (standing.version + 1, position.0, false);
            let version = Version(standing.version);
            self.log.push(Envelope { position, stream: part.stream.clone(), version, event });
        }
    }

    async fn read(&self, store: &Subject, after: u64, filter: &Filter, max: usize, some: bool) {
        let after = self.head() * after / 1_000;
        let read = if some { store.read_some(Position(after), filter, max) } else { store.read(Position(after), filter, max) };
        let page = match read.await {
            Ok(page) => page,
            Err(error) => return self.assert_truncated(&error, after + 1 < self.oldest),
        };
        assert!(after + 1 >= self.oldest || max == 0, "events that are dropped were skipped");
        let wanted = |seen: u64| -> Vec<Envelope> {
            let looked_at = self.kept().iter().filter(|event| event.position.0 > after && event.position.0 <= seen);
            looked_at.filter(|event| filter.passes(event)).cloned().collect()
        };
        assert_eq!(*page.events, wanted(page.seen.0));
        assert!(page.events.len() <= max && page.seen.0 >= after);
        if !some && page.events.len() < max.min(4_096) {
            assert_eq!(page.seen.0, self.head().max(after), "a short page has seen everything");
        }
    }

    async fn read_back(&self, store: &Subject, before: u64, filter: &Filter, max: usize) {
        let before = self.head() * before / 1_000 + 1;
        let page = match store.read_back(Position(before), filter, max).await {
            Ok(page) => page,
            Err(error) => return self.assert_truncated(&error, before.min(self.head() + 1) <= self.oldest && self.oldest > 1),
        };
        let wanted = self.kept().iter().filter(|event| event.position.0 < before && filter.passes(event));
        let mut wanted: Vec<Envelope> = wanted.rev().take(max.min(4_096)).cloned().collect();
        wanted.reverse();
        assert_eq!(*page.events, *wanted);
    }

    async fn read_stream(&self, store: &Subject, stream: &StreamName, after: u64, max: usize) {
        let standing = self.standing(stream);
        let after = standing.version * after / 1_000;
        assert_eq!(store.version(stream).await.unwrap().0, standing.version);
        let of_stream = self.log.iter().filter(|event| event.stream == *stream).rev().take(standing.version as usize);
        let mut wanted: Vec<Envelope> = of_stream.filter(|event| event.version.0 > after).cloned().collect();
        wanted.reverse();
        wanted.truncate(max.min(4_096));
        match store.read_stream(stream, Version(after), max).await {
            Ok(events) => {
                assert!(wanted.first().is_none_or(|first| first.position.0 >= self.oldest), "dropped events were skipped");
                assert_eq!(events, wanted);
            }
            Err(error) => self.assert_truncated(&error, wanted.first().is_some_and(|first| first.position.0 < self.oldest)),
        }
    }

    fn assert_truncated(&self, error: &ReadError, is_right: bool) {
        assert!(matches!(error, ReadError::Truncated { oldest } if oldest.0 == self.oldest) && is_right, "{error}");
    }

    async fn truncate(&mut self, store: &Subject, before: u64, forget: Option<StreamName>) {
        let before = self.head() * before / 1_000;
        if let Some(standing) = forget.as_ref().and_then(|stream| self.streams.get_mut(stream)) {
            standing.forget = true;
        }
        store.truncate(Position(before), forget.as_slice()).await.unwrap();
        let oldest = store.stats().oldest.0;
        assert!(oldest >= self.oldest && oldest <= before.clamp(self.oldest, self.head().max(self.oldest - 1) + 1));
        self.oldest = oldest;
        self.streams.retain(|_, standing| !standing.forget || standing.last >= oldest);
    }

    async fn put_snapshot(&mut self, store: &Subject, stream: &StreamName, version: u64) {
        let Some(standing) = self.streams.get_mut(stream) else { return };
        let version = Version(standing.version * version.min(1_000) / 1_000);
        let snapshot = Snapshot { version, position: Position(self.log.len() as u64), data: Bytes::from(version.to_string()) };
        store.put_snapshot(stream, snapshot.clone()).await.unwrap();
        if standing.snapshot.as_ref().is_none_or(|kept| kept.version <= version) {
            standing.snapshot = Some(snapshot);
        }
        assert_eq!(store.snapshot(stream).await.unwrap(), standing.snapshot);
    }
}
