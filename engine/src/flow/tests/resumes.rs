use super::*;

const STREAM: &str = "test";

fn steps(batches: &Value, sink: &Value) -> Definition {
    let mut sink = sink.clone();
    sink["name"] = json!("out");
    sink["uses"] = json!("test.sink");
    sink["with"]["resumes"] = json!(true);
    batch(json!([{"name": "in", "uses": "test.source", "with": {"batches": batches}}, sink]))
}

/// The newest mark of each step, as the next attempt gets it.
fn kept(world: &World) -> BTreeMap<StepName, BTreeMap<String, Value>> {
    let mut kept = BTreeMap::new();
    for deed in world.diary.deeds() {
        if let Deed::Checkpoint(step, cursor, _) = deed {
            kept.insert(name(&step), BTreeMap::from([(STREAM.to_owned(), cursor)]));
        }
    }
    kept
}

fn mark_of(world: &World, step: &str) -> Value {
    kept(world).get(&name(step)).map_or(Value::Null, |streams| streams[STREAM].clone())
}

/// What is in the output after another attempt: what the first left up to its mark, then what the second wrote.
fn output(world: &World, first: &[Value], mark: &Value) -> Vec<Value> {
    let all = world.diary.taken_by("out");
    first.iter().take(mark.as_u64().unwrap_or_default() as usize).chain(&all[first.len()..]).cloned().collect()
}

#[tokio::test]
async fn another_attempt_has_every_record_once_in_the_output_wherever_writes_and_batches_end() {
    for max in 1..=5 {
        for durable in ["write", "flush"] {
            let mut world = World::new();
            let batches = json!([[1, 2], [3, 4, 5], [6], [7, 13], [8]]);
            let with = json!({"durable": durable, "poison": 13});
            let mut first = steps(&batches, &json!({"batch": {"max": max}, "with": with}));
            first.checkpoint.records = 1;
            world.start(first).error().await;
            let (left, mark) = (world.diary.taken_by("out"), mark_of(&world, "out"));
            world.checkpoints = kept(&world);
            let second = steps(&batches, &json!({"batch": {"max": max}, "with": {"durable": durable}}));
            assert!(matches!(world.start(second).end().await, FlowEnd::Succeeded { .. }));
            let expected = [1, 2, 3, 4, 5, 6, 7, 13, 8].map(Value::from);
            assert_eq!(output(&world, &left, &mark), expected, "{durable} by {max}: {:#?}", world.diary.deeds());
        }
    }
}

#[tokio::test]
async fn a_mark_is_kept_before_the_first_write_so_that_an_attempt_without_a_checkpoint_leaves_nothing() {
    let mut world = World::new();
    world.checkpoints = BTreeMap::from([(name("out"), BTreeMap::from([(STREAM.to_owned(), json!(5))]))]);
    let error = world.start(steps(&json!([[1, 13]]), &json!({"batch": {"max": 1}, "with": {"poison": 13}}))).error().await;
    assert_eq!(error.record.as_deref(), Some("13"));
    let deeds = world.diary.deeds();
    assert!(
        world.place_of(&Deed::Checkpoint("out".into(), json!(5), 0)) < world.place_of(&Deed::Took("out".into(), vec![json!(1)]))
    );
    assert_eq!(mark_of(&world, "out"), json!(5), "{deeds:#?}");
}

#[tokio::test]
async fn the_marks_of_sinks_are_kept_with_the_cursor_that_they_belong_to() {
    let world = World::new();
    let mut definition = batch(json!([
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2], [3], [4]]}},
        {"name": "a", "uses": "test.sink", "needs": ["in"], "with": {"resumes": true, "durable": "flush"}},
        {"name": "b", "uses": "test.sink", "needs": ["in"], "with": {"resumes": true, "durable": "write"}},
    ]));
    definition.checkpoint.records = 1;
    assert_eq!(world.start(definition).end().await, succeeded(4, 8, 0));
    let (mut marks, records) = (BTreeMap::new(), [0, 2, 3, 4]);
    for deed in world.diary.deeds() {
        let Deed::Checkpoint(step, cursor, _) = deed else { continue };
        let at = cursor.as_u64().unwrap();
        if step == "in" {
            let behind = records[at as usize];
            assert_eq!(marks, BTreeMap::from([("a".to_owned(), behind), ("b".to_owned(), behind)]));
        } else {
            marks.insert(step, at);
        }
    }
    assert_eq!(marks["a"], 4);
}

#[tokio::test]
async fn a_batch_whose_source_cannot_resume_takes_back_what_it_wrote() {
    let world = World::new();
    let source = json!({"name": "in", "uses": "test.source", "with": {"batches": [[1], [13]], "no_cursor": true}});
    let sink = json!({"name": "out", "uses": "test.sink", "batch": {"max": 1}, "with": {"resumes": true, "poison": 13}});
    world.start(batch(json!([source, sink]))).error().await;
    assert_eq!(mark_of(&world, "out"), json!(0));
}
