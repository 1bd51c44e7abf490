//! What every implementation of queues must do: one check a promise, the same for memory, journal, Redis and JetStream.
//!
//! ```ignore
//! async fn fresh(clock: Arc<dyn Clock>) -> (Arc<dyn Queues>, TempDir) { … }     // no queues, and what must outlive them
//! flexcore_engine::queue_contract!(fresh);
//! ```
#![allow(clippy::unwrap_used, reason = "a check fails by panicking")]
#![allow(missing_docs, reason = "a check's name is its sentence")]

pub mod delivering;
pub mod letters;
pub mod looking;
pub mod model;
pub mod sending;
pub mod waiting;

use std::{sync::Arc, time};

use bytes::Bytes;
use jiff::Timestamp;

use super::clock::ManualClock;
use crate::{
    id::{MessageId, QueueName},
    port::queue::{
        Leased, MessageState, NewDeadLetter, NewMessage, Origin, Peek, PeekedMessage, QueueError, QueueLimits, QueueStats,
        Queues, Receipt, Sent,
    },
    unit::Duration,
};

/// One test for each promise, on queues of an async function that takes a clock and answers with an implementation that has
/// no queues, and a guard that lives as long as the test.
#[macro_export]
macro_rules! queue_contract {
    ($fresh:path) => {
        $crate::queue_contract! { $fresh =>
            sending {
                a_queue_exists_from_its_first_message_on,
                what_is_received_is_what_was_sent,
                the_best_priority_comes_first_and_each_in_order,
                a_call_with_one_unfit_message_sends_none,
                a_full_queue_refuses_and_names_its_limit,
                a_key_that_was_seen_within_its_window_is_not_sent_again,
                a_delayed_message_waits_for_its_time,
                a_message_that_is_not_delivered_in_time_is_dropped,
                a_message_that_was_delivered_in_time_does_not_expire,
            }
            delivering {
                a_leased_message_is_invisible,
                an_acked_message_is_gone_and_its_receipt_stale,
                acks_hold_although_one_of_them_is_stale,
                a_nacked_message_comes_back_after_a_wait_that_doubles,
                the_wait_doubles_up_to_an_hour,
                a_nack_may_say_its_own_delay,
                after_its_last_attempt_a_message_is_a_dead_letter,
                a_lease_that_ends_counts_as_an_attempt,
                an_extended_lease_ends_later,
                a_released_message_has_lost_no_attempt,
                receivers_never_share_a_message,
            }
            letters {
                a_buried_record_keeps_its_error_and_origin,
                what_does_not_fit_is_not_buried_at_all,
                failed_messages_push_out_the_oldest_dead_letters,
                old_dead_letters_are_dropped_and_counted,
                redriven_messages_have_all_their_attempts_again,
                chosen_letters_are_redriven_and_others_stay,
                letters_that_do_not_fit_are_not_redriven_at_all,
                an_edited_letter_is_redriven_as_edited,
                taken_letters_are_gone,
                a_receipt_of_before_a_redrive_stays_stale,
            }
            looking {
                looking_shows_messages_by_state_and_changes_nothing,
                a_purge_drops_what_waits_and_leaves_what_is_leased,
                figures_add_up,
                limits_of_a_queue_can_be_changed,
            }
            waiting {
                a_waiter_hears_of_a_message,
                a_waiter_hears_of_a_message_that_comes_due,
                a_waiter_hears_of_a_lease_that_ends,
                a_waiter_hears_of_a_nack_and_a_release,
                a_waiter_hears_of_a_queue_that_is_made,
                a_message_that_is_there_needs_no_waiting,
                waiters_that_go_away_lose_nothing,
            }
        }

        #[test]
        fn it_agrees_with_the_model() {
            $crate::testing::queue_contract::model::it_agrees_with_the_model($fresh);
        }
    };
    ($fresh:path => $($group:ident { $($check:ident,)* })*) => { $($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $check() {
            use $crate::testing::queue_contract as contract;
            let clock = contract::clock();
            let (queues, _guard) = $fresh(clock.shared()).await;
            contract::within_a_minute(contract::$group::$check(contract::Subject::new(queues, clock))).await;
        }
    )*)* };
}

/// A clock at a fixed moment.
pub fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_second(1_700_000_000).unwrap())
}

/// A guard against tests that hang; no check measures time.
pub async fn within_a_minute<T>(check: impl Future<Output = T>) -> T {
    tokio::time::timeout(time::Duration::from_secs(60), check).await.expect("a check ends")
}

