//! What a process that is killed leaves of the read models.

use tempfile::TempDir;

use super::*;
use crate::{
    port::step::{CustomEvent, EventAppender},
    runtime::MODELS_KEPT_EVERY,
    store::journal::{Journal, Settings},
};

#[tokio::test]
async fn a_start_after_a_crash_folds_only_what_came_after_the_read_models_were_kept() {
    let (folder, clock) = (TempDir::new().unwrap(), ManualClock::new(moment("2026-01-31T12:00:00Z")));
    let store = Arc::new(Journal::open(folder.path(), Settings::default()).unwrap());
    let queues = Arc::new(MemoryQueues::new(clock.shared()));
    let world = World::on(store, queues, clock.clone(), 1_000_000).await;
    world.active(plain()).await;
    let (step, event) =
        ("note".parse().unwrap(), |_| CustomEvent { stream: "orders/7".into(), kind: "order.paid".into(), data: "1".into() });
    for _ in 0..MODELS_KEPT_EVERY / 10_000 {
        assert_eq!(world.engine.models_kept(), Position(0));
        world.engine.append_custom(&step, (0..10_000).map(event).collect()).await.unwrap();
    }
    while world.engine.models_kept() == Position(0) {
        world.pass(Duration::from_secs(1)).await;
    }
    world.engine.append_custom(&step, vec![event(0)]).await.unwrap();
    let engine = world.engine.clone();
    drop(world.stopped().await);
    let (kept, models) = (engine.models_kept(), engine.models().await);
    assert!(kept.0 >= MODELS_KEPT_EVERY && kept < models.position);
    drop(engine);
    let store = Arc::new(Journal::open(folder.path(), Settings::default()).unwrap());
    let engine = Engine::new(store, Arc::new(MemoryQueues::new(clock.shared())), clock.shared());
    assert_eq!(engine.resume_models().await, kept);
    assert_eq!(engine.models().await, models);
}
