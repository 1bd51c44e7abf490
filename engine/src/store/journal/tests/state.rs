//! States beside the log.

use super::{add, is_a, open};
use crate::{port::store::Store, segment::sim::SimDisk, store::journal::doctor::verify_on};

#[tokio::test]
async fn a_state_outlives_the_process_and_is_the_old_or_the_new_one_after_a_crash() {
    let (old, new) = ("o".repeat(3_000), "n".repeat(5_000));
    for until in 0..200 {
        let disk = SimDisk::default();
        disk.world().power_until = Some(until);
        let Ok(journal) = open(&disk) else { continue };
        let (mut first, mut second) = (false, false);
        if add(&journal, "a", "one").await.is_ok() {
            first = journal.keep_state("models", old.clone().into()).await.is_ok();
            second = first && journal.keep_state("models", new.clone().into()).await.is_ok();
        }
        drop(journal);
        for seed in 0..3 {
            let left = disk.after_crash(until * 3 + seed);
            let kept = open(&left).unwrap().kept_state("models").await.unwrap();
            match kept {
                Some(kept) => assert!((kept == old && !second) || kept == new, "power until {until}"),
                None => assert!(!first, "power until {until}"),
            }
            assert!(!left.files().iter().any(|(name, _)| name == "state.tmp"), "what is half made is cleaned up");
        }
        if second {
            return;
        }
    }
    panic!("the power failed every time");
}

#[tokio::test]
async fn a_damaged_state_is_told_and_the_log_is_not_touched() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "a", "one").await.unwrap();
    journal.keep_state("models", "{}".into()).await.unwrap();
    drop(journal);
    let mut files = disk.files();
    let state = files.iter_mut().find(|(name, _)| is_a(name, "state")).unwrap();
    state.1[17] ^= 1;
    let damaged = SimDisk::with(files);
    let report = verify_on(&damaged).unwrap();
    assert!(!report.is_sound() && report.to_string().contains("models.state: 18 bytes, damaged"), "{report}");
    let journal = open(&damaged).unwrap();
    let told = journal.kept_state("models").await.unwrap_err().to_string();
    assert_eq!(told, "the log cannot be read: the state `models`: its checksum is wrong");
    assert_eq!(journal.head().0, 1);
    journal.keep_state("models", "[]".into()).await.unwrap();
    assert_eq!(journal.kept_state("models").await.unwrap().unwrap(), "[]");
    drop(journal);
    assert!(verify_on(&damaged).unwrap().is_sound());
}
