//! The handle on the reference log and queues: scenarios from a request to what stands in the log.

mod checkpoints;
mod models;
mod retention;
mod runs;
mod sessions;
mod why;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::task::yield_now;

use super::{Accepted, Engine, Refusal, anchors::Anchors};
use crate::{
    command::{Command, PipelineCommand, QueueCommand, Request, RunCommand},
    event::{
        Envelope,
        pipeline::{RunTrigger, Source},
        run::RunError,
    },
    id::{Actor, PipelineName, Position, RunId},
    pipeline::{Definition, revision},
    port::{
        step::{CustomEvent, EventAppender},
        store::{Filter, READ_EVENTS_MAX, Store},
    },
    queue::memory::MemoryQueues,
    store::memory::{Limits, MemoryLog},
    testing::clock::ManualClock,
    unit::Duration,
};

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) clock: ManualClock,
    pub(super) store: Arc<MemoryLog>,
}

pub(super) fn start() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

pub(super) fn name(text: &str) -> PipelineName {
    PipelineName::new(text).unwrap()
}

pub(super) fn definition(pipeline: &str, more: &Value) -> Arc<Definition> {
    let mut document = json!({"name": pipeline, "steps": [{"name": "in", "uses": "generate"}, {"name": "out", "uses": "drop"}]});
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(document).unwrap())
}

pub(super) fn source() -> Source {
    Source { text: "name: …".into(), path: None, folder: "/srv".into() }
}

impl World {
    pub(super) fn new() -> Self {
        let clock = ManualClock::new(start());
        let store = Arc::new(MemoryLog::new(Limits::default()));
        let queues = Arc::new(MemoryQueues::new(clock.shared()));
        Self { engine: Engine::new(store.clone(), queues, clock.shared()), clock, store }
    }

    pub(super) async fn submit_as(&self, actor: Actor, command: Command) -> Result<Accepted, Refusal> {
        self.engine.submit(Request::new(command, actor, self.engine.clock().now())).await
    }

    pub(super) async fn submit(&self, command: Command) -> Result<Accepted, Refusal> {
        self.submit_as(Actor::Engine, command).await
    }

    pub(super) async fn pipeline(&self, pipeline: &str, command: PipelineCommand) -> Result<Accepted, Refusal> {
        self.submit(Command::Pipeline(name(pipeline), command)).await
    }

    pub(super) async fn run(&self, run: RunId, command: RunCommand) -> Result<Accepted, Refusal> {
        self.submit(Command::Run(run, command)).await
    }

    pub(super) async fn queue(&self, queue: &str, command: QueueCommand) -> Result<Accepted, Refusal> {
        self.submit_as(Actor::Operator("ada".into()), Command::Queue(queue.parse().unwrap(), command)).await
    }

    /// A pipeline that is active.
    pub(super) async fn active(&self, pipeline: &str, more: Value) {
        let definition = definition(pipeline, &more);
        let revision = revision::of(&definition);
        self.pipeline(pipeline, PipelineCommand::Create { revision, definition, source: source() }).await.unwrap();
        self.pipeline(pipeline, PipelineCommand::Activate).await.unwrap();
    }

    pub(super) async fn request(&self, pipeline: &str) -> Result<RunId, Refusal> {
        let run = RunId::fresh();
        self.pipeline(pipeline, PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params: Map::new() }).await?;
        Ok(run)
    }

    /// Facts of a user's own, at once.
    async fn facts(&self, count: usize) {
        let fact = CustomEvent { stream: "orders/7".into(), kind: "order.paid".into(), data: "{\"cents\":5}".into() };
        self.engine.append_custom(&"note".parse().unwrap(), vec![fact; count]).await.unwrap();
    }

    pub(super) async fn events(&self) -> Vec<Envelope> {
        self.store.read(Position(0), &Filter::default(), READ_EVENTS_MAX).await.unwrap().events.into()
    }

    pub(super) async fn kinds(&self) -> Vec<String> {
        self.events().await.iter().map(|envelope| envelope.event.kind.to_string()).collect()
    }
}

/// How often others on this thread get their turn until something is done.
async fn turns_of_others(work: impl Future) -> usize {
    let mut turns = 0;
    let others = async {
        loop {
            turns += 1;
            yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = work => {}
        () = others => {}
    }
    turns
}

pub(super) fn claim(epoch: u64) -> RunCommand {
    RunCommand::Start { epoch, worker: "node-1/0".into(), timeout: Some(Duration::from_secs(3_600)) }
}

pub(super) fn succeed(epoch: u64) -> RunCommand {
    RunCommand::Succeed { epoch, records_in: 3, records_out: 3, dead: 0 }
}

pub(super) fn fail(epoch: u64) -> RunCommand {
    let error = RunError {
        step: Some("in".parse().unwrap()),
        message: "no connection".into(),
        causes: vec!["refused".into()],
        record: None,
        retryable: true,
    };
    RunCommand::FailAttempt { epoch, error, backoff: Duration::from_secs(30) }
}

#[tokio::test]
async fn a_run_goes_from_request_to_success_and_its_pipeline_knows() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.run(run, succeed(1)).await.unwrap();
    let kinds = world.kinds().await;
    let expected = [
        "pipeline.created",
        "pipeline.activated",
        "pipeline.run_requested",
        "run.queued",
        "run.started",
        "run.succeeded",
        "pipeline.run_ended",
    ];
    assert_eq!(kinds, expected);
    let models = world.engine.models().await;
    let row = &models.board.pipelines["quakes"];
    assert_eq!((row.live.len(), row.runs_total, row.succeeded_total), (0, 1, 1));
    assert_eq!(models.position, Position(7));
}
