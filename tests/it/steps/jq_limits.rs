//! Expressions that never end, recurse without end, or give too much.

use flexcore::step::Predicate;
use flexcore_engine::port::step::Record;
use futures_util::future::join_all;
use serde_json::json;

use super::world::{World, mistakes, records, shown};

async fn outcome(expr: &str) -> String {
    let world = World::new();
    let mut map = world.transform("map", json!({"expr": expr})).await;
    match map.apply(&records(&[json!({"a": "[".repeat(100_000)})])).await {
        Ok(outcomes) => shown(&outcomes)[0]["rejected"].as_str().unwrap_or("it was kept").to_owned(),
        Err(error) => format!("the step fails: {error}"),
    }
}

#[tokio::test]
async fn an_expression_that_never_ends_fails_the_step() {
    let endless = ["def f: f; f", "[range(1e18)] | length", "last(range(1e18)?)", "[repeat(1)]", "0 | until(false; . + 1)"];
    for (expr, said) in endless.iter().zip(join_all(endless.map(outcome)).await) {
        let late = format!("the step fails: expr `{expr}`: it did not end within 2000 ms");
        let many = format!("the step fails: expr `{expr}`: it takes more than 10000000 turns");
        assert!(said == late || said == many, "{said}");
    }
}

#[tokio::test]
async fn what_one_call_would_make_too_large_is_not_made() {
    for large in ["\"x\" * 1e9", "1e9 * \"x\" | length", "\"ab\" | . *= 1e12", "[\"x\"] | .[0] * 1e18"] {
        let said = outcome(large).await;
        assert_eq!(said, format!("expr `{large}`: a value on the way is larger than 64 MiB"));
    }
    assert_eq!(outcome("if [\"ab\" * 3, 2 * 3, ({a: 1, b: 1} * {a: 2}), (5 | . *= 2)] == [\"ababab\", 6, {a: 2, b: 1}, 10] then 1 else error end").await, "it was kept");
    assert_eq!(outcome("if [(1, 2) * (3, 4)] == [3, 4, 6, 8] then 1 else error end").await, "it was kept");
}

#[tokio::test]
async fn loops_over_what_is_there_are_stopped_like_any_other() {
    let product = "[range(3e5)] | [.[] as $x | .[] as $y | 1] | length";
    let said = outcome(product).await;
    assert!(said.starts_with(&format!("the step fails: expr `{product}`: it ")), "{said}");
    let counted = "if ({a: [1, [2, 3]]} | [.. | numbers] == [1, 2, 3] and ([paths] | length) == 5 and (del(.a[]) == {a: []}) and ((.a[] |= 0) == {a: [0, 0]})) then 1 else error end";
    assert_eq!(outcome(counted).await, "it was kept");
}

#[tokio::test]
async fn an_expression_that_calls_itself_without_end_fails_the_step_and_not_the_process() {
    for expr in ["def f: 1 + f; f", "def f: [f]; f", "def f: try f catch f | f; [f]"] {
        let said = outcome(expr).await;
        assert!(said.starts_with(&format!("the step fails: expr `{expr}`: it ")), "{expr}: {said}");
    }
}

#[tokio::test]
async fn too_many_outputs_or_too_many_bytes_reject_the_record() {
    assert_eq!(outcome("range(1e9)").await, "expr `range(1e9)`: more than 1000 outputs for one record");
    assert_eq!(outcome("repeat(1)").await, "expr `repeat(1)`: more than 1000 outputs for one record");
    assert_eq!(
        outcome("[range(200)] | map(\"x\" * 100000)").await,
        "expr `[range(200)] | map(\"x\" * 100000)`: the result is larger than 16777216 bytes"
    );
}

#[tokio::test]
async fn what_is_nested_too_deeply_rejects_the_record() {
    assert_eq!(outcome(".a | fromjson").await, "expr `.a | fromjson`: the JSON text is nested deeper than 128 levels");
    let deep = "reduce range(1000) as $i (0; [.])";
    assert_eq!(outcome(deep).await, format!("expr `{deep}`: the result is nested deeper than 127 levels"));
    for deeper in [
        "reduce range(1e7) as $i (0; [.])",
        "reduce range(1e7) as $i (null; {value: $i, rest: .})",
        "last(foreach range(1e7) as $i (0; [., 1, 2, 3, 4, 5]))",
        "reduce range(1e7) as $i (0; [1, ., 2, 3, 4, 5])",
        "def f: [.] | f; f",
        "0 | until(false; {a: .})",
        &format!("reduce range(1e7) as $i (0; {}.{})", "[".repeat(100), "]".repeat(100)),
    ] {
        let said = outcome(deeper).await;
        assert_eq!(said, format!("expr `{deeper}`: its values are nested deeper than 10000 levels"));
    }
}

#[tokio::test]
async fn what_grows_in_a_loop_rejects_the_record_before_it_fills_the_memory() {
    for doubling in ["reduce range(1e9) as $i (\"x\"; . + .)", "[0] | until(false; . + .)", "\"x\" | last(recurse(. + .))"] {
        let said = outcome(doubling).await;
        assert_eq!(said, format!("expr `{doubling}`: a value on the way is larger than 64 MiB"));
    }
}

#[test]
fn hostile_expressions_are_mistakes_and_nothing_worse() {
    for hostile in ["(".repeat(16_000), "-".repeat(16_000), "[".repeat(20_000), "if ".repeat(5_000), "\"\\(".repeat(5_000)] {
        let found = mistakes("map", json!({"expr": hostile}));
        assert_eq!(found.len(), 1);
    }
}

#[test]
fn a_predicate_passes_what_is_neither_false_nor_null_nor_an_error() {
    let passes = Predicate::compile(".type | startswith(\"run.\")").unwrap();
    assert!(passes(br#"{"type": "run.failed"}"#));
    assert!(!passes(br#"{"type": "queue.created"}"#));
    assert!(!passes(br#"{"type": 5}"#));
    assert!(!passes(b"not JSON"));
    let endless = Predicate::compile("def f: 1 + f; f").unwrap();
    assert!(!endless(&Record::of(&json!(1)).json));
    let wrong = Predicate::compile(".a ==").err().unwrap();
    assert_eq!(wrong, "term expected at the end of the expression");
}

#[test]
fn a_predicate_takes_no_more_stack_than_any_thread_has() {
    let on_a_small_stack = || {
        let steep = format!("reduce range(1e7) as $i (0; {}.{})", "[".repeat(50), "]".repeat(50));
        let path = "null | setpath([range(1e6) | \"a\"]; 1)";
        for deep in
            ["reduce range(1e7) as $i (0; [.])", &steep, path, "0 | until(false; {a: .})", "def f: [.] | f; f", "def f: [f]; f"]
        {
            assert!(!Predicate::compile(deep).unwrap()(b"null"), "{deep}");
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(on_a_small_stack).unwrap().join().unwrap();
}
