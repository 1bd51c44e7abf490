//! Why a pipeline is as it is: its state, and what its triggers and its runs have to do with it.

use jiff::{SignedDuration, Timestamp};

use super::{
    Deed,
    chain::{Answer, Ground, Told},
    reading::dead_runs,
    run::ended,
    waiting::{by, live, no_engine, reason_text},
};
use crate::{
    event::{
        Event,
        pipeline::{Outcome, SkipReason},
    },
    id::{PipelineName, QueueName, StreamName},
    pipeline::definition::Mode,
    projection::{
        board::{PipelineRow, PipelineState},
        describe::{Severity, moment},
    },
    runtime::schedule::Schedule,
};

/// The most refused commands that are told.
const REFUSALS_MAX: usize = 2;
/// The most skipped ticks that are told: each stands for all of one stretch.
const SKIPS_MAX: usize = 3;

pub(super) fn answer<'g>(ground: &'g Ground<'g>, name: &PipelineName) -> Option<Answer<'g>> {
    let Some(row) = ground.models.board.pipelines.get(name) else { return deleted(ground, name) };
    let mut answer = Answer::new(ground, StreamName::pipeline(name), row.state.word());
    let since = state_fact(ground, &mut answer, row);
    let (severity, text) = match row.state {
        PipelineState::Draft => draft(ground, &mut answer, row, &since),
        PipelineState::Active => active(ground, &mut answer, row),
        PipelineState::Paused => paused(ground, &mut answer, row, &since),
        PipelineState::Archived => archived(&mut answer, row, &since),
    };
    answer.says(severity, format!("{name} {text}"));
    dead_letters(ground, &mut answer, row);
    refusals(ground, &mut answer, &format!("pipeline {name}"), row.changed_at);
    Some(answer)
}

