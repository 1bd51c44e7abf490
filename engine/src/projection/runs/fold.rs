//! How each event changes a run's row. The aggregate has decided; here nothing is questioned.

use jiff::Timestamp;

use super::{CHECKPOINTS_MAX, CheckpointRow, RunRow, RunState, StepRow, StepState};
use crate::{
    event::{
        Envelope, Event,
        run::{Checkpointed, RunQueued, RunStarted, StepEnded, StepOutcome, StepStarted},
    },
    id::RunId,
};

impl RunRow {
    pub(super) fn queued(id: RunId, envelope: &Envelope, queued: &RunQueued) -> Self {
        let RunQueued { pipeline, revision, number, trigger, params, retry_of, attempts_max, deadline } = queued.clone();
        Self {
            id,
            pipeline,
            number,
            revision,
            trigger,
            actor: envelope.event.actor.clone(),
            correlation: envelope.event.correlation,
            params,
            retry_of,
            state: RunState::Queued,
            attempt: 0,
            attempts_max,
            epoch: 0,
            worker: String::new(),
            queued_at: envelope.event.at,
            started_at: None,
            ended_at: None,
            deadline: Some(deadline),
            error: None,
            cancel_reason: String::new(),
            forced: false,
            steps: Vec::new(),
            checkpoints: std::collections::BTreeMap::new(),
            records_in: 0,
            records_out: 0,
            dead: 0,
        }
    }

    pub(super) fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::RunStarted(event) => self.started(at, event),
            Event::StepStarted(event) => self.step_started(at, event),
            Event::StepEnded(event) => self.step_ended(at, event),
            Event::Checkpointed(event) => self.checkpointed(at, event),
            Event::DeadLettered(event) => self.dead += event.count,
            Event::RunRetrying(event) => {
                self.error = Some(event.error.clone());
                self.stands(RunState::Retrying, Some(event.next_at));
                self.stop_steps(at);
            }
            Event::RunInterrupted(event) => {
                self.attempt = event.attempt.saturating_sub(1);
                self.stands(RunState::Retrying, Some(event.next_at));
                self.stop_steps(at);
            }
            Event::CancelRequested(event) => {
                self.cancel_reason.clone_from(&event.reason);
                self.stands(RunState::Cancelling, Some(event.deadline));
            }
            Event::RunSucceeded(event) => {
                (self.records_in, self.records_out) = (event.records_in, event.records_out);
                self.dead = self.dead.max(event.dead);
                self.error = None;
                self.ends(at, RunState::Succeeded);
            }
            Event::RunFailed(event) => {
                self.error = Some(event.error.clone());
                self.ends(at, RunState::Failed);
            }
            Event::RunCancelled(event) => {
                self.cancel_reason.clone_from(&event.reason);
                self.forced = event.forced;
                self.ends(at, RunState::Cancelled);
            }
            _ => {}
        }
    }

    fn stands(&mut self, state: RunState, deadline: Option<Timestamp>) {
        self.state = state;
        self.deadline = deadline;
    }

    fn started(&mut self, at: Timestamp, event: &RunStarted) {
        self.stands(RunState::Running, event.deadline);
        (self.attempt, self.epoch) = (event.attempt, event.epoch);
        self.worker.clone_from(&event.worker);
        self.started_at = self.started_at.or(Some(at));
        self.steps.clear();
    }

    fn ends(&mut self, at: Timestamp, state: RunState) {
        self.stands(state, None);
        self.ended_at = Some(at);
        self.stop_steps(at);
    }

    /// Steps that nobody reported the end of ended with the attempt.
    fn stop_steps(&mut self, at: Timestamp) {
        for step in self.steps.iter_mut().filter(|step| step.state == StepState::Running) {
            step.state = StepState::Cancelled;
            step.ended_at = Some(at);
        }
    }

    fn step_started(&mut self, at: Timestamp, event: &StepStarted) {
        let row = StepRow {
            step: event.step.clone(),
            state: StepState::Running,
            attempt: event.attempt,
            started_at: at,
            ended_at: None,
            counts: crate::event::run::StepCounts::default(),
            error: None,
        };
        match self.steps.iter_mut().find(|known| known.step == row.step) {
            Some(known) => *known = row,
            None => self.steps.push(row),
        }
    }

    /// A skipped step ends without having begun.
    fn step_ended(&mut self, at: Timestamp, event: &StepEnded) {
        if !self.steps.iter().any(|known| known.step == event.step) {
            self.step_started(at, &StepStarted { attempt: event.attempt, step: event.step.clone() });
        }
        let Some(row) = self.steps.iter_mut().find(|known| known.step == event.step) else { return };
        row.state = match event.outcome {
            StepOutcome::Succeeded => StepState::Succeeded,
            StepOutcome::Failed => StepState::Failed,
            StepOutcome::Skipped => StepState::Skipped,
            StepOutcome::Cancelled => StepState::Cancelled,
        };
        row.ended_at = Some(at);
        row.counts = event.counts;
        row.error.clone_from(&event.error);
    }

    fn checkpointed(&mut self, at: Timestamp, event: &Checkpointed) {
        let key = (event.step.clone(), event.stream.clone());
        if self.checkpoints.len() >= CHECKPOINTS_MAX && !self.checkpoints.contains_key(&key) {
            return;
        }
        let number = self.checkpoints.get(&key).map_or(1, |known| known.number + 1);
        self.checkpoints.insert(key, CheckpointRow { cursor: event.cursor.clone(), at, number, records: event.records });
    }
}
