//! What was seen, and how it is judged.

use super::*;
use crate::{
    id::{PipelineName, Position},
    port::clock::after,
    unit::ByteSize,
    vitals::{Bearing, Figure, latency::LatencyMeter},
};

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn earlier(seconds: u64) -> Timestamp {
    now().checked_sub(std::time::Duration::from_secs(seconds)).unwrap()
}

/// What a world looks like that is as it should be; each test changes one thing.
struct World {
    condition: Condition,
    queues_condition: Condition,
    store: StoreStats,
    appends: AppendVitals,
    queues: Result<Vec<(QueueName, QueueStats)>, QueueError>,
    times: Times,
    readers: Vec<ReaderVitals>,
    parts: Vec<Part>,
    lag: Duration,
    disk: Option<Result<DiskVitals, String>>,
}

impl World {
    fn sound() -> Self {
        let took = LatencyMeter::default();
        took.record(std::time::Duration::from_micros(20));
        Self {
            condition: Condition::Writing,
            queues_condition: Condition::Writing,
            store: StoreStats { head: Position(10), oldest: Position(1), bytes: 1_000, streams: 1, ..StoreStats::default() },
            appends: AppendVitals { events: 10, took: took.read(), last_at: Some(earlier(3)), ..AppendVitals::default() },
            queues: Ok(vec![(QueueName::new("orders").unwrap(), QueueStats::default())]),
            times: Times::default(),
            readers: Vec::new(),
            parts: vec![Part { name: "pump", works: true }],
            lag: Duration::default(),
            disk: None,
        }
    }

    fn check(&self, name: &str) -> Finding {
        let settings = RuntimeSettings {
            node: "test".into(),
            workers: 4,
            retain_events_max: 100,
            retain_bytes_max: ByteSize(1 << 20),
            retain_age_max: None,
            retain_types: Vec::new(),
            store_kind: "memory".into(),
            alerts: Vec::new(),
            folder: "/".into(),
            traced: false,
        };
        let troubles = Troubles { pipelines: 0, failing: Vec::new(), queued: 0, overdue: 0 };
        let sight = Sight {
            now: now(),
            settings: &settings,
            lag: self.lag,
            lag_worst: self.lag,
            parts: &self.parts,
            store: self.store,
            condition: self.condition.clone(),
            queues_condition: self.queues_condition.clone(),
            appends: &self.appends,
            queues: &self.queues,
            times: &self.times,
            readers: &self.readers,
            runs: &[],
            troubles: &troubles,
            disk: self.disk.as_ref(),
        };
        findings(&sight).into_iter().find(|finding| finding.name == name).unwrap()
    }
}

fn seen(finding: &Finding) -> (CheckState, &str) {
    (finding.state, &finding.evidence)
}

#[test]
fn a_log_is_writable_as_long_as_it_says_so_and_the_last_append_went_well() {
    let mut world = World::sound();
    assert_eq!(seen(&world.check("log writable")), (CheckState::Ok, "last append 3s ago, 99 of 100 within 25µs"));
    world.appends.last_failure = Some((earlier(9), "no space left".into()));
    assert_eq!(world.check("log writable").state, CheckState::Ok, "one went well since");
    world.appends.last_failure = Some((earlier(2), "no space left".into()));
    assert_eq!(seen(&world.check("log writable")), (CheckState::Fail, "the last append failed 2s ago: no space left"));
    world.condition = Condition::Failed { reason: "a sync failed".into() };
    let finding = world.check("log writable");
    assert_eq!((seen(&finding), finding.bearing), ((CheckState::Fail, "a sync failed"), Bearing::Readiness));
    world = World { appends: AppendVitals::default(), ..World::sound() };
    assert_eq!(seen(&world.check("log writable")), (CheckState::Unknown, "nothing was appended yet"));
}

