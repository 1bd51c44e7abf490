//! A disk that fails while it is written to.

use futures_util::{FutureExt, future::join_all};

use super::{Journal, OpenError, add, event, kept, open, segments, snapshot, stream, texts, to};
use crate::segment::{load::segment_name, sim::SimDisk};
use crate::{
    id::{Position, Version},
    port::store::{AppendError, Condition, Expected, Store},
};

#[tokio::test]
async fn a_write_that_fails_is_refused_and_the_next_goes_in_its_place() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "a", "first").await.unwrap();
    disk.await_next();
    disk.world().failing_writes = 1;
    let refused = add(&journal, "a", &"a long one that is written in part".repeat(20)).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Unavailable { source: Some(error), .. } if error.raw_os_error() == Some(5)));
    assert!(matches!(journal.condition(), Condition::Refusing { .. }));
    assert_eq!(texts(&kept(&journal).await), ["first"]);
    let batch = vec![to("a", Expected::Exact(Version(1)), vec![event("s")])];
    let synced = journal.syncs().unwrap().count();
    assert_eq!(journal.append(batch).await.unwrap().first, Position(2));
    assert_eq!(journal.syncs().unwrap().count(), synced + 1);
    assert_eq!(journal.condition(), Condition::Writing);
    drop(journal);
    for left in [disk.clone(), disk.after_crash(7)] {
        let journal = open(&left).unwrap();
        assert_eq!((texts(&kept(&journal).await), &journal.recovered().torn), (vec!["first", "s"], &None));
    }
}

#[tokio::test]
async fn a_disk_that_writes_little_at_once_gets_it_all() {
    let disk = SimDisk::default();
    disk.world().write_max = Some(7);
    let journal = open(&disk).unwrap();
    for at in 0..30 {
        add(&journal, "a", &format!("event {at} {}", "x".repeat(200))).await.unwrap();
    }
    let events = kept(&journal).await;
    drop(journal);
    assert!(segments(&disk).len() > 1);
    assert_eq!(kept(&open(&disk.after_crash(3)).unwrap()).await, events);
}

#[tokio::test]
async fn after_a_failed_sync_it_takes_no_more_but_is_read() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "a", "kept").await.unwrap();
    disk.await_next();
    disk.world().failing_syncs = 1;
    let refused = add(&journal, "a", "lost").await.unwrap_err().to_string();
    assert!(refused.contains("sync failed"), "{refused}");
    for _ in 0..3 {
        let refused = add(&journal, "a", "more").await.unwrap_err();
        assert!(matches!(&refused, AppendError::Unavailable { reason, .. } if reason.contains("sync failed")), "{refused}");
    }
    assert!(journal.put_snapshot(&stream("a"), snapshot(1, "{}")).await.is_err());
    assert!(matches!(journal.condition(), Condition::Failed { .. }));
    assert_eq!(texts(&kept(&journal).await), ["kept"]);
    drop(journal);
    // The process goes on without a crash: it reads what is not on disk, and must not build on that.
    let journal = open(&disk).unwrap();
    assert_eq!(texts(&kept(&journal).await), ["kept", "lost"]);
    add(&journal, "a", "next").await.unwrap();
    drop(journal);
    assert_eq!(texts(&kept(&open(&disk.after_crash(5)).unwrap()).await), ["kept", "lost", "next"]);
}

async fn fill(journal: &Journal) -> (usize, AppendError) {
    let mut count = 0;
    loop {
        match add(journal, "a", &"x".repeat(300)).await {
            Ok(_) => count += 1,
            Err(refused) => return (count, refused),
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_says_so_and_recovers_when_there_is_room() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    disk.world().room = Some(20_000);
    let (count, refused) = fill(&journal).await;
    assert!(matches!(&refused, AppendError::Unavailable { source: Some(error), .. } if error.raw_os_error() == Some(28)));
    let Condition::Refusing { reason, is_full: true } = journal.condition() else { panic!("{:?}", journal.condition()) };
    assert!(reason.contains("No space"), "{reason}");
    assert_eq!(kept(&journal).await.len(), count, "reads go on, and nothing is lost");
    assert!(journal.try_again().await.is_err(), "there is no room yet");
    disk.world().room = Some(40_000);
    journal.try_again().await.unwrap();
    assert_eq!(journal.condition(), Condition::Writing, "nobody had to append");
    add(&journal, "a", "again").await.unwrap();
    assert_eq!(journal.condition(), Condition::Writing);
    drop(journal);
    assert_eq!(kept(&open(&disk.after_crash(1)).unwrap()).await.len(), count + 1);
}

#[tokio::test]
async fn retention_makes_room_on_a_full_disk() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    disk.world().room = Some(20_000);
    let (count, _) = fill(&journal).await;
    let version = journal.version(&stream("a")).await.unwrap();
    journal.put_snapshot(&stream("a"), snapshot(version.0, "state")).await.unwrap();
    journal.truncate(journal.head(), &[]).await.unwrap();
    // Files go in the background: an append is refused until they are gone, and each tries again.
    let mut is_taken = false;
    for _ in 0..10_000 {
        is_taken = add(&journal, "a", &"x".repeat(300)).await.is_ok();
        if is_taken {
            break;
        }
    }
    assert!(
        is_taken,
        "{:?} {:?}",
        journal.condition(),
        disk.files().iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect::<Vec<_>>()
    );
    drop(journal);
    let journal = open(&disk).unwrap();
    assert_eq!(journal.version(&stream("a")).await.unwrap(), Version(count as u64 + 1));
    assert_eq!(journal.snapshot(&stream("a")).await.unwrap().unwrap().data, "state");
}

#[tokio::test]
async fn segments_that_could_not_be_dropped_go_with_the_next_file() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    for _ in 0..30 {
        add(&journal, "a", &"x".repeat(300)).await.unwrap();
    }
    disk.await_next();
    disk.world().room = Some(0);
    journal.truncate(journal.head(), &[]).await.unwrap();
    disk.await_that(|world| world.roomless > 0);
    disk.world().room = None;
    for _ in 0..15 {
        add(&journal, "a", &"x".repeat(300)).await.unwrap();
    }
    drop(journal);
    assert!(segments(&disk)[0].0 > segment_name(1), "{:?}", segments(&disk)[0].0);
    assert_eq!(kept(&open(&disk.after_crash(2)).unwrap()).await.len(), 16);
}

