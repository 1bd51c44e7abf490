//! The log in memory beside a bare `Mutex<Vec<Arc<Envelope>>>`, which has no index, no expectations and no readers, and its
//! subscriptions beside tokio's broadcast channel, which keeps nothing and loses what a slow receiver has not read.

#[path = "log/fan_out.rs"]
mod fan_out;
mod harness;
#[path = "log/writers.rs"]
mod writers;

use flexcore_engine::store::memory::{Limits, MemoryLog};

use harness::Bench;

/// A log that never asks for truncation.
fn roomy() -> MemoryLog {
    MemoryLog::new(Limits { events_max: u64::MAX / 4, bytes_max: u64::MAX / 4 })
}

fn main() {
    let mut bench = Bench::new("log");
    for (writers, aim) in [(1, 0.5), (4, 1.0)] {
        let name = format!("append, {writers} writer{}", if writers == 1 { "" } else { "s" });
        bench.pair(&name, "mutex-vector", "ev/s", aim, 9, || writers::ours(writers), || writers::bare(writers));
    }
    bench.pair(
        "replay of 1 M events",
        "loop over a vector",
        "ev/s",
        1.0,
        9,
        writers::replay_of_ours(),
        writers::replay_of_bare(),
    );
    for (subscribers, events, aim) in [(1, 1_000_000, 0.45), (8, 500_000, 1.5), (64, 200_000, 5.0)] {
        let name = format!("fan-out to {subscribers}");
        let mut lost = Vec::new();
        let peer = || {
            let outcome = fan_out::broadcast(subscribers, events);
            lost.push(outcome.lost);
            outcome.rate
        };
        bench.pair(&name, "tokio broadcast(65536)", "ev/s", aim, 7, || fan_out::ours(subscribers, events), peer);
        if !lost.is_empty() {
            let all = (lost.len() * subscribers) as f64 * events as f64;
            let share = lost.iter().sum::<u64>() as f64 / all * 100.0;
            bench.note(format!("lost: ours nothing, broadcast {share:.1} % of {subscribers} x {events} events"));
        }
    }
    bench.print();
}
