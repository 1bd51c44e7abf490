//! Why a command was not accepted: states of the world, expected and answered, never errors of infrastructure.

use crate::{
    alert::AlertId,
    id::{PipelineName, QueueName, Revision, RunId},
    projection::{board::PipelineState, runs::RunState},
};

/// Why a command was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Create, with a name that is taken.
    #[error("there is already a pipeline `{0}`")]
    PipelineExists(PipelineName),
    /// There is no such pipeline.
    #[error("there is no pipeline `{0}`")]
    NoPipeline(PipelineName),
    /// The pipeline's state does not allow it.
    #[error("pipeline `{name}` is {}: cannot {verb} it", state.word())]
    PipelineIs {
        /// Which.
        name: PipelineName,
        /// Its state.
        state: PipelineState,
        /// What was asked.
        verb: &'static str,
    },
    /// Somebody else changed it meanwhile.
    #[error("pipeline `{name}` is at revision {}, not the one you looked at", current.short())]
    RevisionMoved {
        /// Which.
        name: PipelineName,
        /// Its revision.
        current: Revision,
    },
    /// Revise, with what it already is.
    #[error("pipeline `{0}` already has this definition")]
    Unchanged(PipelineName),
    /// Roll back to a revision that is not there (or no longer kept).
    #[error("pipeline `{name}` has no revision number {number}")]
    NoRevision {
        /// Which.
        name: PipelineName,
        /// Asked for.
        number: u32,
    },
    /// Archive, while runs live.
    #[error("pipeline `{name}` has {live} live run(s): cancel them or wait")]
    RunsLive {
        /// Which.
        name: PipelineName,
        /// How many.
        live: usize,
    },
    /// Set checkpoints of a pipeline of which each run begins at the beginning.
    #[error(
        "pipeline `{0}` is a batch, and each of its runs begins at the beginning: only continuous ones go on from checkpoints"
    )]
    BeginsAnew(PipelineName),
    /// Go back to a version of the checkpoints that is not there (or no longer kept).
    #[error("pipeline `{name}` has no version {version} of its checkpoints, or it is no longer kept")]
    NoVersion {
        /// Which.
        name: PipelineName,
        /// Asked for.
        version: u64,
    },
    /// Run, while another one lives and the policy is `skip`.
    #[error("run {} of pipeline `{name}` still lives, and its overlap policy is skip", run.short())]
    Overlaps {
        /// Which.
        name: PipelineName,
        /// The run that lives.
        run: RunId,
    },
    /// Run, while as many wait as may wait.
    #[error("{waiting} runs of pipeline `{name}` wait already: that is the maximum")]
    TooManyRuns {
        /// Which.
        name: PipelineName,
        /// How many.
        waiting: usize,
    },
    /// A parameter is missing, unknown, or of the wrong type.
    #[error("parameter `{param}`: {reason}")]
    BadParam {
        /// Which.
        param: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// There is no such run (or it is no longer kept).
    #[error("there is no run {0}")]
    NoRun(RunId),
    /// The run exists already: the same request came twice.
    #[error("run {0} exists already")]
    RunExists(RunId),
    /// The run's state does not allow it.
    #[error("run {} is {}: cannot {verb} it", run.short(), state.word())]
    RunIs {
        /// Which.
        run: RunId,
        /// Its state.
        state: RunState,
        /// What was asked.
        verb: &'static str,
    },
    /// A report of a lease that is not the current one; recorded, not applied.
    #[error("lease {epoch} of run {} no longer counts: its last one is {current}", run.short())]
    Fenced {
        /// Which.
        run: RunId,
        /// The lease of the report.
        epoch: u64,
        /// The lease that counts.
        current: u64,
    },
    /// The deadline of a state has not passed.
    #[error("the deadline of run {} has not passed", .0.short())]
    NotYet(RunId),
    /// There is no such queue.
    #[error("there is no queue `{0}`")]
    NoQueue(QueueName),
    /// The queue belongs to the engine.
    #[error("queue `{0}` belongs to the engine")]
    InternalQueue(QueueName),
    /// There is no such alert: it was never raised.
    #[error("there is no alert `{0}`: it was never raised, or so long ago that it is forgotten")]
    NoAlert(AlertId),
    /// The queue's store refused.
    #[error("{0}")]
    QueueRefused(String),
    /// Somebody, or a run, has moved the checkpoints since.
    #[error("the checkpoints of pipeline `{name}` are at version {newest} by now, not {expected}: look at them again")]
    CheckpointsMoved {
        /// Of this pipeline.
        name: PipelineName,
        /// The newest version as the request saw it.
        expected: u64,
        /// The newest version.
        newest: u64,
    },
    /// There is nothing to do it to.
    #[error("{0}")]
    Nothing(String),
    /// The request itself is malformed.
    #[error("{0}")]
    Unfit(String),
}
