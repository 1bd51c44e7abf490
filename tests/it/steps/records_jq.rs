//! Where the records of a json file are, said in jq.

use serde_json::json;

use super::world::{World, mistakes, rejections, values};

const DOCUMENT: &str = r#"{"a": {"items": [{"n": 1, "tags": ["x", "y"]}, {"n": 2, "tags": []}, {"n": null}]}, "b": [7]}"#;

async fn records(jq: &str) -> Vec<serde_json::Value> {
    let world = World::new();
    world.file("in.json", DOCUMENT);
    values(&world.read_all("file.read", json!({"path": "in.json", "records": jq})).await.unwrap())
}

#[tokio::test]
async fn what_is_made_value_by_value_and_what_is_made_of_the_whole_document_are_records_alike() {
    assert_eq!(records(".a.items[] | .n").await, [json!(1), json!(2), json!(null)]);
    assert_eq!(records(".a.items[] | .tags[]?").await, [json!("x"), json!("y")]);
    assert_eq!(records(".a.items | map(select(.n) | .n)").await, [json!(1), json!(2)]);
    assert_eq!(records(".b[], (.a.items | length)").await, [json!(7), json!(3)]);
}

#[tokio::test]
async fn a_value_that_the_jq_does_not_fit_is_rejected_with_its_place_and_the_others_are_read() {
    let world = World::new();
    world.file("in.json", DOCUMENT);
    let batches = world
        .read_all("file.read", json!({"path": "in.json", "records": ".a.items[] | .n + 1 | tostring | .[0:1] | tonumber"}))
        .await;
    assert_eq!(values(&batches.unwrap()), [json!(2), json!(3), json!(1)]);
    let batches =
        world.read_all("file.read", json!({"path": "in.json", "records": ".a.items[] | .tags | length + keys"})).await.unwrap();
    assert_eq!(rejections(&batches).len(), 3);
    assert!(rejections(&batches)[0].starts_with("in.json:1: `records`:"), "{:?}", rejections(&batches));
    let whole = world.read_all("file.read", json!({"path": "in.json", "records": "error(\"no\")"})).await;
    assert!(whole.unwrap_err().message.contains("`records: error(\"no\")`: no"));
}

#[tokio::test]
async fn jq_that_does_not_compile_is_a_mistake_that_says_where() {
    let found = mistakes("file.read", json!({"path": "in.json", "records": ".a | nosuch"}));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(format!("{found:?}").contains("nosuch"));
}
