//! Retention: after events were dropped, everything that lives decides as before, and the read models are the same.

use serde_json::json;

use super::*;
use crate::{
    aggregate::Rejection,
    port::step::{CustomEvent, EventAppender},
    projection::{ReadModels, runs::RunState},
};

/// A second engine on the same log, which has seen nothing yet: like the process after a restart.
fn restarted(world: &World) -> Engine {
    Engine::new(world.store.clone(), world.engine.queues().clone(), world.engine.clock().clone())
}

async fn many_runs(world: &World, count: usize) {
    for _ in 0..count {
        let run = world.request("quakes").await.unwrap();
        world.run(run, claim(1)).await.unwrap();
        world.run(run, succeed(1)).await.unwrap();
        world.clock.advance(Duration::from_secs(60).0);
    }
}

#[tokio::test]
async fn after_truncation_everything_that_lives_decides_as_before() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow", "retry": {"attempts": 2}})).await;
    let (queued, running, ended) =
        (world.request("quakes").await.unwrap(), world.request("quakes").await.unwrap(), world.request("quakes").await.unwrap());
    world.run(running, claim(1)).await.unwrap();
    world.run(ended, claim(1)).await.unwrap();
    world.run(ended, succeed(1)).await.unwrap();
    many_runs(&world, 2_000).await;
    let before = world.engine.models().await;

    let retained = world.engine.retain(100).await.unwrap();
    assert!(retained.forgotten > 1_900, "{retained:?}");
    assert!(world.engine.store().stats().oldest > Position(1));

    for engine in [world.engine.clone(), restarted(&world)] {
        let after = engine.models().await;
        assert_eq!(after.board, before.board);
        assert_eq!(after.runs, before.runs);
        assert_eq!(engine.run(running).await.unwrap().epoch(), 1);
        assert_eq!(engine.run(queued).await.unwrap().state(), Some(RunState::Queued));
    }
    let world = World { engine: restarted(&world), ..world };
    world.run(running, fail(1)).await.unwrap();
    assert_eq!(world.engine.run(running).await.unwrap().state(), Some(RunState::Retrying));
    world.run(queued, claim(1)).await.unwrap();
    let archive = world.pipeline("quakes", PipelineCommand::Archive).await.unwrap_err();
    assert!(matches!(archive, Refusal::Rejected(Rejection::RunsLive { live: 2, .. })), "{archive}");
    world.pipeline("quakes", PipelineCommand::Pause { reason: "done".into() }).await.unwrap();
    let forgotten = world.run(ended, succeed(1)).await.unwrap_err();
    assert!(matches!(forgotten, Refusal::Rejected(Rejection::NoRun(_))), "{forgotten}");
}

#[tokio::test]
async fn time_travel_goes_back_to_the_cut_and_says_where_it_ends() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    many_runs(&world, 1_500).await;
    let head = world.engine.store().head();
    let wanted = Position(head.0 - 50);
    let before = world.engine.models_at(wanted).await.unwrap();
    let retained = world.engine.retain(200).await.unwrap();
    assert_eq!(world.engine.models_at(wanted).await.unwrap(), before);
    assert_eq!(world.engine.models_at(head).await.unwrap().position, head);
    let gone = world.engine.models_at(Position(retained.cut.0 - 2)).await.unwrap_err();
    assert!(gone.to_string().contains("no longer kept"), "{gone}");
}

#[tokio::test]
async fn retention_again_and_again_keeps_the_same_models_as_no_retention() {
    let (kept, cut) = (World::new(), World::new());
    for world in [&kept, &cut] {
        world.active("quakes", json!({})).await;
    }
    for _ in 0..4 {
        for world in [&kept, &cut] {
            many_runs(world, 400).await;
        }
        cut.engine.retain(50).await.unwrap();
    }
    let row = |models: &ReadModels| {
        let row = &models.board.pipelines["quakes"];
        (row.runs_total, row.succeeded_total, row.live.len(), models.runs.runs.len(), models.runs.ended.len())
    };
    assert_eq!(row(&kept.engine.models().await), row(&restarted(&cut).models().await));
}