/// The events that led to its state; who did the last of them, and when.
fn state_fact(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> String {
    let leads = |event: &Event| match row.state {
        PipelineState::Draft => matches!(event, Event::PipelineRestored(_) | Event::PipelineCreated(_)),
        PipelineState::Active => matches!(event, Event::PipelineActivated(_) | Event::PipelineResumed(_)),
        PipelineState::Paused => matches!(event, Event::PipelinePaused(_)),
        PipelineState::Archived => matches!(event, Event::PipelineArchived(_)),
    };
    let stream = StreamName::pipeline(&row.name);
    let Some(last) = ground.last(stream.clone(), leads) else {
        answer.remembered(row.changed_at, &row.changed_by, "", format!("{} since then", row.state.word()));
        return format!("by {} at {}", by(&row.changed_by), moment(row.changed_at));
    };
    answer.fact(last);
    before(ground, answer, &stream, last);
    format!("by {} at {}", by(&last.envelope.event.actor), moment(last.envelope.event.at))
}

/// The state before, down to how the pipeline came to be.
fn before(ground: &Ground<'_>, answer: &mut Answer<'_>, stream: &StreamName, last: &Told<'_>) {
    let is_state = |event: &Event| {
        matches!(
            event,
            Event::PipelineCreated(_)
                | Event::PipelineActivated(_)
                | Event::PipelinePaused(_)
                | Event::PipelineResumed(_)
                | Event::PipelineArchived(_)
                | Event::PipelineRestored(_)
        )
    };
    let mut states = ground.of(stream.clone()).filter(|told| is_state(&told.event));
    let position = last.envelope.position;
    let mut earlier: Vec<_> = states.by_ref().take_while(|told| told.envelope.position < position).collect();
    if let Some(first) = earlier.first().copied() {
        answer.fact(first);
    }
    if let Some(newest) = earlier.pop() {
        answer.fact(newest);
    }
}

fn deleted<'g>(ground: &'g Ground<'g>, name: &PipelineName) -> Option<Answer<'g>> {
    let stream = StreamName::pipeline(name);
    let last = ground.last(stream.clone(), |event| matches!(event, Event::PipelineDeleted(_)))?;
    let mut answer = Answer::new(ground, stream.clone(), "deleted");
    answer.fact(last);
    if let Some(archived) = ground.last(stream, |event| matches!(event, Event::PipelineArchived(_))) {
        answer.fact(archived);
    }
    let event = &last.envelope.event;
    answer.says(Severity::Warn, format!("{name} is gone: deleted by {} at {}", by(&event.actor), moment(event.at)));
    answer.then(None, "nothing: its name is free for a new pipeline");
    Some(answer)
}

fn draft(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow, since: &str) -> (Severity, String) {
    answer.then(None, "nothing: its triggers start no run before it is activated");
    answer.can(Deed::Activate(row.name.clone()), "activate it");
    answer.can(Deed::Run(row.name.clone()), "start a run by hand");
    let restored = ground.last(StreamName::pipeline(&row.name), |event| matches!(event, Event::PipelineRestored(_)));
    let came = if restored.is_some() { "restored" } else { "made" };
    (Severity::Info, format!("is a draft, {came} {since}: it is not activated, so only people start its runs"))
}

fn archived(answer: &mut Answer<'_>, row: &PipelineRow, since: &str) -> (Severity, String) {
    answer.then(None, "nothing: what is archived runs no more");
    answer.can(Deed::Restore(row.name.clone()), "make it a draft again");
    (Severity::Info, format!("is out of use: archived {since}"))
}

fn paused(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow, since: &str) -> (Severity, String) {
    answer.then(None, "nothing by itself: its triggers start no run until it is resumed");
    if let Some(tick) = Schedule::of(&row.definition().triggers).ok().and_then(|due| due.due(ground.now, None, 1).pop()) {
        answer.then(tick, "its first run, if it were resumed now");
    }
    answer.can(Deed::Resume(row.name.clone()), "resume it");
    answer.can(Deed::Run(row.name.clone()), "start a run by hand all the same");
    let mut text = format!("is paused {since}{}", reason_text(&row.paused_because));
    if let Some(run) = row.live.first().and_then(|run| ground.run(*run)) {
        let (_, told) = live(ground, answer, &run);
        text = format!("{text}; {}, which was asked for before, {told}", ground.called(run.id));
    }
    (Severity::Warn, text)
}

fn active(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> (Severity, String) {
    let skipped = skips(ground, answer, row);
    let (severity, text) = match (row.live.first().and_then(|run| ground.run(*run)), &row.last) {
        (Some(run), _) => {
            let (severity, told) = live(ground, answer, &run);
            let more = if row.live.len() > 1 { format!("; {} runs live in all", row.live.len()) } else { String::new() };
            (severity, format!("is active: {} {told}{more}", ground.called(run.id)))
        }
        (None, Some(last)) => match ground.run(last.run) {
            Some(run) => {
                let (severity, told) = ended(ground, answer, &run);
                (severity, format!("is active and runs nothing now: {}, its last, {told}{}", ground.called(run.id), row_of(row)))
            }
            None => (Severity::Info, format!("is active and runs nothing now; its last run ended at {}", moment(last.at))),
        },
        (None, None) => (Severity::Info, "is active, and no run was asked for yet".into()),
    };
    let (late, due) = next_run(ground, answer, row);
    let severity = if late || skipped.is_some() { severity.max(Severity::Warn) } else { severity };
    let skipped = skipped.map(|why| format!("; its last tick was skipped: {why}")).unwrap_or_default();
    (severity, format!("{text}{skipped}{due}"))
}

fn row_of(row: &PipelineRow) -> String {
    if row.failed_in_row > 1 { format!("; {} runs failed one after the other", row.failed_in_row) } else { String::new() }
}

/// Ticks that started nothing, when the newest tick was one of them.
fn skips(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> Option<&'static str> {
    let (tick, reason) = row.last_skip.as_ref()?;
    if row.last_tick != Some(*tick) {
        return None;
    }
    let stream = StreamName::pipeline(&row.name);
    let told = ground.of(stream).rev().filter(|told| matches!(told.event, Event::TickSkipped(_)));
    told.take(SKIPS_MAX).for_each(|told| answer.fact(told));
    Some(match reason {
        SkipReason::Overlap => "a run still lived, and its overlap is `skip`",
        SkipReason::Paused => "it was paused",
        SkipReason::Missed => "the engine did not run then",
        SkipReason::DstGap => "the clock change left that time out",
        SkipReason::QueueFull => "as many runs waited as may wait",
    })
}

/// What will start its next run; whether that is late, and what is to be said about it.
fn next_run(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> (bool, String) {
    if row.definition().mode == Mode::Continuous {
        return (continuous(ground, answer, row), String::new());
    }
    if row.live.is_empty() {
        answer.can(Deed::Run(row.name.clone()), "start a run now");
    }
    answer.can(Deed::Pause(row.name.clone()), "pause it, so that its triggers start nothing");
    let triggers = &row.definition().triggers;
    if triggers.is_empty() {
        answer.then(None, "no run by itself: it has no trigger, people start its runs");
        return (false, String::new());
    }
    let Some(tick) = due(row) else {
        answer.then(None, "no run by itself: its triggers are never due again");
        return (true, String::new());
    };
    if tick > ground.now {
        answer.then(tick, "the next tick is due");
        return (false, String::new());
    }
    let why = no_engine(ground, answer).unwrap_or_else(|| "the engine has not dealt with it yet".into());
    answer.then(None, "the tick that is due: it starts a run, or is on record as missed");
    (true, format!("; a tick was due at {}: {why}", moment(tick)))
}

/// The tick after the newest one on record, as the scheduler has it.
fn due(row: &PipelineRow) -> Option<Timestamp> {
    let anchor = row.active_since?;
    // The activation itself is the first tick of an interval.
    let before = || anchor.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(anchor);
    let handled = row.last_tick.filter(|tick| *tick >= anchor).unwrap_or_else(before);
    Schedule::of(&row.definition().triggers).ok()?.next_after(handled, anchor).map(|tick| tick.at)
}

/// A continuous pipeline that runs nothing is not started again by itself.
fn continuous(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> bool {
    answer.can(Deed::Pause(row.name.clone()), "pause it: what is in flight reaches its sinks first");
    if !row.live.is_empty() {
        return false;
    }
    if no_engine(ground, answer).is_some() {
        return true;
    }
    answer.can(Deed::Run(row.name.clone()), "start its run by hand");
    let text = match row.last.map(|last| last.outcome) {
        None => "the engine asks for its run",
        Some(Outcome::Cancelled) => {
            "nothing by itself: a continuous pipeline whose run was stopped starts again when it is resumed or revised, or the engine is restarted"
        }
        Some(_) => "nothing by itself: it starts again when it is paused and resumed, or revised, or the engine is restarted",
    };
    answer.then(None, text);
    true
}

/// Records that no step could process, and since when.
pub(super) fn dead_letters(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) {
    if row.dead_total == 0 {
        return;
    }
    for run in dead_runs(ground.models, &row.name) {
        if let Some(told) = ground.last(StreamName::run(run.id), |event| matches!(event, Event::DeadLettered(_))) {
            answer.fact(told);
        }
    }
    let dead = QueueName::dead_letters_of(&row.name);
    answer.can(Deed::ShowQueue(dead), "look at its dead letters: mend, replay or discard them");
}

/// Commands about something that were refused since a moment.
pub(super) fn refusals(ground: &Ground<'_>, answer: &mut Answer<'_>, about: &str, since: Timestamp) {
    let refused = ground.of(StreamName::engine()).rev().filter(|told| {
        let is_about = |command: &str| command.strip_suffix(about).is_some_and(|verb| verb.ends_with(' '));
        matches!(&told.event, Event::CommandRejected(event) if is_about(&event.command)) && told.envelope.event.at >= since
    });
    refused.take(REFUSALS_MAX).for_each(|told| answer.fact(told));
}
