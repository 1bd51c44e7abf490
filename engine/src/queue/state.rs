//! One queue: its messages by state, its limits and figures. Synchronous and clockless; the caller holds the lock and
//! brings the time.
//!
//! Time is handled lazily: every call first settles what has come due since the last one.

pub(in crate::queue) mod dead;
pub(in crate::queue) mod dedup;
pub(in crate::queue) mod effect;
mod lease_ends;
mod letters;
pub(in crate::queue) mod message;
mod ready;
mod receiving;
pub(in crate::queue) mod replay;
mod sending;
mod waiting;

pub(in crate::queue) use letters::Lifted;
pub(in crate::queue) use waiting::{Turn, Wake};

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;

use self::{
    dead::{DeadLetters, Letter, cut},
    dedup::Dedup,
    effect::Effect,
    lease_ends::LeaseEnds,
    message::{ById, Message},
    ready::Ready,
};
use crate::{
    id::MessageId,
    port::{
        clock,
        queue::{BATCH_MAX, MessageState, Peek, PeekedMessage, QueueLimits, QueueStats, Receipt},
    },
    unit::Duration,
};

/// The longest wait that doubling leads to.
const BACKOFF_MAX: Duration = Duration::from_secs(3_600);

/// Why a call was refused; the queue's name is added outside.
#[derive(Debug)]
pub(in crate::queue) enum Refusal {
    Full(String),
    Unfit(String),
    Stale(Receipt),
}

/// Where a message waits, for those that may expire.
#[derive(Debug, Clone, Copy)]
enum Place {
    Ready { priority: u8, ticket: u64 },
    Delayed { due: Timestamp, ticket: u64 },
}

#[derive(Debug)]
struct Lease {
    message: Message,
    until: Timestamp,
    ticket: u64,
    by: Arc<str>,
}

/// Why a delivery failed.
struct Failing<'e> {
    error: &'e str,
    /// Nobody said so: its lease ended.
    by_lease_end: bool,
}

/// All of one queue.
#[derive(Debug)]
pub(in crate::queue) struct QueueState {
    limits: QueueLimits,
    ready: Ready,
    delayed: BTreeMap<(Timestamp, u64), Message>,
    leases: ById<Lease>,
    lease_ends: LeaseEnds,
    expiries: BTreeMap<(Timestamp, MessageId), Place>,
    dead: DeadLetters,
    dedup: Dedup,
    bytes: u64,
    ticket: u64,
    receiver: Arc<str>,
    totals: QueueStats,
    /// One for each waiter that was told of a message and has not received yet: until when it is believed to.
    promised: VecDeque<Timestamp>,
    /// No waiter sleeps longer than this.
    armed: Timestamp,
    /// Messages that are on their way in or to another state, and in none until it is certain.
    held: u64,
    /// Bytes of dead letters that are so.
    dead_held: u64,
    /// What happened to it, for those who keep notes.
    effects: Option<Vec<Effect>>,
}

impl Default for QueueState {
    fn default() -> Self {
        Self {
            limits: QueueLimits::default(),
            ready: Ready::default(),
            delayed: BTreeMap::new(),
            leases: ById::default(),
            lease_ends: LeaseEnds::default(),
            expiries: BTreeMap::new(),
            dead: DeadLetters::default(),
            dedup: Dedup::default(),
            bytes: 0,
            ticket: 0,
            receiver: Arc::from(""),
            totals: QueueStats::default(),
            promised: VecDeque::new(),
            armed: Timestamp::MAX,
            held: 0,
            dead_held: 0,
            effects: None,
        }
    }
}

impl QueueState {
    pub(in crate::queue) fn declare(&mut self, limits: QueueLimits) -> Result<(), Refusal> {
        self.check_limits(limits)?;
        self.limit(limits);
        Ok(())
    }

