//! The figures that are too many for the log: what flows through each edge, how deep queues are, what the process uses.
//! Taken twice a second, less often at rest, shared as one value, never stored. Metrics are told from these, too: the engine
//! knows no exporter.

mod check;
pub mod latency;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::run::StepCounts,
    id::{PipelineName, Position, QueueName, RunId, StepName},
    port::{clock::between, queue::QueueStats, store::StoreStats},
    unit::Duration,
};

pub use check::{Bearing, Check, CheckState, Figure, Finding, Verdict};
use latency::Latencies;

/// Figures that are so much later than they were to be tell that whoever takes them is held up.
pub const LATE_MAX: Duration = Duration::from_secs(10);

/// Where a step of a live run stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowTotals {
    /// What its sources gave, or what was fed in to be processed again.
    pub records_in: u64,
    /// What its sinks took.
    pub records_out: u64,
    /// What went to the dead letters.
    pub dead: u64,
}

/// What flows in a live run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// The disk that the data is on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiskVitals {
    /// The folder that was looked at.
    pub folder: String,
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// What was asked of the log by the one appender, since this process began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AppendVitals {
    /// Events that were appended.
    pub events: u64,
    /// Appends that the log did not take, conflicts of writers not counted.
    pub failed: u64,
    /// How long the ones took that it did.
    pub took: Latencies,
    /// When the last one was taken.
    pub last_at: Option<Timestamp>,
    /// When the last one was not, and why; `None` also when the log was written since.
    pub last_failure: Option<(Timestamp, String)>,
}

/// What became of commands, since this process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommandVitals {
    /// Carried out.
    pub accepted: u64,
    /// Refused, because the state of the world did not allow it.
    pub rejected: u64,
    /// Not carried out because the log or a queue could not be reached, or carried out and not on record.
    pub failed: u64,
}

/// How far a reader of the log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderVitals {
    /// What reads, like `dispatcher`.
    pub name: String,
    /// Everything up to here was handed to it.
    pub position: Position,
    /// Events between there and the head.
    pub lag: u64,
    /// Since when it has not moved although it is behind.
    pub stuck_since: Option<Timestamp>,
}

/// What went through a step of a pipeline since this process began, in all its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTotals {
    /// Whose.
    pub pipeline: PipelineName,
    /// Which.
    pub step: StepName,
    /// The sum over the attempts.
    pub counts: StepCounts,
}

/// Everything of one moment. It is serialised for consoles that are elsewhere; one of another version passes over what it
/// does not know.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Vitals {
    /// When it was taken.
    pub at: Timestamp,
    /// How long it may take until newer ones are.
    pub newer_within: Duration,
    /// When the engine started.
    pub started_at: Timestamp,
    /// The node's name.
    pub node: String,
    /// The log.
    pub store: StoreStats,
    /// What the store is, like `memory`.
    pub store_kind: String,
    /// Why the log or the queues take nothing, in a few words; `None` while they do.
    pub refuses: Option<String>,
    /// What was asked of it.
    pub appends: AppendVitals,
    /// How long its syncs took; `None` for a log that has no disk.
    pub syncs: Option<Latencies>,
    /// What became of commands.
    pub commands: CommandVitals,
    /// Who reads the log, and how far behind they are.
    pub readers: Vec<ReaderVitals>,
    /// All queues, the internal ones included.
    pub queues: Vec<(QueueName, QueueStats)>,
    /// Live runs.
    pub runs: Vec<RunVitals>,
    /// What went through steps, in ended runs and live ones; by pipeline and step.
    pub steps: Vec<StepTotals>,
    /// What went through steps that are too many to be told apart.
    pub steps_other: StepCounts,
    /// Slots that run something.
    pub workers_busy: u32,
    /// Slots.
    pub workers: u32,
    /// How late these figures were taken: how much the process is held up.
    pub lag_ms: u64,
    /// The process.
    pub process: ProcessVitals,
    /// The disk that the data is on; `None` when nothing is kept on one.
    pub disk: Option<DiskVitals>,
    /// What was looked at.
    pub checks: Vec<Check>,
}

impl Vitals {
    /// What the checks mean as a whole, at a moment.
    pub fn verdict(&self, now: Timestamp) -> Verdict<'_> {
        let age_max = Duration(self.newer_within.0 + LATE_MAX.0);
        Verdict::new(&self.checks, Duration(between(self.at, now)), age_max)
    }

    /// Whether these tell of other work or another state than those before; what the process uses trembles all the time.
    pub fn tells_more_than(&self, before: &Self) -> bool {
        let states =
            |vitals: &Self| vitals.checks.iter().map(|check| (check.name().to_owned(), check.state())).collect::<Vec<_>>();
        (self.started_at, self.store.head) != (before.started_at, before.store.head)
            || self.refuses != before.refuses
            || (self.workers_busy, self.workers) != (before.workers_busy, before.workers)
            || (&self.queues, &self.runs, &self.steps) != (&before.queues, &before.runs, &before.steps)
            || states(self) != states(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals() -> Vitals {
        let finding = Finding::new("log writable", CheckState::Ok, "appended in 0.1 ms");
        let check = Check { finding, since: Timestamp::UNIX_EPOCH, at: Timestamp::UNIX_EPOCH };
        Vitals { queues: vec![("orders".parse().unwrap(), QueueStats::default())], checks: vec![check], ..Vitals::default() }
    }

    #[test]
    fn figures_tell_more_where_they_tell_of_work_or_another_state() {
        let before = vitals();
        let trembles =
            Vitals { at: Timestamp::MAX, process: ProcessVitals { cpu_ms: 10, ..ProcessVitals::default() }, ..vitals() };
        assert!(!trembles.tells_more_than(&before));
        let mut fuller = vitals();
        fuller.queues[0].1.ready += 1;
        assert!(fuller.tells_more_than(&before));
        let mut failing = vitals();
        failing.checks[0].finding.state = CheckState::Fail;
        assert!(failing.tells_more_than(&before));
        let mut later = vitals();
        later.store.head = Position(7);
        assert!(later.tells_more_than(&before) && before.tells_more_than(&later));
    }
}
