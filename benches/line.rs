//! The real console in a terminal, here, by SSH over lines of every speed, and attached to an engine elsewhere; beside another
//! program of its kind in the same terminal: how long a key takes, what it costs on the line, what a console costs that nobody
//! touches, and how much memory many take.
//!
//! The peer is `btop`, where it is installed (a Debian package); rows beside it are left out where it is not. The rows by SSH
//! need OpenSSH's client.

#[path = "line/away.rs"]
mod away;
#[path = "line/engine.rs"]
mod engine;
#[path = "line/figures.rs"]
mod figures;
mod harness;
#[path = "line/keys.rs"]
mod keys;
#[path = "line/load.rs"]
mod load;
#[path = "line/proxy.rs"]
mod proxy;
#[path = "line/pty.rs"]
mod pty;
#[path = "line/wire.rs"]
mod wire;

use std::{fs, path::Path, thread, time::Duration};

use figures::{Usage, share, watch};
use harness::Bench;
use keys::{bytes_a_move, latencies, ms, peer_latencies};
use load::Load;
use pty::{PEER, Program};
use wire::Wire;

const SIZE: (u16, u16) = (120, 40);
/// Events that come in while keys are pressed, a second.
const EVENTS_PER_S: u64 = 5_000;
/// After so long without anything the screen rests.
const RESTS_AFTER: Duration = Duration::from_secs(13);
/// After so long it sleeps, and its engine too.
const SLEEPS_AFTER: Duration = Duration::from_secs(200);
/// For so long it is watched then.
const WATCHED_ALONE: Duration = Duration::from_secs(60);
/// Less than one in that time.
const NONE: f64 = 0.01;

type Group = fn(&mut Bench, &Path);

/// Rows that are measured together. `-- NAME` runs only those.
const GROUPS: &[(&str, Group)] = &[
    ("first paint", first_paint),
    ("selection", moves),
    ("key", under_load),
    ("key slow", slow),
    ("processor", away::processor),
    ("ssh key", away::keys),
    ("ssh selection", away::moves),
    ("ssh sessions", away::sessions),
    ("idle", idle),
    ("ssh idle", away::idle),
    ("left alone", left_alone),
    ("ssh left alone", away::left_alone),
    ("memory", memory),
];

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
    let only = bench.group();
    for (name, group) in GROUPS {
        let is_wanted = only.as_ref().is_none_or(|only| name.starts_with(only.as_str()));
        if is_wanted && (engine::has_ssh() || !(name.starts_with("ssh") || *name == "processor")) {
            group(&mut bench, folder);
        }
    }
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
        let program = Program::start(&[PEER, "--utf-force"], folder, SIZE, Wire::LOCAL);
        program.until("btop", |screen| screen.contents().contains("cpu"));
        program.quiet();
        program
    })
}

/// From the start of the program to the last byte of a screen with something on it; beside the peer, of one with data.
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
        let ours: Vec<_> = (0..rounds).map(|_| paint(&[env!("CARGO_BIN_EXE_flexcore"), "."], "p07")).collect();
        let peer: Vec<_> = (0..rounds).map(|_| paint(&[PEER, "--utf-force"], "root")).collect();
        bench.less("first paint with data", "btop", "ms", ours.iter().map(|(ms, _)| *ms), peer.iter().map(|(ms, _)| *ms));
        bench.less(
            "first paint with data",
            "btop",
            "bytes",
            ours.iter().map(|(_, bytes)| *bytes),
            peer.iter().map(|(_, bytes)| *bytes),
        );
    }
}

/// What a key costs on the line where nothing else moves.
fn moves(bench: &mut Bench, folder: &Path) {
    let program = console(folder, Wire::LOCAL);
    thread::sleep(RESTS_AFTER);
    let ours = bytes_a_move(&program, bench.rounds(30), || program.so_far().0);
    bench.limit("selection moves a row", "bytes", 600.0, ours.iter().copied());
    if let Some(peer) = btop(folder) {
        peer.press("\x1b[B");
        let theirs = bytes_a_move(&peer, bench.rounds(30), || peer.so_far().0);
        bench.less("selection moves a row", "btop", "bytes", ours, theirs);
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
        let mut theirs = peer_latencies(&peer, bench.rounds(300));
        let (their_p50, their_p99) = (share(&mut theirs, 0.5), share(&mut theirs, 0.99));
        bench.less("key to frame, p50", "btop, with nothing coming in", "ms", [p50], [their_p50]);
        bench.less("key to frame, p99", "btop, with nothing coming in", "ms", [p99], [their_p99]);
    }
}

