//! What somebody outside may ask, on the wire. What the engine asks of itself (claims, reports, ticks) has no form here, so
//! nobody can send it.

use std::sync::Arc;

use flexcore_engine::{
    alert::AlertId,
    command::{AlertCommand, Command, PipelineCommand, QueueCommand, RunCommand},
    event::{
        pipeline::{CheckpointChange, RunTrigger, Source},
        queue::PurgeScope,
    },
    id::{MessageId, PipelineName, QueueName, Revision, RunId},
    pipeline::{Definition, revision},
    port::queue::QueueLimits,
    unit::Duration,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use super::queues::raw;

/// A command, as `{"pipeline": ["quakes", "activate"]}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutsideCommand {
    /// Of a pipeline.
    Pipeline(PipelineName, OfPipeline),
    /// Of a run.
    Run(RunId, OfRun),
    /// Of a queue.
    Queue(QueueName, OfQueue),
    /// Of an alert.
    Alert(AlertId, OfAlert),
}

/// What can be asked of a pipeline. The revision of a definition is worked out where it arrives.
#[expect(missing_docs, reason = "each is documented on the engine's command")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfPipeline {
    Create { definition: Arc<Definition>, source: Source },
    Revise { definition: Arc<Definition>, source: Source, expected: Option<Revision> },
    Rollback { number: u32 },
    Activate,
    Pause { reason: String },
    Resume,
    Archive,
    Restore,
    Delete,
    RequestRun { run: RunId, retry_of: Option<RunId>, params: Map<String, Value> },
    SetCheckpoints { changes: Vec<CheckpointChange> },
    RollBackCheckpoints { to: u64, changes: Vec<CheckpointChange>, newest: u64 },
}

/// What can be asked of a run.
#[expect(missing_docs, reason = "each is documented on the engine's command")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfRun {
    Cancel { reason: String, grace: Duration },
}

/// What can be asked of a queue.
#[expect(missing_docs, reason = "each is documented on the engine's command")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfQueue {
    Declare { limits: QueueLimits },
    Send { body: Box<RawValue>, priority: u8, delay: Duration },
    Purge { scope: PurgeScope },
    Redrive { messages: Vec<MessageId> },
    EditDeadLetter { message: MessageId, body: Box<RawValue> },
    DiscardDeadLetters { messages: Vec<MessageId> },
    ReplayDeadLetters { pipeline: PipelineName, run: RunId, messages: Vec<MessageId> },
}

/// What can be asked of an alert.
#[expect(missing_docs, reason = "each is documented on the engine's command")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OfAlert {
    Silence { length: Duration, reason: String },
}

impl OutsideCommand {
    /// The definition that it brings.
    pub fn definition(&self) -> Option<&Arc<Definition>> {
        match self {
            Self::Pipeline(_, OfPipeline::Create { definition, .. } | OfPipeline::Revise { definition, .. }) => Some(definition),
            _ => None,
        }
    }

    /// The engine's own command.
    pub fn into_command(self) -> Command {
        match self {
            Self::Pipeline(name, command) => Command::Pipeline(name, command.into()),
            Self::Run(run, OfRun::Cancel { reason, grace }) => Command::Run(run, RunCommand::Cancel { reason, grace }),
            Self::Queue(name, command) => Command::Queue(name, command.into()),
            Self::Alert(id, OfAlert::Silence { length, reason }) => Command::Alert(id, AlertCommand::Silence { length, reason }),
        }
    }

    /// The form on the wire. `None`: one that only the engine itself gives.
    pub fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::Pipeline(name, command) => Self::Pipeline(name, OfPipeline::of(command)?),
            Command::Run(run, RunCommand::Cancel { reason, grace }) => Self::Run(run, OfRun::Cancel { reason, grace }),
            Command::Queue(name, command) => Self::Queue(name, command.into()),
            Command::Alert(id, AlertCommand::Silence { length, reason }) => Self::Alert(id, OfAlert::Silence { length, reason }),
            Command::Run(..) | Command::Alert(..) => return None,
        })
    }
}

