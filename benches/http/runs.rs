//! Lists when a million runs have ended, all of which are in the log: right after they went into it, and from then on. Their
//! events go into the log as the engine writes them, in bulk; everything else is the engine in this process with its API: it
//! keeps every run that lives and the newest 10,000 of those that have ended.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use flexcore::{
    compose::App,
    config::{Layers, Settings},
    http::listen,
    step::table,
};
use flexcore_engine::{
    event::{
        Event, EventType, NewEvent,
        pipeline::{Outcome, PipelineActivated, PipelineCreated, RunEnded, RunRequested, RunTrigger, Source},
        run::{RunQueued, RunStarted, RunSucceeded},
    },
    id::{Actor, CorrelationId, EventId, PipelineName, Revision, RunId, StreamName},
    pipeline::{Definition, revision},
    port::store::{Expected, StreamAppend},
    unit,
};
use jiff::Timestamp;
use serde_json::{Map, json};

use super::{
    figures::share,
    harness::Bench,
    line::{Ask, Line},
};

const PIPELINES: u64 = 200;
/// Runs of one append: one of each pipeline.
const TOGETHER: u64 = PIPELINES;
/// Events of one.
const EVENTS_EACH: u64 = 5;
const LIMIT_MS: f64 = 50.0;
const RIGHT_AFTER: &str = "GET runs, right after, p99";
const QUESTIONS: [(&str, &str); 6] = [
    ("GET runs", "/api/v1/runs"),
    ("GET runs, of a pipeline", "/api/v1/runs?pipeline=pipe-007"),
    ("GET runs, of a pipeline and state", "/api/v1/runs?pipeline=pipe-007&state=succeeded"),
    ("GET runs, state that none is in", "/api/v1/runs?state=failed"),
    ("GET runs, 1,000 of them", "/api/v1/runs?state=succeeded&limit=1000"),
    ("GET console's models", "/api/v1/console/models?ended=1000"),
];

