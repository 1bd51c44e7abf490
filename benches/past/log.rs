//! A log as an engine writes it: many runs of many pipelines, each with its steps, checkpoints and now and then a failure.

use std::sync::Arc;

use flexcore_engine::{
    event::{
        Envelope, Event, EventType, NewEvent,
        pipeline::{Outcome, PipelineActivated, PipelineCreated, RunEnded, RunRequested, RunTrigger, Source},
        run::{
            Checkpointed, RunError, RunFailed, RunQueued, RunStarted, RunSucceeded, StepCounts, StepEnded, StepOutcome,
            StepStarted,
        },
    },
    handle::Engine,
    id::{Actor, CorrelationId, EventId, PipelineName, Position, RunId, StepName, StreamName},
    pipeline::{Definition, revision},
    port::{
        clock::SystemClock,
        store::{Expected, Filter, READ_EVENTS_MAX, Store, StreamAppend},
    },
    projection::ReadModels,
    queue::MemoryQueues,
    store::memory::{Limits, MemoryLog},
};
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

/// Events in the log.
pub(crate) const EVENTS: u64 = 1_000_000;
/// Pipelines whose runs they tell of.
const PIPELINES: u64 = 200;

/// An engine on that log, which has folded it once.
pub(crate) struct World {
    pub(crate) events: Vec<Envelope>,
    engine: Engine,
    runtime: Runtime,
}

impl World {
    pub(crate) fn new() -> Self {
        let log = Arc::new(MemoryLog::new(Limits { events_max: u64::MAX / 4, bytes_max: u64::MAX / 4 }));
        let mut writer = Writer { log: &log, written: 0 };
        (0..PIPELINES).for_each(|number| writer.pipeline(number));
        let mut run = 0;
        while writer.written < EVENTS {
            writer.run(run);
            run += 1;
        }
        let engine = Engine::new(log.clone(), Arc::new(MemoryQueues::new(SystemClock::shared())), SystemClock::shared());
        let runtime = Builder::new_current_thread().build().expect("a runtime needs nothing but memory");
        runtime.block_on(engine.models());
        Self { events: all(&log), engine, runtime }
    }

    pub(crate) fn jump(&self, position: Position) -> ReadModels {
        self.runtime.block_on(self.engine.models_at(position)).expect("all of the log is kept")
    }

    pub(crate) fn jumps_per_s(&self, count: usize) -> f64 {
        let start = std::time::Instant::now();
        places().take(count).for_each(|position| drop(self.jump(Position(position))));
        count as f64 / start.elapsed().as_secs_f64()
    }
}

fn all(log: &MemoryLog) -> Vec<Envelope> {
    let (mut events, mut after) = (Vec::new(), Position(0));
    loop {
        let page = log.read(after, &Filter::default(), READ_EVENTS_MAX).now_or_never().expect("memory answers at once");
        let page = page.expect("all of the log is kept");
        if page.events.is_empty() {
            return events;
        }
        after = page.seen;
        events.extend_from_slice(&page.events);
    }
}

/// Positions all over the log, in no order.
pub(crate) fn places() -> impl Iterator<Item = u64> {
    (1_u64..).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % EVENTS + 1)
}

struct Writer<'a> {
    log: &'a MemoryLog,
    written: u64,
}

impl Writer<'_> {
    fn say(&mut self, stream: StreamName, events: Vec<Event>) {
        let at = |index: u64| Timestamp::UNIX_EPOCH + SignedDuration::from_millis((self.written + index).cast_signed() * 50);
        let correlation = CorrelationId::fresh();
        let event = |(index, event): (usize, Event)| NewEvent {
            id: EventId::fresh(),
            kind: EventType(event.kind().into()),
            data: event.data(),
            at: at(index as u64),
            actor: Actor::Engine,
            correlation,
            cause: None,
        };
        let events: Vec<NewEvent> = events.into_iter().enumerate().map(event).collect();
        self.written += events.len() as u64;
        self.log.append_now(vec![StreamAppend { stream, expected: Expected::Any, events }]).expect("there is room");
    }

    fn pipeline(&mut self, number: u64) {
        let name = name(number);
        let steps = json!([{"name": "read", "uses": "generate"}, {"name": "write", "uses": "drop"}]);
        let definition: Arc<Definition> =
            Arc::new(serde_json::from_value(json!({"name": name, "steps": steps})).expect("it is a definition"));
        let revision = revision::of(&definition);
        let source = Source { text: "steps: []".into(), path: None, folder: "/".into() };
        let stream = StreamName::pipeline(&name);
        self.say(stream, vec![PipelineCreated { revision, definition, source }.into(), PipelineActivated { revision }.into()]);
    }

    /// Ten events, as of a batch run of two steps.
    fn run(&mut self, number: u64) {
        let (id, pipeline) = (RunId(Uuid::from_u128(u128::from(number) + (0x0190 << 112))), name(number % PIPELINES));
        let (stream, owner) = (StreamName::run(id), StreamName::pipeline(&pipeline));
        let trigger = RunTrigger::Manual;
        let number_of = number / PIPELINES + 1;
        self.say(owner.clone(), vec![RunRequested { run: id, number: number_of, trigger: trigger.clone() }.into()]);
        self.say(stream, told(pipeline, number_of, number.is_multiple_of(10), trigger));
        let outcome = if number.is_multiple_of(10) { Outcome::Failed } else { Outcome::Succeeded };
        self.say(owner, vec![RunEnded { run: id, outcome }.into()]);
    }
}

fn name(number: u64) -> PipelineName {
    PipelineName::new(&format!("pipe-{number:03}")).expect("it follows the rule for names")
}

fn told(pipeline: PipelineName, number: u64, fails: bool, trigger: RunTrigger) -> Vec<Event> {
    let step = |name: &str| StepName::new(name).expect("it follows the rule for names");
    let counts = StepCounts { records_in: 1_204, records_out: 1_200, bytes: 301_000, ..StepCounts::default() };
    let error = || RunError {
        step: Some(step("write")),
        message: "cannot compare null and 1".into(),
        causes: vec!["filter `.magnitude > 1`".into()],
        record: Some(r#"{"id":"us7000","mag":4.2}"#.into()),
        retryable: false,
    };
    let ended = |name: &str, failed: bool| StepEnded {
        attempt: 1,
        step: step(name),
        outcome: if failed { StepOutcome::Failed } else { StepOutcome::Succeeded },
        counts,
        error: failed.then(error),
    };
    let queued = RunQueued {
        pipeline,
        revision: flexcore_engine::id::Revision([7; 32]),
        number,
        trigger,
        params: Map::new(),
        retry_of: None,
        attempts_max: 3,
        deadline: Timestamp::UNIX_EPOCH,
    };
    let cursor = json!({"file": "quakes.json", "line": 1_204});
    let kept = Checkpointed { attempt: 1, epoch: 1, step: step("read"), stream: "quakes.json".into(), cursor, records: 1_204 };
    let end: Event = if fails {
        RunFailed { attempt: 1, error: error() }.into()
    } else {
        RunSucceeded { attempt: 1, records_in: 1_204, records_out: 1_200, dead: 0 }.into()
    };
    vec![
        queued.into(),
        RunStarted { attempt: 1, epoch: 1, worker: "box-1/2".into(), deadline: None }.into(),
        StepStarted { attempt: 1, step: step("read") }.into(),
        StepStarted { attempt: 1, step: step("write") }.into(),
        kept.into(),
        ended("read", false).into(),
        ended("write", fails).into(),
        end,
    ]
}
