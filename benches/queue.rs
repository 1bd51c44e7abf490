//! Queues in memory beside the least that can be called a queue. A message goes in, is leased, and is acked: one cycle.
//!
//! The first peer does the work that the contract asks of every queue (JSON is checked, each call looks at the clock) and
//! nothing else: `VecDeque` and `HashMap` under one mutex. The second is std's bounded channel, which is crossbeam's: no
//! lease, no ack, no clock, nothing checked. That row says what the contract costs.

mod harness;
#[path = "queue/ours.rs"]
mod ours;
#[path = "queue/peers.rs"]
mod peers;

use harness::Bench;

/// Cycles of one measurement.
const MESSAGES: usize = 200_000;

/// A record as pipelines move them.
const BODY: &[u8] = br#"{"id":"0192","ts":"2026-01-31T12:00:00Z","level":"info","service":"checkout","amount":19.99}"#;

fn main() {
    let mut bench = Bench::new("queue");
    for (batch, aim) in [(1, 0.35), (64, 0.45)] {
        let name = format!("queue cycle, batch {batch}");
        bench.pair(&name, "VecDeque + HashMap, one mutex", "msg/s", aim, 9, || ours::cycle(batch), || peers::mutex_cycle(batch));
    }
    for (batch, aim) in [(1, 0.03), (64, 0.06)] {
        let name = format!("queue cycle, batch {batch}, bare");
        bench.pair(&name, "bounded channel of std", "msg/s", aim, 9, || ours::cycle(batch), || peers::channel_cycle(batch));
    }
    bench.pair("queue with priority and delay", "the same without", "msg/s", 0.9, 9, ours::mixed_cycle, || ours::cycle(64));
    bench.pair("queue, 4 senders and 4 receivers", "1 of each", "msg/s", 0.5, 9, || ours::crowd(4), || ours::crowd(1));
    bench.print();
}
