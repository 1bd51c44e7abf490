//! Pipelines: the whole table, and what holds for every entry of it.

use std::fmt::Write as _;

use super::{definition, moment, reachable, source};
use crate::{
    aggregate::{
        Aggregate as _, Pipeline, Rejection,
        pipeline::{RUNS_LIVE_MAX, RUNS_WAITING_MAX},
    },
    command::PipelineCommand,
    event::{
        Event,
        pipeline::{CheckpointChange, Outcome, RunEnded, RunTrigger, SkipReason},
    },
    id::{PipelineName, Revision, RunId},
    projection::board::{PipelineState, REVISIONS_MAX},
};

fn name() -> PipelineName {
    "quakes".parse().unwrap()
}

fn run(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(number))
}

fn revise(number: u8) -> PipelineCommand {
    let definition = definition(&number.to_string(), "skip");
    PipelineCommand::Revise { revision: Revision([number; 32]), definition, source: source(), expected: None }
}

fn request(number: u128, trigger: RunTrigger) -> PipelineCommand {
    PipelineCommand::RequestRun { run: run(number), trigger, params: serde_json::Map::new() }
}

fn commands() -> Vec<PipelineCommand> {
    vec![
        PipelineCommand::Create { revision: Revision([1; 32]), definition: definition("1", "skip"), source: source() },
        revise(2),
        PipelineCommand::Rollback { number: 1 },
        PipelineCommand::Activate,
        PipelineCommand::Pause { reason: "later".into() },
        PipelineCommand::Resume,
        PipelineCommand::Archive,
        PipelineCommand::Restore,
        PipelineCommand::Delete,
        request(1, RunTrigger::Manual),
        request(1, RunTrigger::Schedule { tick: moment(0) }),
        PipelineCommand::SkipTick { tick: moment(0), reason: SkipReason::Missed, count: 1 },
        set(7),
        PipelineCommand::RollBackCheckpoints { to: 0, changes: vec![change("in", 7)], newest: 0 },
    ]
}

fn change(step: &str, cursor: u64) -> CheckpointChange {
    CheckpointChange { step: step.parse().unwrap(), stream: "s".into(), cursor: Some(cursor.into()) }
}

fn set(cursor: u64) -> PipelineCommand {
    PipelineCommand::SetCheckpoints { changes: vec![change("in", cursor)] }
}

/// A step of the walk: a command, or the end of the run that lives.
fn next(state: &Pipeline) -> Vec<Pipeline> {
    let accepted = commands().into_iter().filter_map(|command| state.decide(&name(), &command, moment(0)).ok());
    let ended = state.live().first().map(|run| vec![RunEnded { run: *run, outcome: Outcome::Failed }.into()]);
    accepted.chain(ended).map(|events| apply(state, &events)).collect()
}

fn apply(state: &Pipeline, events: &[Event]) -> Pipeline {
    let mut after = state.clone();
    for event in events {
        after.evolve(event);
    }
    after
}

fn done(state: &Pipeline, command: &PipelineCommand) -> Pipeline {
    apply(state, &state.decide(&name(), command, moment(0)).unwrap())
}

fn created() -> Pipeline {
    done(&Pipeline::Absent, &commands()[0])
}

fn of_overlap(overlap: &str) -> Pipeline {
    let definition = definition("1", overlap);
    let create = PipelineCommand::Create { revision: Revision([1; 32]), definition, source: source() };
    done(&done(&Pipeline::Absent, &create), &PipelineCommand::Activate)
}

#[test]
fn every_state_with_every_command_keeps_the_rules() {
    let states = reachable(Pipeline::Absent, 6, next);
    assert!(states.len() > 40, "the walk found only {} states", states.len());
    for state in &states {
        for command in commands() {
            let Ok(events) = state.decide(&name(), &command, moment(0)) else { continue };
            let after = apply(state, &events);
            let context = format!("{state:?} + {command:?} = {events:?}");
            let moves = matches!(command, PipelineCommand::SetCheckpoints { .. } | PipelineCommand::RollBackCheckpoints { .. });
            assert!(!moves || state.live().is_empty() && after == *state, "no run lives, and nothing else changes: {context}");
            let deleted = matches!(command, PipelineCommand::Delete);
            assert!(!events.is_empty() && after.state().is_some() != deleted, "{context}");
            assert!(
                after.state() != Some(PipelineState::Archived) || after.live().is_empty(),
                "archived, nothing lives: {context}"
            );
            let asks = matches!(command, PipelineCommand::RequestRun { .. });
            assert_eq!(after.live().len(), state.live().len() + usize::from(asks), "{context}");
            assert_eq!(events.len(), 1 + usize::from(asks), "a run's first event comes with the request: {context}");
        }
        let kept: Pipeline = serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap();
        assert_eq!(kept, *state, "a state survives its snapshot");
    }
}

