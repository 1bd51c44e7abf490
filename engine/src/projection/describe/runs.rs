//! What happens to runs, told.

use jiff::Timestamp;

use super::{Severity, Told, because, counted, info, pipelines::asked, warn};
use crate::event::run::{
    CancelRequested, Checkpointed, DeadLettered, LateReportIgnored, LeaseExpired, RunCancelled, RunError, RunFailed,
    RunInterrupted, RunQueued, RunRetrying, RunStarted, RunSucceeded, StepEnded, StepOutcome,
};

pub(super) fn queued(event: &RunQueued) -> Told {
    let RunQueued { pipeline, number, trigger, deadline, .. } = event;
    info(format!("{pipeline} #{number} queued {}; to begin before {}", asked(trigger), moment(*deadline)))
}

pub(super) fn started(event: &RunStarted) -> Told {
    let until = event.deadline.map(|deadline| format!(", until {} at most", moment(deadline))).unwrap_or_default();
    info(format!("attempt {} began on {} with lease {}{until}", event.attempt, event.worker, event.epoch))
}

pub(super) fn step_ended(event: &StepEnded) -> Told {
    let StepEnded { step, outcome, counts, error, .. } = event;
    let counts =
        format!("{} in, {} out, {} dropped, {} dead", counts.records_in, counts.records_out, counts.dropped, counts.dead);
    match outcome {
        StepOutcome::Succeeded => info(format!("step {step} did everything: {counts}")),
        StepOutcome::Skipped => info(format!("step {step} did not begin")),
        StepOutcome::Cancelled => info(format!("step {step} was stopped: {counts}")),
        StepOutcome::Failed => {
            let error = error.as_ref().map_or("no error was given", |error| &error.message);
            warn(format!("step {step} failed: {error} ({counts})"))
        }
    }
}

pub(super) fn checkpointed(event: &Checkpointed) -> Told {
    let Checkpointed { step, stream, records, .. } = event;
    let place = if stream.is_empty() { String::new() } else { format!(", {stream}") };
    info(format!("checkpoint of {step}{place}: {} safe", counted(*records, "record")))
}

pub(super) fn dead_lettered(event: &DeadLettered) -> Told {
    let verb = if event.count == 1 { "is a dead letter" } else { "are dead letters" };
    warn(format!("{} of {} {verb}: {}", counted(event.count, "record"), event.step, event.error))
}

pub(super) fn retrying(event: &RunRetrying) -> Told {
    warn(format!("attempt {} failed, the next begins at {}: {}", event.attempt, moment(event.next_at), told(&event.error)))
}

pub(super) fn interrupted(event: &RunInterrupted) -> Told {
    let RunInterrupted { attempt, worker, .. } = event;
    info(format!("attempt {attempt} was interrupted: {worker} stops; it begins anew when a worker is there, and does not count"))
}

pub(super) fn cancel_requested(event: &CancelRequested) -> Told {
    info(because(&format!("is to stop by {}", moment(event.deadline)), &event.reason))
}

pub(super) fn lease_expired(event: &LeaseExpired) -> Told {
    warn(format!("lease {} ended: {} did not report in attempt {}", event.epoch, event.worker, event.attempt))
}

pub(super) fn late_report(event: &LateReportIgnored) -> Told {
    let LateReportIgnored { epoch, current, report } = event;
    warn(format!("late report of lease {epoch} ignored (the last one is {current}): {report}"))
}

pub(super) fn succeeded(event: &RunSucceeded) -> Told {
    let RunSucceeded { attempt, records_in, records_out, dead } = event;
    let text = format!("succeeded in attempt {attempt}: {records_in} in, {records_out} out, {dead} dead");
    if *dead > 0 { warn(text) } else { info(text) }
}

pub(super) fn failed(event: &RunFailed) -> Told {
    (Severity::Error, format!("failed in attempt {}: {}", event.attempt, told(&event.error)))
}

pub(super) fn cancelled(event: &RunCancelled) -> Told {
    if event.forced {
        return warn(because("given up: it did not stop in time", &event.reason));
    }
    info(because("cancelled", &event.reason))
}

/// A moment to the second: more digits only hide it.
pub(in crate::projection) fn moment(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%SZ")
}

/// The error with where it was and what led to it.
fn told(error: &RunError) -> String {
    let place = error.step.as_ref().map(|step| format!("step {step}: ")).unwrap_or_default();
    let chain: Vec<&str> = std::iter::once(&error.message).chain(&error.causes).map(String::as_str).collect();
    format!("{place}{}", chain.join(": "))
}
