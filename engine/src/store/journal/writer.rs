//! Who writes: one at a time. A thread takes all that waits, writes it at once, syncs once, shows it to readers, answers everybody.
//! While it syncs, the next callers gather. So a batch grows with what a sync costs, and no timer holds anyone up.
//!
//! A caller who is alone writes in its own thread instead: to wake another one and to be woken by it can take as long as the sync.

use std::{
    io, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::mpsc,
    task::block_in_place,
};

use crate::{
    id::StreamName,
    port::store::AppendError,
    segment::{frame::Batch, keeper::Hands, pen::Pen},
    store::memory::MemoryLog,
};

use super::{
    crusher::Crusher,
    drafting::Drafting,
    group::{Answer, Append, Ask, Group, Truncation, unavailable},
    record::push_truncate,
};

/// Bytes of records after which a group takes no more callers.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// Callers in a group.
const GROUP_CALLERS_MAX: usize = 2_048;
/// A disk that takes longer is waited for by the thread alone: then a caller's thread has better things to do, and what is saved does
/// not count.
const QUICK_MAX: Duration = Duration::from_millis(1);

/// Where whoever writes sits.
pub(super) struct Desk {
    writer: Mutex<Writer>,
    /// How many wait for their answer.
    waiting: AtomicUsize,
    /// The last group was written and shown quickly.
    is_quick: AtomicBool,
}

/// Somebody who waits for an answer, until it is dropped.
pub(super) struct Waiting<'d>(&'d Desk);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Desk {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer: Mutex::new(writer), waiting: AtomicUsize::new(0), is_quick: AtomicBool::new(false) }
    }

    /// Nobody overtakes whoever waits.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }

    /// Writes an append in the thread of its caller, or gives it back: others are about, or the caller may not wait here.
    pub(super) fn write_alone(&self, append: Append) -> Option<Append> {
        let is_alone = self.waiting.load(Ordering::Acquire) == 0 && self.is_quick.load(Ordering::Relaxed);
        if !is_alone || !may_wait_here() {
            return Some(append);
        }
        // Nobody holds it for long but whoever writes: it is not waited for.
        let Ok(mut writer) = self.writer.try_lock() else { return Some(append) };
        if !writer.pen.condition().is_writing() {
            return Some(append);
        }
        let written = block_in_place(|| {
            let mut group = writer.group();
            let (place, seed) = writer.pen.tail.place();
            group.batch.restart(place, append.bytes);
            group.batch.sum_with(seed);
            group.add_append(&writer.index, append);
            self.write(&mut writer, group)
        });
        drop(writer);
        written.tell();
        None
    }

    fn take(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, writer: &mut Writer, group: Group) -> Written {
        let began = Instant::now();
        let written = writer.write_group(group);
        self.is_quick.store(began.elapsed() <= QUICK_MAX, Ordering::Relaxed);
        written
    }
}

/// Where other tasks wait for this very thread, it must not wait for a disk.
fn may_wait_here() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// The thread, and the callers that it writes for.
pub(super) struct Line {
    pub(super) desk: Arc<Desk>,
    pub(super) asks: mpsc::Receiver<Ask>,
    /// Came after a group that had no room for it.
    pub(super) waiting: Option<Ask>,
}

impl Line {
    pub(super) fn run(mut self) {
        let desk = self.desk.clone();
        while let Some(ask) = self.waiting.take().or_else(|| self.asks.blocking_recv()) {
            let mut writer = desk.take();
            match (writer.pen.condition().poison(), ask) {
                (Some(reason), ask) => ask.refuse(|| unavailable(&reason, None)),
                (None, Ask::Truncate(truncation)) => writer.truncate(truncation),
                (None, Ask::TryAgain(answer)) => writer.try_again(answer),
                (None, ask) => {
                    let group = self.gather(&mut writer, ask);
                    let written = desk.write(&mut writer, group);
                    drop(writer);
                    written.tell();
                }
            }
        }
    }

    fn gather(&mut self, writer: &mut Writer, first: Ask) -> Group {
        let (mut group, index) = (writer.group(), writer.index.clone());
        let mut ask = Some(first);
        while let Some(next) = ask {
            match next {
                Ask::Truncate(_) | Ask::TryAgain(_) => self.waiting = Some(next),
                next if group.len() > 0 && group.batch.len() + next.bytes() > writer.batch_bytes_max => self.waiting = Some(next),
                Ask::Append(append) => group.add_append(&index, append),
                Ask::Snapshot(put) => group.add_snapshot(&index, put),
            }
            ask = if self.waiting.is_some() || writer.is_gathered(&group) { None } else { self.asks.try_recv().ok() };
        }
        group
    }
}

