//! Whole pipelines on real files: what comes out is what a plain loop over the same data makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{collections::BTreeMap, path::Path, sync::Arc};

use flexcore::step::table;
use flexcore_engine::{
    event::run::{RunError, StepCounts, StepOutcome},
    flow::{Flow, FlowContext, FlowEnd, FlowInput, log::RunLog, meter::FlowMeters},
    id::{QueueName, Revision, RunId, StepName},
    pipeline::{Definition, Plan},
    port::{
        BoxFuture,
        queue::Peek,
        report::{ReportError, RunReport},
        step::StepContext,
    },
    unit::Duration,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::steps::world::World;

/// A report that nobody reads.
struct Unread;

impl RunReport for Unread {
    fn step_started<'a>(&'a self, _: &'a StepName) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }

    fn step_ended<'a>(
        &'a self,
        _: &'a StepName,
        _: StepOutcome,
        _: StepCounts,
        _: Option<RunError>,
    ) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }

    fn checkpoint(&self, _: Vec<flexcore_engine::command::Mark>) -> BoxFuture<'_, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }

    fn dead_lettered<'a>(&'a self, _: &'a StepName, _: u64, _: &'a str) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }
}

fn context(of: &StepContext) -> FlowContext {
    FlowContext {
        pipeline: of.pipeline.clone(),
        run: RunId::fresh(),
        attempt: 1,
        trace: None,
        revision: Revision([7; 32]),
        params: of.params.clone(),
        started_at: of.started_at,
        checkpoints: BTreeMap::new(),
        folder: of.folder.clone(),
        clock: of.clock.clone(),
        queues: of.queues.clone(),
        events: of.events.clone(),
        secrets: of.secrets.clone(),
    }
}

async fn run(world: &World, definition: Value) -> FlowEnd {
    let definition: Definition = serde_json::from_value(definition).unwrap();
    let plan = Plan::of(&definition, &*table()).unwrap();
    let flow = Flow {
        meters: FlowMeters::new(&definition, &plan),
        definition: Arc::new(definition),
        plan: Arc::new(plan),
        types: table(),
        input: FlowInput::Sources,
        context: context(&world.context),
        report: Arc::new(Unread),
        cancel: CancellationToken::new(),
        log: RunLog::default(),
        seed: 1,
        grace: Duration::from_secs(10),
    };
    flow.run().await
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn earthquakes_come_out_as_a_plain_loop_makes_them() {
    let world = World::new();
    world.file("quakes.json", data("earthquakes.json"));
    let end = run(&world, json!({"name": "quakes", "steps": [
        {"name": "read", "uses": "file.read", "with": {"path": "quakes.json", "records": ".features"}},
        {"name": "flat", "uses": "map", "with": {
            "filter": ".properties.mag >= 2",
            "fields": {"id": ".id", "mag": ".properties.mag", "place": ".properties.place | ascii_upcase", "depth": ".geometry.coordinates[2]"},
        }},
        {"name": "write", "uses": "file.write", "with": {"path": "out/quakes.ndjson"}},
    ]}))
    .await;
    let whole: Value = serde_json::from_slice(&data("earthquakes.json")).unwrap();
    let expected = whole["features"].as_array().unwrap().iter().filter(|quake| quake["properties"]["mag"].as_f64() >= Some(2.0));
    let expected: Vec<_> = expected.map(flat).collect();
    assert!(expected.len() > 10);
    assert_eq!(lines(&world.text("out/quakes.ndjson")), expected);
    let FlowEnd::Succeeded { records_in, records_out, dead } = end else { panic!("{end:?}") };
    assert_eq!((records_in, records_out, dead), (160, expected.len() as u64, 0));
}

fn flat(quake: &Value) -> Value {
    let place = quake["properties"]["place"].as_str().unwrap().to_ascii_uppercase();
    json!({"id": quake["id"], "mag": quake["properties"]["mag"], "place": place, "depth": quake["geometry"]["coordinates"][2]})
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_goes_two_ways_and_what_cannot_be_mapped_is_kept_as_dead_letters() {
    let world = World::new();
    world.file("strikes.csv", data("birdstrikes.csv"));
    let end = run(
        &world,
        json!({"name": "strikes", "steps": [
            {"name": "read", "uses": "file.read", "with": {"path": "*.csv", "types": {"Speed IAS in knots": "number"}}},
            {"name": "speed", "uses": "map", "on_error": "dead_letter",
             "with": {"expr": ". + {kmh: (.\"Speed IAS in knots\" * 1.852 | round)}"}},
            {"name": "split", "uses": "route", "with": {"cases": [{"when": ".kmh > 250", "to": "fast"}], "default": "slow"}},
            {"name": "fast", "uses": "file.write", "with": {"path": "fast.ndjson"}},
            {"name": "slow", "uses": "file.write", "with": {"path": "slow.csv"}},
        ]}),
    )
    .await;
    let FlowEnd::Succeeded { records_in, records_out, dead } = end else { panic!("{end:?}") };
    let fast = lines(&world.text("fast.ndjson"));
    let slow = csv::Reader::from_path(world.path("slow.csv")).unwrap().into_records().map(Result::unwrap).count();
    assert!(fast.len() > 5 && slow > 5 && dead > 5, "{} {slow} {dead}", fast.len());
    assert!(fast.iter().all(|strike| strike["kmh"].as_i64() > Some(250)));
    assert_eq!((records_in, records_out), (400, (fast.len() + slow) as u64));
    assert_eq!(records_out + dead, 400);
    let queue = QueueName::dead_letters_of(&world.context.pipeline);
    let letters = world.context.queues.peek(&queue, Peek::Dead, 0, 1_000).await.unwrap();
    assert_eq!(letters.len() as u64, dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_leaves_the_old_file_as_it_was() {
    let world = World::new();
    world.file("in.ndjson", "1\n2\nnonsense\n");
    world.file("out.ndjson", "old\n");
    let end = run(
        &world,
        json!({"name": "copy", "steps": [
            {"name": "read", "uses": "file.read", "with": {"path": "in.ndjson"}},
            // Written one by one, and no checkpoint counts on them, however slow the machine is.
            {"name": "write", "uses": "file.write", "with": {"path": "out.ndjson"}, "batch": {"max": 1, "linger": "1h"}},
        ]}),
    )
    .await;
    let FlowEnd::Failed(error) = end else { panic!("{end:?}") };
    assert!(error.message.contains("in.ndjson:3: not JSON"), "{error:?}");
    assert_eq!(world.text("out.ndjson"), "old\n");
    let names = std::fs::read_dir(world.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["in.ndjson", "out.ndjson"]);
}
