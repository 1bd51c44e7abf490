//! Why it is so: every state, told from histories that the aggregates themselves have made.

use serde_json::json;

use super::*;
use crate::{
    event::{pipeline::SkipReason, run::StepCounts, run::StepOutcome},
    id::{CorrelationId, EventId, QueueName, StepName},
    port::queue::QueueLimits,
    projection::why::{Deed, FACTS_MAX, Subject, Why},
};

impl World {
    async fn why(&self, subject: Subject) -> Why {
        self.engine.why(&subject, None).await.unwrap().unwrap_or_else(|| panic!("nothing is known of {subject}"))
    }

    async fn why_pipeline(&self, pipeline: &str) -> Why {
        self.why(Subject::Pipeline(name(pipeline))).await
    }

    async fn operator(&self, pipeline: &str, command: PipelineCommand) -> Result<Accepted, Refusal> {
        self.submit_as(Actor::Operator("ada".into()), Command::Pipeline(name(pipeline), command)).await
    }

    /// A run that a tick asked for.
    async fn ticked(&self, pipeline: &str, tick: Timestamp) -> RunId {
        let run = RunId::of_tick(&name(pipeline), tick);
        let command = PipelineCommand::RequestRun { run, trigger: RunTrigger::Schedule { tick }, params: Map::new() };
        self.submit_as(Actor::Schedule(name(pipeline)), Command::Pipeline(name(pipeline), command)).await.unwrap();
        run
    }

    /// A command that an event led to.
    async fn because(&self, run: RunId, command: RunCommand, cause: EventId) {
        let at = self.engine.clock().now();
        let request = Request { cause: Some(cause), ..Request::new(Command::Run(run, command), Actor::Engine, at) };
        assert_ne!(request.correlation, CorrelationId(uuid::Uuid::nil()));
        self.engine.submit(request).await.unwrap();
    }
}

fn kinds(why: &Why) -> Vec<&str> {
    why.facts.iter().map(|fact| fact.kind.as_str()).collect()
}

fn next(why: &Why) -> Vec<String> {
    why.next.iter().map(|next| next.at.map_or_else(String::new, |at| format!("{at} ")) + &next.text).collect()
}

fn deeds(why: &Why) -> Vec<&Deed> {
    why.remedies.iter().map(|remedy| &remedy.deed).collect()
}

fn cancel(reason: &str) -> RunCommand {
    RunCommand::Cancel { reason: reason.into(), grace: Duration::from_secs(30) }
}

fn lost(epoch: u64) -> RunCommand {
    RunCommand::ExpireLease { epoch, backoff: Duration::from_secs(5) }
}

fn broken() -> RunError {
    let step: StepName = "out".parse().unwrap();
    RunError { step: Some(step), message: "the table is gone".into(), causes: vec![], record: None, retryable: false }
}

#[tokio::test]
async fn a_draft_waits_to_be_activated() {
    let world = World::new();
    let definition = definition("quakes", &json!({"triggers": [{"interval": "30s"}]}));
    let revision = revision::of(&definition);
    world.operator("quakes", PipelineCommand::Create { revision, definition, source: source() }).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert_eq!(
        why.answer,
        "quakes is a draft, made by ada at 2026-01-31 12:00:00Z: it is not activated, so only people start its runs"
    );
    assert_eq!((why.state.as_str(), kinds(&why)), ("draft", vec!["pipeline.created"]));
    assert_eq!(next(&why), ["nothing: its triggers start no run before it is activated"]);
    assert_eq!(why.remedies[0].deed.command_line(), "flexcore pipeline activate quakes");
}

