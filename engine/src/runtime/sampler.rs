//! Takes the vital figures twice a second, and looks whether things are as they should be. Every check says what it saw:
//! nothing is called healthy that was not looked at.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ProcessProbe, SAMPLE_EVERY, Shared};
use crate::{
    id::QueueName,
    port::{
        clock::{after, between},
        queue::{QueueError, QueueStats},
        store::StoreStats,
    },
    projection::{ReadModels, runs::RunState},
    unit::{ByteSize, Duration},
    vitals::{Check, CheckState, Vitals},
};

/// A figure taken so much later than planned means that the process is held up.
const LAG_WARN: Duration = Duration::from_millis(250);
/// Beyond this it does not keep up at all.
const LAG_FAIL: Duration = Duration::from_secs(2);

/// The task.
pub(super) struct Sampler {
    shared: Arc<Shared>,
    probe: ProcessProbe,
    out: watch::Sender<Arc<Vitals>>,
    started_at: Timestamp,
}

type Stats = Result<Vec<(QueueName, QueueStats)>, QueueError>;

impl Sampler {
    pub(super) fn new(shared: Arc<Shared>, probe: ProcessProbe) -> (Self, watch::Receiver<Arc<Vitals>>) {
        let started_at = shared.engine.clock().now();
        let first = vitals(&shared, &probe, started_at, started_at, Vec::new(), Vec::new());
        let (out, vitals) = watch::channel(Arc::new(first));
        (Self { shared, probe, out, started_at }, vitals)
    }

    pub(super) async fn run(self) {
        let mut planned = self.shared.engine.clock().now();
        loop {
            planned = after(planned, SAMPLE_EVERY.0);
            tokio::select! {
                () = self.shared.shutdown.cancelled() => return,
                () = self.shared.engine.clock().sleep_until(planned) => {}
            }
            let now = self.shared.engine.clock().now();
            let lag = Duration(between(planned, now));
            self.take(now, lag).await;
            planned = planned.max(now);
        }
    }

    async fn take(&self, now: Timestamp, lag: Duration) {
        let stats = self.shared.engine.queues().stats().await;
        let troubles = self.shared.engine.view(move |models| Troubles::of(models, now)).await;
        let checks = self.checks(now, lag, &stats, &troubles);
        let taken = vitals(&self.shared, &self.probe, self.started_at, now, stats.unwrap_or_default(), checks);
        self.out.send_replace(Arc::new(taken));
    }

    fn checks(&self, now: Timestamp, lag: Duration, stats: &Stats, troubles: &Troubles) -> Vec<Check> {
        let settings = &self.shared.settings;
        let busy = self.shared.live.count();
        let all = [
            log_check(&self.shared.engine.store().stats(), settings.retain_events_max, settings.retain_bytes_max),
            queues_check(stats),
            ("event loop", lag_state(lag), format!("figures came {lag} late, warns at {LAG_WARN}")),
            workers_check(busy, settings.workers as usize, troubles.queued),
            pipelines_check(troubles),
            (
                "deadlines",
                state_if(troubles.overdue > 0, CheckState::Warn),
                format!("{} runs past their deadline", troubles.overdue),
            ),
            dead_letters_check(stats),
        ];
        all.into_iter().map(|(name, state, evidence)| Check { name: name.into(), state, evidence, at: now }).collect()
    }
}