    /// Whether limits can be a queue's. They are not yet: see [`QueueState::limit`].
    pub(in crate::queue) fn check_limits(&mut self, limits: QueueLimits) -> Result<(), Refusal> {
        if limits.attempts_max == 0 {
            return Err(Refusal::Unfit("attempts_max is 0: nothing would ever be delivered; give at least 1".into()));
        }
        self.note(|| Effect::Limited(Box::new(limits)));
        Ok(())
    }

    pub(in crate::queue) fn limit(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Brings everything up to a moment: ended leases, due messages, expired ones, old dead letters.
    pub(in crate::queue) fn settle(&mut self, now: Timestamp) {
        self.end_leases(now);
        self.promote(now);
        self.expire(now);
        let old = self.dead.trim(now, &self.limits);
        if !old.is_empty() {
            self.totals.dropped_total += old.len() as u64;
            self.note_all(old, Effect::DroppedDead);
        }
    }

    fn end_leases(&mut self, now: Timestamp) {
        while let Some((end, id)) = self.lease_ends.first().filter(|((until, _), _)| *until <= now) {
            self.lease_ends.remove(end);
            let lease = self.leases.remove(&id).expect("every lease's end names a lease");
            let error = format!("the lease of `{}` ended without an answer", lease.by);
            // Never ready at once: what came due before it must come before it, however late both are looked at.
            self.fail(lease.message, lease.until, None, &Failing { error: &error, by_lease_end: true }, Timestamp::MIN);
        }
    }

    fn promote(&mut self, now: Timestamp) {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let message = entry.remove();
            self.put(message, now, now);
        }
    }

    fn expire(&mut self, now: Timestamp) {
        let mut ids = Vec::new();
        while let Some(entry) = self.expiries.first_entry().filter(|entry| entry.key().0 <= now) {
            let gone = match entry.remove() {
                Place::Ready { priority, ticket } => self.ready.remove(priority, ticket),
                Place::Delayed { due, ticket } => self.delayed.remove(&(due, ticket)),
            };
            let gone = gone.expect("what may expire is where its entry says");
            self.bytes -= gone.body.len() as u64;
            self.totals.dropped_total += 1;
            ids.push(gone.id);
        }
        if !ids.is_empty() {
            self.note_all(ids, Effect::Dropped);
        }
    }

    /// Makes a message wait: delayed until it is due, or ready.
    fn put(&mut self, message: Message, due: Timestamp, now: Timestamp) {
        let (id, expires_at, priority) = (message.id, message.expires_at, message.priority);
        let place = if due > now {
            let ticket = self.next_ticket();
            self.delayed.insert((due, ticket), message);
            Place::Delayed { due, ticket }
        } else {
            Place::Ready { priority, ticket: self.ready.push(message) }
        };
        if let Some(expires_at) = expires_at {
            self.expiries.insert((expires_at, id), place);
        }
    }

    /// A delivery failed at a moment: the message waits for its next one, or is a dead letter.
    fn fail(&mut self, mut message: Message, at: Timestamp, delay: Option<Duration>, why: &Failing<'_>, now: Timestamp) {
        let Failing { error, by_lease_end } = *why;
        self.totals.returned_total += 1;
        self.totals.expired_leases_total += u64::from(by_lease_end);
        if message.attempts >= self.limits.attempts_max {
            self.note(|| Effect::Died { id: message.id, at, error: cut(error), by_lease_end });
            self.bury_message(message, at, error);
        } else {
            let wait = delay.unwrap_or_else(|| backoff(self.limits.backoff, message.attempts));
            // It was delivered in time; from here on only its attempts count.
            message.expires_at = None;
            let due = clock::after(at, wait.0);
            self.note(|| Effect::Returned { id: message.id, due, by_lease_end });
            self.put(message, due, now);
        }
    }

    fn bury_message(&mut self, message: Message, at: Timestamp, error: &str) {
        let Message { id, body, priority, deliveries, attempts, sent_at, expires_at: _ } = message;
        self.bytes -= body.len() as u64;
        self.totals.dead_total += 1;
        self.dead.add(Letter { id, body, priority, deliveries, attempts, sent_at, at, error: cut(error), origin: None });
    }

