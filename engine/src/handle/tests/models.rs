//! The read models: however commands come, what was folded live is what a rebuild from the log gives, what a kept copy
//! continued gives, and what the aggregates say.

use proptest::prelude::*;
use serde_json::json;

use super::{super::models::FOLD_EVENTS, *};
use crate::{
    command::Mark,
    event::{
        Event,
        pipeline::{CheckpointChange, RunEnded, SkipReason},
        run::{StepCounts, StepOutcome},
    },
    port::queue::QueueLimits,
    projection::{
        ReadModels,
        timeline::timeline,
        why::{FACTS_MAX, Subject, Why, why},
    },
};

const PIPELINES: [(&str, &str); 3] = [("a", "skip"), ("b", "queue"), ("c", "allow")];

/// One thing that somebody does: what, to which pipeline, to which of its runs, with which lease; and how long after.
type Act = (u8, usize, usize, u64, u64);

fn acts() -> impl Strategy<Value = Vec<Act>> {
    proptest::collection::vec((0..24_u8, 0..PIPELINES.len(), 0..4_usize, 0..4_u64, 0..90_u64), 1..120)
}

fn pipeline_command(what: u8, pipeline: usize, number: usize, at: Timestamp) -> Option<PipelineCommand> {
    let (name, overlap) = PIPELINES[pipeline];
    let definition = definition(
        name,
        &json!({"overlap": overlap, "description": number.to_string(), "retry": {"attempts": 3},
        "mode": if name == "a" { "batch" } else { "continuous" }}),
    );
    let (revision, source) = (revision::of(&definition), source());
    Some(match what {
        0 => PipelineCommand::Create { revision, definition, source },
        1 => PipelineCommand::Revise { revision, definition, source, expected: None },
        2 => PipelineCommand::Rollback { number: number as u32 },
        3 => PipelineCommand::Activate,
        4 => PipelineCommand::Pause { reason: "later".into() },
        5 => PipelineCommand::Resume,
        6 if number == 0 => PipelineCommand::Archive,
        6 if number == 1 => PipelineCommand::Delete,
        7 => PipelineCommand::Restore,
        8 => PipelineCommand::SkipTick { tick: at, reason: SkipReason::Overlap, count: 2 },
        9 => PipelineCommand::RequestRun { run: RunId::fresh(), trigger: RunTrigger::Schedule { tick: at }, params: Map::new() },
        10..=12 => PipelineCommand::RequestRun { run: RunId::fresh(), trigger: RunTrigger::Manual, params: Map::new() },
        22 => PipelineCommand::SetCheckpoints { changes: vec![change(Some(number.into()))] },
        23 => PipelineCommand::RollBackCheckpoints { to: 0, changes: vec![change(None)], newest: number as u64 },
        _ => return None,
    })
}

fn change(cursor: Option<Value>) -> CheckpointChange {
    CheckpointChange { step: "in".parse().unwrap(), stream: "s".into(), cursor }
}

fn run_command(what: u8, epoch: u64) -> RunCommand {
    let step = "in".parse().unwrap();
    match what {
        13 | 14 => claim(epoch + 1),
        15 => RunCommand::StartStep { epoch, step },
        16 => RunCommand::EndStep { epoch, step, outcome: StepOutcome::Succeeded, counts: StepCounts::default(), error: None },
        17 => RunCommand::Checkpoint { epoch, marks: vec![Mark { step, stream: "s".into(), cursor: epoch.into(), records: 1 }] },
        18 => RunCommand::RecordDeadLetters { epoch, step, count: 2, error: "bad".into() },
        19 => succeed(epoch),
        20 => fail(epoch),
        21 => RunCommand::Cancel { reason: "no".into(), grace: Duration::from_secs(30) },
        22 => RunCommand::Interrupt { epoch },
        _ => RunCommand::EnforceDeadline,
    }
}

async fn perform(world: &World, (what, pipeline, number, epoch, later): Act) {
    world.clock.advance(Duration::from_secs(later).0);
    let at = world.engine.clock().now();
    let command = if let Some(command) = pipeline_command(what, pipeline, number, at) {
        Command::Pipeline(name(PIPELINES[pipeline].0), command)
    } else {
        let models = world.engine.models().await;
        let runs: Vec<RunId> = models.runs.runs.keys().rev().copied().collect();
        match runs.get(number) {
            Some(run) => Command::Run(*run, run_command(what, epoch)),
            None => Command::Queue("orders".parse().unwrap(), declare(epoch)),
        }
    };
    // Refusals are part of the walk: people's are on record, too.
    let actor = if number == 0 { Actor::Operator("ada".into()) } else { Actor::Engine };
    if let Err(Refusal::Unavailable(reason) | Refusal::Unrecorded(reason)) = world.submit_as(actor, command).await {
        panic!("{reason}");
    }
}

fn declare(number: u64) -> QueueCommand {
    QueueCommand::Declare { limits: QueueLimits { messages_max: 10 + number, ..QueueLimits::default() } }
}

fn folded<'a>(start: ReadModels, events: impl IntoIterator<Item = &'a Envelope>) -> ReadModels {
    events.into_iter().fold(start, |mut models, envelope| {
        models.apply(envelope);
        models
    })
}

