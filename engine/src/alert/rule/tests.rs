//! Rules as written.

use serde_json::{Value, json};

use super::*;
use crate::alert::default_rules;

fn written(value: Value) -> Written {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_a_rule_says_is_what_is_evaluated() {
    use Condition::{Absent, Count, Rate, Still, Threshold};
    let seconds = Duration::from_secs;
    let cases = [
        (json!({"figure": "queue.ready", "above": 10}), Threshold(Figure::QueueReady, Bound::Above(10.0))),
        (json!({"figure": "disk.free_share", "below": 0.1}), Threshold(Figure::DiskFreeShare, Bound::Below(0.1))),
        (json!({"figure": "queue.ready", "rate": "5m", "above": 1}), Rate(Figure::QueueReady, seconds(300), Bound::Above(1.0))),
        (json!({"figure": "queue.ready", "absent": "5m"}), Still(Figure::QueueReady, seconds(300))),
        (json!({"events": ["run.failed"], "above": 2}), Count(vec!["run.failed".into()], seconds(600), Bound::Above(2.0))),
        (json!({"events": ["order.lost"], "absent": "1h"}), Absent(vec!["order.lost".into()], seconds(3_600))),
    ];
    for (mut case, condition) in cases {
        case["name"] = json!("mine");
        assert_eq!(written(case).rule().unwrap().condition, condition);
    }
}

#[test]
fn what_a_rule_cannot_mean_is_said_at_its_place() {
    let cases = [
        (json!({"name": "Bad Name", "figure": "queue.ready", "above": 1}), "/name"),
        (json!({"name": "a"}), ""),
        (json!({"name": "a", "figure": "queue.ready"}), ""),
        (json!({"name": "a", "figure": "queue.ready", "above": 1, "below": 0}), "/below"),
        (json!({"name": "a", "figure": "queue.ready", "events": ["run.failed"], "above": 1}), "/events"),
        (json!({"name": "a", "figure": "queue.ready", "above": 1, "absent": "1m"}), ""),
        (json!({"name": "a", "events": ["run.faild"], "above": 1}), "/events/0"),
        (json!({"name": "a", "events": ["run.failed"], "absent": "0s"}), "/absent"),
        (json!({"name": "a", "figure": "queue.ready", "above": 1, "for": "40d"}), "/for"),
    ];
    for (case, pointer) in cases {
        let mistakes = written(case.clone()).rule().unwrap_err();
        assert_eq!(mistakes[0].pointer, pointer, "{case}: {mistakes:?}");
    }
    let hint = written(json!({"name": "a", "events": ["run.faild"], "above": 1})).rule().unwrap_err();
    assert_eq!(hint[0].hint.as_deref(), Some("did you mean `run.failed`?"));
}

#[test]
fn a_list_replaces_switches_off_and_adds() {
    let count = default_rules().len();
    let list = [
        written(json!({"name": "run-failed", "figure": "pipeline.failed_in_row", "above": 9})),
        written(json!({"name": "queue-old", "enabled": false})),
        written(json!({"name": "mine", "figure": "queue.dead", "above": 0, "severity": "critical"})),
    ];
    let rules = rules_of(default_rules(), &list).unwrap();
    assert_eq!(rules.len(), count);
    let find = |name: &str| rules.iter().find(|rule| rule.name == name);
    assert_eq!(find("run-failed").unwrap().condition, Condition::Threshold(Figure::FailedInRow, Bound::Above(9.0)));
    assert!(find("queue-old").is_none() && find("mine").is_some());
    let twice = [list[2].clone(), list[2].clone(), written(json!({"name": "x"}))];
    let mistakes = rules_of(Vec::new(), &twice).unwrap_err();
    assert_eq!(mistakes.iter().map(|mistake| mistake.pointer.as_str()).collect::<Vec<_>>(), ["/1/name", "/2"]);
}

#[test]
fn a_star_stands_for_any_text() {
    let cases = [
        ("orders", "orders", true),
        ("orders", "orders-eu", false),
        ("orders*", "orders-eu", true),
        ("*.dead", "quakes.dead", true),
        ("*.dead", "quakes", false),
        ("a*c*e", "abcde", true),
        ("a*c*e", "ace", true),
        ("a*c*e", "aec", false),
        ("*", "", true),
        ("", "a", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}
