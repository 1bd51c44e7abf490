use super::*;

fn in_mid_out(mid: &Value, out: &Value) -> Definition {
    let batches: Vec<Vec<Value>> = (0..6).map(|n| vec![json!({"k": n % 2, "n": n})]).collect();
    batch(json!([{"name": "in", "uses": "test.source", "with": {"batches": batches}}, mid, out]))
}

fn numbers(taken: &[Value]) -> Vec<u64> {
    taken.iter().map(|record| record["n"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn several_workers_of_a_transform_have_batches_at_once_and_keep_their_order() {
    let world = World::new();
    let mid = json!({"name": "mid", "uses": "test.transform", "parallelism": 3, "with": {"gated": true}});
    let flow = world.start(in_mid_out(&mid, &json!({"name": "out", "uses": "test.sink"})));
    world.until_at("mid", Place::Work, 3).await;
    assert_eq!(world.diary.taken_by("out"), [] as [Value; 0]);
    world.types.open("mid", 6);
    assert_eq!(flow.end().await, succeeded(6, 6, 0));
    assert_eq!(numbers(&world.diary.taken_by("out")), [0, 1, 2, 3, 4, 5]);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("mid".into(), Place::Finish)), 3);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("mid".into(), Place::Close)), 3);
    assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(6))), 1);
}

#[tokio::test]
async fn a_worker_that_fails_fails_the_attempt_and_every_worker_is_closed() {
    let world = World::new();
    let script = json!({"poison": {"k": 1, "n": 3}});
    let mid = json!({"name": "mid", "uses": "test.transform", "parallelism": 3, "with": script});
    let flow = world.start(in_mid_out(&mid, &json!({"name": "out", "uses": "test.sink"})));
    assert!(flow.error().await.message.contains("is poison"));
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("mid".into(), Place::Close)), 3);
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Acked(_, cursor) if cursor.as_u64() > Some(3))), 0);
}

#[tokio::test]
async fn a_batch_in_the_hands_of_one_sink_holds_up_the_acknowledgement_and_not_the_other_sinks() {
    let world = World::new();
    let out = json!({"name": "out", "uses": "test.sink", "parallelism": 2, "batch": {"max": 1}, "with": {"gated": true}});
    let flow = world.start(in_mid_out(&json!({"name": "mid", "uses": "test.transform"}), &out));
    world.until_at("out", Place::Work, 2).await;
    world.types.open("out", 1);
    world.until_at("out", Place::Work, 3).await;
    assert_eq!(world.diary.taken_by("out").len(), 1);
    world.types.open("out", 9);
    assert_eq!(flow.end().await, succeeded(6, 6, 0));
    let mut taken = numbers(&world.diary.taken_by("out"));
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
    assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(6))), 1);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("out".into(), Place::Finish)), 2);
}

#[tokio::test]
async fn records_of_one_key_keep_their_order_among_several_sinks() {
    let world = World::new();
    let out = json!({"name": "out", "uses": "test.sink", "parallelism": 4, "concurrency": {"key": ".k"}, "batch": {"max": 1}});
    let flow = world.start(in_mid_out(&json!({"name": "mid", "uses": "test.transform"}), &out));
    assert_eq!(flow.end().await, succeeded(6, 6, 0));
    let taken = world.diary.taken_by("out");
    for key in 0..2 {
        let of_key: Vec<Value> = taken.iter().filter(|record| record["k"] == key).cloned().collect();
        assert_eq!(numbers(&of_key), [key, key + 2, key + 4]);
    }
}

#[tokio::test]
async fn the_share_of_failed_records_is_that_of_all_workers_together() {
    let world = World::new();
    let policy = json!({"do": "dead_letter", "ratio_max": 0.2});
    let script = json!({"poison": {"k": 1, "n": 3}});
    let out = json!({"name": "out", "uses": "test.sink", "parallelism": 3, "on_error": policy, "with": script});
    let flow = world.start(in_mid_out(&json!({"name": "mid", "uses": "test.transform"}), &out));
    assert_eq!(flow.end().await, succeeded(6, 5, 1));
}

#[tokio::test]
async fn what_finds_a_full_buffer_is_dropped_where_the_author_says_so() {
    let world = World::new();
    let out = json!({
        "name": "out", "uses": "test.sink", "batch": {"max": 1}, "buffer": {"records_max": 2, "when_full": "drop_newest"},
        "with": {"gated": true},
    });
    let flow = world.start(in_mid_out(&json!({"name": "mid", "uses": "test.transform"}), &out));
    world.diary.wait_for(1, |deed| matches!(deed, Deed::Ended(step, ..) if step == "mid")).await;
    world.types.open("out", 9);
    let meters = flow.meters.clone();
    let FlowEnd::Succeeded { records_in: 6, records_out, dead: 0 } = flow.end().await else { panic!("it did not succeed") };
    let counts = meters.vitals(world.context().run, &world.context().pipeline).steps[2].counts;
    assert_eq!((counts.records_out, counts.dropped), (records_out, 6 - records_out));
    assert!(counts.dropped >= 3, "{counts:?}");
    assert_eq!(world.diary.count(|deed| *deed == Deed::Acked("in".into(), json!(6))), 1);
}
