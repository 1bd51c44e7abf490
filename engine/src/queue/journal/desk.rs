//! Where callers put what is to be written, in the order in which it happened, and where the writer finds it.
//!
//! What is firm happens when it is on disk, and not at all when it cannot be written. What is not firm has happened: a message
//! was acked, a lease has ended. It is written as soon as it can be.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    queue::state::effect::Effect,
    segment::{frame::Batch, pen::SharedCondition},
};

use super::record::push;

/// KiB of records that wait to be written; who comes with more waits to be let in.
const WAITING_KIB_MAX: u32 = 64 << 10;
/// Bytes that are written although nobody waits for them.
const UNAWAITED_BYTES_MAX: usize = 64 << 10;

/// Bytes of a record that names messages, or one message without its body.
const SMALL_RECORD_BYTES_MAX: usize = 3_500;

/// Told how it went: why it was not written, otherwise.
pub(super) type Finish = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Some records that belong together.
pub(super) struct Entry {
    /// Where they end in the group's batch; they begin where the entry before ends.
    pub(super) end: usize,
    pub(super) records: u32,
    pub(super) is_firm: bool,
    /// They may use the reserve of a full disk.
    pub(super) relieves: bool,
    pub(super) finish: Option<Finish>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Group {
    pub(super) batch: Batch,
    pub(super) entries: Vec<Entry>,
}

#[derive(Default)]
struct Waiting {
    group: Group,
    /// Somebody waits for it.
    is_awaited: bool,
    is_closed: bool,
}

pub(super) struct Desk {
    waiting: Mutex<Waiting>,
    come: Condvar,
    room: Arc<Semaphore>,
    pub(super) condition: SharedCondition,
    /// The most bytes of records that one batch can have.
    pub(super) batch_bytes_max: usize,
}

impl Desk {
    pub(super) fn new(condition: SharedCondition, batch_bytes_max: usize) -> Self {
        let room = Arc::new(Semaphore::new(WAITING_KIB_MAX as usize));
        Self { waiting: Mutex::default(), come: Condvar::new(), room, condition, batch_bytes_max }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("no call panics while it holds the lock")
    }

    /// Waits until there is room for about so many bytes.
    pub(super) async fn room_for(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(WAITING_KIB_MAX);
        self.room.clone().acquire_many_owned(kib).await.ok()
    }

    /// Puts down what has happened to a queue; whoever waits is told when it is written.
    pub(super) fn put(&self, queue: u32, effects: &[Effect], finish: Option<Finish>, permit: Option<OwnedSemaphorePermit>) {
        let mut waiting = self.waiting();
        let (mut start, mut before) = waiting.place();
        for effect in effects {
            if waiting.group.batch.len() - start + SMALL_RECORD_BYTES_MAX > self.batch_bytes_max {
                waiting.add(before, Entry::settled());
                (start, before) = waiting.place();
            }
            push(&mut waiting.group.batch, queue, effect);
        }
        waiting.add(before, Entry { finish, permit, ..Entry::settled() });
        self.wake(&waiting);
    }

    /// Puts down what happens to a queue when it is written. If it is too much for one batch nothing is put down, and how
    /// many bytes it would be is the answer.
    pub(super) fn put_firm(&self, queue: u32, effects: &[Effect], entry: impl FnOnce() -> Entry) -> Result<(), usize> {
        let mut waiting = self.waiting();
        let (start, before) = waiting.place();
        for effect in effects {
            push(&mut waiting.group.batch, queue, effect);
        }
        let bytes = waiting.group.batch.len() - start;
        if bytes > self.batch_bytes_max {
            waiting.group.batch.truncate(start, before);
            return Err(bytes);
        }
        waiting.add(before, entry());
        self.wake(&waiting);
        Ok(())
    }

    fn wake(&self, waiting: &Waiting) {
        if waiting.is_awaited || waiting.group.batch.len() > UNAWAITED_BYTES_MAX {
            self.come.notify_one();
        }
    }

    /// Waits for something to write. Takes memory back that was used before. Nothing once the desk is closed and empty.
    pub(super) fn take(&self, mut spare: Group) -> Option<Group> {
        spare.batch.clear();
        spare.entries.clear();
        let is_idle =
            |waiting: &mut Waiting| !waiting.is_awaited && !waiting.is_closed && waiting.group.batch.len() <= UNAWAITED_BYTES_MAX;
        let mut waiting = self.come.wait_while(self.waiting(), is_idle).expect("no call panics while it holds the lock");
        waiting.is_awaited = false;
        if waiting.is_closed && waiting.group.entries.is_empty() {
            return None;
        }
        Some(mem::replace(&mut waiting.group, spare))
    }

    /// What is on the desk is still written; nothing comes after it.
    pub(super) fn close(&self) {
        self.waiting().is_closed = true;
        self.come.notify_one();
    }
}

impl Waiting {
    /// Where the next entry begins: in bytes and in records.
    fn place(&self) -> (usize, u32) {
        (self.group.batch.len(), self.group.batch.records())
    }

    fn add(&mut self, before: u32, mut entry: Entry) {
        (entry.end, entry.records) = (self.group.batch.len(), self.group.batch.records() - before);
        self.is_awaited |= entry.finish.is_some();
        self.group.entries.push(entry);
    }
}

impl Entry {
    /// Has happened.
    pub(super) fn settled() -> Self {
        Self { end: 0, records: 0, is_firm: false, relieves: true, finish: None, permit: None }
    }

    /// Happens when it is written.
    pub(super) fn firm(relieves: bool, finish: Finish, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { end: 0, records: 0, is_firm: true, relieves, finish: Some(finish), permit }
    }
}
