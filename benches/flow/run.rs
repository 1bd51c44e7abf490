//! The flow itself, as a worker runs it; nobody listens to its reports.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use flexcore::step::{EnvFileSecrets, table};
use flexcore_engine::{
    command::Mark,
    event::run::{RunError, StepCounts, StepOutcome},
    flow::{Flow, FlowContext, FlowEnd, FlowInput, log::RunLog, meter::FlowMeters},
    id::{Revision, RunId, StepName},
    pipeline::{Definition, Plan},
    port::{
        BoxFuture,
        clock::SystemClock,
        report::{ReportError, RunReport},
        step::{CustomEvent, EventAppender, StepError},
    },
    queue::memory::MemoryQueues,
    unit::Duration,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Runs the pipeline from `in.ndjson` to `ours.ndjson`.
pub(crate) fn flow(folder: &Path) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be made");
    let end = runtime.block_on(ready(folder).run());
    assert!(matches!(end, FlowEnd::Succeeded { records_in: 300_000, .. }), "{end:?}");
}

fn definition() -> Definition {
    let value = json!({"name": "bench", "steps": [
        {"name": "read", "uses": "file.read", "with": {"path": "in.ndjson"}},
        {"name": "map", "uses": "map", "with": {
            "filter": ".level != \"debug\"",
            "fields": {
                "id": ".id", "ts": ".ts", "lvl": ".level | ascii_upcase", "svc": ".service", "city": ".user.city",
                "email": ".user.email | ascii_downcase", "cents": "(.amount * 100 | round)", "big": ".amount > 500",
                "tag0": ".tags[0]",
            },
        }},
        {"name": "write", "uses": "file.write", "with": {"path": "ours.ndjson"}},
    ]});
    serde_json::from_value(value).expect("the definition is one")
}

fn ready(folder: &Path) -> Flow {
    let definition = definition();
    let plan = Plan::of(&definition, &*table()).expect("the definition is whole");
    Flow {
        meters: FlowMeters::new(&definition, &plan),
        context: context(folder, &definition),
        definition: Arc::new(definition),
        plan: Arc::new(plan),
        types: table(),
        input: FlowInput::Sources,
        report: Arc::new(Nobody),
        cancel: CancellationToken::new(),
        log: RunLog::default(),
        seed: 1,
        grace: Duration::from_secs(10),
    }
}

fn context(folder: &Path, definition: &Definition) -> FlowContext {
    let clock = SystemClock::shared();
    FlowContext {
        pipeline: definition.name.clone(),
        run: RunId::fresh(),
        attempt: 1,
        trace: None,
        revision: Revision([0; 32]),
        params: Arc::default(),
        started_at: clock.now(),
        checkpoints: BTreeMap::new(),
        folder: folder.into(),
        queues: Arc::new(MemoryQueues::new(clock.clone())),
        clock,
        events: Arc::new(Nobody),
        secrets: Arc::new(EnvFileSecrets::default()),
    }
}

struct Nobody;

impl EventAppender for Nobody {
    fn append_custom<'a>(&'a self, _: &'a StepName, _: Vec<CustomEvent>) -> BoxFuture<'a, Result<(), StepError>> {
        Box::pin(async { Ok(()) })
    }
}

impl RunReport for Nobody {
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

    fn checkpoint(&self, _: Vec<Mark>) -> BoxFuture<'_, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }

    fn dead_lettered<'a>(&'a self, _: &'a StepName, _: u64, _: &'a str) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(async { Ok(()) })
    }
}
