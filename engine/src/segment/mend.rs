//! What mending files comes down to, whatever is in them: cutting off, moving away, writing anew.

use std::io;

use jiff::Timestamp;

use super::{
    OpenError,
    disk::{Disk, write_in_steps},
    frame::{Batch, Format, Header, Purpose, seed_of},
    load::{REWRITTEN, segment_name},
    report::Repair,
};

/// Where files go that are damaged.
const QUARANTINE: &str = "quarantine";
/// Bytes of a batch, after which the next one begins.
const BATCH_BYTES: usize = 1 << 20;

/// Cuts a file off at a length.
pub(crate) fn cut(disk: &dyn Disk, file: &str, at: u64) -> Result<Repair, OpenError> {
    let done = disk.open(file).and_then(|mut open| {
        open.set_len(at)?;
        open.sync_all()
    });
    done.map(|()| Repair::Truncated { file: file.into(), at }).map_err(|error| OpenError::disk("cut off", file, error))
}

/// Moves a file away as it is; nothing that is there already is replaced.
pub(crate) fn quarantine(disk: &dyn Disk, file: &str) -> Result<Repair, OpenError> {
    let first = format!("{QUARANTINE}/{file}");
    let names = (2..).map(|at| format!("{first}.{at}"));
    let is_free = |name: &String| disk.read_at(name, 0, 0).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let to = std::iter::once(first.clone()).chain(names).find(is_free).expect("one of all names is free");
    let done = disk.rename(file, &to).and_then(|()| disk.sync());
    done.map(|()| Repair::SetAside { file: file.into(), to }).map_err(|error| OpenError::disk("set aside", file, error))
}

/// Writes a segment of records, whole or not at all.
pub(crate) fn write_segment(
    disk: &dyn Disk,
    format: &Format,
    number: u64,
    mut next: u64,
    records: &[(u8, Vec<u8>)],
) -> Result<(), OpenError> {
    let header = Header { purpose: Purpose::Segment, number, next, created: Timestamp::now() }.encode(format);
    let (mut bytes, mut batch) = (header.to_vec(), Batch::default());
    for (at, (kind, body)) in records.iter().enumerate() {
        batch.push(*kind, |out| out.extend_from_slice(body));
        next = (format.follow)(*kind, body, next).unwrap_or(next);
        if batch.len() >= BATCH_BYTES || at + 1 == records.len() {
            bytes.extend_from_slice(batch.seal(seed_of(&header), bytes.len() as u64, next));
            batch.clear();
        }
    }
    replace(disk, number, &bytes)
}

/// Puts a file in the place of the segment of a number.
pub(crate) fn replace(disk: &dyn Disk, number: u64, bytes: &[u8]) -> Result<(), OpenError> {
    let name = segment_name(number);
    let written = disk.create(REWRITTEN).and_then(|mut file| {
        write_in_steps(&mut *file, 0, bytes)?;
        file.sync_all()?;
        disk.rename(REWRITTEN, &name)?;
        disk.sync()
    });
    if written.is_err() {
        drop(disk.remove(REWRITTEN));
    }
    written.map_err(|error| OpenError::disk("write", &name, error))
}
