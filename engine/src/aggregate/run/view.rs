//! What others may know of a run's state, and what its decisions mean to whoever asked.

use jiff::Timestamp;

use super::{Attempt, Owner, Run};
use crate::{
    aggregate::Rejection,
    command::RunCommand,
    event::{Event, pipeline::Outcome, run::LateReportIgnored},
    id::{PipelineName, RunId},
    projection::runs::RunState,
};

impl Run {
    /// Where it is in its life; `None`: there is none.
    pub fn state(&self) -> Option<RunState> {
        match self {
            Self::Absent => None,
            Self::Queued { .. } => Some(RunState::Queued),
            Self::Running { .. } => Some(RunState::Running),
            Self::Retrying { .. } => Some(RunState::Retrying),
            Self::Cancelling { .. } => Some(RunState::Cancelling),
            Self::Ended { outcome, .. } => Some(match outcome {
                Outcome::Succeeded => RunState::Succeeded,
                Outcome::Failed => RunState::Failed,
                Outcome::Cancelled => RunState::Cancelled,
            }),
        }
    }

    /// Whose it is.
    pub fn pipeline(&self) -> Option<&PipelineName> {
        self.owner().map(|of| &of.pipeline)
    }

    /// The current or last attempt.
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Absent | Self::Queued { .. } => None,
            Self::Running { attempt, .. }
            | Self::Retrying { attempt, .. }
            | Self::Cancelling { attempt, .. }
            | Self::Ended { attempt, .. } => Some(attempt),
        }
    }

    /// The current or last lease; 0: none yet.
    pub fn epoch(&self) -> u64 {
        self.attempt().map_or(0, |attempt| attempt.epoch)
    }

    /// When the state that it is in ends by itself. `None`: it has ended, or it runs without a limit under its lease.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Absent | Self::Ended { .. } => None,
            Self::Running { deadline, .. } => *deadline,
            Self::Queued { deadline, .. } | Self::Cancelling { deadline, .. } => Some(*deadline),
            Self::Retrying { next_at, .. } => Some(*next_at),
        }
    }

    /// Events can be recorded and the answer still be no: a late report is kept on record, and a claim may find that the
    /// budget is used up. `after`: the state that the events led to.
    pub fn answer(after: &Self, run: RunId, command: &RunCommand, events: &[Event]) -> Option<Rejection> {
        let late = events.iter().find_map(|event| match event {
            Event::LateReportIgnored(LateReportIgnored { epoch, current, .. }) => Some((*epoch, *current)),
            _ => None,
        });
        if let Some((epoch, current)) = late {
            return Some(Rejection::Fenced { run, epoch, current });
        }
        let claims = matches!(command, RunCommand::Start { .. });
        let started = events.iter().any(|event| matches!(event, Event::RunStarted(_)));
        (claims && !started).then(|| after.refusal(run, command))
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Absent => None,
            Self::Queued { of, .. }
            | Self::Running { of, .. }
            | Self::Retrying { of, .. }
            | Self::Cancelling { of, .. }
            | Self::Ended { of, .. } => Some(of),
        }
    }

    pub(super) fn refusal(&self, run: RunId, command: &RunCommand) -> Rejection {
        match self.state() {
            Some(state) => Rejection::RunIs { run, state, verb: command.verb() },
            None => Rejection::NoRun(run),
        }
    }

    pub(super) fn fenced(&self, run: RunId, epoch: u64) -> Rejection {
        Rejection::Fenced { run, epoch, current: self.epoch() }
    }

    pub(super) fn late(&self, epoch: u64, command: &RunCommand) -> Vec<Event> {
        vec![LateReportIgnored { epoch, current: self.epoch(), report: command.verb().to_owned() }.into()]
    }

    pub(super) fn ends(self, outcome: Outcome) -> Self {
        let attempt = self.attempt().cloned().unwrap_or_default();
        match self.owner().cloned() {
            Some(of) => Self::Ended { of, attempt, outcome },
            None => self,
        }
    }
}
