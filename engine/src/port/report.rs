//! How one attempt of a run tells the engine what happened. The worker's implementation submits commands; a report of an
//! old lease comes back as [`Fenced`], and the attempt must stop at once: somebody else runs it now, or nobody may.

use super::BoxFuture;
use crate::{
    command::Mark,
    event::run::{RunError, StepCounts, StepOutcome},
    id::StepName,
};

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The lease is not the current one, or the run has ended.
    #[error("the run has moved on: this attempt no longer holds its lease")]
    Fenced,
    /// The log cannot be written now.
    #[error("the report could not be kept: {0}")]
    Unavailable(String),
}

/// Where an attempt reports to.
pub trait RunReport: Send + Sync + 'static {
    /// A step began.
    fn step_started<'a>(&'a self, step: &'a StepName) -> BoxFuture<'a, Result<(), ReportError>>;

    /// A step ended.
    fn step_ended<'a>(
        &'a self,
        step: &'a StepName,
        outcome: StepOutcome,
        counts: StepCounts,
        error: Option<RunError>,
    ) -> BoxFuture<'a, Result<(), ReportError>>;

    /// The records of sources up to their cursors are safe, and this is where the sinks stand then: all of it or nothing.
    /// When this returns, the checkpoint is durable, and the sources may be told.
    fn checkpoint(&self, marks: Vec<Mark>) -> BoxFuture<'_, Result<(), ReportError>>;

    /// Records went to the dead letters since the last such report.
    fn dead_lettered<'a>(&'a self, step: &'a StepName, count: u64, error: &'a str) -> BoxFuture<'a, Result<(), ReportError>>;
}
