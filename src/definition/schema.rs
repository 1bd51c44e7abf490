//! The JSON Schema of pipeline files: the definition's, with the settings of each step type where `uses` names it.

use flexcore_engine::{
    pipeline::Definition,
    port::step::{StepType, StepTypes},
};
use serde_json::{Map, Value, json};

use super::schema_check::escaped;

/// The schema of pipeline files, for the step types that are there.
pub fn of_files(types: &dyn StepTypes) -> Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(Definition)).expect("a derived schema is JSON");
    schema["title"] = "FlexCore pipeline".into();
    let mut parts = Map::new();
    let cases: Vec<Value> = types.list().iter().map(|step_type| case(step_type, &mut parts)).collect();
    let step = &mut schema["$defs"]["Step"];
    step["allOf"] = cases.into();
    step["properties"]["uses"] = uses(types);
    if let Some(definitions) = schema["$defs"].as_object_mut() {
        definitions.extend(parts);
    }
    schema
}

fn uses(types: &dyn StepTypes) -> Value {
    let each = types.list().iter().map(|step_type| json!({"const": step_type.name, "description": step_type.summary}));
    json!({"description": "The step type.", "type": "string", "oneOf": each.collect::<Vec<_>>()})
}

/// `if` the step uses this type, `then` its settings are these.
fn case(step_type: &StepType, parts: &mut Map<String, Value>) -> Value {
    let mut settings = step_type.schema.clone();
    if let Some(map) = settings.as_object_mut() {
        map.remove("$schema");
        map.remove("title");
        let own = map.remove("$defs").and_then(|own| match own {
            Value::Object(own) => Some(own),
            _ => None,
        });
        for (name, mut part) in own.unwrap_or_default() {
            move_references(&mut part, step_type.name);
            parts.insert(moved(step_type.name, &name), part);
        }
    }
    move_references(&mut settings, step_type.name);
    let needs_settings = settings["required"].as_array().is_some_and(|keys| !keys.is_empty());
    let required: &[&str] = if needs_settings { &["with"] } else { &[] };
    json!({
        "if": {"properties": {"uses": {"const": step_type.name}}, "required": ["uses"]},
        "then": {"properties": {"with": settings}, "required": required},
    })
}

/// Two step types may have parts of the same name.
fn moved(step_type: &str, part: &str) -> String {
    format!("{step_type}.{part}")
}

fn move_references(value: &mut Value, step_type: &str) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(part) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/$defs/{}", escaped(&moved(step_type, part)));
            }
            map.values_mut().for_each(|value| move_references(value, step_type));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| move_references(value, step_type)),
        _ => {}
    }
}
