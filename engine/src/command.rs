//! What can be asked. One closed enum; each aggregate decides its own part of it, from its own events, without a clock:
//! time and ids arrive with the request.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    alert::{AlertId, Firing},
    event::{
        pipeline::{CheckpointChange, RunTrigger, SkipReason, Source},
        queue::PurgeScope,
        run::{RunError, StepCounts, StepOutcome},
    },
    id::{Actor, CorrelationId, EventId, MessageId, PipelineName, QueueName, Revision, RunId, StepName},
    pipeline::Definition,
    port::queue::QueueLimits,
    unit::Duration,
};

/// A command with who asks, when, and what it belongs to.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Who asks.
    pub actor: Actor,
    /// When: the only "now" that deciding sees.
    pub at: Timestamp,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// The event that led to it.
    pub cause: Option<EventId>,
}

impl Request {
    /// A request that begins a correlation of its own.
    pub fn new(command: Command, actor: Actor, at: Timestamp) -> Self {
        Self { command, actor, at, correlation: CorrelationId::fresh(), cause: None }
    }
}

/// What can be asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// Of a pipeline.
    Pipeline(PipelineName, PipelineCommand),
    /// Of a run.
    Run(RunId, RunCommand),
    /// Of a queue.
    Queue(QueueName, QueueCommand),
    /// Of an alert.
    Alert(AlertId, AlertCommand),
}

/// What can be asked of a pipeline.
#[derive(Debug, Clone)]
pub enum PipelineCommand {
    /// Make a draft.
    Create {
        /// Names the content.
        revision: Revision,
        /// What it does; already checked.
        definition: Arc<Definition>,
        /// As the author wrote it.
        source: Source,
    },
    /// Give it a new definition.
    Revise {
        /// Names the content.
        revision: Revision,
        /// What it does; already checked.
        definition: Arc<Definition>,
        /// As the author wrote it.
        source: Source,
        /// Refuse when the current revision is another one. `None`: whatever it is.
        expected: Option<Revision>,
    },
    /// Make an earlier revision the current one again: recorded as a new revision with its content.
    Rollback {
        /// Number of the revision to go back to.
        number: u32,
    },
    /// Let its triggers start runs.
    Activate,
    /// Stop its triggers.
    Pause {
        /// Why, for people; may be empty.
        reason: String,
    },
    /// Let its triggers start runs again.
    Resume,
    /// Put it out of use. Refused while a run lives.
    Archive,
    /// Make a draft of an archived one.
    Restore,
    /// Forget an archived one: its name is free then.
    Delete,
    /// Start a run. Draft: only by hand. Archived: never. Decides the overlap policy.
    RequestRun {
        /// The id of the new run.
        run: RunId,
        /// What asks.
        trigger: RunTrigger,
        /// As given; checked against the definition's parameters.
        params: Map<String, Value>,
    },
    /// Record ticks that start no run.
    SkipTick {
        /// The (last) moment that was due.
        tick: Timestamp,
        /// Why not.
        reason: SkipReason,
        /// How many ticks.
        count: u64,
    },
    /// Put checkpoints of a continuous pipeline elsewhere. Refused while a run lives.
    SetCheckpoints {
        /// What to change; at most [`crate::aggregate::pipeline::CHANGES_MAX`].
        changes: Vec<CheckpointChange>,
    },
    /// Set all checkpoints of a continuous pipeline to a version, sources and sinks together. Refused while a run lives.
    RollBackCheckpoints {
        /// That version; 0: the beginning.
        to: u64,
        /// How that differs from where they stand, as [`crate::projection::checkpoints::CheckpointsRow::way_back`] says.
        changes: Vec<CheckpointChange>,
        /// The newest version as `changes` saw it: refused when there is a newer one by now.
        newest: u64,
    },
}

/// What can be asked of a run. All but `Cancel` come from the engine; those that carry an epoch are refused or recorded as
/// late when it is not the current one.
#[derive(Debug, Clone)]
pub enum RunCommand {
    /// A worker claims the next attempt. In `running`, a higher epoch means that the old lease ended.
    Start {
        /// The new lease; higher than any before.
        epoch: u64,
        /// The node and slot.
        worker: String,
        /// The longest the attempt may take.
        timeout: Option<Duration>,
    },
    /// A step began.
    StartStep {
        /// The lease.
        epoch: u64,
        /// Which.
        step: StepName,
    },
    /// A step ended.
    EndStep {
        /// The lease.
        epoch: u64,
        /// Which.
        step: StepName,
        /// How.
        outcome: StepOutcome,
        /// What went through.
        counts: StepCounts,
        /// Why it failed.
        error: Option<RunError>,
    },
    /// The records of sources up to here are safely in the sinks, which stand here: one event a mark, all or none.
    Checkpoint {
        /// The lease.
        epoch: u64,
        /// Where they stand.
        marks: Vec<Mark>,
    },
    /// Records went to the dead letters.
    RecordDeadLetters {
        /// The lease.
        epoch: u64,
        /// The step that refused them.
        step: StepName,
        /// How many.
        count: u64,
        /// Error of the first.
        error: String,
    },
    /// The attempt did everything.
    Succeed {
        /// The lease.
        epoch: u64,
        /// Records that the sources gave.
        records_in: u64,
        /// Records that are durable in the sinks.
        records_out: u64,
        /// Records that went to the dead letters.
        dead: u64,
    },
    /// The attempt failed. Becomes `retrying` while the budget lasts and the error is retryable.
    FailAttempt {
        /// The lease.
        epoch: u64,
        /// Why.
        error: RunError,
        /// The wait before the next attempt, already computed from policy and jitter.
        backoff: Duration,
    },
    /// The lease ended without a report: the attempt failed, and its number counts.
    ExpireLease {
        /// The lease.
        epoch: u64,
        /// The wait before the next attempt.
        backoff: Duration,
    },
    /// The engine stops, and the attempt with it: it does not count, and the run waits until an engine is there.
    Interrupt {
        /// The lease.
        epoch: u64,
    },
    /// Stop it.
    Cancel {
        /// Why, for people; may be empty.
        reason: String,
        /// How long it may take to stop by itself.
        grace: Duration,
    },
    /// The worker says that everything has stopped.
    ConfirmCancelled {
        /// The lease.
        epoch: u64,
    },
    /// The deadline of the state it is in has passed (queued, running, cancelling). Refused when it has not.
    EnforceDeadline,
}

