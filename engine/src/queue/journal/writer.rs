//! The one thread that writes: takes all that is on the desk, writes it at once, syncs once, tells everybody.
//!
//! When that fails, everything is tried on its own: what does not fit must not take with it what does.

use std::{collections::VecDeque, mem, ops::Range, sync::Arc};

use crate::{
    queue::{shelves::Shelves, state::QueueState},
    segment::{frame::Batch, pen::Pen},
};

use super::{
    contents::NEXT,
    desk::{Desk, Entry, Group},
};

/// Segments that are no longer written to, before it is asked whether a base is worth it.
const COMPACT_SEGMENTS_MIN: usize = 2;

pub(super) struct Writer {
    pub(super) desk: Arc<Desk>,
    pub(super) shelves: Arc<Shelves>,
    pub(super) pen: Pen,
    /// What has happened and could not be written, each no more than fits.
    pub(super) owed: VecDeque<Batch>,
    /// Length of the base, if there is one.
    pub(super) base_bytes: u64,
}

/// Why something was not written, for those who asked for it.
type Refused = String;

impl Writer {
    pub(super) fn run(mut self) {
        let mut spare = Group::default();
        while let Some(group) = self.desk.take(mem::take(&mut spare)) {
            spare = self.write_group(group);
            self.compact();
        }
        drop(self.pay());
    }

    fn write_group(&mut self, mut group: Group) -> Group {
        let entries = mem::take(&mut group.entries);
        let is_simple = self.owed.is_empty() && self.desk.condition.is_writing();
        if is_simple && group.batch.len() <= self.desk.batch_bytes_max {
            self.write_whole(&mut group.batch, entries);
        } else {
            self.write_parts(&group.batch, entries);
        }
        group
    }

    fn write_whole(&mut self, batch: &mut Batch, entries: Vec<Entry>) {
        let relieves = entries.iter().all(|entry| entry.relieves);
        let length = batch.len();
        match self.write(batch, relieves) {
            Ok(()) => entries.into_iter().for_each(|entry| entry.told(Ok(()))),
            Err(reason) if self.desk.condition.poison().is_some() => refuse(entries, &reason),
            Err(reason) if entries.len() == 1 => self.refused(batch, 0..length, entries, &reason),
            Err(_) => self.write_parts(batch, entries),
        }
    }

    /// Writes as much as fits into a batch at a time or, while the disk is full, each entry by itself.
    fn write_parts(&mut self, batch: &Batch, entries: Vec<Entry>) {
        let (mut start, mut entries) = (0, entries.into_iter().peekable());
        while let Some(first) = entries.next() {
            let mut part = vec![first];
            let mut end = part[0].end;
            while let Some(next) = entries.next_if(|next| self.goes_with(&part[0], next, start)) {
                end = next.end;
                part.push(next);
            }
            self.write_part(batch, start..end, part);
            start = end;
        }
    }

    fn goes_with(&self, first: &Entry, next: &Entry, start: usize) -> bool {
        let is_safe = self.desk.condition.is_writing() || (!first.is_firm && !next.is_firm);
        is_safe && next.end - start <= self.desk.batch_bytes_max
    }

    fn write_part(&mut self, batch: &Batch, bytes: Range<usize>, entries: Vec<Entry>) {
        if let Err(reason) = self.pay() {
            return self.refused(batch, bytes, entries, &reason);
        }
        let mut part = Batch::default();
        part.extend_with(batch, bytes.clone(), entries.iter().map(|entry| entry.records).sum());
        let relieves = entries.iter().all(|entry| entry.relieves);
        match self.write(&mut part, relieves) {
            Ok(()) => entries.into_iter().for_each(|entry| entry.told(Ok(()))),
            Err(reason) => self.refused(batch, bytes, entries, &reason),
        }
    }

    /// Writes what is owed.
    fn pay(&mut self) -> Result<(), Refused> {
        while let Some(mut batch) = self.owed.front().cloned() {
            self.write(&mut batch, true)?;
            self.owed.pop_front();
        }
        Ok(())
    }

    fn owe(&mut self, batch: &Batch, bytes: Range<usize>, records: u32) {
        let bytes_max = self.desk.batch_bytes_max;
        if self.owed.back().is_none_or(|last| last.len() + bytes.len() > bytes_max) {
            self.owed.push_back(Batch::default());
        }
        if let Some(last) = self.owed.back_mut() {
            last.extend_with(batch, bytes, records);
        }
    }

    /// What is not firm has happened all the same, and is owed.
    fn refused(&mut self, batch: &Batch, bytes: Range<usize>, entries: Vec<Entry>, reason: &str) {
        let mut start = bytes.start;
        for entry in entries {
            if !entry.is_firm {
                self.owe(batch, start..entry.end, entry.records);
            }
            start = entry.end;
            entry.told(Err(reason.to_owned()));
        }
    }

    fn write(&mut self, batch: &mut Batch, relieves: bool) -> Result<(), Refused> {
        if let Some(reason) = self.desk.condition.poison() {
            return Err(reason);
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.pen.write(batch, NEXT, NEXT, relieves).map_err(|(reason, _)| reason)
    }

    /// When more is dead than lives, what lives is written to a base in the background.
    fn compact(&mut self) {
        // On a full disk what is dead is in the way of everything.
        let segments_min = if self.desk.condition.is_writing() { COMPACT_SEGMENTS_MIN } else { 1 };
        if self.pen.tail.sealed_count() < segments_min {
            return;
        }
        let sealed = self.pen.tail.sealed_bytes();
        let live: u64 = self.shelves.all(QueueState::live_bytes).into_iter().map(|(_, bytes)| bytes).sum();
        if sealed + self.base_bytes > 2 * live {
            self.pen.tail.drop_sealed();
            self.base_bytes = live;
        }
    }
}

impl Entry {
    fn told(self, outcome: Result<(), Refused>) {
        drop(self.permit);
        if let Some(finish) = self.finish {
            finish(outcome);
        }
    }
}

fn refuse(entries: Vec<Entry>, reason: &str) {
    for entry in entries {
        entry.told(Err(reason.to_owned()));
    }
}
