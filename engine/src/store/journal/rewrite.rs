//! A segment that is written anew, with fewer events. What is left out it says: which positions, and which versions of which
//! streams; so everything else stays where it is.

use crate::{
    id::{StreamName, Version},
    segment::{
        OpenError,
        disk::Disk,
        frame::{Batch, HEADER_BYTES, seed_of},
        mend::replace,
    },
};

use super::{
    contents::FORMAT,
    record::{push_gone, push_skip},
};

/// Bytes of a batch, after which the next one begins.
const BATCH_BYTES: usize = 1 << 20;

/// The file on its way, in memory: but for what it says of what it leaves out it is no longer than the one it stands for.
pub(super) struct Rewrite {
    bytes: Vec<u8>,
    seed: u32,
    batch: Batch,
    /// The position after the last record.
    next: u64,
    /// What was left out since: the position after it, and versions by stream.
    skipped: Option<u64>,
    gone: Vec<(StreamName, Version, Version)>,
}

impl Rewrite {
    /// A file of a header, whose first event has a position.
    pub(super) fn new(header: &[u8], next: u64) -> Self {
        let bytes = header[..HEADER_BYTES].to_vec();
        Self { bytes, seed: seed_of(header), batch: Batch::default(), next, skipped: None, gone: Vec::new() }
    }

    /// Leaves out the events before a position.
    pub(super) fn skip_to(&mut self, next: u64) {
        if next > self.skipped.unwrap_or(self.next) {
            self.skipped = Some(next);
        }
    }

    /// Leaves out versions of a stream.
    pub(super) fn leave_out(&mut self, stream: &StreamName, first: Version, last: Version) {
        match self.gone.iter_mut().find(|(known, _, until)| known == stream && until.next() == first) {
            Some((_, _, until)) => *until = last,
            None => self.gone.push((stream.clone(), first, last)),
        }
    }

    /// Takes a record as it is.
    pub(super) fn take(&mut self, kind: u8, body: &[u8]) {
        self.tell();
        self.batch.push(kind, |out| out.extend_from_slice(body));
        self.next = (FORMAT.follow)(kind, body, self.next).unwrap_or(self.next);
        if self.batch.len() >= BATCH_BYTES {
            self.seal();
        }
    }

    /// Says what was left out before what comes now.
    fn tell(&mut self) {
        for (stream, first, last) in self.gone.drain(..) {
            push_gone(&mut self.batch, &stream, first, last);
        }
        if let Some(next) = self.skipped.take() {
            push_skip(&mut self.batch, next);
            self.next = next;
        }
    }

    fn seal(&mut self) {
        if !self.batch.is_empty() {
            self.bytes.extend_from_slice(self.batch.seal(self.seed, self.bytes.len() as u64, self.next));
            self.batch.clear();
        }
    }

    /// Puts the file in the place of the one of its number.
    pub(super) fn finish(mut self, disk: &dyn Disk, number: u64) -> Result<(), OpenError> {
        self.tell();
        self.seal();
        replace(disk, number, &self.bytes)
    }
}
