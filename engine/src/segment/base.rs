//! What must outlive the segments that are dropped, in a file of its own that stands before the first one that is left.
//!
//! It is made from the files it replaces, not from what is in memory. So no call waits for it, and it is by construction
//! what reading those files would have led to.

use std::io;

use jiff::Timestamp;

use super::{
    Contents, OpenError,
    disk::{Disk, DiskFile, STEP_BYTES, read_in_steps, write_all_at, write_in_steps},
    frame::{Batch, HEADER_BYTES, Header, Purpose, seed_of},
    load::{Loader, base_name, list, segment_name},
};

pub(crate) const UNFINISHED: &str = "base.tmp";

/// A base on its way to disk.
pub(crate) struct BaseFile<'f> {
    file: &'f mut dyn DiskFile,
    seed: u32,
    end: u64,
    synced: u64,
    next: u64,
}

impl BaseFile<'_> {
    /// Adds a batch, which is empty afterwards.
    pub(crate) fn add(&mut self, batch: &mut Batch) -> io::Result<()> {
        let bytes = batch.seal(self.seed, self.end, self.next);
        write_in_steps(self.file, self.end, bytes)?;
        self.end += bytes.len() as u64;
        // Many small batches add up, too.
        if self.end - self.synced >= STEP_BYTES as u64 {
            self.file.sync_data()?;
            self.synced = self.end;
        }
        batch.clear();
        Ok(())
    }
}

/// Drops the segments before one. They are gone, or all of them are still there.
pub(crate) fn drop_segments_before<C: Contents>(disk: &dyn Disk, number: u64) -> Result<(), OpenError> {
    let listing = list(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let gone: Vec<u64> = listing.segments.iter().copied().filter(|segment| *segment < number).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let mut loader = Loader::<C>::new(disk, listing.base)?;
    for segment in &gone {
        let name = segment_name(*segment);
        let bytes = read_in_steps(disk, &name).map_err(|error| OpenError::disk("read", &name, error))?;
        loader.segment(*segment, &bytes, false).map_err(|damage| OpenError::damaged(&name, damage))?;
        loader.contents.leave_behind();
    }
    write(disk, number, &loader.contents)?;
    let files = gone.into_iter().map(segment_name).chain(listing.base.map(base_name));
    files.into_iter().try_for_each(|name| disk.remove(&name).map_err(|error| OpenError::disk("remove", &name, error)))?;
    disk.sync().map_err(|error| OpenError::disk("sync", ".", error))
}

/// Writes the base of a segment.
pub(crate) fn write<C: Contents>(disk: &dyn Disk, number: u64, contents: &C) -> Result<(), OpenError> {
    write_as_of(disk, number, contents, Timestamp::now()).map_err(|error| OpenError::disk("write", &base_name(number), error))
}

/// What cannot be finished is removed: on a full disk it would be in the way of everything else.
pub(crate) fn write_as_of<C: Contents>(disk: &dyn Disk, number: u64, contents: &C, created: Timestamp) -> io::Result<()> {
    let written = write_unfinished(disk, number, contents, created);
    if written.is_err() {
        drop(disk.remove(UNFINISHED));
    }
    written?;
    disk.rename(UNFINISHED, &base_name(number))?;
    disk.sync()
}

fn write_unfinished<C: Contents>(disk: &dyn Disk, number: u64, contents: &C, created: Timestamp) -> io::Result<()> {
    let header = Header { purpose: Purpose::Base, number, next: contents.next(), created }.encode(&C::FORMAT);
    let mut file = disk.create(UNFINISHED)?;
    write_all_at(&mut *file, 0, &header)?;
    let (seed, end, next) = (seed_of(&header), HEADER_BYTES as u64, contents.next());
    contents.write_base(&mut BaseFile { file: &mut *file, seed, end, synced: end, next })?;
    file.sync_all()
}
