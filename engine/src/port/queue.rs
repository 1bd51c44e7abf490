//! The contract of queues: one for memory, journal, Redis and JetStream. `testing::queue_contract` proves it.
//!
//! A message is ready, delayed, leased, or a dead letter. A leased message is invisible until it is acked, nacked, or its
//! lease ends; after its last attempt it is a dead letter of the same queue.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BoxFuture, store::Condition};
use crate::{
    id::{MessageId, QueueName},
    unit::{ByteSize, Duration},
};

/// The lowest priority; 0 is the highest.
pub const PRIORITY_MAX: u8 = 9;
/// The most messages of one call.
pub const BATCH_MAX: usize = 1_000;
/// The most queues of one engine.
pub const QUEUES_MAX: usize = 1_000;
/// The most deliveries of a message that a queue may be told to try.
pub const ATTEMPTS_MAX: u32 = 1_000;

/// What a queue allows. Queues that nobody declared have the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueLimits {
    /// Messages in all states but dead; one more is refused.
    pub messages_max: u64,
    /// Bytes of bodies in all states but dead; more are refused.
    pub bytes_max: ByteSize,
    /// Bytes of one body.
    pub body_max: ByteSize,
    /// Deliveries before a message becomes a dead letter.
    pub attempts_max: u32,
    /// The wait before the second delivery after a nack or an ended lease; doubles with each, up to an hour.
    pub backoff: Duration,
    /// Messages that are not delivered once within this time from sending are dropped and counted. `None`: kept.
    pub ttl: Option<Duration>,
    /// How long a deduplication key is remembered.
    pub dedup_window: Duration,
    /// Dead letters older than this are dropped and counted.
    pub dead_retain: Duration,
    /// Bytes of dead letters (bodies, errors, origins, and a fixed part for each); the oldest are dropped and counted beyond it.
    pub dead_bytes_max: ByteSize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            messages_max: 100_000,
            bytes_max: ByteSize(256 << 20),
            body_max: ByteSize(1 << 20),
            attempts_max: 5,
            backoff: Duration::from_secs(1),
            ttl: None,
            dedup_window: Duration::from_secs(300),
            dead_retain: Duration::from_secs(30 * 86_400),
            dead_bytes_max: ByteSize(64 << 20),
        }
    }
}

/// Where a dead letter comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The pipeline, run, step and revision that refused it, or the queue's own reason.
    pub pipeline: String,
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The revision, 64 hex digits.
    pub revision: String,
    /// Where the record came from, such as `file data.csv line 17`.
    pub source: String,
}

/// A message that is not in a queue yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewMessage {
    /// JSON.
    pub body: Bytes,
    /// 0 (first) to [`PRIORITY_MAX`] (last).
    pub priority: u8,
    /// Not before this has passed.
    pub delay: Duration,
    /// Not delivered within this time, it is dropped. `None`: the queue's rule.
    pub ttl: Option<Duration>,
    /// A message with a key that was seen within the window is not sent again.
    pub dedup_key: Option<String>,
}

/// What became of a sent message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is in the queue.
    Accepted(MessageId),
    /// One with the same key was sent within the window: this is that one.
    Duplicate(MessageId),
}

impl Sent {
    /// The message that is or was in the queue.
    pub fn id(self) -> MessageId {
        match self {
            Self::Accepted(id) | Self::Duplicate(id) => id,
        }
    }
}

/// The right to ack, nack or extend one delivery. Stale once the lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The message.
    pub message: MessageId,
    /// Which delivery of it, from 1. Released ones count here too, and redriving does not begin anew: no two leases of a
    /// message have the same receipt.
    pub delivery: u32,
}

/// A delivered message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// What to ack it with.
    pub receipt: Receipt,
    /// JSON.
    pub body: Bytes,
    /// When the lease ends.
    pub until: Timestamp,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// The state of a message, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum MessageState {
    /// Waits for a receiver.
    Ready,
    /// Waits for its time.
    Delayed {
        /// That time.
        until: Timestamp,
    },
    /// A receiver has it.
    Leased {
        /// When the lease ends.
        until: Timestamp,
        /// Who, as the receiver said.
        by: String,
    },
    /// It failed for good.
    Dead {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
        /// Where it comes from, for records of pipelines.
        origin: Option<Origin>,
    },
}

/// A message as peeked at: looking changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeekedMessage {
    /// Its id.
    pub id: MessageId,
    /// JSON.
    pub body: Bytes,
    /// 0 to [`PRIORITY_MAX`].
    pub priority: u8,
    /// Attempts so far: deliveries that were not released, since it was last redriven.
    pub deliveries: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Where it is in its life.
    pub state: MessageState,
}

/// Which messages to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peek {
    /// In delivery order, then the delayed ones.
    Waiting,
    /// By the end of their leases.
    Leased,
    /// Oldest first.
    Dead,
}

