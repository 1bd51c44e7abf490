//! The whole engine on scripted steps and a manual clock: what an operator or a schedule asks for, until it has ended.

mod alerts;
mod continuous;
mod kept;
mod recovery;
mod replays;
mod rest;
mod retention;
mod runs;
mod schedules;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Probes, Runtime, RuntimeSettings};
use crate::{
    aggregate::Rejection,
    alert::default_rules,
    command::{Command, PipelineCommand, Request, RunCommand},
    event::{
        Envelope,
        pipeline::{RunTrigger, Source},
    },
    handle::{Accepted, Engine, Refusal},
    id::{Actor, PipelineName, Position, RunId},
    pipeline::{Definition, revision},
    port::{
        queue::Queues,
        store::{Filter, READ_EVENTS_MAX, Store},
    },
    projection::runs::{RunRow, RunState},
    queue::memory::MemoryQueues,
    store::memory::{Limits, MemoryLog},
    testing::{
        clock::ManualClock,
        steps::{Diary, Nothing, ScriptedSteps},
    },
    unit,
    vitals::ProcessVitals,
};

/// An engine that runs.
struct World {
    engine: Engine,
    clock: ManualClock,
    steps: Arc<ScriptedSteps>,
    diary: Diary,
    runtime: Runtime,
}

fn name() -> PipelineName {
    PipelineName::new("p").unwrap()
}

fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A source of three records and a sink.
fn plain() -> Value {
    json!({"steps": [
        {"name": "in", "uses": "test.source", "with": {"batches": [[1, 2], [3]]}},
        {"name": "out", "uses": "test.sink"},
    ]})
}

/// The same, with the sink's own script and other keys of the definition.
fn with(sink: Value, more: &Value) -> Value {
    let mut definition = plain();
    definition["steps"][1]["with"] = sink;
    definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    definition
}

impl World {
    async fn at(start: &str) -> Self {
        Self::small(start, 1_000_000).await
    }

    async fn small(start: &str, retain_events_max: u64) -> Self {
        let clock = ManualClock::new(moment(start));
        let store = Arc::new(MemoryLog::new(Limits::default()));
        let queues = Arc::new(MemoryQueues::new(clock.shared()));
        Self::on(store, queues, clock, retain_events_max).await
    }

    /// An engine that starts on what another one left.
    async fn on(store: Arc<dyn Store>, queues: Arc<dyn Queues>, clock: ManualClock, retain_events_max: u64) -> Self {
        Self::set(store, queues, clock, |settings| settings.retain_events_max = retain_events_max).await
    }

    async fn set(
        store: Arc<dyn Store>,
        queues: Arc<dyn Queues>,
        clock: ManualClock,
        set: impl FnOnce(&mut RuntimeSettings),
    ) -> Self {
        Self::probed(store, queues, clock, Probes::new(ProcessVitals::default), set).await
    }

    async fn probed(
        store: Arc<dyn Store>,
        queues: Arc<dyn Queues>,
        clock: ManualClock,
        probes: Probes,
        set: impl FnOnce(&mut RuntimeSettings),
    ) -> Self {
        let engine = Engine::new(store, queues, clock.shared());
        let diary = Diary::default();
        let steps = ScriptedSteps::new(diary.clone());
        let mut settings = RuntimeSettings {
            node: "test".into(),
            workers: 4,
            retain_events_max: 1_000_000,
            retain_bytes_max: unit::ByteSize(1 << 30),
            retain_age_max: None,
            retain_types: Vec::new(),
            store_kind: "memory".into(),
            alerts: default_rules(),
            folder: "/".into(),
            traced: false,
        };
        set(&mut settings);
        let runtime = Runtime::start(engine.clone(), steps.clone(), Arc::new(Nothing), settings, probes).await.unwrap();
        Self { engine, clock, steps, diary, runtime }
    }

    async fn new() -> Self {
        Self::at("2026-01-31T12:00:00Z").await
    }

