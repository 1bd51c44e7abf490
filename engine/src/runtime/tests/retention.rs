//! The log stays as small as it is told, whatever lives.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_long_life_fits_into_a_small_log() {
    let world = World::small("2026-01-31T12:00:00Z", 5_000).await;
    world.active(with(json!({}), &json!({"triggers": [{"interval": "1s"}]}))).await;
    let (mut widest, mut head) = (0, Position(0));
    while head.0 < 14_000 {
        world.pass(Duration::from_millis(100)).await;
        let stats = world.engine.store().stats();
        (widest, head) = (widest.max(stats.kept()), stats.head);
    }
    assert!(widest < 10_000, "{widest} events were kept at once");
    let (runs, failed) = world
        .engine
        .view(|models| {
            let row = &models.board.pipelines[&name()];
            (row.runs_total, row.failed_total)
        })
        .await;
    assert!(runs > 500 && failed == 0, "{runs} runs, {failed} failed");
    // What is kept is enough to go on by: another engine on the same log knows the pipeline.
    let again = Engine::new(world.engine.store().clone(), world.engine.queues().clone(), world.clock.shared());
    assert!(again.view(|models| models.board.pipelines.contains_key(&name())).await);
}

#[tokio::test]
async fn what_is_too_old_goes_by_itself_and_single_types_earlier() {
    let clock = ManualClock::new(moment("2026-01-31T12:00:00Z"));
    let store = Arc::new(MemoryLog::new(Limits::default()));
    let queues = Arc::new(MemoryQueues::new(clock.shared()));
    let day = |count: u64| unit::Duration::from_secs(count * 86_400);
    let world = World::set(store, queues, clock, |settings| {
        settings.retain_age_max = Some(day(10));
        settings.retain_types = vec![("command.rejected".into(), day(1))];
        // A machine that is busy with other tests may be one to be told of: that would be one more event.
        settings.alerts = Vec::new();
    });
    let world = world.await;
    world.active(plain()).await;
    let refused = world.pipeline(PipelineCommand::Activate).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected(_)), "{refused}");
    let kept = || world.engine.store().stats().kept();
    let before = kept();
    assert_eq!(world.events("command.rejected").await.len(), 1);
    world.pass(Duration::from_secs(2 * 86_400)).await;
    world.pass(Duration::from_secs(1)).await;
    world.pass(Duration::from_secs(1)).await;
    assert_eq!((world.events("command.rejected").await.len(), kept()), (0, before - 1));
    // A stream whose last event has gone still takes commands.
    let refused = world.pipeline(PipelineCommand::Activate).await.unwrap_err();
    assert!(matches!(refused, Refusal::Rejected(_)), "{refused}");
    assert_eq!(world.events("command.rejected").await.len(), 1);
    world.pass(Duration::from_secs(9 * 86_400)).await;
    world.pass(Duration::from_secs(1)).await;
    world.pass(Duration::from_secs(1)).await;
    assert!(world.engine.store().stats().oldest > Position(2), "what made the pipeline is gone");
    assert!(world.engine.view(|models| models.board.pipelines.contains_key(&name())).await);
}
