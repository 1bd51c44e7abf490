//! The one thread that writes: takes all that waits, writes it at once, syncs once, shows it to readers, answers everybody.
//!
//! While it syncs, the next callers gather. So a batch grows with what a sync costs, and no timer holds anyone up.

use std::{io, mem, sync::Arc};

use tokio::sync::mpsc;

use crate::{
    id::StreamName,
    port::store::AppendError,
    segment::{frame::Batch, keeper::Hands, pen::Pen},
    store::memory::MemoryLog,
};

use super::{
    crusher::Crusher,
    group::{Answer, Ask, Group, Truncation, unavailable},
    record::push_truncate,
};

/// Bytes of records after which a group takes no more callers.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// Callers in a group.
const GROUP_CALLERS_MAX: usize = 2_048;

pub(super) struct Writer {
    pub(super) index: Arc<MemoryLog>,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) pen: Pen,
    /// The most bytes that a batch may have.
    pub(super) batch_bytes_max: usize,
    /// Came after a group that had no room for it.
    pub(super) waiting: Option<Ask>,
    /// Memory that is used again.
    pub(super) spare: Batch,
    pub(super) crusher: Crusher,
    /// Makes memory for the next events while this thread waits for the disk: the system clears what it gives, which takes as long
    /// as a sync.
    pub(super) rooms: Hands<()>,
}

impl Writer {
    pub(super) fn run(mut self) {
        while let Some(ask) = self.waiting.take().or_else(|| self.asks.blocking_recv()) {
            match (self.pen.condition().poison(), ask) {
                (Some(reason), ask) => ask.refuse(|| unavailable(&reason, None)),
                (None, Ask::Truncate(truncation)) => self.truncate(truncation),
                (None, Ask::TryAgain(answer)) => self.try_again(answer),
                (None, ask) => self.write_group(ask),
            }
        }
    }

    fn write_group(&mut self, first: Ask) {
        let mut group = self.gather(first);
        let written = self.write(&mut group);
        self.spare = match written {
            Ok(()) => {
                let ((), orders_room) = self.index.show(|kept| group.publish(kept));
                if orders_room {
                    // One at a time is ordered, so there is a place for it.
                    let _ = self.rooms.offer(());
                }
                group.answer()
            }
            Err((reason, error)) => group.refuse(&reason, &error),
        };
    }

    fn gather(&mut self, first: Ask) -> Group {
        let mut group = Group::new(mem::take(&mut self.spare), self.index.kept().next());
        let mut ask = Some(first);
        while let Some(next) = ask {
            match next {
                Ask::Truncate(_) | Ask::TryAgain(_) => self.waiting = Some(next),
                next if group.len() > 0 && group.batch.len() + next.bytes() > self.batch_bytes_max => self.waiting = Some(next),
                Ask::Append(append) => group.add_append(&self.index, append),
                Ask::Snapshot(put) => group.add_snapshot(&self.index, put),
            }
            ask = if self.is_gathered(&group) { None } else { self.asks.try_recv().ok() };
        }
        group
    }

    /// While the disk is full everybody is on their own: an append that does not fit must not take a snapshot with it.
    fn is_gathered(&self, group: &Group) -> bool {
        self.waiting.is_some()
            || group.len() >= GROUP_CALLERS_MAX
            || group.batch.len() >= GROUP_BYTES_MAX
            || !self.pen.condition().is_writing()
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