#[test]
fn queues_that_do_not_answer_are_not_ready() {
    let mut world = World::sound();
    assert_eq!(seen(&world.check("queues")), (CheckState::Ok, "1 queues answer, none near its limit"));
    world.queues = Err(QueueError::Unavailable { reason: "connection refused".into() });
    let finding = world.check("queues");
    assert_eq!((finding.state, finding.bearing), (CheckState::Fail, Bearing::Readiness));
    assert!(finding.evidence.contains("connection refused"), "{finding:?}");
    world = World::sound();
    world.queues_condition = Condition::Refusing { reason: "no room".into(), is_full: true };
    let finding = world.check("queues");
    assert_eq!((seen(&finding), finding.bearing), ((CheckState::Fail, "no room"), Bearing::Readiness));
}

#[test]
fn a_tick_that_waits_past_its_time_is_late() {
    let mut world = World::sound();
    assert_eq!(seen(&world.check("schedule")), (CheckState::Ok, "nothing is scheduled"));
    let quakes = PipelineName::new("quakes").unwrap();
    world.times.last = Some((quakes.clone(), earlier(30), Duration::from_millis(4)));
    world.times.due.insert(quakes.clone(), after(now(), std::time::Duration::from_secs(30)));
    let sentence = "the last tick, of quakes, was dealt with 4ms after its time; next quakes in 30s";
    assert_eq!(seen(&world.check("schedule")), (CheckState::Ok, sentence));
    for (waits, state) in [(1, CheckState::Ok), (2, CheckState::Warn), (15, CheckState::Fail)] {
        world.times.due.insert(quakes.clone(), earlier(waits));
        assert_eq!(world.check("schedule").state, state, "{waits}s");
    }
}

#[test]
fn a_reader_that_is_behind_and_does_not_move_is_named() {
    let mut world = World::sound();
    let reader = |since: Option<u64>, lag| ReaderVitals {
        name: "dispatcher".into(),
        position: Position(1),
        lag,
        stuck_since: since.map(earlier),
    };
    for (since, lag, state) in [
        (None, 0, CheckState::Ok),
        (Some(1), 5_000, CheckState::Ok),
        (Some(5), 9, CheckState::Warn),
        (Some(60), 9, CheckState::Fail),
    ] {
        world.readers = vec![reader(since, lag)];
        assert_eq!(world.check("subscriptions").state, state, "{since:?}");
    }
    assert_eq!(world.check("subscriptions").evidence, "dispatcher has stood 9 events behind for 1m");
}

#[test]
fn a_part_that_ended_is_a_reason_to_restart() {
    let mut world = World::sound();
    world.parts.push(Part { name: "steward", works: false });
    let finding = world.check("parts");
    assert_eq!((seen(&finding), finding.bearing), ((CheckState::Fail, "ended and not started again: steward"), Bearing::Life));
}

#[test]
fn a_disk_is_judged_by_what_is_free() {
    let mut world = World::sound();
    for (mib, state) in [(4_096, CheckState::Ok), (1_024, CheckState::Warn), (100, CheckState::Fail)] {
        world.disk = Some(Ok(DiskVitals { folder: "/data".into(), free_bytes: mib << 20, total_bytes: 10 << 30 }));
        assert_eq!(world.check("disk").state, state, "{mib} MiB");
    }
    assert_eq!(world.check("disk").evidence, "0.1 GiB (1 %) free where /data is");
    world.disk = Some(Err("no such folder".into()));
    assert_eq!(seen(&world.check("disk")), (CheckState::Fail, "no such folder"));
}

#[test]
fn a_figure_comes_with_its_limits() {
    let world = World { lag: Duration::from_millis(300), ..World::sound() };
    let finding = world.check("event loop");
    assert_eq!(seen(&finding), (CheckState::Warn, "300ms late, at worst 300ms within a minute"));
    let figure = Figure { value: 0.3, unit: "seconds".into(), warn_at: Some(0.25), fail_at: Some(2.0) };
    assert_eq!(finding.figure, Some(figure));
}
