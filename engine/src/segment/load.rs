//! Reading files back: the newest base, then the segments in order. What comes out is what was kept when the last batch was
//! written, because records are applied just as they were applied then.

use std::io;

use super::{
    Contents, OpenError,
    base::UNFINISHED,
    disk::Disk,
    frame::{HEADER_BYTES, Header, Purpose},
    keeper::NEXT,
    scan::{Damage, Scanned, scan},
    slab::BLOCK,
    state,
};

/// A file that is being saved by a repair.
pub(crate) const SAVED: &str = "saved.tmp";
/// A segment that is written anew.
pub(crate) const REWRITTEN: &str = "rewritten.tmp";
/// Files that get their names once they are whole.
const HALF_MADE: [&str; 5] = [NEXT, UNFINISHED, SAVED, REWRITTEN, state::UNFINISHED];

pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:010}.journal")
}

pub(crate) fn base_name(number: u64) -> String {
    format!("{number:010}.base")
}

/// The files of a journal, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    /// The newest.
    pub(crate) base: Option<u64>,
    /// Those that count, in order.
    pub(crate) segments: Vec<u64>,
    /// The one after them, if it was made and nothing is in it yet.
    pub(crate) unbegun: Option<u64>,
    /// What a crash left behind: half-made files, and those that the newest base stands for.
    pub(crate) leftovers: Vec<String>,
}

pub(crate) fn list(disk: &dyn Disk) -> io::Result<Listing> {
    let mut names = disk.names()?;
    names.sort_unstable();
    let numbers = |suffix: &str, name_of: fn(u64) -> String| -> Vec<u64> {
        let number = |name: &String| name.strip_suffix(suffix)?.parse().ok().filter(|number| name_of(*number) == *name);
        names.iter().filter_map(number).collect()
    };
    let (bases, segments) = (numbers(".base", base_name), numbers(".journal", segment_name));
    let base = bases.last().copied();
    let is_covered = |number: &u64| base.is_some_and(|base| *number < base);
    let mut leftovers: Vec<_> = names.iter().filter(|name| HALF_MADE.contains(&name.as_str())).cloned().collect();
    leftovers.extend(bases.into_iter().filter(is_covered).map(base_name));
    leftovers.extend(segments.iter().copied().filter(is_covered).map(segment_name));
    let segments = segments.into_iter().filter(|number| !is_covered(number)).collect();
    let mut listing = Listing { base, segments, unbegun: None, leftovers };
    // What was written to it first is in its first block.
    if let Some(next) = listing.next()
        && is_unbegun(&disk.read_at(&segment_name(next), 0, BLOCK)?)
    {
        (_, listing.unbegun) = (listing.segments.pop(), Some(next));
    }
    Ok(listing)
}

/// The same where nobody writes: what was not begun is looked at as a whole, and is a leftover.
pub(crate) fn list_at_rest(disk: &dyn Disk) -> io::Result<Listing> {
    let mut listing = list(disk)?;
    if let Some(number) = listing.unbegun.take() {
        let name = segment_name(number);
        if is_unbegun(&disk.read(&name)?) {
            listing.leftovers.push(name);
        } else {
            listing.segments.push(number);
        }
    }
    Ok(listing)
}

impl Listing {
    /// The segment that must come first.
    pub(crate) fn first(&self) -> u64 {
        self.base.unwrap_or(1)
    }

    /// The last segment, if it can be one that was not begun yet: nothing is missing before it.
    fn next(&self) -> Option<u64> {
        let (last, others) = self.segments.split_last()?;
        let next = others.last().map_or(self.first(), |before| before + 1);
        (*last == next).then_some(next)
    }

    /// The segments, and the first of each gap between them.
    pub(crate) fn expected(&self) -> Vec<u64> {
        let mut next = self.first();
        let with_gap = |number: &u64| {
            let gap = (*number != next).then_some(next);
            next = number + 1;
            gap.into_iter().chain([*number])
        };
        self.segments.iter().flat_map(with_gap).collect()
    }

    /// The first segment that should be there and is not.
    pub(crate) fn missing(&self) -> Option<u64> {
        self.expected().into_iter().find(|number| !self.segments.contains(number))
    }
}

/// What was kept, as far as it is read.
#[derive(Default)]
pub(crate) struct Loader<C: Contents> {
    pub(crate) contents: C,
    decoder: C::Decoder,
}

impl<C: Contents> Loader<C> {
    pub(crate) fn new(disk: &dyn Disk, base: Option<u64>) -> Result<Self, OpenError> {
        let mut loader = Self::default();
        if let Some(number) = base {
            let name = base_name(number);
            let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
            loader.base(number, &bytes).map_err(|damage| OpenError::damaged(&name, damage))?;
        }
        Ok(loader)
    }

    /// A base is all there, and nothing else is in it.
    pub(crate) fn base(&mut self, number: u64, bytes: &[u8]) -> Result<Scanned, Damage> {
        let header = self.header(bytes, Purpose::Base, number)?;
        self.contents.skip_to(header.next);
        let scanned = self.scan(bytes, header.next, false)?;
        if self.contents.is_whole(&scanned) {
            return Ok(scanned);
        }
        Err(Damage { offset: scanned.end, what: "it does not hold what it should hold".into(), sound: scanned })
    }

    pub(crate) fn segment(&mut self, number: u64, bytes: &[u8], is_last: bool) -> Result<Scanned, Damage> {
        let header = self.header(bytes, Purpose::Segment, number)?;
        let next = self.contents.next();
        if header.next != next {
            let what = format!("it goes on at number {}, where {next} comes next", header.next);
            return Err(unreadable(what, next));
        }
        self.scan(bytes, next, is_last)
    }

    fn scan(&mut self, bytes: &[u8], next: u64, may_be_torn: bool) -> Result<Scanned, Damage> {
        scan(bytes, &C::FORMAT, next, may_be_torn, |kind, body| self.apply(kind, body))
    }

    /// Takes a record in whose checksum held, or says what is wrong with it.
    pub(crate) fn apply(&mut self, kind: u8, body: &[u8]) -> Result<(), String> {
        let record = C::decode(&mut self.decoder, kind, body)?;
        self.contents.take(record)
    }

    /// What a record says, without taking it in.
    pub(crate) fn decode(&mut self, kind: u8, body: &[u8]) -> Result<C::Record, String> {
        C::decode(&mut self.decoder, kind, body)
    }

    fn header(&self, bytes: &[u8], purpose: Purpose, number: u64) -> Result<Header, Damage> {
        let next = self.contents.next();
        let header = Header::decode(bytes, &C::FORMAT, purpose).map_err(|what| unreadable(what, next))?;
        if header.number != number {
            return Err(unreadable(format!("it is file {} under the name of file {number}", header.number), next));
        }
        Ok(header)
    }
}

/// Whether a file, which must be the last, was made and nothing was ever written to it. Its header may be there, in part or as a
/// whole: where it could not be synced, the file before it went on.
pub(super) fn is_unbegun(bytes: &[u8]) -> bool {
    bytes.iter().skip(HEADER_BYTES).all(|byte| *byte == 0)
}

/// Nothing of a file counts.
fn unreadable(what: String, next: u64) -> Damage {
    let sound = Scanned { end: 0, last_batch: 0..0, batches: 0, records: 0, next, torn: None };
    Damage { offset: 0, what, sound }
}
