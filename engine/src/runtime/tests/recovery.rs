//! The process died. Log and queue were written apart, so either may be ahead of the other: whatever the log says is to go
//! on goes on, once.

use bytes::Bytes;

use super::*;
use crate::{
    port::queue::{NewMessage, Peek},
    runtime::runs_queue,
};

/// What the queue of runs knows after the crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing: it is behind the log.
    Nothing,
    /// The message, whose lease ended with the process.
    Message,
    /// The message, and another one for the same run.
    Two,
    /// The message was acked within the window in which its key is known, and what should have followed was not written.
    Key,
}

const LEFT: [Left; 4] = [Left::Nothing, Left::Message, Left::Two, Left::Key];

fn ticket(run: RunId, attempt: u32) -> NewMessage {
    let body = Bytes::from(json!({"run": run, "attempt": attempt}).to_string());
    NewMessage { body, dedup_key: Some(format!("{run}/{attempt}")), ..NewMessage::default() }
}

impl World {
    /// The process dies; another one starts on its log, and on a queue that knows what it knows.
    async fn restarted(self, run: RunId, attempt: u32, left: Left) -> Self {
        let (store, clock) = (self.engine.store().clone(), self.clock.clone());
        drop(self);
        let queues = Arc::new(MemoryQueues::new(clock.shared()));
        let messages = match left {
            Left::Nothing => Vec::new(),
            Left::Message | Left::Key => vec![ticket(run, attempt)],
            Left::Two => vec![ticket(run, attempt), NewMessage { dedup_key: None, ..ticket(run, attempt) }],
        };
        queues.send(&runs_queue(), messages).await.unwrap();
        if left == Left::Key {
            let leased = queues.receive(&runs_queue(), 1, unit::Duration::from_secs(1), "dead").await.unwrap();
            queues.ack(&runs_queue(), &[leased[0].receipt]).await.unwrap();
        }
        Self::on(store, queues, clock, 1_000_000).await
    }

    async fn is_queue_empty(&self) -> bool {
        let queue = runs_queue();
        let (waiting, leased) = (self.engine.queues().peek(&queue, Peek::Waiting, 0, 9), Peek::Leased);
        waiting.await.unwrap().is_empty() && self.engine.queues().peek(&queue, leased, 0, 9).await.unwrap().is_empty()
    }

    /// Lets time pass until no message is left, and looks that nothing more happened to the run.
    async fn rests(&self, run: RunId) -> RunRow {
        while !self.is_queue_empty().await {
            self.pass(Duration::from_secs(1)).await;
        }
        for _ in 0..30 {
            self.pass(Duration::from_secs(10)).await;
        }
        self.row(run).await.unwrap()
    }
}

fn gated(attempts: u32) -> Value {
    let retry = json!({"attempts": attempts, "backoff": "10s", "factor": 1.0, "max": "10s", "jitter": 0.0});
    with(json!({"gated": true}), &json!({"retry": retry, "timeout": "6h"}))
}

#[tokio::test]
async fn a_run_whose_worker_died_is_tried_again_once() {
    for left in LEFT {
        let world = World::new().await;
        world.active(gated(3)).await;
        let run = world.run().await;
        world.wait(run, RunState::Running).await;
        let world = world.restarted(run, 1, left).await;
        world.steps.open("out", 100);
        world.pass_until("run.succeeded", 1).await;
        let row = world.rests(run).await;
        assert_eq!((row.state, row.attempt, row.epoch), (RunState::Succeeded, 2, 2), "{left:?}");
        let counts = ["run.started", "run.lease_expired", "run.succeeded"].map(|kind| world.events(kind));
        let [started, expired, succeeded] = counts;
        assert_eq!([started.await.len(), expired.await.len(), succeeded.await.len()], [2, 1, 1], "{left:?}");
        assert_eq!(world.diary.taken_by("out"), [json!(1), json!(2), json!(3)], "{left:?}");
    }
}

#[tokio::test]
async fn a_run_whose_last_attempt_died_has_failed_and_says_so() {
    for left in LEFT {
        let world = World::new().await;
        world.active(gated(1)).await;
        let run = world.run().await;
        world.wait(run, RunState::Running).await;
        let world = world.restarted(run, 1, left).await;
        world.pass_until("run.failed", 1).await;
        let row = world.rests(run).await;
        assert_eq!((row.state, row.attempt), (RunState::Failed, 1), "{left:?}");
        assert!(row.error.unwrap().message.contains("stopped reporting"));
    }
}

#[tokio::test]
async fn a_queued_run_begins_once() {
    for left in LEFT {
        let world = World::new().await;
        world.active(gated(3)).await;
        // No worker is free: the engine that dies has none.
        let (store, clock) = (world.engine.store().clone(), world.clock.clone());
        drop(world);
        let engine = Engine::new(store.clone(), Arc::new(MemoryQueues::new(clock.shared())), clock.shared());
        let run = RunId::fresh();
        let request = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params: Map::new() };
        let request = Request::new(Command::Pipeline(name(), request), Actor::Engine, clock.shared().now());
        engine.submit(request).await.unwrap();
        let world = World::on(store, Arc::new(MemoryQueues::new(clock.shared())), clock, 1_000_000).await;
        let world = world.restarted(run, 1, left).await;
        world.steps.open("out", 100);
        world.pass_until("run.succeeded", 1).await;
        assert_eq!(world.rests(run).await.state, RunState::Succeeded, "{left:?}");
        assert_eq!(world.events("run.succeeded").await.len(), 1, "{left:?}");
    }
}