/// Columns are the commands, in order; `-` is a refusal.
const TABLE: &str = "\
absent    draft     -         -         -         -         -         -         -         -         -         -         -         -         -
draft     -         draft     -         active    -         -         archived  -         -         draft     -         -         draft     draft
active    -         active    -         -         paused    -         archived  -         -         active    active    active    active    active
paused    -         paused    -         -         -         active    archived  -         -         paused    -         paused    paused    paused
archived  -         -         -         -         -         -         -         draft     absent    -         -         -         -         -
";

#[test]
fn the_transition_table_is_as_written() {
    let active = done(&created(), &PipelineCommand::Activate);
    let paused = done(&active, &PipelineCommand::Pause { reason: String::new() });
    let states = [Pipeline::Absent, created(), active.clone(), paused, done(&active, &PipelineCommand::Archive)];
    let word = |state: &Pipeline| state.state().map_or("absent", PipelineState::word);
    let mut table = String::new();
    for state in &states {
        let mut line = format!("{:<10}", word(state));
        for command in commands() {
            let after = state.decide(&name(), &command, moment(0)).map(|events| apply(state, &events));
            let _ = write!(line, "{:<10}", after.as_ref().map_or("-", word));
        }
        table.push_str(line.trim_end());
        table.push('\n');
    }
    assert_eq!(table, TABLE);
}

#[test]
fn overlap_decides_what_happens_while_a_run_lives() {
    let fill = |overlap, max: u128| {
        let mut state = of_overlap(overlap);
        for number in 0..max {
            state = done(&state, &request(number, RunTrigger::Manual));
        }
        state.decide(&name(), &request(max, RunTrigger::Manual), moment(0))
    };
    assert_eq!(fill("skip", 1), Err(Rejection::Overlaps { name: name(), run: run(0) }));
    assert!(fill("queue", RUNS_WAITING_MAX as u128).is_ok());
    let waiting = RUNS_WAITING_MAX;
    assert_eq!(fill("queue", 1 + RUNS_WAITING_MAX as u128), Err(Rejection::TooManyRuns { name: name(), waiting }));
    for overlap in ["allow", "cancel"] {
        assert!(fill(overlap, 500).is_ok());
        assert!(matches!(fill(overlap, RUNS_LIVE_MAX as u128), Err(Rejection::TooManyRuns { .. })));
    }
}

#[test]
fn a_rollback_is_a_new_revision_with_the_old_content() {
    let state = done(&created(), &revise(2));
    let events = state.decide(&name(), &PipelineCommand::Rollback { number: 1 }, moment(0)).unwrap();
    let [Event::PipelineRevised(event)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.number, event.revision, event.definition.description.as_str()), (3, Revision([1; 32]), "1"));
    let unknown = state.decide(&name(), &PipelineCommand::Rollback { number: 9 }, moment(0));
    assert_eq!(unknown, Err(Rejection::NoRevision { name: name(), number: 9 }));
}

#[test]
fn a_revision_that_somebody_else_moved_is_not_overwritten() {
    let PipelineCommand::Revise { revision, definition, source, .. } = revise(2) else { unreachable!() };
    let expected = Some(Revision([9; 32]));
    let moved = PipelineCommand::Revise { revision, definition, source, expected };
    let answer = created().decide(&name(), &moved, moment(0));
    assert_eq!(answer, Err(Rejection::RevisionMoved { name: name(), current: Revision([1; 32]) }));
    let twice = done(&created(), &revise(2)).decide(&name(), &revise(2), moment(0));
    assert_eq!(twice, Err(Rejection::Unchanged(name())));
}

