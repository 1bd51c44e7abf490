//! Reading a journal back: its newest base, then its segments in order. What comes out is what was kept when the last batch
//! was written, because records are applied just as they were applied then.

use std::io;

use crate::store::memory::Kept;

use super::{
    OpenError,
    base::UNFINISHED,
    doctor::SAVED,
    record::{Decoder, Record},
};
use crate::segment::{
    disk::Disk,
    frame::{HEADER_BYTES, Header, Purpose, seed_of},
    keeper::NEXT,
    scan::{Damage, Scanned, scan},
};

/// Files that get their names once they are whole.
const HALF_MADE: [&str; 3] = [NEXT, UNFINISHED, SAVED];

pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:010}.journal")
}

pub(super) fn base_name(number: u64) -> String {
    format!("{number:010}.base")
}

/// The files of a journal, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// The newest.
    pub(super) base: Option<u64>,
    /// Those that count, in order.
    pub(super) segments: Vec<u64>,
    /// What a crash left behind: half-made files, and those that the newest base stands for.
    pub(super) leftovers: Vec<String>,
}

pub(super) fn list(disk: &dyn Disk) -> io::Result<Listing> {
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
    Ok(Listing { base, segments: segments.into_iter().filter(|number| !is_covered(number)).collect(), leftovers })
}

impl Listing {
    /// The segment that must come first.
    pub(super) fn first(&self) -> u64 {
        self.base.unwrap_or(1)
    }

    /// The segments, and the first of each gap between them.
    pub(super) fn expected(&self) -> Vec<u64> {
        let mut next = self.first();
        let with_gap = |number: &u64| {
            let gap = (*number != next).then_some(next);
            next = number + 1;
            gap.into_iter().chain([*number])
        };
        self.segments.iter().flat_map(with_gap).collect()
    }

    /// The first segment that should be there and is not.
    pub(super) fn missing(&self) -> Option<u64> {
        self.expected().into_iter().find(|number| !self.segments.contains(number))
    }
}

/// What was kept, as far as it is read.
pub(super) struct Loader {
    pub(super) kept: Kept,
    decoder: Decoder,
}

/// What a segment's file turned out to be.
pub(super) enum Segment {
    Sound(Scanned),
    /// The last file may be one that was never begun.
    Unbegun,
}

impl Loader {
    pub(super) fn new(disk: &dyn Disk, base: Option<u64>) -> Result<Self, OpenError> {
        let mut loader = Self { kept: Kept::starting_at(1), decoder: Decoder::default() };
        if let Some(number) = base {
            let name = base_name(number);
            let bytes = disk.read(&name).map_err(|error| OpenError::disk("read", &name, error))?;
            loader.base(number, &bytes).map_err(|damage| OpenError::damaged(&name, damage))?;
        }
        Ok(loader)
    }

    /// A base is one batch, and nothing else.
    pub(super) fn base(&mut self, number: u64, bytes: &[u8]) -> Result<Scanned, Damage> {
        let header = self.header(bytes, Purpose::Base, number)?;
        self.kept.skip_to(header.next);
        let scanned = scan(bytes, seed_of(bytes), header.next, false, |kind, body| self.apply(kind, body))?;
        if scanned.batches == 1 {
            return Ok(scanned);
        }
        Err(Damage { offset: scanned.end, what: "it does not hold what it should hold".into(), sound: scanned })
    }

    pub(super) fn segment(&mut self, number: u64, bytes: &[u8], is_last: bool) -> Result<Segment, Damage> {
        if is_last && (bytes.len() < HEADER_BYTES || bytes.iter().all(|byte| *byte == 0)) {
            return Ok(Segment::Unbegun);
        }
        let header = self.header(bytes, Purpose::Segment, number)?;
        let next = self.kept.next();
        if header.next != next {
            let what = format!("it goes on at position {}, where {next} comes next", header.next);
            return Err(unreadable(what, next));
        }
        scan(bytes, seed_of(bytes), next, is_last, |kind, body| self.apply(kind, body)).map(Segment::Sound)
    }

    fn header(&self, bytes: &[u8], purpose: Purpose, number: u64) -> Result<Header, Damage> {
        let next = self.kept.next();
        let header = Header::decode(bytes, purpose).map_err(|what| unreadable(what, next))?;
        if header.number != number {
            return Err(unreadable(format!("it is file {} under the name of file {number}", header.number), next));
        }
        Ok(header)
    }

    fn apply(&mut self, kind: u8, body: &[u8]) -> Result<(), String> {
        match self.decoder.decode(kind, body)? {
            Record::Event(envelope) => {
                let (stream, version) = (envelope.stream.clone(), envelope.version);
                let is_new = self.kept.replay(envelope);
                return is_new.then_some(()).ok_or_else(|| format!("version {version} of stream `{stream}` does not come next"));
            }
            Record::Snapshot { stream, snapshot } => self.kept.put(&stream, snapshot),
            Record::Truncate { oldest, forget } => drop(self.kept.truncate_exactly(oldest, &forget)),
            Record::Stream(stream) => self.kept.restore(&stream),
        }
        Ok(())
    }
}

/// Nothing of a file counts.
fn unreadable(what: String, next: u64) -> Damage {
    let sound = Scanned { end: 0, last_batch: 0..0, batches: 0, records: 0, next, torn: None };
    Damage { offset: 0, what, sound }
}
