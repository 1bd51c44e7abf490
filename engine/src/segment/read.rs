//! Reads all files of a listing, several at a time: what costs time at a start is to look at checksums and to read records,
//! and neither needs to know what came before.
//!
//! Only that a record follows those before it is asked in order. Where anything is wrong the files are read once more, one
//! after the other, which tells exactly what it is.

use std::{
    collections::VecDeque,
    num::NonZero,
    thread::{self, ScopedJoinHandle},
};

use super::{
    Contents, OpenError,
    disk::Disk,
    frame::{Header, Purpose},
    load::{Listing, Loader, segment_name},
    scan::{Scanned, scan},
};

/// Files that are read at once, and so in memory beside what they add up to.
const FILES_AT_ONCE_MAX: usize = 8;

/// A file that was read.
pub(crate) struct Read {
    pub(crate) number: u64,
    /// Its length.
    pub(crate) length: u64,
    pub(crate) scanned: Scanned,
    /// What is in it, if it is the last one, which is to be gone on with.
    pub(crate) last: Option<Vec<u8>>,
}

impl Read {
    fn new(number: u64, bytes: Vec<u8>, scanned: Scanned, is_last: bool) -> Self {
        Self { number, length: bytes.len() as u64, scanned, last: is_last.then_some(bytes) }
    }
}

/// A file by itself.
struct Parsed<R> {
    bytes: Vec<u8>,
    scanned: Scanned,
    /// The number that it goes on at, and what it says.
    next: u64,
    records: Vec<R>,
}

/// Reads the base and all segments; gives each segment to a function, in order.
pub(crate) fn read_all<C: Contents>(
    disk: &dyn Disk,
    listing: &Listing,
    mut each: impl FnMut(Read) -> Result<(), OpenError>,
) -> Result<C, OpenError> {
    if let Some(number) = listing.missing() {
        let what = "it is missing, and later ones are there".into();
        return Err(OpenError::Damaged { file: segment_name(number), offset: 0, what });
    }
    if let Some((contents, files)) = read_at_once::<C>(disk, listing)? {
        files.into_iter().try_for_each(each)?;
        return Ok(contents);
    }
    let mut loader = Loader::<C>::new(disk, listing.base)?;
    for &number in &listing.segments {
        let (name, is_last) = (segment_name(number), listing.segments.last() == Some(&number));
        let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
        let scanned = loader.segment(number, &bytes, is_last).map_err(|damage| OpenError::damaged(&name, damage))?;
        each(Read::new(number, bytes, scanned, is_last))?;
    }
    Ok(loader.contents)
}

/// Nothing where anything is wrong with a segment.
fn read_at_once<C: Contents>(disk: &dyn Disk, listing: &Listing) -> Result<Option<(C, Vec<Read>)>, OpenError> {
    let mut contents = Loader::<C>::new(disk, listing.base)?.contents;
    let at_once = thread::available_parallelism().map_or(1, NonZero::get).min(FILES_AT_ONCE_MAX);
    thread::scope(|scope| {
        let (mut coming, mut rest, mut files) = (VecDeque::new(), listing.segments.iter(), Vec::new());
        loop {
            coming.extend(rest.by_ref().take(at_once - coming.len()).map(|&number| {
                let is_last = listing.segments.last() == Some(&number);
                (number, is_last, scope.spawn(move || parse::<C>(disk, number, is_last)))
            }));
            let Some((number, is_last, parsing)) = coming.pop_front() else { return Ok(Some((contents, files))) };
            let Some(Parsed { bytes, scanned, next, records }) = joined(parsing) else { return Ok(None) };
            if next != contents.next() || records.into_iter().any(|record| contents.take(record).is_err()) {
                return Ok(None);
            }
            files.push(Read::new(number, bytes, scanned, is_last));
        }
    })
}

fn joined<T>(parsing: ScopedJoinHandle<'_, Option<T>>) -> Option<T> {
    parsing.join().ok().flatten()
}

fn parse<C: Contents>(disk: &dyn Disk, number: u64, is_last: bool) -> Option<Parsed<C::Record>> {
    let bytes = disk.read(&segment_name(number)).ok()?;
    let header = Header::decode(&bytes, &C::FORMAT, Purpose::Segment).ok().filter(|header| header.number == number)?;
    let (mut decoder, mut records) = (C::Decoder::default(), Vec::new());
    let visit = |kind: u8, body: &[u8]| C::decode(&mut decoder, kind, body).map(|record| records.push(record));
    let scanned = scan(&bytes, &C::FORMAT, header.next, is_last, visit).ok()?;
    Some(Parsed { bytes, scanned, next: header.next, records })
}
