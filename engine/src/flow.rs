//! One attempt of a run, moving: sources feed bounded edges, transforms and sinks drain them, acknowledgements travel
//! back, checkpoints follow the sinks.
//!
//! Every step is a task of its own. The order is always: sink durable, checkpoint durable, source told. What ends a flow
//! early (a failure, a cancel, a lost lease) halts every step; a step that does not let go in time is given up.

mod call;
pub mod dry_run;
pub mod edge;
mod keep;
pub mod ledger;
pub mod log;
pub mod meter;
mod outlet;
pub mod path;
mod reject;
mod replay;
mod shared;
mod sink;
mod sinks;
mod source;
mod step;
mod supervise;
mod task;
mod throttle;
mod trail;
mod transform;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::{
    event::run::RunError,
    id::{CorrelationId, PipelineName, QueueName, Revision, RunId, StepName},
    pipeline::{Definition, Plan},
    port::{
        clock::Clock,
        queue::Queues,
        report::RunReport,
        step::{EventAppender, Secrets, StepContext, StepTypes},
    },
    unit::Duration,
};

use self::{log::RunLog, meter::FlowMeters};

/// Where the records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowInput {
    /// The pipeline's sources.
    Sources,
    /// A queue of records that enter at the steps that once refused them, as [`ReplayMessage`]s; sources and tasks are left
    /// out. The run ends when the queue is empty. A record that fails again is a dead letter again, whatever the step's
    /// `on_error` says, so that it does not hold up the others.
    Replay(QueueName),
}

pub use replay::ReplayMessage;

/// What the steps of a flow are built with.
#[derive(Clone)]
pub struct FlowContext {
    /// Whose run.
    pub pipeline: PipelineName,
    /// The run.
    pub run: RunId,
    /// From 1.
    pub attempt: u32,
    /// The trace that requests of its steps name; `None`: none is recorded.
    pub trace: Option<CorrelationId>,
    /// The revision.
    pub revision: Revision,
    /// Checked parameters.
    pub params: Arc<Map<String, Value>>,
    /// When the attempt began.
    pub started_at: Timestamp,
    /// Where sources and sinks go on: by step, then by stream.
    pub checkpoints: BTreeMap<StepName, BTreeMap<String, Value>>,
    /// Relative paths start here.
    pub folder: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Queues; dead letters go there.
    pub queues: Arc<dyn Queues>,
    /// The log, for `event.append`.
    pub events: Arc<dyn EventAppender>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
}

impl FlowContext {
    /// What one step is built with.
    pub fn of_step(&self, step: &StepName, cancel: CancellationToken, log: &RunLog) -> StepContext {
        StepContext {
            pipeline: self.pipeline.clone(),
            run: self.run,
            attempt: self.attempt,
            trace: self.trace,
            revision: self.revision,
            step: step.clone(),
            params: self.params.clone(),
            is_replay: false,
            is_continuous: false,
            started_at: self.started_at,
            checkpoints: self.checkpoints.get(step).cloned().unwrap_or_default(),
            folder: self.folder.clone(),
            cancel,
            clock: self.clock.clone(),
            log: log.of_step(step.clone(), self.clock.clone()),
            queues: self.queues.clone(),
            events: self.events.clone(),
            secrets: self.secrets.clone(),
        }
    }
}

/// One attempt of a run, ready to move. Needs a tokio runtime.
pub struct Flow {
    /// What runs.
    pub definition: Arc<Definition>,
    /// Its graph.
    pub plan: Arc<Plan>,
    /// The table of step types.
    pub types: Arc<dyn StepTypes>,
    /// Where the records come from.
    pub input: FlowInput,
    /// What steps are built with.
    pub context: FlowContext,
    /// Who is told.
    pub report: Arc<dyn RunReport>,
    /// Cancelled from outside when the run is to stop: a batch stops at once, a continuous pipeline drains first.
    pub cancel: CancellationToken,
    /// Figures, for whoever watches. Of the same definition.
    pub meters: Arc<FlowMeters>,
    /// What steps say.
    pub log: RunLog,
    /// Seeds the jitter of waits.
    pub seed: u64,
    /// How long steps may take to let go after a halt, before they are given up.
    pub grace: Duration,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum FlowEnd {
    /// All sources ended and everything reached its sinks.
    Succeeded {
        /// Records that the sources gave.
        records_in: u64,
        /// Records that are durable in the sinks.
        records_out: u64,
        /// Records that went to the dead letters.
        dead: u64,
    },
    /// The first real error.
    Failed(RunError),
    /// It was stopped.
    Cancelled {
        /// Steps that did not let go in time and were given up. Empty: all did.
        stuck: Vec<StepName>,
    },
    /// Somebody else holds the run now; nothing more was reported.
    Fenced,
}

impl Flow {
    /// Runs to the end. Dropping the future gives every step up at once.
    pub async fn run(self) -> FlowEnd {
        supervise::run(self).await
    }
}

#[cfg(test)]
mod tests;
