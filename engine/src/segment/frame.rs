//! The outer layout of a file: a header, then batches of records, each batch closed by a commit record.
//!
//! ```text
//! header  magic 8 | version u32 | 0 u32 | number u64 | next u64 | created µs i64 | 0 … | crc32c u32        64 bytes
//! record  length u32 | crc32c u32 | kind u8 | body            length: kind and body; crc: length, kind and body
//! commit  its body is: offset of the batch u64 | records in it u32 | next position u64
//! ```
//!
//! Numbers are little-endian. The crc of the header seeds those of the records, so that bytes of one file never pass for
//! another's, not even as data inside of an event. The commit names the offset where its batch begins: what is left of an
//! earlier write that failed there can therefore not be taken for a later batch.

use std::ops::Range;

use jiff::Timestamp;

use super::slab::Slab;

pub(crate) const HEADER_BYTES: usize = 64;
/// Length, crc and kind.
pub(crate) const FRAME_BYTES: usize = 9;
/// A commit record, whole.
pub(crate) const COMMIT_BYTES: usize = FRAME_BYTES + 20;

/// The kind of commit records. All other kinds are their owner's.
pub(crate) const COMMIT: u8 = 4;

/// What tells the files of one owner from those of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// How a segment begins.
    pub(crate) segment: &'static [u8; 8],
    /// How a base begins.
    pub(crate) base: &'static [u8; 8],
    pub(crate) version: u32,
    /// The number that comes next after a record of a kind with a body; none if it does not follow the number before it.
    pub(crate) follow: fn(kind: u8, body: &[u8], next: u64) -> Option<u64>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Batches as they were written.
    Segment,
    /// What outlives the segments before the one of that number.
    Base,
}

impl Purpose {
    fn magic(self, format: &Format) -> &'static [u8; 8] {
        match self {
            Self::Segment => format.segment,
            Self::Base => format.base,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) purpose: Purpose,
    /// Segments count from 1.
    pub(crate) number: u64,
    /// The number of the first record that counts in or, for a base, after this file.
    pub(crate) next: u64,
    pub(crate) created: Timestamp,
}

impl Header {
    pub(crate) fn encode(&self, format: &Format) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(self.purpose.magic(format));
        bytes[8..12].copy_from_slice(&format.version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.next.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.created.as_microsecond().to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header, or says what is wrong with it.
    pub(crate) fn decode(file: &[u8], format: &Format, purpose: Purpose) -> Result<Self, String> {
        let bytes = file.get(..HEADER_BYTES).ok_or("it ends within its header")?;
        if bytes[..8] != *purpose.magic(format) {
            return Err("it does not begin as a journal's file does".into());
        }
        if crc32c::crc32c(&bytes[..60]) != u32_at(bytes, 60) {
            return Err("the checksum of its header is wrong".into());
        }
        let version = u32_at(bytes, 8);
        if version != format.version {
            return Err(format!("it has format {version}, and this program reads format {}", format.version));
        }
        let created = i64::from_le_bytes(array_at(bytes, 32));
        let created = Timestamp::from_microsecond(created).map_err(|error| error.to_string())?;
        Ok(Self { purpose, number: u64_at(bytes, 16), next: u64_at(bytes, 24), created })
    }
}

/// What the checksums of a file's records begin with: the checksum of its header, which must be there.
pub(crate) fn seed_of(file: &[u8]) -> u32 {
    u32_at(file, 60)
}

/// Records on their way into a file. They get their checksums at the end, because these depend on the file, unless it is known before.
#[derive(Debug, Default, Clone)]
pub(crate) struct Batch {
    bytes: Slab,
    records: u32,
    /// What checksums begin with, where they are taken while records are added.
    seed: Option<u32>,
    /// Up to where records have theirs.
    summed: usize,
}

/// Checksums follow the end of what is added by so much: what was written a moment before is still on its way to where it is read.
const SUMMED_BEHIND: usize = 4_096;

impl Batch {
    /// Begins anew, for a place in a file, with records of at most so many bytes: they are written from where they are made.
    pub(crate) fn restart(&mut self, place: u64, bytes_max: usize) {
        self.bytes.restart(place, bytes_max + COMMIT_BYTES);
        (self.records, self.seed, self.summed) = (0, None, 0);
    }

    /// Takes checksums from now on while the processor has the records at hand, for the file that they are probably for. They are not
    /// changed any more, then.
    pub(crate) fn sum_with(&mut self, seed: u32) {
        self.seed = Some(seed);
    }

    /// The bytes, without the commit record.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(0);
        (self.records, self.seed, self.summed) = (0, None, 0);
    }

