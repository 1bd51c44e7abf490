//! Continuous pipelines are kept running.

use serde_json::json;

use super::*;
use crate::{
    event::{Event, pipeline::CheckpointChange},
    projection::checkpoints::{Checkpoints, CheckpointsRow},
    runtime::assignment::Assignment,
    testing::steps::Deed,
};

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

/// Three records, one checkpoint each, into an output that can be gone on with.
fn counting() -> Value {
    json!({"mode": "continuous", "checkpoint": {"every": "1s", "records": 1}, "steps": [
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [3]], "waits_at_end": true, "gated": true}},
        {"name": "out", "uses": "test.sink", "with": {"resumes": true}},
    ]})
}

impl World {
    fn took(&self) -> Vec<Value> {
        let took = |deed| if let Deed::Took(_, records) = deed { records } else { Vec::new() };
        self.diary.deeds().into_iter().flat_map(took).collect()
    }

    async fn pass_until_took(&self, count: usize) {
        while self.took().len() < count {
            self.pass(Duration::from_millis(100)).await;
        }
    }

    async fn cursors(&self) -> Vec<u64> {
        let current = self.engine.view(|models| models.checkpoints.pipelines.get(&name()).map(CheckpointsRow::current)).await;
        current.iter().flatten().map(|standing| standing.cursor.as_u64().unwrap()).collect()
    }

    /// Pauses, and waits until so many runs have stopped.
    async fn paused(&self, runs: usize) {
        self.pipeline(PipelineCommand::Pause { reason: String::new() }).await.unwrap();
        self.pass_until("run.cancelled", runs).await;
    }

    async fn way_back(&self, to: u64) -> PipelineCommand {
        let row = self.engine.view(|models| models.checkpoints.pipelines[&name()].clone()).await;
        PipelineCommand::RollBackCheckpoints { to, changes: row.way_back(to).unwrap(), newest: row.newest() }
    }
}

#[tokio::test]
async fn the_next_run_goes_on_where_the_last_one_stood_or_where_somebody_has_put_it() {
    let world = World::new().await;
    world.active(counting()).await;
    for number in 1..=3 {
        world.steps.open("in", 1);
        while world.cursors().await != [number, number] {
            world.pass(Duration::from_millis(100)).await;
        }
    }
    let set = |cursor| {
        let change = |step: &str| CheckpointChange { step: step.parse().unwrap(), stream: "test".into(), cursor };
        PipelineCommand::SetCheckpoints { changes: vec![change("in")] }
    };
    let live = world.pipeline(set(None)).await.unwrap_err();
    assert!(matches!(live, Refusal::Rejected(Rejection::RunsLive { live: 1, .. })), "{live}");
    world.paused(1).await;
    assert_eq!(world.cursors().await, [3, 3], "source and sink");

    let mut document = counting();
    document["description"] = json!("better");
    let (definition, source) = World::revised(document);
    let revision = revision::of(&definition);
    world.pipeline(PipelineCommand::Revise { revision, definition, source, expected: None }).await.unwrap();
    world.pipeline(PipelineCommand::Resume).await.unwrap();
    world.pass_until("run.step_started", 4).await;
    world.steps.open("in", 1);
    world.pass(Duration::from_secs(1)).await;
    world.paused(2).await;
    assert_eq!(world.took(), [1, 2, 3], "nothing comes again, whatever the revision");

    let versions = world.engine.view(|models| models.checkpoints.pipelines[&name()].versions.clone()).await;
    let second = versions.iter().find(|version| version.changes.values().any(|cursor| *cursor == Some(json!(2)))).unwrap();
    world.pipeline(world.way_back(second.number).await).await.unwrap();
    assert_eq!(world.cursors().await, [2, 2], "both stand where they stood together");
    world.pipeline(PipelineCommand::Resume).await.unwrap();
    world.steps.open("in", 1);
    world.pass_until_took(4).await;
    world.paused(3).await;
    assert_eq!(world.took(), [1, 2, 3, 3]);

    world.pipeline(world.way_back(0).await).await.unwrap();
    world.pipeline(PipelineCommand::Resume).await.unwrap();
    world.steps.open("in", 3);
    world.pass_until_took(7).await;
    assert_eq!(world.took(), [1, 2, 3, 3, 1, 2, 3]);
}

#[tokio::test]
async fn what_no_version_says_of_a_run_that_is_tried_again_the_run_itself_says() {
    let world = World::new().await;
    world.active(counting()).await;
    world.steps.open("in", 1);
    while world.cursors().await != [1, 1] {
        world.pass(Duration::from_millis(100)).await;
    }
    let run = live(&world).await[0];
    let mut models = world.engine.models().await;
    let whole = Assignment::of(&models, run).unwrap().checkpoints;
    // As read models of an earlier program are, which knew no versions.
    models.checkpoints = Checkpoints::default();
    assert_eq!(Assignment::of(&models, run).unwrap().checkpoints, whole);
}
