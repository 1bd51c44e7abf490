//! What can still be read of a file that is damaged: every record whose checksum holds and that a commit record stands for,
//! also after the damage. A checksum holds for the bytes of its own file alone, so what is found was written there.

use super::frame::{COMMIT, Commit, FRAME_BYTES, Frame, HEADER_BYTES, frame_at, seed_of, u32_at};

/// Kinds of records are small numbers; looking for one it would be a waste to sum up what cannot be one.
const KIND_MAX: u8 = 31;

/// What was found.
#[derive(Default)]
pub(crate) struct Salvaged<'f> {
    pub(crate) records: Vec<(u8, &'f [u8])>,
    /// Bytes that belong to nothing that can be read.
    pub(crate) lost: u64,
}

/// Looks through a file, whatever its header is like.
pub(crate) fn salvage(file: &[u8]) -> Salvaged<'_> {
    let mut salvaged = Salvaged::default();
    if file.len() < HEADER_BYTES {
        return salvaged;
    }
    let (seed, end) = (seed_of(file), file.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    let (mut at, mut open) = (HEADER_BYTES, Vec::new());
    while at + FRAME_BYTES <= end {
        let Some(frame) = record(file, at, seed) else {
            let next = next_record(file, at, end, seed);
            salvaged.lost += (next - at) as u64;
            at = next;
            continue;
        };
        match Commit::of(frame) {
            // What a write that failed left there has no commit record of its own, and is before this batch.
            Some(commit) => salvaged
                .records
                .extend(open.drain(..).filter_map(|(start, kind, body)| (start as u64 >= commit.offset).then_some((kind, body)))),
            None => open.push((at, frame.kind, frame.body)),
        }
        at = frame.end;
    }
    salvaged
}

/// Every record whose checksum holds, whether a commit record stands for it or not: for files that are written as a whole.
pub(crate) fn every_record(file: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut at, mut found) = (HEADER_BYTES, Vec::new());
    while at + FRAME_BYTES <= file.len() {
        let seed = seed_of(file);
        match record(file, at, seed) {
            Some(frame) => {
                found.extend((frame.kind != COMMIT).then_some((frame.kind, frame.body)));
                at = frame.end;
            }
            None => at = next_record(file, at, file.len(), seed),
        }
    }
    found
}

fn record(file: &[u8], at: usize, seed: u32) -> Option<Frame<'_>> {
    let kind = *file.get(at + FRAME_BYTES - 1)?;
    let frame = (1..=KIND_MAX).contains(&kind).then(|| frame_at(file, at, seed).ok()).flatten()?;
    (frame.kind != COMMIT || Commit::of(frame).is_some()).then_some(frame)
}

/// Where the next record begins that can be read: mostly the damaged one at least says how long it is.
fn next_record(file: &[u8], at: usize, end: usize, seed: u32) -> usize {
    let after = at.saturating_add(8).saturating_add(u32_at(file, at) as usize);
    if after < end && record(file, after, seed).is_some() {
        return after;
    }
    (at + 1..end.saturating_sub(FRAME_BYTES - 1)).find(|at| record(file, *at, seed).is_some()).unwrap_or(end)
}
