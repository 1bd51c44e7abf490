//! The events of each transition. The table in `run` says when; this says what.

use jiff::Timestamp;

use super::{Attempt, Owner, fit};
use crate::{
    command::{Mark, RunCommand},
    event::{
        Event,
        pipeline::{Outcome, RunEnded},
        run::{
            CancelRequested, Checkpointed, DeadLettered, LeaseExpired, RunCancelled, RunError, RunFailed, RunInterrupted,
            RunRetrying, RunStarted, StepEnded, StepStarted,
        },
    },
    id::RunId,
    port::clock::after,
    unit::Duration,
};

pub(super) fn started(attempt: u32, epoch: u64, worker: &str, timeout: Option<Duration>, at: Timestamp) -> Event {
    let deadline = timeout.map(|timeout| after(at, timeout.0));
    RunStarted { attempt, epoch, worker: fit::text(worker, fit::NAME_BYTES_MAX), deadline }.into()
}

pub(super) fn cancel_requested(reason: &str, deadline: Timestamp) -> Event {
    CancelRequested { reason: fit::text(reason, fit::REASON_BYTES_MAX), deadline }.into()
}

/// The last event of a run, and what its pipeline learns of it.
pub(super) fn ended(run: RunId, last: impl Into<Event>, outcome: Outcome) -> Vec<Event> {
    vec![last.into(), RunEnded { run, outcome }.into()]
}

pub(super) fn cancelled(run: RunId, attempt: u32, reason: &str, forced: bool) -> Vec<Event> {
    let reason = fit::text(reason, fit::REASON_BYTES_MAX);
    ended(run, RunCancelled { attempt, reason, forced }, Outcome::Cancelled)
}

impl Owner {
    /// The next attempt waits, or the budget is used up.
    pub(super) fn failed(&self, run: RunId, attempt: &Attempt, error: RunError, next_at: Timestamp) -> Vec<Event> {
        let attempt = attempt.number;
        if attempt < self.attempts_max && error.retryable {
            return vec![RunRetrying { attempt, error, next_at }.into()];
        }
        ended(run, RunFailed { attempt, error }, Outcome::Failed)
    }

    /// The lease ended without a report: a failed attempt like any other.
    pub(super) fn lost(&self, run: RunId, attempt: &Attempt, next_at: Timestamp) -> Vec<Event> {
        attempt.expired(self.failed(run, attempt, attempt.lost(), next_at))
    }

    /// Another worker claims the run because the lease ended: at once, or not at all when the budget is used up.
    pub(super) fn take_over(&self, run: RunId, attempt: &Attempt, next: Event) -> Vec<Event> {
        if attempt.number < self.attempts_max {
            return attempt.expired(vec![next]);
        }
        let failed = RunFailed { attempt: attempt.number, error: attempt.lost() };
        attempt.expired(ended(run, failed, Outcome::Failed))
    }
}

impl Attempt {
    /// The end of the lease, then what follows from it.
    pub(super) fn expired(&self, then: Vec<Event>) -> Vec<Event> {
        let expired = LeaseExpired { attempt: self.number, epoch: self.epoch, worker: self.worker.clone() };
        std::iter::once(expired.into()).chain(then).collect()
    }

    /// It was to stop, and did by itself.
    pub(super) fn stopped(&self, run: RunId, reason: &str) -> Vec<Event> {
        cancelled(run, self.number, reason, false)
    }

    /// The engine gives it back: at once, as far as it is concerned.
    pub(super) fn interrupted(&self, at: Timestamp) -> Event {
        let Self { number, epoch, worker } = self.clone();
        RunInterrupted { attempt: number, epoch, worker, next_at: at }.into()
    }

    fn lost(&self) -> RunError {
        let message = format!("worker {} stopped reporting: its lease ended", self.worker);
        RunError { step: None, message, causes: Vec::new(), record: None, retryable: true }
    }

    /// The events of a report that does not change the run's state.
    pub(super) fn progress(&self, command: &RunCommand) -> Vec<Event> {
        let attempt = self.number;
        match command.clone() {
            RunCommand::StartStep { step, .. } => vec![StepStarted { attempt, step }.into()],
            RunCommand::EndStep { step, outcome, counts, error, .. } => {
                let error = error.as_ref().map(fit::error);
                vec![StepEnded { attempt, step, outcome, counts, error }.into()]
            }
            RunCommand::Checkpoint { epoch, marks } => {
                let event = |Mark { step, stream, cursor, records }| {
                    Checkpointed { attempt, epoch, step, stream, cursor, records }.into()
                };
                marks.into_iter().map(event).collect()
            }
            RunCommand::RecordDeadLetters { step, count, error, .. } => {
                let error = fit::text(&error, fit::TEXT_BYTES_MAX);
                vec![DeadLettered { attempt, step, count, error }.into()]
            }
            RunCommand::Start { .. }
            | RunCommand::Succeed { .. }
            | RunCommand::FailAttempt { .. }
            | RunCommand::ExpireLease { .. }
            | RunCommand::Interrupt { .. }
            | RunCommand::Cancel { .. }
            | RunCommand::ConfirmCancelled { .. }
            | RunCommand::EnforceDeadline => Vec::new(),
        }
    }
}
