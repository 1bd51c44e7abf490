//! A thousand readers of the stream of events: none loses one, and the engine holds nothing for them.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use memchr::memchr_iter;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::{
    EVENTS,
    engine::Engine,
    event,
    figures::{Usage, share},
    harness::Bench,
    line::{self, Ask, Line},
    paced,
};

const READERS: usize = 1_000;
const EVENTS_PER_S: f64 = 1_000.0;
/// What the engine keeps of the log: it is full before they begin, so that only what readers cost can grow.
const KEPT: usize = 50_000;
/// Who has not everything so long after the last event does not get it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How far one reader is.
#[derive(Default)]
struct Reader {
    /// The position it has seen; 0: none yet.
    at: AtomicU64,
    seen: AtomicU64,
    /// Events that it should have seen and did not.
    lost: AtomicU64,
}

pub(crate) fn rows(bench: &mut Bench, place: &Path) {
    let name = "1,000 readers, 1,000 ev/s";
    if !bench.wants(name) {
        return;
    }
    let engine = Engine::start(place, &[&format!("retention.events_max={KEPT}")]);
    fill(engine.address);
    let readers: Arc<[Reader]> = (0..READERS).map(|_| Reader::default()).collect();
    let runtime = follow(engine.address, &readers);
    let lasts = Duration::from_secs(if bench.is_quick() { 8 } else { 30 });
    let begun = head(engine.address);
    let (posting, address) = (Instant::now(), engine.address);
    let ask = Ask::new("POST", EVENTS, "application/json", event(1));
    let poster = thread::spawn(move || paced::during(address, &ask, EVENTS_PER_S, lasts));
    let memory = watched(engine.pid(), &poster);
    let mut took = poster.join().expect("events are taken");
    let (posted, end) = (posting.elapsed().as_secs_f64(), head(engine.address));
    let late = until_all_have(&readers, end);
    drop(runtime);
    let sum = |of: fn(&Reader) -> &AtomicU64| readers.iter().map(|reader| of(reader).load(Ordering::Relaxed)).sum::<u64>() as f64;
    let (seen, due) = (sum(|reader| &reader.seen), (end - begun) as f64 * READERS as f64);
    bench.pair(&format!("{name}, seen"), "all of them", "ev", 1.0, 1, || seen.min(due), || due + sum(|reader| &reader.lost));
    let each = seen / (posted + late) / 1e3;
    bench.note(format!("{each:.0} k deliveries a second; an event is taken within {:.1} ms (p99)", share(&mut took, 0.99)));
    bench.limit(&format!("{name}, all have the last"), "s", 1.0, [late]);
    let (first, second) = memory.split_at(memory.len() / 2);
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    bench.limit(&format!("{name}, memory"), "x", 1.1, [most(second) / most(first)]);
    bench.note(format!("{:.0} MB in the second half, {:.0} in the first; {lasts:?}", most(second), most(first)));
}

/// The log is as long as it may become.
fn fill(address: SocketAddr) {
    let events: Vec<String> = (0..1_000).map(event).collect();
    let ask = Ask::new("POST", &format!("{EVENTS}/batch"), "application/x-ndjson", events.join("\n"));
    (0..KEPT / 1_000 + 5).for_each(|_| drop(line::answer(address, &ask)));
}

fn head(address: SocketAddr) -> u64 {
    let page: Value = serde_json::from_slice(&line::answer(address, &Ask::get(&format!("{EVENTS}?limit=1")))).expect("JSON");
    page["head"].as_u64().expect("a page has a head")
}

/// Connects them all; they read until the runtime is dropped.
fn follow(address: SocketAddr, readers: &Arc<[Reader]>) -> tokio::runtime::Runtime {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the limit may be raised to its maximum");
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("threads can be made");
    let after = head(address);
    let request = Arc::new(Ask::get(&format!("{EVENTS}/stream?after={after}")).all().remove(0));
    for at in 0..READERS {
        readers[at].at.store(after, Ordering::Relaxed);
        let (line, request, readers) = (runtime.block_on(Line::open(address)), request.clone(), readers.clone());
        runtime.spawn(async move { read(line, &request, &readers[at]).await });
    }
    runtime
}

async fn read(line: Line, request: &[u8], reader: &Reader) {
    let mut stream = line.follow(request).await;
    let mut read = Vec::with_capacity(256 << 10);
    while stream.read_buf(&mut read).await.is_ok_and(|count| count > 0) {
        let mut from = 0;
        for end in memchr_iter(b'\n', &read) {
            if let Some(digits) = read[from..end].strip_prefix(b"id: ") {
                note(reader, std::str::from_utf8(digits).expect("text").parse().expect("a position"));
            }
            from = end + 1;
        }
        read.drain(..from);
    }
}

fn note(reader: &Reader, position: u64) {
    let before = reader.at.swap(position, Ordering::Relaxed);
    // A sign of life has the position of the last event.
    if position > before {
        reader.seen.fetch_add(1, Ordering::Relaxed);
        reader.lost.fetch_add(position - before - 1, Ordering::Relaxed);
    }
}

/// MB of the engine, twice a second while events are sent.
fn watched(pid: u32, poster: &thread::JoinHandle<Vec<f64>>) -> Vec<f64> {
    let mut memory = Vec::new();
    while !poster.is_finished() {
        thread::sleep(Duration::from_millis(500));
        memory.push(Usage::of(pid).rss_mb);
    }
    memory
}

/// Seconds until the last one has the last event.
fn until_all_have(readers: &[Reader], end: u64) -> f64 {
    let begun = Instant::now();
    while readers.iter().any(|reader| reader.at.load(Ordering::Relaxed) < end) && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(5));
    }
    begun.elapsed().as_secs_f64()
}
