//! A thousand readers of the stream of events: none loses one, and the engine holds nothing for them.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use memchr::{memmem, memrchr};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    process::{Resource, getrlimit, setrlimit},
};
use serde_json::Value;

use super::{
    EVENTS,
    engine::Engine,
    event,
    figures::{Usage, share},
    harness::Bench,
    line::{self, Ask},
    paced,
};

const READERS: usize = 1_000;
const EVENTS_PER_S: f64 = 1_000.0;
/// What the engine keeps of the log: it is full before they begin, so that only what readers cost can grow.
const KEPT: usize = 50_000;
/// Stands before the position of an event, and nowhere else: JSON has no line breaks of its own.
const ID: &[u8] = b"\nid: ";
/// What is read at once; it stays in the processor's cache.
const BUFFER: usize = 256 << 10;
/// How often the reading thread looks whether it is to stop.
const LOOK_AFTER: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
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
    let (streams, stop) = (follow(engine.address, &readers), Arc::new(AtomicBool::new(false)));
    let (all, stops) = (readers.clone(), stop.clone());
    let reading = thread::spawn(move || read(&streams, &all, &stops));
    let lasts = Duration::from_secs(if bench.is_quick() { 8 } else { 30 });
    let begun = head(engine.address);
    let used = || (Usage::of(engine.pid()).cpu_ms, Usage::of(std::process::id()).cpu_ms);
    let before = used();
    let (posting, address) = (Instant::now(), engine.address);
    let ask = Ask::new("POST", EVENTS, "application/json", event(1));
    let poster = thread::spawn(move || paced::during(address, &ask, EVENTS_PER_S, lasts));
    let memory = watched(engine.pid(), &poster);
    let mut took = poster.join().expect("events are taken");
    let (posted, end) = (posting.elapsed().as_secs_f64(), head(engine.address));
    let late = until_all_have(&readers, end);
    let after = used();
    stop.store(true, Ordering::Relaxed);
    reading.join().expect("readers read");
    let sum = |of: fn(&Reader) -> &AtomicU64| readers.iter().map(|reader| of(reader).load(Ordering::Relaxed)).sum::<u64>() as f64;
    let (seen, due) = (sum(|reader| &reader.seen), (end - begun) as f64 * READERS as f64);
    bench.pair(&format!("{name}, seen"), "all of them", "ev", 1.0, 1, || seen.min(due), || due + sum(|reader| &reader.lost));
    let each = seen / (posted + late) / 1e3;
    bench.note(format!("{each:.0} k deliveries a second; an event is taken within {:.1} ms (p99)", share(&mut took, 0.99)));
    bench.limit(&format!("{name}, all have the last"), "s", 1.0, [late]);
    let share = |after: f64, before: f64| (after - before) / 1e3 / (posted + late);
    bench.note(format!("cores: {:.2} of the engine, {:.2} of this client", share(after.0, before.0), share(after.1, before.1)));
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

/// Connects them all, each after the same position.
fn follow(address: SocketAddr, readers: &[Reader]) -> Vec<TcpStream> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("the limit may be raised to its maximum");
    let after = head(address);
    let request = Ask::get(&format!("{EVENTS}/stream?after={after}")).all().remove(0);
    let connect = |reader: &Reader| {
        reader.at.store(after, Ordering::Relaxed);
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(&request).expect("the server reads");
        stream.set_nonblocking(true).expect("a socket has that");
        stream
    };
    readers.iter().map(connect).collect()
}

/// Reads for all of them, until it is told to stop: one thread and one buffer, because the engine shares the processor with
/// whatever this costs.
fn read(streams: &[TcpStream], readers: &[Reader], stop: &AtomicBool) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("the system has epoll");
    for (stream, at) in streams.iter().zip(0..) {
        epoll::add(&poll, stream, epoll::EventData::new_u64(at), epoll::EventFlags::IN).expect("a socket can be waited for");
    }
    let id = memmem::Finder::new(ID);
    let (mut ready, mut buffer) = (Vec::with_capacity(READERS), vec![0; BUFFER]);
    let mut rests = vec![Vec::new(); streams.len()];
    while !stop.load(Ordering::Relaxed) {
        ready.clear();
        epoll::wait(&poll, spare_capacity(&mut ready), Some(&LOOK_AFTER)).expect("it can be waited for");
        for event in &ready {
            let at = event.data.u64() as usize;
            let rest: &mut Vec<u8> = &mut rests[at];
            buffer[..rest.len()].copy_from_slice(rest);
            match (&streams[at]).read(&mut buffer[rest.len()..]) {
                Ok(0) => panic!("the engine closed a stream"),
                Ok(count) => {
                    let end = rest.len() + count;
                    let from = note(&id, &buffer[..end], &readers[at]);
                    rest.clear();
                    rest.extend_from_slice(&buffer[from..end]);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
    }
}

/// Looks at every position; from where on there may be a part of one.
fn note(id: &memmem::Finder<'_>, read: &[u8], reader: &Reader) -> usize {
    let (mut at, mut seen, mut lost) = (reader.at.load(Ordering::Relaxed), 0, 0);
    for found in id.find_iter(read) {
        let digits = &read[found + ID.len()..];
        let Some(end) = digits.iter().position(|byte| !byte.is_ascii_digit()) else { break };
        let position = digits[..end].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        // A sign of life has the position of the last event.
        if position > at {
            (seen, lost) = (seen + 1, lost + position - at - 1);
            at = position;
        }
    }
    reader.at.store(at, Ordering::Relaxed);
    reader.seen.fetch_add(seen, Ordering::Relaxed);
    reader.lost.fetch_add(lost, Ordering::Relaxed);
    memrchr(b'\n', read).unwrap_or_default()
}

/// MB of the engine, twice a second while events are sent.
fn watched(pid: u32, poster: &thread::JoinHandle<Vec<f64>>) -> Vec<f64> {
    let (mut memory, mut looked) = (Vec::new(), Instant::now());
    // The end is not to be noticed late: what readers are late by counts from there.
    while !poster.is_finished() {
        thread::sleep(Duration::from_millis(2));
        if looked.elapsed() >= Duration::from_millis(500) {
            looked = Instant::now();
            memory.push(Usage::of(pid).rss_mb);
        }
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