/// Where one stream of a source, or the output of a sink, stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The step.
    pub step: StepName,
    /// Which of its streams, such as a file.
    pub stream: String,
    /// Opaque to all but the step.
    pub cursor: Value,
    /// Records of this step that are safe since the attempt began.
    pub records: u64,
}

/// What can be asked of a queue.
#[derive(Debug, Clone)]
pub enum QueueCommand {
    /// Create it, or give it other limits.
    Declare {
        /// Its limits.
        limits: QueueLimits,
    },
    /// Send a message by hand.
    Send {
        /// Its body: JSON.
        body: bytes::Bytes,
        /// 0 (first) to 9 (last).
        priority: u8,
        /// Not before this has passed.
        delay: Duration,
    },
    /// Empty it.
    Purge {
        /// Of what.
        scope: PurgeScope,
    },
    /// Send dead letters back to where they came from.
    Redrive {
        /// Which; empty: all.
        messages: Vec<MessageId>,
    },
    /// Change a dead letter's body.
    EditDeadLetter {
        /// Which.
        message: MessageId,
        /// The new body: JSON.
        body: bytes::Bytes,
    },
    /// Give dead letters up.
    DiscardDeadLetters {
        /// Which; at most 1000.
        messages: Vec<MessageId>,
    },
    /// Process dead letters of a pipeline again: a run of the current revision that begins at the steps that refused them.
    ReplayDeadLetters {
        /// Whose.
        pipeline: PipelineName,
        /// The id of the new run.
        run: RunId,
        /// Which; empty: all.
        messages: Vec<MessageId>,
    },
}

/// What can be asked of an alert. All but `Silence` come from the engine.
#[derive(Debug, Clone)]
pub enum AlertCommand {
    /// It is so.
    Raise {
        /// What was found.
        firing: Firing,
    },
    /// It is no longer so.
    Resolve {
        /// Why, for people.
        reason: String,
    },
    /// Tell nobody elsewhere of it for a time. A length of zero ends a silence.
    Silence {
        /// For how long, at most [`crate::aggregate::alert::SILENCE_MAX`].
        length: Duration,
        /// Why, for people; may be empty.
        reason: String,
    },
}

impl Command {
    /// What is asked of what kind of thing, like `activate pipeline`: there are only so many of these.
    pub fn kind(&self) -> String {
        match self {
            Self::Pipeline(_, command) => format!("{} pipeline", command.verb()),
            Self::Run(_, command) => format!("{} run", command.verb()),
            Self::Queue(_, command) => format!("{} queue", command.verb()),
            Self::Alert(_, command) => format!("{} alert", command.verb()),
        }
    }
}

impl fmt::Display for Command {
    /// Like `activate pipeline quakes`: for the audit of refusals and for toasts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipeline(name, command) => write!(f, "{} pipeline {name}", command.verb()),
            Self::Run(run, command) => write!(f, "{} run {}", command.verb(), run.short()),
            Self::Queue(name, command) => write!(f, "{} queue {name}", command.verb()),
            Self::Alert(alert, command) => write!(f, "{} alert {alert}", command.verb()),
        }
    }
}

impl PipelineCommand {
    /// The imperative, in one or two words.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Revise { .. } => "revise",
            Self::Rollback { .. } => "roll back",
            Self::Activate => "activate",
            Self::Pause { .. } => "pause",
            Self::Resume => "resume",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Delete => "delete",
            Self::RequestRun { .. } => "run",
            Self::SkipTick { .. } => "skip tick of",
            Self::SetCheckpoints { .. } => "set checkpoints of",
            Self::RollBackCheckpoints { .. } => "roll back checkpoints of",
        }
    }
}

impl RunCommand {
    /// The imperative, in one or two words.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::StartStep { .. } => "start step of",
            Self::EndStep { .. } => "end step of",
            Self::Checkpoint { .. } => "checkpoint",
            Self::RecordDeadLetters { .. } => "record dead letters of",
            Self::Succeed { .. } => "complete",
            Self::FailAttempt { .. } => "fail",
            Self::ExpireLease { .. } => "expire lease of",
            Self::Interrupt { .. } => "interrupt",
            Self::Cancel { .. } => "cancel",
            Self::ConfirmCancelled { .. } => "confirm cancel of",
            Self::EnforceDeadline => "enforce deadline of",
        }
    }
}

impl QueueCommand {
    /// The imperative, in one or two words.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Declare { .. } => "declare",
            Self::Send { .. } => "send to",
            Self::Purge { .. } => "purge",
            Self::Redrive { .. } => "redrive",
            Self::EditDeadLetter { .. } => "edit dead letter of",
            Self::DiscardDeadLetters { .. } => "discard dead letters of",
            Self::ReplayDeadLetters { .. } => "replay dead letters of",
        }
    }
}

impl AlertCommand {
    /// The imperative, in a few words.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Raise { .. } => "raise",
            Self::Resolve { .. } => "resolve",
            Self::Silence { length, .. } if length.0.is_zero() => "end the silence of",
            Self::Silence { .. } => "silence",
        }
    }
}
