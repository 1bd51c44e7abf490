//! The contract, and what only queues in memory promise.

use std::{future::poll_fn, task::Poll};

use super::*;
use crate::{port::queue::QUEUES_MAX, queue::state::dedup::KEYS_MAX, testing::clock::ManualClock};

async fn fresh(clock: Arc<dyn Clock>) -> (Arc<dyn Queues>, ()) {
    (Arc::new(MemoryQueues::new(clock)), ())
}

crate::queue_contract!(fresh);

fn name(text: &str) -> QueueName {
    QueueName::new(text).unwrap()
}

fn message() -> NewMessage {
    NewMessage { body: Bytes::from_static(b"1"), ..NewMessage::default() }
}

async fn is_ready(wait: &mut BoxFuture<'_, ()>) -> bool {
    poll_fn(|context| Poll::Ready(wait.as_mut().poll(context).is_ready())).await
}

#[tokio::test]
async fn one_message_wakes_one_waiter_and_two_wake_two() {
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    let (queues, queue) = (MemoryQueues::new(clock.shared()), name("q"));
    queues.declare(&queue, QueueLimits::default()).await.unwrap();
    let mut waits: Vec<_> = (0..5).map(|_| queues.wait_ready(&queue)).collect();
    for wait in &mut waits {
        assert!(!is_ready(wait).await);
    }
    for (messages, expected) in [(1, 1), (2, 2)] {
        queues.send(&queue, vec![message(); messages]).await.unwrap();
        let mut woken = Vec::new();
        for (at, wait) in waits.iter_mut().enumerate() {
            if is_ready(wait).await {
                woken.push(at);
            }
        }
        assert_eq!(woken.len(), expected);
        woken.into_iter().rev().for_each(|at| drop(waits.remove(at)));
    }
}

#[tokio::test]
async fn the_number_of_queues_has_a_limit() {
    let queues = MemoryQueues::new(ManualClock::new(Timestamp::UNIX_EPOCH).shared());
    for number in 0..QUEUES_MAX {
        queues.send(&name(&format!("q{number}")), vec![message()]).await.unwrap();
    }
    let one_more = queues.send(&name("one-more"), vec![message()]).await;
    assert!(matches!(one_more, Err(QueueError::Full { limit, .. }) if limit.contains("1000 queues")));
    queues.send(&name("q7"), vec![message()]).await.unwrap();
    let stats = queues.stats().await.unwrap();
    assert!(stats.len() == QUEUES_MAX && stats.is_sorted_by_key(|(name, _)| name.clone()));
}

#[tokio::test]
async fn keys_beyond_the_limit_are_refused_not_forgotten() {
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    let (queues, queue) = (MemoryQueues::new(clock.shared()), name("q"));
    let limits = QueueLimits { messages_max: u64::MAX, ..QueueLimits::default() };
    queues.declare(&queue, limits).await.unwrap();
    let keyed = |number: usize| NewMessage { dedup_key: Some(number.to_string()), ..message() };
    for start in (0..KEYS_MAX).step_by(1_000) {
        queues.send(&queue, (start..start + 1_000).map(keyed).collect()).await.unwrap();
    }
    let refused = queues.send(&queue, vec![message(), keyed(KEYS_MAX)]).await;
    assert!(matches!(refused, Err(QueueError::Full { limit, .. }) if limit.contains("deduplication keys")));
    assert_eq!(queues.send(&queue, vec![keyed(3)]).await.unwrap().len(), 1);
    clock.advance(std::time::Duration::from_secs(300));
    assert!(matches!(queues.send(&queue, vec![keyed(3)]).await.unwrap()[..], [Sent::Accepted(_)]));
}
