//! `stdout` and `drop`.

use serde_json::json;

use super::world::{World, mistakes, records};

#[tokio::test]
async fn below_a_console_printed_records_go_to_the_log() {
    let world = World::new();
    let mut sink = world.sink("stdout", json!({})).await;
    assert!(sink.write(&records(&[json!({"a": 1}), json!(2)])).await.unwrap().durable);
    sink.finish().await.unwrap();
    assert_eq!(world.log_lines(), ["{\"a\":1}", "2"]);
}

#[tokio::test]
async fn dropped_records_are_taken_at_once() {
    let world = World::new();
    let mut sink = world.sink("drop", json!({})).await;
    assert!(sink.write(&records(&[json!(1)])).await.unwrap().durable);
    assert_eq!(sink.flush().await, Ok(true));
}

#[test]
fn they_have_no_settings() {
    for uses in ["stdout", "drop"] {
        assert_eq!(mistakes(uses, json!({"path": "x"})).len(), 1);
    }
}
