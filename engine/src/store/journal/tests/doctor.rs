//! What a journal that is closed is told about itself, and what repairing leaves.

use super::{
    super::doctor::{Repair, State, repair_on, verify_on},
    OpenError, add,
    damage::ends,
    is_a, kept, open, segments, snapshot, stream, texts,
};
use crate::segment::sim::SimDisk;
use crate::{
    id::{Position, Version},
    port::store::Store,
};

/// Several segments; the first one also holds the only event of a stream, and its snapshot.
async fn several() -> SimDisk {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "idle", "{}").await.unwrap();
    journal.put_snapshot(&stream("idle"), snapshot(1, "state")).await.unwrap();
    for at in 0..30 {
        add(&journal, "busy", &format!("{at:300}")).await.unwrap();
    }
    drop(journal);
    let disk = SimDisk::with(segments(&disk));
    assert!(segments(&disk).len() >= 4);
    disk
}

fn damaged(disk: &SimDisk, file: usize, at: usize) -> SimDisk {
    let mut files = disk.files();
    files[file].1[at] ^= 1;
    SimDisk::with(files)
}

/// What every file said, whatever it is called now.
fn contents(disk: &SimDisk) -> Vec<Vec<u8>> {
    disk.files().into_iter().map(|(_, bytes)| bytes).collect()
}

#[tokio::test]
async fn a_sound_journal_is_told_so_and_left_alone() {
    let disk = several().await;
    let report = verify_on(&disk).unwrap();
    assert!(report.is_sound() && report.files.iter().all(|file| file.state == State::Whole), "{report}");
    assert_eq!((report.oldest, report.head, report.streams), (1, 31, 2));
    assert_eq!(report.files.iter().map(|file| file.batches).sum::<u64>(), 32);
    let before = disk.files();
    assert_eq!(repair_on(&disk).unwrap(), []);
    assert_eq!(disk.files(), before);
    assert!(report.to_string().ends_with("31 events from position 1 to 31, 2 streams\n"), "{report}");
}

#[tokio::test]
async fn a_torn_write_is_told_and_cut_off() {
    let mut files = several().await.files();
    let whole = verify_on(&SimDisk::with(files.clone())).unwrap();
    let last = files.len() - 1;
    let end = ends(&files[last].1).last().unwrap().0;
    files[last].1[end..end + 5].copy_from_slice(b"abcde");
    let disk = SimDisk::with(files);
    let report = verify_on(&disk).unwrap();
    assert!(report.is_sound() && report.head == whole.head);
    assert!(matches!(report.files[last].state, State::Torn { offset, bytes: 5 } if offset == end as u64), "{report}");
    assert!(matches!(repair_on(&disk).unwrap()[..], [Repair::Truncated { at, .. }] if at == end as u64));
    assert_eq!(disk.files()[last].1.len(), end);
    assert_eq!(kept(&open(&disk).unwrap()).await.len(), 31);
}

/// Positions of what is kept.
async fn positions(disk: &SimDisk) -> Vec<u64> {
    kept(&open(disk).unwrap()).await.iter().map(|event| event.position.0).collect()
}

#[tokio::test]
async fn damage_costs_the_events_that_it_hit_and_no_others() {
    let sound = several().await;
    let all = kept(&open(&sound).unwrap()).await;
    let disk = damaged(&sound, 1, 700);
    let report = verify_on(&disk).unwrap();
    assert!(!report.is_sound() && report.head == 31 && report.events == 30, "{report}");
    assert_eq!(report.files.iter().filter(|file| file.state == State::Whole).count(), report.files.len() - 1);
    let [(at, to)] = report.lost.positions[..] else { panic!("{report}") };
    assert_eq!(at, to);
    let expected = format!("lost: 1 events, at {at}\nlost: of stream busy version {}\n", at - 1);
    assert!(report.to_string().ends_with(&expected), "{report}");
    assert!(matches!(open(&disk), Err(OpenError::Damaged { .. })));
    let before = contents(&disk);
    let done = repair_on(&disk).unwrap();
    assert!(matches!(&done[..], [Repair::SetAside { to, .. }, Repair::Rebuilt { .. }] if to == "quarantine/0000000002.journal"));
    assert!(before.iter().all(|bytes| contents(&disk).contains(bytes)), "nothing is deleted");
    assert!(verify_on(&disk).unwrap().is_sound());
    let journal = open(&disk).unwrap();
    let events = kept(&journal).await;
    assert_eq!(events, all.iter().filter(|event| event.position.0 != at).cloned().collect::<Vec<_>>());
    assert_eq!(journal.snapshot(&stream("idle")).await.unwrap().unwrap().data, "state");
    let of_busy = journal.read_stream(&stream("busy"), Version(0), 100).await.unwrap();
    assert_eq!(of_busy.len(), 29, "streams are read past what is lost");
    assert_eq!(add(&journal, "busy", "more").await.unwrap().first, Position(32));
}

