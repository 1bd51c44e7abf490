//! Runs: leases, retries, cancelling, overlap, and many who ask at once.

use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::{
    aggregate::Rejection,
    event::{Event, pipeline::RunEnded},
    id::{QueueName, StreamName},
    port::queue::{NewDeadLetter, Origin, Peek, QueueLimits},
    projection::runs::RunState,
};

async fn state(world: &World, run: RunId) -> RunState {
    world.engine.run(run).await.unwrap().state().unwrap()
}

fn rejection(answer: Result<Accepted, Refusal>) -> Rejection {
    match answer {
        Err(Refusal::Rejected(rejection)) => rejection,
        other => panic!("not a rejection: {other:?}"),
    }
}

fn cancel() -> RunCommand {
    RunCommand::Cancel { reason: "wrong file".into(), grace: Duration::from_secs(30) }
}

async fn ended_events(world: &World, run: RunId) -> usize {
    let ended =
        |envelope: &Envelope| matches!(envelope.decode(), Some(Ok(Event::RunEnded(RunEnded { run: of, .. }))) if of == run);
    world.events().await.iter().filter(|envelope| ended(envelope)).count()
}

#[tokio::test]
async fn a_report_of_an_expired_lease_is_kept_on_record_and_never_applied() {
    let world = World::new();
    world.active("quakes", json!({"retry": {"attempts": 2}})).await;
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.run(run, RunCommand::ExpireLease { epoch: 1, backoff: Duration::from_secs(10) }).await.unwrap();
    assert_eq!(state(&world, run).await, RunState::Retrying);

    let late = rejection(world.run(run, succeed(1)).await);
    assert_eq!(late, Rejection::Fenced { run, epoch: 1, current: 1 });
    assert_eq!(state(&world, run).await, RunState::Retrying);

    world.clock.advance(Duration::from_secs(10).0);
    world.run(run, claim(2)).await.unwrap();
    assert_eq!(rejection(world.run(run, succeed(1)).await), Rejection::Fenced { run, epoch: 1, current: 2 });
    assert_eq!(state(&world, run).await, RunState::Running);
    world.run(run, succeed(2)).await.unwrap();
    assert_eq!(rejection(world.run(run, fail(2)).await), Rejection::Fenced { run, epoch: 2, current: 2 });
    assert_eq!(state(&world, run).await, RunState::Succeeded);

    let kinds = world.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "run.late_report_ignored").count(), 3);
    assert_eq!(kinds.iter().filter(|kind| *kind == "run.lease_expired").count(), 1);
    assert_eq!(ended_events(&world, run).await, 1);
}

#[tokio::test]
async fn a_claim_that_finds_the_budget_used_up_fails_the_run_and_is_refused() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    let refused = rejection(world.run(run, claim(2)).await);
    assert_eq!(refused, Rejection::RunIs { run, state: RunState::Failed, verb: "start" });
    assert_eq!(ended_events(&world, run).await, 1);
    assert!(world.engine.models().await.board.pipelines["quakes"].live.is_empty());
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_until_the_budget_is_used_up() {
    let world = World::new();
    world.active("quakes", json!({"retry": {"attempts": 2}})).await;
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.run(run, fail(1)).await.unwrap();
    assert_eq!(rejection(world.run(run, claim(2)).await), Rejection::NotYet(run));
    world.clock.advance(Duration::from_secs(30).0);
    world.run(run, claim(2)).await.unwrap();
    world.run(run, fail(2)).await.unwrap();
    let row = world.engine.models().await.runs.runs[&run].clone();
    assert_eq!((row.state, row.attempt, row.error.unwrap().message.as_str()), (RunState::Failed, 2, "no connection"));
}

