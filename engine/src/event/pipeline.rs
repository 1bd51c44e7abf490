//! What happens to a pipeline (stream `pipeline/<name>`).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{Revision, RunId, StepName},
    pipeline::Definition,
};

/// The author's document, kept for people; the definition is what counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// YAML or JSON as written, environment variables not filled in. At most 256 KiB.
    pub text: Arc<str>,
    /// The file it came from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Arc<str>>,
    /// The folder that relative paths of steps start from.
    pub folder: Arc<str>,
}

/// A draft exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineCreated {
    /// Names the content.
    pub revision: Revision,
    /// What it does.
    pub definition: Arc<Definition>,
    /// As the author wrote it.
    pub source: Source,
}

/// It has a new definition; runs that live keep theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineRevised {
    /// Names the content.
    pub revision: Revision,
    /// Counts revisions from 1 (the created one).
    pub number: u32,
    /// What it does.
    pub definition: Arc<Definition>,
    /// As the author wrote it.
    pub source: Source,
}

/// Its triggers may start runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineActivated {
    /// What was activated.
    pub revision: Revision,
}

/// Its triggers start nothing until it is resumed. Runs that live go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelinePaused {
    /// Why, for people; may be empty.
    pub reason: String,
}

/// Its triggers may start runs again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineResumed {}

/// It is out of use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineArchived {}

/// It is a draft again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineRestored {}

/// It is gone, and its name is free. What it did stays in the log for as long as retention keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineDeleted {}

/// What asked for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RunTrigger {
    /// An operator or a caller of the API.
    Manual,
    /// The schedule.
    Schedule {
        /// The moment that was due.
        tick: Timestamp,
    },
    /// An operator, after a run that failed or was cancelled.
    Retry {
        /// That run.
        of: RunId,
    },
    /// An operator, to process dead letters again.
    Replay,
    /// A continuous pipeline was activated or resumed, or its engine came back.
    Activation,
}

/// A run was asked for and accepted; appended together with the run's own first event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequested {
    /// The run.
    pub run: RunId,
    /// Counts the pipeline's runs from 1.
    pub number: u64,
    /// What asked.
    pub trigger: RunTrigger,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything reached its sinks (or the dead letters).
    Succeeded,
    /// The retry budget is used up.
    Failed,
    /// Somebody asked for it, or a deadline did.
    Cancelled,
}

/// A run ended; appended together with the run's own last event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEnded {
    /// The run.
    pub run: RunId,
    /// How.
    pub outcome: Outcome,
}

/// A tick that did not start a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TickSkipped {
    /// The moment that was due.
    pub tick: Timestamp,
    /// Why not.
    pub reason: SkipReason,
    /// How many ticks this stands for: ticks missed in one stretch are one event.
    pub count: u64,
}

/// Why a tick did not start a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// A run still lives and the overlap policy is `skip`.
    Overlap,
    /// The pipeline was paused.
    Paused,
    /// The engine did not run at that moment, and the catch-up policy does not make it good.
    Missed,
    /// The clock change skipped that time and the rule is `skip`.
    DstGap,
    /// As many runs wait as may wait.
    QueueFull,
}

/// Where one stream of a source, or the output of a sink, stands from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointChange {
    /// The source or sink.
    pub step: StepName,
    /// Which of its streams, such as a file.
    pub stream: String,
    /// Opaque to all but the step. `None`: it begins at its beginning.
    pub cursor: Option<Value>,
}

/// Somebody put checkpoints of a continuous pipeline elsewhere: its next run begins there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointsSet {
    /// What is no longer as it was; never empty.
    pub changes: Vec<CheckpointChange>,
    /// It goes on with what the event before it, of the same append, had no room for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}

/// Somebody set all checkpoints of a continuous pipeline to where they stood together in an earlier version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointsRolledBack {
    /// That version; 0: the beginning.
    pub to: u64,
    /// What is no longer as it was; never empty.
    pub changes: Vec<CheckpointChange>,
    /// It goes on with what the event before it, of the same append, had no room for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}
