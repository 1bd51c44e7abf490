//! Pipelines on the wire.

use flexcore_engine::projection::board::{LastRun, PipelineRow, RevisionRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::events::actor_text;

/// A pipeline, in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Pipeline)]
pub struct PipelineBody {
    /// Its name.
    #[schema(example = "quakes")]
    pub name: String,
    /// draft, active, paused or archived.
    #[schema(example = "active")]
    pub state: String,
    /// One line for people.
    pub description: String,
    /// The team or person to ask.
    pub owner: String,
    /// Words to filter by.
    pub tags: Vec<String>,
    /// Whether actions that stop or change it want its name typed.
    pub protected: bool,
    /// batch or continuous.
    pub mode: String,
    /// The SHA-256 of its definition.
    pub revision: String,
    /// Counts its revisions from 1.
    pub revision_number: u32,
    /// When its state or definition last changed.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
    /// When it was last activated or resumed, while it is active.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub active_since: Option<Timestamp>,
    /// Why it is paused; may be empty.
    pub paused_because: String,
    /// Runs that have not ended, oldest first.
    pub live: Vec<Uuid>,
    /// How the last ended run ended.
    pub last: Option<LastRunBody>,
    /// Runs asked for.
    pub runs_total: u64,
    /// Of these, succeeded.
    pub succeeded_total: u64,
    /// Failed.
    pub failed_total: u64,
    /// Cancelled.
    pub cancelled_total: u64,
    /// Runs that failed since the last one that succeeded.
    pub failed_in_row: u32,
    /// Ticks that started nothing.
    pub ticks_skipped: u64,
    /// Records that went to the dead letters, in all runs.
    pub dead_total: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LastRun)]
pub struct LastRunBody {
    /// The run.
    pub run: Uuid,
    /// succeeded, failed or cancelled.
    pub outcome: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A pipeline with its definition and revisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PipelineDetail)]
pub struct PipelineDetail {
    /// As in the list.
    #[serde(flatten)]
    pub pipeline: PipelineBody,
    /// What it does, as checked, defaults filled in.
    #[schema(value_type = Object)]
    pub definition: Value,
    /// As its author wrote it.
    pub source: SourceBody,
    /// Newest last; at most 50.
    pub revisions: Vec<RevisionBody>,
}

/// A pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceBody {
    /// YAML or JSON as written.
    pub text: String,
    /// The file it came from, if any.
    pub path: Option<String>,
    /// The folder that relative paths of its steps start from.
    pub folder: String,
}

/// A revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Revision)]
pub struct RevisionBody {
    /// From 1.
    pub number: u32,
    /// The SHA-256 of the definition.
    pub revision: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

/// One word of an enum that is written as one.
pub(in crate::http) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

impl From<&PipelineRow> for PipelineBody {
    fn from(row: &PipelineRow) -> Self {
        let (current, definition) = (row.current(), row.definition());
        Self {
            name: row.name.to_string(),
            state: row.state.word().into(),
            description: definition.description.clone(),
            owner: definition.owner.clone(),
            tags: definition.tags.clone(),
            protected: definition.protected,
            mode: word(&definition.mode),
            revision: current.revision.to_string(),
            revision_number: current.number,
            changed_at: row.changed_at,
            changed_by: actor_text(&row.changed_by),
            active_since: row.active_since,
            paused_because: row.paused_because.clone(),
            live: row.live.iter().map(|run| run.0).collect(),
            last: row.last.map(LastRunBody::from),
            runs_total: row.runs_total,
            succeeded_total: row.succeeded_total,
            failed_total: row.failed_total,
            cancelled_total: row.cancelled_total,
            failed_in_row: row.failed_in_row,
            ticks_skipped: row.ticks_skipped,
            dead_total: row.dead_total,
        }
    }
}

impl From<LastRun> for LastRunBody {
    fn from(last: LastRun) -> Self {
        Self { run: last.run.0, outcome: word(&last.outcome), at: last.at }
    }
}

impl From<&RevisionRow> for RevisionBody {
    fn from(row: &RevisionRow) -> Self {
        Self { number: row.number, revision: row.revision.to_string(), at: row.at, actor: actor_text(&row.actor) }
    }
}

impl From<&PipelineRow> for PipelineDetail {
    fn from(row: &PipelineRow) -> Self {
        let current = row.current();
        let source = SourceBody {
            text: current.source.text.to_string(),
            path: current.source.path.as_deref().map(str::to_owned),
            folder: current.source.folder.to_string(),
        };
        Self {
            pipeline: row.into(),
            definition: serde_json::to_value(&*current.definition).unwrap_or_default(),
            source,
            revisions: row.revisions.iter().map(RevisionBody::from).collect(),
        }
    }
}
