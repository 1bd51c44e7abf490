//! What looking, purging and figures promise.

use super::{LEASE, MessageState, NewMessage, Peek, QueueLimits, Subject, is_full, is_unfit, message};

pub async fn looking_shows_messages_by_state_and_changes_nothing(it: Subject) {
    let delayed = NewMessage { delay: LEASE, priority: 3, ..message("4") };
    let ids = it.send_all(&["1", "2", "3"]).await;
    it.send(vec![delayed]).await.unwrap();
    let leased = it.receive_one().await;
    for _ in 0..2 {
        assert_eq!(it.peeked(Peek::Waiting).await, ["2", "3", "4"]);
        let peeked = it.peek(Peek::Leased).await;
        let state = MessageState::Leased { until: leased.until, by: "tester".into() };
        assert_eq!((peeked[0].id, &peeked[0].state, peeked[0].deliveries), (ids[0], &state, 1));
    }
    let page = it.queues.peek(&it.queue, Peek::Waiting, 1, 1).await.unwrap();
    assert_eq!((page.len(), page[0].id, &page[0].state), (1, ids[2], &MessageState::Ready));
    let last = it.queues.peek(&it.queue, Peek::Waiting, 2, 9).await.unwrap();
    assert_eq!((last[0].priority, &last[0].state), (3, &MessageState::Delayed { until: leased.until }));
    assert!(it.peek(Peek::Dead).await.is_empty());
}

pub async fn a_purge_drops_what_waits_and_leaves_what_is_leased(it: Subject) {
    it.send_all(&["10", "2", "3"]).await;
    it.send(vec![NewMessage { delay: LEASE, ttl: Some(LEASE), ..message("4") }]).await.unwrap();
    it.bury(&["5"]).await.unwrap();
    let leased = it.receive_one().await;
    assert_eq!(it.queues.purge(&it.queue, false).await.unwrap(), 3);
    let stats = it.stats().await;
    assert_eq!((stats.ready, stats.delayed, stats.leased, stats.dead, stats.bytes), (0, 0, 1, 1, 2));
    assert_eq!(it.queues.purge(&it.queue, true).await.unwrap(), 1);
    assert_eq!((it.stats().await.dead, it.stats().await.dropped_total), (0, 4));
    it.ack(&[leased]).await.unwrap();
    it.pass(60);
    assert_eq!(it.stats().await.dropped_total, 4, "what was purged does not expire as well");
}

pub async fn figures_add_up(it: Subject) {
    let first = crate::port::clock::Clock::now(&it.clock);
    it.send_all(&["1", "22", "333"]).await;
    it.pass(10);
    it.send_all(&["4444"]).await;
    assert_eq!((it.stats().await.oldest, it.stats().await.bytes), (Some(first), 10));
    let leased = it.receive(3).await;
    assert_eq!(it.stats().await.oldest.map(|oldest| oldest.duration_since(first).as_secs()), Some(10));
    it.ack(&leased[..1]).await.unwrap();
    it.nack(&leased[1], None).await.unwrap();
    let stats = it.stats().await;
    assert_eq!((stats.ready, stats.delayed, stats.leased, stats.bytes), (1, 1, 1, 9));
    assert_eq!((stats.sent_total, stats.acked_total, stats.returned_total), (4, 1, 1));
    it.bodies().await;
    assert_eq!(it.stats().await.oldest, None);
}

pub async fn limits_of_a_queue_can_be_changed(it: Subject) {
    it.send_all(&["1", "2"]).await;
    let limits = QueueLimits { messages_max: 2, attempts_max: 1, ..QueueLimits::default() };
    it.declare(limits).await;
    assert_eq!((it.stats().await.limits, it.stats().await.ready), (limits, 2), "what is in it stays");
    assert!(is_full(&it.send(vec![message("3")]).await, "messages_max"));
    let none = QueueLimits { attempts_max: 0, ..limits };
    assert!(is_unfit(&it.queues.declare(&it.queue, none).await));
    assert_eq!(it.stats().await.limits, limits);
}
