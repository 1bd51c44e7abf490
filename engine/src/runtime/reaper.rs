//! Deadlines: every state that waits has one, and this enforces them. It does so once: the aggregate refuses a second time.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use crate::{
    aggregate::pipeline::QUEUED_MAX,
    command::{Command, RunCommand},
    id::RunId,
    port::clock::after,
    projection::{
        ReadModels,
        runs::{RunRow, RunState},
    },
    unit::Duration,
};

/// The task.
pub(super) struct Reaper {
    shared: Arc<Shared>,
    /// Since when there is somebody to take a run.
    since: Timestamp,
}

impl Reaper {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let since = shared.engine.clock().now();
        Self { shared, since }
    }

    pub(super) async fn run(self) {
        let Self { shared, since } = self;
        loop {
            // The head is marked before the models are read: an event in between wakes the wait below at once.
            let seen = shared.engine.store().head();
            let now = shared.engine.clock().now();
            let (due, next) = shared.engine.view(move |models| deadlines(models, now, since)).await;
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
fn deadlines(models: &ReadModels, now: Timestamp, since: Timestamp) -> (Vec<RunId>, Option<Timestamp>) {
    let live = models.board.pipelines.values().flat_map(|row| &row.live).filter_map(|run| models.runs.runs.get(run));
    let waiting = live.filter_map(|row| deadline(row, since).map(|at| (row.id, at)));
    let (due, later): (Vec<_>, Vec<_>) = waiting.partition(|(_, at)| *at <= now);
    (due.into_iter().map(|(run, _)| run).collect(), later.into_iter().map(|(_, at)| at).min())
}

/// When somebody must act because nothing happened. A run that waits for its next attempt has a day more than that, as a
/// queued one has; the time in which no engine was there does not count.
fn deadline(row: &RunRow, since: Timestamp) -> Option<Timestamp> {
    match row.state {
        RunState::Queued | RunState::Running | RunState::Cancelling => row.deadline,
        RunState::Retrying => row.deadline.map(|at| after(at.max(since), QUEUED_MAX.0)),
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => None,
    }
}
