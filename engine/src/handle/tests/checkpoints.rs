//! Going back to a version of checkpoints while others move them, and read models that are kept for later programs.

use serde_json::json;

use super::*;
use crate::{
    aggregate::Rejection,
    command::Mark,
    event::pipeline::CheckpointChange,
    projection::{ReadModels, checkpoints::CheckpointsRow},
};

fn change(number: usize, cursor: u64) -> CheckpointChange {
    CheckpointChange { step: "in".parse().unwrap(), stream: format!("s{number}"), cursor: Some(cursor.into()) }
}

impl World {
    async fn continuous() -> Self {
        let world = Self::new();
        world.active("tides", json!({"mode": "continuous"})).await;
        world
    }

    async fn set(&self, cursor: u64) {
        self.clock.advance(Duration::from_secs(60).0);
        self.pipeline("tides", PipelineCommand::SetCheckpoints { changes: vec![change(0, cursor)] }).await.unwrap();
    }

    async fn checkpoints(&self) -> CheckpointsRow {
        self.engine.view(|models| models.checkpoints.pipelines["tides"].clone()).await
    }

    async fn back(&self, to: u64, row: &CheckpointsRow) -> Result<Accepted, Refusal> {
        let changes = row.way_back(to).unwrap();
        self.pipeline("tides", PipelineCommand::RollBackCheckpoints { to, changes, newest: row.newest() }).await
    }
}

fn moved(answer: Result<Accepted, Refusal>) -> (u64, u64) {
    match answer {
        Err(Refusal::Rejected(Rejection::CheckpointsMoved { expected, newest, .. })) => (expected, newest),
        other => panic!("not refused because they moved: {other:?}"),
    }
}

#[tokio::test]
async fn a_way_back_that_was_computed_before_somebody_moved_them_is_refused() {
    let world = World::continuous().await;
    world.set(1).await;
    world.set(2).await;
    let seen = world.checkpoints().await;
    world.set(3).await;
    assert_eq!(moved(world.back(1, &seen).await), (2, 3));

    // A run that lived and ended in between has moved them, too.
    let seen = world.checkpoints().await;
    let run = world.request("tides").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    let mark = Mark { step: "in".parse().unwrap(), stream: "s0".into(), cursor: json!(7), records: 7 };
    world.run(run, RunCommand::Checkpoint { epoch: 1, marks: vec![mark] }).await.unwrap();
    world.run(run, succeed(1)).await.unwrap();
    assert_eq!(moved(world.back(1, &seen).await), (3, 4));

    // What has happened to the pipeline and moved nothing does no harm.
    let seen = world.checkpoints().await;
    world.pipeline("tides", PipelineCommand::Pause { reason: String::new() }).await.unwrap();
    world.back(1, &seen).await.unwrap();
    assert_eq!(world.checkpoints().await.current()[0].cursor, json!(1));
}

#[tokio::test]
async fn many_changes_are_one_version() {
    let world = World::continuous().await;
    let changes: Vec<CheckpointChange> = (0..10_000).map(|number| change(number, 1)).collect();
    let long = |mut change: CheckpointChange| {
        change.stream = format!("{}{}", "x".repeat(200), change.stream);
        change
    };
    let changes = changes.into_iter().map(long).collect();
    world.pipeline("tides", PipelineCommand::SetCheckpoints { changes }).await.unwrap();
    let kinds = world.kinds().await;
    assert!(kinds.iter().filter(|kind| *kind == "pipeline.checkpoints_set").count() > 1, "{kinds:?}");
    let row = world.checkpoints().await;
    assert_eq!((row.versions.len(), row.newest(), row.current().len()), (1, 1, 10_000));
    world.clock.advance(Duration::from_secs(60).0);
    world.back(0, &row).await.unwrap();
    assert_eq!((world.checkpoints().await.newest(), world.checkpoints().await.current().len()), (2, 0));
}

/// A log of which retention has dropped the beginning.
async fn cut() -> World {
    let world = World::continuous().await;
    for number in 0..3_000 {
        world.engine.record_stopped(number).await.unwrap();
    }
    world.engine.retain(10).await.unwrap();
    world
}

fn restarted(world: &World) -> Engine {
    Engine::new(world.store.clone(), world.engine.queues().clone(), world.engine.clock().clone())
}

#[tokio::test]
async fn what_is_kept_before_the_oldest_event_says_its_format_and_reads_without_one() {
    let world = cut().await;
    let data = world.store.kept_state("base").await.unwrap().unwrap();
    assert!(data.starts_with(br#"{"format":1,"models":{"#), "{:?}", &data[..40]);
    assert!(restarted(&world).models().await.board.pipelines.contains_key("tides"));

    let kept: Value = serde_json::from_slice(&data).unwrap();
    let mut earlier = kept["models"].clone();
    earlier.as_object_mut().unwrap().remove("checkpoints");
    world.store.keep_state("base", earlier.to_string().into()).await.unwrap();
    assert!(restarted(&world).models().await.board.pipelines.contains_key("tides"), "of an earlier program");

    let later = json!({"format": 2, "models": {"everything": "else"}}).to_string();
    world.store.keep_state("base", later.into()).await.unwrap();
    let models: ReadModels = restarted(&world).models().await;
    assert!(!models.board.pipelines.contains_key("tides"));
    let why = restarted(&world).models_at(Position(1)).await.unwrap_err().to_string();
    assert!(why.contains("the kept read models are of format 2, a later program's: this one knows up to 1"), "{why}");
}
