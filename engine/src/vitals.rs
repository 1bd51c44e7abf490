//! The figures that are too many for the log: what flows through each edge, how deep queues are, what the process uses.
//! Taken twice a second, shared as one value, never stored.

use jiff::Timestamp;

use crate::{
    event::run::StepCounts,
    id::{PipelineName, QueueName, RunId, StepName},
    port::{queue::QueueStats, store::StoreStats},
};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Needs a look.
    Warn,
    /// Does not work.
    Fail,
    /// Not looked at yet.
    #[default]
    Unknown,
}

/// One thing that was looked at, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Like `log writable`.
    pub name: String,
    /// How it came out.
    pub state: CheckState,
    /// What was seen, one line.
    pub evidence: String,
    /// When.
    pub at: Timestamp,
}

/// Where a step of a live run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepVitals {
    /// Which.
    pub step: Option<StepName>,
    /// What went through.
    pub counts: StepCounts,
    /// Records that wait before it.
    pub backlog: u64,
    /// Most records that may wait before it.
    pub backlog_max: u64,
    /// Since when it waits for another try, and why.
    pub retrying: Option<(Timestamp, String)>,
}

/// Records of a run as a whole, counted the same way while it lives and at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowTotals {
    /// What its sources gave, or what was fed in to be processed again.
    pub records_in: u64,
    /// What its sinks took.
    pub records_out: u64,
    /// What went to the dead letters.
    pub dead: u64,
}

/// What flows in a live run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunVitals {
    /// The run.
    pub run: RunId,
    /// Whose.
    pub pipeline: PipelineName,
    /// In the definition's order.
    pub steps: Vec<StepVitals>,
    /// What went through as a whole.
    pub totals: FlowTotals,
    /// Batches that are not acked yet.
    pub unacked: u64,
    /// When records last moved.
    pub moved_at: Timestamp,
}

/// What the process uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProcessVitals {
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Processor time used since the start, in milliseconds.
    pub cpu_ms: u64,
    /// Operating-system threads.
    pub threads: u64,
    /// Open files.
    pub open_files: u64,
}

/// Everything of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Vitals {
    /// When it was taken.
    pub at: Timestamp,
    /// When the engine started.
    pub started_at: Timestamp,
    /// The node's name.
    pub node: String,
    /// The log.
    pub store: StoreStats,
    /// What the store is, like `memory`.
    pub store_kind: String,
    /// All queues, the internal ones included.
    pub queues: Vec<(QueueName, QueueStats)>,
    /// Live runs.
    pub runs: Vec<RunVitals>,
    /// Slots that run something.
    pub workers_busy: u32,
    /// Slots.
    pub workers: u32,
    /// The process.
    pub process: ProcessVitals,
    /// What was looked at.
    pub checks: Vec<Check>,
}