fn kept(models: &ReadModels) -> ReadModels {
    serde_json::from_str(&serde_json::to_string(models).unwrap()).unwrap()
}

async fn check(world: &World, cut: usize) {
    let (live, events) = (world.engine.models().await, world.events().await);
    assert_eq!(folded(ReadModels::default(), &events), live, "rebuilt from the log");
    let cut = cut.min(events.len());
    let half = folded(ReadModels::default(), &events[..cut]);
    // The reader overlaps: it begins two events before where the copy ends.
    assert_eq!(folded(kept(&half), &events[cut.saturating_sub(2)..]), live, "a kept copy, continued");
    for (id, row) in &live.runs.runs {
        let run = world.engine.run(*id).await.unwrap();
        assert_eq!((run.state(), run.epoch(), run.deadline()), (Some(row.state), row.epoch, row.deadline));
        let ends = events.iter().filter(|envelope| ends_run(envelope, *id)).count();
        assert_eq!(ends, usize::from(row.state.is_ended()), "a pipeline learns of an end once");
        // Ended runs stay when their pipeline is deleted.
        let is_live = live.board.pipelines.get(&row.pipeline).is_some_and(|pipeline| pipeline.live.contains(id));
        assert_eq!(is_live, !row.state.is_ended());
    }
    let minutes: u64 = live.history.minutes.iter().map(|minute| minute.events).sum();
    assert_eq!(minutes, events.len() as u64);
    everything_is_so_for_a_reason(world, &live, &events, cut).await;
    past_is_rebuilt(world, &events, cut as u64).await;
}

/// Whatever has happened, "why is it so?" has an answer: of everything that is there, at any position, from events of then.
async fn everything_is_so_for_a_reason(world: &World, live: &ReadModels, events: &[Envelope], cut: usize) {
    let mut models = ReadModels::default();
    for envelope in events {
        models.apply(envelope);
        // Each takes as long as the log: some of them will do.
        let subjects = if envelope.position.0 % 16 == cut as u64 % 16 { subjects(&models) } else { Vec::new() };
        for subject in subjects {
            let why =
                why(&subject, &models, events, envelope.event.at, None).unwrap_or_else(|| panic!("{subject} has no reason"));
            check_why(&why, events);
        }
    }
    for (models, position) in [(live, events.len()), (&world.engine.models_at(Position(cut as u64)).await.unwrap(), cut)] {
        let Some(last) = position.checked_sub(1).map(|last| &events[last]) else { continue };
        for subject in subjects(models) {
            let read = world.engine.why_at(&subject, last.position, None).await.unwrap();
            assert_eq!(read, why(&subject, models, events, last.event.at, None), "what was read is what it takes");
        }
    }
}

fn subjects(models: &ReadModels) -> Vec<Subject> {
    let pipelines = models.board.pipelines.keys().cloned();
    let dead = models.board.pipelines.keys().map(|name| Subject::Queue(crate::id::QueueName::dead_letters_of(name)));
    let runs = models.runs.runs.keys().copied().map(Subject::Run);
    let queues = models.queues.queues.keys().cloned().map(Subject::Queue);
    pipelines.map(Subject::Pipeline).chain(dead).chain(runs).chain(queues).collect()
}

fn check_why(why: &Why, events: &[Envelope]) {
    assert!(!why.answer.is_empty() && !why.state.is_empty() && !why.next.is_empty() && why.facts.len() <= FACTS_MAX, "{why:?}");
    let positions: Vec<Position> = why.facts.iter().filter_map(|fact| fact.position).collect();
    assert!(positions.windows(2).all(|pair| pair[0] > pair[1]), "the newest first, each once: {positions:?}");
    for (fact, position) in why.facts.iter().filter_map(|fact| Some((fact, fact.position?))) {
        let event = &events[position.0 as usize - 1];
        assert!(position <= why.position && !fact.text.is_empty(), "{fact:?}");
        assert_eq!(
            (fact.kind.as_str(), &fact.actor, &fact.stream),
            (event.event.kind.as_str(), &event.event.actor, &event.stream)
        );
    }
}

/// Every position, by whichever anchor, in both directions, before and after retention.
async fn past_is_rebuilt(world: &World, events: &[Envelope], cut: u64) {
    let head = events.len() as u64;
    let mut rebuilt = vec![ReadModels::default()];
    for envelope in events {
        rebuilt.push(folded(rebuilt[rebuilt.len() - 1].clone(), [envelope]));
    }
    for position in (0..=head).chain((0..=head).rev()) {
        assert_eq!(world.engine.models_at(Position(position)).await.unwrap(), rebuilt[position as usize], "as of {position}");
        if let Some(last) = position.checked_sub(1).map(|at| &events[at as usize]) {
            let known = world.engine.position_at(last.event.at).await.unwrap();
            assert!(known.0 >= position && events[known.0 as usize - 1].event.at == last.event.at);
        }
    }
    world.engine.retain(head - cut.min(head)).await.unwrap();
    let oldest = world.engine.oldest_seen().await.unwrap();
    for position in oldest.0..=head {
        let seen = world.engine.models_at(Position(position)).await.unwrap();
        assert_eq!(seen, rebuilt[position as usize], "as of {position}, after retention");
    }
    if let Some(before) = oldest.0.checked_sub(1) {
        assert!(world.engine.models_at(Position(before)).await.is_err(), "before {oldest}");
    }
}

