//! An event in one line, for the event pane, timelines and `flexcore events`.

mod alerts;
mod pipelines;
mod rest;
mod runs;

pub(super) use runs::moment;

use crate::{
    event::{Envelope, Event},
    id::{RunId, SessionId},
};

/// The longest text of a description, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_000;

/// How much an event matters to someone who looks for trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Part of the daily work.
    Info,
    /// Needs a look.
    Warn,
    /// A failure: "next failure" jumps here. A run that fails has one such event.
    Error,
}

/// An event in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, like `quakes` or `run 8f3a91c2`.
    pub subject: String,
    /// What happened, one line of at most [`TEXT_BYTES_MAX`].
    pub text: String,
}

/// Describes an event. One that the engine does not interpret is shown as its data.
pub fn describe(envelope: &Envelope) -> Description {
    let (severity, text) = match envelope.decode() {
        Some(Ok(event)) => told(&event),
        Some(Err(bad)) => (Severity::Warn, format!("{bad}: {}", bad.source)),
        None => (Severity::Info, beginning(&envelope.event.data)),
    };
    Description { severity, subject: subject(envelope.stream.as_str()), text: one_line(&text) }
}

fn subject(stream: &str) -> String {
    match stream.split_once('/') {
        Some(("pipeline", name)) => name.to_owned(),
        Some(("run", id)) => id.parse::<RunId>().map_or_else(|_| stream.to_owned(), |run| format!("run {}", run.short())),
        Some(("queue", name)) => format!("queue {name}"),
        Some(("session", id)) => {
            id.parse::<SessionId>().map_or_else(|_| stream.to_owned(), |session| format!("session {}", session.short()))
        }
        Some(("alert", id)) => format!("alert {id}"),
        _ => stream.to_owned(),
    }
}

/// Only what is shown is looked at: data may be a megabyte.
fn beginning(data: &[u8]) -> String {
    String::from_utf8_lossy(&data[..data.len().min(TEXT_BYTES_MAX + 4)]).into_owned()
}

fn one_line(text: &str) -> String {
    let flat = text.split(['\n', '\r']).map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    crate::aggregate::run::fit::text(&flat, TEXT_BYTES_MAX)
}

type Told = (Severity, String);

fn told(event: &Event) -> Told {
    match event {
        Event::PipelineCreated(event) => pipelines::created(event),
        Event::PipelineRevised(event) => pipelines::revised(event),
        Event::PipelineActivated(event) => pipelines::activated(event),
        Event::PipelinePaused(event) => info(because("paused", &event.reason)),
        Event::PipelineResumed(_) => info("resumed"),
        Event::PipelineArchived(_) => info("archived"),
        Event::PipelineRestored(_) => info("restored as a draft"),
        Event::PipelineDeleted(_) => info("deleted"),
        Event::RunRequested(event) => pipelines::run_requested(event),
        Event::RunEnded(event) => pipelines::run_ended(event),
        Event::TickSkipped(event) => pipelines::tick_skipped(event),
        Event::CheckpointsSet(event) => pipelines::checkpoints_set(event),
        Event::CheckpointsRolledBack(event) => pipelines::checkpoints_rolled_back(event),
        Event::RunQueued(event) => runs::queued(event),
        Event::RunStarted(event) => runs::started(event),
        Event::StepStarted(event) => info(format!("step {} began", event.step)),
        Event::StepEnded(event) => runs::step_ended(event),
        Event::Checkpointed(event) => runs::checkpointed(event),
        Event::DeadLettered(event) => runs::dead_lettered(event),
        Event::RunRetrying(event) => runs::retrying(event),
        Event::RunInterrupted(event) => runs::interrupted(event),
        Event::CancelRequested(event) => runs::cancel_requested(event),
        Event::LeaseExpired(event) => runs::lease_expired(event),
        Event::LateReportIgnored(event) => runs::late_report(event),
        Event::RunSucceeded(event) => runs::succeeded(event),
        Event::RunFailed(event) => runs::failed(event),
        Event::RunCancelled(event) => runs::cancelled(event),
        Event::QueueDeclared(event) => rest::queue_declared(event),
        Event::MessageSent(event) => info(format!("message {} sent by hand, {} bytes", event.message.short(), event.bytes)),
        Event::QueuePurged(event) => rest::purged(event),
        Event::QueueRedriven(event) => info(format!("{} redriven", counted(event.count, "dead letter"))),
        Event::DeadLetterEdited(event) => info(format!("dead letter {} edited", event.message.short())),
        Event::DeadLettersReplayed(event) => rest::replayed(event),
        Event::DeadLettersDiscarded(event) => rest::discarded(event),
        Event::EngineStarted(event) => info(format!("FlexCore {} started on {}", event.version, event.node)),
        Event::EngineStopped(event) => rest::stopped(event),
        Event::LogTruncated(event) => rest::truncated(event),
        Event::AlertRaised(event) => alerts::raised(event),
        Event::AlertResolved(event) => alerts::resolved(event),
        Event::AlertSilenced(event) => alerts::silenced(event),
        Event::AlertNotified(event) => alerts::notified(event),
        Event::SessionOpened(event) => rest::session_opened(event),
        Event::SessionClosed(event) => info(because("over", &event.reason)),
        Event::CommandRejected(event) => warn(format!("refused to {}: {}", event.command, event.reason)),
    }
}

fn info(text: impl Into<String>) -> Told {
    (Severity::Info, text.into())
}

fn warn(text: impl Into<String>) -> Told {
    (Severity::Warn, text.into())
}

fn because(what: &str, reason: &str) -> String {
    if reason.is_empty() { what.to_owned() } else { format!("{what}: {reason}") }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
