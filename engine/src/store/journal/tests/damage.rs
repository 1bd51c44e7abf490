//! Every byte of a small file, cut off and flipped.

use super::{
    super::doctor::{State, verify_on},
    OpenError, add, event, kept, open, segments, snapshot, stream, texts, to,
};
use crate::segment::{
    frame::{Commit, HEADER_BYTES, frame_at, seed_of},
    sim::SimDisk,
    slab::BLOCK,
};
use crate::{
    id::Position,
    port::store::{Expected, Store},
};

/// One segment of a few batches of every kind, without the zeros at its end.
async fn small() -> (String, Vec<u8>) {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "a", "one").await.unwrap();
    let batch =
        vec![to("a", Expected::Any, vec![event("two"), event("three")]), to("b", Expected::NoStream, vec![event("four")])];
    journal.append(batch).await.unwrap();
    journal.put_snapshot(&stream("a"), snapshot(2, "state")).await.unwrap();
    journal.truncate(Position(2), &[stream("b")]).await.unwrap();
    add(&journal, "b", "five").await.unwrap();
    drop(journal);
    let (name, mut bytes) = segments(&disk).remove(0);
    bytes.truncate(ends(&bytes).last().unwrap().0);
    (name, bytes)
}

/// Where each batch ends, and the events up to there.
pub(super) fn ends(bytes: &[u8]) -> Vec<(usize, u64)> {
    let (mut at, mut ends) = (HEADER_BYTES, Vec::new());
    while let Ok(frame) = frame_at(bytes, at, seed_of(bytes)) {
        at = frame.end;
        ends.extend(Commit::of(frame).map(|commit| (at, commit.next - 1)));
        if at == bytes.len() {
            break;
        }
    }
    ends
}

fn with(name: &str, bytes: &[u8]) -> SimDisk {
    SimDisk::with([(name.to_owned(), bytes.to_vec())])
}

#[tokio::test]
async fn wherever_a_file_is_cut_off_whole_batches_are_left() {
    let (name, bytes) = small().await;
    let ends = ends(&bytes);
    assert_eq!(ends.iter().map(|(_, head)| *head).collect::<Vec<_>>(), [1, 4, 4, 4, 5]);
    let all = ["one", "two", "three", "four", "five"];
    for cut in 0..=bytes.len() {
        for zeros in [0, 100] {
            let mut left = bytes[..cut].to_vec();
            left.resize(cut + zeros, 0);
            let disk = with(&name, &left);
            let is_left = |(end, _): &&(usize, u64)| left.get(..*end) == bytes.get(..*end);
            let end = ends.iter().rev().find(is_left).copied().unwrap_or((HEADER_BYTES, 0));
            let journal = open(&disk).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let oldest = if end.0 >= ends[3].0 { 2 } else { 1 };
            assert_eq!((journal.head().0, journal.stats().oldest.0), (end.1, oldest), "cut at {cut}");
            assert_eq!(texts(&kept(&journal).await), all[oldest as usize - 1..end.1 as usize]);
            let torn = journal.recovered().torn.clone();
            let rest = left.get(end.0..).unwrap_or_default();
            // Of a header nothing is missed.
            let is_torn = cut >= HEADER_BYTES && rest.iter().any(|byte| *byte != 0);
            assert_eq!(torn.is_some(), is_torn, "cut at {cut}: {torn:?}");
            assert!(torn.is_none_or(|(_, offset, _)| offset == end.0 as u64));
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_is_seen_wherever_it_is() {
    let (name, bytes) = small().await;
    let ends = ends(&bytes);
    let last = ends[ends.len() - 2].0;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        flipped.resize(bytes.len() + 50, 0);
        let disk = with(&name, &flipped);
        if at >= last {
            // It looks like a write that was not finished, and is told as such.
            let journal = open(&disk).unwrap();
            assert_eq!((journal.head().0, journal.recovered().torn.as_ref().unwrap().1), (4, last as u64), "byte {at}");
            continue;
        }
        let Err(OpenError::Damaged { file, offset, .. }) = open(&disk) else { panic!("byte {at} was not seen") };
        assert!(file == name && offset <= at as u64, "byte {at} was said to be at {offset}");
        let report = verify_on(&disk).unwrap();
        assert!(matches!(report.files[0].state, State::Bad { offset: said, .. } if said == offset), "{report}");
        assert_eq!(disk.files()[0].1, flipped, "nothing was changed");
    }
}

#[tokio::test]
async fn in_a_file_that_is_not_the_last_nothing_may_be_torn() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    for _ in 0..12 {
        add(&journal, "a", &"x".repeat(500)).await.unwrap();
    }
    drop(journal);
    let files = segments(&disk);
    assert!(files.len() >= 2);
    for at in 0..files[0].1.len() {
        let mut damaged = files.clone();
        damaged[0].1[at] ^= 0x10;
        assert!(matches!(open(&SimDisk::with(damaged)), Err(OpenError::Damaged { .. })), "flipped at {at}");
    }
    // Zeros may stand behind what was written, or not.
    let written = files[0].1.iter().rposition(|byte| *byte != 0).unwrap();
    for cut in (0..=written).step_by(37) {
        let mut damaged = files.clone();
        damaged[0].1.truncate(cut);
        assert!(matches!(open(&SimDisk::with(damaged)), Err(OpenError::Damaged { .. })), "cut at {cut}");
    }
    let refused = open(&SimDisk::with(files[1..].to_vec())).err().unwrap().to_string();
    assert!(refused.contains("0000000001.journal") && refused.contains("missing"), "{refused}");
}

#[tokio::test]
async fn a_journal_of_a_later_format_is_not_touched() {
    let (name, mut bytes) = small().await;
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    let refused = open(&with(&name, &bytes)).err().unwrap().to_string();
    assert!(refused.contains("format 2"), "{refused}");
}

#[tokio::test]
async fn a_segment_that_was_made_and_not_begun_is_none_and_one_whose_beginning_is_gone_is_damaged() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    for _ in 0..12 {
        add(&journal, "a", &"x".repeat(500)).await.unwrap();
    }
    disk.await_next();
    let events = kept(&journal).await;
    drop(journal);
    let (files, begun) = (disk.files(), segments(&disk));
    let (next, zeros) = files.last().unwrap();
    assert!(begun.len() > 1 && begun.iter().all(|(name, _)| name < next), "{begun:?}");
    let damaged = |name: &str, bytes: Vec<u8>| {
        SimDisk::with(files.iter().map(|(known, old)| (known.clone(), if known == name { bytes.clone() } else { old.clone() })))
    };
    // A header that the power failed in.
    let mut torn = zeros.clone();
    torn[..40].copy_from_slice(&begun[0].1[..40]);
    for left in [disk.after_crash(1), damaged(next, torn), damaged(next, Vec::new())] {
        let journal = open(&left).unwrap();
        assert_eq!((kept(&journal).await, &journal.recovered().torn), (events.clone(), &None));
        assert!(verify_on(&damaged(next, Vec::new())).unwrap().is_sound());
    }
    // Its first block is lost, and more is not: nobody takes it for one that was never begun.
    let mut lost = zeros.clone();
    lost.resize(2 * BLOCK, 0);
    lost[BLOCK + 10] = 1;
    let disk = damaged(next, lost);
    assert!(matches!(open(&disk), Err(OpenError::Damaged { offset: 0, file, .. }) if file == *next));
    assert!(!verify_on(&disk).unwrap().is_sound());
}
