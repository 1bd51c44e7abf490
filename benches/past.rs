//! Time travel beside the obvious: the read models as of any position, by anchors, beside folding the log from its
//! beginning; and how fast events are folded, beside only decoding them.

mod harness;
#[path = "past/log.rs"]
mod log;

use std::time::Instant;

use flexcore_engine::{event::Envelope, id::Position, projection::ReadModels};

use harness::Bench;
use log::{EVENTS, World};

fn fold(events: &[Envelope]) -> f64 {
    let start = Instant::now();
    let mut models = ReadModels::default();
    for envelope in events {
        models.apply(envelope);
    }
    assert_eq!(models.position, events.last().expect("there are events").position);
    events.len() as f64 / start.elapsed().as_secs_f64()
}

fn decode(events: &[Envelope]) -> f64 {
    let start = Instant::now();
    let known = events.iter().filter(|envelope| matches!(envelope.decode(), Some(Ok(_)))).count();
    assert!(known > 0);
    events.len() as f64 / start.elapsed().as_secs_f64()
}

fn main() {
    let mut bench = Bench::new("past");
    let world = World::new();
    let events = &world.events;
    bench.pair("fold of 1 M events", "aim 1 M ev/s", "ev/s", 1.0, 5, || fold(events), || 1e6);
    bench.pair("the same", "decoding alone", "ev/s", 0.5, 5, || fold(events), || decode(events));
    let mut places = log::places();
    let mut worst = 0_f64;
    bench.within("jump to any of 1 M events", "ms", 200.0, 15, || {
        let start = Instant::now();
        let (mut longest, jumps) = (0_f64, 10);
        for _ in 0..jumps {
            let position = Position(places.next().expect("there is always another"));
            let jump = Instant::now();
            let models = world.jump(position);
            longest = longest.max(jump.elapsed().as_secs_f64() * 1e3);
            assert_eq!(models.position, position);
        }
        worst = worst.max(longest);
        start.elapsed().as_secs_f64() * 1e3 / f64::from(jumps)
    });
    bench.note(format!("longest {worst:.1} ms; {EVENTS} events, 10,000 ended runs and 200 pipelines in each answer"));
    bench.pair(
        "jump to any of 1 M events",
        "from the start",
        "jumps/s",
        20.0,
        3,
        || world.jumps_per_s(20),
        || 1.0 / (EVENTS as f64 / 2.0 / fold(events)),
    );
    bench.print();
}
