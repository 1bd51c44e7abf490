//! Appends: atomic, in order, by expectation.

use futures_util::future::join_all;

use super::{Subject, add, append_one, assert_gapless, event, events, everything, positions, stream, to, versions};
use crate::{
    event::envelope::{DATA_BYTES_MAX, TYPE_BYTES_MAX},
    id::{Actor, EventId, Position, STREAM_BYTES_MAX, Version},
    port::store::{APPEND_EVENTS_MAX, AppendError, Appended, Expected, Filter, StreamAppend},
};

pub async fn positions_and_versions_count_from_one_without_gaps(store: Subject) {
    assert_eq!(add(&store, "a", 2).await, Appended { first: Position(1), last: Position(2) });
    assert_eq!(add(&store, "b", 1).await, Appended { first: Position(3), last: Position(3) });
    assert_eq!(add(&store, "a", 1).await, Appended { first: Position(4), last: Position(4) });
    assert_eq!((store.head(), store.version(&stream("a")).await.unwrap()), (Position(4), Version(3)));
    assert_gapless(&store).await;
}

pub async fn what_is_read_is_what_was_written(store: Subject) {
    let mut rich = event("order.placed", r#"{"amount":12.5,"name":"Zoë"}"#);
    rich.actor = Actor::Operator("ada".into());
    rich.cause = Some(EventId::fresh());
    rich.at = "2026-02-28T23:59:59.123456Z".parse().unwrap();
    let plain = event("order.shipped", "null");
    store.append(vec![to("order/1", Expected::NoStream, vec![rich.clone(), plain.clone()])]).await.unwrap();
    let read = everything(&store, &Filter::default(), 10).await;
    assert_eq!(read.iter().map(|envelope| &envelope.event).collect::<Vec<_>>(), [&rich, &plain]);
    assert!(read.iter().all(|envelope| envelope.stream == stream("order/1")));
    assert_eq!(store.read_stream(&stream("order/1"), Version(0), 10).await.unwrap(), read);
}

pub async fn an_append_to_several_streams_is_one(store: Subject) {
    add(&store, "b", 1).await;
    let batch = vec![to("a", Expected::NoStream, events(2)), to("b", Expected::Exact(Version(1)), events(3))];
    assert_eq!(store.append(batch).await.unwrap(), Appended { first: Position(2), last: Position(6) });
    let all = everything(&store, &Filter::default(), 100).await;
    assert_eq!((positions(&all), versions(&all)), (vec![1, 2, 3, 4, 5, 6], vec![1, 1, 2, 2, 3, 4]));
}

pub async fn a_conflict_in_one_stream_stops_them_all(store: Subject) {
    add(&store, "b", 1).await;
    let batch = vec![
        to("a", Expected::NoStream, events(1)),
        to("b", Expected::Exact(Version(7)), events(1)),
        to("c", Expected::Any, events(1)),
    ];
    let refused = store.append(batch).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Conflict { stream, actual: Version(1) } if stream.as_str() == "b"), "{refused:?}");
    assert_eq!((store.head(), store.stats().streams), (Position(1), 1));
    assert_eq!(store.version(&stream("a")).await.unwrap(), Version(0));
    assert_eq!(append_one(&store, "a", Expected::NoStream).await.unwrap().first, Position(2));
}

pub async fn a_writer_that_is_behind_or_ahead_is_told_the_version(store: Subject) {
    append_one(&store, "a", Expected::Exact(Version(0))).await.unwrap();
    append_one(&store, "a", Expected::Exact(Version(1))).await.unwrap();
    for wrong in [Expected::NoStream, Expected::Exact(Version(0)), Expected::Exact(Version(1)), Expected::Exact(Version(3))] {
        let refused = append_one(&store, "a", wrong).await.unwrap_err();
        assert!(matches!(refused, AppendError::Conflict { actual: Version(2), .. }), "{wrong:?}: {refused:?}");
    }
    append_one(&store, "a", Expected::Any).await.unwrap();
    let refused = append_one(&store, "new", Expected::Exact(Version(1))).await.unwrap_err();
    assert!(matches!(refused, AppendError::Conflict { actual: Version(0), .. }), "{refused:?}");
}

