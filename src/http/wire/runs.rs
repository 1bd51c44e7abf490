//! Runs on the wire.

use flexcore_engine::{
    event::run::{RunError, StepCounts},
    flow::log::{LogLevel, LogLine},
    projection::runs::{RunRow, StepRow},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{events::actor_text, pipelines::word};

/// A run, in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Run)]
pub struct RunBody {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    #[schema(example = "quakes")]
    pub pipeline: String,
    /// Counts the pipeline's runs from 1.
    pub number: u64,
    /// queued, running, retrying, cancelling, succeeded, failed or cancelled.
    #[schema(example = "running")]
    pub state: String,
    /// The revision it keeps.
    pub revision: String,
    /// What asked for it, with `kind` manual, schedule, retry, replay or activation.
    #[schema(value_type = Object)]
    pub trigger: Value,
    /// Who.
    pub actor: String,
    /// What it belongs to.
    pub correlation: Uuid,
    /// Checked parameters, defaults filled in.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// The run that this one tries again.
    pub retry_of: Option<Uuid>,
    /// The current attempt; 0: none yet.
    pub attempt: u32,
    /// Tries in all.
    pub attempts_max: u32,
    /// Who works on it.
    pub worker: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub queued_at: Timestamp,
    /// When its first attempt began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// When the state it is in ends by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<ErrorBody>,
    /// Why it is to stop, or was stopped; may be empty.
    pub cancel_reason: String,
    /// Whether it did not stop in time and was given up.
    pub forced: bool,
    /// Records that the sources gave, when it has ended.
    pub records_in: u64,
    /// Records that are durable in the sinks, when it has ended.
    pub records_out: u64,
    /// Records that went to the dead letters.
    pub dead: u64,
}

/// Why something failed: the first real error, with its causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunError)]
pub struct ErrorBody {
    /// The step that failed; `null`: the run as a whole.
    pub step: Option<String>,
    /// One sentence.
    pub message: String,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
    /// The record that did it, cut to 4 KiB.
    pub record: Option<String>,
    /// Whether another try may help.
    pub retryable: bool,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunDetail)]
pub struct RunDetail {
    /// As in the list.
    #[serde(flatten)]
    pub run: RunBody,
    /// In the order in which they began.
    pub steps: Vec<StepBody>,
    /// How far its sources are safely in the sinks; at most 1,000 of them.
    pub checkpoints: Vec<CheckpointBody>,
}

/// A step of the current attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = RunStep)]
pub struct StepBody {
    /// Which.
    pub step: String,
    /// running, succeeded, failed, skipped or cancelled.
    pub state: String,
    /// Of which attempt.
    pub attempt: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// What went through, when it has ended.
    pub counts: CountsBody,
    /// Why it failed.
    pub error: Option<ErrorBody>,
}

/// What went through a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StepCounts)]
pub struct CountsBody {
    /// Records in.
    #[serde(rename = "in")]
    pub records_in: u64,
    /// Records out.
    #[serde(rename = "out")]
    pub records_out: u64,
    /// Records filtered out or skipped.
    pub dropped: u64,
    /// Records that went to the dead letters.
    pub dead: u64,
    /// Bytes of the records in, or out for a source.
    pub bytes: u64,
    /// Tries after a failure.
    pub retries: u64,
}

/// How far one stream of one source is safe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Checkpoint)]
pub struct CheckpointBody {
    /// The source.
    pub step: String,
    /// Which of its streams.
    pub stream: String,
    /// Opaque.
    pub cursor: Value,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Counts this stream's checkpoints from 1.
    pub number: u64,
    /// Records safe since that attempt began.
    pub records: u64,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLine)]
pub struct LineBody {
    /// Counts the run's lines from 1, dropped ones included.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub step: String,
    /// info, warn or error.
    pub level: String,
    /// What. It may hold any character: show it with care.
    pub text: String,
}

/// Lines of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// Oldest first.
    pub items: Vec<LineBody>,
    /// Send it as `after` to go on.
    pub next: u64,
}

/// The most checkpoints of one answer.
pub const CHECKPOINTS_SHOWN_MAX: usize = 1_000;

impl From<&RunError> for ErrorBody {
    fn from(error: &RunError) -> Self {
        let RunError { step, message, causes, record, retryable } = error.clone();
        Self { step: step.map(|step| step.to_string()), message, causes, record, retryable }
    }
}

impl From<&RunRow> for RunBody {
    fn from(row: &RunRow) -> Self {
        Self {
            id: row.id.0,
            pipeline: row.pipeline.to_string(),
            number: row.number,
            state: row.state.word().into(),
            revision: row.revision.to_string(),
            trigger: serde_json::to_value(&row.trigger).unwrap_or_default(),
            actor: actor_text(&row.actor),
            correlation: row.correlation.0,
            params: row.params.clone(),
            retry_of: row.retry_of.map(|run| run.0),
            attempt: row.attempt,
            attempts_max: row.attempts_max,
            worker: row.worker.clone(),
            queued_at: row.queued_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            deadline: row.deadline,
            error: row.error.as_ref().map(ErrorBody::from),
            cancel_reason: row.cancel_reason.clone(),
            forced: row.forced,
            records_in: row.records_in,
            records_out: row.records_out,
            dead: row.dead,
        }
    }
}

impl From<&RunRow> for RunDetail {
    fn from(row: &RunRow) -> Self {
        let checkpoint = |((step, stream), row): (&(_, String), &flexcore_engine::projection::runs::CheckpointRow)| {
            let step: &flexcore_engine::id::StepName = step;
            let (cursor, at, number, records) = (row.cursor.clone(), row.at, row.number, row.records);
            CheckpointBody { step: step.to_string(), stream: stream.clone(), cursor, at, number, records }
        };
        Self {
            run: row.into(),
            steps: row.steps.iter().map(StepBody::from).collect(),
            checkpoints: row.checkpoints.iter().take(CHECKPOINTS_SHOWN_MAX).map(checkpoint).collect(),
        }
    }
}

impl From<&StepRow> for StepBody {
    fn from(row: &StepRow) -> Self {
        Self {
            step: row.step.to_string(),
            state: word(&row.state),
            attempt: row.attempt,
            started_at: row.started_at,
            ended_at: row.ended_at,
            counts: row.counts.into(),
            error: row.error.as_ref().map(ErrorBody::from),
        }
    }
}

impl From<StepCounts> for CountsBody {
    fn from(counts: StepCounts) -> Self {
        let StepCounts { records_in, records_out, dropped, dead, bytes, retries } = counts;
        Self { records_in, records_out, dropped, dead, bytes, retries }
    }
}

impl From<LogLine> for LineBody {
    fn from(line: LogLine) -> Self {
        let level = match line.level {
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        Self { number: line.number, at: line.at, step: line.step.to_string(), level: level.into(), text: line.text }
    }
}

/// A line of a log that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a line of a run's log is not understood: step `{step}`, level `{level}`")]
pub struct BadLine {
    step: String,
    level: String,
}

impl TryFrom<LineBody> for LogLine {
    type Error = BadLine;
    fn try_from(body: LineBody) -> Result<Self, BadLine> {
        let level = match body.level.as_str() {
            "info" => Some(LogLevel::Info),
            "warn" => Some(LogLevel::Warn),
            "error" => Some(LogLevel::Error),
            _ => None,
        };
        let (Some(level), Ok(step)) = (level, body.step.parse()) else {
            return Err(BadLine { step: body.step, level: body.level });
        };
        Ok(Self { number: body.number, at: body.at, step, level, text: body.text })
    }
}
