//! `route`.

use flexcore::step::table;
use serde_json::json;

use super::world::{World, mistakes, records, shown, step};

#[tokio::test]
async fn a_record_goes_to_the_first_case_that_holds_else_to_the_default_else_nowhere() {
    let world = World::new();
    let cases = json!([{"when": ".n > 10", "to": "large"}, {"when": ".n > 1", "to": "some"}]);
    let given = records(&[json!({"n": 20}), json!({"n": 2}), json!({"n": 0}), json!([])]);
    let mut route = world.transform("route", json!({"cases": cases})).await;
    let outcomes = shown(&route.apply(&given).await.unwrap());
    assert_eq!(outcomes[0], json!({"to": "large", "record": {"n": 20}}));
    assert_eq!(outcomes[1], json!({"to": "some", "record": {"n": 2}}));
    assert_eq!(outcomes[2], json!(null));
    assert_eq!(outcomes[3], json!({"rejected": "case `.n > 10`: cannot index [] with \"n\""}));
    let mut route = world.transform("route", json!({"cases": cases, "default": "rest"})).await;
    assert_eq!(shown(&route.apply(&given).await.unwrap())[2], json!({"to": "rest", "record": {"n": 0}}));
}

#[test]
fn its_targets_are_named_once_each() {
    let with = json!({"cases": [{"when": ".a", "to": "x"}, {"when": ".b", "to": "x"}], "default": "y"});
    let targets: Vec<_> = table().targets(&step("route", with)).iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["x", "y"]);
}

#[test]
fn cases_are_needed_and_must_compile() {
    assert_eq!(mistakes("route", json!({"cases": []})), ["/cases `route` has no cases (add `{when: .a > 1, to: a-step}`)"]);
    assert_eq!(
        mistakes("route", json!({"cases": [{"when": ".a", "to": "x"}, {"when": ".a >", "to": "y"}]})),
        ["/cases/1/when jq `.a >` does not compile: term expected at the end of the expression"]
    );
}
