//! Runs from request to end.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_run_moves_everything_and_succeeds() {
    let world = World::new().await;
    world.active(plain()).await;
    let run = world.run().await;
    let row = world.wait(run, RunState::Succeeded).await;
    assert_eq!((row.records_in, row.records_out, row.dead), (3, 3, 0));
    assert_eq!(world.diary.taken_by("out"), [json!(1), json!(2), json!(3)]);
    assert_eq!(world.events("pipeline.run_ended").await.len(), 1);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_after_its_wait_and_within_its_budget() {
    let world = World::new().await;
    let retry = json!({"attempts": 3, "backoff": "10s", "factor": 1.0, "max": "10s", "jitter": 0.0});
    world.active(with(json!({"fails": 99, "permanent": false}), &json!({"retry": retry}))).await;
    let run = world.run().await;
    world.pass_until("run.failed", 1).await;
    let row = world.row(run).await.unwrap();
    assert_eq!((row.state, row.attempt), (RunState::Failed, 3));
    assert_eq!(world.events("run.retrying").await.len(), 2);
    assert!(row.error.unwrap().step.is_some_and(|step| step.as_str() == "out"));
}

#[tokio::test]
async fn a_running_run_that_is_cancelled_stops() {
    let world = World::new().await;
    world.active(with(json!({"hangs_in": "work"}), &json!({}))).await;
    let run = world.run().await;
    world.wait(run, RunState::Running).await;
    world.cancel(run).await;
    world.pass_until("run.cancelled", 1).await;
    let row = world.row(run).await.unwrap();
    assert_eq!((row.state, row.cancel_reason.as_str()), (RunState::Cancelled, "enough"));
}

#[tokio::test]
async fn a_step_that_does_not_let_go_is_given_up_at_the_deadline_of_the_cancel() {
    let world = World::new().await;
    let mut stuck = plain();
    stuck["steps"][0]["with"] = json!({"batches": [], "waits_at_end": true, "hangs_in": "close"});
    world.active(stuck).await;
    let run = world.run().await;
    world.wait(run, RunState::Running).await;
    world.cancel(run).await;
    let ended = world.pass_until("run.cancelled", 1).await;
    assert!(ended[0].event.at <= moment("2026-01-31T12:00:20Z"), "{}", ended[0].event.at);
    assert_eq!(world.row(run).await.unwrap().state, RunState::Cancelled);
}

#[tokio::test]
async fn a_run_that_takes_longer_than_its_timeout_is_cancelled() {
    let world = World::new().await;
    world.active(with(json!({"hangs_in": "work"}), &json!({"timeout": "1m"}))).await;
    let run = world.run().await;
    world.wait(run, RunState::Running).await;
    world.pass_until("run.cancelled", 1).await;
    assert_eq!(world.row(run).await.unwrap().cancel_reason, "timeout");
}

#[tokio::test]
async fn under_queue_the_next_run_begins_when_the_one_before_has_ended() {
    let world = World::new().await;
    world.active(with(json!({"gated": true}), &json!({"overlap": "queue"}))).await;
    let (first, second) = (world.run().await, world.run().await);
    world.wait(first, RunState::Running).await;
    assert_eq!(world.row(second).await.unwrap().state, RunState::Queued);
    world.steps.open("out", 100);
    world.wait(first, RunState::Succeeded).await;
    world.wait(second, RunState::Succeeded).await;
}

#[tokio::test]
async fn under_cancel_the_newer_run_takes_over() {
    let world = World::new().await;
    world.active(with(json!({"hangs_in": "work"}), &json!({"overlap": "cancel"}))).await;
    let first = world.run().await;
    world.wait(first, RunState::Running).await;
    let second = world.run().await;
    world.pass_until("run.cancelled", 1).await;
    assert_eq!(world.row(first).await.unwrap().state, RunState::Cancelled);
    world.wait(second, RunState::Running).await;
}

#[tokio::test]
async fn under_skip_a_second_run_is_refused() {
    let world = World::new().await;
    world.active(with(json!({"hangs_in": "work"}), &json!({}))).await;
    let first = world.run().await;
    let refused = world.ask(RunTrigger::Manual).await;
    assert_eq!(refused, Err(Rejection::Overlaps { name: name(), run: first }));
}

#[tokio::test]
async fn a_run_that_tries_another_again_goes_on_where_that_one_stood() {
    let world = World::new().await;
    let mut document = plain();
    document["steps"][0]["with"] = json!({"batches": [[1], [2]]});
    document["steps"][1]["with"] = json!({"poison": 2});
    document["steps"][1]["batch"] = json!({"max": 1});
    document["checkpoint"] = json!({"every": "1s", "records": 1});
    world.active(document).await;
    let first = world.run().await;
    let row = world.wait(first, RunState::Failed).await;
    assert_eq!(row.checkpoints.len(), 1, "the first batch is safe");
    let again = world.ask(RunTrigger::Retry { of: first }).await.unwrap();
    world.wait(again, RunState::Failed).await;
    let ones = world.diary.taken_by("out").into_iter().filter(|value| *value == json!(1)).count();
    assert_eq!(ones, 1, "what was safe is not done again");
}