    /// Adds a record whose body is written by a function.
    pub(crate) fn push(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        let end = self.bytes.end();
        end.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, kind]);
        body(end);
        let length = (self.bytes.len() - start - 8) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.records += 1;
        if let Some(seed) = self.seed {
            self.sum_until(self.bytes.len().saturating_sub(SUMMED_BEHIND), seed);
        }
    }

    /// Gives records their checksums, from those that have one to that which holds a place.
    fn sum_until(&mut self, place: usize, seed: u32) {
        while self.summed < place {
            let rest = &mut self.bytes[self.summed..];
            let length = 8 + u32_at(rest, 0) as usize;
            let record = &mut rest[..length];
            // Its length stands for a moment where the checksum will be: one call sums up what is otherwise in two parts.
            record.copy_within(..4, 4);
            let crc = crc32c::crc32c_append(seed, &record[4..]);
            record[4..8].copy_from_slice(&crc.to_le_bytes());
            self.summed += length;
        }
    }

    /// Adds all records of another one, which is given up where that saves copying them; where the first of them begins.
    pub(crate) fn take(&mut self, other: &mut Self) -> usize {
        if self.is_empty() {
            std::mem::swap(self, other);
            return 0;
        }
        self.extend(other)
    }

    /// Adds all records of another one; where the first of them begins.
    pub(crate) fn extend(&mut self, other: &Self) -> usize {
        let start = self.bytes.len();
        self.bytes.end().extend_from_slice(&other.bytes);
        self.records += other.records;
        start
    }

    /// Adds some of another one's records: their bytes, and how many they are.
    pub(crate) fn extend_with(&mut self, other: &Self, bytes: Range<usize>, records: u32) {
        self.bytes.end().extend_from_slice(&other.bytes[bytes]);
        self.records += records;
    }

    /// Takes records back that were added last.
    pub(crate) fn truncate(&mut self, bytes: usize, records: u32) {
        self.bytes.truncate(bytes);
        (self.records, self.summed) = (records, self.summed.min(bytes));
    }

    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Writes two numbers at the beginning of the bodies of so many records, from one on, each time one more; where the next one
    /// begins.
    pub(crate) fn patch(&mut self, mut record: usize, count: u64, (first, second): (u64, u64)) -> usize {
        for at in 0..count {
            let body = record + FRAME_BYTES;
            self.bytes[body..body + 8].copy_from_slice(&(first + at).to_le_bytes());
            self.bytes[body + 8..body + 16].copy_from_slice(&(second + at).to_le_bytes());
            record += 8 + u32_at(&self.bytes, record) as usize;
        }
        record
    }

    /// Closes the batch for a place in a file; its bytes.
    pub(crate) fn seal(&mut self, seed: u32, offset: u64, next: u64) -> &mut Slab {
        if self.seed.take() != Some(seed) {
            self.summed = 0;
        }
        let records = self.records;
        self.push(COMMIT, |out| {
            out.extend_from_slice(&offset.to_le_bytes());
            out.extend_from_slice(&records.to_le_bytes());
            out.extend_from_slice(&next.to_le_bytes());
        });
        self.sum_until(self.bytes.len(), seed);
        &mut self.bytes
    }
}

/// Of a whole record, which contains it and is looked at without.
fn checksum(seed: u32, record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &record[..4]), &record[8..])
}

/// A record whose checksum holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'b> {
    pub(crate) kind: u8,
    pub(crate) body: &'b [u8],
    pub(crate) end: usize,
}

/// The record at an offset, or what is wrong with it.
pub(crate) fn frame_at(file: &[u8], at: usize, seed: u32) -> Result<Frame<'_>, &'static str> {
    let rest = &file[at..];
    if rest.len() < FRAME_BYTES {
        return Err("a record is cut off");
    }
    let length = u32_at(rest, 0) as usize;
    if length == 0 {
        return Err("a record is missing");
    }
    let record = rest.get(..8 + length).ok_or("a record is longer than its file")?;
    if checksum(seed, record) != u32_at(record, 4) {
        return Err("the checksum of a record is wrong");
    }
    Ok(Frame { kind: record[8], body: &record[FRAME_BYTES..], end: at + record.len() })
}

/// What a commit record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) offset: u64,
    pub(crate) records: u32,
    pub(crate) next: u64,
}

impl Commit {
    pub(crate) fn of(frame: Frame<'_>) -> Option<Self> {
        let body = frame.body;
        (frame.kind == COMMIT && body.len() == COMMIT_BYTES - FRAME_BYTES).then(|| Self {
            offset: u64_at(body, 0),
            records: u32_at(body, 8),
            next: u64_at(body, 12),
        })
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range is as long as the array")
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(batch: &mut Batch) {
        for at in 0..60_u8 {
            batch.push(1, |out| out.resize(out.len() + usize::from(at) * 13, at));
        }
        let (bytes, records) = (batch.len(), batch.records());
        batch.push(2, |out| out.resize(out.len() + 2 * SUMMED_BEHIND, 9));
        batch.truncate(bytes, records);
        batch.push(3, |out| out.extend_from_slice(b"last"));
    }

    #[test]
    fn checksums_are_the_same_whenever_they_are_taken() {
        let mut late = Batch::default();
        filled(&mut late);
        let wanted = late.seal(7, 64, 100).to_vec();
        for seed in [7, 8] {
            let mut early = Batch::default();
            early.restart(64, wanted.len());
            early.sum_with(seed);
            filled(&mut early);
            assert!(early.summed > wanted.len() / 2, "most of them are there");
            assert!(**early.seal(7, 64, 100) == *wanted, "taken with {seed}");
        }
        let mut at = 0;
        while at < wanted.len() {
            at = frame_at(&wanted, at, 7).unwrap().end;
        }
    }
}
