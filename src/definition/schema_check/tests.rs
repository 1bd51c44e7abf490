use flexcore_engine::pipeline::Definition;
use serde_json::json;

use super::*;

fn told(schema: &Value, instance: &Value) -> Vec<String> {
    schema_mistakes(schema, instance).iter().map(|mistake| format!("{}: {mistake}", mistake.pointer)).collect()
}

fn told_of_pipeline(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut pipeline = json!({"name": "p", "steps": [{"name": "a", "uses": "drop"}]});
    change(&mut pipeline);
    let schema = serde_json::to_value(schemars::schema_for!(Definition)).unwrap();
    told(&schema, &pipeline)
}

#[test]
fn a_value_that_fits_has_no_mistakes() {
    assert_eq!(told_of_pipeline(|_| {}), [""; 0]);
}

#[test]
fn a_key_that_is_not_known_is_told_with_the_nearest_one() {
    let told = told_of_pipeline(|it| it["steps"][0]["paralelism"] = json!(2));
    assert_eq!(told, ["/steps/0/paralelism: unknown key `paralelism` (did you mean `parallelism`?)"]);
}

#[test]
fn a_missing_key_is_told_with_what_it_is_for() {
    let told = told_of_pipeline(|it| {
        it["steps"][0].as_object_mut().unwrap().remove("uses");
    });
    assert_eq!(told, ["/steps/0: `uses` is missing (uses: the step type, like `file.read`)"]);
}

#[test]
fn a_duration_without_its_unit_is_told_with_the_unit() {
    let told = told_of_pipeline(|it| it["timeout"] = json!(30));
    assert_eq!(told, ["/timeout: expected a duration like 30s, found the number 30 (add the unit: 30s or 30m)"]);
    let told = told_of_pipeline(|it| it["timeout"] = json!("soon"));
    assert_eq!(told, ["/timeout: `soon` is not a duration: write it like 250ms, 30s, 10m, 2h or 30d (at most ten years)"]);
}

#[test]
fn a_wrong_word_is_told_with_the_right_ones() {
    let told = told_of_pipeline(|it| it["overlap"] = json!("skp"));
    assert_eq!(told, ["/overlap: expected one of `skip`, `queue`, `cancel`, `allow`, found `skp` (did you mean `skip`?)"]);
    let told = told_of_pipeline(|it| it["mode"] = json!(1));
    assert_eq!(told, ["/mode: expected one of `batch`, `continuous`, found the number 1"]);
}

#[test]
fn of_several_forms_the_one_that_was_meant_is_told() {
    let told = told_of_pipeline(|it| it["triggers"] = json!([{"interval": 30}]));
    assert_eq!(told, ["/triggers/0/interval: expected a duration like 30s, found the number 30 (add the unit: 30s or 30m)"]);
    let told = told_of_pipeline(|it| it["triggers"] = json!([{"cron": "* * * * *", "timezon": "UTC"}]));
    assert_eq!(told, ["/triggers/0/timezon: unknown key `timezon` (did you mean `timezone`?)"]);
    let told = told_of_pipeline(|it| it["steps"][0]["on_error"] = json!("dead_leter"));
    assert_eq!(
        told,
        ["/steps/0/on_error: expected one of `fail`, `skip`, `dead_letter`, found `dead_leter` (did you mean `dead_letter`?)"]
    );
    let told = told_of_pipeline(|it| it["steps"][0]["on_error"] = json!({"do": "skip", "ratio": 0.1}));
    assert_eq!(told, ["/steps/0/on_error/ratio: unknown key `ratio` (did you mean `ratio_max`?)"]);
    let told = told_of_pipeline(|it| it["steps"][0]["on_error"] = json!(7));
    assert_eq!(told, ["/steps/0/on_error: expected one of `fail`, `skip`, `dead_letter` or a map, found the number 7"]);
}

#[test]
fn a_word_that_tells_forms_apart_is_told_alone() {
    let form = |word: &str, key: &str| {
        json!({"type": "object", "properties": {"kind": {"const": word}, key: {"type": "string"}},
        "required": ["kind", key], "additionalProperties": false})
    };
    let schema = json!({"oneOf": [form("csv", "delimiter"), form("json", "records")]});
    assert_eq!(
        told(&schema, &json!({"kind": "jsn", "records": "."})),
        ["/kind: expected one of `csv`, `json`, found `jsn` (did you mean `json`?)"]
    );
    assert_eq!(
        told(&schema, &json!({"kind": "json", "records": 1})),
        ["/records: expected a text, found the number 1 (put it in quotes: \"1\")"]
    );
}

#[test]
fn a_name_is_checked_by_the_rule_for_names() {
    let told = told_of_pipeline(|it| it["name"] = json!("Big Name"));
    assert_eq!(told, ["/name: `Big Name` is not a name: 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"]);
}

#[test]
fn a_whole_number_that_does_not_fit_is_told_with_its_limit() {
    let told = told_of_pipeline(|it| it["steps"][0]["parallelism"] = json!(5_000_000_000_u64));
    assert_eq!(told, ["/steps/0/parallelism: must be 4294967295 or less, found 5000000000"]);
    let told = told_of_pipeline(|it| it["steps"][0]["parallelism"] = json!(3.0));
    assert_eq!(told, ["/steps/0/parallelism: expected a whole number, found the number 3.0"]);
    let told = told_of_pipeline(|it| it["steps"][0]["parallelism"] = json!(2.5));
    assert_eq!(told, ["/steps/0/parallelism: expected a whole number, found the number 2.5"]);
    let told = told_of_pipeline(|it| it["steps"][0]["parallelism"] = json!(-1));
    assert_eq!(told, ["/steps/0/parallelism: must be 0 or more, found -1"]);
}

#[test]
fn every_mistake_is_told_at_once_and_none_twice() {
    let told = told_of_pipeline(|it| *it = json!({"nam": "p", "steps": [{"name": 1, "uses": 2}], "retry": {"attempts": "3"}}));
    assert_eq!(told.len(), 5, "{told:#?}");
}
