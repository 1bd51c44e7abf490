//! What happens to queues and to the engine itself, told.

use super::{Told, counted, info, warn};
use crate::event::{
    queue::{DeadLettersDiscarded, DeadLettersReplayed, PurgeScope, QueueDeclared, QueuePurged},
    session::SessionOpened,
    system::{EngineStopped, LogTruncated},
};

pub(super) fn queue_declared(event: &QueueDeclared) -> Told {
    let limits = event.limits;
    info(format!("declared: at most {} messages, {}, {} tries each", limits.messages_max, limits.bytes_max, limits.attempts_max))
}

pub(super) fn purged(event: &QueuePurged) -> Told {
    let what = match event.scope {
        PurgeScope::Messages => "message",
        PurgeScope::DeadLetters => "dead letter",
    };
    warn(format!("purged of {}", counted(event.count, what)))
}

pub(super) fn replayed(event: &DeadLettersReplayed) -> Told {
    let DeadLettersReplayed { pipeline, run, count } = event;
    info(format!("{} of {pipeline} handed to run {}", counted(*count, "dead letter"), run.short()))
}

pub(super) fn discarded(event: &DeadLettersDiscarded) -> Told {
    warn(format!("{} discarded", counted(event.messages.len() as u64, "dead letter")))
}

pub(super) fn stopped(event: &EngineStopped) -> Told {
    match event.runs_in_flight {
        0 => info("stopped in order"),
        count => warn(format!("stopped while {} still went", counted(count, "run"))),
    }
}

pub(super) fn session_opened(event: &SessionOpened) -> Told {
    let SessionOpened { node, way, from, role, command, recording } = event;
    let what = command.as_ref().map_or_else(|| "a console".to_owned(), |command| format!("the command {command}"));
    let from = if from.is_empty() { String::new() } else { format!(" from {from}") };
    let recorded = recording.as_ref().map(|file| format!(", recorded in {file}")).unwrap_or_default();
    info(format!("{what} on {node} by {way}{from}, as {role}{recorded}"))
}

pub(super) fn truncated(event: &LogTruncated) -> Told {
    let LogTruncated { before, runs_forgotten } = event;
    info(format!("events before {before} may go; {} forgotten", counted(*runs_forgotten, "ended run")))
}
