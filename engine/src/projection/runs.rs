//! Runs and their steps. Live runs are all kept; of those that ended, the newest.

mod fold;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rows::Rows;
use crate::{
    event::{
        Envelope, Event,
        pipeline::RunTrigger,
        run::{RunError, StepCounts},
    },
    id::{Actor, CorrelationId, PipelineName, Revision, RunId, StepName},
};

/// The most ended runs kept; the oldest go first.
pub const ENDED_RUNS_MAX: usize = 10_000;

/// The most streams of sources whose checkpoints are kept per run; further ones are not, and those streams begin anew.
pub const CHECKPOINTS_MAX: usize = 10_000;

/// Where a run is in its life. The last three absorb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Waits for its next attempt.
    Retrying,
    /// Is to stop.
    Cancelling,
    /// Did everything.
    Succeeded,
    /// Used its budget up.
    Failed,
    /// Was stopped.
    Cancelled,
}

impl RunState {
    /// Whether nothing more happens to it.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where a step of the current attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Works.
    Running,
    /// All its records went on.
    Succeeded,
    /// The reason that the attempt failed.
    Failed,
    /// Never began.
    Skipped,
    /// Was stopped.
    Cancelled,
}

/// A step of the current attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// Which.
    pub step: StepName,
    /// Where it is.
    pub state: StepState,
    /// Of which attempt.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What went through; live figures are in the vitals.
    pub counts: StepCounts,
    /// Why it failed.
    pub error: Option<RunError>,
}

/// The newest checkpoint of one stream of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointRow {
    /// Opaque.
    pub cursor: Value,
    /// When.
    pub at: Timestamp,
    /// Counts this stream's checkpoints from 1.
    pub number: u64,
    /// Records safe since that attempt began.
    pub records: u64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Whose.
    pub pipeline: PipelineName,
    /// From 1, per pipeline.
    pub number: u64,
    /// The revision it keeps.
    pub revision: Revision,
    /// What asked for it.
    pub trigger: RunTrigger,
    /// Who.
    pub actor: Actor,
    /// What it belongs to.
    pub correlation: CorrelationId,
    /// Checked parameters.
    pub params: Map<String, Value>,
    /// The run that this one tries again.
    pub retry_of: Option<RunId>,
    /// Where it is in its life.
    pub state: RunState,
    /// The current attempt; 0: none yet.
    pub attempt: u32,
    /// Tries in all.
    pub attempts_max: u32,
    /// The current lease.
    pub epoch: u64,
    /// Who holds it.
    pub worker: String,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When its first attempt began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When the state it is in ends by itself: queue deadline, attempt timeout, next attempt, forced cancel.
    pub deadline: Option<Timestamp>,
    /// Why the last attempt failed, or why it was cancelled.
    pub error: Option<RunError>,
    /// Why it is to stop, or was stopped.
    pub cancel_reason: String,
    /// It did not stop in time and was given up.
    pub forced: bool,
    /// In the order in which they began.
    pub steps: Vec<StepRow>,
    /// Per source and stream; of these at most [`CHECKPOINTS_MAX`].
    #[serde(with = "pairs")]
    pub checkpoints: BTreeMap<(StepName, String), CheckpointRow>,
    /// Records that the sources gave, when it has ended.
    pub records_in: u64,
    /// Records that are durable in the sinks, when it has ended.
    pub records_out: u64,
    /// Records that went to the dead letters.
    pub dead: u64,
}

/// Checkpoints as a list of pairs: JSON has no keys but text.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{CheckpointRow, StepName};

    type Checkpoints = BTreeMap<(StepName, String), CheckpointRow>;

    pub(super) fn serialize<S: Serializer>(checkpoints: &Checkpoints, output: S) -> Result<S::Ok, S::Error> {
        checkpoints.iter().collect::<Vec<_>>().serialize(output)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Checkpoints, D::Error> {
        Vec::deserialize(input).map(|pairs| pairs.into_iter().collect())
    }
}

/// Runs, by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// By id.
    pub runs: Rows<RunId, RunRow>,
    /// Ended runs in the order in which they ended, oldest first.
    pub ended: std::collections::VecDeque<RunId>,
}

impl Runs {
    /// Folds one event in.
    pub fn apply(&mut self, envelope: &Envelope, event: &Event) {
        let Some(Ok(run)) = envelope.stream.as_str().strip_prefix("run/").map(str::parse::<RunId>) else { return };
        if let Event::RunQueued(queued) = event {
            self.runs.insert(run, RunRow::queued(run, envelope, queued));
            return;
        }
        let Some(row) = self.runs.get_mut(&run) else { return };
        let had_ended = row.state.is_ended();
        row.apply(envelope.event.at, event);
        if row.state.is_ended() && !had_ended {
            self.ended.push_back(run);
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        self.forget_ended(ENDED_RUNS_MAX);
    }

    /// Forgets ended runs, the oldest first, until at most `max` are left: for whoever wants to know only of the newest.
    pub fn forget_ended(&mut self, max: usize) {
        while self.ended.len() > max
            && let Some(oldest) = self.ended.pop_front()
        {
            self.runs.remove(&oldest);
        }
    }

    /// The runs of a pipeline, newest first.
    pub fn of<'a>(&'a self, pipeline: &'a PipelineName) -> impl Iterator<Item = &'a RunRow> {
        let mut rows: Vec<_> = self.runs.values().filter(|row| row.pipeline == *pipeline).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.number, row.id)));
        rows.into_iter()
    }
}
