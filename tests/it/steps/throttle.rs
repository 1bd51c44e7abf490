//! `throttle`.

use std::time::Duration;

use flexcore_engine::testing::clock::ManualClock;
use serde_json::json;

use super::world::{World, mistakes, records};

#[tokio::test]
async fn records_pass_at_the_rate_and_a_burst_at_once() {
    let mut world = World::new();
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    world.context.clock = clock.shared();
    let mut throttle = world.transform("throttle", json!({"rate": "2/s", "burst": 3})).await;
    let three = records(&[json!(1), json!(2), json!(3)]);
    assert_eq!(throttle.apply(&three).await.unwrap().len(), 3);
    let one = records(&[json!(4)]);
    {
        let mut waiting = std::pin::pin!(throttle.apply(&one));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err(), "the burst is used up");
        clock.advance(Duration::from_millis(499));
        assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err(), "half a second is not over");
        clock.advance(Duration::from_millis(1));
        assert_eq!(waiting.await.unwrap().len(), 1);
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(throttle.apply(&three).await.unwrap().len(), 3);
}

#[test]
fn a_rate_that_is_none_is_a_mistake() {
    assert_eq!(
        mistakes("throttle", json!({"rate": "fast", "burst": 0})),
        [
            "/rate `fast` is not a rate: write it like 100/s, 30/m or 5000/h",
            "/burst a burst of 0 lets nothing pass (1 is the least)"
        ]
    );
}