impl OfPipeline {
    fn of(command: PipelineCommand) -> Option<Self> {
        Some(match command {
            PipelineCommand::Create { definition, source, .. } => Self::Create { definition, source },
            PipelineCommand::Revise { definition, source, expected, .. } => Self::Revise { definition, source, expected },
            PipelineCommand::Rollback { number } => Self::Rollback { number },
            PipelineCommand::Activate => Self::Activate,
            PipelineCommand::Pause { reason } => Self::Pause { reason },
            PipelineCommand::Resume => Self::Resume,
            PipelineCommand::Archive => Self::Archive,
            PipelineCommand::Restore => Self::Restore,
            PipelineCommand::Delete => Self::Delete,
            PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params } => {
                Self::RequestRun { run, retry_of: None, params }
            }
            PipelineCommand::RequestRun { run, trigger: RunTrigger::Retry { of }, params } => {
                Self::RequestRun { run, retry_of: Some(of), params }
            }
            PipelineCommand::SetCheckpoints { changes } => Self::SetCheckpoints { changes },
            PipelineCommand::RollBackCheckpoints { to, changes, newest } => Self::RollBackCheckpoints { to, changes, newest },
            PipelineCommand::RequestRun { .. } | PipelineCommand::SkipTick { .. } => return None,
        })
    }
}

impl From<OfPipeline> for PipelineCommand {
    fn from(command: OfPipeline) -> Self {
        match command {
            OfPipeline::Create { definition, source } => Self::Create { revision: revision::of(&definition), definition, source },
            OfPipeline::Revise { definition, source, expected } => {
                Self::Revise { revision: revision::of(&definition), definition, source, expected }
            }
            OfPipeline::Rollback { number } => Self::Rollback { number },
            OfPipeline::Activate => Self::Activate,
            OfPipeline::Pause { reason } => Self::Pause { reason },
            OfPipeline::Resume => Self::Resume,
            OfPipeline::Archive => Self::Archive,
            OfPipeline::Restore => Self::Restore,
            OfPipeline::Delete => Self::Delete,
            OfPipeline::SetCheckpoints { changes } => Self::SetCheckpoints { changes },
            OfPipeline::RollBackCheckpoints { to, changes, newest } => Self::RollBackCheckpoints { to, changes, newest },
            OfPipeline::RequestRun { run, retry_of, params } => {
                let trigger = retry_of.map_or(RunTrigger::Manual, |of| RunTrigger::Retry { of });
                Self::RequestRun { run, trigger, params }
            }
        }
    }
}

fn bytes(json: Box<RawValue>) -> bytes::Bytes {
    Box::<str>::from(json).into_string().into()
}

impl From<OfQueue> for QueueCommand {
    fn from(command: OfQueue) -> Self {
        match command {
            OfQueue::Declare { limits } => Self::Declare { limits },
            OfQueue::Send { body, priority, delay } => Self::Send { body: bytes(body), priority, delay },
            OfQueue::Purge { scope } => Self::Purge { scope },
            OfQueue::Redrive { messages } => Self::Redrive { messages },
            OfQueue::EditDeadLetter { message, body } => Self::EditDeadLetter { message, body: bytes(body) },
            OfQueue::DiscardDeadLetters { messages } => Self::DiscardDeadLetters { messages },
            OfQueue::ReplayDeadLetters { pipeline, run, messages } => Self::ReplayDeadLetters { pipeline, run, messages },
        }
    }
}

impl From<QueueCommand> for OfQueue {
    fn from(command: QueueCommand) -> Self {
        match command {
            QueueCommand::Declare { limits } => Self::Declare { limits },
            QueueCommand::Send { body, priority, delay } => Self::Send { body: raw(&body), priority, delay },
            QueueCommand::Purge { scope } => Self::Purge { scope },
            QueueCommand::Redrive { messages } => Self::Redrive { messages },
            QueueCommand::EditDeadLetter { message, body } => Self::EditDeadLetter { message, body: raw(&body) },
            QueueCommand::DiscardDeadLetters { messages } => Self::DiscardDeadLetters { messages },
            QueueCommand::ReplayDeadLetters { pipeline, run, messages } => Self::ReplayDeadLetters { pipeline, run, messages },
        }
    }
}