#[tokio::test]
async fn a_full_disk_does_not_keep_a_journal_from_being_read() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    disk.world().room = Some(20_000);
    let (count, _) = fill(&journal).await;
    drop(journal);
    disk.world().room = Some(0);
    let journal = open(&disk).unwrap();
    assert_eq!(kept(&journal).await.len(), count);
    let fresh = SimDisk::default();
    fresh.world().room = Some(100);
    let Err(OpenError::Disk { source, .. }) = open(&fresh) else { panic!("there is no room for a first file") };
    assert_eq!(source.raw_os_error(), Some(28));
}

#[tokio::test]
async fn who_waits_shares_a_sync_and_nobody_reads_before_it() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    add(&journal, "a", "0").await.unwrap();
    let before = disk.world().syncs;
    disk.world().is_held = true;
    let appends = (0..64_u64).map(|at| {
        let expected = Expected::Exact(Version(at + 1));
        journal.append(vec![to("a", expected, vec![event(&at.to_string())])])
    });
    let mut all = Box::pin(join_all(appends));
    assert!(all.as_mut().now_or_never().is_none());
    assert_eq!((journal.head(), kept(&journal).await.len()), (Position(1), 1), "what is not on disk is not shown");
    disk.release();
    let appended = all.await;
    // In flight at once, each found the version that the one before it would leave.
    assert_eq!(appended.into_iter().map(|outcome| outcome.unwrap().first.0).collect::<Vec<_>>(), (2..66).collect::<Vec<_>>());
    let syncs = disk.world().syncs - before;
    assert!(syncs <= 12, "{syncs} syncs for 64 callers");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_others() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    disk.world().is_held = true;
    let mut gone = Box::pin(add(&journal, "a", "gone"));
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    let mut stays = Box::pin(add(&journal, "a", "stays"));
    assert!(stays.as_mut().now_or_never().is_none());
    disk.release();
    stays.await.unwrap();
    assert_eq!(texts(&kept(&journal).await), ["gone", "stays"]);
}

#[tokio::test]
async fn an_append_that_fits_into_no_segment_is_refused() {
    let journal = open(&SimDisk::default()).unwrap();
    let refused = add(&journal, "a", &"x".repeat(4_000)).await.unwrap_err();
    assert!(matches!(&refused, AppendError::Unfit { reason } if reason.contains("fit into a segment")), "{refused}");
    add(&journal, "a", &"x".repeat(3_000)).await.unwrap();
    add(&journal, "a", &"x".repeat(3_000)).await.unwrap();
}

#[tokio::test]
async fn a_next_file_that_could_not_be_begun_is_none() {
    let trial = SimDisk::default();
    let journal = open(&trial).unwrap();
    let mut fit = 0;
    while segments(&trial).len() < 2 {
        add(&journal, "a", &"x".repeat(320)).await.unwrap();
        fit += 1;
    }
    for fails_to_write in [true, false] {
        let disk = SimDisk::default();
        let journal = open(&disk).unwrap();
        for _ in 1..fit {
            add(&journal, "a", &"x".repeat(320)).await.unwrap();
        }
        disk.await_next();
        let broken = u32::from(fails_to_write);
        (disk.world().failing_writes, disk.world().failing_syncs) = (broken, 1 - broken);
        assert!(add(&journal, "a", &"x".repeat(320)).await.is_err());
        add(&journal, "a", "s").await.unwrap();
        let events = kept(&journal).await;
        assert_eq!((events.len(), segments(&disk).len()), (fit, 1), "it went on in the file before");
        for seed in 0..20 {
            assert_eq!(kept(&open(&disk.after_crash(seed)).unwrap()).await, events, "seed {seed}");
        }
        add(&journal, "a", &"x".repeat(320)).await.unwrap();
        drop(journal);
        assert_eq!(kept(&open(&disk.after_crash(1)).unwrap()).await.len(), fit + 1);
    }
}
