//! Takes single events out of files that are no longer written to. A file is written anew without them and takes the place of
//! the old one in one step.
//!
//! Nothing here holds the writer up, or is needed for what was acknowledged: after a crash the events are back, and go again.

use std::{collections::BTreeMap, io, sync::Arc};

use crate::{
    port::store::Expired,
    segment::{
        OpenError,
        disk::{Disk, read_in_steps},
        frame::{HEADER_BYTES, Header, Purpose},
        load::{list, segment_name},
        scan::scan,
    },
    store::memory::{Thinned, is_expired},
};

use super::{
    contents::FORMAT,
    record::{Decoder, EVENT, Record},
    rewrite::Rewrite,
};

/// A file is written anew once so much of what it holds may go, as a share of its positions.
const WORTH_SHARE: u64 = 8;

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
            let start = match self.disk.read_at(&name, 0, HEADER_BYTES) {
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
    let old = read_in_steps(disk, &name).map_err(|error| OpenError::disk("read", &name, error))?;
    let header = Header::decode(&old, &FORMAT, Purpose::Segment).map_err(|what| damaged(&name, what))?;
    let (mut new, mut decoder) = (Rewrite::new(&old, header.next), Decoder::default());
    let scanned = scan(&old, &FORMAT, header.next, false, |kind, body| {
        if kind == EVENT
            && let Record::Event(envelope) = decoder.decode(kind, body)?
            && is_expired(&envelope, expired)
        {
            new.leave_out(&envelope.stream, envelope.version, envelope.version);
            new.skip_to(envelope.position.0 + 1);
            return Ok(());
        }
        new.take(kind, body);
        Ok(())
    });
    scanned.map_err(|damage| OpenError::damaged(&name, damage))?;
    new.finish(disk, number)
}

fn damaged(name: &str, what: String) -> OpenError {
    OpenError::Damaged { file: name.to_owned(), offset: 0, what }
}
