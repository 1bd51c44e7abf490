//! Pipelines, their runs and steps, and queues.

use std::collections::BTreeMap;

use flexcore_engine::{
    event::run::StepCounts,
    id::QueueName,
    port::{clock::between, queue::QueueStats},
    projection::{ReadModels, board::PipelineState, runs::RunState},
    runtime::runs_queue,
    vitals::Vitals,
};
use jiff::Timestamp;

use super::{
    PIPELINES_TOLD_MAX, QUEUES_TOLD_MAX, STEPS_TOLD_MAX,
    family::{Families, Family},
    told::{OTHER, Told},
};

/// What is told of the board: copied out, because looking at it holds others up.
pub(super) struct Board {
    states: BTreeMap<&'static str, u64>,
    live: BTreeMap<&'static str, u64>,
    pipelines: Vec<(String, Runs)>,
}

/// How the runs of a pipeline fare.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Runs {
    requested: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    failed_in_row: u64,
    ticks_skipped: u64,
    dead: u64,
    last_success: Option<Timestamp>,
}

impl Board {
    pub(super) fn of(models: &ReadModels) -> Self {
        let states = [PipelineState::Draft, PipelineState::Active, PipelineState::Paused, PipelineState::Archived];
        let live = [RunState::Queued, RunState::Running, RunState::Retrying, RunState::Cancelling];
        let mut board = Self {
            states: states.map(|state| (state.word(), 0)).into(),
            live: live.map(|state| (state.word(), 0)).into(),
            pipelines: Vec::with_capacity(models.board.pipelines.len()),
        };
        for row in models.board.pipelines.values() {
            *board.states.entry(row.state.word()).or_default() += 1;
            for run in row.live.iter().filter_map(|run| models.runs.runs.get(run)) {
                *board.live.entry(run.state.word()).or_default() += 1;
            }
            let runs = Runs {
                requested: row.runs_total,
                succeeded: row.succeeded_total,
                failed: row.failed_total,
                cancelled: row.cancelled_total,
                failed_in_row: u64::from(row.failed_in_row),
                ticks_skipped: row.ticks_skipped,
                dead: row.dead_total,
                last_success: row.last.filter(|_| row.failed_in_row == 0 && row.succeeded_total > 0).map(|last| last.at),
            };
            board.pipelines.push((row.name.to_string(), runs));
        }
        board
    }
}

impl Runs {
    fn add(&mut self, more: Self) {
        self.requested += more.requested;
        self.succeeded += more.succeeded;
        self.failed += more.failed;
        self.cancelled += more.cancelled;
        self.failed_in_row += more.failed_in_row;
        self.ticks_skipped += more.ticks_skipped;
        self.dead += more.dead;
        self.last_success = self.last_success.max(more.last_success);
    }
}

pub(super) fn pipelines(families: &mut Families, board: &Board, told: &Told) {
    let mut states = Family::gauge("flexcore_pipelines", "Pipelines by state");
    board.states.iter().for_each(|(state, count)| states.sample(&[("state", state)], *count as f64));
    let mut live = Family::gauge("flexcore_runs_live", "Runs that have not ended, by state");
    board.live.iter().for_each(|(state, count)| live.sample(&[("state", state)], *count as f64));
    let mut requested = Family::counter("flexcore_runs_requested_total", "Runs asked for, since the log began");
    let mut ended = Family::counter("flexcore_runs_total", "Runs that ended, by outcome, since the log began");
    let mut failing = Family::gauge("flexcore_pipeline_failures_in_row", "Runs that failed since one succeeded");
    let mut skipped = Family::counter("flexcore_ticks_skipped_total", "Ticks that started no run, since the log began");
    let mut dead = Family::counter("flexcore_dead_letters_total", "Records that runs gave up, since the log began");
    for (name, runs) in told.sums(PIPELINES_TOLD_MAX, board.pipelines.iter().cloned(), Runs::add) {
        let pipeline = ("pipeline", name.as_str());
        requested.sample(&[pipeline], runs.requested as f64);
        ended.sample(&[pipeline, ("outcome", "succeeded")], runs.succeeded as f64);
        ended.sample(&[pipeline, ("outcome", "failed")], runs.failed as f64);
        ended.sample(&[pipeline, ("outcome", "cancelled")], runs.cancelled as f64);
        failing.sample(&[pipeline], runs.failed_in_row as f64);
        skipped.sample(&[pipeline], runs.ticks_skipped as f64);
        dead.sample(&[pipeline], runs.dead as f64);
    }
    for family in [states, live, requested, ended, failing, skipped, dead] {
        families.add(family);
    }
}

