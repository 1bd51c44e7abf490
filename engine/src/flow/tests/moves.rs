use super::*;

#[tokio::test]
async fn records_move_in_order_from_source_to_sink() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2], [3]]}},
        {"name": "mid", "uses": "test.transform"},
        {"name": "out", "uses": "test.sink"},
    ])));
    let meters = flow.meters.clone();
    assert_eq!(flow.end().await, succeeded(3, 3, 0));
    assert_eq!(world.diary.taken_by("out"), [1, 2, 3]);
    for step in ["in", "mid", "out"] {
        assert_eq!(world.outcome(step), Some(StepOutcome::Succeeded), "{step}");
    }
    let taps = meters.taps();
    let (step, tap) = &taps[1];
    assert_eq!((step, tap.last().map(crate::port::step::Record::value)), (&name("mid"), Some(json!(3))));
    assert_eq!(meters.vitals(world.context().run, &world.context().pipeline).unacked, 0);
}

#[tokio::test]
async fn an_ack_waits_for_both_sinks_of_a_fan_out() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2]]}},
        {"name": "fast", "uses": "test.sink", "needs": ["in"]},
        {"name": "slow", "uses": "test.sink", "needs": ["in"], "with": {"gated": true}},
    ])));
    world.diary.wait_for(1, |deed| *deed == Deed::Durable("fast".into())).await;
    world.until_at("slow", Place::Work, 1).await;
    world.clock.advance(SECOND * 60);
    tokio::task::yield_now().await;
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Checkpoint(..))), 0);
    world.types.open("slow", 1);
    assert_eq!(flow.end().await, succeeded(2, 4, 0));
    assert!(world.place_of(&Deed::Durable("slow".into())) < world.place_of(&Deed::Checkpoint("in".into(), json!(1), 2)));
}

#[tokio::test]
async fn a_route_sends_each_record_to_its_step_only() {
    let world = World::new();
    let records = json!([[{"to": "a", "n": 1}, {"to": "b", "n": 2}, {"to": "a", "n": 3}, {"n": 4}]]);
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": records}},
        {"name": "split", "uses": "test.transform", "with": {"targets": ["a", "b"]}},
        {"name": "a", "uses": "test.sink"},
        {"name": "b", "uses": "test.sink"},
    ])));
    assert_eq!(flow.end().await, succeeded(4, 3, 0));
    assert_eq!(world.diary.taken_by("a"), [json!({"to": "a", "n": 1}), json!({"to": "a", "n": 3})]);
    assert_eq!(world.diary.taken_by("b"), [json!({"to": "b", "n": 2})]);
}

#[tokio::test]
async fn in_a_diamond_each_record_arrives_by_both_ways() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2]]}},
        {"name": "left", "uses": "test.transform", "needs": ["in"]},
        {"name": "right", "uses": "test.transform", "needs": ["in"], "with": {"copies": 2}},
        {"name": "out", "uses": "test.sink", "needs": ["left", "right"]},
    ])));
    assert_eq!(flow.end().await, succeeded(2, 6, 0));
    let mut taken: Vec<_> = world.diary.taken_by("out").iter().map(|value| value.as_u64().unwrap()).collect();
    taken.sort_unstable();
    assert_eq!(taken, [1, 1, 1, 2, 2, 2]);
    assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(2))), 1);
}

#[tokio::test]
async fn a_disabled_step_is_passed_by() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1]]}},
        {"name": "mid", "uses": "test.transform", "enabled": false, "with": {"copies": 7}},
        {"name": "out", "uses": "test.sink"},
    ])));
    assert_eq!(flow.end().await, succeeded(1, 1, 0));
    assert_eq!(world.outcome("mid"), None);
}

#[tokio::test]
async fn a_task_begins_when_what_it_needs_has_ended() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1]]}},
        {"name": "out", "uses": "test.sink"},
        {"name": "after", "uses": "test.task"},
    ])));
    assert_eq!(flow.end().await, succeeded(1, 1, 0));
    let ended = Deed::Ended("out".into(), StepOutcome::Succeeded, None);
    assert!(world.place_of(&ended) < world.place_of(&Deed::Started("after".into())));
}

