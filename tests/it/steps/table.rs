//! The table of step types.

use flexcore::step::table;
use serde_json::json;

use super::world::{World, failure, mistakes};

#[test]
fn every_type_has_a_summary_and_a_described_schema() {
    let table = table();
    for step_type in table.list() {
        assert!(!step_type.summary.is_empty() && !step_type.summary.ends_with('.'), "{}", step_type.name);
        assert_eq!(step_type.schema["additionalProperties"], json!(false), "{}", step_type.name);
        for (key, property) in step_type.schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{}: {key} is not described", step_type.name);
        }
    }
}

#[test]
fn an_unknown_type_is_named_with_the_nearest_or_all_there_are() {
    assert_eq!(mistakes("file.raed", json!({})), [" there is no step type `file.raed` (did you mean `file.read`?)"]);
    let found = mistakes("zzz", json!({}));
    assert!(found[0].starts_with(" there is no step type `zzz` (there are file.read, generate, "), "{}", found[0]);
}

#[tokio::test]
async fn a_secret_is_filled_in_at_build_and_kept_out_of_errors() {
    let world = World::new();
    world.file("secrets/place", "hunter22-folder\n");
    world.file("hunter22-folder/in.ndjson", "1\n");
    assert_eq!(world.read_all("file.read", json!({"path": "${secret:place}/in.ndjson"})).await.unwrap().len(), 1);
    let error = failure(world.build("file.read", json!({"path": "${secret:place}/no.ndjson"})).await);
    assert_eq!(error, format!("there is no file `***/no.ndjson` in {}", world.folder.path().display()));
}

#[test]
fn every_mistake_of_the_settings_is_reported_at_once() {
    let found = mistakes("map", json!({"fitler": ".a", "fields": {"a": ".b |", "c": ".d("}, "expr": 5}));
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().any(|mistake| mistake.contains("did you mean `filter`?")), "{found:#?}");
}