/// What became of a group. Its callers are told when the desk is free again, for the first of them may be back at once.
#[must_use = "callers wait for it"]
struct Written {
    group: Group,
    outcome: Result<(), (String, io::Error)>,
}

impl Written {
    fn tell(self) {
        match self.outcome {
            Ok(()) => self.group.answer(),
            Err((reason, error)) => self.group.refuse(&reason, &error),
        }
    }
}

pub(super) struct Writer {
    pub(super) index: Arc<MemoryLog>,
    pub(super) pen: Pen,
    /// The most bytes that a batch may have.
    pub(super) batch_bytes_max: usize,
    /// Memory that is used again.
    pub(super) spare: Batch,
    pub(super) crusher: Crusher,
    /// Makes memory for the next events while this thread waits for the disk: the system clears what it gives, which takes as long
    /// as a sync.
    pub(super) rooms: Hands<()>,
    /// Makes of many events what readers will see, while this thread waits for the disk.
    pub(super) drafts: Hands<Drafting>,
}

impl Writer {
    fn group(&mut self) -> Group {
        Group::new(mem::take(&mut self.spare), self.index.kept().next())
    }

    fn write_group(&mut self, mut group: Group) -> Written {
        let draft = self.draft(&mut group);
        let outcome = self.write(&mut group);
        // What a large one took is given back.
        self.spare = if group.batch.len() <= GROUP_BYTES_MAX { mem::take(&mut group.batch) } else { Batch::default() };
        if outcome.is_ok() {
            let draft = draft.map(Drafting::take);
            let ((), orders_room) = self.index.show(|kept| match draft {
                Some(draft) => kept.commit_draft(draft),
                None => group.publish(kept),
            });
            if orders_room {
                // One at a time is ordered, so there is a place for it.
                let _ = self.rooms.offer(());
            }
        }
        Written { group, outcome }
    }

    /// Has the events of a group made ready, if they are many of one stream. They are not in the group any more.
    fn draft(&self, group: &mut Group) -> Option<Drafting> {
        let part = group.many()?;
        let outset = self.index.kept().outset(&part.stream);
        let drafting = Drafting::new(outset, mem::take(&mut part.events));
        // Where there is no place for it, it is made when it is taken.
        let _ = self.drafts.offer(drafting.clone());
        Some(drafting)
    }

    /// While the disk is full everybody is on their own: an append that does not fit must not take a snapshot with it.
    fn is_gathered(&self, group: &Group) -> bool {
        group.len() >= GROUP_CALLERS_MAX || group.batch.len() >= GROUP_BYTES_MAX || !self.pen.condition().is_writing()
    }

    /// Nothing to write when all were refused.
    fn write(&mut self, group: &mut Group) -> Result<(), (String, io::Error)> {
        if group.batch.is_empty() {
            return Ok(());
        }
        let (from, next, relieves) = (self.index.kept().next(), group.next, group.relieves);
        self.pen.write(&mut group.batch, from, next, relieves)
    }

    /// Writes where the log begins once more, with no right to the reserve of a full disk: an append could be written, too.
    fn try_again(&mut self, answer: Answer<()>) {
        let (next, oldest) = {
            let kept = self.index.kept();
            (kept.next(), kept.oldest())
        };
        let mut batch = Batch::default();
        push_truncate(&mut batch, oldest, &[]);
        let is_refusing = !self.pen.condition().is_writing();
        let outcome = if is_refusing { self.pen.write(&mut batch, next, next, false) } else { Ok(()) };
        drop(answer.send(outcome.map_err(|(reason, error)| unavailable(&reason, Some(&error)))));
    }

    fn truncate(&mut self, truncation: Truncation) {
        let outcome = self.record_truncation(&truncation);
        let answer = truncation.answer;
        drop(answer.send(outcome.map_err(|(reason, error)| unavailable(&reason, Some(&error)))));
    }

    /// The position counts exactly, though files go only whole.
    fn record_truncation(&mut self, truncation: &Truncation) -> Result<(), (String, io::Error)> {
        let (oldest, next, known) = {
            let kept = self.index.kept();
            let known: Vec<StreamName> = truncation.forget.iter().filter(|stream| kept.version(stream).0 > 0).cloned().collect();
            (truncation.before.clamp(kept.oldest(), kept.next()), kept.next(), known)
        };
        if !known.is_empty() || oldest > self.index.kept().oldest() {
            let mut batch = Batch::default();
            push_truncate(&mut batch, oldest, &known);
            self.pen.write(&mut batch, next, next, true)?;
            self.crusher.give(self.index.publish(|kept| kept.truncate_exactly(oldest, &known)));
        }
        if truncation.drops_files {
            self.pen.tail.drop_before(oldest);
        }
        Ok(())
    }
}

/// What callers are told when the writer is not there.
pub(super) fn ended() -> AppendError {
    unavailable("the journal is closed", None)
}