#[test]
fn old_revisions_go_when_there_are_too_many() {
    let mut state = created();
    for number in 2..=100 {
        state = done(&state, &revise(number));
    }
    let oldest = 101 - REVISIONS_MAX as u32;
    assert!(state.decide(&name(), &PipelineCommand::Rollback { number: oldest }, moment(0)).is_ok());
    assert!(state.decide(&name(), &PipelineCommand::Rollback { number: oldest - 1 }, moment(0)).is_err());
}

#[test]
fn a_definition_of_another_name_is_refused() {
    let other: PipelineName = "tides".parse().unwrap();
    let answer = Pipeline::Absent.decide(&other, &commands()[0], moment(0));
    assert!(matches!(answer, Err(Rejection::Unfit(_))), "{answer:?}");
}

#[test]
fn checkpoints_are_moved_only_where_a_run_goes_on_from_them_and_none_lives() {
    let refused = |state: &Pipeline, command| state.decide(&name(), &command, moment(0)).unwrap_err();
    let live = done(&created(), &request(1, RunTrigger::Manual));
    assert_eq!(refused(&live, set(7)), Rejection::RunsLive { name: name(), live: 1 });
    let PipelineCommand::Create { revision, definition, source } = commands().swap_remove(0) else { unreachable!() };
    let mut batch = (*definition).clone();
    batch.mode = crate::pipeline::definition::Mode::Batch;
    let batch = done(&Pipeline::Absent, &PipelineCommand::Create { revision, definition: batch.into(), source });
    assert_eq!(refused(&batch, set(7)), Rejection::BeginsAnew(name()));
    let there = refused(&created(), PipelineCommand::RollBackCheckpoints { to: 3, changes: Vec::new(), newest: 0 });
    assert_eq!(there.to_string(), "the checkpoints of pipeline `quakes` stand as in version 3 already");
    let long = CheckpointChange { stream: "s".repeat(5_000), ..change("in", 1) };
    let unfit = [vec![], vec![change("no", 1)], vec![change("in", 1), change("in", 2)], vec![long]];
    for changes in unfit {
        assert!(matches!(refused(&created(), PipelineCommand::SetCheckpoints { changes }), Rejection::Unfit(_)));
    }
}

#[test]
fn many_checkpoints_are_moved_by_several_events_and_none_is_named_twice() {
    let stream = |number: usize| CheckpointChange { stream: format!("file-{number:06}"), ..change("in", 1) };
    let mut twice: Vec<CheckpointChange> = (0..200).map(stream).collect();
    twice.push(stream(7));
    let refused = created().decide(&name(), &PipelineCommand::SetCheckpoints { changes: twice }, moment(0)).unwrap_err();
    assert_eq!(refused.to_string(), "the checkpoint of in, file-000007, is named twice");

    let many: Vec<CheckpointChange> = (0..25_000).map(stream).collect();
    let back = PipelineCommand::RollBackCheckpoints { to: 3, changes: many.clone(), newest: 9 };
    let events = created().decide(&name(), &back, moment(0)).unwrap();
    assert!(events.len() > 1, "more than one event has room for");
    assert!(events.iter().all(|event| event.data().len() < crate::event::envelope::DATA_BYTES_MAX));
    let parts: Vec<(bool, Vec<CheckpointChange>)> = events
        .into_iter()
        .map(|event| match event {
            Event::CheckpointsRolledBack(event) => (event.continues, event.changes),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(parts.iter().enumerate().all(|(index, (continues, _))| *continues == (index > 0)));
    assert_eq!(parts.into_iter().flat_map(|(_, changes)| changes).collect::<Vec<_>>(), many);
    let long = CheckpointChange { cursor: Some("x".repeat(100_000).into()), ..change("in", 1) };
    let back = PipelineCommand::RollBackCheckpoints { to: 3, changes: vec![long.clone()], newest: 9 };
    assert!(created().decide(&name(), &back, moment(0)).is_ok(), "a step may write what a person may not");
    let set = created().decide(&name(), &PipelineCommand::SetCheckpoints { changes: vec![long] }, moment(0));
    assert!(matches!(set, Err(Rejection::Unfit(_))), "{set:?}");
}
