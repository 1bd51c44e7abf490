//! The work: queues, the schedule, runs.

use super::{LATE_FAIL, Sight, ago, seconds, state_if, state_of};
use crate::{
    id::QueueName,
    port::{clock::between, queue::QueueStats, store::Condition},
    unit::Duration,
    vitals::{Bearing, CheckState, Finding, RunVitals},
};

/// A tick that waits so long after its time means that the scheduler does not get to it.
pub(in crate::runtime) const TICK_FAIL: Duration = Duration::from_secs(15);
/// A run that has something to move and moves nothing for so long needs a look.
const STILL_WARN: Duration = Duration::from_secs(300);

pub(super) fn queues(sight: &Sight<'_>) -> Finding {
    const NEARLY: f64 = 0.9;
    let queues = match sight.queues {
        Ok(queues) => queues,
        Err(error) => return Finding::new("queues", CheckState::Fail, error.to_string()).bearing(Bearing::Readiness),
    };
    if let Condition::Failed { reason } | Condition::Refusing { reason, .. } = &sight.queues_condition {
        return Finding::new("queues", CheckState::Fail, reason.as_str()).bearing(Bearing::Readiness);
    }
    let full: Vec<_> = queues.iter().filter(|(_, stats)| fill(stats) >= NEARLY).map(|(name, _)| name.to_string()).collect();
    let evidence = match full.as_slice() {
        [] => format!("{} queues answer, none near its limit", queues.len()),
        full => format!("nearly full: {}", full.join(", ")),
    };
    let fullest = queues.iter().map(|(_, stats)| fill(stats)).fold(0.0, f64::max);
    let finding = Finding::new("queues", state_if(!full.is_empty(), CheckState::Warn), evidence);
    finding.bearing(Bearing::Readiness).figure(fullest, "ratio").limits(Some(NEARLY), None)
}

fn fill(stats: &QueueStats) -> f64 {
    let messages = (stats.ready + stats.delayed + stats.leased) as f64 / stats.limits.messages_max.max(1) as f64;
    messages.max(stats.bytes as f64 / stats.limits.bytes_max.0.max(1) as f64)
}

/// Late is a tick whose time has passed and which is neither a run nor on record as skipped.
pub(super) fn schedule(sight: &Sight<'_>) -> Finding {
    let late = sight.times.first().filter(|(_, at)| *at <= sight.now);
    let lateness = late.map_or(Duration::default(), |(_, at)| Duration(between(at, sight.now)));
    let state = state_of(seconds(lateness), seconds(LATE_FAIL), seconds(TICK_FAIL));
    let evidence = match (late.filter(|_| state != CheckState::Ok), &sight.times.last, sight.times.first()) {
        (Some((name, at)), ..) => format!("a tick of {name} waits since {}", ago(at, sight.now)),
        (None, None, None) => "nothing is scheduled".to_owned(),
        (None, last, first) => [last.as_ref().map(kept), first.map(|(name, at)| comes(name, ago(sight.now, at)))]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
    };
    let finding = Finding::new("schedule", state, evidence).figure(seconds(lateness), "seconds");
    finding.limits(Some(seconds(LATE_FAIL)), Some(seconds(TICK_FAIL)))
}

fn kept((name, _, late): &(crate::id::PipelineName, jiff::Timestamp, Duration)) -> String {
    format!("the last tick, of {name}, was dealt with {late} after its time")
}

fn comes(name: &crate::id::PipelineName, length: Duration) -> String {
    format!("next {name} in {length}")
}

pub(super) fn workers(sight: &Sight<'_>) -> Finding {
    let (busy, slots, queued) = (sight.runs.len(), sight.settings.workers as usize, sight.troubles.queued);
    let state = state_if(busy >= slots && queued > 0, CheckState::Warn);
    Finding::new("workers", state, format!("{busy} of {slots} busy, {queued} runs wait")).figure(queued as f64, "runs")
}

pub(super) fn pipelines(sight: &Sight<'_>) -> Finding {
    let failing = &sight.troubles.failing;
    let evidence = match failing.as_slice() {
        [] => format!("{} pipelines, none failing", sight.troubles.pipelines),
        failing => format!("{} failing: {}", failing.len(), failing.join(", ")),
    };
    let state = state_if(!failing.is_empty(), CheckState::Fail);
    Finding::new("pipelines", state, evidence).figure(failing.len() as f64, "pipelines").limits(None, Some(1.0))
}

pub(super) fn deadlines(sight: &Sight<'_>) -> Finding {
    let overdue = sight.troubles.overdue;
    let state = state_if(overdue > 0, CheckState::Warn);
    let finding = Finding::new("deadlines", state, format!("{overdue} runs past their deadline"));
    finding.figure(overdue as f64, "runs").limits(Some(1.0), None)
}

/// A run that waits for its source is idle; one that holds records and moves none is stuck.
pub(super) fn stuck(sight: &Sight<'_>) -> Finding {
    let holds = |run: &RunVitals| run.unacked > 0 || run.steps.iter().any(|step| step.backlog > 0);
    let began = |run: &RunVitals| run.moved_at > jiff::Timestamp::UNIX_EPOCH;
    let still = |run: &&RunVitals| holds(run) && began(run) && between(run.moved_at, sight.now) >= STILL_WARN.0;
    let stuck: Vec<_> = sight.runs.iter().filter(still).collect();
    let evidence = match stuck.iter().min_by_key(|run| run.moved_at) {
        None => format!("{} runs live, none stuck", sight.runs.len()),
        Some(run) => {
            let (count, name, id) = (stuck.len(), &run.pipeline, run.run.short());
            format!("{count} hold records and move none: {name} run {id} since {}", ago(run.moved_at, sight.now))
        }
    };
    let state = state_if(!stuck.is_empty(), CheckState::Warn);
    Finding::new("stuck runs", state, evidence).figure(stuck.len() as f64, "runs").limits(Some(1.0), None)
}

pub(super) fn dead_letters(sight: &Sight<'_>) -> Finding {
    let queues: &[(QueueName, QueueStats)] = sight.queues.as_ref().map(Vec::as_slice).unwrap_or_default();
    let dead: u64 = queues.iter().map(|(_, stats)| stats.dead).sum();
    let evidence = match queues.iter().max_by_key(|(_, stats)| stats.dead) {
        Some((name, most)) if most.dead > 0 => format!("{dead}, most in {name}: {}", most.dead),
        _ => "none".into(),
    };
    let finding = Finding::new("dead letters", state_if(dead > 0, CheckState::Warn), evidence);
    finding.figure(dead as f64, "messages").limits(Some(1.0), None)
}
