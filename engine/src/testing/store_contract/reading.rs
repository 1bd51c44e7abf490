//! Reads: by position both ways, by filter, by stream.

use super::{Subject, add, count_to, event, everything, positions, stream, to, versions};
use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::store::{Events, Expected, Filter, Page, READ_EVENTS_MAX, Store},
};

const FAR: Position = Position(u64::MAX);

pub async fn an_empty_log_has_nothing(store: Subject) {
    let (all, none) = (Filter::default(), Events::default());
    assert_eq!((store.head(), store.stats().oldest), (Position(0), Position(1)));
    assert_eq!(store.read(Position(0), &all, 10).await.unwrap(), Page { events: none.clone(), seen: Position(0) });
    assert_eq!(store.read(Position(9), &all, 10).await.unwrap(), Page { events: none.clone(), seen: Position(9) });
    assert_eq!(store.read_back(FAR, &all, 10).await.unwrap().events, none);
    assert_eq!(store.read_stream(&stream("a"), Version(0), 10).await.unwrap(), []);
    assert_eq!(store.version(&stream("a")).await.unwrap(), Version(0));
    assert_eq!(store.snapshot(&stream("a")).await.unwrap(), None);
}

pub async fn pages_cover_the_log_once(store: Subject) {
    for at in 0..250 {
        add(&store, ["a", "b", "c"][at % 3], 1 + at % 7).await;
        if at % 40 == 0 {
            // Reading in between must not change what is read later.
            store.read(Position(store.head().0 / 2), &Filter::default(), 5).await.unwrap();
        }
    }
    let head = store.head();
    for page_max in [1, 7, 100, READ_EVENTS_MAX] {
        assert_eq!(positions(&everything(&store, &Filter::default(), page_max).await), count_to(head.0));
    }
    let whole = store.read(Position(0), &Filter::default(), READ_EVENTS_MAX).await.unwrap();
    assert_eq!((whole.events.len() as u64, whole.seen), (head.0, head), "a read finds all there is");
    let (mut some, mut seen) = (Vec::new(), Position(0));
    while seen < head {
        let page = store.read_some(seen, &Filter::default(), 100).await.unwrap();
        assert!(page.seen > seen && page.events.len() <= 100);
        seen = page.seen;
        some.extend(page.events);
    }
    assert_eq!(positions(&some), count_to(head.0));
    assert!(store.read(Position(0), &Filter::default(), 0).await.unwrap().events.is_empty());
}

/// Streams `run/…` and `other`, types `odd` and `even`.
async fn mixed(store: &Subject, count: usize) {
    for at in 0..count {
        let (name, kind) = (if at % 5 == 0 { "other".to_owned() } else { format!("run/{}", at % 3) }, ["even", "odd"][at % 2]);
        store.append(vec![to(&name, Expected::Any, vec![event(kind, "{}")])]).await.unwrap();
    }
}

fn filters() -> [Filter; 4] {
    let filter = |prefix: Option<&str>, types: &[&str]| Filter {
        stream_prefix: prefix.map(Into::into),
        types: types.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    [filter(Some("run/"), &[]), filter(None, &["odd", "never"]), filter(Some("other"), &["even"]), filter(Some("nobody/"), &[])]
}

pub async fn a_filter_hides_but_does_not_hold_up(store: Subject) {
    mixed(&store, 300).await;
    let all = everything(&store, &Filter::default(), 1_000).await;
    for filter in filters() {
        let wanted: Vec<Envelope> = all.iter().filter(|envelope| filter.passes(envelope)).cloned().collect();
        for page_max in [1, 10, 1_000] {
            assert_eq!(everything(&store, &filter, page_max).await, wanted, "{filter:?}");
        }
        let page = store.read(Position(0), &filter, 1_000).await.unwrap();
        assert_eq!(page.seen, store.head(), "what does not pass is seen, too");
    }
    let first = store.read(Position(0), &filters()[0], 1).await.unwrap();
    assert_eq!((positions(&first.events), first.seen), (vec![2], Position(2)), "a full page has not looked further");
}

pub async fn reading_back_finds_what_reading_finds(store: Subject) {
    mixed(&store, 300).await;
    for filter in [Filter::default()].into_iter().chain(filters()) {
        let wanted = everything(&store, &filter, 1_000).await;
        for page_max in [1, 10, 1_000] {
            assert_eq!(backward(&store, &filter, page_max).await, wanted, "{filter:?}");
        }
    }
    let page = store.read_back(Position(11), &Filter::default(), 3).await.unwrap();
    assert_eq!((positions(&page.events), page.seen), (vec![8, 9, 10], Position(8)));
    let page = store.read_back(FAR, &Filter::default(), 2).await.unwrap();
    assert_eq!(positions(&page.events), [299, 300]);
    assert!(store.read_back(Position(1), &Filter::default(), 5).await.unwrap().events.is_empty());
}

async fn backward(store: &Subject, filter: &Filter, page_max: usize) -> Vec<Envelope> {
    let (mut all, mut seen) = (Vec::new(), FAR);
    while seen > Position(1) {
        let page = store.read_back(seen, filter, page_max).await.unwrap();
        assert!(page.seen < seen && page.events.len() <= page_max, "a page moves on and keeps its maximum");
        seen = page.seen;
        all.splice(0..0, page.events);
    }
    all
}

pub async fn a_stream_is_read_by_version(store: Subject) {
    for at in 0..300 {
        add(&store, "long", 1).await;
        add(&store, ["x", "y"][at % 2], 1 + at % 3).await;
    }
    let read = async |after, max| versions(&store.read_stream(&stream("long"), Version(after), max).await.unwrap());
    assert_eq!(read(0, usize::MAX).await, count_to(300));
    for after in [0, 1, 62, 63, 64, 65, 127, 128, 250, 298, 299] {
        let last = (after + 10).min(300);
        assert_eq!(read(after, 10).await, (after + 1..=last).collect::<Vec<_>>(), "after {after}");
    }
    assert_eq!((read(300, 10).await, read(999, 10).await, read(0, 0).await), (vec![], vec![], vec![]));
    let whole = store.read_stream(&stream("long"), Version(0), 1_000).await.unwrap();
    assert!(whole.iter().all(|envelope| envelope.stream == stream("long")));
    assert!(whole.is_sorted_by(|a, b| a.position < b.position));
}

pub async fn a_page_has_a_maximum(store: Subject) {
    add(&store, "a", READ_EVENTS_MAX + 10).await;
    let all = Filter::default();
    let page = store.read(Position(0), &all, usize::MAX).await.unwrap();
    assert_eq!((page.events.len(), page.seen), (READ_EVENTS_MAX, Position(READ_EVENTS_MAX as u64)));
    assert!(store.read_some(Position(0), &all, usize::MAX).await.unwrap().events.len() <= READ_EVENTS_MAX);
    assert_eq!(store.read_back(FAR, &all, usize::MAX).await.unwrap().events.len(), READ_EVENTS_MAX);
    let name: StreamName = stream("a");
    assert_eq!(store.read_stream(&name, Version(0), usize::MAX).await.unwrap().len(), READ_EVENTS_MAX);
}

pub async fn a_page_stays_as_it_was(store: Subject) {
    add(&store, "a", 10).await;
    let store: &dyn Store = &*store;
    let page = store.read(Position(2), &Filter::default(), 5).await.unwrap();
    for _ in 0..30 {
        store.append(vec![to("a", Expected::Any, super::events(100))]).await.unwrap();
    }
    store.truncate(store.head().next(), &[]).await.unwrap();
    assert_eq!(positions(&page.events), [3, 4, 5, 6, 7]);
}