#[tokio::test]
async fn a_run_is_cancelled_in_every_state_that_is_not_an_end() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow", "retry": {"attempts": 2}})).await;

    let queued = world.request("quakes").await.unwrap();
    world.run(queued, cancel()).await.unwrap();
    assert_eq!(state(&world, queued).await, RunState::Cancelled);

    let retrying = world.request("quakes").await.unwrap();
    world.run(retrying, claim(1)).await.unwrap();
    world.run(retrying, fail(1)).await.unwrap();
    world.run(retrying, cancel()).await.unwrap();
    assert_eq!(state(&world, retrying).await, RunState::Cancelled);

    let running = world.request("quakes").await.unwrap();
    world.run(running, claim(1)).await.unwrap();
    world.run(running, cancel()).await.unwrap();
    assert_eq!(state(&world, running).await, RunState::Cancelling);
    assert!(matches!(rejection(world.run(running, cancel()).await), Rejection::RunIs { .. }));
    world.run(running, RunCommand::ConfirmCancelled { epoch: 1 }).await.unwrap();
    assert_eq!(state(&world, running).await, RunState::Cancelled);
    assert_eq!(
        rejection(world.run(running, cancel()).await),
        Rejection::RunIs { run: running, state: RunState::Cancelled, verb: "cancel" }
    );

    let deaf = world.request("quakes").await.unwrap();
    world.run(deaf, claim(1)).await.unwrap();
    world.run(deaf, cancel()).await.unwrap();
    assert_eq!(rejection(world.run(deaf, RunCommand::EnforceDeadline).await), Rejection::NotYet(deaf));
    world.clock.advance(Duration::from_secs(30).0);
    world.run(deaf, RunCommand::EnforceDeadline).await.unwrap();
    assert!(world.engine.models().await.runs.runs[&deaf].forced);
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_stopped_and_one_that_nobody_takes_is_given_up() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow"})).await;
    let (slow, waiting) = (world.request("quakes").await.unwrap(), world.request("quakes").await.unwrap());
    world.run(slow, claim(1)).await.unwrap();
    world.clock.advance(Duration::from_secs(3_600).0);
    world.run(slow, RunCommand::EnforceDeadline).await.unwrap();
    let models = world.engine.models().await;
    assert_eq!((models.runs.runs[&slow].state, &*models.runs.runs[&slow].cancel_reason), (RunState::Cancelling, "timeout"));
    assert_eq!(rejection(world.run(waiting, RunCommand::EnforceDeadline).await), Rejection::NotYet(waiting));
    world.clock.advance(Duration::from_secs(23 * 3_600).0);
    world.run(waiting, RunCommand::EnforceDeadline).await.unwrap();
    assert_eq!(state(&world, waiting).await, RunState::Cancelled);
}

#[tokio::test]
async fn the_same_request_twice_starts_one_run() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow"})).await;
    let run = RunId::of_tick(&name("quakes"), start());
    let request = PipelineCommand::RequestRun { run, trigger: RunTrigger::Schedule { tick: start() }, params: Map::new() };
    world.pipeline("quakes", request.clone()).await.unwrap();
    assert_eq!(rejection(world.pipeline("quakes", request.clone()).await), Rejection::RunExists(run));
    world.run(run, claim(1)).await.unwrap();
    world.run(run, succeed(1)).await.unwrap();
    assert_eq!(rejection(world.pipeline("quakes", request).await), Rejection::RunExists(run));
}

#[tokio::test]
async fn only_a_run_that_ended_badly_is_tried_again() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow"})).await;
    let failed = world.request("quakes").await.unwrap();
    let again = |of| PipelineCommand::RequestRun { run: RunId::fresh(), trigger: RunTrigger::Retry { of }, params: Map::new() };
    let refused = rejection(world.pipeline("quakes", again(failed)).await);
    assert_eq!(refused, Rejection::RunIs { run: failed, state: RunState::Queued, verb: "retry" });
    world.run(failed, claim(1)).await.unwrap();
    world.run(failed, fail(1)).await.unwrap();
    world.pipeline("quakes", again(failed)).await.unwrap();
    let models = world.engine.models().await;
    assert!(models.runs.runs.values().any(|row| row.retry_of == Some(failed)));
    let nobody = RunId::fresh();
    assert_eq!(rejection(world.pipeline("quakes", again(nobody)).await), Rejection::NoRun(nobody));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_who_ask_at_once_one_gets_its_run() {
    let world = Arc::new(World::new());
    world.active("quakes", json!({})).await;
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let world = world.clone();
        asking.spawn(async move { world.request("quakes").await });
    }
    let answers = asking.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    for refused in answers.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, Refusal::Rejected(Rejection::Overlaps { .. })), "{refused}");
    }
    assert_eq!(world.engine.models().await.board.pipelines["quakes"].live.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_engines_on_one_log_start_one_run_between_them() {
    let world = Arc::new(World::new());
    world.active("quakes", json!({})).await;
    let store: Arc<dyn Store> = world.store.clone();
    let engines: Vec<Engine> =
        (0..4).map(|_| Engine::new(store.clone(), world.engine.queues().clone(), world.engine.clock().clone())).collect();
    let mut asking = JoinSet::new();
    for engine in engines {
        asking.spawn(async move {
            let run = RunId::fresh();
            let asked = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params: Map::new() };
            engine.submit(Request::new(Command::Pipeline(name("quakes"), asked), Actor::Engine, start())).await
        });
    }
    let accepted = asking.join_all().await.into_iter().flatten().count();
    assert_eq!(accepted, 1);
    // The engine that saw none of this decides by the log all the same.
    assert!(matches!(rejection(world.pipeline("quakes", PipelineCommand::Archive).await), Rejection::RunsLive { live: 1, .. }));
}

#[tokio::test]
async fn refusals_of_people_are_audited_and_those_of_the_engine_are_not() {
    let world = World::new();
    let activate = || Command::Pipeline(name("nobody"), PipelineCommand::Activate);
    world.submit(activate()).await.unwrap_err();
    assert!(world.events().await.is_empty());
    world.submit_as(Actor::Operator("ada".into()), activate()).await.unwrap_err();
    let events = world.events().await;
    assert_eq!((events.len(), events[0].stream.clone()), (1, StreamName::engine()));
    let Some(Ok(Event::CommandRejected(rejected))) = events[0].decode() else { panic!("{events:?}") };
    assert_eq!(rejected.command, "activate pipeline nobody");
    assert_eq!(rejected.reason, "there is no pipeline `nobody`");
}

