//! A small engine made of data: three runs of one pipeline, told by events, with figures, messages and answers.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use flexcore_engine::{
    alert::{About, Severity},
    event::{
        Envelope, Event, EventType, NewEvent,
        alert::AlertRaised,
        pipeline::{
            Outcome, PipelineActivated, PipelineCreated, PipelinePaused, PipelineRevised, RunEnded, RunRequested, RunTrigger,
            Source,
        },
        run::{
            Checkpointed, RunCancelled, RunError, RunFailed, RunQueued, RunStarted, RunSucceeded, StepCounts, StepEnded,
            StepOutcome, StepStarted,
        },
    },
    flow::{
        dry_run::{DryRun, DryStep},
        log::{LogLevel, LogLine},
    },
    id::{Actor, CorrelationId, EventId, MessageId, PipelineName, Position, QueueName, RunId, StepName, StreamName, Version},
    pipeline::{Definition, EdgeKind, Mistake, Plan, graph::Edge, mistake::PlacedMistake, revision},
    port::{
        queue::{MessageState, Origin, Peek, PeekedMessage, QueueStats},
        step::{Record, StepKind},
        store::{Page, StoreStats},
    },
    projection::{
        ReadModels,
        why::{readings, why},
    },
    vitals::{Check, CheckState, Finding, FlowTotals, ProcessVitals, RunVitals, StepVitals, Vitals},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Map;
use uuid::Uuid;

use crate::{
    effect::{Answer, Effect, Glimpse, Question, Tag},
    link::{At, Checked, LinkError, Tap, Template},
};

/// Two definitions; the second is what broke it.
pub(super) const OLD_TEXT: &str = "name: quakes\n# earthquakes\nsteps:\n  - name: read\n    uses: file.read\n  - name: clean\n    uses: map\n    with: {filter: '.mag > 1'}\n  - name: store\n    uses: file.write\n";

pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_769_853_791).unwrap()
}

fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

pub(super) fn run(number: u128) -> RunId {
    RunId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number))
}

fn step(name: &str) -> StepName {
    StepName::new(name).unwrap()
}

pub(super) fn definition(extra: &serde_json::Value) -> Arc<Definition> {
    let mut value = serde_json::json!({
        "name": "quakes", "owner": "geo", "description": "Earthquakes of the week",
        "triggers": [{"interval": "30s"}],
        "params": {"min_mag": {"type": "number", "default": 1.5, "description": "weakest quake"}, "day": {"type": "string", "format": "date"}},
        "steps": [{"name": "read", "uses": "file.read"}, {"name": "clean", "uses": "map"}, {"name": "store", "uses": "file.write"}],
        "tests": [{"name": "weak ones are dropped", "step": "clean", "input": [{"mag": 0.1}], "output": []}]
    });
    value.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(value).unwrap())
}

/// Where the pipeline was paused.
pub(super) fn paused_at(world: &World) -> Position {
    let paused = world.events.iter().find(|event| event.event.kind.as_str() == "pipeline.paused");
    paused.expect("the world has one").position
}

/// What the engine knows and answers.
pub(super) struct World {
    pub(super) events: Vec<Envelope>,
    pub(super) messages: Vec<PeekedMessage>,
    pub(super) mistakes: Vec<PlacedMistake>,
    pub(super) edited: Result<String, String>,
    pub(super) without_vitals: bool,
    /// Answers to "why?" are kept back, the last one here.
    pub(super) holds_why: bool,
    pub(super) held: std::cell::RefCell<Option<(Tag, Answer)>>,
}

impl World {
    /// Nothing at all.
    pub(super) fn empty() -> Self {
        Self {
            events: Vec::new(),
            messages: Vec::new(),
            mistakes: Vec::new(),
            edited: Ok(String::new()),
            without_vitals: true,
            holds_why: false,
            held: std::cell::RefCell::default(),
        }
    }

    /// One pipeline: a run that succeeded, a revision by a colleague, a run that failed, a run that lives.
    pub(super) fn quakes() -> Self {
        Self::of(&serde_json::json!({}))
    }