#[tokio::test]
async fn a_task_that_may_fail_fails_alone_and_what_needs_it_is_skipped() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "one", "uses": "test.task", "on_error": "skip", "with": {"fails": 9, "permanent": true}},
        {"name": "two", "uses": "test.task"},
        {"name": "other", "uses": "test.task", "needs": []},
    ])));
    assert_eq!(flow.end().await, succeeded(0, 0, 0));
    assert_eq!(world.outcome("one"), Some(StepOutcome::Failed));
    assert_eq!(world.outcome("two"), Some(StepOutcome::Skipped));
    assert_eq!(world.outcome("other"), Some(StepOutcome::Succeeded));
}

#[tokio::test]
async fn a_slow_sink_holds_its_source_and_what_waits_is_bounded() {
    let world = World::new();
    let batches: Vec<Vec<u32>> = (0..100).map(|at| vec![at; 10]).collect();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": batches}},
        {"name": "out", "uses": "test.sink", "with": {"gated": true}, "buffer": {"records_max": 50}, "batch": {"max": 10}},
    ])));
    let gave = |deed: &Deed| matches!(deed, Deed::Gave(..));
    // One batch is in the sink, five wait on the edge, one is in the source's hand, one rest may be cut for the sink.
    world.diary.wait_for(7, gave).await;
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
    assert!(world.diary.count(gave) <= 8, "{}", world.diary.count(gave));
    let vitals = flow.meters.vitals(world.context().run, &world.context().pipeline);
    assert_eq!((vitals.steps[1].backlog, vitals.steps[1].backlog_max), (50, 50));
    world.types.open("out", 1_000);
    assert_eq!(flow.end().await, succeeded(1_000, 1_000, 0));
}

#[tokio::test]
async fn a_sink_gathers_records_until_its_batch_is_full_or_has_lingered() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [3], [4], [5]], "gated": true}},
        {"name": "out", "uses": "test.sink", "batch": {"max": 2, "linger": "1h"}},
    ])));
    world.types.open("in", 5);
    world.diary.wait_for(2, |deed| matches!(deed, Deed::Took(..))).await;
    world.clock.wait_for_sleepers(2).await;
    world.clock.advance(SECOND * 3_600);
    world.diary.wait_for(1, |deed| *deed == Deed::Took("out".into(), vec![json!(5)])).await;
    world.types.open("in", 1);
    assert_eq!(world.to_end(flow).await, succeeded(5, 5, 0));
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Took(..))), 3);
}

#[tokio::test]
async fn a_rate_holds_a_step_back_without_losing_order() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2, 3, 4]]}},
        {"name": "out", "uses": "test.sink", "rate": "1/s"},
    ])));
    assert_eq!(world.to_end(flow).await, succeeded(4, 4, 0));
    assert_eq!(world.diary.taken_by("out"), [1, 2, 3, 4]);
    assert!(world.clock.now() >= Timestamp::from_second(3).unwrap());
}

#[tokio::test]
async fn replayed_records_enter_at_the_step_that_refused_them() {
    let mut world = World::new();
    let queue = QueueName::new("flexcore.replay.test").unwrap();
    world.input = FlowInput::Replay(queue.clone());
    let messages = [("mid", 1), ("out", 2), ("in", 3), ("gone", 4), ("mid", 13)].map(|(step, record)| {
        let body = json!({"step": step, "record": record, "origin": "data.csv:7"}).to_string();
        crate::port::queue::NewMessage { body: body.into(), ..Default::default() }
    });
    world.queues.send(&queue, messages.into()).await.unwrap();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[9]]}},
        {"name": "mid", "uses": "test.transform", "with": {"copies": 2, "poison": 13}},
        {"name": "out", "uses": "test.sink"},
    ])));
    assert_eq!(world.to_end(flow).await, succeeded(5, 5, 2));
    let mut taken: Vec<_> = world.diary.taken_by("out").iter().map(|value| value.as_u64().unwrap()).collect();
    taken.sort_unstable();
    assert_eq!(taken, [1, 1, 2, 3, 3]);
    let stats = world.queues.stats().await.unwrap();
    let left = stats.iter().find(|(name, _)| *name == queue).map(|(_, stats)| (stats.ready, stats.leased));
    assert_eq!(left, Some((0, 0)));
    assert_eq!(world.outcome("in"), None);
    assert_eq!(world.dead_letters().await.len(), 2);
}