#[tokio::test]
async fn what_goes_is_looked_through_and_freed_a_piece_at_a_time_and_requests_come_in_between() {
    let world = World::new();
    world.facts(10_000).await;
    world.engine.models().await;
    let turns = turns_of_others(world.engine.retain(100)).await;
    // Ten pieces are looked through, twenty folded, ten freed.
    assert!((30..=40).contains(&turns), "{turns}");
    assert_eq!(world.store.stats().oldest, Position(9_901));
}

#[tokio::test]
async fn events_older_than_a_moment_go() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    many_runs(&world, 2_000).await;
    let since = world.engine.clock().now() - jiff::SignedDuration::from_mins(10);
    let first = world.engine.first_since(since).await.unwrap();
    let events = world.engine.store().read(Position(first.0 - 2), &Filter::default(), 2).await.unwrap().events;
    assert!(events[0].event.at < since && events[1].event.at >= since);
    let retained = world.engine.retain_since(since).await.unwrap();
    assert_eq!(retained.cut, first);
    assert_eq!(world.engine.first_since(Timestamp::MAX).await.unwrap(), world.engine.store().head().next());
}

#[tokio::test]
async fn time_travel_goes_to_where_single_events_were_let_go() {
    let world = World::new();
    world.facts(10).await;
    world.active("quakes", json!({})).await;
    world.clock.advance(Duration::from_secs(60).0);
    let gone = world.engine.let_go(&[("order.paid".into(), Duration::from_secs(30))]).await.unwrap();
    let (before, after) =
        (world.engine.models_at(Position(5)).await.unwrap(), world.engine.models_at(Position(11)).await.unwrap());
    assert_eq!((gone, before.board.pipelines.len(), after.board.pipelines.len()), (10, 0, 1));
}

#[tokio::test]
async fn users_append_to_streams_of_their_own_and_to_no_other() {
    let world = World::new();
    let step = "note".parse().unwrap();
    let event = |stream: &str, kind: &str, data: &'static str| CustomEvent {
        stream: stream.into(),
        kind: kind.into(),
        data: data.into(),
    };
    let paid = || event("orders/7", "order.paid", "{\"cents\":5}");
    world.engine.append_custom(&step, vec![paid(), event("orders/8", "order.paid", "1"), paid()]).await.unwrap();
    assert_eq!(world.events().await.len(), 3);
    let bad = [
        ("run/7", "order.paid", "1", "belongs to the engine"),
        ("orders", "run.failed", "1", "belongs to the engine"),
        ("orders", "order.paid", "{", "not JSON"),
        ("", "order.paid", "1", "0 bytes"),
        ("or ders", "order.paid", "1", "does not belong there"),
    ];
    for (stream, kind, data, reason) in bad {
        let error = world.engine.append_custom(&step, vec![paid(), event(stream, kind, data)]).await.unwrap_err();
        assert!(error.message.contains(reason), "{stream} {kind}");
    }
    let large = CustomEvent { data: format!("\"{}\"", "x".repeat(1 << 20)).into(), ..paid() };
    world.engine.append_custom(&step, vec![large]).await.unwrap_err();
    assert_eq!(world.events().await.len(), 3, "all or nothing");
}

#[tokio::test]
async fn the_name_of_a_deleted_pipeline_is_free_even_after_its_events_are_gone() {
    let world = World::new();
    world.active("gone", json!({})).await;
    world.pipeline("gone", PipelineCommand::Archive).await.unwrap();
    world.pipeline("gone", PipelineCommand::Delete).await.unwrap();
    world.active("quakes", json!({"overlap": "allow"})).await;
    many_runs(&world, 1_500).await;
    world.engine.retain(100).await.unwrap();
    assert!(world.engine.store().stats().oldest > Position(8));

    let world = World { engine: restarted(&world), ..world };
    assert!(!world.engine.models().await.board.pipelines.contains_key("gone"));
    world.active("gone", json!({})).await;
    assert!(world.request("gone").await.is_ok());
}
