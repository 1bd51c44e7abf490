//! Queues in memory: the reference of the contract, gone with the process.
//!
//! Each queue has its own lock, held for the few instructions of a call; what costs time (checking JSON) happens before.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    id::{MessageId, QueueName},
    port::{
        BoxFuture,
        clock::Clock,
        queue::{
            Leased, NewDeadLetter, NewMessage, Peek, PeekedMessage, QUEUES_MAX, QueueError, QueueLimits, QueueStats, Queues,
            Receipt, Sent,
        },
    },
    queue::{
        fitness,
        state::{QueueState, Refusal, Turn, Wake, message::Mint},
    },
    unit::Duration,
};

/// Queues in memory. All times come from one clock.
pub struct MemoryQueues {
    clock: Arc<dyn Clock>,
    mint: Mint,
    shelves: RwLock<HashMap<QueueName, Arc<Shelf>>>,
    /// Told when a queue is made.
    made: Notify,
}

/// One queue and those who wait for it.
#[derive(Default)]
struct Shelf {
    state: Mutex<QueueState>,
    waiting: AtomicUsize,
    woken: Notify,
}

/// Counts a waiter for as long as it waits.
struct Waiter<'a>(&'a Shelf);

impl<'a> Waiter<'a> {
    fn enter(shelf: &'a Shelf) -> Self {
        shelf.waiting.fetch_add(1, Ordering::SeqCst);
        Self(shelf)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shelf {
    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().expect("no call panics while it holds the lock")
    }

    /// Does something at a moment, then wakes whom it concerns.
    fn call<T>(&self, now: Timestamp, act: impl FnOnce(&mut QueueState) -> T) -> T {
        let mut state = self.state();
        state.settle(now);
        let answer = act(&mut state);
        let wake = state.wake(self.waiting.load(Ordering::SeqCst));
        drop(state);
        match wake {
            Wake::Nobody => {}
            Wake::Some(count) => (0..count).for_each(|_| self.woken.notify_one()),
            Wake::All => self.woken.notify_waiters(),
        }
        answer
    }

    async fn wait(&self, clock: &dyn Clock) {
        let _waiter = Waiter::enter(self);
        loop {
            let mut woken = std::pin::pin!(self.woken.notified());
            // Listens before it looks: what comes after the look is heard.
            woken.as_mut().enable();
            match self.turn(clock.now()) {
                Turn::Go => return,
                Turn::Sleep(None) => woken.await,
                Turn::Sleep(Some(at)) => tokio::select! {
                    () = woken => {}
                    () = clock.sleep_until(at) => {}
                },
            }
        }
    }

    fn turn(&self, now: Timestamp) -> Turn {
        self.call(now, |state| state.turn(now, self.waiting.load(Ordering::SeqCst) - 1))
    }
}

impl MemoryQueues {
    /// No queues yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, mint: Mint::new(), shelves: RwLock::default(), made: Notify::new() }
    }

    fn shelf(&self, queue: &QueueName) -> Option<Arc<Shelf>> {
        self.shelves.read().expect("no call panics while it holds the lock").get(queue).cloned()
    }

    /// Takes an empty queue off its shelf. Whoever else has it in hand right now may be about to fill it: then it stays.
    fn forget(&self, queue: &QueueName) -> bool {
        let mut shelves = self.shelves.write().expect("no call panics while it holds the lock");
        let is_idle = shelves.get(queue).is_some_and(|shelf| Arc::strong_count(shelf) == 1 && shelf.state().is_empty());
        is_idle && shelves.remove(queue).is_some()
    }

