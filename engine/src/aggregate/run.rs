//! A run: queued → running → succeeded | failed | cancelled, through retrying and cancelling. What has ended stays ended.
//!
//! Every lease has an epoch. A report of any other lease, or of a run that has ended, is recorded and never applied: the
//! worker behind it was given up, and somebody else may hold the run by now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Aggregate, Rejection, pipeline::QUEUED_MAX};
use crate::{
    command::RunCommand,
    event::{
        Event,
        pipeline::Outcome,
        run::{CancelRequested, RunQueued, RunStarted, RunSucceeded},
    },
    id::{PipelineName, RunId},
    port::clock::after,
    unit::Duration,
};

use events::{cancel_requested, cancelled, ended, started};

mod events;
pub mod fit;
mod view;

/// How long a run that took too long may take to stop by itself.
pub const TIMEOUT_GRACE: Duration = Duration::from_secs(30);

/// A run as its own events tell it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// There is none.
    #[default]
    Absent,
    /// Waits for a worker.
    Queued {
        /// Whose it is.
        of: Owner,
        /// Not started by then, it is cancelled.
        deadline: Timestamp,
    },
    /// A worker has it.
    Running {
        /// Whose it is.
        of: Owner,
        /// The current attempt.
        attempt: Attempt,
        /// Not ended by then, it is cancelled; `None`: its lease is its only deadline.
        deadline: Option<Timestamp>,
    },
    /// Waits for its next attempt.
    Retrying {
        /// Whose it is.
        of: Owner,
        /// The last attempt that counts; 0: none does, the first one was interrupted.
        attempt: Attempt,
        /// When the next one may begin.
        next_at: Timestamp,
    },
    /// Is to stop.
    Cancelling {
        /// Whose it is.
        of: Owner,
        /// The attempt that is to stop.
        attempt: Attempt,
        /// Why.
        reason: String,
        /// Not stopped by then, it is given up.
        deadline: Timestamp,
    },
    /// Nothing more happens to it.
    Ended {
        /// Whose it was.
        of: Owner,
        /// The last attempt; number 0: it never began.
        attempt: Attempt,
        /// How.
        outcome: Outcome,
    },
}

/// Whose a run is, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Tries in all.
    pub attempts_max: u32,
}

/// One try, and the lease that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Grows with every claim.
    pub epoch: u64,
    /// The node and slot.
    pub worker: String,
}

type Decided = Result<Vec<Event>, Rejection>;

