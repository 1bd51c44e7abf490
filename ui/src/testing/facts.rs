//! Facts to show: pipelines, runs, queues and events as an engine would tell of them, from fixed numbers.

use std::sync::Arc;

use flexcore_engine::{
    event::{
        Envelope, Event, EventType, NewEvent,
        pipeline::{Outcome, RunEnded, Source},
        run::StepCounts,
    },
    id::{Actor, CorrelationId, EventId, PipelineName, Position, QueueName, Revision, RunId, StepName, StreamName, Version},
    pipeline::{Definition, EdgeKind, Plan, graph::Edge},
    port::{queue::QueueStats, step::StepKind, store::StoreStats},
    projection::{
        ReadModels,
        board::{LastRun, PipelineRow, PipelineState, RevisionRow},
    },
    vitals::{Check, CheckState, Finding, FlowTotals, ProcessVitals, RunVitals, StepVitals, Vitals},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The moment at which everything here happens: 2026-01-31 10:03:11 UTC, in seconds since the epoch.
pub const NOW_S: i64 = 1_769_853_791;

/// That moment.
pub fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).expect("it is within the calendar")
}

/// So many seconds before it.
pub fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

/// A pipeline's name.
///
/// # Panics
/// When it is none.
pub fn name(text: &str) -> PipelineName {
    PipelineName::new(text).expect("a test writes names that are names")
}

/// A queue's name.
///
/// # Panics
/// When it is none.
pub fn queue_name(text: &str) -> QueueName {
    QueueName::new(text).expect("a test writes names that are names")
}

/// A run's id that is always the same for a number.
pub fn run_id(number: u128) -> RunId {
    RunId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number))
}

/// A definition from its JSON.
///
/// # Panics
/// When it does not read.
pub fn definition(json: serde_json::Value) -> Arc<Definition> {
    Arc::new(serde_json::from_value(json).expect("a test writes definitions that read"))
}

/// A pipeline with one revision, an hour old.
pub fn pipeline(text: &str, state: PipelineState) -> PipelineRow {
    let steps = serde_json::json!([{ "name": "read", "uses": "generate" }, { "name": "write", "uses": "drop" }]);
    let triggers = serde_json::json!([{ "interval": "30s" }]);
    let definition = definition(serde_json::json!({ "name": text, "triggers": triggers, "steps": steps }));
    let source = Source { text: "".into(), path: None, folder: "/".into() };
    let actor = Actor::Operator("alice".into());
    let revision =
        RevisionRow { number: 1, revision: Revision([7; 32]), at: ago(3_600), actor: actor.clone(), definition, source };
    PipelineRow {
        name: name(text),
        state,
        revisions: vec![revision],
        active_since: Some(ago(3_600)),
        paused_because: String::new(),
        changed_at: ago(3_600),
        changed_by: actor,
        live: Vec::new(),
        last: None,
        runs_total: 0,
        succeeded_total: 0,
        failed_total: 0,
        cancelled_total: 0,
        failed_in_row: 0,
        ticks_skipped: 0,
        last_skip: None,
        last_tick: None,
        dead_total: 0,
    }
}

fn ended(mut row: PipelineRow, outcome: Outcome, secs: i64) -> PipelineRow {
    row.last = Some(LastRun { run: run_id(1), outcome, at: ago(secs) });
    row.runs_total = 12;
    row.failed_in_row = u32::from(outcome == Outcome::Failed) * 3;
    row.failed_total = u64::from(row.failed_in_row);
    row
}

/// Five pipelines of every kind.
pub fn models() -> ReadModels {
    let mut models = ReadModels { position: Position(100), ..ReadModels::default() };
    let mut quakes = ended(pipeline("quakes", PipelineState::Active), Outcome::Succeeded, 95);
    quakes.dead_total = 40;
    let rows = [
        quakes,
        ended(pipeline("deploy-prod", PipelineState::Active), Outcome::Failed, 840),
        ended(pipeline("nightly", PipelineState::Paused), Outcome::Cancelled, 30_000),
        pipeline("release", PipelineState::Draft),
        pipeline("old-export", PipelineState::Archived),
    ];
    models.board.pipelines = rows.into_iter().map(|row| (row.name.clone(), row)).collect();
    models
}

