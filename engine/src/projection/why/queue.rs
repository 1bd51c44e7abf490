//! Why a queue is as it is: dead letters by the step that refused them, and other queues by the pipelines that use them.
//! Messages themselves are not events, so depths are those of the present only.

use super::{
    Deed,
    chain::{Answer, Ground},
    pipeline::dead_letters,
    reading::{Use, dead_runs, owner, users},
    run::suspect,
    waiting::live,
};
use crate::{
    event::Event,
    id::{QueueName, StreamName},
    port::queue::QueueStats,
    projection::{
        board::{PipelineRow, PipelineState},
        describe::{Severity, moment},
    },
};

/// The newest things that people did to it and that are told.
const ACTS_MAX: usize = 6;

pub(super) fn answer<'g>(ground: &'g Ground<'g>, name: &QueueName) -> Option<Answer<'g>> {
    let stats = ground.vitals.and_then(|vitals| vitals.queues.iter().find(|(known, _)| known == name)).map(|(_, stats)| stats);
    let mut answer = Answer::new(ground, StreamName::queue(name), state(stats));
    let told: Vec<_> = ground.of(StreamName::queue(name)).rev().take(ACTS_MAX).collect();
    for told in &told {
        answer.fact(told);
    }
    let owner = owner(ground.models, name);
    let used: Vec<_> = users(ground.models, name).collect();
    if stats.is_none() && told.is_empty() && owner.is_none() && used.is_empty() {
        return None;
    }
    let (severity, text) = match owner {
        Some(row) => dead(ground, &mut answer, row, stats),
        None => shared(ground, &mut answer, name, &used, stats),
    };
    answer.says(severity, format!("{name} {text}"));
    Some(answer)
}

fn state(stats: Option<&QueueStats>) -> String {
    match stats {
        Some(stats) if stats.dead > 0 => format!("{} ready, {} dead", stats.ready, stats.dead),
        Some(stats) => format!("{} ready", stats.ready),
        None => "queue".into(),
    }
}

fn dead(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow, stats: Option<&QueueStats>) -> (Severity, String) {
    let held = stats.map(|stats| format!("holds {} dead letters of {}", stats.dead, row.name));
    let held = held.unwrap_or_else(|| format!("holds the dead letters of {}", row.name));
    if row.dead_total == 0 {
        answer.then(None, "nothing: no step of the pipeline has refused a record");
        return (Severity::Info, format!("{held}, which has had none"));
    }
    dead_letters(ground, answer, row);
    let newest = dead_runs(ground.models, &row.name).next();
    let last = newest.and_then(|run| {
        suspect(ground, answer, run);
        let told = ground.last(StreamName::run(run.id), |event| matches!(event, Event::DeadLettered(_)))?;
        let Event::DeadLettered(event) = &told.event else { return None };
        let at = moment(told.envelope.event.at);
        Some(format!("; the last came in {} at {at}: step {} says {}", ground.called(run.id), event.step, event.error))
    });
    let grows = if row.live.is_empty() { "no run of it lives, so none is added now" } else { "a run of it lives: more may come" };
    answer.then(None, grows);
    answer.then(None, format!("each is dropped when it is {} old", row.definition().dead_letters.retain));
    answer.can(Deed::Revise(row.name.clone()), "mend the step that refuses them, before they are replayed");
    let since = newest.and_then(|_| first_dead(ground, row)).map(|at| format!(" since {at}")).unwrap_or_default();
    (Severity::Warn, format!("{held}: {} were refused{since}{}", row.dead_total, last.unwrap_or_default()))
}

/// The first of them that is still known.
fn first_dead(ground: &Ground<'_>, row: &PipelineRow) -> Option<String> {
    let oldest = dead_runs(ground.models, &row.name).last()?;
    let told = ground.of(StreamName::run(oldest.id)).find(|told| matches!(told.event, Event::DeadLettered(_)))?;
    Some(moment(told.envelope.event.at).to_string())
}

fn shared(
    ground: &Ground<'_>,
    answer: &mut Answer<'_>,
    name: &QueueName,
    used: &[(&PipelineRow, Use)],
    stats: Option<&QueueStats>,
) -> (Severity, String) {
    let waits = stats.is_some_and(|stats| stats.ready > 0);
    let receivers: Vec<_> = used.iter().filter(|(_, how)| *how == Use::Receives).map(|(row, _)| *row).collect();
    let mut parts: Vec<String> = receivers.iter().map(|row| receiver(ground, answer, row)).collect();
    let senders = used.iter().filter(|(_, how)| *how == Use::Sends);
    parts.extend(senders.map(|(row, _)| format!("{} sends to it and is {}", row.name, row.state.word())));
    let idle = receivers.iter().all(|row| row.live.is_empty());
    match (receivers.is_empty(), idle) {
        (true, _) => answer.then(None, "no pipeline receives from it: others must, by the API"),
        (false, true) => answer.then(None, "messages wait until a run of a pipeline that receives them lives"),
        (false, false) => answer.then(None, "a run that lives takes messages out as fast as its sinks allow"),
    }
    answer.can(Deed::ShowQueue(name.clone()), "look at what waits");
    let held = stats.map(|stats| format!("has {} messages ready and {} dead letters", stats.ready, stats.dead));
    let held = held.unwrap_or_else(|| "is known; its messages are not in the log".into());
    let severity = if (waits && idle) || stats.is_some_and(|stats| stats.dead > 0) { Severity::Warn } else { Severity::Info };
    let told = if parts.is_empty() { "no pipeline uses it".to_owned() } else { parts.join("; ") };
    (severity, format!("{held}: {told}"))
}

/// A pipeline that takes messages out, and why it does not.
fn receiver(ground: &Ground<'_>, answer: &mut Answer<'_>, row: &PipelineRow) -> String {
    if let Some(run) = row.live.first().and_then(|run| ground.run(*run)) {
        let (_, told) = live(ground, answer, &run);
        return format!("{} receives from it, and its {} {told}", row.name, ground.called(run.id));
    }
    let stream = StreamName::pipeline(&row.name);
    let state = ground.last(stream, |event| {
        matches!(
            event,
            Event::PipelinePaused(_)
                | Event::PipelineArchived(_)
                | Event::PipelineRestored(_)
                | Event::PipelineCreated(_)
                | Event::RunEnded(_)
        )
    });
    if let Some(told) = state {
        answer.fact(told);
    }
    match row.state {
        PipelineState::Paused => answer.can(Deed::Resume(row.name.clone()), format!("resume {}", row.name)),
        PipelineState::Draft => answer.can(Deed::Activate(row.name.clone()), format!("activate {}", row.name)),
        PipelineState::Archived => answer.can(Deed::Restore(row.name.clone()), format!("restore {}", row.name)),
        PipelineState::Active => answer.can(Deed::Run(row.name.clone()), format!("start a run of {}", row.name)),
    }
    format!("{} receives from it, but is {} and runs nothing", row.name, row.state.word())
}
