//! What the log's files add up to: its events, where streams stand, and their snapshots.

use std::io;

use crate::{
    id::{StreamName, Version},
    segment::{
        Contents,
        base::BaseFile,
        frame::{Batch, Format, u64_at},
        scan::Scanned,
    },
    store::memory::Kept,
};

use super::record::{Decoder, EVENT, Record, SKIP, push_snapshot, push_stream, push_truncate};

pub(super) const FORMAT: Format = Format { segment: b"FLEXJRNL", base: b"FLEXBASE", version: 1, follow };

/// Events have their position in front, and positions have no gaps but those that a record tells.
fn follow(kind: u8, body: &[u8], next: u64) -> Option<u64> {
    match kind {
        EVENT if body.len() >= 8 && u64_at(body, 0) == next => Some(next + 1),
        EVENT => None,
        SKIP => (body.len() == 8).then(|| u64_at(body, 0)).filter(|after| *after >= next),
        _ => Some(next),
    }
}

pub(super) struct LogContents {
    pub(super) kept: Kept,
}

impl LogContents {
    pub(super) fn of(kept: Kept) -> Self {
        Self { kept }
    }
}

impl LogContents {
    /// A stream is at a version, though its events up to there are not here.
    pub(super) fn stands_at(&mut self, stream: &StreamName, version: Version) {
        let known = self.kept.version(stream);
        if known < version {
            let _ = self.kept.let_go(stream, known.next(), version);
        }
    }
}

impl Default for LogContents {
    fn default() -> Self {
        Self::of(Kept::starting_at(1))
    }
}

impl Contents for LogContents {
    const FORMAT: Format = FORMAT;

    type Record = Record;
    type Decoder = Decoder;

    fn next(&self) -> u64 {
        self.kept.next()
    }

    fn skip_to(&mut self, next: u64) {
        self.kept.skip_to(next);
    }

    fn decode(decoder: &mut Decoder, kind: u8, body: &[u8]) -> Result<Record, String> {
        decoder.decode(kind, body)
    }

    fn take(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Event(envelope) => {
                let (stream, version) = (envelope.stream.clone(), envelope.version);
                let is_new = self.kept.replay(envelope);
                return is_new.then_some(()).ok_or_else(|| format!("version {version} of stream `{stream}` does not come next"));
            }
            Record::Snapshot { stream, snapshot } => self.kept.put(&stream, snapshot),
            Record::Truncate { oldest, forget } => drop(self.kept.truncate_exactly(oldest, &forget)),
            Record::Stream(stream) => self.kept.restore(&stream),
            Record::Skip { next } => self.kept.leave_out_until(next),
            Record::Gone { stream, first, last } => {
                let is_next = self.kept.let_go(&stream, first, last);
                return is_next.then_some(()).ok_or_else(|| format!("version {first} of stream `{stream}` does not come next"));
            }
        }
        Ok(())
    }

    /// Events go with their files.
    fn leave_behind(&mut self) {
        self.kept.skip_to(self.kept.next());
    }

    /// Where streams stand, with their snapshots, as one batch.
    fn write_base(&self, base: &mut BaseFile<'_>) -> io::Result<()> {
        let mut batch = Batch::default();
        // A base of no streams still has a batch: without one it would look as if it had been cut off.
        push_truncate(&mut batch, 0, &[]);
        self.kept.streams().for_each(|stream| push_stream(&mut batch, &stream));
        self.kept.snapshots().for_each(|(stream, snapshot)| push_snapshot(&mut batch, stream, snapshot));
        base.add(&mut batch)
    }

    fn is_whole(&self, base: &Scanned) -> bool {
        base.batches == 1
    }
}
