//! `queue.receive` and `queue.send`, on queues in memory.

use std::{sync::Arc, time::Duration};

use flexcore_engine::{
    id::QueueName,
    port::{
        queue::{NewMessage, QueueLimits, QueueStats},
        step::Pull,
    },
    queue::memory::MemoryQueues,
    testing::clock::ManualClock,
    unit::ByteSize,
};
use serde_json::json;

use super::world::{World, mistakes, records, values};

fn name() -> QueueName {
    QueueName::new("orders").unwrap()
}

fn on_manual_time() -> (World, ManualClock) {
    let mut world = World::new();
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    world.context.clock = clock.shared();
    world.context.queues = Arc::new(MemoryQueues::new(clock.shared()));
    (world, clock)
}

async fn fill(world: &World, bodies: &[&str]) {
    let messages = bodies.iter().map(|body| NewMessage { body: body.as_bytes().to_vec().into(), ..NewMessage::default() });
    world.context.queues.send(&name(), messages.collect()).await.unwrap();
}

async fn stats(world: &World) -> QueueStats {
    world.context.queues.stats().await.unwrap().into_iter().find(|(queue, _)| *queue == name()).unwrap().1
}

#[tokio::test]
async fn messages_are_acked_only_when_their_records_are_safe() {
    let world = World::new();
    fill(&world, &["1", "2", "{\"a\": 3}"]).await;
    let mut source = world.source("queue.receive", json!({"queue": "orders", "max": 2, "until_empty": true})).await;
    let Pull::Batch(first) = source.next().await.unwrap() else { panic!("there are messages") };
    let Pull::Batch(second) = source.next().await.unwrap() else { panic!("there is one more") };
    assert_eq!(values(&[first.clone(), second]), [json!(1), json!(2), json!({"a": 3})]);
    assert_eq!(source.next().await, Ok(Pull::End));
    assert_eq!((stats(&world).await.leased, stats(&world).await.acked_total), (3, 0));
    source.ack(&first.stream, &first.cursor).await.unwrap();
    assert_eq!((stats(&world).await.leased, stats(&world).await.acked_total), (1, 2));
    source.close().await;
    let after = stats(&world).await;
    assert_eq!((after.leased, after.ready, after.dead), (0, 1, 0));
}

#[tokio::test]
async fn a_lease_is_extended_while_its_message_is_under_way() {
    let (world, clock) = on_manual_time();
    fill(&world, &["1"]).await;
    let mut source = world.source("queue.receive", json!({"queue": "orders", "lease": "30s"})).await;
    let Pull::Batch(batch) = source.next().await.unwrap() else { panic!("there is a message") };
    for _ in 0..12 {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((stats(&world).await.leased, stats(&world).await.expired_leases_total), (1, 0));
    source.ack(&batch.stream, &batch.cursor).await.unwrap();
    assert_eq!(stats(&world).await.acked_total, 1);
}

#[tokio::test]
async fn it_waits_for_a_message_when_there_is_none() {
    let world = World::new();
    let mut source = world.source("queue.receive", json!({"queue": "orders"})).await;
    assert!(tokio::time::timeout(Duration::ZERO, source.next()).await.is_err());
    fill(&world, &["7"]).await;
    let Pull::Batch(batch) = source.next().await.unwrap() else { panic!("there is a message") };
    assert_eq!(values(&[batch]), [json!(7)]);
}

#[tokio::test]
async fn a_body_of_several_lines_becomes_a_record_of_one() {
    let world = World::new();
    fill(&world, &["{\n\"a\": 1}"]).await;
    let batches = world.read_all("queue.receive", json!({"queue": "orders", "until_empty": true})).await.unwrap();
    assert_eq!(&batches[0].records[0].json[..], b"{\"a\":1}");
    assert_eq!(batches[0].records[0].origin.to_string(), "queue orders:1");
}

#[tokio::test]
async fn records_become_messages_once_for_each_key() {
    let world = World::new();
    let mut sink = world.sink("queue.send", json!({"queue": "orders", "dedup_key": ".id"})).await;
    let given = records(&[json!({"id": 1}), json!({"id": 1, "again": true}), json!({"id": "x"}), json!(3)]);
    let taken = sink.write(&given).await.unwrap();
    assert!(taken.durable);
    assert_eq!(taken.rejected.len(), 1);
    assert_eq!((taken.rejected[0].0, taken.rejected[0].1.message.as_str()), (3, "dedup_key `.id`: cannot index 3 with \"id\""));
    assert_eq!(stats(&world).await.ready, 2);
}

#[tokio::test]
async fn a_full_queue_can_be_tried_again_and_a_body_that_never_fits_is_rejected() {
    let world = World::new();
    let limits = QueueLimits { messages_max: 3, body_max: ByteSize(20), ..QueueLimits::default() };
    world.context.queues.declare(&name(), limits).await.unwrap();
    let mut sink = world.sink("queue.send", json!({"queue": "orders"})).await;
    let taken = sink.write(&records(&[json!(1), json!("x".repeat(50)), json!(2)])).await.unwrap();
    assert_eq!(taken.rejected.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);
    let full = sink.write(&records(&[json!(3), json!(4)])).await.unwrap_err();
    assert!(full.retryable && full.message.starts_with("queue `orders` is full: "), "{full:?}");
}

#[test]
fn limits_and_internal_queues_are_checked() {
    assert_eq!(mistakes("queue.receive", json!({"queue": "q", "max": 0})), ["/max `max` is 0, not between 1 and 1000"]);
    assert_eq!(
        mistakes("queue.receive", json!({"queue": "q", "lease": "10ms"})),
        ["/lease a lease of 10ms is too short (1s is the least)"]
    );
    assert_eq!(
        mistakes("queue.send", json!({"queue": "flexcore.work"})),
        ["/queue the queue `flexcore.work` is the engine's own"]
    );
    assert_eq!(mistakes("queue.send", json!({"queue": "q", "priority": 10})), ["/priority priority 10 is not between 0 and 9"]);
}