#[tokio::test]
async fn a_paused_pipeline_says_who_paused_it_and_why_and_down_to_how_it_came_to_be() {
    let world = World::new();
    world.active("quakes", json!({"triggers": [{"interval": "30s"}]})).await;
    world.clock.advance(Duration::from_secs(60).0);
    world.operator("quakes", PipelineCommand::Pause { reason: "bad data".into() }).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert_eq!(why.answer, "quakes is paused by ada at 2026-01-31 12:01:00Z: bad data");
    assert_eq!(kinds(&why), ["pipeline.paused", "pipeline.activated", "pipeline.created"]);
    assert_eq!((why.facts[0].position, why.facts[0].actor.to_string()), (Some(Position(3)), "ada".into()));
    assert_eq!(why.facts[0].text, "paused: bad data");
    assert_eq!(next(&why)[0], "nothing by itself: its triggers start no run until it is resumed");
    assert_eq!(next(&why)[1], "2026-01-31T12:01:00Z its first run, if it were resumed now");
    assert_eq!(deeds(&why)[0], &Deed::Resume(name("quakes")));

    // A run that was asked for before goes on, and a refused command is told.
    world.operator("quakes", PipelineCommand::Resume).await.unwrap();
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.operator("quakes", PipelineCommand::Pause { reason: String::new() }).await.unwrap();
    world.operator("quakes", PipelineCommand::Archive).await.unwrap_err();
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.contains("; run #1, which was asked for before, is running since"), "{}", why.answer);
    assert_eq!(kinds(&why)[..2], ["command.rejected", "pipeline.paused"]);
    assert!(why.facts[0].text.contains("refused to archive pipeline quakes"), "{}", why.facts[0].text);
}

#[tokio::test]
async fn archived_restored_and_deleted_pipelines_say_so() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    world.operator("quakes", PipelineCommand::Archive).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert_eq!(why.answer, "quakes is out of use: archived by ada at 2026-01-31 12:00:00Z");
    assert_eq!(deeds(&why), [&Deed::Restore(name("quakes"))]);
    world.operator("quakes", PipelineCommand::Restore).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.starts_with("quakes is a draft, restored by ada"), "{}", why.answer);
    assert_eq!(kinds(&why), ["pipeline.restored", "pipeline.archived", "pipeline.created"]);
    world.operator("quakes", PipelineCommand::Archive).await.unwrap();
    world.operator("quakes", PipelineCommand::Delete).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert_eq!(why.answer, "quakes is gone: deleted by ada at 2026-01-31 12:00:00Z");
    assert_eq!(kinds(&why), ["pipeline.deleted", "pipeline.archived"]);
    assert_eq!(world.engine.why(&Subject::Pipeline(name("other")), None).await.unwrap(), None);
    assert_eq!(world.engine.why(&Subject::Run(RunId::fresh()), None).await.unwrap(), None);
    assert_eq!(world.engine.why(&Subject::Queue("other".parse().unwrap()), None).await.unwrap(), None);
}

#[tokio::test]
async fn an_active_pipeline_says_when_its_next_tick_is_due_and_when_one_is_late() {
    let world = World::new();
    world.active("quakes", json!({"triggers": [{"interval": "30s"}]})).await;
    let run = world.ticked("quakes", start()).await;
    world.run(run, claim(1)).await.unwrap();
    world.run(run, succeed(1)).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.starts_with("quakes is active and runs nothing now: run #1, its last, succeeded at"), "{}", why.answer);
    assert_eq!(next(&why).last().unwrap(), "2026-01-31T12:00:30Z the next tick is due");
    world.clock.advance(Duration::from_secs(40).0);
    let why = world.why_pipeline("quakes").await;
    assert!(
        why.answer.ends_with("a tick was due at 2026-01-31 12:00:30Z: the engine has not dealt with it yet"),
        "{}",
        why.answer
    );
    world.engine.record_stopped(0).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.ends_with("the engine stopped at 2026-01-31 12:00:40Z"), "{}", why.answer);
    assert_eq!(kinds(&why)[0], "engine.stopped");
    world.active("manual", json!({})).await;
    let why = world.why_pipeline("manual").await;
    assert_eq!(why.answer, "manual is active, and no run was asked for yet");
    assert_eq!(next(&why), ["no run by itself: it has no trigger, people start its runs"]);
}

#[tokio::test]
async fn a_skipped_tick_is_told_with_its_reason() {
    let world = World::new();
    world.active("quakes", json!({"triggers": [{"interval": "30s"}]})).await;
    let run = world.ticked("quakes", start()).await;
    world.run(run, claim(1)).await.unwrap();
    world.clock.advance(Duration::from_secs(30).0);
    let tick = world.engine.clock().now();
    let skip = PipelineCommand::SkipTick { tick, reason: SkipReason::Overlap, count: 1 };
    world.pipeline("quakes", skip).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.starts_with("quakes is active: run #1 is running since 2026-01-31 12:00:00Z"), "{}", why.answer);
    assert!(why.answer.ends_with("its last tick was skipped: a run still lived, and its overlap is `skip`"), "{}", why.answer);
    assert_eq!(kinds(&why)[0], "pipeline.tick_skipped");
    for (reason, told) in [
        (SkipReason::Missed, "the engine did not run then"),
        (SkipReason::DstGap, "the clock change left that time out"),
        (SkipReason::QueueFull, "as many runs waited as may wait"),
        (SkipReason::Paused, "it was paused"),
    ] {
        world.clock.advance(Duration::from_secs(30).0);
        let tick = world.engine.clock().now();
        world.pipeline("quakes", PipelineCommand::SkipTick { tick, reason, count: 2 }).await.unwrap();
        assert!(world.why_pipeline("quakes").await.answer.contains(told), "{told}");
    }
}