pub async fn an_unfit_append_is_refused_with_its_limit(store: Subject) {
    let mut large = event("tested", "{}");
    large.data = vec![b' '; DATA_BYTES_MAX + 1].into();
    let long = "x".repeat(STREAM_BYTES_MAX + 1);
    let any = |name: &str, events| to(name, Expected::Any, events);
    let cases: Vec<(Vec<StreamAppend>, &str)> = vec![
        (vec![], "0 events"),
        (vec![any("a", events(1)), any("b", vec![])], "no event for stream `b`"),
        (vec![any("a", events(1)), any("b", events(1)), any("a", events(1))], "stream `a` twice"),
        (vec![any("a", vec![large])], "1048577 bytes"),
        (vec![any("a", vec![event(&"x".repeat(TYPE_BYTES_MAX + 1), "{}")])], "a type of 101 bytes"),
        (vec![any("a", vec![event("", "{}")])], "a type of 0 bytes"),
        (vec![any(&long, events(1))], "201 bytes"),
        (vec![any("", events(1))], "0 bytes"),
        (vec![any("a", events(APPEND_EVENTS_MAX)), any("b", events(1))], "10001 events"),
    ];
    for (batch, said) in cases {
        let refused = store.append(batch).await.unwrap_err();
        assert!(matches!(&refused, AppendError::Unfit { reason } if reason.contains(said)), "`{said}` is not in {refused}");
    }
    assert_eq!((store.head(), store.stats().streams), (Position(0), 0));
    add(&store, "a", APPEND_EVENTS_MAX).await;
    assert_gapless(&store).await;
}

pub async fn writers_of_different_streams_do_not_meet(store: Subject) {
    let writer = |name: String, store: Subject| async move {
        for version in 0..100 {
            append_one(&store, &name, Expected::Exact(Version(version))).await.unwrap();
        }
    };
    join_all((0..8).map(|at| tokio::spawn(writer(format!("s{at}"), store.clone())))).await.into_iter().for_each(Result::unwrap);
    assert_eq!((store.head(), store.stats().streams), (Position(800), 8));
    assert_gapless(&store).await;
}

pub async fn writers_of_one_stream_take_turns(store: Subject) {
    let writer = |store: Subject| async move {
        let mut at = Version(0);
        for _ in 0..50 {
            while let Err(refused) = append_one(&store, "hot", Expected::Exact(at)).await {
                let AppendError::Conflict { actual, .. } = refused else { panic!("{refused}") };
                at = actual;
                tokio::task::yield_now().await;
            }
            at = at.next();
        }
    };
    join_all((0..8).map(|_| tokio::spawn(writer(store.clone())))).await.into_iter().for_each(Result::unwrap);
    assert_eq!((store.head(), store.version(&stream("hot")).await.unwrap()), (Position(400), Version(400)));
    assert_gapless(&store).await;
}

pub async fn concurrent_appends_do_not_mix(store: Subject) {
    let writer = |at: usize, store: Subject| async move {
        let (mine, ours) = (format!("own/{at}"), "shared");
        for _ in 0..50 {
            let batch = vec![to(&mine, Expected::Any, events(2)), to(ours, Expected::Any, events(1))];
            let Appended { first, last } = store.append(batch).await.unwrap();
            assert_eq!(last.0, first.0 + 2);
        }
    };
    join_all((0..6).map(|at| tokio::spawn(writer(at, store.clone())))).await.into_iter().for_each(Result::unwrap);
    let all = everything(&store, &Filter::default(), 1_000).await;
    assert_eq!(all.len(), 900);
    for three in all.chunks(3) {
        assert!(three[0].stream == three[1].stream && three[2].stream.as_str() == "shared", "{:?}", positions(three));
    }
    assert_gapless(&store).await;
}
