use serde_json::{Value, json};

use super::*;
use crate::testing::steps::{Diary, ScriptedSteps};

fn plan(value: Value) -> Result<Plan, Vec<Mistake>> {
    let mut value = value;
    value["name"] = json!("test");
    let definition: Definition = serde_json::from_value(value).unwrap();
    Plan::of(&definition, &*ScriptedSteps::new(Diary::default()))
}

fn step(name: &str, uses: &str) -> Value {
    json!({"name": name, "uses": format!("test.{uses}")})
}

fn needing(name: &str, uses: &str, needs: &[&str]) -> Value {
    json!({"name": name, "uses": format!("test.{uses}"), "needs": needs})
}

/// Edges as text: `in=>out` carries records, `in->task` is an order.
fn edges(value: Value) -> Vec<String> {
    let plan = plan(value).unwrap();
    let arrow = |edge: &Edge| if edge.kind == EdgeKind::Data { "=>" } else { "->" };
    plan.edges.iter().map(|edge| format!("{}{}{}", plan.steps[edge.from], arrow(edge), plan.steps[edge.to])).collect()
}

/// Mistakes as `pointer: message (hint)`.
fn mistakes(value: Value) -> Vec<String> {
    plan(value).unwrap_err().iter().map(|mistake| format!("{}: {mistake}", mistake.pointer)).collect()
}

fn steps(steps: &[Value]) -> Value {
    json!({ "steps": steps })
}

#[test]
fn a_step_needs_the_step_before_unless_it_begins_a_path_or_is_routed_to() {
    let plain = steps(&[step("in", "source"), step("mid", "transform"), step("out", "sink"), step("after", "task")]);
    assert_eq!(edges(plain), ["in=>mid", "mid=>out", "out->after"]);
    let two = steps(&[step("a", "source"), step("b", "source"), needing("out", "sink", &["a", "b"])]);
    assert_eq!(edges(two), ["a=>out", "b=>out"]);
    let mut route = step("split", "transform");
    route["with"] = json!({"targets": ["x", "y"]});
    let routed = steps(&[step("in", "source"), route, step("x", "sink"), step("y", "sink")]);
    assert_eq!(edges(routed), ["in=>split", "split=>x", "split=>y"]);
}

#[test]
fn a_disabled_step_is_bridged_and_an_order_stays_an_order() {
    let mut mid = step("mid", "transform");
    mid["enabled"] = json!(false);
    let mut between = step("between", "task");
    between["enabled"] = json!(false);
    let value = steps(&[step("in", "source"), mid, step("out", "sink"), between, step("last", "task")]);
    assert_eq!(edges(value), ["in=>out", "out->last"]);
}

#[test]
fn steps_are_ordered_after_what_they_need_wherever_they_stand() {
    let plan = plan(steps(&[needing("out", "sink", &["mid"]), needing("mid", "transform", &["in"]), step("in", "source")]));
    assert_eq!(plan.unwrap().order, [2, 1, 0]);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let value = json!({
        "mode": "continuous",
        "retry": {"attempts": 0},
        "triggers": [{"cron": "soon"}, {"cron": "* * * * *", "timezone": "Mars/Base"}, {"interval": "10ms"}],
        "steps": [
            {"name": "in", "uses": "test.sorce"},
            {"name": "out", "uses": "test.sink", "needs": ["inn"], "rate": "fast", "parallelism": 0, "with": {"fail": 1}},
            {"name": "out", "uses": "test.sink", "needs": ["in"], "batch": {"max": 5000}},
        ],
        "tests": [{"name": "t", "step": "mid", "input": {}}],
    });
    let found = plan(value).unwrap_err();
    let at: Vec<_> = found.iter().map(|mistake| mistake.pointer.as_str()).collect();
    let wanted = [
        "/steps/0/uses",
        "/steps/2/name",
        "/steps/1/needs/0",
        "/steps/1",
        "/steps/1/with",
        "/triggers/0/cron",
        "/triggers/1/timezone",
        "/triggers/2/interval",
        "/retry/attempts",
        "/steps/1/parallelism",
        "/steps/1/rate",
        "/steps/2/batch/max",
        "/tests/0/step",
        "/tests/0/input",
    ];
    assert_eq!(at, wanted, "{found:#?}");
    let unknown = found[0].to_string();
    assert!(unknown.contains("did you mean `test.source`?") && unknown.contains("there are: test.alone, test.sink"), "{unknown}");
    assert!(found[2].to_string().contains("did you mean `in`?"), "{}", found[2]);
}

