//! Queues on a disk, in this process: what was acknowledged is there after a crash.
//!
//! What is in the queues is in memory too, in the very structures of queues in memory, built anew from the files when they
//! are opened. The files hold what happened to messages, not what was asked for: see `state::effect`. One thread writes, and
//! all who wait for it share a sync. See `segment` for the files, `call` for when a call counts.

mod call;
mod contents;
mod desk;
pub mod doctor;
mod record;
mod writer;

use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

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
        store::Condition,
    },
    queue::{
        fitness,
        shelves::{Shelves, unfit},
        state::{QueueState, message::Mint},
    },
    segment::{
        self,
        disk::{Disk, Folder},
        lock::Lock,
        open::{Opened, open, segment_bytes},
        pen::Pen,
        tail::batch_bytes_max,
    },
    unit::Duration,
};

pub use crate::segment::capture::Capture;
pub use crate::segment::{OpenError, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};

use call::How;
use contents::QueueContents;
use desk::Desk;
use writer::Writer;

/// How queues on a disk are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The length of a file, in bytes, within [`SEGMENT_BYTES_MIN`] and [`SEGMENT_BYTES_MAX`]; 16 MiB if not set. The messages
    /// of one call must fit into 15/16 of it. What was written with another length stays as it is.
    pub segment_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20 }
    }
}

/// What was found when queues were opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Queues.
    pub queues: u64,
    /// Messages that wait, those included that the last process had leased.
    pub messages: u64,
    /// Dead letters.
    pub dead: u64,
    /// Leases of the last process, which ended with it.
    pub leases: u64,
    /// Files that were read.
    pub segments: u64,
    /// A write that was not finished, and so not acknowledged: the file, where it began, and its length in bytes.
    pub torn: Option<(String, u64, u64)>,
    /// The process that had the folder before and ended without closing it.
    pub died: Option<u32>,
}

/// Queues in a folder. Share them by `Arc`; dropping them writes what was asked of them and gives the folder back.
///
/// Each call answers when what it did is on disk. What was refused as unavailable was not done, unless a sync failed: then
/// nobody can say what a crash would leave of it. Only what is handed back (by ack, nack, release) or purged is done at once
/// even then, and written as soon as it can be. Extensions are not written: a lease ends with its process.
pub struct JournalQueues {
    shelves: Arc<Shelves>,
    desk: Arc<Desk>,
    mint: Mint,
    writer: Option<JoinHandle<()>>,
    recovered: Recovered,
    lock: Option<Lock>,
}

impl JournalQueues {
    /// Opens the queues in a folder, which is made if it is not there, and reads all of it. Waits for the disk. Messages that
    /// the last process had leased are ready, with that attempt counted.
    pub fn open(folder: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        segment::make(folder).map_err(|error| OpenError::disk("make", ".", error))?;
        let (lock, died) = Lock::take(folder)?;
        let mut queues = Self::on(Arc::new(Folder::new(folder)), settings, clock)?;
        (queues.lock, queues.recovered.died) = (Some(lock), died);
        Ok(queues)
    }

    fn on(disk: Arc<dyn Disk>, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let segment_bytes = segment_bytes(settings.segment_bytes);
        let Opened { contents, tail, found } = open::<QueueContents>(disk, segment_bytes)?;
        let mut recovered = Recovered { segments: found.segments, torn: found.torn, ..Recovered::default() };
        let shelves = Arc::new(restore(contents, clock, &mut recovered));
        let pen = Pen::new(tail);
        let desk = Arc::new(Desk::new(pen.condition().clone(), batch_bytes_max(segment_bytes)));
        let (owed, base_bytes) = (VecDeque::new(), 0);
        let writer = Writer { desk: desk.clone(), shelves: shelves.clone(), pen, owed, base_bytes };
        let writer = thread::Builder::new().name("queues-writer".into()).spawn(move || writer.run());
        let writer = Some(writer.map_err(|error| OpenError::disk("start a thread for", ".", error))?);
        Ok(Self { shelves, desk, mint: Mint::new(), writer, recovered, lock: None })
    }

    /// What was found when they were opened.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }
}

/// The files of the queues in a folder, whoever has them open, to be copied.
pub fn capture_files(folder: &Path) -> Result<Capture, OpenError> {
    segment::capture::capture::<QueueContents>(folder)
}

fn restore(contents: QueueContents, clock: Arc<dyn Clock>, recovered: &mut Recovered) -> Shelves {
    let now = clock.now();
    let mut shelves = Shelves::new(clock, QueueState::noting);
    for (number, (name, replay)) in contents.queues {
        recovered.leases += replay.leases() as u64;
        let mut state = replay.finish(now);
        let stats = state.stats();
        recovered.queues += 1;
        recovered.messages += stats.ready + stats.delayed;
        recovered.dead += stats.dead;
        shelves.restore(number, name, state);
    }
    shelves
}

