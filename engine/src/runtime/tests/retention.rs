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
