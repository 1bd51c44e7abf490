//! Deadlines: every state that waits has one, and this enforces them. It does so once: the aggregate refuses a second time.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use crate::{
    command::{Command, RunCommand},
    id::RunId,
    projection::{ReadModels, runs::RunState},
    unit::Duration,
};

/// The task.
pub(super) struct Reaper {
    shared: Arc<Shared>,
}

impl Reaper {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) async fn run(self) {
        let shared = self.shared;
        loop {
            // The head is marked before the models are read: an event in between wakes the wait below at once.
            let seen = shared.engine.store().head();
            let now = shared.engine.clock().now();
            let (due, next) = shared.engine.view(move |models| deadlines(models, now)).await;
            for run in due {
                enforce(&shared, run).await;
            }
            let next = next.unwrap_or(Timestamp::MAX);
            tokio::select! {
                () = shared.shutdown.cancelled() => return,
                () = shared.engine.store().wait_past(seen) => settle(&shared).await,
                () = shared.engine.clock().sleep_until(next) => {}
            }
        }
    }
}

/// Events come in bursts; deadlines are looked at once a burst.
async fn settle(shared: &Shared) {
    shared.engine.clock().sleep(Duration::from_millis(200).0).await;
}

async fn enforce(shared: &Shared, run: RunId) {
    if let Err(refusal) = shared.submit(Command::Run(run, RunCommand::EnforceDeadline)).await {
        tracing::debug!(%refusal, "a deadline was met after all");
    }
}

/// The runs whose deadline has passed, and the next deadline to come.
fn deadlines(models: &ReadModels, now: Timestamp) -> (Vec<RunId>, Option<Timestamp>) {
    let waits = |state| matches!(state, RunState::Queued | RunState::Running | RunState::Cancelling);
    let live = models.board.pipelines.values().flat_map(|row| &row.live).filter_map(|run| models.runs.runs.get(run));
    let waiting = live.filter(|row| waits(row.state)).filter_map(|row| row.deadline.map(|at| (row.id, at)));
    let (due, later): (Vec<_>, Vec<_>) = waiting.partition(|(_, at)| *at <= now);
    (due.into_iter().map(|(run, _)| run).collect(), later.into_iter().map(|(_, at)| at).min())
}