/// The same at the end of slow lines.
fn slow(bench: &mut Bench, folder: &Path) {
    for (rate, aim_ms) in [(25_000.0, 300.0), (5_000.0, 1_500.0)] {
        let program = console(folder, Wire::slow(rate, Duration::from_millis(100)));
        let load = Load::start(folder, EVENTS_PER_S);
        thread::sleep(Duration::from_secs(3));
        let mut took = latencies(&program, bench.rounds(90));
        let name = format!("key to frame, {} kB/s, 100 ms away, p95", rate / 1_000.0);
        bench.limit(&name, "ms", aim_ms, [share(&mut took, 0.95)]);
        bench.note(format!("p50 {:.0} ms; {:.0} events/s came in", share(&mut took, 0.5), load.rate()));
    }
}

/// Whether memory stays what it is while events stream through it. Not in quick rounds: it takes minutes until the log and what is kept of the past are full.
fn memory(bench: &mut Bench, folder: &Path) {
    let asked = std::env::var("MINUTES").ok().and_then(|text| text.parse().ok());
    let Some(minutes) = asked.or((!bench.is_quick()).then_some(12_u32)) else { return };
    let program = console(folder, Wire::LOCAL);
    let load = Load::start(folder, EVENTS_PER_S);
    let begun = Usage::of(program.pid());
    let rss: Vec<f64> = (0..minutes * 6)
        .map(|_| {
            thread::sleep(Duration::from_secs(10));
            Usage::of(program.pid()).rss_mb
        })
        .collect();
    let used = Usage::of(program.pid());
    let half = rss.len() / 2;
    let most = |part: &[f64]| part.iter().copied().fold(0.0, f64::max);
    bench.limit("memory, second half beside the first", "x", 1.1, [most(&rss[half..]) / most(&rss[..half])]);
    bench.note(format!(
        "{minutes} min at {:.0} events/s: {:.0} MB at the start, {:.0} at the end, engine and its log included; {:.0} ms of \
         processor a second",
        load.rate(),
        begun.rss_mb,
        used.rss_mb,
        (used.cpu_ms - begun.cpu_ms) / f64::from(minutes * 60)
    ));
}

/// Bytes that a program sends, and how often it wakes, and its milliseconds of processor; all a second.
fn rate(program: &Program, watched: Duration) -> (f64, f64, f64) {
    let bytes = program.so_far().0;
    let (wakes, cpu) = watch(program.pid(), watched);
    ((program.so_far().0 - bytes) as f64 / watched.as_secs_f64(), wakes, cpu)
}

/// What a console costs that nobody has touched for minutes, with its engine.
fn left_alone(bench: &mut Bench, folder: &Path) {
    let program = console(folder, Wire::LOCAL);
    thread::sleep(SLEEPS_AFTER);
    let (bytes, wakes, cpu) = rate(&program, WATCHED_ALONE);
    bench.limit("left alone", "B/s", NONE, [bytes]);
    bench.limit("left alone, wake-ups, engine included", "1/s", NONE, [wakes]);
    bench.note(format!("{cpu:.2} ms of processor a second"));
}

/// What a console costs that nobody touches.
fn idle(bench: &mut Bench, folder: &Path) {
    let watched = Duration::from_secs(if bench.is_quick() { 20 } else { 60 });
    let rate = |program: &Program| rate(program, watched);
    let program = console(folder, Wire::LOCAL);
    thread::sleep(RESTS_AFTER);
    let (bytes, ours, cpu) = rate(&program);
    bench.limit("idle", "B/s", 10.0, [bytes]);
    bench.note(format!("a frame a minute; {ours:.1} wake-ups and {cpu:.1} ms of processor a second, engine included"));
    if let Some(peer) = btop(folder) {
        let (theirs, wakes, cpu) = rate(&peer);
        bench.less("idle", "btop", "B/s", [bytes], [theirs]);
        bench.less("idle, wake-ups, engine included", "btop", "1/s", [ours], [wakes]);
        bench.note(format!("btop: {cpu:.1} ms of processor a second"));
    }
}
