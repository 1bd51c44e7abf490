//! Dry runs and tests of pipeline files.

use super::*;
use crate::{
    flow::{
        dry_run::{SAMPLES_MAX, dry_run},
        path::{apply_step, path_test},
    },
    port::step::{Outcome, Record},
};

fn values(records: &[Record]) -> Vec<Value> {
    records.iter().map(Record::value).collect()
}

fn records(values: &[Value]) -> Vec<Record> {
    values.iter().map(Record::of).collect()
}

fn routed() -> Definition {
    batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[{"to": "a"}, {"to": "b"}], [13]]}},
        {"name": "mid", "uses": "test.transform", "on_error": "dead_letter", "with": {"poison": 13}},
        {"name": "split", "uses": "test.transform", "with": {"targets": ["a", "b"]}},
        {"name": "a", "uses": "test.sink"},
        {"name": "b", "uses": "test.sink"},
    ]))
}

#[tokio::test]
async fn a_dry_run_shows_what_each_step_does_and_touches_no_sink() {
    let world = World::new();
    let definition = routed();
    let plan = Plan::of(&definition, &*world.types).unwrap();
    let dry = dry_run(&definition, &plan, &*world.types, &world.context()).await;
    let outputs: Vec<_> = dry.steps.iter().map(|step| (step.records_in, values(&step.output))).collect();
    let (a, b) = (json!({"to": "a"}), json!({"to": "b"}));
    let both = vec![a.clone(), b.clone()];
    let all = vec![a.clone(), b.clone(), json!(13)];
    assert_eq!(outputs, [(3, all), (3, both.clone()), (2, both), (1, vec![a]), (1, vec![b])]);
    assert_eq!(dry.steps[1].rejected.len(), 1);
    assert_eq!(world.diary.count(|deed| matches!(deed, Deed::Took(..) | Deed::Acked(..))), 0);
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("in".into(), Place::Close)), 1);
}

#[tokio::test]
async fn a_dry_run_takes_few_samples_and_does_not_wait_long_for_them() {
    let world = World::new();
    let many: Vec<u32> = (0..100).collect();
    let definition = batch(json!([
        {"name": "many", "uses": "test.source", "with": {"batches": [many]}},
        {"name": "late", "uses": "test.source", "with": {"batches": [[1]], "waits_at_end": true}},
        {"name": "broken", "uses": "test.source", "with": {"fails": 1}},
        {"name": "mid", "uses": "test.transform", "needs": ["many", "late", "broken"], "with": {"panics_in": "work"}},
        {"name": "out", "uses": "test.sink"},
    ]));
    let plan = Plan::of(&definition, &*world.types).unwrap();
    let (types, context) = (world.types.clone(), world.context());
    let run = tokio::spawn(async move { dry_run(&definition, &plan, &*types, &context).await });
    world.until_at("late", Place::Work, 2).await;
    world.clock.wait_for_sleepers(1).await;
    world.clock.advance(SECOND * 5);
    let dry = run.await.unwrap();
    let step = |at: usize| (dry.steps[at].output.len(), dry.steps[at].error.as_deref());
    assert_eq!(step(0), (SAMPLES_MAX, None));
    assert_eq!(step(1), (1, None));
    assert_eq!(step(2), (0, Some("`broken` failed as the script says")));
    assert_eq!(step(3), (0, Some("the step panicked: as the script says")));
    assert_eq!(step(4), (0, None));
}

#[tokio::test]
async fn one_step_is_applied_to_given_records_and_closed() {
    let world = World::new();
    let definition = batch(json!([
        {"name": "in", "uses": "test.source"},
        {"name": "mid", "uses": "test.transform", "with": {"poison": 13}},
        {"name": "out", "uses": "test.sink"},
    ]));
    let input = records(&[json!(1), json!(13)]);
    let outcomes = apply_step(&*world.types, &definition.steps[1], &world.context(), input.clone()).await.unwrap();
    assert_eq!(outcomes[0], Outcome::Keep(input[0].clone()));
    assert!(matches!(outcomes[1], Outcome::Reject(_)));
    assert_eq!(world.diary.count(|deed| *deed == Deed::At("mid".into(), Place::Close)), 1);
    assert!(apply_step(&*world.types, &definition.steps[2], &world.context(), input).await.is_err());
}

#[tokio::test]
async fn a_whole_path_is_tested_with_answers_in_place_of_the_outside() {
    let world = World::new();
    let definition = routed();
    let plan = Plan::of(&definition, &*world.types).unwrap();
    let inputs = BTreeMap::from([(name("in"), records(&[json!(1), json!(13)]))]);
    let mocks = BTreeMap::from([(name("split"), json!({"x": 1}))]);
    let result = path_test(&definition, &plan, &*world.types, &world.context(), inputs, &mocks).await;
    assert_eq!(values(&result.reached[&name("mid")]), [json!(1), json!(13)]);
    assert_eq!(values(&result.reached[&name("split")]), [json!(1)]);
    assert_eq!(values(&result.reached[&name("a")]), [json!({"x": 1})]);
    assert_eq!(result.dead_letters.len(), 1);
    assert!(result.errors.is_empty());
}
