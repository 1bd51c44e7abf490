//! Runs: the whole table, and what holds for every entry of it.

use std::fmt::Write as _;

use super::{moment, reachable, secs};
use crate::{
    aggregate::{Aggregate as _, Rejection, Run, pipeline::QUEUED_MAX},
    command::{Mark, RunCommand},
    event::{
        Event,
        pipeline::RunTrigger,
        run::{RunError, RunQueued, StepCounts, StepOutcome},
    },
    id::{Revision, RunId},
    port::clock::after,
    projection::runs::RunState,
};

fn run() -> RunId {
    "019b0000-0000-7000-8000-0000deadbeef".parse().unwrap()
}

fn queued() -> Run {
    let mut run = Run::default();
    let event = RunQueued {
        pipeline: "quakes".parse().unwrap(),
        revision: Revision([0; 32]),
        number: 1,
        trigger: RunTrigger::Manual,
        params: serde_json::Map::new(),
        retry_of: None,
        attempts_max: 2,
        deadline: after(moment(0), QUEUED_MAX.0),
    };
    run.evolve(&event.into());
    run
}

fn error(retryable: bool) -> RunError {
    RunError { step: None, message: "no connection".into(), causes: vec![], record: None, retryable }
}

/// Every command, with a lease.
fn commands(epoch: u64) -> Vec<RunCommand> {
    let step = || "in".parse().unwrap();
    let counts = StepCounts::default();
    vec![
        RunCommand::Start { epoch, worker: "box/0".into(), timeout: Some(secs(600)) },
        RunCommand::Start { epoch, worker: "box/1".into(), timeout: None },
        RunCommand::StartStep { epoch, step: step() },
        RunCommand::EndStep { epoch, step: step(), outcome: StepOutcome::Failed, counts, error: Some(error(true)) },
        RunCommand::Checkpoint { epoch, marks: vec![Mark { step: step(), stream: "a".into(), cursor: 7.into(), records: 7 }] },
        RunCommand::RecordDeadLetters { epoch, step: step(), count: 2, error: "bad".into() },
        RunCommand::Succeed { epoch, records_in: 1, records_out: 1, dead: 0 },
        RunCommand::FailAttempt { epoch, error: error(true), backoff: secs(30) },
        RunCommand::FailAttempt { epoch, error: error(false), backoff: secs(30) },
        RunCommand::ExpireLease { epoch, backoff: secs(30) },
        RunCommand::Cancel { reason: "no".into(), grace: secs(20) },
        RunCommand::Cancel { reason: "at once".into(), grace: secs(0) },
        RunCommand::ConfirmCancelled { epoch },
        RunCommand::EnforceDeadline,
        RunCommand::Interrupt { epoch },
    ]
}

/// Every command, with leases and moments around those that matter.
fn asked() -> Vec<(RunCommand, jiff::Timestamp)> {
    let moments = [0, 30, 700, 2 * 86_400].map(moment);
    let commands = [0, 1, 2, 3, u64::MAX].into_iter().flat_map(commands);
    commands.flat_map(|command| moments.map(|at| (command.clone(), at))).collect()
}

fn apply(state: &Run, events: &[Event]) -> Run {
    let mut after = state.clone();
    for event in events {
        after.evolve(event);
    }
    after
}

fn all_states() -> Vec<Run> {
    let asked = asked();
    let next = |state: &Run| {
        let accepted = asked.iter().filter_map(|(command, at)| state.decide(run(), command, *at).ok());
        accepted.map(|events| apply(state, &events)).collect()
    };
    let mut states = reachable(queued(), 5, next);
    states.push(Run::Absent);
    states
}

/// What every decision must keep to.
fn check(before: &Run, command: &RunCommand, events: &[Event], after: &Run) {
    let context = format!("{before:?} + {command:?} = {events:?}");
    assert!(!events.is_empty(), "an accepted command is on record: {context}");
    assert_ne!(after.state(), None, "{context}");
    assert!(after.epoch() >= before.epoch(), "leases only grow: {context}");
    let was_ended = before.state().is_some_and(RunState::is_ended);
    let is_ended = after.state().is_some_and(RunState::is_ended);
    if was_ended {
        assert_eq!(before, after, "an end absorbs: {context}");
        assert!(matches!(events, [Event::LateReportIgnored(_)]), "{context}");
    }
    let ends: Vec<_> = events.iter().filter(|event| matches!(event, Event::RunEnded(_))).collect();
    assert_eq!(ends.len(), usize::from(is_ended && !was_ended), "the pipeline learns of an end once: {context}");
    assert!(ends.is_empty() || matches!(events.last(), Some(Event::RunEnded(_))), "{context}");
    if !is_ended {
        let may_run_on = matches!(after, Run::Running { deadline: None, .. });
        assert!(after.deadline().is_some() || may_run_on, "whatever waits has a deadline: {context}");
    }
    let attempt = after.attempt().map_or(0, |attempt| attempt.number);
    assert!(attempt <= 2, "the budget holds: {context}");
}

