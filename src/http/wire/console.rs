//! Shapes that only consoles need. Each turns into the engine's own type and back.

use std::{path::PathBuf, sync::Arc};

use flexcore_engine::{
    flow::dry_run::{DryRun, DryStep},
    id::{Revision, StepName},
    pipeline::{Definition, mistake::PlacedMistake},
    port::step::{Origin, Record, RecordError, StepKind},
};
use flexcore_ui::link::{Checked, Tap};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::queues::raw;

/// A record as it passed by.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Record)]
pub struct RecordBody {
    /// Its JSON.
    #[schema(value_type = Value)]
    pub json: Box<RawValue>,
    /// The file, queue, URL or process that it came from.
    pub place: Option<String>,
    /// Line, message number or index there, from 1; 0: none.
    pub number: u64,
}

/// The last few records that left one step.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = Tap)]
pub struct TapBody {
    /// The step.
    #[schema(value_type = String)]
    pub step: StepName,
    /// Oldest first.
    pub records: Vec<RecordBody>,
}

/// A definition as checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckedBody {
    /// Names the content.
    pub revision: Revision,
    /// What it does.
    pub definition: Arc<Definition>,
    /// The folder that relative paths start from.
    pub folder: String,
}

/// What came of a check: one of the two.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckAnswer {
    /// Without mistakes.
    #[schema(value_type = Option<Object>)]
    pub checked: Option<CheckedBody>,
    /// With its mistakes.
    #[schema(value_type = Option<Vec<Object>>)]
    pub mistakes: Option<Vec<PlacedMistake>>,
}

/// A command was carried out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = CommandDone)]
pub struct Done {
    /// The last event that it led to.
    pub last: u64,
    /// What was done beyond the obvious; may be empty.
    pub note: String,
}

/// What every step did with the samples.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DryRun)]
pub struct DryRunBody {
    /// In the definition's order.
    pub steps: Vec<DryStepBody>,
}

/// What one step did with the samples.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = DryStep)]
pub struct DryStepBody {
    /// Which.
    #[schema(value_type = String)]
    pub step: StepName,
    /// source, transform, sink or task.
    #[schema(value_type = String)]
    pub kind: StepKind,
    /// Records that came in.
    pub records_in: usize,
    /// Records that went on.
    pub output: Vec<RecordBody>,
    /// Records filtered out.
    pub dropped: usize,
    /// Records refused.
    pub rejected: Vec<RejectedBody>,
    /// Why the step could not work at all.
    pub error: Option<String>,
}

/// A record that was refused.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = RejectedRecord)]
pub struct RejectedBody {
    /// The record.
    pub record: RecordBody,
    /// Why.
    pub message: String,
    /// Whether trying it again may help.
    pub retryable: bool,
}

impl From<&Record> for RecordBody {
    fn from(record: &Record) -> Self {
        let Origin { place, number } = &record.origin;
        Self { json: raw(&record.json), place: place.as_deref().map(str::to_owned), number: *number }
    }
}

impl From<RecordBody> for Record {
    fn from(body: RecordBody) -> Self {
        let origin = Origin { place: body.place.map(Into::into), number: body.number };
        Self { origin, ..Self::new(Box::<str>::from(body.json).into_string()) }
    }
}

impl TapBody {
    /// Of the records of a step.
    pub fn of(step: &StepName, records: &[Record]) -> Self {
        Self { step: step.clone(), records: records.iter().map(RecordBody::from).collect() }
    }
}

impl From<TapBody> for Tap {
    fn from(body: TapBody) -> Self {
        Self { step: body.step, records: body.records.into_iter().map(Record::from).collect() }
    }
}

impl From<CheckedBody> for Checked {
    fn from(body: CheckedBody) -> Self {
        Self { revision: body.revision, definition: body.definition, folder: PathBuf::from(body.folder) }
    }
}

impl From<DryRun> for DryRunBody {
    fn from(run: DryRun) -> Self {
        Self { steps: run.steps.into_iter().map(DryStepBody::from).collect() }
    }
}

impl From<DryRunBody> for DryRun {
    fn from(body: DryRunBody) -> Self {
        Self { steps: body.steps.into_iter().map(DryStep::from).collect() }
    }
}

impl From<DryStep> for DryStepBody {
    fn from(step: DryStep) -> Self {
        let rejected = |(record, error): &(Record, RecordError)| RejectedBody {
            record: record.into(),
            message: error.message.clone(),
            retryable: error.retryable,
        };
        Self {
            rejected: step.rejected.iter().map(rejected).collect(),
            output: step.output.iter().map(RecordBody::from).collect(),
            step: step.step,
            kind: step.kind,
            records_in: step.records_in,
            dropped: step.dropped,
            error: step.error,
        }
    }
}

impl From<DryStepBody> for DryStep {
    fn from(body: DryStepBody) -> Self {
        let rejected = |RejectedBody { record, message, retryable }| (Record::from(record), RecordError { message, retryable });
        Self {
            step: body.step,
            kind: body.kind,
            records_in: body.records_in,
            output: body.output.into_iter().map(Record::from).collect(),
            dropped: body.dropped,
            rejected: body.rejected.into_iter().map(rejected).collect(),
            error: body.error,
        }
    }
}