    /// The same, with other keys in the definition.
    pub(super) fn of(extra: &serde_json::Value) -> Self {
        let mut world = Self { without_vitals: false, ..Self::empty() };
        let definition = definition(extra);
        let source = |text: &str| Source { text: text.into(), path: None, folder: "/srv".into() };
        let revision = revision::of(&definition);
        let created = PipelineCreated { revision, definition: definition.clone(), source: source(OLD_TEXT) };
        world.say("pipeline/quakes", created, 7_200, 1);
        world.say("pipeline/quakes", PipelineActivated { revision }, 7_100, 1);
        world.run(1, 7_000, &[]);
        let text = OLD_TEXT.replace(".mag > 1", ".magnitude > 1");
        let revised = PipelineRevised { revision, number: 2, definition, source: source(&text) };
        world.say("pipeline/quakes", revised, 1_200, 2);
        world.run(2, 180, &["failed"]);
        world.run(3, 30, &["live"]);
        world.messages =
            (0..40).map(|number| letter(number, r#"{"id":"us7000","mag":null,"place":"10km W of Nowhere"}"#)).collect();
        world
    }

    /// A continuous pipeline whose run kept three checkpoints.
    pub(super) fn tides(live: bool) -> Self {
        let mut world = Self::empty();
        let definition = definition(&serde_json::json!({"name": "tides", "mode": "continuous"}));
        let (revision, id) = (revision::of(&definition), run(9));
        let source = Source { text: OLD_TEXT.into(), path: None, folder: "/srv".into() };
        let (pipeline, stream) = ("pipeline/tides", format!("run/{id}"));
        world.say(pipeline, PipelineCreated { revision, definition, source }, 900, 1);
        world.say(pipeline, PipelineActivated { revision }, 890, 1);
        world.say(pipeline, RunRequested { run: id, number: 1, trigger: RunTrigger::Activation }, 890, 2);
        let queued = RunQueued {
            pipeline: PipelineName::new("tides").unwrap(),
            revision,
            number: 1,
            trigger: RunTrigger::Activation,
            params: Map::new(),
            retry_of: None,
            attempts_max: 1,
            deadline: ago(0),
        };
        world.say(&stream, queued, 890, 2);
        world.say(&stream, RunStarted { attempt: 1, epoch: 1, worker: "box-1/2".into(), deadline: None }, 889, 2);
        for (number, secs) in [(1, 600), (2, 300), (3, 60)] {
            let marks = [("store", "out.ndjson", "bytes", number * 4_000), ("read", "tides.json", "n", number * 100)];
            for (name, of, key, value) in marks {
                let kept = Checkpointed {
                    attempt: 1,
                    epoch: 1,
                    step: step(name),
                    stream: of.into(),
                    cursor: serde_json::json!({key: value}),
                    records: number * 100,
                };
                world.say(&stream, kept, secs, 2);
            }
        }
        if !live {
            world.say(&stream, RunCancelled { attempt: 1, reason: "the pipeline was paused".into(), forced: false }, 10, 2);
            world.say(pipeline, RunEnded { run: id, outcome: Outcome::Cancelled }, 10, 2);
            world.say(pipeline, PipelinePaused { reason: String::new() }, 10, 2);
        }
        world
    }

    /// Adds an event.
    pub(super) fn say(&mut self, stream: &str, event: impl Into<Event>, secs: i64, correlation: u128) {
        let event = event.into();
        self.custom(stream, event.kind(), event.data(), secs, correlation);
    }

    /// An alert that is raised.
    pub(super) fn alert(&mut self, id: &str, about: About, severity: Severity, secs: i64) {
        let raised =
            AlertRaised { severity, summary: format!("{id} is so: 3"), value: 3.0, limit: 2.0, about, since: ago(secs + 60) };
        self.say(&format!("alert/{id}"), raised, secs, 1);
    }

    pub(super) fn custom(&mut self, stream: &str, kind: &str, data: Bytes, secs: i64, correlation: u128) {
        let position = self.events.len() as u64 + 1;
        let event = NewEvent {
            id: EventId(Uuid::from_u128(u128::from(position))),
            kind: EventType(kind.into()),
            data,
            at: ago(secs),
            actor: Actor::Operator("alice".into()),
            correlation: CorrelationId(Uuid::from_u128(correlation)),
            cause: None,
        };
        let version = self.events.iter().filter(|known| known.stream.as_str() == stream).count() as u64 + 1;
        self.events.push(Envelope {
            position: Position(position),
            stream: StreamName(stream.into()),
            version: Version(version),
            event,
        });
    }

    fn run(&mut self, number: u64, secs: i64, how: &[&str]) {
        let id = run(number.into());
        let stream = format!("run/{id}");
        let correlation = u128::from(number) + 10;
        let pipeline = PipelineName::new("quakes").unwrap();
        let trigger = RunTrigger::Schedule { tick: ago(secs) };
        let counts = |records_in, records_out| StepCounts { records_in, records_out, ..StepCounts::default() };
        self.say("pipeline/quakes", RunRequested { run: id, number, trigger: trigger.clone() }, secs, correlation);
        let revision = revision::of(&definition(&serde_json::json!({})));
        let queued = RunQueued {
            pipeline,
            revision,
            number,
            trigger,
            params: Map::new(),
            retry_of: None,
            attempts_max: 3,
            deadline: ago(secs - 600),
        };
        self.say(&stream, queued, secs, correlation);
        let started = RunStarted { attempt: 1, epoch: 1, worker: "box-1/2".into(), deadline: Some(ago(secs - 3_600)) };
        self.say(&stream, started, secs - 1, correlation);
        for name in ["read", "clean", "store"] {
            self.say(&stream, StepStarted { attempt: 1, step: step(name) }, secs - 1, correlation);
        }
        if how == ["live"] {
            return;
        }
        let cursor = serde_json::json!({"file": "quakes.json", "line": 1204});
        let kept =
            Checkpointed { attempt: 1, epoch: 1, step: step("read"), stream: "quakes.json".into(), cursor, records: 1_204 };
        self.say(&stream, kept, secs - 5, correlation);
        let failed = how == ["failed"];
        let error = RunError {
            step: Some(step("clean")),
            message: "cannot compare null and 1".into(),
            causes: vec!["filter `.magnitude > 1`".into()],
            record: Some(r#"{"id":"us7000","mag":4.2}"#.into()),
            retryable: false,
        };
        for name in ["read", "clean", "store"] {
            let bad = failed && name == "clean";
            let (outcome, error) = if bad { (StepOutcome::Failed, Some(error.clone())) } else { (StepOutcome::Succeeded, None) };
            let ended = StepEnded { attempt: 1, step: step(name), outcome, counts: counts(1_204, 1_200), error };
            self.say(&stream, ended, secs - 9, correlation);
        }
        let outcome = if failed { Outcome::Failed } else { Outcome::Succeeded };
        let end: Event = if failed {
            RunFailed { attempt: 1, error }.into()
        } else {
            RunSucceeded { attempt: 1, records_in: 1_204, records_out: 1_200, dead: 0 }.into()
        };
        self.say(&stream, end, secs - 10, correlation);
        self.say("pipeline/quakes", RunEnded { run: id, outcome }, secs - 10, correlation);
    }

    /// What a console begins with.
    pub(super) fn models(&self) -> ReadModels {
        let mut models = ReadModels::default();
        self.events.iter().for_each(|envelope| models.apply(envelope));
        models
    }

    /// The figures of four seconds.
    pub(super) fn vitals(&self) -> Vec<Arc<Vitals>> {
        let moments = if self.without_vitals { 0 } else { 8 };
        (0..moments).map(|half_seconds| Arc::new(vitals(half_seconds))).collect()
    }

    /// The answer to what the console asks for.
    pub(super) fn answer(&self, effect: Effect) -> Option<(Tag, Answer)> {
        match effect {
            Effect::Edit { tag, .. } => Some((tag, Answer::Edited(self.edited.clone()))),
            Effect::Ask(tag, question @ Question::Why { .. }) if self.holds_why => {
                *self.held.borrow_mut() = Some((tag, self.tell(question)));
                None
            }
            Effect::Ask(tag, question) => Some((tag, self.tell(question))),
            _ => None,
        }
    }

    fn glimpse(&self, at: At) -> Glimpse {
        let passes = |event: &&Envelope| match at {
            At::Position(position) => event.position <= position,
            At::Moment(moment) => event.event.at <= moment,
        };
        let events: Vec<Envelope> = self.events.iter().filter(passes).cloned().collect();
        let mut models = ReadModels::default();
        for envelope in &events {
            models.apply(envelope);
        }
        Glimpse { models, events: Some(events) }
    }

    fn tell(&self, question: Question) -> Answer {
        match question {
            Question::Peek { which: Peek::Dead, .. } => Answer::Peek(Ok(self.messages.clone())),
            Question::Peek { .. } => Answer::Peek(Ok(Vec::new())),
            Question::RunLog { after, .. } => Answer::RunLog(Ok(log().into_iter().filter(|line| line.number > after).collect())),
            Question::Taps { .. } => {
                let records = vec![Record::new(r#"{"id":"us7000","mag":4.2}"#), Record::new(r#"{"id":"us7001","mag":2.1}"#)];
                Answer::Taps(Ok(vec![Tap { step: step("read"), records: records.clone() }, Tap { step: step("clean"), records }]))
            }
            Question::Check { text, .. } if self.mistakes.is_empty() => {
                let definition =
                    definition(&serde_json::json!({"name": if text.contains("fresh") { "fresh" } else { "quakes" }}));
                Answer::Check(Ok(Ok(Checked { revision: revision::of(&definition), definition, folder: PathBuf::from("/srv") })))
            }
            Question::Check { .. } => Answer::Check(Ok(Err(self.mistakes.clone()))),
            Question::Plan { revision, definition } => Answer::Plan(revision, Ok(chain(&definition))),
            Question::DryRun { checked, .. } => Answer::DryRun(Ok(dry_run(&checked))),
            Question::Ticks { pipeline, count } => {
                Answer::Ticks(pipeline, Ok((0..i64::try_from(count).unwrap()).map(|tick| ago(-30 * (tick + 1))).collect()))
            }
            Question::ReadBack { before, filter, max } => {
                let passing = self.events.iter().filter(|known| known.position < before && filter.passes(known));
                let mut events: Vec<Envelope> = passing.cloned().collect();
                events.drain(..events.len().saturating_sub(max));
                Answer::ReadBack(Ok(Page { events: events.into(), seen: before }))
            }
            Question::Past { number, at, .. } => Answer::Past(number, Ok(Box::new(self.glimpse(at)))),
            Question::Ahead { number, .. } => Answer::Ahead(number, Err(LinkError::Gone("all events are at hand".into()))),
            Question::Why { subject, models, now, vitals } => {
                let events: Vec<Envelope> = readings(&subject, &models)
                    .iter()
                    .flat_map(|reading| self.events.iter().filter(|event| reading.takes(event)).cloned())
                    .collect();
                let why = why(&subject, &models, &events, now, vitals.as_deref());
                Answer::Why(models.position, Ok(why.map(Box::new)))
            }
            Question::Predicate { jq } => Answer::Predicate(jq, Err("no jq here".into())),
            Question::Templates => Answer::Templates(vec![
                Template {
                    name: "csv to ndjson".into(),
                    summary: "Convert a file".into(),
                    text: "name: fresh\nsteps: []\n".into(),
                },
                Template { name: "queue worker".into(), summary: "Work on messages".into(), text: OLD_TEXT.into() },
            ]),
        }
    }
}

pub(super) fn mistake(line: u32, column: u32, message: &str, hint: &str) -> PlacedMistake {
    PlacedMistake { line, column, mistake: Mistake::at("/steps", message).hint(hint) }
}

pub(super) fn letter(number: u128, body: &str) -> PeekedMessage {
    let origin = Origin {
        pipeline: "quakes".into(),
        run: run(2).to_string(),
        step: "clean".into(),
        revision: "ab".repeat(32),
        source: format!("quakes.json:{}", number + 1),
    };
    let state = MessageState::Dead { at: ago(170), error: "cannot compare null and 1".into(), origin: Some(origin) };
    let id = MessageId(Uuid::from_u128(0xfeed_0000 + number));
    PeekedMessage { id, body: Bytes::copy_from_slice(body.as_bytes()), priority: 0, deliveries: 1, sent_at: ago(170), state }
}

fn log() -> Vec<LogLine> {
    let line = |number, level, text: &str| LogLine { number, at: ago(20), step: step("read"), level, text: text.into() };
    vec![line(1, LogLevel::Info, "opened quakes.json"), line(2, LogLevel::Warn, "\x1b[2Jline 7 is \u{202e}torn")]
}

fn dry_run(checked: &Checked) -> DryRun {
    let record = Record::new(r#"{"id":"us7000","mag":4.2}"#);
    let dry = |step: &flexcore_engine::pipeline::Step| DryStep {
        step: step.name.clone(),
        kind: StepKind::Transform,
        records_in: 5,
        output: vec![record.clone(); 5],
        dropped: 0,
        rejected: Vec::new(),
        error: None,
    };
    DryRun { steps: checked.definition.steps.iter().map(dry).collect() }
}

fn vitals(half_seconds: u64) -> Vitals {
    let moved = 20 * half_seconds;
    let counts = |records_in, records_out| StepCounts { records_in, records_out, ..StepCounts::default() };
    let of =
        |name: &str, counts, backlog| StepVitals { step: Some(step(name)), counts, backlog, backlog_max: 4_000, retrying: None };
    let at = now() - SignedDuration::from_millis(500 * (7 - half_seconds.min(7)).cast_signed());
    let dead = QueueStats { dead: 40, dead_total: 40, ..QueueStats::default() };
    let orders = QueueStats {
        ready: 12_000,
        oldest: Some(ago(95)),
        sent_total: 40 * half_seconds,
        acked_total: 10 * half_seconds,
        ..QueueStats::default()
    };
    let check =
        |name: &str, state, evidence: &str| Check { finding: Finding::new(name, state, evidence), since: ago(2), at: ago(2) };
    Vitals {
        at,
        started_at: ago(11_040),
        node: "box-1".into(),
        store: StoreStats { head: Position(60 + half_seconds), oldest: Position(1), bytes: 1 << 20, ..StoreStats::default() },
        store_kind: "memory".into(),
        queues: vec![(QueueName::new("orders").unwrap(), orders), (QueueName::new("quakes.dead").unwrap(), dead)],
        runs: vec![RunVitals {
            run: run(3),
            pipeline: PipelineName::new("quakes").unwrap(),
            steps: vec![
                of("read", counts(0, moved + 90), 0),
                of("clean", counts(moved, moved), 1_300),
                of("store", counts(moved, moved), 3_990),
            ],
            totals: FlowTotals { records_in: moved + 90, records_out: moved, dead: 0 },
            unacked: 2,
            moved_at: at,
        }],
        workers_busy: 1,
        workers: 4,
        process: ProcessVitals { rss_bytes: 31 << 20, cpu_ms: 20 * half_seconds, threads: 9, open_files: 21 },
        checks: vec![
            check("log writable", CheckState::Ok, "appended in 0.1 ms"),
            check("dead letters", CheckState::Warn, "40 in quakes.dead"),
        ],
        ..Vitals::default()
    }
}

/// A graph in which each step leads to the one after it.
fn chain(definition: &Definition) -> Plan {
    let count = definition.steps.len();
    let kind = |at| match at {
        0 => StepKind::Source,
        at if at + 1 == count => StepKind::Sink,
        _ => StepKind::Transform,
    };
    Plan {
        steps: definition.steps.iter().map(|step| step.name.clone()).collect(),
        kinds: (0..count).map(kind).collect(),
        enabled: vec![true; count],
        edges: (1..count).map(|to| Edge { from: to - 1, to, kind: EdgeKind::Data }).collect(),
        order: (0..count).collect(),
    }
}