/// Totals count since the process began; the engine itself sums what is too much to be told apart.
pub(super) fn steps(families: &mut Families, vitals: &Vitals, told: &Told) {
    let mut records = Family::counter("flexcore_step_records_total", "Records at a step, by what became of them");
    let mut bytes = Family::counter("flexcore_step_bytes_total", "Bytes of the records into a step, or out of a source");
    let mut retries = Family::counter("flexcore_step_retries_total", "Tries of a step after a failure");
    let named = vitals.steps.iter().map(|step| (format!("{}/{}", step.pipeline, step.step), step.counts));
    let more = (OTHER.to_owned(), vitals.steps_other);
    let any_more = (more.1 != StepCounts::default()).then_some(more);
    for (name, counts) in told.sums(STEPS_TOLD_MAX, named.chain(any_more), |sum: &mut StepCounts, more| sum.add(&more)) {
        let (pipeline, step) = name.split_once('/').unwrap_or((OTHER, OTHER));
        let labels = [("pipeline", pipeline), ("step", step)];
        let flows = [("in", counts.records_in), ("out", counts.records_out), ("dropped", counts.dropped), ("dead", counts.dead)];
        for (flow, count) in flows {
            records.sample(&[labels[0], labels[1], ("flow", flow)], count as f64);
        }
        bytes.sample(&labels, counts.bytes as f64);
        retries.sample(&labels, counts.retries as f64);
    }
    for family in [records, bytes, retries, backlog(vitals, told)] {
        families.add(family);
    }
}

fn backlog(vitals: &Vitals, told: &Told) -> Family {
    let mut family = Family::gauge("flexcore_edge_backlog_records", "Records that wait before a step, in its live runs");
    let steps = vitals.runs.iter().flat_map(|run| run.steps.iter().map(move |step| (run, step)));
    let named = steps.filter_map(|(run, step)| Some((format!("{}/{}", run.pipeline, step.step.as_ref()?), step.backlog)));
    for (name, records) in told.sums(STEPS_TOLD_MAX, named, |sum, more| *sum += more) {
        let (pipeline, step) = name.split_once('/').unwrap_or((OTHER, OTHER));
        family.sample(&[("pipeline", pipeline), ("step", step)], records as f64);
    }
    family
}

/// Figures of queues, as they add up.
#[derive(Default)]
struct Sums {
    stats: QueueStats,
    oldest: Option<Timestamp>,
}

impl Sums {
    fn add(&mut self, more: Self) {
        let (sum, stats) = (&mut self.stats, more.stats);
        let pairs = [
            (&mut sum.ready, stats.ready),
            (&mut sum.delayed, stats.delayed),
            (&mut sum.leased, stats.leased),
            (&mut sum.dead, stats.dead),
            (&mut sum.bytes, stats.bytes),
            (&mut sum.sent_total, stats.sent_total),
            (&mut sum.acked_total, stats.acked_total),
            (&mut sum.returned_total, stats.returned_total),
            (&mut sum.expired_leases_total, stats.expired_leases_total),
            (&mut sum.dropped_total, stats.dropped_total),
            (&mut sum.dead_total, stats.dead_total),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
        self.oldest = [self.oldest, more.oldest].into_iter().flatten().min();
    }
}

pub(super) fn queues(families: &mut Families, vitals: &Vitals, told: &Told, now: Timestamp) {
    let mut messages = Family::gauge("flexcore_queue_messages", "Messages in a queue, by state");
    let mut bytes = Family::gauge("flexcore_queue_bytes", "Bytes of a queue's messages, dead letters not included");
    let mut oldest =
        Family::gauge("flexcore_queue_oldest_age_seconds", "Since when the oldest ready message waits; 0: none does");
    let mut moved = Family::counter("flexcore_queue_messages_total", "Messages of a queue, by what became of them");
    let mut expired = Family::counter("flexcore_queue_lease_expiries_total", "Leases that ended without an answer");
    // Queues that live as long as a run would use up the names.
    let name = |name: &QueueName| if name.is_internal() && *name != runs_queue() { OTHER.to_owned() } else { name.to_string() };
    let named = vitals.queues.iter().map(|(queue, stats)| (name(queue), Sums { oldest: stats.oldest, stats: stats.clone() }));
    for (name, Sums { stats, oldest: since }) in told.sums(QUEUES_TOLD_MAX, named, Sums::add) {
        let queue = ("queue", name.as_str());
        let states = [("ready", stats.ready), ("delayed", stats.delayed), ("leased", stats.leased), ("dead", stats.dead)];
        for (state, count) in states {
            messages.sample(&[queue, ("state", state)], count as f64);
        }
        bytes.sample(&[queue], stats.bytes as f64);
        oldest.sample(&[queue], since.map_or(0.0, |since| between(since, now).as_secs_f64()));
        let totals = [
            ("sent", stats.sent_total),
            ("acked", stats.acked_total),
            ("returned", stats.returned_total),
            ("dropped", stats.dropped_total),
            ("dead", stats.dead_total),
        ];
        for (what, count) in totals {
            moved.sample(&[queue, ("became", what)], count as f64);
        }
        expired.sample(&[queue], stats.expired_leases_total as f64);
    }
    for family in [messages, bytes, oldest, moved, expired] {
        families.add(family);
    }
}
