//! Retention: what may be dropped, what stays, and that a reader is told. How much a truncation drops is the
//! implementation's own choice, so each check looks at what is left.

use bytes::Bytes;

use super::{Subject, add, append_one, count_to, event, everything, positions, stream, to, versions};
use crate::{
    id::{Position, Version},
    port::store::{Expected, Expired, Filter, ReadError, Snapshot},
};

fn snapshot(version: u64, data: &'static str) -> Snapshot {
    Snapshot { version: Version(version), position: Position(version), data: Bytes::from_static(data.as_bytes()) }
}

fn is_truncated<T>(result: &Result<T, ReadError>, at: Position) -> bool {
    matches!(result, Err(ReadError::Truncated { oldest }) if *oldest == at)
}

/// Many events, all of which may go.
async fn truncated(store: &Subject) -> Position {
    add(store, "a", 5_000).await;
    add(store, "b", 10).await;
    store.truncate(store.head().next(), &[]).await.unwrap();
    store.stats().oldest
}

pub async fn dropped_events_are_told_not_skipped(store: Subject) {
    let oldest = truncated(&store).await;
    assert!(oldest > Position(1), "of 5,010 events some are dropped");
    let all = Filter::default();
    let nobody = Filter { stream_prefix: Some("nobody".into()), ..Filter::default() };
    for after in [0, oldest.0 - 2] {
        assert!(is_truncated(&store.read(Position(after), &all, 10).await, oldest));
        assert!(is_truncated(&store.read(Position(after), &nobody, 10).await, oldest));
        assert!(is_truncated(&store.read_some(Position(after), &all, 10).await, oldest));
    }
    assert!(is_truncated(&store.read_back(oldest, &all, 10).await, oldest));
    assert!(is_truncated(&store.read_stream(&stream("a"), Version(0), 10).await, oldest));
    let kept = store.read(Position(oldest.0 - 1), &all, 10_000).await.unwrap();
    assert_eq!(kept.seen, store.head());
}

pub async fn later_events_outlive_a_truncation(store: Subject) {
    for _ in 0..60 {
        add(&store, "a", 100).await;
    }
    for before in [0, 1, 3_333, 3_334, 2, 5_999] {
        let was = store.stats().oldest;
        store.truncate(Position(before), &[]).await.unwrap();
        let oldest = store.stats().oldest;
        assert!(oldest >= was && oldest <= was.max(Position(before)), "{before}: {was} became {oldest}");
        let kept = everything(&store, &Filter::default(), 1_000).await;
        assert_eq!(positions(&kept), (oldest.0..=6_000).collect::<Vec<_>>());
        let back = store.read_back(Position(u64::MAX), &Filter::default(), 100).await.unwrap();
        assert_eq!(positions(&back.events), (5_901.max(oldest.0)..=6_000).collect::<Vec<_>>());
        let stream = store.read_stream(&stream("a"), Version(oldest.0 - 1), 4_096).await.unwrap();
        assert_eq!(versions(&stream), (oldest.0..=6_000.min(oldest.0 + 4_095)).collect::<Vec<_>>());
    }
}

pub async fn versions_and_snapshots_outlive_their_events(store: Subject) {
    add(&store, "a", 3).await;
    store.put_snapshot(&stream("a"), snapshot(3, "three")).await.unwrap();
    store.truncate(store.head().next(), &[]).await.unwrap();
    assert_eq!(store.version(&stream("a")).await.unwrap(), Version(3));
    assert_eq!(store.snapshot(&stream("a")).await.unwrap(), Some(snapshot(3, "three")));
    assert_eq!(store.read_stream(&stream("a"), Version(3), 10).await.unwrap(), []);
    assert!(append_one(&store, "a", Expected::NoStream).await.is_err());
    let next = append_one(&store, "a", Expected::Exact(Version(3))).await.unwrap();
    assert_eq!(next.first, Position(4));
    assert_eq!(versions(&store.read_stream(&stream("a"), Version(3), 10).await.unwrap()), [4]);
}

pub async fn a_forgotten_stream_goes_with_its_last_event(store: Subject) {
    add(&store, "gone", 1).await;
    store.put_snapshot(&stream("gone"), snapshot(1, "{}")).await.unwrap();
    add(&store, "stays", 5_000).await;
    store.truncate(Position(1), &[stream("gone"), stream("never was")]).await.unwrap();
    assert_eq!(store.version(&stream("gone")).await.unwrap(), Version(1), "its event is kept, and so is it");
    store.truncate(store.head().next(), &[]).await.unwrap();
    assert!(store.stats().oldest > Position(1), "of 5,001 events some are dropped");
    assert_eq!(store.version(&stream("gone")).await.unwrap(), Version(0));
    assert_eq!((store.snapshot(&stream("gone")).await.unwrap(), store.stats().streams), (None, 1));
    append_one(&store, "gone", Expected::NoStream).await.unwrap();
}

pub async fn a_stream_that_lives_on_is_not_forgotten(store: Subject) {
    add(&store, "a", 1).await;
    add(&store, "b", 5_000).await;
    store.truncate(Position(1), &[stream("a")]).await.unwrap();
    append_one(&store, "a", Expected::Exact(Version(1))).await.unwrap();
    store.truncate(store.head().next(), &[]).await.unwrap();
    assert_eq!(store.version(&stream("a")).await.unwrap(), Version(2));
}

