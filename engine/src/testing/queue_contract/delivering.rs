//! What a delivery promises: one receiver at a time, attempts that are counted, waits that grow.

use super::{Duration, LEASE, MessageState, Peek, QueueError, QueueLimits, Subject, dead_error, is_stale, text};

pub async fn a_leased_message_is_invisible(it: Subject) {
    it.send_all(&["1"]).await;
    let leased = it.receive_one().await;
    it.pass(29);
    assert!(it.receive(1).await.is_empty());
    assert!(it.peek(Peek::Waiting).await.is_empty());
    it.ack(&[leased]).await.unwrap();
}

pub async fn an_acked_message_is_gone_and_its_receipt_stale(it: Subject) {
    it.send_all(&["1"]).await;
    let leased = it.receive_one().await;
    it.ack(std::slice::from_ref(&leased)).await.unwrap();
    assert!(is_stale(&it.ack(std::slice::from_ref(&leased)).await));
    assert!(is_stale(&it.nack(&leased, None).await));
    assert!(is_stale(&it.queues.release(&it.queue, leased.receipt, LEASE).await));
    assert!(is_stale(&it.queues.extend(&it.queue, leased.receipt, LEASE).await));
    it.pass(86_400);
    assert!(it.receive(1).await.is_empty());
    let stats = it.stats().await;
    assert!(it.queues.stats().await.unwrap().contains(&(it.queue.clone(), stats.clone())), "all and one tell the same");
    assert_eq!((stats.acked_total, stats.returned_total, stats.bytes), (1, 0, 0));
}

pub async fn acks_hold_although_one_of_them_is_stale(it: Subject) {
    it.send_all(&["1", "2", "3"]).await;
    let leased = it.receive(3).await;
    it.ack(&leased[1..2]).await.unwrap();
    assert!(matches!(it.ack(&leased).await, Err(QueueError::Stale { receipt }) if receipt == leased[1].receipt));
    assert_eq!((it.stats().await.leased, it.stats().await.acked_total), (0, 3));
}

pub async fn a_nacked_message_comes_back_after_a_wait_that_doubles(it: Subject) {
    it.send_all(&["1"]).await;
    for (attempt, wait) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
        let leased = it.receive_one().await;
        assert_eq!(leased.receipt.delivery, attempt);
        it.nack(&leased, None).await.unwrap();
        it.pass(wait - 1);
        assert!(it.receive(1).await.is_empty(), "after attempt {attempt}");
        it.pass(1);
    }
    assert_eq!(it.receive_one().await.receipt.delivery, 5);
    assert_eq!(it.stats().await.returned_total, 4);
}

pub async fn the_wait_doubles_up_to_an_hour(it: Subject) {
    let backoff = Duration::from_secs(1_000);
    it.declare(QueueLimits { backoff, attempts_max: 100, ..QueueLimits::default() }).await;
    it.send_all(&["1"]).await;
    for wait in [1_000, 2_000, 3_600, 3_600] {
        let leased = it.receive_one().await;
        it.nack(&leased, None).await.unwrap();
        let MessageState::Delayed { until } = it.peek(Peek::Waiting).await[0].state else { panic!("it waits") };
        assert_eq!(until.duration_since(crate::port::clock::Clock::now(&it.clock)).as_secs(), wait);
        it.pass(wait.unsigned_abs());
    }
}

pub async fn a_nack_may_say_its_own_delay(it: Subject) {
    it.send_all(&["1"]).await;
    let leased = it.receive_one().await;
    it.nack(&leased, Some(Duration::from_secs(100))).await.unwrap();
    it.pass(99);
    assert!(it.receive(1).await.is_empty());
    it.pass(1);
    let leased = it.receive_one().await;
    it.nack(&leased, Some(Duration::default())).await.unwrap();
    it.receive_one().await;
}