#[tokio::test]
async fn nothing_begins_once_the_engine_stops() {
    for _ in 0..20 {
        let world = World::with_workers(1).await;
        let mut definition = gated(1);
        definition["overlap"] = json!("allow");
        world.active(definition).await;
        let runs = [world.run().await, world.run().await, world.run().await];
        world.pass_until("run.started", 1).await;
        let (store, queues, clock) = world.stopped().await;
        let world = World::on(store, queues, clock, 1_000_000).await;
        assert_eq!(world.events("run.interrupted").await.len(), 1);
        world.steps.open("out", 100);
        world.pass_until("run.succeeded", runs.len()).await;
        assert_eq!(world.events("run.started").await.len(), runs.len() + 1);
    }
}

#[tokio::test]
async fn a_run_that_was_to_stop_when_its_worker_died_has_stopped() {
    for left in LEFT {
        let world = World::new().await;
        world.active(gated(3)).await;
        let run = world.run().await;
        world.wait(run, RunState::Running).await;
        let command = RunCommand::Cancel { reason: "enough".into(), grace: unit::Duration::from_secs(3_600) };
        world.submit(Command::Run(run, command)).await.unwrap();
        let world = world.restarted(run, 1, left).await;
        let row = world.wait(run, RunState::Cancelled).await;
        assert_eq!(row.cancel_reason, "enough", "{left:?}");
        world.rests(run).await;
        assert_eq!(world.events("run.started").await.len(), 1, "{left:?}");
    }
}

#[tokio::test]
async fn a_message_for_a_run_that_has_ended_or_that_nobody_knows_is_dropped() {
    for is_known in [true, false] {
        let world = World::new().await;
        world.active(plain()).await;
        let run = world.run().await;
        world.wait(run, RunState::Succeeded).await;
        let run = if is_known { run } else { RunId::fresh() };
        let world = world.restarted(run, 1, Left::Two).await;
        while !world.is_queue_empty().await {
            world.pass(Duration::from_secs(1)).await;
        }
        assert_eq!((world.events("run.started").await.len(), world.diary.taken_by("out").len()), (1, 0));
    }
}

#[tokio::test]
async fn two_messages_for_a_run_never_make_two_attempts_at_once() {
    let world = World::new().await;
    world.active(gated(3)).await;
    let run = world.run().await;
    world.wait(run, RunState::Running).await;
    world.engine.queues().send(&runs_queue(), vec![NewMessage { dedup_key: None, ..ticket(run, 1) }]).await.unwrap();
    for _ in 0..20 {
        world.pass(Duration::from_secs(1)).await;
    }
    let row = world.row(run).await.unwrap();
    assert_eq!((row.state, row.attempt), (RunState::Running, 1));
    world.steps.open("out", 100);
    world.wait(run, RunState::Succeeded).await;
    assert_eq!(world.rests(run).await.attempt, 1);
}

#[tokio::test]
async fn a_run_that_waited_for_its_next_attempt_begins_it_once_and_not_before_its_time() {
    for left in LEFT {
        let world = World::new().await;
        let retry = json!({"attempts": 2, "backoff": "20s", "factor": 1.0, "max": "20s", "jitter": 0.0});
        world.active(with(json!({"fails": 99}), &json!({"retry": retry}))).await;
        let run = world.run().await;
        world.pass_until("run.retrying", 1).await;
        let row = world.row(run).await.unwrap();
        let world = world.restarted(run, 2, left).await;
        world.pass_until("run.failed", 1).await;
        let after = world.rests(run).await;
        assert_eq!((after.state, after.attempt, after.epoch), (RunState::Failed, 2, 2), "{left:?}");
        let started = world.events("run.started").await;
        assert!(started.len() == 2 && Some(started[1].event.at) >= row.deadline, "{left:?}");
        assert_eq!(world.events("run.lease_expired").await.len(), 0, "{left:?}: no lease was lost");
    }
}

#[tokio::test]
async fn a_stop_of_the_engine_costs_a_run_no_attempt_however_long_it_lasts() {
    for keeps_queues in [true, false] {
        let world = World::new().await;
        world.active(gated(1)).await;
        let run = world.run().await;
        world.wait(run, RunState::Running).await;
        let (store, queues, clock) = world.stopped().await;
        clock.advance(Duration::from_secs(3 * 86_400));
        let queues = if keeps_queues { queues } else { Arc::new(MemoryQueues::new(clock.shared())) };
        let world = World::on(store, queues, clock, 1_000_000).await;
        world.steps.open("out", 100);
        world.pass_until("run.succeeded", 1).await;
        let row = world.rests(run).await;
        assert_eq!((row.state, row.attempt, row.epoch), (RunState::Succeeded, 1, 2));
        let counts = ["run.started", "run.interrupted", "run.lease_expired"].map(|kind| world.events(kind));
        let [started, interrupted, expired] = counts;
        assert_eq!([started.await.len(), interrupted.await.len(), expired.await.len()], [2, 1, 0]);
        assert_eq!(world.diary.taken_by("out"), [json!(1), json!(2), json!(3)]);
    }
}

#[tokio::test]
async fn a_run_that_was_to_stop_when_the_engine_stopped_has_stopped() {
    let world = World::new().await;
    world.active(gated(3)).await;
    let run = world.run().await;
    world.wait(run, RunState::Running).await;
    let command = RunCommand::Cancel { reason: "enough".into(), grace: unit::Duration::from_secs(3_600) };
    world.submit(Command::Run(run, command)).await.unwrap();
    let (store, queues, clock) = world.stopped().await;
    let world = World::on(store, queues, clock, 1_000_000).await;
    let row = world.rests(run).await;
    assert_eq!((row.state, row.cancel_reason.as_str()), (RunState::Cancelled, "enough"));
    assert_eq!(world.events("run.started").await.len(), 1);
}
