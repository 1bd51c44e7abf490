//! `dedupe`.

use std::time::Duration;

use flexcore_engine::testing::clock::ManualClock;
use serde_json::{Value, json};

use super::world::{World, mistakes, records, shown};

fn numbered(ids: &[Value]) -> Vec<flexcore_engine::port::step::Record> {
    records(&ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>())
}

#[tokio::test]
async fn only_the_first_record_of_a_key_passes_across_batches() {
    let world = World::new();
    let mut dedupe = world.transform("dedupe", json!({"key": ".id"})).await;
    let passed = shown(&dedupe.apply(&numbered(&[json!(1), json!("1"), json!(1), json!(null)])).await.unwrap());
    assert_eq!(passed, [json!({"id": 1}), json!({"id": "1"}), json!(null), json!({"id": null})]);
    assert_eq!(shown(&dedupe.apply(&numbered(&[json!("1")])).await.unwrap()), [json!(null)]);
    let rejected = shown(&dedupe.apply(&records(&[json!(5)])).await.unwrap());
    assert_eq!(rejected, [json!({"rejected": "key `.id`: cannot index 5 with \"id\""})]);
}

#[tokio::test]
async fn a_key_is_forgotten_after_its_window() {
    let mut world = World::new();
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    world.context.clock = clock.shared();
    let mut dedupe = world.transform("dedupe", json!({"key": ".id", "window": "10s"})).await;
    let mut passes = async || shown(&dedupe.apply(&numbered(&[json!(1)])).await.unwrap())[0] != json!(null);
    assert!(passes().await);
    clock.advance(Duration::from_secs(9));
    assert!(!passes().await);
    clock.advance(Duration::from_secs(1));
    assert!(passes().await);
}

#[tokio::test]
async fn the_oldest_keys_are_forgotten_beyond_the_maximum() {
    let world = World::new();
    let mut dedupe = world.transform("dedupe", json!({"key": ".id", "max": 2})).await;
    let passed = shown(&dedupe.apply(&numbered(&[json!(1), json!(2), json!(3), json!(3), json!(1)])).await.unwrap());
    assert_eq!(passed, [json!({"id": 1}), json!({"id": 2}), json!({"id": 3}), json!(null), json!({"id": 1})]);
}

#[test]
fn a_maximum_of_nothing_or_too_much_is_a_mistake() {
    assert_eq!(mistakes("dedupe", json!({"max": 0})), ["/max `max` is 0, not between 1 and 10000000"]);
}
