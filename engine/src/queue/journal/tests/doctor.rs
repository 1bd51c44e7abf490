//! What queues that are closed are told about themselves, and what repairing leaves.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::doctor::{Repair, State, repair_on, verify_on},
    OpenError,
    damage::ends,
    open,
    work::q,
};
use crate::{
    port::queue::{NewMessage, Peek, Queues},
    segment::sim::SimDisk,
    testing::{clock::ManualClock, queue_contract::clock},
};

/// Several segments of messages that all wait.
async fn several() -> SimDisk {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    for at in 0..40 {
        let body = format!("\"{at:250}\"").into();
        queues.send(&q(), vec![NewMessage { body, ..NewMessage::default() }]).await.unwrap();
    }
    drop(queues);
    let disk = SimDisk::with(disk.segments());
    assert!(disk.files().len() >= 3);
    disk
}

fn damaged(disk: &SimDisk, file: usize, at: usize) -> SimDisk {
    let mut files = disk.files();
    files[file].1[at] ^= 1;
    SimDisk::with(files)
}

async fn bodies(disk: &SimDisk, clock: &ManualClock) -> BTreeSet<String> {
    let queues: Arc<dyn Queues> = Arc::new(open(disk, clock).unwrap());
    let mut all = BTreeSet::new();
    for (name, _) in queues.stats().await.unwrap() {
        let there = queues.peek(&name, Peek::Waiting, 0, 1_000).await.unwrap();
        all.extend(there.into_iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()));
    }
    all
}

#[tokio::test]
async fn sound_queues_are_told_so_and_left_alone() {
    let disk = several().await;
    let report = verify_on(&disk).unwrap();
    assert!(report.is_sound() && report.files.iter().all(|file| file.state == State::Whole), "{report}");
    assert_eq!((report.queues, report.messages, report.dead), (1, 40, 0));
    let before = disk.files();
    assert_eq!(repair_on(&disk).unwrap(), []);
    assert_eq!(disk.files(), before);
}

#[tokio::test]
async fn a_torn_write_is_told_and_cut_off() {
    let mut files = several().await.files();
    let last = files.len() - 1;
    let end = *ends(&files[last].1).last().unwrap();
    files[last].1[end..end + 5].copy_from_slice(b"abcde");
    let disk = SimDisk::with(files);
    let report = verify_on(&disk).unwrap();
    assert!(report.is_sound() && report.messages == 40);
    assert!(matches!(report.files[last].state, State::Torn { offset, bytes: 5 } if offset == end as u64), "{report}");
    assert!(matches!(repair_on(&disk).unwrap()[..], [Repair::Truncated { at, .. }] if at == end as u64));
    assert_eq!(bodies(&disk, &clock()).await.len(), 40);
}

#[tokio::test]
async fn whichever_byte_is_damaged_what_is_not_hit_can_be_read() {
    let (sound, clock) = (several().await, clock());
    let all = bodies(&sound, &clock).await;
    for file in [0, 1] {
        let (name, bytes) = sound.files().swap_remove(file);
        for at in (0..200).chain((200..bytes.len()).step_by(3)) {
            let disk = damaged(&sound, file, at);
            assert!(matches!(open(&disk, &clock), Err(OpenError::Damaged { .. })), "{name}, byte {at}");
            let report = verify_on(&disk).unwrap();
            assert!(!report.is_sound());
            let done = repair_on(&disk).unwrap();
            assert!(disk.files().iter().any(|(name, _)| name.starts_with("quarantine/")), "nothing is deleted: {done:?}");
            assert!(verify_on(&disk).unwrap().is_sound(), "{name}, byte {at}: {done:?}");
            let left = bodies(&disk, &clock).await;
            assert_eq!(left.len() as u64, report.messages, "{name}, byte {at}: what is told is what is done");
            // The header's checksum is what all others begin with.
            let hit = all.difference(&left).count();
            assert!(hit <= 1 || (60..64).contains(&at), "{name}, byte {at}: {hit} are lost: {report}");
            assert!(left.is_subset(&all));
        }
    }
}

#[tokio::test]
async fn a_file_that_is_missing_costs_no_message_of_another() {
    let (sound, clock) = (several().await, clock());
    let all = bodies(&sound, &clock).await;
    for gone in [0, 1] {
        let mut files = sound.files();
        files.remove(gone);
        let disk = SimDisk::with(files.clone());
        assert!(matches!(open(&disk, &clock), Err(OpenError::Damaged { .. })));
        assert!(!verify_on(&disk).unwrap().is_sound());
        repair_on(&disk).unwrap();
        assert!(verify_on(&disk).unwrap().is_sound());
        let left = bodies(&disk, &clock).await;
        let lost = all.len() - left.len();
        assert!(lost > 0 && lost < 15 && left.is_subset(&all), "file {gone}: {lost} are lost");
    }
}
