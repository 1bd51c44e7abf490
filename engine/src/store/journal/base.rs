//! Where streams stand before a segment, with their snapshots: what must outlive the segments that retention drops.
//!
//! It is made from the files it replaces, not from what is in memory. So no append waits for it, and it is by construction
//! what reading those files would have led to.

use jiff::Timestamp;

use crate::store::memory::Kept;

use super::{
    OpenError,
    load::{Loader, base_name, list, segment_name},
    record::{push_snapshot, push_stream, push_truncate},
};
use crate::segment::{
    disk::{Disk, write_all_at},
    frame::{Batch, HEADER_BYTES, Header, Purpose, seed_of},
};

pub(super) const UNFINISHED: &str = "base.tmp";

/// Drops the segments before one. They are gone, or all of them are still there.
pub(crate) fn drop_segments_before(disk: &dyn Disk, number: u64) -> Result<(), OpenError> {
    let listing = list(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let gone: Vec<u64> = listing.segments.iter().copied().filter(|segment| *segment < number).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let mut loader = Loader::new(disk, listing.base)?;
    for segment in &gone {
        let name = segment_name(*segment);
        let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
        loader.segment(*segment, &bytes, false).map_err(|damage| OpenError::damaged(&name, damage))?;
        loader.kept.skip_to(loader.kept.next());
    }
    write(disk, number, &loader.kept)?;
    let files = gone.into_iter().map(segment_name).chain(listing.base.map(base_name));
    files.into_iter().try_for_each(|name| disk.remove(&name).map_err(|error| OpenError::disk("remove", &name, error)))?;
    disk.sync().map_err(|error| OpenError::disk("sync", ".", error))
}

/// Writes what is kept, without the events, as the base of a segment.
pub(super) fn write(disk: &dyn Disk, number: u64, kept: &Kept) -> Result<(), OpenError> {
    let bytes = encode(number, kept, Timestamp::now());
    let written = (|| {
        let mut file = disk.create(UNFINISHED)?;
        write_all_at(&mut *file, 0, &bytes)?;
        file.sync_all()?;
        disk.rename(UNFINISHED, &base_name(number))?;
        disk.sync()
    })();
    written.map_err(|error| OpenError::disk("write", &base_name(number), error))
}

pub(super) fn encode(number: u64, kept: &Kept, created: Timestamp) -> Vec<u8> {
    let header = Header { purpose: Purpose::Base, number, next: kept.next(), created }.encode();
    let mut batch = Batch::default();
    // A base of no streams still has a batch: without one it would look as if it had been cut off.
    push_truncate(&mut batch, 0, &[]);
    kept.streams().for_each(|stream| push_stream(&mut batch, &stream));
    kept.snapshots().for_each(|(stream, snapshot)| push_snapshot(&mut batch, stream, snapshot));
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(batch.seal(seed_of(&header), HEADER_BYTES as u64, kept.next()));
    bytes
}