    /// Acts on a queue that exists.
    fn on<T>(
        &self,
        queue: &QueueName,
        act: impl FnOnce(&mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        let shelf = self.shelf(queue).ok_or_else(|| QueueError::Unknown { queue: queue.clone() })?;
        let now = self.clock.now();
        shelf.call(now, |state| act(state, now)).map_err(|refusal| refused(queue, refusal))
    }

    /// Acts on a queue, and makes it when there is none; a refused call makes none.
    fn on_made<T>(
        &self,
        queue: &QueueName,
        act: impl FnOnce(&mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        if self.shelf(queue).is_some() {
            return self.on(queue, act);
        }
        let mut shelves = self.shelves.write().expect("no call panics while it holds the lock");
        let known = shelves.get(queue).cloned();
        if known.is_none() && shelves.len() >= QUEUES_MAX {
            return Err(QueueError::Full { queue: queue.clone(), limit: format!("there are {QUEUES_MAX} queues already") });
        }
        let (shelf, now) = (known.unwrap_or_default(), self.clock.now());
        let answer = shelf.call(now, |state| act(state, now)).map_err(|refusal| refused(queue, refusal))?;
        shelves.insert(queue.clone(), shelf);
        drop(shelves);
        self.made.notify_waiters();
        Ok(answer)
    }

    async fn wait_made(&self, queue: &QueueName) -> Arc<Shelf> {
        loop {
            let mut made = std::pin::pin!(self.made.notified());
            made.as_mut().enable();
            if let Some(shelf) = self.shelf(queue) {
                return shelf;
            }
            made.await;
        }
    }

    fn all_stats(&self) -> Vec<(QueueName, QueueStats)> {
        let shelves = self.shelves.read().expect("no call panics while it holds the lock");
        let mut shelves: Vec<_> = shelves.iter().map(|(name, shelf)| (name.clone(), Arc::clone(shelf))).collect();
        shelves.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let now = self.clock.now();
        shelves.into_iter().map(|(name, shelf)| (name, shelf.call(now, QueueState::stats))).collect()
    }
}

fn refused(queue: &QueueName, refusal: Refusal) -> QueueError {
    let queue = queue.clone();
    match refusal {
        Refusal::Full(limit) => QueueError::Full { queue, limit },
        Refusal::Unfit(reason) => QueueError::Unfit { queue, reason },
        Refusal::Stale(receipt) => QueueError::Stale { receipt },
    }
}

fn unfit(queue: &QueueName) -> impl Fn(String) -> QueueError {
    |reason| QueueError::Unfit { queue: queue.clone(), reason }
}

impl Queues for MemoryQueues {
    fn declare<'a>(&'a self, queue: &'a QueueName, limits: QueueLimits) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.on_made(queue, |state, _| state.declare(limits)) })
    }

    fn send<'a>(&'a self, queue: &'a QueueName, messages: Vec<NewMessage>) -> BoxFuture<'a, Result<Vec<Sent>, QueueError>> {
        Box::pin(async move {
            fitness::check_messages(&messages).map_err(unfit(queue))?;
            if messages.is_empty() {
                return Ok(Vec::new());
            }
            self.on_made(queue, |state, now| state.send(now, messages, &self.mint))
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
            match self.on(queue, |state, now| state.receive(now, max, lease, by)) {
                Err(QueueError::Unknown { .. }) => Ok(Vec::new()),
                answer => answer,
            }
        })
    }

    fn wait_ready<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.wait_made(queue).await.wait(&*self.clock).await })
    }

    fn ack<'a>(&'a self, queue: &'a QueueName, receipts: &'a [Receipt]) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.on(queue, |state, _| state.ack(receipts)) })
    }

    fn nack<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        delay: Option<Duration>,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.on(queue, |state, now| state.nack(now, receipt, delay, error)) })
    }

    fn release<'a>(&'a self, queue: &'a QueueName, receipt: Receipt, delay: Duration) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move { self.on(queue, |state, now| state.release(now, receipt, delay)) })
    }

    fn extend<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        lease: Duration,
    ) -> BoxFuture<'a, Result<Timestamp, QueueError>> {
        Box::pin(async move { self.on(queue, |state, now| state.extend(now, receipt, lease)) })
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
            self.on_made(queue, |state, now| state.bury(now, letters, &self.mint))
        })
    }

    fn peek<'a>(
        &'a self,
        queue: &'a QueueName,
        which: Peek,
        offset: usize,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>> {
        Box::pin(async move { self.on(queue, |state, _| Ok(state.peek(which, offset, max))) })
    }

    fn purge<'a>(&'a self, queue: &'a QueueName, dead: bool) -> BoxFuture<'a, Result<u64, QueueError>> {
        Box::pin(async move { self.on(queue, |state, _| Ok(state.purge(dead))) })
    }

    fn redrive<'a>(&'a self, queue: &'a QueueName, messages: &'a [MessageId]) -> BoxFuture<'a, Result<u64, QueueError>> {
        Box::pin(async move { self.on(queue, |state, now| state.redrive(now, messages)) })
    }

    fn edit_dead<'a>(&'a self, queue: &'a QueueName, message: MessageId, body: Bytes) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            fitness::check_body(&body).map_err(|why| unfit(queue)(format!("the body {why}")))?;
            self.on(queue, |state, _| state.edit_dead(message, body))
        })
    }

    fn take_dead<'a>(
        &'a self,
        queue: &'a QueueName,
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>> {
        Box::pin(async move { self.on(queue, |state, _| Ok(state.take_dead(messages))) })
    }

    fn remove<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<bool, QueueError>> {
        Box::pin(async move { Ok(self.forget(queue)) })
    }

    fn stats(&self) -> BoxFuture<'_, Result<Vec<(QueueName, QueueStats)>, QueueError>> {
        Box::pin(async move { Ok(self.all_stats()) })
    }
}

#[cfg(test)]
mod tests;