impl Run {
    /// Whether a command is accepted, and with which events. Where the run ends, the last event is its pipeline's
    /// [`RunEnded`]. Ask [`Run::answer`] what such events mean to whoever asked. Never panics.
    #[expect(clippy::too_many_lines, reason = "the whole transition table in one place")]
    pub fn decide(&self, run: RunId, command: &RunCommand, at: Timestamp) -> Decided {
        use RunCommand as C;
        match (self, command) {
            (
                Self::Absent,
                C::Start { .. }
                | C::StartStep { .. }
                | C::EndStep { .. }
                | C::Checkpoint { .. }
                | C::RecordDeadLetters { .. }
                | C::Succeed { .. }
                | C::FailAttempt { .. }
                | C::Interrupt { .. }
                | C::ExpireLease { .. }
                | C::Cancel { .. }
                | C::ConfirmCancelled { .. }
                | C::EnforceDeadline,
            ) => Err(Rejection::NoRun(run)),

            // Claims.
            (Self::Queued { .. } | Self::Running { .. } | Self::Retrying { .. }, C::Start { epoch, .. })
                if *epoch <= self.epoch() =>
            {
                Err(self.fenced(run, *epoch))
            }
            (Self::Queued { .. }, C::Start { epoch, worker, timeout }) => Ok(vec![started(1, *epoch, worker, *timeout, at)]),
            (Self::Retrying { next_at, .. }, C::Start { .. }) if at < *next_at => Err(Rejection::NotYet(run)),
            (Self::Retrying { attempt, .. }, C::Start { epoch, worker, timeout }) => {
                Ok(vec![started(attempt.number.saturating_add(1), *epoch, worker, *timeout, at)])
            }
            (Self::Running { of, attempt, .. }, C::Start { epoch, worker, timeout }) => {
                let next = started(attempt.number.saturating_add(1), *epoch, worker, *timeout, at);
                Ok(of.take_over(run, attempt, next))
            }

            // Reports of leases that no longer count.
            (
                Self::Queued { .. } | Self::Retrying { .. } | Self::Ended { .. },
                C::StartStep { epoch, .. }
                | C::EndStep { epoch, .. }
                | C::Checkpoint { epoch, .. }
                | C::RecordDeadLetters { epoch, .. }
                | C::Succeed { epoch, .. }
                | C::FailAttempt { epoch, .. }
                | C::Interrupt { epoch }
                | C::ConfirmCancelled { epoch },
            ) => Ok(self.late(*epoch, command)),
            (
                Self::Running { attempt, .. } | Self::Cancelling { attempt, .. },
                C::StartStep { epoch, .. }
                | C::EndStep { epoch, .. }
                | C::Checkpoint { epoch, .. }
                | C::RecordDeadLetters { epoch, .. }
                | C::Succeed { epoch, .. }
                | C::FailAttempt { epoch, .. }
                | C::Interrupt { epoch }
                | C::ConfirmCancelled { epoch },
            ) if *epoch != attempt.epoch => Ok(self.late(*epoch, command)),

            // Reports of the lease that counts.
            (
                Self::Running { attempt, .. } | Self::Cancelling { attempt, .. },
                C::StartStep { .. } | C::EndStep { .. } | C::Checkpoint { .. } | C::RecordDeadLetters { .. },
            ) => Ok(attempt.progress(command)),
            (
                Self::Running { attempt, .. } | Self::Cancelling { attempt, .. },
                C::Succeed { records_in, records_out, dead, .. },
            ) => {
                let (records_in, records_out, dead) = (*records_in, *records_out, *dead);
                let done = RunSucceeded { attempt: attempt.number, records_in, records_out, dead };
                Ok(ended(run, done, Outcome::Succeeded))
            }
            (Self::Running { of, attempt, .. }, C::FailAttempt { error, backoff, .. }) => {
                Ok(of.failed(run, attempt, fit::error(error), after(at, backoff.0)))
            }
            (Self::Running { attempt, .. }, C::Interrupt { .. }) => Ok(vec![attempt.interrupted(at)]),
            (
                Self::Cancelling { attempt, reason, .. },
                C::FailAttempt { .. } | C::Interrupt { .. } | C::ConfirmCancelled { .. },
            ) => Ok(attempt.stopped(run, reason)),

            // Leases that ended without a report. One event per attempt: the epoch is the current one, or nothing happens.
            (Self::Running { attempt, .. } | Self::Cancelling { attempt, .. }, C::ExpireLease { epoch, .. })
                if *epoch != attempt.epoch =>
            {
                Err(self.fenced(run, *epoch))
            }
            (Self::Running { of, attempt, .. }, C::ExpireLease { backoff, .. }) => {
                Ok(of.lost(run, attempt, after(at, backoff.0)))
            }
            (Self::Cancelling { attempt, reason, .. }, C::ExpireLease { .. }) => {
                Ok(attempt.expired(cancelled(run, attempt.number, reason, true)))
            }

            // Stopping.
            (Self::Queued { .. }, C::Cancel { reason, .. }) => Ok(cancelled(run, 0, reason, false)),
            (Self::Retrying { attempt, .. }, C::Cancel { reason, .. }) => Ok(cancelled(run, attempt.number, reason, false)),
            (Self::Running { .. }, C::Cancel { reason, grace }) => Ok(vec![cancel_requested(reason, after(at, grace.0))]),
            (Self::Cancelling { deadline, .. }, C::Cancel { reason, grace }) if after(at, grace.0) < *deadline => {
                Ok(vec![cancel_requested(reason, after(at, grace.0))])
            }

            // Deadlines.
            (Self::Queued { deadline, .. }, C::EnforceDeadline) if *deadline <= at => {
                Ok(cancelled(run, 0, "no worker took it in time", false))
            }
            (Self::Running { deadline: Some(deadline), .. }, C::EnforceDeadline) if *deadline <= at => {
                Ok(vec![cancel_requested("timeout", after(at, TIMEOUT_GRACE.0))])
            }
            (Self::Retrying { attempt, next_at, .. }, C::EnforceDeadline) if after(*next_at, QUEUED_MAX.0) <= at => {
                Ok(cancelled(run, attempt.number, "no worker took its next attempt in time", false))
            }
            (Self::Cancelling { attempt, reason, deadline, .. }, C::EnforceDeadline) if *deadline <= at => {
                Ok(cancelled(run, attempt.number, reason, true))
            }
            (
                Self::Queued { .. } | Self::Running { .. } | Self::Retrying { .. } | Self::Cancelling { .. },
                C::EnforceDeadline,
            ) => Err(Rejection::NotYet(run)),

            (Self::Queued { .. } | Self::Retrying { .. }, C::ExpireLease { .. })
            | (Self::Running { .. }, C::ConfirmCancelled { .. })
            | (Self::Cancelling { .. }, C::Start { .. } | C::Cancel { .. })
            | (Self::Ended { .. }, C::Start { .. } | C::ExpireLease { .. } | C::Cancel { .. } | C::EnforceDeadline) => {
                Err(self.refusal(run, command))
            }
        }
    }
}

impl Aggregate for Run {
    fn evolve(&mut self, event: &Event) {
        *self = match (std::mem::take(self), event) {
            (_, Event::RunQueued(event)) => queued(event),
            (
                Self::Queued { of, .. } | Self::Running { of, .. } | Self::Retrying { of, .. },
                Event::RunStarted(RunStarted { attempt, epoch, worker, deadline }),
            ) => {
                let attempt = Attempt { number: *attempt, epoch: *epoch, worker: worker.clone() };
                Self::Running { of, attempt, deadline: *deadline }
            }
            (Self::Running { of, attempt, .. }, Event::RunRetrying(event)) => {
                Self::Retrying { of, attempt, next_at: event.next_at }
            }
            // Its number is free again; its lease stays the last one.
            (Self::Running { of, attempt, .. }, Event::RunInterrupted(event)) => {
                let attempt = Attempt { number: attempt.number.saturating_sub(1), ..attempt };
                Self::Retrying { of, attempt, next_at: event.next_at }
            }
            (
                Self::Running { of, attempt, .. } | Self::Cancelling { of, attempt, .. },
                Event::CancelRequested(CancelRequested { reason, deadline }),
            ) => Self::Cancelling { of, attempt, reason: reason.clone(), deadline: *deadline },
            (state, Event::RunSucceeded(_)) => state.ends(Outcome::Succeeded),
            (state, Event::RunFailed(_)) => state.ends(Outcome::Failed),
            (state, Event::RunCancelled(_)) => state.ends(Outcome::Cancelled),
            (state, _) => state,
        };
    }
}

fn queued(event: &RunQueued) -> Run {
    let of = Owner { pipeline: event.pipeline.clone(), attempts_max: event.attempts_max };
    Run::Queued { of, deadline: event.deadline }
}
