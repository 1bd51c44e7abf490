//! Why a run is as it is: what it waits for, or how it came to its end.

use super::{
    Deed,
    chain::{Answer, Ground},
    reading::RETRIES_MAX,
    waiting::{asked_for, attempts, by, error_text, live, reason_text},
};
use crate::{
    event::{Event, pipeline::RunTrigger, run::StepOutcome},
    id::{QueueName, RunId, StreamName},
    port::clock::between,
    projection::{
        board::PipelineState,
        describe::{Severity, moment},
        runs::{RunRow, RunState},
    },
    unit::Duration,
};

/// A run that was asked for so long after its tick was late.
const LATE: Duration = Duration::from_secs(15);

pub(super) fn answer<'g>(ground: &'g Ground<'g>, id: RunId) -> Option<Answer<'g>> {
    let row = ground.run(id)?;
    let mut answer = Answer::new(ground, StreamName::run(id), row.state.word());
    let called = format!("run #{} of {}", row.number, row.pipeline);
    let (severity, text) = if row.state.is_ended() { ended(ground, &mut answer, &row) } else { live(ground, &mut answer, &row) };
    answer.says(severity, format!("{called} {text}{}", late(&row)));
    where_from(ground, &mut answer, &row);
    refused(ground, &mut answer, &format!("run {}", id.short()), &row);
    Some(answer)
}

fn late(row: &RunRow) -> String {
    match row.trigger {
        RunTrigger::Schedule { tick } if between(tick, row.queued_at) > LATE.0 => {
            let length = Duration::from_secs(between(tick, row.queued_at).as_secs());
            format!("; it was asked for {length} after it was due")
        }
        _ => String::new(),
    }
}

/// What led to the run itself: the run that it tries again, the state of its pipeline, its revision.
fn where_from(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) {
    let mut older = row.retry_of;
    for _ in 0..RETRIES_MAX {
        let Some(run) = older else { break };
        end_of(ground, answer, run);
        older = ground.run(run).and_then(|row| row.retry_of);
    }
    let pipeline = StreamName::pipeline(&row.pipeline);
    let starts =
        |event: &Event| matches!(event, Event::PipelineActivated(_) | Event::PipelineResumed(_) | Event::PipelineRevised(_));
    let is_by_itself = matches!(row.trigger, RunTrigger::Schedule { .. } | RunTrigger::Activation);
    let before = ground.of(pipeline).rev().find(|told| starts(&told.event) && told.envelope.event.at <= row.queued_at);
    if let Some(told) = before.filter(|_| is_by_itself) {
        answer.fact(told);
    }
    if !late(row).is_empty() {
        let engine = ground.of(StreamName::engine()).rev().filter(|told| told.envelope.event.at <= row.queued_at);
        engine.take(2).for_each(|told| answer.fact(told));
    }
}

/// The last event of a run that has ended.
pub(super) fn end_of(ground: &Ground<'_>, answer: &mut Answer<'_>, run: RunId) {
    let is_end = |event: &Event| matches!(event, Event::RunSucceeded(_) | Event::RunFailed(_) | Event::RunCancelled(_));
    if let Some(told) = ground.last(StreamName::run(run), is_end) {
        answer.fact(told);
    }
}

/// Says of a run that has ended how, with the facts and what can be done.
pub(super) fn ended(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    asked_for(ground, answer, row);
    attempts(ground, answer, row);
    end_of(ground, answer, row.id);
    let told = match row.state {
        RunState::Failed => failed(ground, answer, row),
        RunState::Cancelled => cancelled(ground, answer, row),
        _ => succeeded(answer, row),
    };
    again(ground, answer, row);
    told
}

