//! Queues in memory: the reference of the contract, gone with the process.
//!
//! Each queue has its own lock, held for the few instructions of a call; what costs time (checking JSON) happens before.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    id::{MessageId, QueueName},
    port::{
        BoxFuture,
        clock::Clock,
        queue::{
            Leased, NewDeadLetter, NewMessage, Peek, PeekedMessage, QueueError, QueueLimits, QueueStats, Queues, Receipt, Sent,
        },
    },
    queue::{
        fitness,
        shelves::{Shelves, unfit},
        state::{QueueState, message::Mint},
    },
    unit::Duration,
};

/// Queues in memory. All times come from one clock.
pub struct MemoryQueues {
    mint: Mint,
    shelves: Shelves,
}

impl MemoryQueues {
    /// No queues yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { mint: Mint::new(), shelves: Shelves::new(clock, |_| QueueState::default()) }
    }
}

impl Queues for MemoryQueues {
    fn declare<'a>(&'a self, queue: &'a QueueName, limits: QueueLimits) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.shelves.on_made(queue, |_, state, _| state.declare(limits)) })
    }

    fn send<'a>(&'a self, queue: &'a QueueName, messages: Vec<NewMessage>) -> BoxFuture<'a, Result<Vec<Sent>, QueueError>> {
        Box::pin(async move {
            fitness::check_messages(&messages).map_err(unfit(queue))?;
            if messages.is_empty() {
                return Ok(Vec::new());
            }
            self.shelves.on_made(queue, |_, state, now| state.send(now, messages, &self.mint))
        })
    }

    fn receive<'a>(
        &'a self,
        queue: &'a QueueName,
        max: usize,
        lease: Duration,
        by: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Leased>, QueueError>> {
        Box::pin(async move {
            match self.shelves.on(queue, |_, state, now| state.receive(now, max, lease, by)) {
                Err(QueueError::Unknown { .. }) => Ok(Vec::new()),
                answer => answer,
            }
        })
    }

    fn wait_ready<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.shelves.wait_ready(queue).await })
    }

    fn ack<'a>(&'a self, queue: &'a QueueName, receipts: &'a [Receipt]) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, _| state.ack(receipts)) })
    }

    fn nack<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        delay: Option<Duration>,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, now| state.nack(now, receipt, delay, error)) })
    }

    fn release<'a>(&'a self, queue: &'a QueueName, receipt: Receipt, delay: Duration) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, now| state.release(now, receipt, delay)) })
    }

    fn extend<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Timestamp, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, now| state.extend(now, receipt, lease)) })
    }

    fn bury<'a>(
        &'a self,
        queue: &'a QueueName,
        letters: Vec<NewDeadLetter>,
    ) -> BoxFuture<'a, Result<Vec<MessageId>, QueueError>> {
        Box::pin(async move {
            fitness::check_letters(&letters).map_err(unfit(queue))?;
            if letters.is_empty() {
                return Ok(Vec::new());
            }
            self.shelves.on_made(queue, |_, state, now| state.bury(now, letters, &self.mint))
        })
    }

    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        which: Peek,
        offset: usize,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, _| Ok(state.peek(which, offset, max))) })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName, dead: bool) -> BoxFuture<'a, Result<u64, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, _| Ok(state.purge(dead))) })
    }

    fn redrive<'a>(&'a self, queue: &'a QueueName, messages: &'a [MessageId]) -> BoxFuture<'a, Result<u64, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, now| state.redrive(now, messages)) })
    }

    fn edit_dead<'a>(&'a self, queue: &'a QueueName, message: MessageId, body: Bytes) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            fitness::check_body(&body).map_err(|why| unfit(queue)(format!("the body {why}")))?;
            self.shelves.on(queue, |_, state, _| state.edit_dead(message, body))
        })
    }

    fn take_dead<'a>(
        &'a self,
        queue: &'a QueueName,
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, _| Ok(state.take_dead(messages))) })
    }

    fn remove<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<bool, QueueError>> {
        Box::pin(async move { Ok(self.shelves.forget(queue, |_| {})) })
    }

    fn stats_of<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<QueueStats, QueueError>> {
        Box::pin(async move { self.shelves.on(queue, |_, state, _| Ok(state.stats())) })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<(QueueName, QueueStats)>, QueueError>> {
        Box::pin(async move { Ok(self.shelves.all(QueueState::stats)) })
    }
}

#[cfg(test)]
mod tests;