pub async fn the_newest_snapshot_counts(store: Subject) {
    add(&store, "a", 9).await;
    for (put, kept) in [(3, 3), (5, 5), (4, 5), (5, 5), (9, 9)] {
        store.put_snapshot(&stream("a"), snapshot(put, "{}")).await.unwrap();
        assert_eq!(store.snapshot(&stream("a")).await.unwrap().unwrap().version, Version(kept));
    }
    assert_eq!(store.snapshot(&stream("b")).await.unwrap(), None);
    assert!(store.put_snapshot(&stream("a"), snapshot(10, "{}")).await.is_err(), "of a version that is not there");
    assert!(store.put_snapshot(&stream("b"), snapshot(1, "{}")).await.is_err(), "of a stream that is not there");
}

pub async fn figures_follow_what_is_kept(store: Subject) {
    let empty = store.stats().bytes;
    add(&store, "a", 100).await;
    add(&store, "b", 5_000).await;
    let full = store.stats();
    assert!(full.bytes > empty + 5_100 * 2, "the data alone is two bytes an event: {full:?}");
    assert_eq!((full.head, full.oldest, full.streams, full.over_limit), (Position(5_100), Position(1), 2, false));
    store.truncate(store.head().next(), &[]).await.unwrap();
    let less = store.stats();
    assert!(less.bytes < full.bytes && less.oldest > full.oldest, "{less:?}");
    assert_eq!((less.head, less.streams), (full.head, full.streams));
    let kept = everything(&store, &Filter::default(), 1_000).await.len() as u64;
    assert_eq!(kept, count_to(less.head.0).len() as u64 + 1 - less.oldest.0);
}

/// Every third event of `a` is of the type `noted`, the others are `tested`; between them stands one of `b`.
async fn noted(store: &Subject, count: u64) {
    for at in 1..=count {
        let one = event(if at % 3 == 0 { "noted" } else { "tested" }, "{}");
        let to = |name, event| to(name, Expected::Any, vec![event]);
        store.append(vec![to("a", one), to("b", event("tested", "{}"))]).await.unwrap();
    }
}

fn expired(before: u64) -> Vec<Expired> {
    vec![Expired { kind: "noted".into(), before: Position(before) }]
}

pub async fn events_that_are_let_go_leave_the_others_where_they_are(store: Subject) {
    noted(&store, 3_000).await;
    let all = everything(&store, &Filter::default(), 1_000).await;
    let full = store.stats();
    assert_eq!(store.let_go(&expired(3_001)).await.unwrap(), 500);
    let is_kept = |event: &&crate::event::Envelope| event.event.kind.as_str() != "noted" || event.position >= Position(3_001);
    let wanted: Vec<_> = all.iter().filter(is_kept).cloned().collect();
    for max in [1_000, 7] {
        assert!(everything(&store, &Filter::default(), max).await == wanted);
    }
    let back = store.read_back(Position(2_000), &Filter::default(), 50).await.unwrap();
    let before: Vec<_> = wanted.iter().filter(|event| event.position < Position(2_000)).cloned().collect();
    assert_eq!(positions(&back.events), positions(&before[before.len() - 50..]));
    let of_a: Vec<_> = wanted.iter().filter(|event| event.stream == stream("a")).map(|event| event.version.0).collect();
    assert_eq!(versions(&store.read_stream(&stream("a"), Version(0), 4_096).await.unwrap()), of_a);
    assert_eq!(versions(&store.read_stream(&stream("a"), Version(299), 3).await.unwrap()), [301, 302]);
    let less = store.stats();
    assert_eq!((less.head, less.oldest, less.kept(), less.streams), (full.head, full.oldest, full.kept() - 500, full.streams));
    assert!(less.bytes < full.bytes, "{less:?}");
    assert_eq!(store.let_go(&expired(3_001)).await.unwrap(), 0, "they are gone");
    store.truncate(Position(2_500), &[]).await.unwrap();
    let oldest = store.stats().oldest;
    let left = everything(&store, &Filter::default(), 1_000).await;
    assert!(left[..] == wanted[wanted.partition_point(|event| event.position < oldest)..]);
    assert_eq!(left.len() as u64, store.stats().kept());
}

pub async fn a_stream_whose_events_are_let_go_goes_on(store: Subject) {
    noted(&store, 9).await;
    store.append(vec![to("short", Expected::NoStream, vec![event("noted", "{}")])]).await.unwrap();
    store.put_snapshot(&stream("short"), snapshot(1, "{}")).await.unwrap();
    assert_eq!(store.let_go(&expired(u64::MAX)).await.unwrap(), 4);
    assert_eq!(store.version(&stream("short")).await.unwrap(), Version(1));
    assert_eq!(store.read_stream(&stream("short"), Version(0), 10).await.unwrap(), []);
    assert_eq!(store.snapshot(&stream("short")).await.unwrap(), Some(snapshot(1, "{}")));
    let next = append_one(&store, "short", Expected::Exact(Version(1))).await.unwrap();
    assert_eq!(next.first, Position(20));
    assert_eq!(versions(&store.read_stream(&stream("short"), Version(0), 10).await.unwrap()), [2]);
    append_one(&store, "a", Expected::Exact(Version(9))).await.unwrap();
    assert_eq!(versions(&store.read_stream(&stream("a"), Version(4), 10).await.unwrap()), [5, 7, 8, 10]);
}

pub async fn a_state_is_kept_as_a_whole_whatever_its_size(store: Subject) {
    assert_eq!(store.kept_state("models").await.unwrap(), None);
    for size in [0, 10, 20 << 20, 3] {
        let data: Bytes = (0..size).map(|at| at as u8).collect::<Vec<_>>().into();
        store.keep_state("models", data.clone()).await.unwrap();
        assert!(store.kept_state("models").await.unwrap() == Some(data));
    }
    assert_eq!(store.kept_state("base").await.unwrap(), None);
}