fn failed(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    let stream = StreamName::run(row.id);
    let broke = ground.last(stream, |event| matches!(event, Event::StepEnded(ended) if ended.outcome == StepOutcome::Failed));
    if let Some(told) = broke {
        answer.fact(told);
    }
    suspect(ground, answer, row);
    let error = row.error.as_ref();
    let tries = match (error.is_some_and(|error| error.retryable), row.attempts_max) {
        (false, _) => "; no other try mends that",
        (true, 1) => "; its policy allows one attempt",
        (true, _) => "; all its attempts are used up",
    };
    answer.can(Deed::ShowRun(row.id), "look at the error and at the record that did it");
    if error.is_some_and(|error| !error.retryable) {
        answer.can(Deed::Revise(row.pipeline.clone()), "mend the definition or its data, then run it again");
    }
    let text = error.map_or_else(|| "no error was given".to_owned(), error_text);
    (Severity::Error, format!("failed in attempt {}: {text}{tries}", row.attempt))
}

/// The revision that came between the last run that succeeded and this one.
pub(super) fn suspect(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) {
    let Some(pipeline) = ground.models.board.pipelines.get(&row.pipeline) else { return };
    let good = ground.models.runs.of(&row.pipeline).find(|other| other.number < row.number && other.state == RunState::Succeeded);
    let Some(good) = good.filter(|good| good.revision != row.revision) else { return };
    let Some(revision) = pipeline.revisions.iter().rev().find(|known| known.revision == row.revision) else { return };
    let more = format!("run #{}, the last that succeeded, had another one", good.number);
    let stream = StreamName::pipeline(&row.pipeline);
    let event = ground.last(stream, |event| matches!(event, Event::PipelineRevised(event) if event.number == revision.number));
    match event {
        Some(told) => answer.fact_that(told, &more),
        None if revision.number > 1 => {
            let text = format!("{}: revised: number {}; {more}", row.pipeline, revision.number);
            answer.remembered(revision.at, &revision.actor, "pipeline.revised", text);
        }
        None => {}
    }
}

fn cancelled(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    let stream = StreamName::run(row.id);
    let asked = ground.last(stream.clone(), |event| matches!(event, Event::CancelRequested(_)));
    let end = ground.last(stream, |event| matches!(event, Event::RunCancelled(_)));
    if let Some(told) = asked {
        answer.fact(told);
    }
    let who = asked.or(end).map(|told| format!(" by {}", by(&told.envelope.event.actor))).unwrap_or_default();
    let forced = if row.forced { "; it did not stop in time and was given up" } else { "" };
    let begun = if row.attempt == 0 { " before it began" } else { "" };
    (Severity::Warn, format!("was cancelled{who}{begun}{}{forced}", reason_text(&row.cancel_reason)))
}

fn succeeded(answer: &mut Answer<'_>, row: &RunRow) -> (Severity, String) {
    let at = row.ended_at.map(|at| format!(" at {}", moment(at))).unwrap_or_default();
    if row.dead == 0 {
        return (Severity::Info, format!("succeeded{at}: {} in, {} out", row.records_in, row.records_out));
    }
    let dead = QueueName::dead_letters_of(&row.pipeline);
    answer.can(Deed::ShowQueue(dead), "look at its dead letters: mend, replay or discard them");
    (Severity::Warn, format!("succeeded{at}, but {} of its records are dead letters", row.dead))
}

/// Whether it was tried again, and whether it can be.
fn again(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &RunRow) {
    let later = ground.models.runs.of(&row.pipeline).find(|other| other.retry_of == Some(row.id));
    if let Some(later) = later {
        answer.then(None, format!("run #{} tries it again and is {}", later.number, later.state.word()));
        return;
    }
    answer.then(None, "nothing more happens to this run: it has ended");
    let pipeline = ground.models.board.pipelines.get(&row.pipeline);
    let may_run = pipeline.is_some_and(|pipeline| pipeline.state != PipelineState::Archived);
    if may_run && matches!(row.state, RunState::Failed | RunState::Cancelled) {
        answer.can(Deed::Retry(row.id), format!("run {} again, with the same parameters", ground.called(row.id)));
    }
}

/// Commands about it that were refused after it was asked for.
fn refused(ground: &Ground<'_>, answer: &mut Answer<'_>, about: &str, row: &RunRow) {
    let since = row.ended_at.unwrap_or(row.queued_at);
    super::pipeline::refusals(ground, answer, about, since);
}
