//! Files of records that outlive a crash: segments of batches, each closed by a commit record, written by one thread.
//!
//! What is in the records is their owner's: the log's journal keeps events in them, the queues' journal their messages. Both
//! need the same of a disk, and it is hard enough to be right once.

pub(crate) mod base;
pub(crate) mod capture;
pub(crate) mod disk;
mod error;
pub(crate) mod field;
mod file;
pub(crate) mod frame;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod keeper;
pub(crate) mod load;
pub(crate) mod lock;
pub(crate) mod look;
pub(crate) mod mend;
pub(crate) mod open;
pub(crate) mod pen;
pub(crate) mod read;
pub(crate) mod report;
pub(crate) mod salvage;
pub(crate) mod scan;
#[cfg(test)]
pub(crate) mod sim;
pub(crate) mod slab;
pub(crate) mod state;
pub(crate) mod tail;

use std::{fs, io, path::Path};

pub use error::OpenError;

use frame::Format;

/// The smallest segment, in bytes.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// The largest segment, in bytes.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// What the records of a folder's files add up to.
pub(crate) trait Contents: Default {
    const FORMAT: Format;

    /// What a record says, by itself.
    type Record: Send;

    /// What records of one file have in common while they are read.
    type Decoder: Default;

    /// Reads a record whose checksum held, or says what is wrong with it. Files are read several at a time.
    fn decode(decoder: &mut Self::Decoder, kind: u8, body: &[u8]) -> Result<Self::Record, String>;

    /// Takes a record in, or says why it cannot follow those before it.
    fn take(&mut self, record: Self::Record) -> Result<(), String>;

    /// The number that comes next, as the headers of segments have it.
    fn next(&self) -> u64;

    /// A base says that what comes next has this number.
    fn skip_to(&mut self, next: u64);

    /// A segment was read that is about to be dropped: what need not outlive it need not be held.
    fn leave_behind(&mut self);

    /// Writes what must outlive the files that were read.
    fn write_base(&self, base: &mut base::BaseFile<'_>) -> io::Result<()>;

    /// Whether what was read of a base is all of it.
    fn is_whole(&self, base: &scan::Scanned) -> bool;
}

/// Makes a folder. One that is new must itself be there after a crash.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    folder.canonicalize()?.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}
