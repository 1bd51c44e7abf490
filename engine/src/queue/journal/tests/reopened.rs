//! What outlives the process: all but leases.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use crate::{
    id::QueueName,
    port::queue::{MessageState, NewDeadLetter, NewMessage, Origin, Peek, QueueError, QueueLimits, Queues, Sent},
    queue::journal::{JournalQueues, Settings},
    testing::{clock::ManualClock, queue_contract::clock},
    unit::Duration,
};

struct Place {
    folder: TempDir,
    clock: ManualClock,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), clock: clock() }
    }

    fn open(&self) -> JournalQueues {
        JournalQueues::open(self.folder.path(), Settings::default(), Arc::new(self.clock.clone())).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }
}

fn q() -> QueueName {
    QueueName::new("q").unwrap()
}

fn message(body: &'static str) -> NewMessage {
    NewMessage { body: Bytes::from_static(body.as_bytes()), ..NewMessage::default() }
}

async fn bodies(queues: &JournalQueues) -> Vec<String> {
    let leased = queues.receive(&q(), 100, Duration::from_secs(30), "tester").await.unwrap();
    leased.iter().map(|leased| String::from_utf8(leased.body.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn messages_wait_in_their_order_with_their_priorities_delays_and_times_to_live() {
    let place = Place::new();
    let queues = place.open();
    let late = NewMessage { delay: Duration::from_secs(60), ..message("5") };
    let short = NewMessage { ttl: Some(Duration::from_secs(10)), ..message("6") };
    let first = NewMessage { priority: 0, ..message("0") };
    let all = [message("1"), message("2"), message("3")].map(|message| NewMessage { priority: 4, ..message });
    queues.send(&q(), [all.to_vec(), vec![late, short, first]].concat()).await.unwrap();
    drop(queues);
    place.pass(10);
    let queues = place.open();
    assert_eq!((queues.recovered().queues, queues.recovered().messages), (1, 5));
    assert_eq!(bodies(&queues).await, ["0", "1", "2", "3"]);
    assert_eq!(queues.stats().await.unwrap()[0].1.dropped_total, 1);
    place.pass(50);
    assert!(bodies(&queues).await.contains(&"5".to_owned()));
}

#[tokio::test]
async fn a_lease_ends_with_its_process_and_its_attempt_counts() {
    let place = Place::new();
    let limits = QueueLimits { attempts_max: 3, ..QueueLimits::default() };
    place.open().declare(&q(), limits).await.unwrap();
    place.open().send(&q(), vec![message("1")]).await.unwrap();
    let mut receipts = Vec::new();
    for attempt in 1..=3 {
        let queues = place.open();
        let leased = queues.receive(&q(), 1, Duration::from_secs(86_400), "worker 7").await.unwrap();
        assert_eq!(leased[0].receipt.delivery, attempt, "it is ready at once");
        receipts.push(leased[0].receipt);
    }
    let queues = place.open();
    assert!(bodies(&queues).await.is_empty());
    let dead = queues.peek(&q(), Peek::Dead, 0, 10).await.unwrap();
    let MessageState::Dead { error, .. } = &dead[0].state else { panic!("{dead:?}") };
    assert!(error.contains("`worker 7`") && error.contains("engine ended"), "{error}");
    let stats = &queues.stats().await.unwrap()[0].1;
    assert_eq!((stats.returned_total, stats.expired_leases_total, stats.dead_total), (3, 3, 1));
    for receipt in receipts {
        assert!(matches!(queues.ack(&q(), &[receipt]).await, Err(QueueError::Stale { .. })));
    }
    queues.redrive(&q(), &[]).await.unwrap();
    let again = queues.receive(&q(), 1, Duration::from_secs(1), "w").await.unwrap();
    assert_eq!(again[0].receipt.delivery, 4, "no two leases have the same receipt");
}

#[tokio::test]
async fn keys_are_known_until_their_window_ends() {
    let place = Place::new();
    let keyed = |body| NewMessage { dedup_key: Some("k".into()), ..message(body) };
    let first = place.open().send(&q(), vec![keyed("1")]).await.unwrap()[0];
    let leased = place.open().receive(&q(), 1, Duration::from_secs(1), "w").await.unwrap();
    assert_eq!(leased[0].receipt.message, first.id());
    place.pass(299);
    assert_eq!(place.open().send(&q(), vec![keyed("2")]).await.unwrap()[0], Sent::Duplicate(first.id()));
    place.pass(1);
    assert!(matches!(place.open().send(&q(), vec![keyed("3")]).await.unwrap()[0], Sent::Accepted(_)));
}

#[tokio::test]
async fn dead_letters_limits_and_figures_are_as_they_were() {
    let place = Place::new();
    let queues = place.open();
    let limits = QueueLimits { messages_max: 7, dead_retain: Duration::from_secs(100), ..QueueLimits::default() };
    queues.declare(&q(), limits).await.unwrap();
    let text = |text: &str| text.to_owned();
    let origin =
        Origin { pipeline: text("p"), run: text("r"), step: text("s"), revision: text("ab"), source: text("file a line 3") };
    let letter = |body: &'static str| NewDeadLetter {
        body: Bytes::from_static(body.as_bytes()),
        error: "it has no id".into(),
        origin: origin.clone(),
    };
    let buried = queues.bury(&q(), vec![letter("1"), letter("2"), letter("3")]).await.unwrap();
    queues.edit_dead(&q(), buried[1], Bytes::from_static(b"22")).await.unwrap();
    assert_eq!(queues.take_dead(&q(), &buried[..1]).await.unwrap().len(), 1);
    queues.send(&q(), vec![message("4"), message("5")]).await.unwrap();
    assert_eq!(bodies(&queues).await, ["4", "5"]);
    let leased = queues.peek(&q(), Peek::Leased, 0, 10).await.unwrap();
    let receipt = crate::port::queue::Receipt { message: leased[0].id, delivery: 1 };
    queues.ack(&q(), &[receipt]).await.unwrap();
    let other = QueueName::new("other").unwrap();
    queues.declare(&other, QueueLimits::default()).await.unwrap();
    assert!(queues.remove(&other).await.unwrap());
    let dead = queues.peek(&q(), Peek::Dead, 0, 10).await.unwrap();
    let before = queues.stats().await.unwrap();
    drop(queues);
    let queues = place.open();
    assert_eq!(queues.peek(&q(), Peek::Dead, 0, 10).await.unwrap(), dead);
    let after = queues.stats().await.unwrap();
    assert_eq!((before.len(), after.len()), (1, 1));
    let (mut before, after) = (before[0].1.clone(), after[0].1.clone());
    (before.leased, before.ready, before.oldest) = (0, 1, after.oldest);
    (before.returned_total, before.expired_leases_total) = (1, 1);
    assert_eq!(after, before);
    place.pass(100);
    assert!(queues.peek(&q(), Peek::Dead, 0, 10).await.unwrap().is_empty());
}
