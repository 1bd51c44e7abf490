//! Continuous pipelines are kept running.

use serde_json::json;

use super::*;
use crate::event::Event;

fn endless() -> Value {
    json!({"mode": "continuous", "steps": [
        {"name": "in", "uses": "test.source", "with": {"batches": [[1]], "waits_at_end": true}},
        {"name": "out", "uses": "test.sink"},
    ]})
}

async fn live(world: &World) -> Vec<RunId> {
    world.engine.view(|models| models.board.pipelines[&name()].live.clone()).await
}

#[tokio::test]
async fn activation_starts_it_pausing_drains_it_resuming_starts_it_again() {
    let world = World::new().await;
    world.active(endless()).await;
    world.pass_until("run.started", 1).await;
    let first = live(&world).await[0];
    world.wait(first, RunState::Running).await;
    world.pipeline(PipelineCommand::Pause { reason: "lunch".into() }).await.unwrap();
    world.pass_until("run.cancelled", 1).await;
    assert!(live(&world).await.is_empty());
    world.pipeline(PipelineCommand::Resume).await.unwrap();
    world.pass_until("run.started", 2).await;
    assert_ne!(live(&world).await, [first]);
}

#[tokio::test]
async fn a_new_revision_drains_the_old_run_and_starts_the_next() {
    let world = World::new().await;
    world.active(endless()).await;
    world.pass_until("run.started", 1).await;
    let mut document = endless();
    document["description"] = json!("better");
    let (definition, source) = World::revised(document);
    let revision = revision::of(&definition);
    world.pipeline(PipelineCommand::Revise { revision, definition, source, expected: None }).await.unwrap();
    let started = world.pass_until("run.started", 2).await;
    assert_ne!(started[0].stream, started[1].stream);
    let queued = world.events("run.queued").await;
    let Some(Ok(Event::RunQueued(queued))) = queued[1].decode() else { panic!("{queued:?}") };
    assert_eq!(queued.revision, revision);
}

#[tokio::test]
async fn what_an_operator_stopped_stays_stopped() {
    let world = World::new().await;
    world.active(endless()).await;
    world.pass_until("run.started", 1).await;
    let run = live(&world).await[0];
    world.cancel(run).await;
    world.pass_until("run.cancelled", 1).await;
    for _ in 0..100 {
        world.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(world.events("run.queued").await.len(), 1);
}

#[tokio::test]
async fn it_is_tried_for_ever_when_it_fails() {
    let world = World::new().await;
    let mut document = endless();
    document["steps"][1]["with"] = json!({"fails": 50});
    world.active(document).await;
    world.pass_until("run.retrying", 4).await;
    assert!(world.events("run.failed").await.is_empty());
}

#[tokio::test]
async fn its_run_goes_on_after_a_stop_of_the_engine() {
    let world = World::new().await;
    world.active(endless()).await;
    world.pass_until("run.started", 1).await;
    let run = live(&world).await[0];
    world.wait(run, RunState::Running).await;
    let (store, queues, clock) = world.stopped().await;
    let world = World::on(store, queues, clock, 1_000_000).await;
    world.pass_until("run.started", 2).await;
    assert_eq!(live(&world).await, [run]);
    assert_eq!(world.row(run).await.unwrap().attempt, 1);
}
