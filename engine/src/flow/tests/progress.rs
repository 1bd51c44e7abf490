use super::*;

fn through(sink: Value) -> Definition {
    let mut steps = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2], [3], [4]]}},
        {"name": "mid", "uses": "test.transform"},
    ]);
    steps.as_array_mut().unwrap().push(sink);
    batch(steps)
}

/// Before each checkpoint all its records are durable, and before each ack its checkpoint is kept.
fn assert_order(deeds: &[Deed]) {
    let (mut taken, mut durable, mut kept) = (0, 0, 0);
    for deed in deeds {
        match deed {
            Deed::Took(_, records) => taken += records.len() as u64,
            Deed::Durable(_) => durable = taken,
            Deed::Checkpoint(_, cursor, records) => {
                assert!(*records <= durable, "a checkpoint of {records} when {durable} are durable: {deeds:#?}");
                kept = cursor.as_u64().unwrap();
            }
            Deed::Acked(_, cursor) => assert!(cursor.as_u64().unwrap() <= kept, "an ack before its checkpoint: {deeds:#?}"),
            Deed::At(..) | Deed::Gave(..) | Deed::Started(_) | Deed::Ended(..) | Deed::Dead(..) => {}
        }
    }
}

#[tokio::test]
async fn durable_comes_before_checkpoint_and_checkpoint_before_ack_whatever_the_sink() {
    for durable in ["write", "flush", "finish"] {
        for every in ["1ms", "1h"] {
            let world = World::new();
            let mut definition = through(json!({"name": "out", "uses": "test.sink", "with": {"durable": durable}}));
            definition.checkpoint = serde_json::from_value(json!({"every": every, "records": 2})).unwrap();
            let flow = world.start(definition);
            assert_eq!(world.to_end(flow).await, succeeded(4, 4, 0), "{durable} {every}");
            assert_order(&world.diary.deeds());
            assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(3))), 1, "{durable} {every}");
        }
    }
}

#[tokio::test]
async fn checkpoints_are_kept_while_the_source_waits() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2]], "waits_at_end": true}},
        {"name": "out", "uses": "test.sink", "with": {"durable": "flush"}},
    ])));
    world.diary.wait_for(1, |deed| matches!(deed, Deed::Took(..))).await;
    let meters = flow.meters.clone();
    while world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(2))) == 0 {
        tokio::task::yield_now().await;
        world.clock.advance(Duration::from_millis(10));
    }
    assert_order(&world.diary.deeds());
    assert_eq!(meters.vitals(world.context().run, &world.context().pipeline).unacked, 0);
    flow.cancel.cancel();
    assert_eq!(world.to_end(flow).await, FlowEnd::Cancelled { stuck: vec![] });
}

#[tokio::test]
async fn a_checkpoint_is_due_by_records_without_any_time_passing() {
    let world = World::new();
    let mut definition = batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2], [3, 4]], "waits_at_end": true}},
        {"name": "out", "uses": "test.sink", "with": {"durable": "flush"}},
    ]));
    definition.checkpoint.records = 2;
    let flow = world.start(definition);
    world.diary.wait_for(1, |deed| *deed == Deed::Acked("in".into(), json!(2))).await;
    assert_eq!(world.clock.now(), Timestamp::UNIX_EPOCH);
    flow.cancel.cancel();
    assert_eq!(flow.end().await, FlowEnd::Cancelled { stuck: vec![] });
}

#[tokio::test]
async fn a_source_that_cannot_resume_is_acked_without_a_checkpoint() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1]], "no_cursor": true}},
        {"name": "out", "uses": "test.sink"},
    ])));
    assert_eq!(flow.end().await, succeeded(1, 1, 0));
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Checkpoint(..))), 0);
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Acked(..))), 1);
}

#[tokio::test]
async fn an_attempt_that_goes_on_from_a_checkpoint_loses_nothing_and_repeats_nothing_that_was_safe() {
    let mut world = World::new();
    let broken = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [13], [4]]}},
        {"name": "out", "uses": "test.sink", "batch": {"max": 1}, "with": {"poison": 13}},
    ]);
    let error = world.start(batch(broken)).error().await;
    assert_eq!((error.step, error.record.as_deref()), (Some(name("out")), Some("13")));
    let kept = world.diary.deeds().into_iter().rev().find_map(|deed| match deed {
        Deed::Checkpoint(_, cursor, _) => Some(cursor),
        _ => None,
    });
    assert_eq!(kept, Some(json!(2)));
    world.checkpoints = BTreeMap::from([(name("in"), BTreeMap::from([("test".into(), json!(2))]))]);
    let mended = json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [13], [4]]}},
        {"name": "out", "uses": "test.sink"},
    ]);
    assert_eq!(world.start(batch(mended)).end().await, succeeded(2, 2, 0));
    assert_eq!(world.diary.taken_by("out"), [1, 2, 13, 4]);
}

#[tokio::test]
async fn a_failed_flow_keeps_what_is_safe_and_nothing_more() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2], [13]]}},
        {"name": "good", "uses": "test.sink", "needs": ["in"]},
        {"name": "bad", "uses": "test.sink", "needs": ["in"], "batch": {"max": 1}, "with": {"poison": 2}},
    ])));
    flow.error().await;
    let kept: Vec<_> = world.diary.deeds().into_iter().filter(|deed| matches!(deed, Deed::Checkpoint(..))).collect();
    assert!(kept.iter().all(|deed| *deed == Deed::Checkpoint("in".into(), json!(1), 1)), "{kept:?}");
}

#[tokio::test]
async fn a_lost_lease_stops_the_flow_and_nothing_more_is_reported() {
    let world = World::new();
    let flow = world.start(batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1], [2]], "waits_at_end": true}},
        {"name": "out", "uses": "test.sink"},
    ])));
    world.diary.wait_for(1, |deed| matches!(deed, Deed::Took(..))).await;
    world.report.fence();
    assert_eq!(world.to_end(flow).await, FlowEnd::Fenced);
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Checkpoint(..) | Deed::Acked(..) | Deed::Ended(..))), 0);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("out".into(), Place::Abort)), 1);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_tried_again_and_then_fails_the_attempt() {
    let world = World::new();
    let source = json!({"name": "in", "uses": "test.source", "with": {"batches": [[1]], "gated": true}});
    let flow = world.start(batch(json!([source, {"name": "out", "uses": "test.sink"}])));
    world.until_at("in", Place::Work, 1).await;
    world.report.set_unavailable(true);
    world.types.open("in", 2);
    let FlowEnd::Failed(error) = world.to_end(flow).await else { panic!("it cannot succeed") };
    assert!(error.retryable && error.step.is_none());
    assert_eq!(error.causes, ["the disk is full"]);
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Acked(..))), 0);
}
