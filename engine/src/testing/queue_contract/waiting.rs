//! What waiting promises: no message is ready while all who wait for it sleep.

use std::{future::poll_fn, task::Poll};

use super::{Duration, NewMessage, QueueLimits, Subject, message};
use crate::port::BoxFuture;

impl Subject {
    /// Somebody who waits already.
    async fn waiter(&self) -> BoxFuture<'_, ()> {
        let mut wait = self.queues.wait_ready(&self.queue);
        let first = poll_fn(|context| Poll::Ready(wait.as_mut().poll(context))).await;
        assert!(first.is_pending(), "nothing is ready");
        wait
    }
}

pub async fn a_waiter_hears_of_a_message(it: Subject) {
    it.declare(QueueLimits::default()).await;
    let waiter = it.waiter().await;
    it.send_all(&["1"]).await;
    waiter.await;
    it.receive_one().await;
}

pub async fn a_waiter_hears_of_a_message_that_comes_due(it: Subject) {
    let delayed = |seconds| NewMessage { delay: Duration::from_secs(seconds), ..message("1") };
    it.send(vec![delayed(1_000)]).await.unwrap();
    let waiter = it.waiter().await;
    it.send(vec![delayed(10)]).await.unwrap();
    let task = async {
        it.clock.wait_for_sleepers(1).await;
        it.pass(10);
    };
    tokio::join!(waiter, task);
    it.receive_one().await;
}

pub async fn a_waiter_hears_of_a_lease_that_ends(it: Subject) {
    it.declare(QueueLimits { backoff: Duration::default(), ..QueueLimits::default() }).await;
    it.send_all(&["1"]).await;
    it.receive_one().await;
    let waiter = it.waiter().await;
    it.pass(30);
    waiter.await;
    it.receive_one().await;
}

pub async fn a_waiter_hears_of_a_nack_and_a_release(it: Subject) {
    it.send_all(&["1"]).await;
    let leased = it.receive_one().await;
    let waiter = it.waiter().await;
    it.nack(&leased, Some(Duration::default())).await.unwrap();
    waiter.await;
    let leased = it.receive_one().await;
    let waiter = it.waiter().await;
    it.queues.release(&it.queue, leased.receipt, Duration::default()).await.unwrap();
    waiter.await;
    it.receive_one().await;
}

pub async fn a_waiter_hears_of_a_queue_that_is_made(it: Subject) {
    let waiter = it.waiter().await;
    it.send_all(&["1"]).await;
    waiter.await;
    it.receive_one().await;
}

pub async fn a_message_that_is_there_needs_no_waiting(it: Subject) {
    it.send_all(&["1"]).await;
    it.queues.wait_ready(&it.queue).await;
    it.receive_one().await;
}

pub async fn waiters_that_go_away_lose_nothing(it: Subject) {
    it.declare(QueueLimits::default()).await;
    let (gone, told, third) = (it.waiter().await, it.waiter().await, it.waiter().await);
    it.send_all(&["1"]).await;
    drop(gone);
    // One is told and does not come; it is enough that time passes for another to hear.
    told.await;
    let time = async {
        loop {
            it.clock.wait_for_sleepers(1).await;
            it.pass(1);
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = third => {}
        () = time => {}
    }
    it.receive_one().await;
}