#[tokio::test]
async fn a_queued_run_says_which_run_is_ahead_of_it_and_what_that_does() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "queue", "retry": {"attempts": 3}})).await;
    let (first, second) = (world.request("quakes").await.unwrap(), world.request("quakes").await.unwrap());
    world.run(first, claim(1)).await.unwrap();
    let why = world.why(Subject::Run(second)).await;
    assert_eq!(
        why.answer,
        "run #2 of quakes waits for its turn: one run at a time, and run #1 is running since 2026-01-31 12:00:00Z"
    );
    assert_eq!(kinds(&why), ["run.started", "run.queued"]);
    assert_eq!(why.facts[0].text, "run #1: attempt 1 began on node-1/0 with lease 1, until 2026-01-31 13:00:00Z at most");
    assert_eq!(next(&why)[0], "it begins when the runs ahead of it have ended");
    assert_eq!(next(&why)[1], "2026-01-31T13:00:00Z run #1 is stopped if it has not ended by then");
    assert_eq!(next(&why)[2], "2026-02-01T12:00:00Z it is cancelled if it has not begun by then");
    assert_eq!(deeds(&why), [&Deed::Cancel(first), &Deed::Cancel(second)]);
    world.run(first, fail(1)).await.unwrap();
    let why = world.why(Subject::Run(second)).await;
    assert!(why.answer.ends_with("run #1 is retrying since 2026-01-31 12:00:00Z"), "{}", why.answer);
    assert!(next(&why).contains(&"2026-01-31T12:00:30Z the next attempt of run #1".to_owned()), "{:?}", next(&why));
    world.run(first, cancel("no")).await.unwrap();
    let why = world.why(Subject::Run(second)).await;
    assert_eq!(why.answer, "run #2 of quakes waits for a worker to take it");
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.starts_with("quakes is active: run #2 waits for a worker"), "{}", why.answer);
}

#[tokio::test]
async fn a_run_that_takes_over_says_so_and_the_older_one_names_the_newer_as_its_cause() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "cancel"})).await;
    let (first, second) = (world.request("quakes").await.unwrap(), world.request("quakes").await.unwrap());
    world.run(first, claim(1)).await.unwrap();
    let queued = world.events().await.into_iter().find(|event| event.stream.as_str() == format!("run/{second}")).unwrap();
    world.because(first, cancel("a newer run takes over"), queued.event.id).await;
    let why = world.why(Subject::Run(second)).await;
    assert!(why.answer.contains("takes over from older runs, which are to stop first: run #1 is cancelling"), "{}", why.answer);
    let why = world.why(Subject::Run(first)).await;
    assert!(
        why.answer.starts_with("run #1 of quakes is to stop: a newer run takes over; the engine asked for it at"),
        "{}",
        why.answer
    );
    assert_eq!(kinds(&why), ["run.cancel_requested", "run.started", "run.queued", "run.queued"]);
    assert!(why.facts[2].text.starts_with("run #2: quakes #2 queued by hand"), "{}", why.facts[2].text);
    assert_eq!(next(&why), ["2026-01-31T12:00:30Z it is given up, and counts as cancelled, if it has not stopped by then"]);
    assert!(deeds(&why).is_empty());
    world.run(first, RunCommand::ConfirmCancelled { epoch: 1 }).await.unwrap();
    let why = world.why(Subject::Run(first)).await;
    assert_eq!(why.answer, "run #1 of quakes was cancelled by the engine: a newer run takes over");
    assert_eq!(deeds(&why), [&Deed::Retry(first)]);
}

