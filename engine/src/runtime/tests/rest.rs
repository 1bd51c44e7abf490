//! Where nothing happens, figures are taken less often; whatever happens ends that.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::*;
use crate::{
    alert::{Condition, Rule, Severity},
    port::queue::NewMessage,
    vitals::DiskVitals,
};

/// How often figures are taken in so many seconds.
async fn taken(world: &World, seconds: u32) -> usize {
    let (vitals, mut moments) = (world.runtime.vitals(), BTreeSet::new());
    for _ in 0..seconds * 10 {
        world.pass(Duration::from_millis(100)).await;
        moments.insert(vitals.borrow().at);
    }
    moments.len()
}

/// An engine that nobody has asked for anything in a while.
async fn at_rest() -> World {
    at_rest_with(Vec::new()).await
}

/// The same, with rules for alerts.
async fn at_rest_with(alerts: Vec<Rule>) -> World {
    let clock = ManualClock::new(moment("2026-01-31T12:00:00Z"));
    let (store, queues) = (Arc::new(MemoryLog::new(Limits::default())), Arc::new(MemoryQueues::new(clock.shared())));
    // A machine that is busy with other tests may be one to be told of: that would be an event.
    let world = World::set(store, queues, clock, |settings| settings.alerts = alerts).await;
    assert!(taken(&world, 5).await >= 9, "twice a second");
    taken(&world, 10).await;
    world
}

#[tokio::test]
async fn figures_are_taken_by_whole_minutes() {
    let world = at_rest().await;
    let rests = taken(&world, 180).await;
    assert!((3..=4).contains(&rests), "every minute: {rests}");
    let vitals = world.runtime.vitals().borrow().clone();
    assert_eq!((vitals.at.as_second() % 60, vitals.newer_within), (0, unit::Duration::from_secs(60)), "{}", vitals.at);
}

#[tokio::test]
async fn an_engine_that_is_left_alone_for_minutes_sleeps_until_something_happens() {
    let world = at_rest().await;
    taken(&world, 240).await;
    assert_eq!(world.runtime.vitals().borrow().newer_within, unit::Duration::from_secs(3_600));
    assert_eq!(taken(&world, 1_800).await, 1, "none are taken");
    world.active(plain()).await;
    assert!(taken(&world, 5).await >= 9);
}

#[tokio::test]
async fn where_a_message_waits_for_its_time_it_only_rests() {
    let world = at_rest().await;
    let (body, delay) = (Bytes::from_static(b"1"), unit::Duration::from_secs(7_200));
    let later = NewMessage { body, delay, ..NewMessage::default() };
    world.engine.queues().send(&"orders".parse().unwrap(), vec![later]).await.unwrap();
    taken(&world, 240).await;
    assert!(taken(&world, 180).await >= 3, "every minute");
}

#[tokio::test]
async fn where_others_fill_the_disk_it_only_rests() {
    let clock = ManualClock::new(moment("2026-01-31T12:00:00Z"));
    let (store, queues) = (Arc::new(MemoryLog::new(Limits::default())), Arc::new(MemoryQueues::new(clock.shared())));
    let room = DiskVitals { free_bytes: 1 << 40, total_bytes: 1 << 41, ..DiskVitals::default() };
    let probes = Probes { disk: Some(Arc::new(move || Ok(room.clone()))), ..Probes::new(ProcessVitals::default) };
    let world = World::probed(store, queues, clock, probes, |settings| settings.alerts = Vec::new()).await;
    taken(&world, 240).await;
    assert!(taken(&world, 180).await >= 3, "every minute");
}

#[tokio::test]
async fn who_asks_gets_new_ones_once() {
    let world = at_rest().await;
    let before = world.runtime.vitals().borrow().at;
    world.engine.glance();
    world.pass(Duration::from_millis(100)).await;
    let glanced = world.runtime.vitals().borrow().at;
    assert!(glanced > before, "{before} {glanced}");
    let rests = taken(&world, 180).await;
    assert!((3..=4).contains(&rests), "it rests on: {rests}");
}

#[tokio::test]
async fn a_rule_that_only_waits_for_time_to_pass_is_looked_at_in_its_time() {
    let absent = Condition::Absent(vec!["order.paid".into()], unit::Duration::from_secs(95));
    let (name, hold) = ("no-orders".to_owned(), unit::Duration::from_secs(20));
    let rule = Rule { name, condition: absent, of: None, hold, severity: Severity::Warning, summary: String::new() };
    let world = at_rest_with(vec![rule]).await;
    let raised = world.pass_until("alert.raised", 1).await;
    let after = raised[0].event.at.duration_since(moment("2026-01-31T12:00:00Z")).as_secs();
    assert!((115..=116).contains(&after), "{after} s");
}

#[tokio::test]
async fn an_event_ends_the_rest_at_once() {
    let world = at_rest().await;
    world.active(plain()).await;
    world.pass(Duration::from_millis(100)).await;
    world.pass(Duration::from_millis(100)).await;
    let vitals = world.runtime.vitals();
    assert_eq!(vitals.borrow().store.head, world.engine.store().head());
    assert!(taken(&world, 5).await >= 9);
}

#[tokio::test]
async fn a_request_that_leaves_no_event_ends_it_too() {
    let world = at_rest().await;
    world.engine.stir();
    assert!(taken(&world, 5).await >= 9);
    taken(&world, 10).await;
    assert!(taken(&world, 180).await <= 4, "and it rests again");
}
