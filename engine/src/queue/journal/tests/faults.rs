//! A disk that fails while it is written to.

use std::sync::Arc;

use futures_util::{FutureExt, future::join_all};

use super::{
    JournalQueues, OpenError, Settings, open,
    work::{Answer, Caller, Deed, busy, q},
};
use crate::{
    port::{
        queue::{NewMessage, Peek, QueueError, Queues, Receipt},
        store::Condition,
    },
    segment::{base, load::segment_name, sim::SimDisk},
    testing::queue_contract::clock,
    unit::Duration,
};

fn message(bytes: usize) -> NewMessage {
    NewMessage { body: format!("\"{}\"", "x".repeat(bytes)).into(), ..NewMessage::default() }
}

async fn send(queues: &JournalQueues, bytes: usize) -> Result<(), QueueError> {
    queues.send(&q(), vec![message(bytes)]).await.map(drop)
}

async fn receive(queues: &JournalQueues, max: usize) -> Vec<Receipt> {
    let leased = queues.receive(&q(), max, Duration::from_secs(3_600), "w").await.unwrap();
    leased.into_iter().map(|leased| leased.receipt).collect()
}

async fn waiting(queues: &JournalQueues) -> usize {
    queues.peek(&q(), Peek::Waiting, 0, 1_000).await.unwrap().len()
}

fn segments(disk: &SimDisk) -> Vec<String> {
    disk.segments().into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_base_that_is_being_written_holds_up_no_call() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    disk.world().held_file = Some(base::UNFINISHED);
    let mut most = String::new();
    for _ in 0..120 {
        send(&queues, 200).await.unwrap();
        let receipts = receive(&queues, 1).await;
        queues.ack(&q(), &receipts).await.unwrap();
        most = segments(&disk).pop().unwrap();
    }
    assert!(most > segment_name(8), "{most}: many files were begun");
    disk.await_that(|world| world.names().any(|name| name == base::UNFINISHED));
    assert_eq!(segments(&disk)[0], segment_name(1), "the base that stands for the first ones is not there yet");
    disk.release();
    drop(queues);
    assert!(segments(&disk)[0] > segment_name(1), "{:?}", segments(&disk));
    let queues = open(&disk.after_crash(1), &clock).unwrap();
    assert_eq!((waiting(&queues).await, queues.stats().await.unwrap()[0].1.acked_total), (0, 120));
}

#[tokio::test]
async fn a_send_that_cannot_be_written_never_was_and_an_ack_is_written_later() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    send(&queues, 10).await.unwrap();
    let receipts = receive(&queues, 1).await;
    disk.await_next();
    disk.world().failing_writes = 1;
    let refused = send(&queues, 11).await.unwrap_err();
    assert!(matches!(&refused, QueueError::Unavailable { reason } if reason.contains("as soon as it can")), "{refused}");
    assert!(matches!(queues.condition(), Condition::Refusing { .. }));
    assert_eq!(waiting(&queues).await, 0);
    disk.world().failing_writes = 1;
    assert!(matches!(queues.ack(&q(), &receipts).await, Err(QueueError::Unavailable { .. })));
    assert!(matches!(queues.ack(&q(), &receipts).await, Err(QueueError::Stale { .. })), "it was done all the same");
    send(&queues, 12).await.unwrap();
    assert_eq!(queues.condition(), Condition::Writing);
    for left in [disk.after_crash(2), disk.after_crash(3)] {
        let queues = open(&left, &clock).unwrap();
        let there = queues.peek(&q(), Peek::Waiting, 0, 10).await.unwrap();
        assert_eq!(there.iter().map(|message| message.body.len()).collect::<Vec<_>>(), [14], "the acked one is gone");
    }
}

#[tokio::test]
async fn a_lease_that_cannot_be_written_is_none() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    send(&queues, 10).await.unwrap();
    disk.await_next();
    disk.world().failing_writes = 1;
    assert!(queues.receive(&q(), 1, Duration::from_secs(9), "w").await.is_err());
    let there = &queues.peek(&q(), Peek::Waiting, 0, 10).await.unwrap()[0];
    assert_eq!(there.deliveries, 0, "nobody got it, so it is no attempt");
    assert_eq!(receive(&queues, 1).await.len(), 1);
}

#[tokio::test]
async fn a_disk_that_writes_little_at_once_gets_it_all() {
    let (disk, clock, deeds) = (SimDisk::default(), clock(), busy(64));
    disk.world().write_max = Some(7);
    let mut model = Caller::of_memory(&clock);
    let mut caller = Caller::new(Arc::new(open(&disk, &clock).unwrap()), &clock);
    for deed in &deeds {
        assert_eq!(caller.act(deed).await, model.act(deed).await);
    }
    model.end_leases().await;
    let caller = Caller::new(Arc::new(open(&disk.after_crash(3), &clock).unwrap()), &clock);
    assert_eq!(caller.look().await, model.look().await);
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_taken_but_all_is_seen() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    send(&queues, 10).await.unwrap();
    disk.await_next();
    disk.world().failing_syncs = 1;
    let refused = send(&queues, 11).await.unwrap_err().to_string();
    assert!(refused.contains("sync failed"), "{refused}");
    assert!(matches!(queues.condition(), Condition::Failed { .. }));
    assert!(send(&queues, 12).await.is_err());
    assert!(queues.receive(&q(), 1, Duration::from_secs(9), "w").await.is_err());
    assert_eq!(waiting(&queues).await, 1);
    drop(queues);
    // The process goes on without a crash: it reads what is not on disk, and must not build on that.
    let queues = open(&disk, &clock).unwrap();
    assert_eq!(waiting(&queues).await, 2);
    send(&queues, 13).await.unwrap();
    drop(queues);
    assert_eq!(waiting(&open(&disk.after_crash(5), &clock).unwrap()).await, 3);
}

