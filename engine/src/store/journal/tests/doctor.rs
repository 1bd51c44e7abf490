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

#[tokio::test]
async fn damage_in_the_middle_costs_what_was_before_but_not_where_streams_stood() {
    let sound = several().await;
    let disk = damaged(&sound, 1, 700);
    let report = verify_on(&disk).unwrap();
    assert!(!report.is_sound() && report.head == 31, "what follows the damage is looked at, too: {report}");
    assert_eq!(report.files.iter().filter(|file| file.state == State::Whole).count(), report.files.len() - 1);
    assert!(matches!(open(&disk), Err(OpenError::Damaged { .. })));
    let before = contents(&disk);
    let done = repair_on(&disk).unwrap();
    let names: Vec<_> = disk.files().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"0000000002.journal.bad".into()) && names.contains(&"0000000001.journal.before".into()), "{done:?}");
    assert!(before.iter().all(|bytes| contents(&disk).contains(bytes)), "nothing is deleted");
    assert!(verify_on(&disk).unwrap().is_sound());
    let journal = open(&disk).unwrap();
    assert_eq!(journal.head(), Position(31));
    let events = kept(&journal).await;
    assert!(!events.is_empty() && events.len() < 31 && events.last().unwrap().version == Version(30));
    assert_eq!(journal.snapshot(&stream("idle")).await.unwrap().unwrap().data, "state");
    assert_eq!(journal.version(&stream("idle")).await.unwrap(), Version(1));
    assert_eq!(add(&journal, "busy", "more").await.unwrap().first, Position(32));
}

#[tokio::test]
async fn of_a_damaged_last_file_the_whole_batches_are_saved() {
    let sound = several().await;
    let last = sound.files().len() - 1;
    let events = kept(&open(&sound).unwrap()).await;
    let disk = damaged(&SimDisk::with(segments(&sound)), last, 600);
    let done = repair_on(&disk).unwrap();
    assert!(matches!(&done[..], [Repair::SetAside { to, .. }, Repair::Saved { .. }] if is_a(to, "bad")), "{done:?}");
    let left = kept(&open(&disk).unwrap()).await;
    assert!(left.len() < 31 && left[..] == events[..left.len()]);
}

#[tokio::test]
async fn a_missing_file_is_a_gap_that_can_be_left_behind() {
    let mut files = several().await.files();
    files.remove(1);
    let disk = SimDisk::with(files);
    assert!(matches!(&verify_on(&disk).unwrap().files[1].state, State::Bad { what, .. } if what.contains("missing")));
    repair_on(&disk).unwrap();
    let journal = open(&disk).unwrap();
    assert_eq!((journal.head(), journal.version(&stream("idle")).await.unwrap()), (Position(31), Version(1)));
}

#[tokio::test]
async fn a_damaged_base_is_set_aside_and_the_segments_stay() {
    let disk = several().await;
    let journal = open(&disk).unwrap();
    journal.truncate(Position(20), &[]).await.unwrap();
    let wanted = kept(&journal).await;
    drop(journal);
    assert!(is_a(&disk.files()[0].0, "base"), "{:?}", disk.files()[0].0);
    let disk = damaged(&disk, 0, 100);
    assert!(matches!(open(&disk), Err(OpenError::Damaged { file, .. }) if is_a(&file, "base")));
    repair_on(&disk).unwrap();
    let journal = open(&disk).unwrap();
    assert_eq!(texts(&kept(&journal).await), texts(&wanted));
    assert_eq!(journal.version(&stream("busy")).await.unwrap(), Version(30));
    assert_eq!(journal.version(&stream("idle")).await.unwrap(), Version(0), "only its base knew of it");
}
