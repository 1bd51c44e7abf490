use super::*;

fn poisoned(uses: &str, on_error: Value) -> Definition {
    let mut steps = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 13, 2], [13, 3]]}},
        {"name": "mid", "uses": "test.transform"},
        {"name": "out", "uses": "test.sink"},
    ]);
    let at = if uses == "test.sink" { 2 } else { 1 };
    steps[at]["with"] = json!({"poison": 13});
    steps[at]["on_error"] = on_error;
    batch(steps)
}

#[tokio::test]
async fn a_record_that_cannot_be_processed_fails_the_attempt_and_is_shown_with_its_place() {
    for uses in ["test.transform", "test.sink"] {
        let world = World::new();
        let error = world.start(poisoned(uses, json!("fail"))).error().await;
        assert_eq!(error.message, "13 is poison (script:2)");
        assert_eq!(error.record.as_deref(), Some("13"));
        assert!(!error.retryable);
        assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Checkpoint(..))), 0, "{uses}");
        assert_eq!(world.diary.count(|deed| *deed == Deed::At("out".into(), Place::Finish)), 0, "{uses}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_processed_is_skipped_where_the_step_says_so() {
    for uses in ["test.transform", "test.sink"] {
        let world = World::new();
        let flow = world.start(poisoned(uses, json!("skip")));
        assert_eq!(flow.end().await, succeeded(5, 3, 0), "{uses}");
        assert_eq!(world.diary.taken_by("out"), [1, 2, 3]);
        assert_eq!(world.dead_letters().await, []);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_processed_is_a_dead_letter_before_its_batch_is_safe() {
    for (uses, step) in [("test.transform", "mid"), ("test.sink", "out")] {
        let world = World::new();
        let flow = world.start(poisoned(uses, json!("dead_letter")));
        assert_eq!(flow.end().await, succeeded(5, 3, 2), "{uses}");
        let dead = world.dead_letters().await;
        assert_eq!(dead.len(), 2);
        let crate::port::queue::MessageState::Dead { error, origin: Some(origin), .. } = &dead[0].state else {
            panic!("{dead:?}")
        };
        assert_eq!((error.as_str(), origin.step.as_str(), origin.source.as_str()), ("13 is poison", step, "script:2"));
        assert_eq!((origin.pipeline.as_str(), origin.revision.len()), ("test", 64));
        assert_eq!(world.diary.count(|deed| *deed == Deed::Dead(step.into(), 2, "13 is poison".into())), 1);
    }
}

#[tokio::test]
async fn what_a_source_cannot_read_follows_its_own_rule() {
    let world = World::new();
    let source = |on_error: &str| json!({"name": "in", "uses": "test.source", "on_error": on_error, "with": {"batches": [[1]], "unreadable": ["torn"]}});
    let flow = world.start(batch(json!([source("dead_letter"), {"name": "out", "uses": "test.sink"}])));
    assert_eq!(flow.end().await, succeeded(2, 1, 1));
    assert_eq!(world.dead_letters().await[0].body, "\"torn\"");
    let error = world.start(batch(json!([source("fail"), {"name": "out", "uses": "test.sink"}]))).error().await;
    assert_eq!(error.message, "it cannot be read (script:1)");
}

#[tokio::test]
async fn more_failed_records_than_the_ratio_allows_fail_the_attempt() {
    let few = json!({"do": "dead_letter", "ratio_max": 0.4, "window": 5});
    let flow = World::new().start(poisoned("test.transform", few));
    assert_eq!(flow.end().await, succeeded(5, 3, 2));
    let many = json!({"do": "dead_letter", "ratio_max": 0.3, "window": 5});
    let error = World::new().start(poisoned("test.transform", many)).error().await;
    assert_eq!(error.message, "2 of the last 5 records failed, more than the 30 % that `ratio_max` allows");
    assert_eq!(error.causes, ["13 is poison"]);
}

#[tokio::test]
async fn a_run_shorter_than_the_window_is_judged_at_its_end() {
    let policy = json!({"do": "skip", "ratio_max": 0.3, "window": 1000});
    let error = World::new().start(poisoned("test.sink", policy)).error().await;
    assert!(error.message.starts_with("2 of the last 5 records failed"), "{error:?}");
}

#[tokio::test]
async fn a_full_dead_letter_queue_fails_the_attempt_and_loses_nothing() {
    let world = World::new();
    let mut definition = poisoned("test.transform", json!("dead_letter"));
    definition.dead_letters.bytes_max = unit::ByteSize(1);
    let error = world.start(definition).error().await;
    assert!(error.message.contains("is full"), "{error:?}");
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Checkpoint(..))), 0);
}

#[tokio::test]
async fn a_refusal_that_another_try_mends_is_tried_again_in_its_place() {
    for at in [1, 2] {
        let world = World::new();
        let mut steps = json!([
            {"name": "in", "uses": "test.source", "with": {"batches": [[1, 13, 2]]}},
            {"name": "mid", "uses": "test.transform"},
            {"name": "out", "uses": "test.sink"},
        ]);
        steps[at]["with"] = json!({"poison": 13, "poison_mends_after": 2});
        steps[at]["retry"] = steady(3);
        let flow = world.start(batch(steps));
        assert_eq!(world.to_end(flow).await, succeeded(3, 3, 0));
        let order = if at == 1 { [1, 13, 2] } else { [1, 2, 13] };
        assert_eq!(world.diary.taken_by("out"), order);
        assert_eq!(world.clock.now(), Timestamp::from_second(2).unwrap());
    }
}
