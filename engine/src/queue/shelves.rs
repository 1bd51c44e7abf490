//! The queues of one place, by name, and those who wait for them. What queues in memory and on a disk have in common.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::state::{QueueState, Refusal, Turn, Wake};
use crate::{
    id::QueueName,
    port::{
        clock::Clock,
        queue::{QUEUES_MAX, QueueError},
    },
};

/// One queue and those who wait for it.
pub(super) struct Shelf {
    /// Tells it from a queue of the same name that was before it.
    pub(super) number: u32,
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
    fn new(number: u32, state: QueueState) -> Self {
        Self { number, state: Mutex::new(state), waiting: AtomicUsize::new(0), woken: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().expect("no call panics while it holds the lock")
    }

    /// Does something at a moment, then wakes whom it concerns.
    pub(super) fn call<T>(&self, now: Timestamp, act: impl FnOnce(&mut QueueState) -> T) -> T {
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

/// All queues.
pub(super) struct Shelves {
    pub(super) clock: Arc<dyn Clock>,
    fresh: fn(&QueueName) -> QueueState,
    named: RwLock<Named>,
    /// Told when a queue is made.
    made: Notify,
}

#[derive(Default)]
struct Named {
    shelves: HashMap<QueueName, Arc<Shelf>, RandomState>,
    /// The number of the last one that was made.
    last: u32,
}

impl Shelves {
    /// None yet. The function makes the state of a queue that is made.
    pub(super) fn new(clock: Arc<dyn Clock>, fresh: fn(&QueueName) -> QueueState) -> Self {
        Self { clock, fresh, named: RwLock::default(), made: Notify::new() }
    }

    /// Puts a queue there that was before.
    pub(super) fn restore(&mut self, number: u32, name: QueueName, state: QueueState) {
        let named = self.named.get_mut().expect("no call panics while it holds the lock");
        named.last = named.last.max(number);
        named.shelves.insert(name, Arc::new(Shelf::new(number, state)));
    }

    fn shelf(&self, queue: &QueueName) -> Option<Arc<Shelf>> {
        self.named.read().expect("no call panics while it holds the lock").shelves.get(queue).cloned()
    }

    /// Takes an empty queue off its shelf. Whoever else has it in hand right now may be about to fill it: then it stays.
    pub(super) fn forget(&self, queue: &QueueName, gone: impl FnOnce(&Shelf)) -> bool {
        let mut named = self.named.write().expect("no call panics while it holds the lock");
        let is_idle = |shelf: &Arc<Shelf>| Arc::strong_count(shelf) == 1 && shelf.state().is_empty();
        if !named.shelves.get(queue).is_some_and(is_idle) {
            return false;
        }
        named.shelves.remove(queue).is_some_and(|shelf| {
            gone(&shelf);
            true
        })
    }

    /// Acts on a queue that exists.
    pub(super) fn on<T>(
        &self,
        queue: &QueueName,
        act: impl FnOnce(&Arc<Shelf>, &mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        let shelf = self.shelf(queue).ok_or_else(|| QueueError::Unknown { queue: queue.clone() })?;
        self.on_shelf(&shelf, queue, act)
    }

    fn on_shelf<T>(
        &self,
        shelf: &Arc<Shelf>,
        queue: &QueueName,
        act: impl FnOnce(&Arc<Shelf>, &mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        let now = self.clock.now();
        shelf.call(now, |state| act(shelf, state, now)).map_err(|refusal| refused(queue, refusal))
    }

    /// Acts on a queue, and makes it when there is none; a refused call makes none.
    pub(super) fn on_made<T>(
        &self,
        queue: &QueueName,
        act: impl FnOnce(&Arc<Shelf>, &mut QueueState, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, QueueError> {
        if let Some(shelf) = self.shelf(queue) {
            return self.on_shelf(&shelf, queue, act);
        }
        let mut named = self.named.write().expect("no call panics while it holds the lock");
        let known = named.shelves.get(queue).cloned();
        if known.is_none() && named.shelves.len() >= QUEUES_MAX {
            return Err(QueueError::Full { queue: queue.clone(), limit: format!("there are {QUEUES_MAX} queues already") });
        }
        let number = named.last + 1;
        let shelf = known.unwrap_or_else(|| Arc::new(Shelf::new(number, (self.fresh)(queue))));
        let answer = self.on_shelf(&shelf, queue, act)?;
        named.last = named.last.max(shelf.number);
        named.shelves.insert(queue.clone(), shelf);
        drop(named);
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

    /// Waits until there is something to receive, and for the queue if need be.
    pub(super) async fn wait_ready(&self, queue: &QueueName) {
        self.wait_made(queue).await.wait(&*self.clock).await;
    }

    /// Does something with every queue, in no order.
    pub(super) fn each(&self, act: impl Fn(&Shelf, &mut QueueState)) {
        let named = self.named.read().expect("no call panics while it holds the lock");
        named.shelves.values().for_each(|shelf| act(shelf, &mut shelf.state()));
    }

    /// Asks every queue something, by name.
    pub(super) fn all<T>(&self, ask: impl Fn(&mut QueueState) -> T) -> Vec<(QueueName, T)> {
        let mut shelves: Vec<_> = {
            let named = self.named.read().expect("no call panics while it holds the lock");
            named.shelves.iter().map(|(name, shelf)| (name.clone(), Arc::clone(shelf))).collect()
        };
        shelves.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let now = self.clock.now();
        shelves.into_iter().map(|(name, shelf)| (name, shelf.call(now, &ask))).collect()
    }
}

pub(super) fn refused(queue: &QueueName, refusal: Refusal) -> QueueError {
    let queue = queue.clone();
    match refusal {
        Refusal::Full(limit) => QueueError::Full { queue, limit },
        Refusal::Unfit(reason) => QueueError::Unfit { queue, reason },
        Refusal::Stale(receipt) => QueueError::Stale { receipt },
    }
}

pub(super) fn unfit(queue: &QueueName) -> impl Fn(String) -> QueueError {
    |reason| QueueError::Unfit { queue: queue.clone(), reason }
}
