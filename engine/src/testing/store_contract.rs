//! What every implementation of the log must do: one check a promise, the same for memory, disk and database.
//!
//! ```ignore
//! async fn fresh() -> (Arc<dyn Store>, TempDir) { … }     // an empty store, and what must outlive it
//! flexcore_engine::store_contract!(fresh);
//! ```
#![allow(clippy::unwrap_used, reason = "a check fails by panicking")]
#![allow(missing_docs, reason = "a check's name is its sentence")]

pub mod appending;
pub mod following;
pub mod model;
pub mod reading;
pub mod retaining;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    event::{Envelope, EventType, NewEvent},
    id::{Actor, CorrelationId, EventId, Position, StreamName, Version},
    port::store::{AppendError, Appended, Expected, Filter, Store, StreamAppend},
};

/// What the checks are given.
pub type Subject = Arc<dyn Store>;

/// One test for each promise, on stores of an async function that answers with an empty store and a guard that lives as
/// long as the test.
#[macro_export]
macro_rules! store_contract {
    ($fresh:path) => {
        $crate::store_contract! { $fresh =>
            appending {
                positions_and_versions_count_from_one_without_gaps,
                what_is_read_is_what_was_written,
                an_append_to_several_streams_is_one,
                a_conflict_in_one_stream_stops_them_all,
                a_writer_that_is_behind_or_ahead_is_told_the_version,
                an_unfit_append_is_refused_with_its_limit,
                writers_of_different_streams_do_not_meet,
                writers_of_one_stream_take_turns,
                concurrent_appends_do_not_mix,
            }
            reading {
                an_empty_log_has_nothing,
                pages_cover_the_log_once,
                a_filter_hides_but_does_not_hold_up,
                reading_back_finds_what_reading_finds,
                a_stream_is_read_by_version,
                a_page_has_a_maximum,
                a_page_stays_as_it_was,
            }
            retaining {
                dropped_events_are_told_not_skipped,
                later_events_outlive_a_truncation,
                versions_and_snapshots_outlive_their_events,
                a_forgotten_stream_goes_with_its_last_event,
                a_stream_that_lives_on_is_not_forgotten,
                the_newest_snapshot_counts,
                figures_follow_what_is_kept,
                a_state_is_kept_as_a_whole_whatever_its_size,
                events_that_are_let_go_leave_the_others_where_they_are,
                a_stream_whose_events_are_let_go_goes_on,
            }
            following {
                a_wait_ends_when_the_head_is_past,
                who_waits_and_is_not_looked_at_holds_up_nobody,
                no_append_is_missed_between_reading_and_waiting,
                subscribers_get_everything_once_while_others_write,
                a_subscriber_waits_past_what_it_filters,
                a_pull_that_is_dropped_loses_nothing,
                a_subscriber_that_is_too_late_is_told,
            }
        }

        #[test]
        fn it_agrees_with_the_model() {
            $crate::testing::store_contract::model::it_agrees_with_the_model($fresh);
        }
    };
    ($fresh:path => $($group:ident { $($check:ident,)* })*) => { $($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $check() {
            let (store, _guard) = $fresh().await;
            $crate::testing::store_contract::within_a_minute($crate::testing::store_contract::$group::$check(store)).await;
        }
    )*)* };
}

/// A guard against tests that hang; no check measures time.
pub async fn within_a_minute<T>(check: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), check).await.expect("a check ends")
}

fn stream(name: &str) -> StreamName {
    StreamName(name.into())
}

fn event(kind: &str, data: &'static str) -> NewEvent {
    NewEvent {
        id: EventId::fresh(),
        kind: EventType(kind.into()),
        data: Bytes::from_static(data.as_bytes()),
        at: Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        correlation: CorrelationId::fresh(),
        cause: None,
    }
}

fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event("tested", "{}")).collect()
}

fn to(name: &str, expected: Expected, events: Vec<NewEvent>) -> StreamAppend {
    StreamAppend { stream: stream(name), expected, events }
}

/// Appends some events to a stream, whatever it is at.
async fn add(store: &Subject, name: &str, count: usize) -> Appended {
    store.append(vec![to(name, Expected::Any, events(count))]).await.unwrap()
}

async fn append_one(store: &Subject, name: &str, expected: Expected) -> Result<Appended, AppendError> {
    store.append(vec![to(name, expected, events(1))]).await
}

/// Everything that is kept, read in pages of a size.
async fn everything(store: &Subject, filter: &Filter, page_max: usize) -> Vec<Envelope> {
    let (mut all, mut seen) = (Vec::new(), Position(store.stats().oldest.0 - 1));
    while seen < store.head() {
        let page = store.read(seen, filter, page_max).await.unwrap();
        assert!(page.seen > seen && page.events.len() <= page_max, "a page moves on and keeps its maximum");
        seen = page.seen;
        all.extend(page.events);
    }
    all
}

fn positions<'a>(events: impl IntoIterator<Item = &'a Envelope>) -> Vec<u64> {
    events.into_iter().map(|envelope| envelope.position.0).collect()
}

fn versions<'a>(events: impl IntoIterator<Item = &'a Envelope>) -> Vec<u64> {
    events.into_iter().map(|envelope| envelope.version.0).collect()
}

fn count_to(last: u64) -> Vec<u64> {
    (1..=last).collect()
}

/// The whole log is gapless, and so is each stream in it.
async fn assert_gapless(store: &Subject) {
    let all = everything(store, &Filter::default(), 512).await;
    assert_eq!(positions(&all), count_to(store.head().0));
    let mut at = std::collections::HashMap::new();
    for envelope in all {
        let version = at.entry(envelope.stream).or_insert(Version(0));
        *version = version.next();
        assert_eq!(envelope.version, *version);
    }
}