#[test]
fn every_state_with_every_command_keeps_the_rules() {
    let asked = asked();
    let states = all_states();
    assert!(states.len() > 40, "the walk found only {} states", states.len());
    for state in &states {
        for (command, at) in &asked {
            if let Ok(events) = state.decide(run(), command, *at) {
                check(state, command, &events, &apply(state, &events));
            }
        }
    }
}

#[test]
fn a_state_survives_its_snapshot() {
    for state in all_states() {
        let kept: Run = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(kept, state);
    }
}

/// The table in words: columns are the commands, in order; `-` is a refusal, `late` a report that is only recorded.
const TABLE: &str = "\
absent      -           -           -           -           -           -           -           -           -           -
queued      running     late        late        late        -           cancelled   late        cancelled   late        late
running     running     running     succeeded   retrying    retrying    cancelling  -           cancelling  late        retrying
retrying    running     late        late        late        -           cancelled   late        cancelled   late        late
cancelling  -           cancelling  succeeded   cancelled   cancelled   cancelling  cancelled   cancelled   late        cancelled
succeeded   -           late        late        late        -           -           late        -           late        late
failed      -           late        late        late        -           -           late        -           late        late
cancelled   -           late        late        late        -           -           late        -           late        late
";

#[test]
fn the_transition_table_is_as_written() {
    let (cold, warm) = (moment(0), moment(30));
    let step = |state: &Run, command: &RunCommand, at| apply(state, &state.decide(run(), command, at).unwrap());
    let commands = commands(1);
    let [start, succeed, fail, fail_for_good, cancel] = [0, 6, 7, 8, 10].map(|index| commands[index].clone());
    let running = step(&queued(), &start, cold);
    let states = [
        Run::Absent,
        queued(),
        running.clone(),
        step(&running, &fail, cold),
        step(&running, &cancel, cold),
        step(&running, &succeed, cold),
        step(&running, &fail_for_good, cold),
        step(&queued(), &cancel, cold),
    ];
    let table: String = states.iter().map(|state| row(state, warm)).collect();
    assert_eq!(table, TABLE);
}

fn row(state: &Run, at: jiff::Timestamp) -> String {
    let current = if state.epoch() == 0 { 1 } else { state.epoch() };
    let report = commands(current);
    let asked = [
        (commands(current + 1)[0].clone(), at),
        (report[4].clone(), at),
        (report[6].clone(), at),
        (report[7].clone(), at),
        (report[9].clone(), at),
        (report[11].clone(), moment(0)),
        (report[12].clone(), at),
        (RunCommand::EnforceDeadline, moment(3 * 86_400)),
        (commands(0)[6].clone(), at),
        (report[14].clone(), at),
    ];
    let word = |state: &Run| state.state().map_or("absent", RunState::word);
    let mut line = format!("{:<12}", word(state));
    for (command, at) in asked {
        let after = match state.decide(run(), &command, at) {
            Err(_) => "-",
            Ok(events) if matches!(events[..], [Event::LateReportIgnored(_)]) => "late",
            Ok(events) => word(&apply(state, &events)),
        };
        let _ = write!(line, "{after:<12}");
    }
    line.trim_end().to_owned() + "\n"
}

#[test]
fn a_shorter_grace_brings_the_end_of_a_stopping_run_forward_and_a_longer_one_does_not() {
    let running = apply(&queued(), &queued().decide(run(), &commands(1)[0], moment(0)).unwrap());
    let stop = |grace| RunCommand::Cancel { reason: String::new(), grace: secs(grace) };
    let stopping = apply(&running, &running.decide(run(), &stop(30), moment(0)).unwrap());
    let sooner = apply(&stopping, &stopping.decide(run(), &stop(5), moment(1)).unwrap());
    assert_eq!(sooner.deadline(), Some(moment(6)));
    assert!(matches!(stopping.decide(run(), &stop(60), moment(1)), Err(Rejection::RunIs { .. })));
}