/// What the checks are given: queues, the clock they follow, and the words the checks are written in.
#[derive(Clone)]
pub struct Subject {
    queues: Arc<dyn Queues>,
    clock: ManualClock,
    queue: QueueName,
}

const LEASE: Duration = Duration::from_secs(30);

impl Subject {
    /// The checks use one queue, `q`.
    pub fn new(queues: Arc<dyn Queues>, clock: ManualClock) -> Self {
        Self { queues, clock, queue: QueueName::new("q").unwrap() }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(time::Duration::from_secs(seconds));
    }

    async fn declare(&self, limits: QueueLimits) {
        self.queues.declare(&self.queue, limits).await.unwrap();
    }

    async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<Sent>, QueueError> {
        self.queues.send(&self.queue, messages).await
    }

    /// Sends bodies, plain.
    async fn send_all(&self, bodies: &[&'static str]) -> Vec<MessageId> {
        let sent = self.send(bodies.iter().copied().map(message).collect()).await.unwrap();
        sent.into_iter().map(Sent::id).collect()
    }

    async fn receive(&self, max: usize) -> Vec<Leased> {
        self.queues.receive(&self.queue, max, LEASE, "tester").await.unwrap()
    }

    async fn receive_one(&self) -> Leased {
        let mut leased = self.receive(1).await;
        assert_eq!(leased.len(), 1, "a message is ready");
        leased.remove(0)
    }

    /// The bodies of all that is ready; they stay leased.
    async fn bodies(&self) -> Vec<String> {
        self.receive(1_000).await.iter().map(|leased| text(&leased.body)).collect()
    }

    async fn ack(&self, leased: &[Leased]) -> Result<(), QueueError> {
        let receipts: Vec<Receipt> = leased.iter().map(|leased| leased.receipt).collect();
        self.queues.ack(&self.queue, &receipts).await
    }

    async fn nack(&self, leased: &Leased, delay: Option<Duration>) -> Result<(), QueueError> {
        self.queues.nack(&self.queue, leased.receipt, delay, "it broke").await
    }

    /// Receives a message and nacks it until it is a dead letter.
    async fn kill(&self, body: &'static str) {
        self.send_all(&[body]).await;
        while let [leased] = &*self.receive(1).await {
            self.nack(leased, Some(Duration::default())).await.unwrap();
        }
    }

    async fn bury(&self, bodies: &[&str]) -> Result<Vec<MessageId>, QueueError> {
        self.queues.bury(&self.queue, bodies.iter().copied().map(letter).collect()).await
    }

    async fn peek(&self, which: Peek) -> Vec<PeekedMessage> {
        self.queues.peek(&self.queue, which, 0, 1_000).await.unwrap()
    }

    async fn peeked(&self, which: Peek) -> Vec<String> {
        self.peek(which).await.iter().map(|message| text(&message.body)).collect()
    }

    async fn redrive(&self, ids: &[MessageId]) -> Result<u64, QueueError> {
        self.queues.redrive(&self.queue, ids).await
    }

    async fn stats(&self) -> QueueStats {
        self.queues.stats_of(&self.queue).await.expect("the queue exists")
    }
}

fn message(body: &'static str) -> NewMessage {
    NewMessage { body: Bytes::from_static(body.as_bytes()), ..NewMessage::default() }
}

fn letter(body: &str) -> NewDeadLetter {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let [pipeline, run, step, revision] = ["quakes", "0192", "clean", "ab"].map(String::from);
    let origin = Origin { pipeline, run, step, revision, source: "file data.csv line 17".into() };
    NewDeadLetter { body, error: "it has no id".into(), origin }
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body.to_vec()).unwrap()
}

fn is_full<T>(answer: &Result<T, QueueError>, limit_says: &str) -> bool {
    matches!(answer, Err(QueueError::Full { limit, .. }) if limit.contains(limit_says))
}

fn is_unfit<T>(answer: &Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::Unfit { .. }))
}

fn is_stale<T>(answer: &Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::Stale { .. }))
}

fn is_unknown<T>(answer: &Result<T, QueueError>) -> bool {
    matches!(answer, Err(QueueError::Unknown { .. }))
}

fn dead_error(message: &PeekedMessage) -> &str {
    match &message.state {
        MessageState::Dead { error, .. } => error,
        other => panic!("not dead: {other:?}"),
    }
}