#[tokio::test]
async fn a_run_that_waits_for_a_retry_says_what_failed_and_when_it_goes_on() {
    let world = World::new();
    world.active("quakes", json!({"retry": {"attempts": 3}})).await;
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.run(run, fail(1)).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert_eq!(
        why.answer,
        "run #1 of quakes waits for a retry: attempt 1 of 3 failed (step in: no connection); \
         the next one begins at 2026-01-31 12:00:30Z"
    );
    assert_eq!(next(&why)[0], "2026-01-31T12:00:30Z attempt 2 of it begins");
    assert_eq!(next(&why)[1], "2026-02-01T12:00:30Z it is cancelled if no worker has taken it by then");
    assert_eq!(deeds(&why), [&Deed::ShowRun(run), &Deed::Cancel(run)]);
    world.clock.advance(Duration::from_secs(31).0);
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.ends_with("the next one begins as soon as a worker is free"), "{}", why.answer);

    // A worker that is lost, and then an engine that stops.
    world.run(run, claim(2)).await.unwrap();
    world.run(run, lost(2)).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.contains("attempt 2 of 3 failed (worker node-1/0 stopped reporting: its lease ended)"), "{}", why.answer);
    assert_eq!(kinds(&why)[..2], ["run.retrying", "run.lease_expired"]);
    world.clock.advance(Duration::from_secs(5).0);
    world.run(run, claim(3)).await.unwrap();
    world.run(run, RunCommand::Interrupt { epoch: 3 }).await.unwrap();
    world.engine.record_stopped(1).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert_eq!(
        why.answer,
        "run #1 of quakes was interrupted: the engine stopped at 2026-01-31 12:00:36Z; \
         it begins anew as soon as a worker is free, and that costs no attempt"
    );
    assert_eq!(kinds(&why)[..2], ["engine.stopped", "run.interrupted"]);
    assert_eq!(next(&why), ["it goes on when the engine is started again"]);
}

#[tokio::test]
async fn a_failed_run_says_the_error_and_which_revision_came_in_between() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let good = world.request("quakes").await.unwrap();
    world.run(good, claim(1)).await.unwrap();
    world.run(good, succeed(1)).await.unwrap();
    let definition = definition("quakes", &json!({"description": "other"}));
    let revision = revision::of(&definition);
    let revise = PipelineCommand::Revise { revision, definition, source: source(), expected: None };
    world.operator("quakes", revise).await.unwrap();
    let bad = world.request("quakes").await.unwrap();
    world.run(bad, claim(1)).await.unwrap();
    let (step, counts) = ("out".parse().unwrap(), StepCounts::default());
    let ended = RunCommand::EndStep { epoch: 1, step, outcome: StepOutcome::Failed, counts, error: Some(broken()) };
    world.run(bad, ended).await.unwrap();
    world.run(bad, RunCommand::FailAttempt { epoch: 1, error: broken(), backoff: Duration::default() }).await.unwrap();
    let why = world.why(Subject::Run(bad)).await;
    assert_eq!(why.answer, "run #2 of quakes failed in attempt 1: step out: the table is gone; no other try mends that");
    assert_eq!(kinds(&why), ["run.failed", "run.step_ended", "run.started", "run.queued", "pipeline.revised"]);
    assert!(why.facts[4].text.starts_with("quakes: revised: number 2, revision"), "{}", why.facts[4].text);
    assert!(why.facts[4].text.ends_with("run #1, the last that succeeded, had another one"), "{}", why.facts[4].text);
    assert_eq!(deeds(&why), [&Deed::ShowRun(bad), &Deed::Revise(name("quakes")), &Deed::Retry(bad)]);
    let why = world.why_pipeline("quakes").await;
    assert!(why.answer.contains("run #2, its last, failed in attempt 1: step out: the table is gone"), "{}", why.answer);

    // It is tried again: each says of the other.
    let again = RunId::fresh();
    let retry = PipelineCommand::RequestRun { run: again, trigger: RunTrigger::Retry { of: bad }, params: Map::new() };
    world.operator("quakes", retry).await.unwrap();
    let why = world.why(Subject::Run(bad)).await;
    assert_eq!(next(&why), ["run #3 tries it again and is queued"]);
    let why = world.why(Subject::Run(again)).await;
    assert!(kinds(&why).contains(&"run.failed"), "{:?}", kinds(&why));
    assert!(why.facts[0].text.starts_with("quakes #3 queued to try run"), "{}", why.facts[0].text);
}

