//! `map`.

use serde_json::json;

use super::world::{World, mistakes, records, shown};

#[tokio::test]
async fn fields_make_a_new_record_and_the_filter_drops_others() {
    let world = World::new();
    let with = json!({
        "filter": ".level != \"debug\"",
        "fields": {
            "z": ".id", "lvl": ".level | ascii_upcase", "cents": ".amount * 100 | round", "big": ".amount > 500",
            "tag0": ".tags[0]", "none": "empty", "half": ".id / 2", "param": "$params.region", "at": "now | todate",
        },
    });
    let mut map = world.transform("map", with).await;
    let given = [
        json!({"id": 7, "level": "info", "amount": 12.345, "tags": ["é\u{1}\""]}),
        json!({"id": 8, "level": "debug"}),
        json!({"id": "x", "level": "warn", "amount": 1}),
    ];
    let outcomes = map.apply(&records(&given)).await.unwrap();
    assert_eq!(
        shown(&outcomes),
        [
            json!({"z": 7, "lvl": "INFO", "cents": 1235, "big": false, "tag0": "é\u{1}\"", "half": 3.5, "param": "eu",
                   "at": "2023-11-14T22:13:20Z"}),
            json!(null),
            json!({"rejected": "field `half`: cannot calculate \"x\" / 2"}),
        ]
    );
}

#[tokio::test]
async fn fields_keep_their_order_and_the_record_its_origin() {
    let world = World::new();
    let mut map = world.transform("map", json!({"fields": {"b": ".x", "a": ".x"}})).await;
    let mut given = records(&[json!({"x": 1})]);
    given[0].origin.number = 42;
    let outcomes = map.apply(&given).await.unwrap();
    let flexcore_engine::port::step::Outcome::Keep(record) = &outcomes[0] else { panic!("it is kept") };
    assert_eq!((&record.json[..], record.origin.number), (&b"{\"b\":1,\"a\":1}"[..], 42));
}

#[tokio::test]
async fn an_expression_may_give_none_one_or_many_records() {
    let world = World::new();
    let mut map = world.transform("map", json!({"expr": ".[]"})).await;
    let outcomes = map.apply(&records(&[json!([]), json!([1]), json!([1, {"a": 2}]), json!(5)])).await.unwrap();
    assert_eq!(
        shown(&outcomes),
        [
            json!(null),
            json!(1),
            json!({"many": [1, {"a": 2}]}),
            json!({"rejected": "expr `.[]`: cannot use 5 as iterable (array or object)"}),
        ]
    );
}

#[tokio::test]
async fn numbers_stay_json_and_lose_no_digits() {
    let world = World::new();
    let mut map = world.transform("map", json!({"expr": "[., nan, infinite, 10/2, 1e300, (\"+1.5\" | tonumber)]"})).await;
    let given = [flexcore_engine::port::step::Record::new("[12345678901234567890123, 1.10]")];
    let outcomes = map.apply(&given).await.unwrap();
    let flexcore_engine::port::step::Outcome::Keep(record) = &outcomes[0] else { panic!("{outcomes:?}") };
    let text = String::from_utf8_lossy(&record.json).into_owned();
    assert_eq!(text, "[[12345678901234567890123,1.10],null,1.7976931348623157e+308,5,1e300,1.5]");
}

#[test]
fn every_expression_that_does_not_compile_is_reported_with_its_place() {
    let with = json!({"filter": ".a |", "fields": {"x/y": "foo(1)", "n": 5, "v": "$nope"}});
    assert_eq!(
        mistakes("map", with),
        [
            "/fields/n expected a text, found the number 5 (put it in quotes: \"5\")",
            "/filter jq `.a |` does not compile: term expected at the end of the expression",
            "/fields/x~1y jq `foo(1)` does not compile: there is no filter `foo` with 1 arguments (at column 1)",
            "/fields/v jq `$nope` does not compile: there is no variable `$nope` (at column 1)",
        ]
    );
    assert_eq!(mistakes("map", json!({})), [" `map` does nothing (give `filter`, `fields` or `expr`)"]);
    let both = json!({"fields": {"a": "."}, "expr": "."});
    assert_eq!(mistakes("map", both), ["/expr `fields` and `expr` exclude each other (remove one of them)"]);
}

#[test]
fn what_reaches_outside_is_not_there() {
    for outside in ["input", "inputs", "env", "$ENV", "debug", "halt", "halt_error", "stderr", "input_filename"] {
        let found = mistakes("map", json!({"expr": outside}));
        assert!(found.len() == 1 && found[0].contains("there is no"), "{outside}: {found:?}");
    }
}
