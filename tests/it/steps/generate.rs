//! `generate`.

use flexcore_engine::{port::step::Pull, testing::clock::ManualClock};
use serde_json::json;

use super::world::{World, mistakes, values};

#[tokio::test]
async fn a_count_without_an_interval_is_made_at_once_and_resumes() {
    let mut world = World::new();
    let with = json!({"interval": "0ms", "count": 1203, "template": "{n: $n, region: $params.region}"});
    let batches = world.read_all("generate", with.clone()).await.unwrap();
    let made = values(&batches);
    assert_eq!(
        (made.len(), &made[0], &made[1202]),
        (1203, &json!({"n": 1, "region": "eu"}), &json!({"n": 1203, "region": "eu"}))
    );
    world.context.checkpoints.insert("generate".into(), batches[1].cursor.clone());
    assert_eq!(values(&world.read_all("generate", with).await.unwrap())[0]["n"], 1001);
}

#[tokio::test]
async fn records_come_at_their_interval() {
    let mut world = World::new();
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    world.context.clock = clock.shared();
    let mut source = world.source("generate", json!({"interval": "10s", "template": "$now | todate"})).await;
    for at in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z"] {
        let Pull::Batch(batch) = source.next().await.unwrap() else { panic!("it does not end") };
        assert_eq!(values(&[batch]), [json!(at)]);
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, source.next()).await;
        assert!(waiting.is_err(), "the next one is not due");
        clock.advance(std::time::Duration::from_secs(10));
    }
}

#[test]
fn neither_pause_nor_end_is_a_mistake() {
    assert_eq!(
        mistakes("generate", json!({"interval": "0ms"})),
        [" an interval of 0 without a count never pauses and never ends (give `count` or a longer `interval`)"]
    );
    assert_eq!(mistakes("generate", json!({"template": "{n: $m}"})).len(), 1);
}