#[tokio::test]
async fn attempts_that_are_used_up_and_deadlines_that_passed_are_told() {
    let world = World::new();
    world.active("quakes", json!({"retry": {"attempts": 2}})).await;
    let run = world.request("quakes").await.unwrap();
    for epoch in [1, 2] {
        world.run(run, claim(epoch)).await.unwrap();
        world.run(run, fail(epoch)).await.unwrap();
        world.clock.advance(Duration::from_secs(30).0);
    }
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.ends_with("failed in attempt 2: step in: no connection; all its attempts are used up"), "{}", why.answer);
    assert_eq!(kinds(&why), ["run.failed", "run.started", "run.retrying", "run.queued"]);
    let run = world.request("quakes").await.unwrap();
    world.clock.advance(Duration::from_secs(86_401).0);
    world.run(run, RunCommand::EnforceDeadline).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.ends_with("was cancelled by the engine before it began: no worker took it in time"), "{}", why.answer);
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.clock.advance(Duration::from_secs(3_601).0);
    world.run(run, RunCommand::EnforceDeadline).await.unwrap();
    world.clock.advance(Duration::from_secs(31).0);
    world.run(run, RunCommand::EnforceDeadline).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(
        why.answer.ends_with("was cancelled by the engine: timeout; it did not stop in time and was given up"),
        "{}",
        why.answer
    );
    assert_eq!(kinds(&why)[..2], ["run.cancelled", "run.cancel_requested"]);
}

#[tokio::test]
async fn a_run_that_came_late_says_so_with_the_start_of_the_engine() {
    let world = World::new();
    world.active("quakes", json!({"triggers": [{"interval": "30s"}]})).await;
    world.engine.record_stopped(0).await.unwrap();
    world.clock.advance(Duration::from_secs(100).0);
    world.engine.record_started("1", "box").await.unwrap();
    let run = world.ticked("quakes", start()).await;
    world.run(run, claim(1)).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.ends_with("it was asked for 100s after it was due"), "{}", why.answer);
    assert_eq!(kinds(&why), ["run.started", "run.queued", "engine.started", "engine.stopped", "pipeline.activated"]);
}

#[tokio::test]
async fn a_continuous_pipeline_that_was_stopped_stays_stopped_and_says_until_when() {
    let world = World::new();
    world.active("tides", json!({"mode": "continuous"})).await;
    let why = world.why_pipeline("tides").await;
    assert_eq!(next(&why), ["the engine asks for its run"]);
    let run = world.request("tides").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(next(&why)[0].ends_with("it is cancelled if it has not ended by then"), "{:?}", next(&why));
    world.submit_as(Actor::Operator("bob".into()), Command::Run(run, cancel("enough"))).await.unwrap();
    world.run(run, RunCommand::ConfirmCancelled { epoch: 1 }).await.unwrap();
    let why = world.why_pipeline("tides").await;
    assert_eq!(why.answer, "tides is active and runs nothing now: run #1, its last, was cancelled by bob: enough");
    assert!(next(&why).iter().any(|next| next.starts_with("nothing by itself: a continuous pipeline")), "{:?}", next(&why));
    assert_eq!(why.state, "active");
}

#[tokio::test]
async fn dead_letters_are_told_by_the_step_that_refused_them() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    let dead: QueueName = "quakes.dead".parse().unwrap();
    let why = world.why(Subject::Queue(dead.clone())).await;
    assert_eq!(why.answer, "quakes.dead holds the dead letters of quakes, which has had none");
    let run = world.request("quakes").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    world.clock.advance(Duration::from_secs(5).0);
    let letters = RunCommand::RecordDeadLetters { epoch: 1, step: "out".parse().unwrap(), count: 3, error: "no number".into() };
    world.run(run, letters).await.unwrap();
    let why = world.why(Subject::Queue(dead.clone())).await;
    assert_eq!(
        why.answer,
        "quakes.dead holds the dead letters of quakes: 3 were refused since 2026-01-31 12:00:05Z; \
         the last came in run #1 at 2026-01-31 12:00:05Z: step out says no number"
    );
    assert_eq!(kinds(&why), ["run.dead_lettered"]);
    assert_eq!(next(&why)[0], "a run of it lives: more may come");
    assert_eq!(deeds(&why), [&Deed::ShowQueue(dead.clone()), &Deed::Revise(name("quakes"))]);
    world.run(run, RunCommand::Succeed { epoch: 1, records_in: 5, records_out: 2, dead: 3 }).await.unwrap();
    let why = world.why(Subject::Run(run)).await;
    assert!(why.answer.ends_with("but 3 of its records are dead letters"), "{}", why.answer);
    assert_eq!(deeds(&why), [&Deed::ShowQueue(dead)]);
    assert!(kinds(&world.why_pipeline("quakes").await).contains(&"run.dead_lettered"));
}

