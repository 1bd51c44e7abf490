//! What happens to pipelines, told.

use super::{Severity, Told, counted, info, runs::moment, warn};
use crate::event::pipeline::{
    Outcome, PipelineActivated, PipelineCreated, PipelineRevised, RunEnded, RunRequested, RunTrigger, SkipReason, TickSkipped,
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
