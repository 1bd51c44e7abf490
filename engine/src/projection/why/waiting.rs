//! What a run that lives does, or waits for: its turn, a worker, its next attempt, its end.

use super::{
    Deed,
    chain::{Answer, Ground},
    reading::{AHEAD_MAX, ahead},
};
use crate::{
    aggregate::pipeline::QUEUED_MAX,
    event::{Event, run::RunError},
    id::{Actor, RunId, StreamName},
    pipeline::definition::Overlap,
    port::clock::{after, between},
    projection::{
        describe::{Severity, moment},
        runs::{RunRow, RunState},
    },
    unit::Duration,
    vitals::RunVitals,
};

/// A run of which no record moved for so long is said to stand still.
const STILL: Duration = Duration::from_secs(60);

/// Who did it, in a sentence.
pub(super) fn by(actor: &Actor) -> String {
    match actor {
        Actor::Engine => "the engine".into(),
        Actor::Schedule(_) => "the schedule".into(),
        other => other.to_string(),
    }
}

/// An error in a sentence: where it was, and what.
pub(super) fn error_text(error: &RunError) -> String {
    let place = error.step.as_ref().map(|step| format!("step {step}: ")).unwrap_or_default();
    format!("{place}{}", error.message)
}

/// `: bad data`, or nothing.
pub(super) fn reason_text(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// Says of a run that lives what it does, with the facts, what comes next, and what can be done. One part of a sentence that
/// begins with the run's name.
pub(super) fn live(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    asked_for(ground, answer, row);
    let (severity, text) = match row.state {
        RunState::Queued => queued(ground, answer, row),
        RunState::Running => running(ground, answer, row),
        RunState::Retrying => retrying(ground, answer, row),
        RunState::Cancelling => cancelling(ground, answer, row),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => (Severity::Info, format!("has {}", row.state.word())),
    };
    if row.state != RunState::Cancelling {
        answer.can(Deed::Cancel(row.id), format!("cancel {}", ground.called(row.id)));
    }
    (severity, text)
}

/// The facts of who asked for a run, and why.
pub(super) fn asked_for(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) {
    let stream = StreamName::run(row.id);
    match ground.last(stream, |event| matches!(event, Event::RunQueued(_))) {
        Some(told) => answer.fact(told),
        None => answer.remembered(row.queued_at, &row.actor, "run.queued", format!("{} queued", ground.called(row.id))),
    }
}

fn queued(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    let pipeline = ground.models.board.pipelines.get(&row.pipeline);
    let others: Vec<RunId> = pipeline.map(|pipeline| ahead(pipeline, row.id).collect()).unwrap_or_default();
    let overlap = pipeline.map_or(Overlap::Allow, |pipeline| pipeline.definition().overlap);
    let told = match (others.first(), overlap) {
        (Some(first), Overlap::Skip | Overlap::Queue) => {
            answer.then(None, "it begins when the runs ahead of it have ended");
            let first = behind(ground, answer, *first);
            let more = if others.len() > 1 { format!("; {} runs are ahead of it", others.len()) } else { String::new() };
            format!("waits for its turn: one run at a time, and {first}{more}")
        }
        (Some(_), Overlap::Cancel) => {
            answer.then(None, "it begins when the older runs have stopped");
            let stopping: Vec<String> = others.iter().take(AHEAD_MAX).map(|run| behind(ground, answer, *run)).collect();
            format!("takes over from older runs, which are to stop first: {}", stopping.join("; "))
        }
        (None, _) | (_, Overlap::Allow) => worker(ground, answer),
    };
    if let Some(deadline) = row.deadline {
        let it = answer.it(row.id);
        answer.then(deadline, format!("{it} is cancelled if it has not begun by then"));
    }
    (Severity::Warn, told)
}

/// A run that another one waits for.
fn behind(ground: &Ground<'_>, answer: &mut Answer<'_>, run: RunId) -> String {
    let called = ground.called(run);
    let Some(row) = ground.run(run) else { return format!("{called} lives") };
    let newest = ground.last(StreamName::run(run), |event| {
        matches!(event, Event::RunStarted(_) | Event::RunRetrying(_) | Event::RunInterrupted(_) | Event::CancelRequested(_))
    });
    if let Some(told) = newest {
        answer.fact(told);
    }
    if let (Some(at), RunState::Running | RunState::Cancelling) = (row.deadline, row.state) {
        answer.then(at, format!("{called} is stopped if it has not ended by then"));
    }
    if row.state == RunState::Retrying {
        answer.then(row.deadline, format!("the next attempt of {called}"));
    }
    answer.can(Deed::Cancel(run), format!("cancel {called}, which is ahead of it"));
    let since = row.started_at.map(|at| format!(" since {}", moment(at))).unwrap_or_default();
    format!("{called} is {}{since}", row.state.word())
}

/// Nothing is ahead of it: it only needs somebody to take it.
fn worker(ground: &Ground<'_>, answer: &mut Answer<'_>) -> String {
    if let Some(text) = no_engine(ground, answer) {
        return format!("waits for a worker: {text}");
    }
    if let Some(why) = ground.vitals.and_then(|vitals| vitals.refuses.as_ref()) {
        answer.then(None, "it begins once the engine can write again");
        return format!("waits: {why}");
    }
    answer.then(None, "it begins as soon as a worker is free");
    match ground.vitals {
        Some(vitals) if vitals.workers_busy >= vitals.workers => {
            let running = ground.models.runs.runs.values().filter(|row| row.state == RunState::Running);
            let mut names: Vec<String> =
                running.take(AHEAD_MAX + 1).map(|row| format!("{} #{}", row.pipeline, row.number)).collect();
            if names.len() > AHEAD_MAX {
                names[AHEAD_MAX] = "others".into();
            }
            format!("waits for a worker: all {} are busy, with {}", vitals.workers, names.join(", "))
        }
        _ => "waits for a worker to take it".into(),
    }
}

/// That there is no engine at that moment; the fact is taken in.
pub(super) fn no_engine(ground: &Ground<'_>, answer: &mut Answer<'_>) -> Option<String> {
    let newest = ground.last(StreamName::engine(), |event| matches!(event, Event::EngineStarted(_) | Event::EngineStopped(_)))?;
    let Event::EngineStopped(_) = newest.event else { return None };
    answer.fact(newest);
    answer.then(None, "it goes on when the engine is started again");
    Some(format!("the engine stopped at {}", moment(newest.envelope.event.at)))
}

fn running(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    attempts(ground, answer, row);
    let since = row.steps.first().map(|step| step.started_at).or(row.started_at).unwrap_or(row.queued_at);
    let attempt = if row.attempt > 1 { format!(", in attempt {}", row.attempt) } else { String::new() };
    let it = answer.it(row.id);
    match row.deadline {
        Some(deadline) => answer.then(deadline, format!("{it} is cancelled if it has not ended by then")),
        None => answer.then(None, format!("{it} goes on until its sources end or somebody stops it")),
    }
    let vitals = ground.vitals.and_then(|vitals| vitals.runs.iter().find(|known| known.run == row.id));
    let held = vitals.and_then(|vitals| held_up(ground, vitals));
    let severity = if held.is_some() || row.attempt > 1 { Severity::Warn } else { Severity::Info };
    let held = held.map(|held| format!("; {held}")).unwrap_or_default();
    (severity, format!("is running since {}{attempt}{held}", moment(since)))
}

/// What keeps its records from moving, as its figures show it.
fn held_up(ground: &Ground<'_>, vitals: &RunVitals) -> Option<String> {
    let tries = vitals.steps.iter().find_map(|step| {
        let (since, why) = step.retrying.as_ref()?;
        let name = step.step.as_ref()?;
        Some(format!("step {name} has been trying again since {}: {why}", moment(*since)))
    });
    let is_still = between(vitals.moved_at, ground.now) > STILL.0;
    let still = is_still.then(|| {
        let full = vitals.steps.iter().rev().find(|step| step.backlog > 0 && step.backlog >= step.backlog_max);
        match full.and_then(|step| step.step.as_ref()) {
            Some(step) => format!("no record has moved since {}: step {step} takes no more", moment(vitals.moved_at)),
            None => format!("no record has moved since {}: its sources give none", moment(vitals.moved_at)),
        }
    });
    tries.or(still)
}

/// The facts of attempts: that the last one began, and how those before it ended.
pub(super) fn attempts(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) {
    let told = ground.of(StreamName::run(row.id)).filter(|told| {
        matches!(told.event, Event::RunRetrying(_) | Event::RunInterrupted(_) | Event::LeaseExpired(_) | Event::DeadLettered(_))
    });
    told.for_each(|told| answer.fact(told));
    if let Some(began) = ground.last(StreamName::run(row.id), |event| matches!(event, Event::RunStarted(_))) {
        answer.fact(began);
    }
}

fn retrying(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    attempts(ground, answer, row);
    let newest = ground.last(StreamName::run(row.id), |event| matches!(event, Event::RunRetrying(_) | Event::RunInterrupted(_)));
    let interrupted = newest.is_some_and(|told| matches!(told.event, Event::RunInterrupted(_)));
    let stopped = no_engine(ground, answer);
    let next_at = row.deadline.unwrap_or(row.queued_at);
    let when = if next_at <= ground.now { "as soon as a worker is free".to_owned() } else { format!("at {}", moment(next_at)) };
    if stopped.is_none() {
        let it = answer.it(row.id);
        answer.then(next_at, format!("attempt {} of {it} begins", row.attempt.saturating_add(1)));
        answer.then(after(next_at, QUEUED_MAX.0), format!("{it} is cancelled if no worker has taken it by then"));
    }
    answer.can(Deed::ShowRun(row.id), "look at its error and at the record that did it");
    if interrupted {
        let why = stopped.unwrap_or_else(|| "the engine stopped in the middle of it".into());
        return (Severity::Warn, format!("was interrupted: {why}; it begins anew {when}, and that costs no attempt"));
    }
    let of = if row.attempts_max == u32::MAX { String::new() } else { format!(" of {}", row.attempts_max) };
    let error = row.error.as_ref().map(error_text).unwrap_or_default();
    let next = stopped.unwrap_or_else(|| format!("the next one begins {when}"));
    (Severity::Warn, format!("waits for a retry: attempt {}{of} failed ({error}); {next}", row.attempt))
}

fn cancelling(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    attempts(ground, answer, row);
    let asked = ground.last(StreamName::run(row.id), |event| matches!(event, Event::CancelRequested(_)));
    let who = asked.map(|told| {
        answer.fact(told);
        format!(" {} asked for it at {}", by(&told.envelope.event.actor), moment(told.envelope.event.at))
    });
    if let Some(deadline) = row.deadline {
        let it = answer.it(row.id);
        answer.then(deadline, format!("{it} is given up, and counts as cancelled, if it has not stopped by then"));
    }
    let reason = reason_text(&row.cancel_reason);
    (Severity::Warn, format!("is to stop{reason};{}", who.unwrap_or_else(|| " its steps let go".into())))
}
