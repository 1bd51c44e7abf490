//! Facts. One closed enum for what the engine itself can record; `event.append` adds facts of the user's own, which the
//! engine stores and shows but never interprets.
//!
//! Events are only added, never changed: an old log must always read. `tests/it/golden` holds one example of each.

pub mod alert;
pub mod envelope;
pub mod pipeline;
pub mod queue;
pub mod run;
pub mod session;
pub mod system;

pub use envelope::{Envelope, EventType, NewEvent};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use alert::{AlertNotified, AlertRaised, AlertResolved, AlertSilenced};
use pipeline::{
    CheckpointsRolledBack, CheckpointsSet, PipelineActivated, PipelineArchived, PipelineCreated, PipelineDeleted, PipelinePaused,
    PipelineRestored, PipelineResumed, PipelineRevised, RunEnded, RunRequested, TickSkipped,
};
use queue::{
    DeadLetterEdited, DeadLettersDiscarded, DeadLettersReplayed, MessageSent, QueueDeclared, QueuePurged, QueueRedriven,
};
use run::{
    CancelRequested, Checkpointed, DeadLettered, LateReportIgnored, LeaseExpired, RunCancelled, RunFailed, RunInterrupted,
    RunQueued, RunRetrying, RunStarted, RunSucceeded, StepEnded, StepStarted,
};
use session::{SessionClosed, SessionOpened};
use system::{CommandRejected, EngineStarted, EngineStopped, LogTruncated};

/// Data of a known type that does not fit that type.
#[derive(Debug, thiserror::Error)]
#[error("the data of a `{kind}` event does not fit its type")]
pub struct BadEventData {
    /// The event's type.
    pub kind: String,
    /// What serde says.
    pub source: serde_json::Error,
}

macro_rules! events {
    ($($wire:literal => $variant:ident,)*) => {
        /// Everything the engine itself can record.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant is documented on its type")]
        pub enum Event { $($variant($variant),)* }

        impl Event {
            /// Every type on the wire.
            pub const TYPES: &[&str] = &[$($wire,)*];

            /// The type on the wire.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $wire,)* }
            }

            /// The data as JSON.
            pub fn data(&self) -> Bytes {
                match self { $(Self::$variant(data) => encode(data),)* }
            }

            /// Reads an event back. `None`: a type that the engine does not know, such as one of `event.append`.
            pub fn decode(kind: &str, data: &[u8]) -> Option<Result<Self, BadEventData>> {
                match kind {
                    $($wire => Some(decode(kind, data).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }

        $(impl From<$variant> for Event {
            fn from(event: $variant) -> Self { Self::$variant(event) }
        })*
    };
}

events! {
    "pipeline.created" => PipelineCreated,
    "pipeline.revised" => PipelineRevised,
    "pipeline.activated" => PipelineActivated,
    "pipeline.paused" => PipelinePaused,
    "pipeline.resumed" => PipelineResumed,
    "pipeline.archived" => PipelineArchived,
    "pipeline.restored" => PipelineRestored,
    "pipeline.deleted" => PipelineDeleted,
    "pipeline.run_requested" => RunRequested,
    "pipeline.run_ended" => RunEnded,
    "pipeline.tick_skipped" => TickSkipped,
    "pipeline.checkpoints_set" => CheckpointsSet,
    "pipeline.checkpoints_rolled_back" => CheckpointsRolledBack,
    "run.queued" => RunQueued,
    "run.started" => RunStarted,
    "run.step_started" => StepStarted,
    "run.step_ended" => StepEnded,
    "run.checkpointed" => Checkpointed,
    "run.dead_lettered" => DeadLettered,
    "run.retrying" => RunRetrying,
    "run.interrupted" => RunInterrupted,
    "run.cancel_requested" => CancelRequested,
    "run.lease_expired" => LeaseExpired,
    "run.late_report_ignored" => LateReportIgnored,
    "run.succeeded" => RunSucceeded,
    "run.failed" => RunFailed,
    "run.cancelled" => RunCancelled,
    "queue.declared" => QueueDeclared,
    "queue.message_sent" => MessageSent,
    "queue.purged" => QueuePurged,
    "queue.redriven" => QueueRedriven,
    "queue.dead_letter_edited" => DeadLetterEdited,
    "queue.dead_letters_replayed" => DeadLettersReplayed,
    "queue.dead_letters_discarded" => DeadLettersDiscarded,
    "engine.started" => EngineStarted,
    "engine.stopped" => EngineStopped,
    "engine.log_truncated" => LogTruncated,
    "command.rejected" => CommandRejected,
    "alert.raised" => AlertRaised,
    "alert.resolved" => AlertResolved,
    "alert.silenced" => AlertSilenced,
    "alert.notified" => AlertNotified,
    "session.opened" => SessionOpened,
    "session.closed" => SessionClosed,
}

/// Room for nearly every event's data.
const ROOM: usize = 512;

/// In memory of just its size: there it may stay for long.
fn encode(data: &impl Serialize) -> Bytes {
    let mut text = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut text, data).expect("events are made of strings, numbers, lists and maps");
    Bytes::copy_from_slice(&text)
}

fn decode<T: DeserializeOwned>(kind: &str, data: &[u8]) -> Result<T, BadEventData> {
    // Once for all of it: as bytes, each name and text in it would be looked at for itself.
    let decoded = str::from_utf8(data).map_or_else(|_| serde_json::from_slice(data), serde_json::from_str);
    decoded.map_err(|source| BadEventData { kind: kind.into(), source })
}