pub async fn after_its_last_attempt_a_message_is_a_dead_letter(it: Subject) {
    it.declare(QueueLimits { attempts_max: 2, ..QueueLimits::default() }).await;
    it.kill("1").await;
    let dead = it.peek(Peek::Dead).await;
    assert_eq!((dead.len(), text(&dead[0].body), dead[0].deliveries, dead_error(&dead[0])), (1, "1".into(), 2, "it broke"));
    let stats = it.stats().await;
    assert_eq!((stats.dead, stats.dead_total, stats.bytes, stats.ready + stats.delayed + stats.leased), (1, 1, 0, 0));
}

pub async fn a_lease_that_ends_counts_as_an_attempt(it: Subject) {
    it.declare(QueueLimits { attempts_max: 2, ..QueueLimits::default() }).await;
    it.send_all(&["1"]).await;
    let first = it.receive_one().await;
    it.pass(30);
    assert!(is_stale(&it.ack(std::slice::from_ref(&first)).await), "at its end the lease has ended");
    assert_eq!(it.stats().await.delayed, 1);
    it.pass(1);
    let second = it.receive_one().await;
    assert!(is_stale(&it.ack(&[first]).await), "an old receipt does not ack a new delivery");
    it.pass(1_000);
    assert!(is_stale(&it.nack(&second, None).await));
    let stats = it.stats().await;
    assert_eq!((stats.dead, stats.expired_leases_total, stats.returned_total), (1, 2, 2));
    assert!(dead_error(&it.peek(Peek::Dead).await[0]).contains("lease"));
}

pub async fn an_extended_lease_ends_later(it: Subject) {
    it.send_all(&["1"]).await;
    let leased = it.receive_one().await;
    it.pass(20);
    let until = it.queues.extend(&it.queue, leased.receipt, LEASE).await.unwrap();
    assert_eq!(until.duration_since(leased.until).as_secs(), 20, "counted from now");
    it.pass(29);
    assert_eq!(it.stats().await.leased, 1);
    it.ack(&[leased]).await.unwrap();
}

pub async fn a_released_message_has_lost_no_attempt(it: Subject) {
    it.declare(QueueLimits { attempts_max: 1, ..QueueLimits::default() }).await;
    it.send_all(&["1"]).await;
    let mut receipts = Vec::new();
    for _ in 0..3 {
        let leased = it.receive_one().await;
        it.queues.release(&it.queue, leased.receipt, Duration::from_secs(5)).await.unwrap();
        assert!(it.receive(1).await.is_empty());
        it.pass(5);
        receipts.push(leased.receipt);
    }
    let leased = it.receive_one().await;
    assert!(is_stale(&it.queues.ack(&it.queue, &receipts).await), "no receipt fits two leases");
    assert_eq!((it.peek(Peek::Leased).await[0].deliveries, it.stats().await.returned_total), (1, 0));
    it.nack(&leased, None).await.unwrap();
    assert_eq!(it.stats().await.dead, 1);
}

pub async fn receivers_never_share_a_message(it: Subject) {
    const MESSAGES: usize = 2_000;
    let receiver = |it: Subject| async move {
        let mut got = Vec::new();
        loop {
            let leased = it.receive(7).await;
            it.ack(&leased).await.unwrap();
            if leased.is_empty() && it.stats().await.acked_total == MESSAGES as u64 {
                return got;
            }
            got.extend(leased.into_iter().map(|leased| leased.receipt.message));
            tokio::task::yield_now().await;
        }
    };
    it.send_all(&["0"]).await;
    let receivers: Vec<_> = (0..4).map(|_| tokio::spawn(receiver(it.clone()))).collect();
    for _ in 1..MESSAGES {
        it.send_all(&["1"]).await;
    }
    let mut got = Vec::new();
    for receiver in receivers {
        got.extend(receiver.await.unwrap());
    }
    let distinct: std::collections::HashSet<_> = got.iter().collect();
    assert_eq!((got.len(), distinct.len()), (MESSAGES, MESSAGES));
}
