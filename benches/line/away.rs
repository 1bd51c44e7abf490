//! The console elsewhere: by OpenSSH's client from an engine in another process, over lines of every speed, and attached to one.

use std::{path::Path, thread, time::Duration};

use crate::{
    EVENTS_PER_S, NONE, RESTS_AFTER, SIZE, SLEEPS_AFTER, WATCHED_ALONE,
    engine::Engine,
    figures::{Usage, share, watch},
    harness::Bench,
    keys::{bytes_a_move, latencies},
    load::{self, Load},
    proxy::Proxy,
    pty::Program,
    wire::Wire,
};

/// Sessions beside the first one.
const SESSIONS: usize = 50;
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// A console by OpenSSH's client.
fn by_ssh(engine: &Engine, port: u16, folder: &Path) -> Program {
    let program = Program::start(&engine.ssh(port, folder), folder, SIZE, Wire::LOCAL);
    program.until("the console by SSH", |screen| screen.contents().contains("p07"));
    program
}

/// A console on an engine in another process.
fn attached(folder: &Path) -> Program {
    let socket = load::socket(folder).display().to_string();
    let program = Program::start(&[env!("CARGO_BIN_EXE_flexcore"), "attach", &socket], folder, SIZE, Wire::LOCAL);
    program.until("the attached console", |screen| screen.contents().contains("p07"));
    program
}

/// From a key to its frame by SSH while events stream in, at the end of slow lines; without compression, and with it.
pub(crate) fn keys(bench: &mut Bench, folder: &Path) {
    for (rate, aim_ms) in [(25_000.0, 300.0), (5_000.0, 1_500.0)] {
        for compress in [false, true] {
            let engine = Engine::start(folder, compress);
            let proxy = Proxy::start(engine.address, Wire::slow(rate, ROUND_TRIP));
            let program = by_ssh(&engine, proxy.port(), folder);
            let load = Load::start(folder, EVENTS_PER_S);
            thread::sleep(Duration::from_secs(3));
            let begun = (proxy.so_far().1, program.so_far().1);
            let mut took = latencies(&program, bench.rounds(90));
            let (bytes, frames) = (proxy.so_far().1 - begun.0, (program.so_far().1 - begun.1).max(1));
            let how = if compress { "compressed" } else { "uncompressed" };
            let name = format!("ssh, key to frame, {} kB/s, {how}, p95", rate / 1_000.0);
            bench.limit(&name, "ms", aim_ms, [share(&mut took, 0.95)]);
            bench.note(format!(
                "p50 {:.0} ms; {frames} frames of {} bytes on the wire; {:.0} events/s came in",
                share(&mut took, 0.5),
                bytes / frames,
                load.rate()
            ));
        }
    }
}

/// What a key costs by SSH where nothing else moves: on the terminal, and on the wire with all that encryption adds.
pub(crate) fn moves(bench: &mut Bench, folder: &Path) {
    let engine = Engine::start(folder, false);
    let proxy = Proxy::start(engine.address, Wire::LOCAL);
    let program = by_ssh(&engine, proxy.port(), folder);
    thread::sleep(RESTS_AFTER);
    let figures = bytes_a_move(&program, bench.rounds(30), || proxy.so_far().1);
    bench.limit("ssh, selection moves a row, on the wire", "bytes", 600.0, figures);
}

/// The processor that a console takes a frame, in a process that has no engine. What is read and folded of the log costs the
/// same whether it is drawn or not: a console whose terminal has not the focus draws once a second, and the difference is what
/// frames cost.
pub(crate) fn processor(bench: &mut Bench, folder: &Path) {
    let _engine = Engine::start(folder, false);
    let program = attached(folder);
    thread::sleep(Duration::from_secs(2));
    let seconds = bench.rounds(12);
    // Milliseconds and frames of a while in which so many keys are pressed a second.
    let used = |keys: usize| {
        let (before, frames) = (Usage::of(program.pid()), program.so_far().1);
        for at in 0..seconds * 25 {
            thread::sleep(Duration::from_millis(40));
            if at % 25 < keys {
                program.press(if at % 8 < 4 { "j" } else { "k" });
            }
        }
        (Usage::of(program.pid()).cpu_ms - before.cpu_ms, (program.so_far().1 - frames) as f64)
    };
    let (cpu, frames) = used(25);
    bench.limit("processor a frame, keys", "ms", 1.0, [cpu / frames.max(1.0)]);
    bench.note(format!("attached, all threads of its process; {frames} frames"));
    let load = Load::start(folder, EVENTS_PER_S);
    thread::sleep(Duration::from_secs(2));
    let (seen_cpu, seen) = used(0);
    program.press("\x1b[O");
    let (unseen_cpu, unseen) = used(0);
    bench.limit("processor a frame, 5,000 events/s", "ms", 1.0, [(seen_cpu - unseen_cpu) / (seen - unseen).max(1.0)]);
    let a_second = |cpu: f64| cpu / seconds as f64;
    bench.note(format!(
        "{:.1} ms a second with {:.0} frames, {:.1} with {:.0}: the rest is reading and folding {:.0} events/s",
        a_second(seen_cpu),
        a_second(seen),
        a_second(unseen_cpu),
        a_second(unseen),
        load.rate()
    ));
}

