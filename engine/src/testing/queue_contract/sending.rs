//! What sending promises: all or nothing, order, limits, keys, delay and expiry.

use super::{
    Duration, LEASE, NewMessage, Peek, QueueLimits, Receipt, Sent, Subject, is_full, is_unfit, is_unknown, message, text,
};
use crate::port::queue::BATCH_MAX;

pub async fn a_queue_exists_from_its_first_message_on(it: Subject) {
    assert!(it.queues.stats().await.unwrap().is_empty());
    assert!(is_unfit(&it.send(vec![message("not json")]).await));
    assert!(it.send(vec![]).await.unwrap().is_empty());
    assert!(is_unknown(&it.queues.peek(&it.queue, Peek::Waiting, 0, 1).await));
    assert!(is_unknown(&it.queues.purge(&it.queue, false).await));
    assert!(it.receive(1).await.is_empty());
    assert!(it.queues.stats().await.unwrap().is_empty(), "none of these makes a queue");
    it.send_all(&["1"]).await;
    assert_eq!(it.stats().await.ready, 1);
}

pub async fn what_is_received_is_what_was_sent(it: Subject) {
    let sent_at = crate::port::clock::Clock::now(&it.clock);
    let ids = it.send_all(&[r#"{"a": [1, "é"]}"#]).await;
    it.pass(5);
    let leased = it.receive_one().await;
    assert_eq!((leased.receipt, text(&leased.body)), (Receipt { message: ids[0], delivery: 1 }, r#"{"a": [1, "é"]}"#.into()));
    assert_eq!((leased.sent_at, leased.until.duration_since(sent_at).as_secs()), (sent_at, 35));
    assert!(it.receive(1).await.is_empty());
}

pub async fn the_best_priority_comes_first_and_each_in_order(it: Subject) {
    let new = |body, priority| NewMessage { priority, ..message(body) };
    it.send(vec![new("1", 9), new("2", 0), new("3", 5), new("4", 0)]).await.unwrap();
    it.send(vec![new("5", 5), new("6", 0)]).await.unwrap();
    assert_eq!(it.peeked(Peek::Waiting).await, ["2", "4", "6", "3", "5", "1"]);
    assert_eq!(it.receive(2).await.iter().map(|leased| text(&leased.body)).collect::<Vec<_>>(), ["2", "4"]);
    assert_eq!(it.bodies().await, ["6", "3", "5", "1"]);
}

pub async fn a_call_with_one_unfit_message_sends_none(it: Subject) {
    it.declare(QueueLimits { body_max: crate::unit::ByteSize(8), ..QueueLimits::default() }).await;
    let unfit = [
        message("{"),
        message(""),
        message("123456789"),
        NewMessage { priority: 10, ..message("1") },
        NewMessage { dedup_key: Some("k".repeat(10_000)), ..message("1") },
    ];
    for bad in unfit {
        let answer = it.send(vec![message("1"), bad.clone(), message("2")]).await;
        assert!(is_unfit(&answer), "{bad:?}: {answer:?}");
    }
    assert!(is_unfit(&it.send(vec![message("1"); BATCH_MAX + 1]).await));
    assert_eq!((it.stats().await.ready, it.stats().await.sent_total), (0, 0));
    assert_eq!(it.send(vec![message("1"); BATCH_MAX]).await.unwrap().len(), BATCH_MAX);
}

pub async fn a_full_queue_refuses_and_names_its_limit(it: Subject) {
    let limits = QueueLimits { messages_max: 3, bytes_max: crate::unit::ByteSize(10), ..QueueLimits::default() };
    it.declare(limits).await;
    it.send(vec![message("1"), NewMessage { delay: LEASE, ..message("2") }]).await.unwrap();
    let leased = it.receive_one().await;
    assert!(is_full(&it.send(vec![message("3"), message("4")]).await, "messages_max"));
    assert!(is_full(&it.send(vec![message("123456789")]).await, "bytes_max"));
    assert_eq!(it.stats().await.sent_total, 2);
    it.send_all(&["3"]).await;
    it.ack(&[leased]).await.unwrap();
    it.send_all(&["4"]).await;
    assert!(is_full(&it.send(vec![message("5")]).await, "messages_max"));
}

pub async fn a_key_that_was_seen_within_its_window_is_not_sent_again(it: Subject) {
    let keyed = |body, key: &str| NewMessage { dedup_key: Some(key.into()), ..message(body) };
    let sent = it.send(vec![keyed("1", "a"), keyed("2", "b"), keyed("3", "a")]).await.unwrap();
    assert_eq!(sent[2], Sent::Duplicate(sent[0].id()));
    let leased = it.receive(9).await;
    it.ack(&leased).await.unwrap();
    it.pass(299);
    assert_eq!(it.send(vec![keyed("4", "b")]).await.unwrap(), [Sent::Duplicate(sent[1].id())]);
    assert_eq!(leased.len(), 2);
    it.pass(1);
    let again = it.send(vec![keyed("5", "b")]).await.unwrap();
    assert!(matches!(&again[..], [Sent::Accepted(id)] if *id != sent[1].id()));
    assert_eq!((it.bodies().await, it.stats().await.sent_total), (vec!["5".into()], 3));
}

pub async fn a_delayed_message_waits_for_its_time(it: Subject) {
    let delayed = |body, seconds| NewMessage { delay: Duration::from_secs(seconds), ..message(body) };
    it.send(vec![delayed("1", 10), delayed("2", 5), delayed("3", 0)]).await.unwrap();
    assert_eq!((it.stats().await.ready, it.stats().await.delayed), (1, 2));
    assert_eq!(it.bodies().await, ["3"]);
    it.pass(4);
    assert!(it.bodies().await.is_empty());
    it.pass(6);
    assert_eq!(it.bodies().await, ["2", "1"], "by their times, however late they are asked for");
}

pub async fn a_message_that_is_not_delivered_in_time_is_dropped(it: Subject) {
    it.declare(QueueLimits { ttl: Some(Duration::from_secs(60)), ..QueueLimits::default() }).await;
    let own = |body, ttl| NewMessage { ttl: Some(Duration::from_secs(ttl)), ..message(body) };
    let delayed = NewMessage { delay: Duration::from_secs(90), ..message("4") };
    it.send(vec![message("1"), own("2", 10), own("3", 100), delayed]).await.unwrap();
    it.pass(10);
    assert_eq!(it.peeked(Peek::Waiting).await, ["1", "3", "4"]);
    it.pass(50);
    let stats = it.stats().await;
    assert_eq!((stats.ready, stats.delayed, stats.bytes, stats.dropped_total), (1, 0, 1, 3));
    assert_eq!(it.bodies().await, ["3"]);
}

pub async fn a_message_that_was_delivered_in_time_does_not_expire(it: Subject) {
    let short = |body| NewMessage { ttl: Some(Duration::from_secs(20)), ..message(body) };
    it.send(vec![short("1"), short("2")]).await.unwrap();
    let leased = it.receive(2).await;
    it.nack(&leased[0], Some(Duration::from_secs(60))).await.unwrap();
    // Released is as if never delivered.
    it.queues.release(&it.queue, leased[1].receipt, Duration::default()).await.unwrap();
    it.pass(60);
    assert_eq!((it.bodies().await, it.stats().await.dropped_total), (vec!["1".into()], 1));
}
