//! `event.append`.

use serde_json::{Value, json};

use super::world::{World, mistakes, records};

#[tokio::test]
async fn records_become_events_of_streams_and_types_that_may_hold_jq() {
    let world = World::new();
    let with = json!({"stream": "orders/\\(.id)", "type": "order.\\(.what)", "data": "{total: .t, by: $params.region}"});
    let mut sink = world.sink("event.append", with).await;
    let taken = sink.write(&records(&[json!({"id": 7, "what": "placed", "t": 5}), json!(1)])).await.unwrap();
    assert!(taken.durable);
    assert_eq!(
        (taken.rejected[0].0, taken.rejected[0].1.message.as_str()),
        (1, "stream `\"orders/\\(.id)\"`: cannot index 1 with \"id\"")
    );
    let events = world.events.0.lock().unwrap();
    let data: Value = serde_json::from_slice(&events[0].data).unwrap();
    assert_eq!((events.len(), events[0].stream.as_str(), events[0].kind.as_str()), (1, "orders/7", "order.placed"));
    assert_eq!(data, json!({"total": 5, "by": "eu"}));
}

#[tokio::test]
async fn a_record_cannot_reach_the_engines_own_streams() {
    let world = World::new();
    let mut sink = world.sink("event.append", json!({"stream": "\\(.s)", "type": "x"})).await;
    let taken = sink.write(&records(&[json!({"s": "pipeline/quakes"})])).await.unwrap();
    assert_eq!(taken.rejected[0].1.message, "the stream `pipeline/quakes` is the engine's own, or too long");
    assert!(world.events.0.lock().unwrap().is_empty());
}

#[test]
fn streams_of_the_engine_and_jq_that_does_not_compile_are_mistakes() {
    let found = mistakes("event.append", json!({"stream": "run/1", "type": "x\\(nope)", "data": "."}));
    assert_eq!(
        found,
        [
            "/type jq `\"x\\(nope)\"` does not compile: there is no filter `nope` (at column 5)",
            "/stream the stream `run/1` is the engine's own (begin it with another word than pipeline, run, queue, engine)",
        ]
    );
}