pub(crate) fn rows(bench: &mut Bench) {
    if !QUESTIONS.iter().any(|(name, _)| bench.wants(name)) && !bench.wants(RIGHT_AFTER) {
        return;
    }
    let runs = if bench.is_quick() { 100_000 } else { 1_000_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let app = runtime.block_on(App::start(settings(), table())).expect("it starts in memory");
    let app = Arc::new(app);
    let listening = runtime.block_on(listen(app.clone())).expect("a port is free");
    let address = listening.http.expect("a port was asked for");
    let begun = Instant::now();
    runtime.block_on(ended(&app, runs));
    let took = begun.elapsed().as_secs_f64();
    right_after(bench, &runtime, &app, address);
    let stats = app.engine.store().stats();
    assert!(stats.oldest.0 == 1 && stats.head.0 >= runs * EVENTS_EACH, "all of them are in the log");
    let asked = bench.rounds(100);
    for (name, path) in QUESTIONS {
        let (mut ms, bytes) = runtime.block_on(times(address, path, asked));
        bench.limit(&format!("{name}, p99"), "ms", LIMIT_MS, [share(&mut ms, 0.99)]);
        bench.note(format!("{runs} runs have ended, in {took:.0} s; p50 {:.1} ms, {} KB", share(&mut ms, 0.5), bytes / 1_000));
    }
    runtime.block_on(async {
        listening.stop(unit::Duration::from_secs(1)).await;
        app.stop(unit::Duration::from_secs(1)).await;
    });
}

/// What a list takes while everybody who follows the log is still being told of them.
fn right_after(bench: &mut Bench, runtime: &tokio::runtime::Runtime, app: &App, address: SocketAddr) {
    let (head, begun, path) = (app.engine.store().head(), Instant::now(), QUESTIONS[0].1);
    let is_behind = || app.engine.readers().all().iter().any(|(_, seen)| *seen < head);
    let mut ms = runtime.block_on(async {
        let (mut line, request, mut ms) = (Line::open(address).await, Ask::get(path).all().remove(0), Vec::new());
        while ms.is_empty() || is_behind() {
            ms.push(timed(&mut line, &request).await.0);
        }
        ms
    });
    let took = begun.elapsed().as_secs_f64();
    let (p99, longest) = (share(&mut ms, 0.99), share(&mut ms, 1.0));
    bench.limit(RIGHT_AFTER, "ms", LIMIT_MS, [p99]);
    bench.note(format!("all who follow the log had caught up after {took:.1} s; the longest answer took {longest:.0} ms"));
}

/// The log has room for all of them.
fn settings() -> Settings {
    let mut layers = Layers::defaults(&|name| std::env::var(name).ok());
    let room = [("retention.events_max", "8000000"), ("retention.bytes_max", "8GiB")];
    for (name, value) in [("http", "127.0.0.1:0"), ("socket", "none"), ("api.rate_max", "0")].into_iter().chain(room) {
        layers.set(name, value.to_owned(), "the bench".into());
    }
    Settings::of(&layers).expect("they are settings")
}

async fn times(address: SocketAddr, path: &str, count: usize) -> (Vec<f64>, usize) {
    let (mut line, request) = (Line::open(address).await, Ask::get(path).all().remove(0));
    let (_, bytes) = timed(&mut line, &request).await;
    let mut ms = Vec::new();
    for _ in 0..count {
        ms.push(timed(&mut line, &request).await.0);
    }
    (ms, bytes)
}

/// Asks once: milliseconds, and bytes of the answer.
async fn timed(line: &mut Line, request: &[u8]) -> (f64, usize) {
    let begun = Instant::now();
    let bytes = line.ask(request).await.len();
    (begun.elapsed().as_secs_f64() * 1e3, bytes)
}

/// So many runs, from being asked for to their end.
async fn ended(app: &App, runs: u64) {
    let pipelines: Vec<PipelineName> =
        (0..PIPELINES).map(|number| PipelineName::new(&format!("pipe-{number:03}")).expect("a name")).collect();
    append(app, pipelines.iter().map(made).collect()).await;
    for number in 1..=runs / TOGETHER {
        append(app, pipelines.iter().flat_map(|pipeline| run(pipeline, number)).collect()).await;
    }
}

async fn append(app: &App, batch: Vec<StreamAppend>) {
    app.engine.store().append(batch).await.expect("the log has room");
}

fn part(stream: StreamName, events: Vec<Event>) -> StreamAppend {
    let (at, correlation) = (Timestamp::now(), CorrelationId::fresh());
    let stamped = |event: Event| NewEvent {
        id: EventId::fresh(),
        kind: EventType(event.kind().into()),
        data: event.data(),
        at,
        actor: Actor::Engine,
        correlation,
        cause: None,
    };
    StreamAppend { stream, expected: Expected::Any, events: events.into_iter().map(stamped).collect() }
}

fn made(name: &PipelineName) -> StreamAppend {
    let steps = json!([{"name": "make", "uses": "generate"}, {"name": "out", "uses": "drop"}]);
    let definition: Arc<Definition> =
        Arc::new(serde_json::from_value(json!({"name": name, "steps": steps})).expect("it is a definition"));
    let revision = revision::of(&definition);
    let source = Source { text: "steps: []".into(), path: None, folder: "/".into() };
    let created = PipelineCreated { revision, definition, source };
    part(StreamName::pipeline(name), vec![created.into(), PipelineActivated { revision }.into()])
}

fn run(pipeline: &PipelineName, number: u64) -> [StreamAppend; 2] {
    let (run, trigger) = (RunId::fresh(), RunTrigger::Manual);
    let queued = RunQueued {
        pipeline: pipeline.clone(),
        revision: Revision([7; 32]),
        number,
        trigger: trigger.clone(),
        params: Map::new(),
        retry_of: None,
        attempts_max: 3,
        deadline: Timestamp::MAX,
    };
    let started = RunStarted { attempt: 1, epoch: 1, worker: "box-1/2".into(), deadline: None };
    let succeeded = RunSucceeded { attempt: 1, records_in: 1_204, records_out: 1_200, dead: 0 };
    let told = vec![RunRequested { run, number, trigger }.into(), RunEnded { run, outcome: Outcome::Succeeded }.into()];
    [
        part(StreamName::run(run), vec![queued.into(), started.into(), succeeded.into()]),
        part(StreamName::pipeline(pipeline), told),
    ]
}
