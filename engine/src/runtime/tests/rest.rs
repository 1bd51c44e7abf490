//! Where nothing happens, figures are taken less often; whatever happens ends that.

use std::collections::BTreeSet;

use super::*;

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
    let clock = ManualClock::new(moment("2026-01-31T12:00:00Z"));
    let (store, queues) = (Arc::new(MemoryLog::new(Limits::default())), Arc::new(MemoryQueues::new(clock.shared())));
    // A machine that is busy with other tests may be one to be told of: that would be an event.
    let world = World::set(store, queues, clock, |settings| settings.alerts = Vec::new()).await;
    assert!(taken(&world, 5).await >= 9, "twice a second");
    taken(&world, 10).await;
    let rests = taken(&world, 45).await;
    assert!((3..=4).contains(&rests), "every fifteen seconds: {rests}");
    world
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
    assert!(taken(&world, 45).await <= 4, "and it rests again");
}