/// What many sessions take beside one, each with another pipeline open, while events come in.
pub(crate) fn sessions(bench: &mut Bench, folder: &Path) {
    let engine = Engine::start(folder, true);
    let load = Load::start(folder, 1_000);
    let open = |number: usize| {
        let program = by_ssh(&engine, engine.address.port(), folder);
        program.press(&"j".repeat(number % 30));
        program.press("\r");
        program.until("a pipeline", |screen| screen.contents().contains("Revisions"));
        program
    };
    let first = open(0);
    thread::sleep(Duration::from_secs(20));
    let one = Usage::of(engine.pid()).rss_mb;
    let others: Vec<Program> = (1..=SESSIONS).map(open).collect();
    thread::sleep(Duration::from_secs(10));
    let all = Usage::of(engine.pid()).rss_mb;
    bench.limit("50 sessions by SSH above one", "MB", 60.0, [all - one]);
    bench.note(format!("{one:.0} MB with one, {all:.0} MB with {}; {:.0} events/s came in", others.len() + 1, load.rate()));
    drop((first, others));
}

/// What a console costs that nobody touches: attached, its own process; by SSH, what the engine's process does more.
pub(crate) fn idle(bench: &mut Bench, folder: &Path) {
    let watched = Duration::from_secs(if bench.is_quick() { 20 } else { 60 });
    let seconds = watched.as_secs_f64();
    let engine = Engine::start(folder, false);
    let rate = |pid: u32| {
        thread::sleep(RESTS_AFTER);
        watch(pid, watched)
    };
    let (without, cpu_without) = rate(engine.pid());
    let proxy = Proxy::start(engine.address, Wire::LOCAL);
    let program = by_ssh(&engine, proxy.port(), folder);
    thread::sleep(RESTS_AFTER);
    let bytes = proxy.so_far();
    let (with, cpu_with) = rate(engine.pid());
    let now = proxy.so_far();
    let a_second = |before: u64, now: u64| (now - before) as f64 / (seconds + RESTS_AFTER.as_secs_f64());
    bench.limit("ssh, idle, to the client", "B/s", 10.0, [a_second(bytes.1, now.1)]);
    bench.note(format!("{:.1} B/s from it", a_second(bytes.0, now.0)));
    bench.limit("ssh, idle, wake-ups a session adds", "1/s", 0.5, [(with - without).max(0.0)]);
    bench.note(format!(
        "the engine's process alone {without:.1} wake-ups and {cpu_without:.1} ms of processor a second, with a session \
         {with:.1} and {cpu_with:.1}"
    ));
    drop(program);
    let program = attached(folder);
    let (wakes, cpu) = rate(program.pid());
    // The figures of the minute and their frame, and that each side asks once whether the other is there.
    bench.limit("attached, idle, wake-ups", "1/s", 0.5, [wakes]);
    bench.note(format!("{cpu:.1} ms of processor a second"));
}

/// What a session by SSH costs at which nobody has pressed a key for minutes, its engine included.
pub(crate) fn left_alone(bench: &mut Bench, folder: &Path) {
    let engine = Engine::start(folder, false);
    let proxy = Proxy::start(engine.address, Wire::LOCAL);
    let program = by_ssh(&engine, proxy.port(), folder);
    thread::sleep(SLEEPS_AFTER);
    let bytes = proxy.so_far();
    let (wakes, cpu) = watch(engine.pid(), WATCHED_ALONE);
    let now = proxy.so_far();
    let a_second = (now.0 + now.1 - bytes.0 - bytes.1) as f64 / WATCHED_ALONE.as_secs_f64();
    bench.limit("ssh, left alone, both ways", "B/s", NONE, [a_second]);
    bench.limit("ssh, left alone, wake-ups, engine included", "1/s", NONE, [wakes]);
    bench.note(format!("{cpu:.2} ms of processor a second"));
    drop(program);
}