type Finding = (&'static str, CheckState, String);

fn vitals(
    shared: &Shared,
    probe: &ProcessProbe,
    started_at: Timestamp,
    at: Timestamp,
    queues: Vec<(QueueName, QueueStats)>,
    checks: Vec<Check>,
) -> Vitals {
    Vitals {
        at,
        started_at,
        node: shared.settings.node.clone(),
        store: shared.engine.store().stats(),
        store_kind: shared.settings.store_kind.clone(),
        queues,
        runs: shared.live.vitals(),
        workers_busy: shared.live.count() as u32,
        workers: shared.settings.workers,
        process: probe(),
        checks,
    }
}

fn state_if(bad: bool, state: CheckState) -> CheckState {
    if bad { state } else { CheckState::Ok }
}

fn lag_state(lag: Duration) -> CheckState {
    match lag {
        lag if lag >= LAG_FAIL => CheckState::Fail,
        lag if lag >= LAG_WARN => CheckState::Warn,
        _ => CheckState::Ok,
    }
}

fn log_check(stats: &StoreStats, events_max: u64, bytes_max: ByteSize) -> Finding {
    let events = stats.kept();
    let share = (events as f64 / events_max as f64).max(stats.bytes as f64 / bytes_max.0 as f64);
    // The janitor keeps it below one; well above that it does not keep up, and appends will be refused.
    let state = if share > 1.5 { CheckState::Fail } else { state_if(share > 1.1, CheckState::Warn) };
    let evidence = format!("head {}, {events} events kept, {:.0} % of the limit", stats.head, share * 100.0);
    ("log", state, evidence)
}

fn queues_check(stats: &Stats) -> Finding {
    match stats {
        Err(error) => ("queues", CheckState::Fail, error.to_string()),
        Ok(queues) => {
            let full = queues.iter().filter(|(_, stats)| fill(stats) >= 0.9).map(|(name, _)| name.to_string());
            let full: Vec<_> = full.collect();
            let evidence = if full.is_empty() {
                format!("{} queues answer, none near its limit", queues.len())
            } else {
                format!("nearly full: {}", full.join(", "))
            };
            ("queues", state_if(!full.is_empty(), CheckState::Warn), evidence)
        }
    }
}

fn fill(stats: &QueueStats) -> f64 {
    let messages = (stats.ready + stats.delayed + stats.leased) as f64 / stats.limits.messages_max.max(1) as f64;
    messages.max(stats.bytes as f64 / stats.limits.bytes_max.0.max(1) as f64)
}

fn workers_check(busy: usize, slots: usize, queued: usize) -> Finding {
    let starved = busy >= slots && queued > 0;
    ("workers", state_if(starved, CheckState::Warn), format!("{busy} of {slots} busy, {queued} runs wait"))
}

fn pipelines_check(troubles: &Troubles) -> Finding {
    let evidence = match troubles.failing.as_slice() {
        [] => format!("{} pipelines, none failing", troubles.pipelines),
        failing => format!("{} failing: {}", failing.len(), failing.join(", ")),
    };
    ("pipelines", state_if(!troubles.failing.is_empty(), CheckState::Fail), evidence)
}

fn dead_letters_check(stats: &Stats) -> Finding {
    let queues = stats.as_ref().map(Vec::as_slice).unwrap_or_default();
    let dead: u64 = queues.iter().map(|(_, stats)| stats.dead).sum();
    let evidence = match queues.iter().max_by_key(|(_, stats)| stats.dead) {
        Some((name, most)) if most.dead > 0 => format!("{dead}, most in {name}: {}", most.dead),
        _ => "none".into(),
    };
    ("dead letters", state_if(dead > 0, CheckState::Warn), evidence)
}

/// What the read models hold that needs a look.
struct Troubles {
    pipelines: usize,
    failing: Vec<String>,
    queued: usize,
    overdue: usize,
}

impl Troubles {
    fn of(models: &ReadModels, now: Timestamp) -> Self {
        let rows = models.board.pipelines.values();
        let live = rows.clone().flat_map(|row| &row.live).filter_map(|run| models.runs.runs.get(run));
        // The reaper acts at the deadline; a run well past it means that nobody does.
        let overdue = |deadline: Option<Timestamp>| deadline.is_some_and(|at| after(at, LAG_FAIL.0) < now);
        Self {
            pipelines: models.board.pipelines.len(),
            failing: rows.filter(|row| row.failed_in_row > 0).map(|row| row.name.to_string()).collect(),
            queued: live.clone().filter(|row| row.state == RunState::Queued).count(),
            overdue: live.filter(|row| overdue(row.deadline)).count(),
        }
    }
}