#[tokio::test]
async fn whichever_byte_is_damaged_what_is_not_hit_can_be_read() {
    let sound = several().await;
    let all: Vec<u64> = (1..=31).collect();
    let (names, lengths): (Vec<_>, Vec<_>) = sound.files().into_iter().map(|(name, bytes)| (name, bytes.len())).unzip();
    for (file, length) in [(1, lengths[1]), (lengths.len() - 1, 1_200)] {
        for at in 0..length {
            let disk = damaged(&sound, file, at);
            let report = verify_on(&disk).unwrap();
            let left = report.events;
            let done = repair_on(&disk).unwrap();
            assert!(verify_on(&disk).unwrap().is_sound(), "{}, byte {at}: {done:?}", names[file]);
            let kept = positions(&disk).await;
            assert_eq!(kept.len() as u64, left, "{}, byte {at}: what is told is what is done", names[file]);
            // The header's checksum is what all others begin with.
            let hit = all.len() - kept.len();
            assert!(hit <= 1 || (60..64).contains(&at), "{}, byte {at}: {report}", names[file]);
            assert!(kept.iter().all(|position| all.contains(position)));
        }
    }
}

#[tokio::test]
async fn a_missing_file_is_a_gap_and_the_others_stay() {
    let mut files = several().await.files();
    files.remove(1);
    let disk = SimDisk::with(files);
    let report = verify_on(&disk).unwrap();
    assert!(matches!(&report.files[1].state, State::Bad { what, .. } if what.contains("missing")));
    let [(from, to)] = report.lost.positions[..] else { panic!("{report}") };
    assert!(from > 1 && to > from, "{report}");
    repair_on(&disk).unwrap();
    assert_eq!(positions(&disk).await, (1..from).chain(to + 1..=31).collect::<Vec<_>>());
    let journal = open(&disk).unwrap();
    assert_eq!(
        (journal.version(&stream("busy")).await.unwrap(), journal.version(&stream("idle")).await.unwrap()),
        (Version(30), Version(1))
    );
}

#[tokio::test]
async fn damage_in_several_files_is_mended_at_once() {
    let sound = several().await;
    let disk = damaged(&damaged(&sound, 0, 900), 2, 900);
    let report = verify_on(&disk).unwrap();
    assert_eq!((report.lost.positions.len(), report.events), (2, 29), "{report}");
    let done = repair_on(&disk).unwrap();
    assert_eq!(done.iter().filter(|repair| matches!(repair, Repair::Rebuilt { .. })).count(), 2);
    assert_eq!(positions(&disk).await.len(), 29);
    assert_eq!(repair_on(&disk).unwrap(), []);
}

#[tokio::test]
async fn a_damaged_base_is_made_anew_and_the_segments_stay() {
    let disk = several().await;
    let journal = open(&disk).unwrap();
    journal.truncate(Position(20), &[]).await.unwrap();
    let wanted = kept(&journal).await;
    drop(journal);
    assert!(is_a(&disk.files()[0].0, "base"), "{:?}", disk.files()[0].0);
    let disk = damaged(&disk, 0, 75);
    assert!(matches!(open(&disk), Err(OpenError::Damaged { file, .. }) if is_a(&file, "base")));
    repair_on(&disk).unwrap();
    let journal = open(&disk).unwrap();
    assert_eq!(texts(&kept(&journal).await), texts(&wanted));
    assert_eq!(journal.version(&stream("busy")).await.unwrap(), Version(30));
    assert_eq!(journal.version(&stream("idle")).await.unwrap(), Version(1), "what is whole of it is taken over");
}
