use super::*;

/// A pipeline whose step at an index fails as `with` says and is tried by `retry`.
fn failing(at: usize, with: &Value, retry: Value) -> Definition {
    let mut steps = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2]]}},
        {"name": "mid", "uses": "test.transform"},
        {"name": "out", "uses": "test.sink"},
    ]);
    for (key, value) in with.as_object().unwrap() {
        steps[at]["with"][key] = value.clone();
    }
    steps[at]["retry"] = retry;
    batch(steps)
}

#[tokio::test]
async fn a_step_that_fails_within_its_budget_succeeds_and_says_how_often_it_was_tried() {
    for at in 0..3 {
        let world = World::new();
        let flow = world.start(failing(at, &json!({"fails": 2}), steady(3)));
        let meters = flow.meters.clone();
        assert_eq!(world.to_end(flow).await, succeeded(2, 2, 0), "{at}");
        assert_eq!(world.diary.taken_by("out"), [1, 2]);
        assert_eq!(meters.step(at).counts().retries, 2);
        assert_eq!(world.clock.now(), Timestamp::from_second(2).unwrap());
    }
}

#[tokio::test]
async fn a_step_that_uses_up_its_budget_fails_the_attempt() {
    for (at, step) in ["in", "mid", "out"].into_iter().enumerate() {
        let world = World::new();
        let flow = world.start(failing(at, &json!({"fails": 3}), steady(3)));
        let FlowEnd::Failed(error) = world.to_end(flow).await else { panic!("{step}") };
        assert_eq!(error.step, Some(name(step)));
        assert_eq!(error.message, format!("`{step}` failed as the script says"));
        assert_eq!(error.causes, ["tried 3 times"]);
        assert!(error.retryable);
        assert_eq!(world.outcome(step), Some(StepOutcome::Failed));
    }
}

#[tokio::test]
async fn an_error_that_no_try_mends_is_not_tried_again() {
    let world = World::new();
    let error = world.start(failing(2, &json!({"fails": 1, "permanent": true}), steady(0))).error().await;
    assert!(!error.retryable);
    assert_eq!(world.clock.now(), Timestamp::UNIX_EPOCH);
}

#[tokio::test]
async fn a_step_without_a_budget_is_tried_for_ever_and_shows_since_when() {
    let world = World::new();
    let flow = world.start(failing(2, &json!({"fails": 500}), steady(0)));
    let meters = flow.meters.clone();
    world.until_at("out", Place::Work, 1).await;
    for times in 2..=400 {
        world.clock.wait_for_sleepers(1).await;
        world.clock.advance(SECOND);
        world.until_at("out", Place::Work, times).await;
    }
    let vitals = meters.vitals(world.context().run, &world.context().pipeline);
    let (since, why) = vitals.steps[2].retrying.clone().unwrap();
    assert_eq!((since, why.as_str()), (Timestamp::UNIX_EPOCH, "`out` failed as the script says"));
    assert_eq!(world.to_end(flow).await, succeeded(2, 2, 0));
    assert_eq!(meters.vitals(world.context().run, &world.context().pipeline).steps[2].retrying, None);
}

#[tokio::test]
async fn a_try_that_takes_too_long_is_ended_and_tried_again() {
    for (at, step) in ["in", "mid", "out"].into_iter().enumerate() {
        let world = World::new();
        let mut definition = failing(at, &json!({"hangs_in": "work"}), steady(2));
        definition.steps[at].timeout = Some(unit::Duration::from_secs(30));
        let flow = world.start(definition);
        let FlowEnd::Failed(error) = world.to_end(flow).await else { panic!("{step}") };
        assert_eq!(error.message, format!("`{step}` took longer than its timeout of 30s"));
        assert_eq!(world.clock.now(), Timestamp::from_second(61).unwrap(), "{step}");
    }
}

#[tokio::test]
async fn a_panic_in_a_step_is_an_error_that_names_it() {
    for (at, step) in ["in", "mid", "out"].into_iter().enumerate() {
        for place in ["build", "work", "finish", "close"] {
            if (place == "finish" && at == 0) || (place == "close" && at == 2) {
                continue;
            }
            let world = World::new();
            let end = world.start(failing(at, &json!({"panics_in": place}), steady(3))).end().await;
            if place == "close" {
                assert_eq!(end, succeeded(2, 2, 0));
                continue;
            }
            let FlowEnd::Failed(error) = end else { panic!("{step} {place}") };
            assert_eq!(error.step, Some(name(step)), "{place}");
            assert_eq!(error.message, "the step panicked: as the script says");
        }
    }
}

#[tokio::test]
async fn the_first_real_error_is_the_one_shown_not_what_followed_from_it() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [3], [4]]}},
        {"name": "mid", "uses": "test.transform", "buffer": {"records_max": 1}},
        {"name": "out", "uses": "test.sink", "buffer": {"records_max": 1}, "with": {"poison": 1}},
    ])));
    let error = flow.error().await;
    assert_eq!((error.step, error.message.as_str()), (Some(name("out")), "1 is poison (script:1)"));
    assert_eq!(world.outcome("in"), Some(StepOutcome::Cancelled));
    assert_eq!(world.outcome("mid"), Some(StepOutcome::Cancelled));
}