    async fn with_workers(workers: u32) -> Self {
        let clock = ManualClock::new(moment("2026-01-31T12:00:00Z"));
        let store = Arc::new(MemoryLog::new(Limits::default()));
        let queues = Arc::new(MemoryQueues::new(clock.shared()));
        Self::set(store, queues, clock, |settings| settings.workers = workers).await
    }

    /// The engine stops as it is asked to; what it leaves.
    async fn stopped(self) -> (Arc<dyn Store>, Arc<dyn Queues>, ManualClock) {
        let Self { engine, clock, runtime, .. } = self;
        let mut stop = std::pin::pin!(runtime.stop(unit::Duration::from_secs(600)));
        loop {
            tokio::select! {
                biased;
                left = &mut stop => {
                    assert_eq!(left, 0, "every run let go");
                    return (engine.store().clone(), engine.queues().clone(), clock);
                }
                () = let_time_pass(&clock, Duration::from_millis(100)) => {}
            }
        }
    }

    async fn submit(&self, command: Command) -> Result<Accepted, Refusal> {
        let actor = Actor::Operator("ada".into());
        self.engine.submit(Request::new(command, actor, self.clock.shared().now())).await
    }

    async fn pipeline(&self, command: PipelineCommand) -> Result<Accepted, Refusal> {
        self.submit(Command::Pipeline(name(), command)).await
    }

    fn revised(mut document: Value) -> (Arc<Definition>, Source) {
        document["name"] = json!("p");
        let definition: Definition = serde_json::from_value(document).unwrap();
        let source = Source { text: "name: p".into(), path: None, folder: "/".into() };
        (Arc::new(definition), source)
    }

    /// A pipeline that is active.
    async fn active(&self, document: Value) {
        let (definition, source) = Self::revised(document);
        let create = PipelineCommand::Create { revision: revision::of(&definition), definition, source };
        self.pipeline(create).await.unwrap();
        self.pipeline(PipelineCommand::Activate).await.unwrap();
    }

    async fn ask(&self, trigger: RunTrigger) -> Result<RunId, Rejection> {
        let run = RunId::fresh();
        match self.pipeline(PipelineCommand::RequestRun { run, trigger, params: Map::new() }).await {
            Ok(_) => Ok(run),
            Err(Refusal::Rejected(rejection)) => Err(rejection),
            Err(other) => panic!("{other}"),
        }
    }

    async fn run(&self) -> RunId {
        self.ask(RunTrigger::Manual).await.unwrap()
    }

    async fn cancel(&self, run: RunId) {
        let command = RunCommand::Cancel { reason: "enough".into(), grace: unit::Duration::from_secs(5) };
        self.submit(Command::Run(run, command)).await.unwrap();
    }

    async fn row(&self, run: RunId) -> Option<RunRow> {
        self.engine.view(move |models| models.runs.runs.get(&run).cloned()).await
    }

    /// Waits, without moving the clock, until a run is in a state.
    async fn wait(&self, run: RunId, state: RunState) -> RunRow {
        loop {
            let seen = self.engine.store().head();
            match self.row(run).await {
                Some(row) if row.state == state => return row,
                Some(row) if row.state.is_ended() => panic!("it ended otherwise: {row:?}"),
                _ => self.engine.store().wait_past(seen).await,
            }
        }
    }

    /// Waits until so many events of a kind are in the log, and moves the clock to whoever sleeps whenever nothing else
    /// happens.
    async fn pass_until(&self, kind: &str, count: usize) -> Vec<Envelope> {
        loop {
            let found = self.events(kind).await;
            if found.len() >= count {
                return found;
            }
            self.pass(Duration::from_millis(100)).await;
        }
    }

    /// Lets everybody work, then lets time pass.
    async fn pass(&self, length: Duration) {
        let_time_pass(&self.clock, length).await;
    }

    async fn events(&self, kind: &str) -> Vec<Envelope> {
        let filter = Filter { types: vec![kind.to_owned()], ..Filter::default() };
        self.engine.store().read(Position(0), &filter, READ_EVENTS_MAX).await.unwrap().events.into()
    }
}

async fn let_time_pass(clock: &ManualClock, length: Duration) {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    clock.advance(length);
}