async fn fill(queues: &JournalQueues, bytes: usize) -> (usize, QueueError) {
    let mut count = 0;
    loop {
        match send(queues, bytes).await {
            Ok(()) => count += 1,
            Err(refused) => return (count, refused),
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_says_so_and_goes_on_when_there_is_room() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    disk.world().room = Some(20_000);
    let (count, refused) = fill(&queues, 250).await;
    assert!(matches!(&refused, QueueError::Unavailable { reason } if reason.contains("No space")), "{refused}");
    assert!(matches!(queues.condition(), Condition::Refusing { .. }));
    assert_eq!(waiting(&queues).await, count, "all that was acknowledged is seen");
    assert_eq!(waiting(&open(&disk.after_crash(1), &clock).unwrap()).await, count);
    disk.world().room = Some(40_000);
    send(&queues, 250).await.unwrap();
    assert_eq!(queues.condition(), Condition::Writing);
    assert_eq!(waiting(&open(&disk.after_crash(2), &clock).unwrap()).await, count + 1);
}

#[tokio::test]
async fn on_a_full_disk_what_waits_can_be_worked_off() {
    let (disk, clock) = (SimDisk::default(), clock());
    let longer = Settings { segment_bytes: 64 << 10 };
    let queues = JournalQueues::on(Arc::new(disk.clone()), longer, clock.shared()).unwrap();
    disk.world().room = Some(230 << 10);
    let (count, _) = fill(&queues, 2_000).await;
    let receipts = receive(&queues, count).await;
    assert_eq!(receipts.len(), count, "receiving may use the reserve");
    queues.ack(&q(), &receipts).await.unwrap();
    assert!(send(&queues, 2_000).await.is_err(), "there is still no room for more");
    // What could not be finished takes no room.
    disk.await_that(|world| !world.names().any(|name| name == base::UNFINISHED));
    disk.world().room = Some(300 << 10);
    send(&queues, 2_000).await.unwrap();
    assert_eq!(queues.condition(), Condition::Writing);
    for left in [disk.after_crash(3), disk.after_crash(4)] {
        let queues = open(&left, &clock).unwrap();
        let stats = queues.stats().await.unwrap().remove(0).1;
        assert_eq!((stats.ready, stats.acked_total), (1, count as u64));
    }
}

#[tokio::test]
async fn a_full_disk_does_not_keep_queues_from_being_opened() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    disk.world().room = Some(20_000);
    let (count, _) = fill(&queues, 250).await;
    drop(queues);
    disk.world().room = Some(0);
    assert_eq!(waiting(&open(&disk, &clock).unwrap()).await, count);
    let fresh = SimDisk::default();
    fresh.world().room = Some(100);
    let Err(OpenError::Disk { source, .. }) = open(&fresh, &clock) else { panic!("there is no room for a first file") };
    assert_eq!(source.raw_os_error(), Some(28));
}

#[tokio::test]
async fn segments_that_could_not_be_dropped_go_with_a_later_file() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    let round = async || {
        send(&queues, 200).await?;
        let receipts = receive(&queues, 1).await;
        queues.ack(&q(), &receipts).await
    };
    while segments(&disk).len() < 2 {
        round().await.unwrap();
    }
    disk.await_next();
    disk.world().room = Some(0);
    while round().await.is_ok() {}
    disk.await_that(|world| world.roomless > 1);
    assert_eq!(segments(&disk)[0], segment_name(1));
    disk.world().room = None;
    for _ in 0..60 {
        round().await.unwrap();
    }
    drop(queues);
    assert!(segments(&disk)[0] > segment_name(1), "{:?}", segments(&disk));
    assert_eq!(waiting(&open(&disk.after_crash(2), &clock).unwrap()).await, 0);
}

#[tokio::test]
async fn who_waits_shares_a_sync_and_nobody_sees_it_before() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    send(&queues, 1).await.unwrap();
    let before = disk.world().syncs;
    disk.world().is_held = true;
    let mut all = Box::pin(join_all((0..64).map(|_| send(&queues, 20))));
    assert!(all.as_mut().now_or_never().is_none());
    assert_eq!(waiting(&queues).await, 1, "what is not on disk is not shown");
    disk.release();
    assert!(all.await.iter().all(Result::is_ok));
    let syncs = disk.world().syncs - before;
    assert!(syncs <= 12, "{syncs} syncs for 64 callers");
}

#[tokio::test]
async fn who_went_away_before_the_lease_was_written_has_none() {
    let (disk, clock) = (SimDisk::default(), clock());
    let queues = open(&disk, &clock).unwrap();
    send(&queues, 1).await.unwrap();
    disk.await_next();
    disk.world().is_held = true;
    let q = q();
    let mut gone = queues.receive(&q, 1, Duration::from_secs(3_600), "w");
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    disk.release();
    // Written after the lease and its return.
    send(&queues, 2).await.unwrap();
    let there = queues.peek(&q, Peek::Waiting, 0, 10).await.unwrap();
    assert_eq!(there.iter().map(|message| message.deliveries).collect::<Vec<_>>(), [0, 0]);
    drop(queues);
    let queues = open(&disk, &clock).unwrap();
    let mut caller = Caller::new(Arc::new(queues), &clock);
    let Answer::Bodies(bodies) = caller.act(&Deed::Receive { max: 9, lease: 1 }).await else { panic!("nothing fails") };
    assert_eq!(bodies.len(), 2);
}