fn ends_run(envelope: &Envelope, id: RunId) -> bool {
    matches!(envelope.decode(), Some(Ok(Event::RunEnded(RunEnded { run, .. }))) if run == id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn folded_live_is_rebuilt_is_continued_is_what_the_aggregates_say(acts in acts(), cut in 0..100_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            *world.engine.anchors() = Anchors::every(8);
            for (name, overlap) in PIPELINES {
                world.active(name, json!({"overlap": overlap, "retry": {"attempts": 3}})).await;
            }
            for act in acts {
                perform(&world, act).await;
            }
            check(&world, cut).await;
        });
    }
}

#[tokio::test]
async fn whoever_has_submitted_sees_it() {
    let world = World::new();
    world.active("a", json!({})).await;
    for _ in 0..3 {
        let run = world.request("a").await.unwrap();
        assert!(world.engine.view(|models| models.runs.runs.contains_key(&run)).await);
        world.run(run, RunCommand::Cancel { reason: String::new(), grace: Duration::default() }).await.unwrap();
        assert!(world.engine.view(|models| models.board.pipelines["a"].live.is_empty()).await);
    }
}

#[tokio::test]
async fn a_timeline_tells_a_run_with_the_time_since_it_was_asked_for() {
    let world = World::new();
    world.active("a", json!({})).await;
    let run = world.request("a").await.unwrap();
    world.clock.advance(Duration::from_secs(5).0);
    world.run(run, claim(1)).await.unwrap();
    world.clock.advance(Duration::from_secs(60).0);
    world.run(run, succeed(1)).await.unwrap();
    let stream = crate::id::StreamName::run(run);
    let envelopes = world.store.read_stream(&stream, crate::id::Version(0), 100).await.unwrap();
    let told: Vec<_> = timeline(&envelopes).into_iter().map(|line| (line.offset.to_string(), line.description.text)).collect();
    assert_eq!(told[0].1, "a #1 queued by hand; to begin before 2026-02-01 12:00:00Z");
    assert_eq!(told[1], ("5s".into(), "attempt 1 began on node-1/0 with lease 1, until 2026-01-31 13:00:05Z at most".into()));
    assert_eq!(told[2], ("65s".into(), "succeeded in attempt 1: 3 in, 3 out, 0 dead".into()));
}

#[tokio::test]
async fn read_models_that_were_kept_and_the_tail_are_those_of_the_whole_log() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow"})).await;
    for _ in 0..20 {
        let run = world.request("quakes").await.unwrap();
        world.run(run, claim(1)).await.unwrap();
    }
    let kept = world.engine.keep_models().await.unwrap();
    assert_eq!(kept, world.engine.store().head());
    world.request("quakes").await.unwrap();
    let again = || Engine::new(world.store.clone(), world.engine.queues().clone(), world.engine.clock().clone());
    let (resumed, rebuilt) = (again(), again());
    assert_eq!(resumed.resume_models().await, kept);
    assert!(resumed.models().await == rebuilt.models().await);
    assert!(resumed.models().await.position > kept);
}

#[tokio::test]
async fn read_models_of_another_log_are_not_gone_on_from() {
    let world = World::new();
    world.active("quakes", json!({"overlap": "allow"})).await;
    world.request("quakes").await.unwrap();
    world.engine.keep_models().await.unwrap();
    let data = world.store.kept_state("models").await.unwrap().unwrap();
    let other = World::new();
    other.store.keep_state("models", data.clone()).await.unwrap();
    assert_eq!(other.engine.resume_models().await, Position(0), "that log is shorter");
    other.active("quakes", json!({"overlap": "allow"})).await;
    for _ in 0..10 {
        other.request("quakes").await.unwrap();
    }
    let restarted = Engine::new(other.store.clone(), other.engine.queues().clone(), other.engine.clock().clone());
    assert_eq!(restarted.resume_models().await, Position(0), "another event stands there");
    other.store.keep_state("models", "[]".into()).await.unwrap();
    assert_eq!(restarted.resume_models().await, Position(0), "no read models");
}

#[tokio::test]
async fn a_burst_is_folded_a_piece_at_a_time_and_requests_come_in_between() {
    let world = World::new();
    world.facts(5_000).await;
    assert_eq!(turns_of_others(world.engine.models()).await, 5_000 / FOLD_EVENTS);
    assert_eq!(world.engine.models().await.position, Position(5_000));
    assert_eq!(turns_of_others(world.engine.models()).await, 0, "there is nothing to fold");
}

#[tokio::test]
async fn whoever_is_far_behind_folds_to_the_end_without_a_rest() {
    let world = World::new();
    for _ in 0..7 {
        world.facts(10_000).await;
    }
    assert_eq!(turns_of_others(world.engine.models()).await, 0);
    assert_eq!(world.engine.models().await.position, Position(70_000));
}