/// A record for the dead letters of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The record: JSON, or what was read as a JSON string when it is not JSON.
    pub body: Bytes,
    /// Why it was refused.
    pub error: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Figures of one queue. Totals count since the queue was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QueueStats {
    /// Messages that a receiver would get now.
    pub ready: u64,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// Messages that a receiver has.
    pub leased: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes of bodies, dead letters not included.
    pub bytes: u64,
    /// When the oldest ready message was sent.
    pub oldest: Option<Timestamp>,
    /// Accepted.
    pub sent_total: u64,
    /// Acked.
    pub acked_total: u64,
    /// Nacked, or their lease ended.
    pub returned_total: u64,
    /// Leases that ended without an answer.
    pub expired_leases_total: u64,
    /// Dropped by TTL, by retention of dead letters, or purged.
    pub dropped_total: u64,
    /// Became dead letters.
    pub dead_total: u64,
    /// Its limits.
    pub limits: QueueLimits,
}

/// Why a queue refused.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// A limit is reached; nothing of the call was done.
    #[error("queue `{queue}` is full: {limit}")]
    Full {
        /// Which queue.
        queue: QueueName,
        /// Which limit, with its value.
        limit: String,
    },
    /// The call itself is not allowed; nothing of it was done.
    #[error("queue `{queue}` refuses: {reason}")]
    Unfit {
        /// Which queue.
        queue: QueueName,
        /// What is wrong with the call.
        reason: String,
    },
    /// There is no such queue, and the call does not make one.
    #[error("there is no queue `{queue}`")]
    Unknown {
        /// Which.
        queue: QueueName,
    },
    /// The lease ended, or the message was already answered.
    #[error("delivery {} of message {} is no longer leased", receipt.delivery, receipt.message)]
    Stale {
        /// Which delivery.
        receipt: Receipt,
    },
    /// The queue's store cannot be reached.
    #[error("queues cannot be reached: {reason}")]
    Unavailable {
        /// What is wrong.
        reason: String,
    },
}

/// Named queues. A queue exists from its declaration or first message on. Every call that takes a list does all of it or
/// nothing.
pub trait Queues: Send + Sync + 'static {
    /// Makes a queue, or gives it other limits.
    fn declare<'a>(&'a self, queue: &'a QueueName, limits: QueueLimits) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Sends up to [`BATCH_MAX`] messages.
    fn send<'a>(&'a self, queue: &'a QueueName, messages: Vec<NewMessage>) -> BoxFuture<'a, Result<Vec<Sent>, QueueError>>;

    /// Up to `max` messages (at most [`BATCH_MAX`]) that are ready, leased for a time to a named receiver. Empty when none is,
    /// or when nobody made the queue yet; does not wait.
    fn receive<'a>(
        &'a self,
        queue: &'a QueueName,
        max: usize,
        lease: Duration,
        by: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Leased>, QueueError>>;

    /// Resolves when a message may be ready: by sending, by its time, or by an ended lease. May resolve early.
    /// When nobody made the queue yet, waits for that too.
    fn wait_ready<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, ()>;

    /// Done: the messages are gone. `Stale` if any of the leases ended; the others are acked all the same.
    fn ack<'a>(&'a self, queue: &'a QueueName, receipts: &'a [Receipt]) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Not done: delivered again after `delay`, or after the queue's backoff; after the last attempt a dead letter.
    fn nack<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        delay: Option<Duration>,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Gives a message back unharmed: the delivery does not count as an attempt.
    fn release<'a>(&'a self, queue: &'a QueueName, receipt: Receipt, delay: Duration) -> BoxFuture<'a, Result<(), QueueError>>;

    /// The lease ends so much later than now.
    fn extend<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Timestamp, QueueError>>;

    /// Adds dead letters. `Full` when the queue's `dead_bytes_max` does not hold them: a record is never silently lost.
    fn bury<'a>(&'a self, queue: &'a QueueName, letters: Vec<NewDeadLetter>)
    -> BoxFuture<'a, Result<Vec<MessageId>, QueueError>>;

    /// Looks, changes nothing. `offset` skips; at most [`BATCH_MAX`].
    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        which: Peek,
        offset: usize,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>>;

    /// Drops waiting messages (not leased ones), or dead letters; says how many.
    fn purge<'a>(&'a self, queue: &'a QueueName, dead: bool) -> BoxFuture<'a, Result<u64, QueueError>>;

    /// Dead letters become ready messages of the same queue with their attempts forgotten; what is not there is passed over.
    /// Empty list: all. They do not expire again.
    fn redrive<'a>(&'a self, queue: &'a QueueName, messages: &'a [MessageId]) -> BoxFuture<'a, Result<u64, QueueError>>;

    /// Changes a dead letter's body.
    fn edit_dead<'a>(&'a self, queue: &'a QueueName, message: MessageId, body: Bytes) -> BoxFuture<'a, Result<(), QueueError>>;

    /// Takes dead letters out; what is not there is left out of the answer. Empty list: the oldest [`BATCH_MAX`].
    fn take_dead<'a>(
        &'a self,
        queue: &'a QueueName,
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>>;

    /// Forgets a queue that holds nothing and that nobody uses at this moment; says whether it did. For queues that the engine
    /// makes for one run.
    fn remove<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<bool, QueueError>>;

    /// Whether they take messages. Memory always does.
    fn condition(&self) -> Condition {
        Condition::Writing
    }

    /// Figures of one queue.
    fn stats_of<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<QueueStats, QueueError>>;

    /// Figures of every queue, by name.
    fn stats(&self) -> BoxFuture<'_, Result<Vec<(QueueName, QueueStats)>, QueueError>>;
}
