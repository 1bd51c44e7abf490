//! Every byte of a small file, cut off and flipped.

use std::sync::Arc;

use super::{
    super::doctor::{State, verify_on},
    OpenError, SMALL, open,
    work::{Caller, Seen, busy},
};
use crate::{
    segment::{
        frame::{COMMIT, HEADER_BYTES, frame_at, seed_of},
        sim::SimDisk,
    },
    testing::queue_contract::clock,
};

/// One segment of calls of every kind, without the zeros at its end.
async fn small() -> (String, Vec<u8>) {
    let (disk, clock) = (SimDisk::default(), clock());
    let mut caller = Caller::new(Arc::new(open(&disk, &clock).unwrap()), &clock);
    for deed in busy(18) {
        caller.act(&deed).await;
    }
    drop(caller);
    let (name, mut bytes) = disk.segments().remove(0);
    assert_eq!(bytes.len() as u64, SMALL.segment_bytes, "it is the only one");
    bytes.truncate(*ends(&bytes).last().unwrap());
    (name, bytes)
}

/// Where each batch ends.
pub(super) fn ends(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut ends) = (HEADER_BYTES, Vec::new());
    while at < bytes.len()
        && let Ok(frame) = frame_at(bytes, at, seed_of(bytes))
    {
        at = frame.end;
        ends.extend((frame.kind == COMMIT).then_some(at));
    }
    ends
}

fn with(name: &str, bytes: &[u8]) -> SimDisk {
    SimDisk::with([(name.to_owned(), bytes.to_vec())])
}

async fn seen(disk: &SimDisk) -> Seen {
    let clock = clock();
    Caller::new(Arc::new(open(disk, &clock).unwrap()), &clock).look().await
}

#[tokio::test]
async fn wherever_a_file_is_cut_off_whole_batches_are_left() {
    let (name, bytes) = small().await;
    let mut wholes = vec![(HEADER_BYTES, seen(&with(&name, &bytes[..HEADER_BYTES])).await)];
    for end in ends(&bytes) {
        wholes.push((end, seen(&with(&name, &bytes[..end])).await));
    }
    assert!(wholes.len() > 8, "{}", wholes.len());
    for cut in 0..=bytes.len() {
        for zeros in [0, 100] {
            let mut left = bytes[..cut].to_vec();
            left.resize(cut + zeros, 0);
            let disk = with(&name, &left);
            let is_left = |(end, _): &&(usize, Seen)| left.get(..*end) == bytes.get(..*end);
            let whole = &wholes.iter().rev().find(is_left).unwrap_or(&wholes[0]).1;
            assert_eq!(seen(&disk).await, *whole, "cut at {cut}");
        }
    }
}

#[tokio::test]
async fn a_flipped_bit_is_seen_wherever_it_is() {
    let (name, bytes) = small().await;
    let ends = ends(&bytes);
    let last = ends[ends.len() - 2];
    let before = seen(&with(&name, &bytes[..last])).await;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        flipped.resize(bytes.len() + 50, 0);
        let disk = with(&name, &flipped);
        if at >= last {
            // It looks like a write that was not finished, and is told as such.
            let queues = open(&disk, &clock()).unwrap();
            assert_eq!(queues.recovered().torn.as_ref().unwrap().1, last as u64, "byte {at}");
            drop(queues);
            assert_eq!(seen(&disk).await, before, "byte {at}");
            continue;
        }
        let Err(OpenError::Damaged { file, offset, .. }) = open(&disk, &clock()) else { panic!("byte {at} was not seen") };
        assert!(file == name && offset <= at as u64, "byte {at} was said to be at {offset}");
        let report = verify_on(&disk).unwrap();
        assert!(matches!(report.files[0].state, State::Bad { offset: said, .. } if said == offset), "{report}");
        assert_eq!(disk.files()[0].1, flipped, "nothing was changed");
    }
}

#[tokio::test]
async fn queues_of_a_later_format_are_not_touched() {
    let (name, mut bytes) = small().await;
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    let refused = open(&with(&name, &bytes), &clock()).err().unwrap().to_string();
    assert!(refused.contains("format 2"), "{refused}");
}
