//! The API by loopback, as others are asked: the real `flexcore serve`, in memory, beside a bare axum route that reads the same
//! body and answers with the same bytes, both asked by `wrk`; batches of events beside Redis; answers while half of what is
//! possible is asked; a thousand readers of the stream of events; and lists when a million runs have ended.
//!
//! `wrk`, `redis-server` and `redis-benchmark` are Debian packages; rows that need them are left out where they are not installed.

#[path = "http/bare.rs"]
mod bare;
#[path = "http/engine.rs"]
mod engine;
#[path = "line/figures.rs"]
mod figures;
mod harness;
#[path = "http/line.rs"]
mod line;
#[path = "http/paced.rs"]
mod paced;
#[path = "http/readers.rs"]
mod readers;
#[path = "http/redis.rs"]
mod redis;
#[path = "http/runs.rs"]
mod runs;
#[path = "http/wrk.rs"]
mod wrk;

use std::{fs, path::Path};

use bare::Bare;
use engine::Engine;
use figures::share;
use harness::{Bench, say};
use line::Ask;
use redis::Redis;
use wrk::Wrk;

/// A record as pipelines move them.
const DATA: &str = r#"{"id":"0192","ts":"2026-01-31T12:00:00Z","level":"info","service":"checkout","amount":19.99}"#;
const BOARD: &str = "/api/v1/pipelines";
const EVENTS: &str = "/api/v1/events";
const BATCH: usize = 100;
/// Connections of callers who ask for one thing at a time, and of those who send batches.
const CALLERS: (u32, u32) = (64, 16);
/// Answers while half of what is possible is asked: 99 of 100 within this time.
const P99_MS: f64 = 10.0;

fn main() {
    if bare::is_asked_for() {
        return bare::serve();
    }
    let mut bench = Bench::new("http");
    let place = tempfile::tempdir().expect("a folder for temporary files");
    if wrk::is_installed() {
        calls(&mut bench, place.path());
        batches(&mut bench, place.path());
    } else {
        say("wrk is not installed: rows that need it are left out");
    }
    readers::rows(&mut bench, place.path());
    runs::rows(&mut bench);
    bench.print();
}

fn event(number: usize) -> String {
    format!(r#"{{"type":"order.placed","stream":"orders/{}","data":{DATA}}}"#, number % 10)
}

/// One thing at a time: as many a second as there can be, and how long they take at half of that.
fn calls(bench: &mut Bench, place: &Path) {
    let json = "application/json";
    let asks = [
        ("GET board, 30 pipelines", 0.7, Ask::get(BOARD)),
        ("POST event", 0.75, Ask::new("POST", EVENTS, json, event(1))),
        ("PUT queue, a command", 0.75, Ask::new("PUT", "/api/v1/queues/orders", json, r#"{"attempts_max":###}"#.into())),
    ];
    let engine = Engine::start(place, &[]);
    for (name, aim, ask) in asks {
        if !bench.wants(name) {
            continue;
        }
        let bare = Bare::start(place, &line::answer(engine.address, &ask));
        let (ours, peer) = (Wrk::new(place, engine.address, &ask, CALLERS.0), Wrk::new(place, bare.address, &ask, CALLERS.0));
        bench.pair(name, "bare axum, same bytes", "req/s", aim, 9, || ours.rate(), || peer.rate());
        let half = ours.rate() / 2.0;
        // In rounds, as all else: a machine that is shared stands still at times.
        let rounds: Vec<_> = (0..bench.rounds(3)).map(|_| paced::ms(engine.address, &ask, half)).collect();
        let p99s: Vec<f64> = rounds.iter().cloned().map(|mut took| share(&mut took, 0.99)).collect();
        bench.limit(&format!("{name}, p99 at half of it"), "ms", P99_MS, p99s);
        let (mut took, mut theirs) = (rounds.concat(), paced::ms(bare.address, &ask, half));
        bench.note(format!(
            "{half:.0} a second; p50 {:.2} ms, p99.9 {:.1} ms; the bare one at this rate: p99 {:.2} ms",
            share(&mut took, 0.5),
            share(&mut took, 0.999),
            share(&mut theirs, 0.99)
        ));
    }
}

/// A hundred events a request.
fn batches(bench: &mut Bench, place: &Path) {
    let Some(redis) = Redis::start(place) else {
        say("redis-server or redis-benchmark is not installed: rows that need them are left out");
        return;
    };
    let events: Vec<String> = (0..BATCH).map(event).collect();
    let path = format!("{EVENTS}/batch");
    let forms = [
        ("POST 100 events as lines", "application/x-ndjson", events.join("\n")),
        ("POST 100 events as an array", "application/json", format!("[{}]", events.join(","))),
    ];
    for (name, media, body) in forms {
        let engine = Engine::start(place, &[]);
        let wrk = Wrk::new(place, engine.address, &Ask::new("POST", &path, media, body), CALLERS.1);
        let ours = || wrk.rate() * BATCH as f64;
        bench.pair(name, "redis XADD, 50 callers, P 64", "ev/s", 0.8, 9, ours, || redis.rate(&event(1)));
    }
}

/// A folder with thirty pipelines.
fn pipelines(place: &Path) -> std::path::PathBuf {
    let folder = place.join("pipelines");
    fs::create_dir_all(&folder).expect("the folder is ours");
    for number in 0..30 {
        let text = format!(
            "name: p{number:02}\ndescription: Makes one record\nowner: ops\ntags: [small]\nsteps:\n  - {{name: make, uses: \
             generate, with: {{count: 1}}}}\n  - {{name: out, uses: drop}}\n"
        );
        fs::write(folder.join(format!("p{number:02}.pipeline.yaml")), text).expect("the folder is ours");
    }
    folder
}