/// Many pipelines.
pub fn many(count: usize) -> ReadModels {
    let mut models = ReadModels { position: Position(100), ..ReadModels::default() };
    let row = |number: usize| pipeline(&format!("pipe-{number:05}"), PipelineState::Active);
    models.board.pipelines = (0..count).map(row).map(|row| (row.name.clone(), row)).collect();
    models
}

fn queue(name: &str, ready: u64, dead: u64, totals: (u64, u64)) -> (QueueName, QueueStats) {
    let oldest = (ready > 0).then(|| ago(75));
    let stats = QueueStats { ready, dead, oldest, sent_total: totals.0, acked_total: totals.1, ..QueueStats::default() };
    (queue_name(name), stats)
}

fn check(name: &str, state: CheckState, evidence: &str) -> Check {
    Check { finding: Finding::new(name, state, evidence), since: ago(2), at: ago(2) }
}

/// The figures of a moment, `step` half seconds after [`now`]; totals grow with it.
pub fn vitals(step: u64) -> Vitals {
    let counts = |records_in, records_out| StepCounts { records_in, records_out, ..StepCounts::default() };
    let step_of = |name: &str, counts| StepVitals { step: StepName::new(name).ok(), counts, ..StepVitals::default() };
    let moved = 40 * step;
    let at = now() + SignedDuration::from_millis(500 * i64::try_from(step).unwrap_or(0));
    Vitals {
        at,
        started_at: ago(11_040),
        node: "box-1".into(),
        store: StoreStats { head: Position(100 + 6 * step), oldest: Position(1), bytes: 1 << 20, ..StoreStats::default() },
        store_kind: "memory".into(),
        queues: vec![
            queue("exports", 312, 0, (300 + 6 * step, 4 * step)),
            queue("flexcore.runs", 1, 0, (9, 8)),
            queue("ingest", 1_204, 0, (5_000 + 20 * step, 3_796 + 27 * step)),
            queue("quakes.dead", 0, 40, (0, 0)),
        ],
        runs: vec![RunVitals {
            run: run_id(2),
            pipeline: name("quakes"),
            steps: vec![step_of("read", counts(0, moved)), step_of("write", counts(moved, moved))],
            totals: FlowTotals { records_in: moved, records_out: moved, dead: 0 },
            unacked: 0,
            moved_at: at,
        }],
        workers_busy: 1,
        workers: 4,
        process: ProcessVitals { rss_bytes: 31 << 20, cpu_ms: 9_000 + 20 * step, threads: 9, open_files: 21 },
        checks: vec![
            check("log writable", CheckState::Ok, "appended in 0.1 ms"),
            check("workers", CheckState::Ok, "1 of 4 busy"),
            check("dead letters", CheckState::Warn, "40 in quakes.dead"),
        ],
        ..Vitals::default()
    }
}

/// An event at a position, of a type that the engine does not know.
pub fn event(position: u64, kind: &str, stream: &str, data: &str) -> Envelope {
    let event = NewEvent {
        id: EventId(Uuid::from_u128(u128::from(position))),
        kind: EventType(kind.into()),
        data: data.to_owned().into(),
        at: now() - SignedDuration::from_millis(500),
        actor: Actor::Operator("alice".into()),
        correlation: CorrelationId(Uuid::from_u128(u128::from(position % 3))),
        cause: None,
    };
    Envelope { position: Position(position), stream: StreamName(stream.into()), version: Version(position), event }
}

/// A run that ended, as an event.
pub fn run_ended(position: u64, pipeline: &str, outcome: Outcome) -> Envelope {
    let ended = Event::from(RunEnded { run: run_id(3), outcome });
    let mut envelope = event(position, ended.kind(), &format!("pipeline/{pipeline}"), "");
    envelope.event.data = ended.data();
    envelope
}

/// A graph in which each step leads to the one after it.
pub fn chain(definition: &Definition) -> Plan {
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
