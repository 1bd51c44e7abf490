//! What happens to one run (stream `run/<id>`). Records, counters and log lines are not events: they are too many, and
//! live in the vital figures and the run's log.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{PipelineName, Revision, RunId, StepName};

use super::pipeline::RunTrigger;

/// It waits for a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunQueued {
    /// Whose run.
    pub pipeline: PipelineName,
    /// The revision that it keeps to its end.
    pub revision: Revision,
    /// Counts the pipeline's runs from 1.
    pub number: u64,
    /// What asked for it.
    pub trigger: RunTrigger,
    /// Checked parameters, defaults filled in.
    pub params: Map<String, Value>,
    /// The run that this one tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<RunId>,
    /// Tries in all that the run's policy allows.
    pub attempts_max: u32,
    /// Not started by then, it is cancelled.
    pub deadline: Timestamp,
}

/// A worker began an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// From 1.
    pub attempt: u32,
    /// Fences reports of older leases: grows with every claim.
    pub epoch: u64,
    /// The node and slot.
    pub worker: String,
    /// Not ended by then, it is cancelled. `None`: a continuous run.
    pub deadline: Option<Timestamp>,
}

/// A step of the attempt began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepStarted {
    /// Of which attempt.
    pub attempt: u32,
    /// Which step.
    pub step: StepName,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// All its records went on.
    Succeeded,
    /// It is the reason that the attempt failed.
    Failed,
    /// It never began: something before it failed.
    Skipped,
    /// It was stopped.
    Cancelled,
}

/// What went through a step. Counts are of this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepCounts {
    /// Records in.
    #[serde(rename = "in")]
    pub records_in: u64,
    /// Records out (a sink: records that are durable).
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

impl StepCounts {
    /// Adds what went through at another time.
    pub fn add(&mut self, more: &Self) {
        self.records_in += more.records_in;
        self.records_out += more.records_out;
        self.dropped += more.dropped;
        self.dead += more.dead;
        self.bytes += more.bytes;
        self.retries += more.retries;
    }
}

/// A step of the attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepEnded {
    /// Of which attempt.
    pub attempt: u32,
    /// Which step.
    pub step: StepName,
    /// How.
    pub outcome: StepOutcome,
    /// What went through.
    pub counts: StepCounts,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// The first real error, with its causes. At most 16 KiB in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// The step that failed; `None`: the run as a whole (deadline, lease).
    pub step: Option<StepName>,
    /// One sentence.
    pub message: String,
    /// What led to it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// The record that did it, cut to 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Whether another try may help.
    pub retryable: bool,
}

/// The records of a source up to here are safely in the sinks; or, of a sink that can go on, where its output stands with
/// just those records in it. What belongs together is in one append.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checkpointed {
    /// Of which attempt.
    pub attempt: u32,
    /// The lease that wrote it.
    pub epoch: u64,
    /// The source or sink.
    pub step: StepName,
    /// Which of its streams, such as a file or a partition.
    pub stream: String,
    /// Opaque to all but the step.
    pub cursor: Value,
    /// Records of this step that are safe since the attempt began.
    pub records: u64,
}

/// Records went to the dead letters; one event stands for all since the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLettered {
    /// Of which attempt.
    pub attempt: u32,
    /// The step that could not process them.
    pub step: StepName,
    /// How many.
    pub count: u64,
    /// The error of the first of them.
    pub error: String,
}

/// The attempt failed; the next one waits for its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRetrying {
    /// The attempt that failed.
    pub attempt: u32,
    /// Why.
    pub error: RunError,
    /// When the next attempt may begin.
    pub next_at: Timestamp,
}

/// The engine stopped and gave the lease back: the attempt does not count, and waits to begin anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunInterrupted {
    /// The attempt that was interrupted.
    pub attempt: u32,
    /// The lease that was given back.
    pub epoch: u64,
    /// Who held it.
    pub worker: String,
    /// When it may begin anew.
    pub next_at: Timestamp,
}

/// It is to stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Why, for people; may be empty.
    pub reason: String,
    /// Not stopped by then, it is cancelled by force.
    pub deadline: Timestamp,
}

/// A worker did not report in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeaseExpired {
    /// Of which attempt.
    pub attempt: u32,
    /// The lease that ended.
    pub epoch: u64,
    /// Who held it.
    pub worker: String,
}

/// A report of an old lease, or of a run that has ended, came in: recorded, never applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LateReportIgnored {
    /// The lease of the report.
    pub epoch: u64,
    /// The lease that counts.
    pub current: u64,
    /// What was reported.
    pub report: String,
}

/// All its sources ended and everything reached its sinks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSucceeded {
    /// The attempt that did it.
    pub attempt: u32,
    /// Records that the sources gave.
    pub records_in: u64,
    /// Records that are durable in the sinks.
    pub records_out: u64,
    /// Records that went to the dead letters.
    pub dead: u64,
}

/// The retry budget is used up, or the error is of a kind that no retry mends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    /// The last attempt; 0: it never began.
    pub attempt: u32,
    /// Why.
    pub error: RunError,
}

/// It was stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCancelled {
    /// The attempt that was stopped; 0: it never began.
    pub attempt: u32,
    /// Why, for people; may be empty.
    pub reason: String,
    /// It did not stop in time and was given up.
    pub forced: bool,
}