    fn next_ticket(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    fn alive(&self) -> u64 {
        (self.ready.len() + self.delayed.len() + self.leases.len()) as u64 + self.held
    }

    /// Whether so many more messages with so many bytes fit.
    fn check_room(&self, count: u64, bytes: u64) -> Result<(), Refusal> {
        let QueueLimits { messages_max, bytes_max, .. } = self.limits;
        if self.alive() + count > messages_max {
            return Err(Refusal::Full(format!("messages_max is {messages_max}, {} are in it", self.alive())));
        }
        if self.bytes + bytes > bytes_max.0 {
            return Err(Refusal::Full(format!("bytes_max is {bytes_max}, {} bytes are in it", self.bytes)));
        }
        Ok(())
    }

    pub(in crate::queue) fn peek(&self, which: Peek, offset: usize, max: usize) -> Vec<PeekedMessage> {
        let max = max.min(BATCH_MAX);
        let ready = || self.ready.iter().map(|message| peeked(message, MessageState::Ready));
        let delayed = || self.delayed.iter().map(|((due, _), message)| peeked(message, MessageState::Delayed { until: *due }));
        match which {
            Peek::Waiting => ready().chain(delayed()).skip(offset).take(max).collect(),
            Peek::Leased => self.lease_ends.iter().skip(offset).take(max).map(|(_, id)| self.leases[&id].peeked()).collect(),
            Peek::Dead => self.dead.iter().skip(offset).take(max).map(Letter::peeked).collect(),
        }
    }

    /// Drops waiting messages or dead letters.
    pub(in crate::queue) fn purge(&mut self, dead: bool) -> u64 {
        let gone = if dead { self.dead.len() } else { self.ready.len() + self.delayed.len() } as u64;
        if dead {
            self.note_all(self.dead.iter().map(|letter| letter.id).collect::<Vec<_>>(), Effect::DroppedDead);
            self.dead.clear();
        } else {
            let waiting = || self.ready.iter().chain(self.delayed.values());
            self.bytes -= waiting().map(|message| message.body.len() as u64).sum::<u64>();
            if self.effects.is_some() {
                let ids: Vec<_> = waiting().map(|message| message.id).collect();
                self.note_all(ids, Effect::Dropped);
            }
            self.ready.clear();
            self.delayed.clear();
            self.expiries.clear();
        }
        self.totals.dropped_total += gone;
        gone
    }

    /// Whether it holds no message in any state.
    pub(in crate::queue) fn is_empty(&self) -> bool {
        self.alive() + self.dead_held + self.dead.len() as u64 == 0
    }

    /// About as many bytes as it takes to note all that is in it.
    pub(in crate::queue) fn live_bytes(&mut self) -> u64 {
        const RECORD: u64 = 100;
        self.bytes + self.dead.bytes() + RECORD * (self.alive() + self.dedup.len() as u64 + 4)
    }

    pub(in crate::queue) fn stats(&mut self) -> QueueStats {
        QueueStats {
            ready: self.ready.len() as u64,
            delayed: self.delayed.len() as u64,
            leased: self.leases.len() as u64,
            dead: self.dead.len() as u64,
            bytes: self.bytes,
            oldest: self.ready.oldest(),
            limits: self.limits,
            ..self.totals.clone()
        }
    }
}

impl Lease {
    fn peeked(&self) -> PeekedMessage {
        peeked(&self.message, MessageState::Leased { until: self.until, by: self.by.to_string() })
    }
}

fn peeked(message: &Message, state: MessageState) -> PeekedMessage {
    let Message { id, priority, attempts, sent_at, .. } = *message;
    PeekedMessage { id, body: message.body.clone(), priority, deliveries: attempts, sent_at, state }
}

/// The queue's wait after so many attempts: doubles with each, up to an hour (or the first wait, if that is longer).
fn backoff(first: Duration, attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(31);
    Duration(first.0.saturating_mul(1 << doublings).min(BACKOFF_MAX.0.max(first.0)))
}
