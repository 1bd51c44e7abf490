//! The schema that editors get.

use flexcore::{definition::schema, step};
use serde_json::{Value, json};

fn schema() -> Value {
    schema::of_files(&*step::table())
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::meta::validate(&schema()).is_ok(), "{:#?}", jsonschema::meta::validate(&schema()));
    let text = schema().to_string();
    let lost: Vec<_> = text.match_indices("\"$ref\":\"#/$defs/").map(|(at, found)| &text[at + found.len()..]).collect();
    for reference in lost {
        let name = reference.split('"').next().unwrap_or_default();
        assert!(schema().pointer(&format!("/$defs/{name}")).is_some(), "{name} is named but not there");
    }
}

#[test]
fn the_schema_demands_the_settings_of_the_step_type() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let with = |settings: Value| json!({"name": "p", "steps": [{"name": "a", "uses": "file.write", "with": settings}]});
    assert!(validator.is_valid(&with(json!({"path": "x.ndjson"}))));
    assert!(!validator.is_valid(&with(json!({"paht": "x.ndjson"}))));
    assert!(!validator.is_valid(&with(json!({}))));
    assert!(!validator.is_valid(&json!({"name": "p", "steps": [{"name": "a", "uses": "file.write"}]})));
    assert!(!validator.is_valid(&json!({"name": "p", "steps": [{"name": "a", "uses": "file.wriet"}]})));
}