#[tokio::test]
async fn a_queue_that_grows_names_the_pipeline_that_does_not_receive() {
    let world = World::new();
    let steps = json!([{"name": "in", "uses": "queue.receive", "with": {"queue": "orders"}}, {"name": "out", "uses": "drop"}]);
    world.active("worker", json!({"steps": steps, "mode": "continuous"})).await;
    world.operator("worker", PipelineCommand::Pause { reason: "lunch".into() }).await.unwrap();
    let orders: QueueName = "orders".parse().unwrap();
    let why = world.why(Subject::Queue(orders.clone())).await;
    assert!(why.answer.ends_with("worker receives from it, but is paused and runs nothing"), "{}", why.answer);
    assert_eq!((kinds(&why), why.facts[0].text.as_str()), (vec!["pipeline.paused"], "worker: paused: lunch"));
    assert_eq!(deeds(&why)[0], &Deed::Resume(name("worker")));
    world.operator("worker", PipelineCommand::Resume).await.unwrap();
    let run = world.request("worker").await.unwrap();
    world.run(run, claim(1)).await.unwrap();
    let why = world.why(Subject::Queue(orders)).await;
    assert!(why.answer.contains("worker receives from it, and its run #1 is running since"), "{}", why.answer);
}

#[tokio::test]
async fn the_past_has_the_facts_of_then() {
    let world = World::new();
    world.active("quakes", json!({"triggers": [{"interval": "30s"}]})).await;
    world.clock.advance(Duration::from_secs(10).0);
    let paused = world.operator("quakes", PipelineCommand::Pause { reason: "bad data".into() }).await.unwrap().last;
    world.clock.advance(Duration::from_secs(1_000).0);
    world.operator("quakes", PipelineCommand::Resume).await.unwrap();
    world.operator("quakes", PipelineCommand::Pause { reason: "again".into() }).await.unwrap();
    let subject = Subject::Pipeline(name("quakes"));
    let then = world.engine.why_at(&subject, paused, None).await.unwrap().unwrap();
    assert_eq!(then.answer, "quakes is paused by ada at 2026-01-31 12:00:10Z: bad data");
    assert_eq!((then.position, then.at), (paused, "2026-01-31T12:00:10Z".parse().unwrap()));
    let active = world.engine.why_at(&subject, Position(paused.0 - 1), None).await.unwrap().unwrap();
    assert!(active.answer.starts_with("quakes is active"), "{}", active.answer);
    assert_eq!(world.engine.why_at(&subject, Position(0), None).await.unwrap(), None);
}

#[tokio::test]
async fn what_retention_dropped_is_told_from_what_the_read_models_remember() {
    let world = World::new();
    world.active("quakes", json!({})).await;
    world.operator("quakes", PipelineCommand::Pause { reason: "bad data".into() }).await.unwrap();
    for messages_max in 1..5_000 {
        let limits = QueueLimits { messages_max, ..QueueLimits::default() };
        world.queue("orders", QueueCommand::Declare { limits }).await.unwrap();
    }
    world.engine.retain(10).await.unwrap();
    let why = world.why_pipeline("quakes").await;
    assert_eq!(why.answer, "quakes is paused by ada at 2026-01-31 12:00:00Z: bad data");
    assert_eq!((why.facts.len(), why.facts[0].position, why.facts[0].actor.to_string()), (1, None, "ada".into()));
}

#[tokio::test]
async fn many_attempts_are_told_by_the_newest_and_the_first_event() {
    let world = World::new();
    world.active("quakes", json!({"retry": {"attempts": 400}})).await;
    let run = world.request("quakes").await.unwrap();
    for epoch in 1..=300 {
        world.run(run, claim(epoch)).await.unwrap();
        world.run(run, fail(epoch)).await.unwrap();
        world.clock.advance(Duration::from_secs(30).0);
    }
    let why = world.why(Subject::Run(run)).await;
    assert_eq!(why.facts.len(), FACTS_MAX);
    assert_eq!((kinds(&why)[0], *kinds(&why).last().unwrap()), ("run.retrying", "run.queued"));
    assert_eq!(why.facts.last().unwrap().position, Some(Position(4)));
}