#[test]
fn a_cycle_is_named_step_by_step() {
    let value = steps(&[step("in", "source"), needing("a", "transform", &["in", "b"]), needing("b", "transform", &["a"])]);
    let found = mistakes(value);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("the steps need each other: a → b → a"), "{found:?}");
}

#[test]
fn records_must_come_from_somewhere_and_go_somewhere() {
    let cases = [
        (steps(&[]), "a pipeline needs at least one step"),
        (steps(&[step("out", "sink")]), "no records come to `out`"),
        (steps(&[step("in", "source")]), "the records of `in` go nowhere"),
        (steps(&[step("in", "source"), step("a", "sink"), step("b", "sink")]), "`a` is a sink and gives none"),
        (
            steps(&[step("in", "source"), step("a", "sink"), needing("b", "source", &["in"])]),
            "`b` is a source and takes no records",
        ),
        (json!({"mode": "continuous", "steps": [step("one", "task")]}), "a continuous pipeline needs a source"),
    ];
    for (value, wanted) in cases {
        let found = mistakes(value);
        assert!(found.iter().any(|mistake| mistake.contains(wanted)), "{wanted}: {found:?}");
    }
}

#[test]
fn records_are_not_sent_where_they_cannot_arrive() {
    let mut route = step("split", "transform");
    route["with"] = json!({"targets": ["gone", "in", "out"]});
    let found = mistakes(steps(&[step("in", "source"), route, needing("out", "sink", &["in"])]));
    assert!(found[0].contains("the records of `split` go nowhere"), "{found:?}");
    assert!(found[1].contains("sends records to `gone`, but there is no such step"), "{found:?}");
    assert!(found[2].contains("sends records to `in`, which takes none"), "{found:?}");
    assert!(found[3].contains("but `out` does not need `split`"), "{found:?}");
}

#[test]
fn a_step_must_not_wait_for_the_end_of_what_it_holds_up() {
    let value = steps(&[
        step("in", "source"),
        needing("a", "sink", &["in"]),
        needing("after", "task", &["a"]),
        needing("b", "sink", &["in", "after"]),
    ]);
    let found = mistakes(value);
    assert!(found[0].starts_with("/steps/3/needs/1: `b` would wait for itself"), "{found:?}");
    let sound = steps(&[step("first", "task"), step("in", "source"), needing("out", "sink", &["in", "first"])]);
    assert_eq!(edges(sound), ["first->out", "in=>out"]);
}

#[test]
fn dead_letters_that_cannot_be_reached_are_a_mistake() {
    let mut out = step("out", "sink");
    out["on_error"] = json!({"do": "dead_letter", "ratio_max": 0.0});
    let found = mistakes(steps(&[step("in", "source"), out]));
    assert!(found[0].starts_with("/steps/1/on_error/ratio_max"), "{found:?}");
}

#[test]
fn only_what_keeps_nothing_may_work_in_parallel_and_a_key_is_for_those() {
    let told = |mid: Value, out: Value| {
        let mistakes = plan(steps(&[step("in", "source"), mid, out])).err().unwrap_or_default();
        mistakes.into_iter().map(|mistake| format!("{}: {}", mistake.pointer, mistake.message)).collect::<Vec<_>>()
    };
    let mid = json!({"name": "mid", "uses": "test.transform", "parallelism": 4});
    let out = json!({"name": "out", "uses": "test.sink", "parallelism": 4, "concurrency": {"key": ".id"}});
    assert!(told(mid.clone(), out).is_empty());
    let alone = json!({"name": "mid", "uses": "test.alone", "parallelism": 2, "concurrency": {"key": ".id"}});
    let out = json!({"name": "out", "uses": "test.sink", "concurrency": {"key": ".id"}});
    let wrong = [
        "/steps/1/parallelism: only one `test.alone` can work at a time",
        "/steps/1/concurrency: a transform keeps its order as it is",
        "/steps/2/concurrency: one works at a time here, whatever the key",
    ];
    assert_eq!(told(alone, out), wrong);
    let out = json!({"name": "out", "uses": "test.sink", "parallelism": 2, "concurrency": {"key": "id", "max": 3}});
    let wrong = [
        "/steps/2/concurrency/max: 3 is not from 1 to 2, the step's `parallelism`",
        "/steps/2/concurrency/key: jq `id` does not compile: a key is a field, like `.id`",
    ];
    assert_eq!(told(mid, out), wrong);
}
