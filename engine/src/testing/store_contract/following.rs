//! Following the head: nobody misses an append, and nobody sees one twice.

use std::{pin::pin, task::Poll};

use futures_util::{future::join_all, poll};

use super::{Subject, add, count_to, positions};
use crate::{
    event::Envelope,
    id::Position,
    port::store::{Filter, ReadError},
    subscription::{PULL_EVENTS_MAX, Subscription},
};

pub async fn a_wait_ends_when_the_head_is_past(store: Subject) {
    let mut first = pin!(store.wait_past(Position(0)));
    let mut third = pin!(store.wait_past(Position(2)));
    assert_eq!((poll!(first.as_mut()), poll!(third.as_mut())), (Poll::Pending, Poll::Pending));
    add(&store, "a", 2).await;
    first.await;
    assert_eq!(poll!(third.as_mut()), Poll::Pending);
    add(&store, "a", 1).await;
    third.await;
    store.wait_past(Position(0)).await;
}

pub async fn who_waits_and_is_not_looked_at_holds_up_nobody(store: Subject) {
    let mut forgotten = pin!(store.wait_past(Position(0)));
    assert_eq!(poll!(forgotten.as_mut()), Poll::Pending);
    let mut dropped = Box::pin(store.wait_past(Position(0)));
    assert_eq!(poll!(dropped.as_mut()), Poll::Pending);
    drop(dropped);
    for position in 1..=3 {
        let mut wait = pin!(store.wait_past(Position(position - 1)));
        assert_eq!(poll!(wait.as_mut()), Poll::Pending);
        add(&store, "a", 1).await;
        wait.await;
    }
    forgotten.await;
}

pub async fn no_append_is_missed_between_reading_and_waiting(store: Subject) {
    const TURNS: u64 = 1_000;
    // Each side writes when it has seen the other's event: one missed wake-up and both wait for ever.
    let player = |store: Subject, parity: u64| async move {
        for turn in (1..=TURNS).filter(|turn| turn % 2 == parity) {
            if turn > 1 {
                store.wait_past(Position(turn - 2)).await;
            }
            add(&store, "ball", 1).await;
        }
    };
    let players = [tokio::spawn(player(store.clone(), 0)), tokio::spawn(player(store.clone(), 1))];
    join_all(players).await.into_iter().for_each(Result::unwrap);
    assert_eq!(store.head(), Position(TURNS));
}

async fn follow(store: Subject, filter: Filter, count: usize) -> Vec<Envelope> {
    let (mut subscription, mut got) = (Subscription::new(store, Position(0), filter), Vec::new());
    while got.len() < count {
        let page = subscription.next().await.unwrap();
        assert!(!page.events.is_empty() && page.events.len() <= PULL_EVENTS_MAX);
        assert_eq!(page.seen, subscription.position());
        got.extend(page.events);
    }
    got
}

pub async fn subscribers_get_everything_once_while_others_write(store: Subject) {
    let own = Filter { stream_prefix: Some("w2".into()), ..Filter::default() };
    let everybody = (0..4).map(|_| tokio::spawn(follow(store.clone(), Filter::default(), 2_400))).collect::<Vec<_>>();
    let one = tokio::spawn(follow(store.clone(), own, 600));
    let writer = |at: usize, store: Subject| async move {
        for turn in 0..200 {
            add(&store, &format!("w{at}"), 1 + turn % 5).await;
            tokio::task::yield_now().await;
        }
    };
    join_all((0..4).map(|at| tokio::spawn(writer(at, store.clone())))).await.into_iter().for_each(Result::unwrap);
    for got in join_all(everybody).await {
        assert_eq!(positions(&got.unwrap()), count_to(2_400));
    }
    let own = one.await.unwrap();
    assert_eq!(own.iter().map(|envelope| envelope.version.0).collect::<Vec<_>>(), count_to(600));
}

pub async fn a_subscriber_waits_past_what_it_filters(store: Subject) {
    let wanted = Filter { stream_prefix: Some("wanted".into()), ..Filter::default() };
    let mut subscription = Subscription::new(store.clone(), Position(0), wanted);
    add(&store, "other", 50).await;
    {
        let mut next = pin!(subscription.next());
        assert!(poll!(next.as_mut()).is_pending());
    }
    // A database may answer later than at the first poll; then nothing was looked at yet.
    assert!(matches!(subscription.position(), Position(0 | 50)));
    add(&store, "wanted", 1).await;
    add(&store, "other", 1).await;
    let page = subscription.next().await.unwrap();
    assert_eq!(positions(&page.events), [51]);
}

pub async fn a_pull_that_is_dropped_loses_nothing(store: Subject) {
    let mut subscription = Subscription::new(store.clone(), Position(0), Filter::default());
    for round in 1..=20 {
        for _ in 0..3 {
            let mut dropped = pin!(subscription.next());
            assert!(poll!(dropped.as_mut()).is_pending());
        }
        add(&store, "a", 2).await;
        let page = subscription.next().await.unwrap();
        assert_eq!((positions(&page.events), page.seen.0), (vec![round * 2 - 1, round * 2], round * 2));
    }
}

pub async fn a_subscriber_that_is_too_late_is_told(store: Subject) {
    let mut subscription = Subscription::new(store.clone(), Position(0), Filter::default());
    add(&store, "a", 5_000).await;
    store.truncate(store.head().next(), &[]).await.unwrap();
    let place = store.stats().oldest;
    for _ in 0..2 {
        let told = subscription.next().await.unwrap_err();
        assert!(matches!(told, ReadError::Truncated { oldest } if oldest == place), "{told}");
    }
    assert_eq!(subscription.skip_to_oldest(), place.0 - 1);
    assert_eq!(subscription.skip_to_oldest(), 0);
    add(&store, "a", 1).await;
    assert_eq!(subscription.next().await.unwrap().events[0].position, place);
}
