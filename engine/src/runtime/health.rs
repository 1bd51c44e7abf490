//! Whether things are as they should be, judged from what the sampler saw. Pure: the same sight always has the same outcome.

mod log;
mod process;
mod work;

pub(super) use work::TICK_FAIL;

use jiff::Timestamp;

use super::{RuntimeSettings, parts::Part, punctuality::Times};
use crate::{
    id::QueueName,
    port::{
        clock::between,
        queue::{QueueError, QueueStats},
        store::{Condition, StoreStats},
    },
    projection::{ReadModels, runs::RunState},
    unit::Duration,
    vitals::{AppendVitals, CheckState, DiskVitals, Finding, ReaderVitals, RunVitals},
};

/// Beyond this something that should happen at once does not.
pub(super) const LATE_FAIL: Duration = Duration::from_secs(2);

/// What was seen at one moment.
pub(super) struct Sight<'a> {
    pub(super) now: Timestamp,
    pub(super) settings: &'a RuntimeSettings,
    /// How late the figures came: now, and at worst within a minute.
    pub(super) lag: Duration,
    pub(super) lag_worst: Duration,
    pub(super) parts: &'a [Part],
    pub(super) store: StoreStats,
    pub(super) condition: Condition,
    /// That of the queues.
    pub(super) queues_condition: Condition,
    pub(super) appends: &'a AppendVitals,
    pub(super) queues: &'a Result<Vec<(QueueName, QueueStats)>, QueueError>,
    pub(super) times: &'a Times,
    pub(super) readers: &'a [ReaderVitals],
    pub(super) runs: &'a [RunVitals],
    pub(super) troubles: &'a Troubles,
    pub(super) disk: Option<&'a Result<DiskVitals, String>>,
}

/// Everything that is looked at, in the order in which people want to see it.
pub(super) fn findings(sight: &Sight<'_>) -> Vec<Finding> {
    let always = [
        log::writable(sight),
        log::retention(sight),
        work::queues(sight),
        work::schedule(sight),
        work::workers(sight),
        work::pipelines(sight),
        work::deadlines(sight),
        work::stuck(sight),
        work::dead_letters(sight),
        log::readers(sight),
        process::parts(sight),
        process::event_loop(sight),
    ];
    always.into_iter().chain(sight.disk.map(process::disk)).collect()
}

fn state_if(bad: bool, state: CheckState) -> CheckState {
    if bad { state } else { CheckState::Ok }
}

/// Ok below the first limit, a look from there on, a failure from the second on.
fn state_of(value: f64, warn_at: f64, fail_at: f64) -> CheckState {
    if value >= fail_at { CheckState::Fail } else { state_if(value >= warn_at, CheckState::Warn) }
}

/// `3s`, `2m`: in whole seconds, for people.
fn ago(at: Timestamp, now: Timestamp) -> Duration {
    Duration::from_secs(between(at, now).as_secs())
}

fn seconds(length: Duration) -> f64 {
    length.0.as_secs_f64()
}

/// What the read models hold that needs a look.
pub(super) struct Troubles {
    pipelines: usize,
    failing: Vec<String>,
    queued: usize,
    overdue: usize,
}

impl Troubles {
    pub(super) fn of(models: &ReadModels, now: Timestamp) -> Self {
        let rows = models.board.pipelines.values();
        let live = rows.clone().flat_map(|row| &row.live).filter_map(|run| models.runs.runs.get(run));
        // The reaper acts at the deadline; a run well past it means that nobody does.
        let overdue = |deadline: Option<Timestamp>| deadline.is_some_and(|at| between(at, now) > LATE_FAIL.0);
        Self {
            pipelines: models.board.pipelines.len(),
            failing: rows.filter(|row| row.failed_in_row > 0).map(|row| row.name.to_string()).collect(),
            queued: live.clone().filter(|row| row.state == RunState::Queued).count(),
            overdue: live.filter(|row| overdue(row.deadline)).count(),
        }
    }
}

#[cfg(test)]
mod tests;
