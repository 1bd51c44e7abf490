//! Takes single events out of files that are no longer written to. A file is written anew without them and takes the place of
//! the old one in one step; what it leaves out it says: which positions, and which versions of which streams.
//!
//! Nothing here holds the writer up, or is needed for what was acknowledged: after a crash the events are back, and go again.

use std::{collections::BTreeMap, io, sync::Arc};

use crate::{
    event::Envelope,
    id::{StreamName, Version},
    port::store::Expired,
    segment::{
        OpenError,
        disk::{Disk, write_all_at},
        frame::{Batch, HEADER_BYTES, Header, Purpose, seed_of},
        load::{THINNED, list, segment_name},
        scan::scan,
    },
    store::memory::{Thinned, is_expired},
};

use super::{
    contents::FORMAT,
    record::{Decoder, EVENT, Record, push_gone, push_skip},
};

/// A file is written anew once so much of what it holds may go, as a share of its positions.
const WORTH_SHARE: u64 = 8;
/// Bytes of a batch, after which the next one begins.
const BATCH_BYTES: usize = 1 << 20;

/// What may go from which files.
pub(super) struct Thinner {
    disk: Arc<dyn Disk>,
    /// Events that may go, by file.
    pending: BTreeMap<u64, u64>,
}

impl Thinner {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, pending: BTreeMap::new() }
    }

    /// Takes what is expired out of the files for which that is worth it.
    pub(super) fn thin(&mut self, thinned: &Thinned, expired: &[Expired]) -> Result<(), OpenError> {
        let files = self.files()?;
        for &(first, end, count) in &thinned.within {
            let held = files.range(..=first).next_back().into_iter().chain(files.range(first + 1..end));
            // Where a part lies in several files it counts for each: that is only a reason to look at them earlier.
            held.for_each(|(_, number)| *self.pending.entry(*number).or_default() += count);
        }
        for ((first, number), next) in files.iter().zip(files.keys().skip(1)) {
            let pending = self.pending.get(number).copied().unwrap_or_default();
            if pending > 0 && pending * WORTH_SHARE >= next - first {
                thin_file(&*self.disk, *number, expired)?;
                self.pending.remove(number);
            }
        }
        self.pending.retain(|number, _| files.values().any(|known| known == number));
        Ok(())
    }

    /// Files by their first positions; the last one is the one that is written to.
    fn files(&self) -> Result<BTreeMap<u64, u64>, OpenError> {
        let listing = list(&*self.disk).map_err(|error| OpenError::disk("list", ".", error))?;
        let first = |number: u64| {
            let name = segment_name(number);
            let start = match self.disk.read_start(&name, HEADER_BYTES) {
                // Retention was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                start => start.map_err(|error| OpenError::disk("read", &name, error))?,
            };
            Ok(Header::decode(&start, &FORMAT, Purpose::Segment).ok().map(|header| (header.next, number)))
        };
        listing.segments.into_iter().filter_map(|number| first(number).transpose()).collect()
    }
}

/// Writes a file anew.
fn thin_file(disk: &dyn Disk, number: u64, expired: &[Expired]) -> Result<(), OpenError> {
    let name = segment_name(number);
    let old = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
    let header = Header::decode(&old, &FORMAT, Purpose::Segment).map_err(|what| damaged(&name, what))?;
    let (mut copy, mut decoder) = (Copy::new(&old, header.next), Decoder::default());
    let scanned = scan(&old, &FORMAT, header.next, false, |kind, body| {
        if kind == EVENT
            && let Record::Event(envelope) = decoder.decode(kind, body)?
            && is_expired(&envelope, expired)
        {
            copy.leave_out(&envelope);
            return Ok(());
        }
        copy.take(kind, body);
        Ok(())
    });
    scanned.map_err(|damage| OpenError::damaged(&name, damage))?;
    let new = copy.finish();
    let written = disk.create(THINNED).and_then(|mut file| {
        write_all_at(&mut *file, 0, &new)?;
        file.sync_all()?;
        disk.rename(THINNED, &name)?;
        disk.sync()
    });
    if written.is_err() {
        drop(disk.remove(THINNED));
    }
    written.map_err(|error| OpenError::disk("write", &name, error))
}

fn damaged(name: &str, what: String) -> OpenError {
    OpenError::Damaged { file: name.to_owned(), offset: 0, what }
}

/// A file on its way, in memory: it is never longer than the one it stands for, but for what it says of what it leaves out.
struct Copy {
    bytes: Vec<u8>,
    seed: u32,
    batch: Batch,
    /// The position after the last record.
    next: u64,
    /// What was left out since: the position after it, and versions by stream.
    skipped: Option<u64>,
    gone: Vec<(StreamName, Version, Version)>,
}

impl Copy {
    fn new(old: &[u8], next: u64) -> Self {
        let bytes = old[..HEADER_BYTES].to_vec();
        Self { bytes, seed: seed_of(old), batch: Batch::default(), next, skipped: None, gone: Vec::new() }
    }

    fn leave_out(&mut self, envelope: &Envelope) {
        self.skipped = Some(envelope.position.0 + 1);
        let (stream, version) = (&envelope.stream, envelope.version);
        match self.gone.iter_mut().find(|(known, _, last)| known == stream && last.next() == version) {
            Some((_, _, last)) => *last = version,
            None => self.gone.push((stream.clone(), version, version)),
        }
    }

    fn take(&mut self, kind: u8, body: &[u8]) {
        self.tell();
        self.batch.push(kind, |out| out.extend_from_slice(body));
        self.next = (FORMAT.follow)(kind, body, self.next).unwrap_or(self.next);
        if self.batch.len() >= BATCH_BYTES {
            self.seal();
        }
    }

    /// Says what was left out before what comes now.
    fn tell(&mut self) {
        let Some(next) = self.skipped.take() else { return };
        for (stream, first, last) in self.gone.drain(..) {
            push_gone(&mut self.batch, &stream, first, last);
        }
        push_skip(&mut self.batch, next);
        self.next = next;
    }

    fn seal(&mut self) {
        if !self.batch.is_empty() {
            self.bytes.extend_from_slice(self.batch.seal(self.seed, self.bytes.len() as u64, self.next));
            self.batch.clear();
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.tell();
        self.seal();
        self.bytes
    }
}
