//! Time to runs.

use serde_json::json;

use super::*;
use crate::event::{
    Event,
    pipeline::{SkipReason, TickSkipped},
};

fn skipped(envelope: &Envelope) -> TickSkipped {
    match envelope.decode() {
        Some(Ok(Event::TickSkipped(skipped))) => skipped,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_interval_starts_a_run_at_once_and_then_at_each_tick() {
    let world = World::new().await;
    world.active(with(json!({}), &json!({"triggers": [{"interval": "10s"}]}))).await;
    let ended = world.pass_until("pipeline.run_ended", 3).await;
    assert!(ended[0].event.at < moment("2026-01-31T12:00:02Z"), "{}", ended[0].event.at);
    assert!(ended[2].event.at >= moment("2026-01-31T12:00:20Z"));
    assert!(ended[2].event.at < moment("2026-01-31T12:00:23Z"), "{}", ended[2].event.at);
}

#[tokio::test]
async fn a_tick_while_a_run_lives_is_an_event_with_its_reason() {
    let world = World::new().await;
    world.active(with(json!({"hangs_in": "work"}), &json!({"triggers": [{"interval": "10s"}]}))).await;
    let skips = world.pass_until("pipeline.tick_skipped", 2).await;
    assert_eq!(skipped(&skips[0]).reason, SkipReason::Overlap);
    assert_eq!(skipped(&skips[0]).tick, moment("2026-01-31T12:00:10Z"));
    assert_eq!(world.events("pipeline.run_requested").await.len(), 1);
}

#[tokio::test]
async fn a_cron_tick_comes_at_its_time_in_its_zone() {
    let world = World::at("2026-03-28T23:59:00Z").await;
    let cron = json!({"cron": "0 2 * * *", "timezone": "Europe/Berlin"});
    world.active(with(json!({}), &json!({"triggers": [cron]}))).await;
    world.clock.set(moment("2026-03-29T00:59:59Z"));
    // Two in the morning does not exist in Berlin that day: the run comes at the end of the gap, 01:00 UTC.
    let asked = world.pass_until("pipeline.run_requested", 1).await;
    assert!(asked[0].event.at >= moment("2026-03-29T01:00:00Z"));
}

#[tokio::test]
async fn ticks_missed_by_hours_are_one_event() {
    let world = World::new().await;
    world.active(with(json!({}), &json!({"triggers": [{"interval": "1m"}]}))).await;
    world.pass(Duration::from_millis(1)).await;
    world.clock.set(moment("2026-01-31T15:00:30Z"));
    let skips = world.pass_until("pipeline.tick_skipped", 1).await;
    let skip = skipped(&skips[0]);
    assert_eq!((skip.reason, skip.count), (SkipReason::Missed, 180));
    world.pass_until("pipeline.run_requested", 1).await;
    assert_eq!(world.events("pipeline.tick_skipped").await.len(), 1);
}

#[tokio::test]
async fn a_paused_pipeline_is_not_due() {
    let world = World::new().await;
    world.active(with(json!({}), &json!({"triggers": [{"interval": "10s"}]}))).await;
    world.pipeline(PipelineCommand::Pause { reason: String::new() }).await.unwrap();
    for _ in 0..200 {
        world.pass(Duration::from_millis(200)).await;
    }
    assert!(world.events("pipeline.run_requested").await.is_empty());
    world.pipeline(PipelineCommand::Resume).await.unwrap();
    world.pass_until("pipeline.run_ended", 1).await;
}
