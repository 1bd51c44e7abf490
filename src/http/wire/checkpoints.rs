//! Checkpoints of pipelines on the wire. Cursors are passed on as the JSON that they are: only their step reads them.

use flexcore_engine::{
    event::pipeline::CheckpointChange,
    id::StepName,
    projection::{
        checkpoints::{CheckpointsRow, Difference, Origin, Standing, Version},
        runs::{CheckpointRow, RunRow},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{events::actor_text, runs::CHECKPOINTS_SHOWN_MAX};

/// The checkpoints of a continuous pipeline; of a batch, those of its newest run that kept any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Checkpoints)]
pub struct CheckpointsBody {
    /// Where everything stands: the next run begins there. At most 1,000.
    pub current: Vec<StandingBody>,
    /// Versions, newest first; old ones are thinned out. A batch has none.
    pub items: Vec<VersionBody>,
    /// Of a batch: the run that `current` is of. Its next run begins at the beginning all the same.
    pub run: Option<Uuid>,
}

/// Where one stream of a source, or the output of a sink, stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Standing)]
pub struct StandingBody {
    /// The step.
    pub step: String,
    /// Which of its streams, such as a file.
    pub stream: String,
    /// Opaque to all but the step.
    pub cursor: Value,
    /// The version that put it there; of a batch, counted by stream.
    pub version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A version: sources and sinks as they stood together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckpointVersion)]
pub struct VersionBody {
    /// Counts the pipeline's versions from 1, those that are no longer kept included.
    pub version: u64,
    /// Its last event in the log.
    pub position: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// `run`: a run came so far; `set` or `rolled_back`: by hand.
    #[schema(example = "run")]
    pub kind: String,
    /// The run that came so far.
    pub run: Option<Uuid>,
    /// Its attempt.
    pub attempt: Option<u32>,
    /// The version that was gone back to; 0: the beginning.
    pub to: Option<u64>,
    /// What is not as in the version before it.
    pub changes: Vec<ChangeBody>,
}

/// Where one stream stands from there on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CheckpointChange)]
pub struct ChangeBody {
    /// The source or sink.
    #[schema(min_length = 1, max_length = 64)]
    pub step: String,
    /// Which of its streams, such as a file: as the list of checkpoints has it.
    #[schema(min_length = 1, max_length = 4096)]
    pub stream: String,
    /// As the step wrote it; `null`: at its beginning.
    pub cursor: Value,
}

/// How two versions differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckpointDifferences)]
pub struct DifferencesBody {
    /// The one; 0 is the beginning.
    pub from: u64,
    /// The other.
    pub to: u64,
    /// What is not the same in both.
    pub items: Vec<DifferenceBody>,
}

/// How one stream differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckpointDifference)]
pub struct DifferenceBody {
    /// The step.
    pub step: String,
    /// Its stream.
    pub stream: String,
    /// In the one; `null`: at its beginning.
    pub from: Value,
    /// In the other.
    pub to: Value,
}

impl From<&CheckpointsRow> for CheckpointsBody {
    fn from(row: &CheckpointsRow) -> Self {
        let current = row.current().into_iter().take(CHECKPOINTS_SHOWN_MAX).map(StandingBody::from).collect();
        Self { current, items: row.versions.iter().rev().map(VersionBody::from).collect(), run: None }
    }
}

impl From<&RunRow> for CheckpointsBody {
    fn from(run: &RunRow) -> Self {
        let standing = |((step, stream), kept): (&(StepName, String), &CheckpointRow)| StandingBody {
            step: step.to_string(),
            stream: stream.clone(),
            cursor: kept.cursor.clone(),
            version: kept.number,
            at: kept.at,
        };
        let current = run.checkpoints.iter().take(CHECKPOINTS_SHOWN_MAX).map(standing).collect();
        Self { current, items: Vec::new(), run: Some(run.id.0) }
    }
}

impl From<Standing> for StandingBody {
    fn from(standing: Standing) -> Self {
        let Standing { step, stream, cursor, version, at } = standing;
        Self { step: step.to_string(), stream, cursor, version, at }
    }
}

impl From<&Version> for VersionBody {
    fn from(version: &Version) -> Self {
        let (kind, run, attempt, to) = match version.origin {
            Origin::Run { run, attempt } => ("run", Some(run.0), Some(attempt), None),
            Origin::Set => ("set", None, None, None),
            Origin::RolledBack { to } => ("rolled_back", None, None, Some(to)),
        };
        let change = |((step, stream), cursor): (&(StepName, String), &Option<Value>)| ChangeBody {
            step: step.to_string(),
            stream: stream.clone(),
            cursor: cursor.clone().unwrap_or_default(),
        };
        Self {
            version: version.number,
            position: version.position.0,
            at: version.at,
            by: actor_text(&version.by),
            kind: kind.into(),
            run,
            attempt,
            to,
            changes: version.changes.iter().map(change).collect(),
        }
    }
}

impl ChangeBody {
    /// What is asked for. `None`: there cannot be a step of that name.
    pub fn into_change(self) -> Option<CheckpointChange> {
        let Self { step, stream, cursor } = self;
        let cursor = Some(cursor).filter(|cursor| !cursor.is_null());
        Some(CheckpointChange { step: StepName::new(&step).ok()?, stream, cursor })
    }
}

impl From<Difference> for DifferenceBody {
    fn from(difference: Difference) -> Self {
        let Difference { step, stream, from, to } = difference;
        Self { step: step.to_string(), stream, from: from.unwrap_or_default(), to: to.unwrap_or_default() }
    }
}
