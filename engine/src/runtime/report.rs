//! How an attempt's reports become commands that carry its lease.

use std::sync::Arc;

use super::Shared;
use crate::{
    aggregate::Rejection,
    command::{Command, Mark, RunCommand},
    event::run::{RunError, StepCounts, StepOutcome},
    handle::{Accepted, Refusal},
    id::{Actor, CorrelationId, RunId, StepName},
    port::{
        BoxFuture,
        report::{ReportError, RunReport},
    },
};

/// Reports of one attempt.
pub(super) struct LeasedReport {
    pub(super) shared: Arc<Shared>,
    pub(super) run: RunId,
    pub(super) epoch: u64,
    pub(super) correlation: CorrelationId,
}

impl LeasedReport {
    pub(super) async fn submit(&self, command: RunCommand) -> Result<Accepted, ReportError> {
        let command = Command::Run(self.run, command);
        let answer = self.shared.submit_as(Actor::Engine, command, self.correlation, None).await;
        answer.map_err(|refusal| match refusal {
            Refusal::Rejected(Rejection::Fenced { .. } | Rejection::RunIs { .. } | Rejection::NoRun(_)) => ReportError::Fenced,
            other => ReportError::Unavailable(other.to_string()),
        })
    }

    async fn told(&self, command: RunCommand) -> Result<(), ReportError> {
        self.submit(command).await.map(|_| ())
    }
}

impl RunReport for LeasedReport {
    fn step_started<'a>(&'a self, step: &'a StepName) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(self.told(RunCommand::StartStep { epoch: self.epoch, step: step.clone() }))
    }

    fn step_ended<'a>(
        &'a self,
        step: &'a StepName,
        outcome: StepOutcome,
        counts: StepCounts,
        error: Option<RunError>,
    ) -> BoxFuture<'a, Result<(), ReportError>> {
        Box::pin(self.told(RunCommand::EndStep { epoch: self.epoch, step: step.clone(), outcome, counts, error }))
    }

    fn checkpoint(&self, marks: Vec<Mark>) -> BoxFuture<'_, Result<(), ReportError>> {
        Box::pin(self.told(RunCommand::Checkpoint { epoch: self.epoch, marks }))
    }

    fn dead_lettered<'a>(&'a self, step: &'a StepName, count: u64, error: &'a str) -> BoxFuture<'a, Result<(), ReportError>> {
        let (epoch, step, error) = (self.epoch, step.clone(), error.to_owned());
        Box::pin(self.told(RunCommand::RecordDeadLetters { epoch, step, count, error }))
    }
}
