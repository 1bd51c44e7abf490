//! What happens to pipelines, told.

use super::{Severity, Told, counted, info, runs::moment, warn};
use crate::event::pipeline::{
    CheckpointChange, CheckpointsRolledBack, CheckpointsSet, Outcome, PipelineActivated, PipelineCreated, PipelineRevised,
    RunEnded, RunRequested, RunTrigger, SkipReason, TickSkipped,
};

pub(super) fn created(event: &PipelineCreated) -> Told {
    info(format!("created with {}, revision {}", counted(event.definition.steps.len() as u64, "step"), event.revision.short()))
}

pub(super) fn revised(event: &PipelineRevised) -> Told {
    info(format!("revised: number {}, revision {}", event.number, event.revision.short()))
}

pub(super) fn activated(event: &PipelineActivated) -> Told {
    info(format!("activated, revision {}", event.revision.short()))
}

pub(super) fn run_requested(event: &RunRequested) -> Told {
    info(format!("run {} (#{}) asked for {}", event.run.short(), event.number, asked(&event.trigger)))
}

pub(super) fn asked(trigger: &RunTrigger) -> String {
    match trigger {
        RunTrigger::Manual => "by hand".into(),
        RunTrigger::Schedule { tick } => format!("by the schedule, due {}", moment(*tick)),
        RunTrigger::Retry { of } => format!("to try run {} again", of.short()),
        RunTrigger::Replay => "to process dead letters again".into(),
        RunTrigger::Activation => "because the pipeline is to run all the time".into(),
    }
}

/// The failure itself is told by the run's own event; this one only needs a look, so that a failure is met once.
pub(super) fn run_ended(event: &RunEnded) -> Told {
    let (severity, how) = match event.outcome {
        Outcome::Succeeded => (Severity::Info, "succeeded"),
        Outcome::Failed => (Severity::Warn, "failed"),
        Outcome::Cancelled => (Severity::Info, "was cancelled"),
    };
    (severity, format!("run {} {how}", event.run.short()))
}

pub(super) fn tick_skipped(event: &TickSkipped) -> Told {
    let why = match event.reason {
        SkipReason::Overlap => "a run still lives",
        SkipReason::Paused => "the pipeline is paused",
        SkipReason::Missed => "the engine did not run then",
        SkipReason::DstGap => "the clock change left that time out",
        SkipReason::QueueFull => "too many runs wait",
    };
    let last = if event.count == 1 { "due" } else { "the last due" };
    warn(format!("{} skipped, {last} {}: {why}", counted(event.count, "tick"), moment(event.tick)))
}

pub(super) fn checkpoints_set(event: &CheckpointsSet) -> Told {
    info(format!("checkpoint set: {}", changes(&event.changes)))
}

pub(super) fn checkpoints_rolled_back(event: &CheckpointsRolledBack) -> Told {
    let to = if event.to == 0 { "the beginning".to_owned() } else { format!("version {}", event.to) };
    info(format!("checkpoints rolled back to {to}: {}", changes(&event.changes)))
}

fn changes(changes: &[CheckpointChange]) -> String {
    let one = |change: &CheckpointChange| {
        let CheckpointChange { step, stream, cursor } = change;
        let at = cursor.as_ref().map_or_else(|| "at its beginning".to_owned(), |cursor| format!("at {}", cursor_text(cursor)));
        format!("{step} of {stream} {at}")
    };
    match changes {
        [only] => one(only),
        [first, rest @ ..] => format!("{} and {} more", one(first), rest.len()),
        [] => "nothing".into(),
    }
}

/// A cursor as people read it: without the braces that every one has.
fn cursor_text(cursor: &serde_json::Value) -> String {
    cursor.to_string().replace(['{', '}', '"'], "")
}
