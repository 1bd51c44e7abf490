//! Which bytes of a file count: a pure function, so that every byte of a file can be cut off or flipped in a test.
//!
//! A batch counts when every checksum in it holds and its commit record closes it. There is at most one write under way
//! at a time, and the next begins when this one is on disk. So a batch that does not count is a torn write if nothing
//! whole was written after it, and damage otherwise.

use std::ops::Range;

use super::frame::{COMMIT, COMMIT_BYTES, Commit, FRAME_BYTES, Format, HEADER_BYTES, frame_at, seed_of, u32_at};

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Where the batches end.
    pub(crate) end: u64,
    /// Where the last one is, commit record included; empty when there is none.
    pub(crate) last_batch: Range<usize>,
    pub(crate) batches: u64,
    /// Without commit records.
    pub(crate) records: u64,
    /// The number after that of the last record that counts.
    pub(crate) next: u64,
    /// Bytes of a write that was not finished.
    pub(crate) torn: Option<Range<u64>>,
}

/// The first byte that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) offset: u64,
    pub(crate) what: String,
    /// What counts of the file, before that.
    pub(crate) sound: Scanned,
}

/// Where a batch ends, and what is in it.
struct Span {
    end: usize,
    records: u32,
    next: u64,
}

struct Broken {
    offset: usize,
    what: String,
}

/// Goes through a file whose header is sound; gives every record of every batch that counts to `visit`, in order. Only the
/// last file of a journal may have a torn write at its end.
pub(crate) fn scan(
    file: &[u8],
    format: &Format,
    next: u64,
    may_be_torn: bool,
    mut visit: impl FnMut(u8, &[u8]) -> Result<(), String>,
) -> Result<Scanned, Damage> {
    let (start, seed) = (HEADER_BYTES as u64, seed_of(file));
    let mut sound = Scanned { end: start, last_batch: 0..0, batches: 0, records: 0, next, torn: None };
    loop {
        let start = sound.end as usize;
        let rest = written(&file[start..]);
        if rest == 0 {
            return Ok(sound);
        }
        let span = match span_at(file, start, format, sound.next) {
            Ok(span) => span,
            Err(broken) => return tail(file, seed, broken, may_be_torn, sound, rest),
        };
        if let Err(broken) = visit_all(file, start, &span, &mut visit) {
            return Err(broken.damage(sound));
        }
        sound.last_batch = start..span.end;
        sound.end = span.end as u64;
        sound.batches += 1;
        sound.records += u64::from(span.records);
        sound.next = span.next;
    }
}

impl Broken {
    fn damage(self, sound: Scanned) -> Damage {
        Damage { offset: self.offset as u64, what: self.what, sound }
    }
}

/// How many bytes there are before nothing but zeros follows. Looks further only where a record could be missing.
fn written(bytes: &[u8]) -> usize {
    if bytes.len() >= 4 && u32_at(bytes, 0) != 0 {
        return bytes.len();
    }
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

fn span_at(file: &[u8], start: usize, format: &Format, mut next: u64) -> Result<Span, Broken> {
    let (mut at, mut records, seed) = (start, 0, seed_of(file));
    loop {
        let frame = frame_at(file, at, seed).map_err(|what| Broken { offset: at, what: what.into() })?;
        let broken = |what: &str| Broken { offset: at, what: what.into() };
        if frame.kind == COMMIT {
            let right = Commit { offset: start as u64, records, next };
            let is_right = Commit::of(frame) == Some(right) && records > 0;
            let wrong = || broken("a commit record does not belong to the records before it");
            return if is_right { Ok(Span { end: frame.end, records, next }) } else { Err(wrong()) };
        }
        let follows = (format.follow)(frame.kind, frame.body, next);
        next = follows.ok_or_else(|| broken("a record does not have the number that comes next"))?;
        (at, records) = (frame.end, records + 1);
    }
}

/// The checksums of these records were looked at before.
fn visit_all(
    file: &[u8],
    start: usize,
    span: &Span,
    visit: &mut impl FnMut(u8, &[u8]) -> Result<(), String>,
) -> Result<(), Broken> {
    let mut at = start;
    for _ in 0..span.records {
        let end = at + 8 + u32_at(file, at) as usize;
        visit(file[at + 8], &file[at + FRAME_BYTES..end]).map_err(|what| Broken { offset: at, what })?;
        at = end;
    }
    Ok(())
}

fn tail(file: &[u8], seed: u32, broken: Broken, may_be_torn: bool, mut sound: Scanned, rest: usize) -> Result<Scanned, Damage> {
    let start = sound.end as usize;
    if !may_be_torn {
        return Err(broken.damage(sound));
    }
    if let Some(later) = batch_after(file, start, seed) {
        let what = format!("{}, and the batch at byte {later} was written after it", broken.what);
        return Err(Broken { what, ..broken }.damage(sound));
    }
    let last = file[start..start + rest].iter().rposition(|byte| *byte != 0).map_or(start, |last| start + last + 1);
    sound.torn = Some(sound.end..last as u64);
    Ok(sound)
}

/// Where a batch begins that comes after a place and whose commit record is whole.
fn batch_after(file: &[u8], place: usize, seed: u32) -> Option<u64> {
    let length = (COMMIT_BYTES - 8) as u32;
    let begins = |at: &usize| u32_at(file, *at) == length && file[at + 8] == COMMIT;
    let commits = (place..file.len().saturating_sub(COMMIT_BYTES - 1)).filter(begins);
    let mut offsets = commits.filter_map(|at| frame_at(file, at, seed).ok().and_then(Commit::of)).map(|commit| commit.offset);
    offsets.find(|offset| *offset > place as u64)
}