impl Drop for JournalQueues {
    fn drop(&mut self) {
        self.shelves.each(|shelf, state| {
            self.desk.put(shelf.number, &state.take_effects(), None, None);
        });
        self.desk.close();
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
        self.lock = None;
    }
}

impl Queues for JournalQueues {
    fn declare<'a>(&'a self, queue: &'a QueueName, limits: QueueLimits) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            let decide = |state: &mut QueueState, _| Ok(((), state.check_limits(limits)?));
            let settle = move |state: &mut QueueState, _, (), is_written| {
                if is_written {
                    state.limit(limits);
                }
            };
            self.firm(queue, How::making(0), decide, settle).await
        })
    }

    fn send<'a>(&'a self, queue: &'a QueueName, messages: Vec<NewMessage>) -> BoxFuture<'a, Result<Vec<Sent>, QueueError>> {
        Box::pin(async move {
            fitness::check_messages(&messages).map_err(unfit(queue))?;
            if messages.is_empty() {
                return Ok(Vec::new());
            }
            let bytes = messages.iter().map(|message| message.body.len()).sum();
            let decide = |state: &mut QueueState, now| state.hold(now, messages, &self.mint);
            let settle = |state: &mut QueueState, now, held, is_written| {
                if is_written { state.show(now, held) } else { state.withdraw(held) }
            };
            self.firm(queue, How::making(bytes), decide, settle).await
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
            match self.deliver(queue, max, lease, by).await {
                Err(QueueError::Unknown { .. }) => Ok(Vec::new()),
                answer => answer,
            }
        })
    }

    fn wait_ready<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, ()> {
        Box::pin(self.shelves.wait_ready(queue))
    }

    fn ack<'a>(&'a self, queue: &'a QueueName, receipts: &'a [Receipt]) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.at_once(queue, |state, _| state.ack(receipts)))
    }

    fn nack<'a>(
        &'a self,
        queue: &'a QueueName,
        receipt: Receipt,
        delay: Option<Duration>,
        error: &'a str,
    ) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.at_once(queue, move |state, now| state.nack(now, receipt, delay, error)))
    }

    fn release<'a>(&'a self, queue: &'a QueueName, receipt: Receipt, delay: Duration) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(self.at_once(queue, move |state, now| state.release(now, receipt, delay)))
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
            let bytes = letters.iter().map(|letter| letter.body.len() + letter.error.len()).sum();
            let decide = |state: &mut QueueState, now| state.hold_letters(now, letters, &self.mint);
            let settle = |state: &mut QueueState, _, letters, is_written| state.settle_letters(letters, is_written);
            self.firm(queue, How::making(bytes), decide, settle).await
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
        Box::pin(self.at_once(queue, move |state, _| Ok(state.purge(dead))))
    }

    fn redrive<'a>(&'a self, queue: &'a QueueName, messages: &'a [MessageId]) -> BoxFuture<'a, Result<u64, QueueError>> {
        Box::pin(async move {
            let decide = |state: &mut QueueState, now| {
                let lifted = state.lift_for_redrive(now, messages)?;
                Ok((lifted.len(), lifted))
            };
            let settle = |state: &mut QueueState, now, lifted, is_written| state.settle_redrive(now, lifted, is_written);
            self.firm(queue, How::changing(0), decide, settle).await
        })
    }

    fn edit_dead<'a>(&'a self, queue: &'a QueueName, message: MessageId, body: Bytes) -> BoxFuture<'a, Result<(), QueueError>> {
        Box::pin(async move {
            fitness::check_body(&body).map_err(|why| unfit(queue)(format!("the body {why}")))?;
            let bytes = body.len();
            let decide = |state: &mut QueueState, _| Ok(((), state.lift_for_edit(message, body)?));
            let settle = |state: &mut QueueState, _, (lifted, body), is_written| state.settle_edit(lifted, &body, is_written);
            self.firm(queue, How::changing(bytes), decide, settle).await
        })
    }

    fn take_dead<'a>(
        &'a self,
        queue: &'a QueueName,
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<Vec<PeekedMessage>, QueueError>> {
        Box::pin(self.take_out(queue, messages))
    }

    fn remove<'a>(&'a self, queue: &'a QueueName) -> BoxFuture<'a, Result<bool, QueueError>> {
        Box::pin(self.forget(queue))
    }

    fn condition(&self) -> Condition {
        self.desk.condition.get()
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