async fn bury(world: &World, step: &str, count: usize) -> QueueName {
    let queue = QueueName::dead_letters_of(&name("quakes"));
    let origin = Origin {
        pipeline: "quakes".into(),
        run: RunId::fresh().to_string(),
        step: step.into(),
        revision: "0".repeat(64),
        source: "quakes.csv:17".into(),
    };
    let letter =
        |number| NewDeadLetter { body: format!(r#"{{"n":{number}}}"#).into(), error: "bad".into(), origin: origin.clone() };
    world.engine.queues().bury(&queue, (0..count).map(letter).collect()).await.unwrap();
    queue
}

fn replay(run: RunId) -> QueueCommand {
    QueueCommand::ReplayDeadLetters { pipeline: name("quakes"), run, messages: Vec::new() }
}

#[tokio::test]
async fn dead_letters_go_to_the_run_that_processes_them_again() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let queue = bury(&world, "out", 3).await;
    bury(&world, "a-step-of-long-ago", 1).await;
    let run = RunId::fresh();
    let accepted = world.queue(queue.as_str(), replay(run)).await.unwrap();
    assert_eq!(accepted.note, "3 dead letters handed to the run");

    let own = crate::handle::replay_queue(run);
    let letters = world.engine.queues().receive(&own, 10, Duration::from_secs(60), "test").await.unwrap();
    let first: Value = serde_json::from_slice(&letters[0].body).unwrap();
    assert_eq!(first, json!({"step": "out", "record": {"n": 0}, "origin": "quakes.csv:17"}));
    assert_eq!(letters.len(), 3);
    let left = world.engine.queues().peek(&queue, Peek::Dead, 0, 10).await.unwrap();
    assert_eq!(left.len(), 1, "the letter of a step that is gone stays");
    assert_eq!(state(&world, run).await, RunState::Queued);
    assert!(world.kinds().await.contains(&"queue.dead_letters_replayed".to_owned()));
}

#[tokio::test]
async fn a_replay_that_is_refused_leaves_every_dead_letter_where_it_was() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let queue = bury(&world, "out", 3).await;
    world.request("quakes").await.unwrap();
    let refused = rejection(world.queue(queue.as_str(), replay(RunId::fresh())).await);
    assert!(matches!(refused, Rejection::Overlaps { .. }), "{refused}");
    assert_eq!(world.engine.queues().peek(&queue, Peek::Dead, 0, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_done_to_a_queue_is_on_record_with_its_count() {
    let world = World::new();
    let limits = QueueLimits { messages_max: 10, ..QueueLimits::default() };
    world.queue("orders", QueueCommand::Declare { limits }).await.unwrap();
    assert!(matches!(rejection(world.queue("orders", QueueCommand::Declare { limits }).await), Rejection::Nothing(_)));
    let send = |body: &'static str| QueueCommand::Send { body: body.into(), priority: 0, delay: Duration::default() };
    world.queue("orders", send(r#"{"id":1}"#)).await.unwrap();
    world.queue("orders", send(r#"{"id":2}"#)).await.unwrap();
    assert!(matches!(rejection(world.queue("orders", send("{")).await), Rejection::Unfit(_)));
    let purge = QueueCommand::Purge { scope: crate::event::queue::PurgeScope::Messages };
    assert_eq!(world.queue("orders", purge.clone()).await.unwrap().note, "2 messages purged");
    assert!(matches!(rejection(world.queue("orders", purge.clone()).await), Rejection::Nothing(_)));
    assert!(matches!(rejection(world.queue("nowhere", purge.clone()).await), Rejection::NoQueue(_)));
    assert!(matches!(rejection(world.queue("flexcore.runs", purge).await), Rejection::InternalQueue(_)));
    assert_eq!(world.engine.models().await.queues.queues["orders"].limits, limits);
}

/// What is held of a queue is as new as the log, whoever wrote there.
#[tokio::test]
async fn what_another_engine_on_the_same_log_did_to_a_queue_is_known() {
    let one = World::new();
    let engine = Engine::new(one.store.clone(), one.engine.queues().clone(), one.clock.shared());
    let other = World { engine, clock: one.clock.clone(), store: one.store.clone() };
    let declare = |messages_max| QueueCommand::Declare { limits: QueueLimits { messages_max, ..QueueLimits::default() } };
    for (world, most) in [(&one, 10), (&other, 20), (&one, 10), (&one, 30), (&other, 40), (&one, 30)] {
        world.queue("orders", declare(most)).await.unwrap();
        assert!(matches!(rejection(world.queue("orders", declare(most)).await), Rejection::Nothing(_)));
    }
}
