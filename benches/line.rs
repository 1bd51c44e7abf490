//! The real console in a terminal, over lines of every speed, beside another program of its kind in the same terminal: how
//! long a key takes, what it costs on the line, what a console costs that nobody touches.
//!
//! The peer is `btop`, where it is installed (a Debian package); rows beside it are left out where it is not.

#[path = "line/figures.rs"]
mod figures;
mod harness;
#[path = "line/load.rs"]
mod load;
#[path = "line/pty.rs"]
mod pty;

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use figures::{Usage, share};
use harness::Bench;
use load::Load;
use pty::{Program, Wire};

const SIZE: (u16, u16) = (120, 40);
/// Events that come in while keys are pressed, a second.
const EVENTS_PER_S: u64 = 5_000;
/// The selected row of the pane with the focus.
const MARK: &str = "▶";
/// After so long without anything the screen rests.
const RESTS_AFTER: Duration = Duration::from_secs(13);

fn main() {
    let mut bench = Bench::new("line");
    let place = tempfile::tempdir().expect("a folder for temporary files");
    for number in 0..30 {
        let file = place.path().join(format!("p{number:02}.pipeline.yaml"));
        let text = format!(
            "name: p{number:02}\nsteps:\n  - {{name: make, uses: generate, with: {{count: 1}}}}\n  - {{name: out, uses: drop}}\n"
        );
        fs::write(file, text).expect("the folder is ours");
    }
    let folder = place.path();
    first_paint(&mut bench, folder);
    moves(&mut bench, folder);
    under_load(&mut bench, folder);
    for (rate, aim_ms) in [(25_000.0, 300.0), (5_000.0, 1_500.0)] {
        slow(&mut bench, folder, rate, aim_ms);
    }
    memory(&mut bench, folder);
    idle(&mut bench, folder);
    bench.print();
}

fn console(folder: &Path, wire: Wire) -> Program {
    let program = Program::start(&[env!("CARGO_BIN_EXE_flexcore"), "."], folder, SIZE, wire);
    program.until("the console", |screen| screen.contents().contains("p07"));
    program
}

fn btop(folder: &Path) -> Option<Program> {
    let is_there = ["/usr/bin/btop", "/usr/local/bin/btop"].iter().any(|path| Path::new(path).exists());
    is_there.then(|| {
        let program = Program::start(&["btop", "--utf-force"], folder, SIZE, Wire::LOCAL);
        program.until("btop", |screen| screen.contents().contains("cpu"));
        program.quiet();
        program
    })
}

/// From the start of the program to the last byte of a screen with something on it.
fn first_paint(bench: &mut Bench, folder: &Path) {
    let paint = |words: &[&str], wanted: &'static str| {
        let program = Program::start(words, folder, SIZE, Wire::LOCAL);
        let at = program.until("the first screen", move |screen| screen.contents().contains(wanted));
        (ms(at - program.begun()), program.so_far().0 as f64)
    };
    let rounds = bench.rounds(9);
    let ours: Vec<_> = (0..rounds).map(|_| paint(&[env!("CARGO_BIN_EXE_flexcore"), "."], "Pipelines")).collect();
    bench.limit("first paint", "ms", 50.0, ours.iter().map(|(ms, _)| *ms));
    bench.limit("first paint", "bytes", 15_000.0, ours.iter().map(|(_, bytes)| *bytes));
    if btop(folder).is_some() {
        let peer: Vec<_> = (0..rounds).map(|_| paint(&["btop", "--utf-force"], "cpu")).collect();
        bench.less("first paint", "btop", "ms", ours.iter().map(|(ms, _)| *ms), peer.iter().map(|(ms, _)| *ms));
        bench.less("first paint", "btop", "bytes", ours.iter().map(|(_, bytes)| *bytes), peer.iter().map(|(_, bytes)| *bytes));
    }
}

/// What a key costs on the line where nothing else moves.
fn moves(bench: &mut Bench, folder: &Path) {
    let program = console(folder, Wire::LOCAL);
    thread::sleep(RESTS_AFTER);
    let bytes = |program: &Program, key: &str| {
        let before = program.so_far().0;
        program.press(key);
        thread::sleep(Duration::from_millis(30));
        program.quiet();
        (program.so_far().0 - before) as f64
    };
    let keys = bench.rounds(30);
    let ours: Vec<f64> = (0..keys).map(|at| bytes(&program, if at % 8 < 4 { "j" } else { "k" })).collect();
    bench.limit("selection moves a row", "bytes", 600.0, ours.iter().copied());
    if let Some(peer) = btop(folder) {
        peer.press("\x1b[B");
        let theirs: Vec<f64> = (0..keys).map(|at| bytes(&peer, if at % 8 < 4 { "\x1b[B" } else { "\x1b[A" })).collect();
        bench.less("selection moves a row", "btop", "bytes", ours.iter().copied(), theirs.iter().copied());
    }
}

