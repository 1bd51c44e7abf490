use super::*;

const CANCELLED: FlowEnd = FlowEnd::Cancelled { stuck: Vec::new() };

/// Source, transform and sink; `change` is laid over the step at an index.
fn with(at: usize, change: &Value) -> Definition {
    let batches: Vec<Vec<u32>> = (0..50).map(|at| vec![at]).collect();
    let mut steps = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": batches}},
        {"name": "mid", "uses": "test.transform", "buffer": {"records_max": 1}},
        {"name": "out", "uses": "test.sink", "buffer": {"records_max": 1}, "batch": {"max": 1}},
    ]);
    for (key, value) in change.as_object().unwrap() {
        if key == "retry" {
            steps[at]["retry"] = value.clone();
        } else {
            steps[at]["with"][key] = value.clone();
        }
    }
    batch(steps)
}

/// Cancels when a step has come to a place, and expects the end without any time passing.
async fn cancelled_at(definition: Definition, step: &str, place: Place) -> World {
    let world = World::new();
    let flow = world.start(definition);
    world.until_at(step, place, 1).await;
    flow.cancel.cancel();
    assert_eq!(flow.end().await, CANCELLED, "{step} {place:?}");
    assert_eq!(world.clock.now(), Timestamp::UNIX_EPOCH);
    world
}

#[tokio::test]
async fn cancel_reaches_a_step_wherever_it_is() {
    for (at, step) in ["in", "mid", "out"].into_iter().enumerate() {
        for (word, place) in [("build", Place::Build), ("work", Place::Work), ("finish", Place::Finish)] {
            if at == 0 && place == Place::Finish {
                continue;
            }
            let world = cancelled_at(with(at, &json!({"hangs_in": word})), step, place).await;
            assert_eq!(world.outcome(step), Some(StepOutcome::Cancelled), "{step} {word}");
        }
    }
}

#[tokio::test]
async fn cancel_reaches_a_step_that_waits_for_another_try() {
    for (at, step) in ["in", "mid", "out"].into_iter().enumerate() {
        let world = World::new();
        let flow = world.start(with(at, &json!({"fails": 9, "retry": steady(0)})));
        world.until_at(step, Place::Work, 1).await;
        world.clock.wait_for_sleepers(1).await;
        flow.cancel.cancel();
        assert_eq!(flow.end().await, CANCELLED, "{step}");
    }
}

#[tokio::test]
async fn cancel_reaches_steps_that_are_blocked_on_a_full_edge() {
    let world = cancelled_at(with(2, &json!({"gated": true})), "out", Place::Work).await;
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("out".into(), Place::Abort)), 1);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("out".into(), Place::Finish)), 0);
    for step in ["in", "mid"] {
        assert_eq!(world.diary.count(|deed| *deed == Deed::At(step.into(), Place::Close)), 1, "{step}");
    }
}

#[tokio::test]
async fn cancel_reaches_a_task_and_what_waits_for_it_never_begins() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "one", "uses": "test.task", "with": {"hangs_in": "work"}},
        {"name": "two", "uses": "test.task"},
    ])));
    world.until_at("one", Place::Work, 1).await;
    flow.cancel.cancel();
    assert_eq!(world.to_end(flow).await, CANCELLED);
    assert_eq!(world.outcome("one"), Some(StepOutcome::Cancelled));
    assert_eq!(world.outcome("two"), Some(StepOutcome::Skipped));
    // A task gets half of the grace to end what it started.
    assert_eq!(world.clock.now(), Timestamp::from_second(5).unwrap());
}

#[tokio::test]
async fn a_flow_cancelled_before_it_began_is_cancelled() {
    let world = World::new();
    let flow = world.start(with(0, &json!({})));
    flow.cancel.cancel();
    assert_eq!(flow.end().await, CANCELLED);
}

#[tokio::test]
async fn a_step_that_does_not_let_go_is_given_up_and_named() {
    for (at, step, word) in [(0, "in", "close"), (1, "mid", "close"), (2, "out", "abort")] {
        let world = World::new();
        let mut definition = with(at, &json!({"hangs_in": word}));
        definition.steps[2].settings.insert("gated".into(), json!(true));
        let flow = world.start(definition);
        world.until_at("out", Place::Work, 1).await;
        flow.cancel.cancel();
        assert_eq!(world.to_end(flow).await, FlowEnd::Cancelled { stuck: vec![name(step)] });
        assert_eq!(world.outcome(step), Some(StepOutcome::Cancelled));
        assert_eq!(world.clock.now(), Timestamp::from_second(10).unwrap());
    }
}

#[tokio::test]
async fn a_failed_flow_does_not_wait_for_ever_for_a_step_that_hangs_while_closing() {
    let world = World::new();
    let mut definition = with(0, &json!({"hangs_in": "close"}));
    definition.steps[2].settings.insert("poison".into(), json!(0));
    let flow = world.start(definition);
    let FlowEnd::Failed(error) = world.to_end(flow).await else { panic!("it failed") };
    assert_eq!(error.step, Some(name("out")));
}

#[tokio::test]
async fn a_failure_before_the_cancel_stays_a_failure() {
    let world = World::new();
    let mut definition = with(2, &json!({"hangs_in": "abort", "poison": 0}));
    definition.steps[2].batch = None;
    let flow = world.start(definition);
    world.until_at("out", Place::Abort, 1).await;
    flow.cancel.cancel();
    assert!(matches!(world.to_end(flow).await, FlowEnd::Failed(_)));
}

fn continuous(sink: Value) -> Definition {
    let mut definition = definition(json!({
        "mode": "continuous", "drain": "30s",
        "steps": [
            {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [3]], "waits_at_end": true}},
            {"name": "mid", "uses": "test.transform"},
            {"name": "out", "uses": "test.sink", "batch": {"max": 1}},
        ],
    }));
    definition.steps[2].settings = serde_json::from_value(sink).unwrap();
    definition
}

#[tokio::test]
async fn a_continuous_pipeline_drains_before_it_stops() {
    let world = World::new();
    let flow = world.start(continuous(json!({"gated": true, "durable": "finish"})));
    world.diary.wait_for(3, |deed| matches!(deed, Deed::Gave(..))).await;
    world.until_at("out", Place::Work, 1).await;
    flow.cancel.cancel();
    world.until_at("in", Place::Work, 4).await;
    world.types.open("out", 9);
    assert_eq!(flow.end().await, CANCELLED);
    assert_eq!(world.diary.taken_by("out"), [json!(1), json!(2), json!(3)]);
    assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(3))), 1);
    assert_eq!(world.outcome("out"), Some(StepOutcome::Succeeded));
}

#[tokio::test]
async fn a_drain_that_takes_too_long_is_cut_short() {
    let world = World::new();
    let flow = world.start(continuous(json!({"gated": true})));
    world.until_at("out", Place::Work, 1).await;
    flow.cancel.cancel();
    assert_eq!(world.to_end(flow).await, CANCELLED);
    assert_eq!(world.clock.now(), Timestamp::from_second(30).unwrap());
    assert_eq!(world.outcome("out"), Some(StepOutcome::Cancelled));
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Acked(..))), 0);
}