/// From a key to the last byte of its frame while events stream in; and what a frame costs.
fn under_load(bench: &mut Bench, folder: &Path) {
    let program = console(folder, Wire::LOCAL);
    let load = Load::start(folder, EVENTS_PER_S);
    thread::sleep(Duration::from_secs(2));
    let mut took = latencies(&program, bench.rounds(300));
    let (p50, p99) = (share(&mut took, 0.5), share(&mut took, 0.99));
    bench.limit("key to frame, 5,000 events/s, p50", "ms", 5.0, [p50]);
    bench.limit("key to frame, 5,000 events/s, p99", "ms", 16.0, [p99]);
    bench.note(format!("{:.0} events/s came in", load.rate()));
    if let Some(peer) = btop(folder) {
        let mut theirs: Vec<f64> = (0..bench.rounds(300)).map(|at| peer_latency(&peer, at)).collect();
        let (their_p50, their_p99) = (share(&mut theirs, 0.5), share(&mut theirs, 0.99));
        bench.less("key to frame, p50", "btop, with nothing coming in", "ms", [p50], [their_p50]);
        bench.less("key to frame, p99", "btop, with nothing coming in", "ms", [p99], [their_p99]);
    }
}

/// The same at the end of a slow line.
fn slow(bench: &mut Bench, folder: &Path, rate: f64, aim_ms: f64) {
    let program = console(folder, Wire::slow(rate, Duration::from_millis(100)));
    let load = Load::start(folder, EVENTS_PER_S);
    thread::sleep(Duration::from_secs(3));
    let mut took = latencies(&program, bench.rounds(90));
    let name = format!("key to frame, {} kB/s, 100 ms away, p95", rate / 1_000.0);
    bench.limit(&name, "ms", aim_ms, [share(&mut took, 0.95)]);
    bench.note(format!("p50 {:.0} ms; {:.0} events/s came in", share(&mut took, 0.5), load.rate()));
}

/// Milliseconds of moves of the selection, at moments that have nothing to do with those of frames.
fn latencies(program: &Program, keys: usize) -> Vec<f64> {
    let row = |screen: &vt100::Screen| screen.contents().lines().position(|line| line.contains(MARK));
    (0..keys)
        .map(|at| {
            thread::sleep(Duration::from_millis(40 + (at as u64 * 37) % 90));
            let before = program.look(row);
            let pressed = Instant::now();
            program.press(if at % 8 < 4 { "j" } else { "k" });
            ms(program.until("the next row", |screen| row(screen) != before) - pressed)
        })
        .collect()
}

fn peer_latency(peer: &Program, at: usize) -> f64 {
    thread::sleep(Duration::from_millis(40 + (at as u64 * 37) % 90));
    let before = peer.look(vt100::Screen::contents);
    let pressed = Instant::now();
    peer.press(if at % 8 < 4 { "\x1b[B" } else { "\x1b[A" });
    peer.until("the next row", |screen| screen.contents() != before);
    ms(peer.quiet() - pressed)
}

/// Whether memory stays what it is while events stream through it.
fn memory(bench: &mut Bench, folder: &Path) {
    let program = console(folder, Wire::LOCAL);
    let load = Load::start(folder, EVENTS_PER_S);
    let minutes: u32 =
        std::env::var("MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(if bench.is_quick() { 1 } else { 4 });
    let begun = Usage::of(program.pid());
    let rss: Vec<f64> = (0..minutes * 6)
        .map(|_| {
            thread::sleep(Duration::from_secs(10));
            Usage::of(program.pid()).rss_mib
        })
        .collect();
    let used = Usage::of(program.pid());
    let half = rss.len() / 2;
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    bench.limit("memory, second half beside the first", "x", 1.1, [most(&rss[half..]) / most(&rss[..half])]);
    bench.note(format!(
        "{minutes} min at {:.0} events/s: {:.0} MiB at the start, {:.0} at the end, engine and its log included; {:.0} ms of \
         processor a second",
        load.rate(),
        begun.rss_mib,
        used.rss_mib,
        (used.cpu_ms - begun.cpu_ms) / f64::from(minutes * 60)
    ));
}

/// What a console costs that nobody touches.
fn idle(bench: &mut Bench, folder: &Path) {
    let watched = Duration::from_secs(if bench.is_quick() { 20 } else { 60 });
    let rate = |program: &Program| {
        let (bytes, before) = (program.so_far().0, Usage::of(program.pid()));
        thread::sleep(watched);
        let (after, seconds) = (Usage::of(program.pid()), watched.as_secs_f64());
        let sent = (program.so_far().0 - bytes) as f64;
        (sent / seconds, (after.wakes - before.wakes) / seconds, (after.cpu_ms - before.cpu_ms) / seconds)
    };
    let program = console(folder, Wire::LOCAL);
    thread::sleep(RESTS_AFTER);
    let (bytes, wakes, cpu) = rate(&program);
    bench.limit("idle", "B/s", 10.0, [bytes]);
    bench.note(format!("a frame a minute; {wakes:.0} wake-ups and {cpu:.1} ms of processor a second, engine included"));
    if let Some(peer) = btop(folder) {
        let (theirs, wakes, cpu) = rate(&peer);
        bench.less("idle", "btop", "B/s", [bytes], [theirs]);
        bench.note(format!("btop: {wakes:.0} wake-ups and {cpu:.1} ms of processor a second"));
    }
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
