//! Runs that work in this process right now, and the logs of those that did lately.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use tokio_util::sync::CancellationToken;

use crate::{
    event::run::StepCounts,
    flow::{log::RunLog, meter::FlowMeters},
    id::{PipelineName, RunId, StepName},
    port::step::Record,
    vitals::{RunVitals, StepTotals},
};

/// Logs of so many runs are kept; the oldest go first.
const RUN_LOGS_MAX: usize = 500;
/// So many steps are counted by name; the rest as one.
const STEPS_TOLD_MAX: usize = 2_000;

/// A run that works here.
#[derive(Clone)]
pub(crate) struct LiveRun {
    pub(crate) pipeline: PipelineName,
    pub(crate) meters: Arc<FlowMeters>,
    /// Asks the flow to stop by itself.
    pub(crate) cancel: CancellationToken,
    /// Gives the flow up: it did not stop in time.
    pub(crate) abandon: CancellationToken,
}

/// The registry.
#[derive(Clone, Default)]
pub struct LiveRuns {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    runs: BTreeMap<RunId, LiveRun>,
    logs: BTreeMap<RunId, RunLog>,
    log_order: VecDeque<RunId>,
    ended: Totals,
    /// Runs that a worker of this process has in hand.
    in_hand: BTreeSet<RunId>,
}

/// A run in a worker's hand, for as long as this lives.
pub(crate) struct InHand {
    live: LiveRuns,
    run: RunId,
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.live.lock().in_hand.remove(&self.run);
    }
}

impl LiveRuns {
    /// The log of a run that works here or did lately.
    pub fn log(&self, run: RunId) -> Option<RunLog> {
        self.lock().logs.get(&run).cloned()
    }

    /// The last few records that left each step of a live run.
    pub fn taps(&self, run: RunId) -> Vec<(StepName, Vec<Record>)> {
        let live = self.lock().runs.get(&run).cloned();
        live.map(|live| live.meters.taps()).unwrap_or_default()
    }

    /// How many work now.
    pub fn count(&self) -> usize {
        self.lock().runs.len()
    }

    /// What went through steps since the process began, by pipeline and step, and through those too many to tell apart.
    pub fn totals(&self) -> (Vec<StepTotals>, StepCounts) {
        let inner = self.lock();
        let mut totals = inner.ended.clone();
        inner.runs.values().for_each(|live| totals.add(live));
        drop(inner);
        let told = totals.steps.into_iter().map(|((pipeline, step), counts)| StepTotals { pipeline, step, counts });
        (told.collect(), totals.other)
    }

    /// What flows in each.
    pub fn vitals(&self) -> Vec<RunVitals> {
        let live: Vec<_> = self.lock().runs.iter().map(|(run, live)| (*run, live.clone())).collect();
        live.into_iter().map(|(run, live)| live.meters.vitals(run, &live.pipeline)).collect()
    }

    /// Takes a run in hand; nothing while another worker of this process has it.
    pub(crate) fn take(&self, run: RunId) -> Option<InHand> {
        self.lock().in_hand.insert(run).then(|| InHand { live: self.clone(), run })
    }

    pub(crate) fn begin(&self, run: RunId, live: LiveRun) -> RunLog {
        let mut inner = self.lock();
        inner.runs.insert(run, live);
        if let Some(log) = inner.logs.get(&run) {
            return log.clone();
        }
        inner.log_order.push_back(run);
        if inner.log_order.len() > RUN_LOGS_MAX
            && let Some(oldest) = inner.log_order.pop_front()
        {
            inner.logs.remove(&oldest);
        }
        inner.logs.entry(run).or_default().clone()
    }

    pub(crate) fn end(&self, run: RunId) {
        let mut inner = self.lock();
        if let Some(live) = inner.runs.remove(&run) {
            inner.ended.add(&live);
        }
    }

    pub(crate) fn cancel(&self, run: RunId) {
        if let Some(live) = self.lock().runs.get(&run) {
            live.cancel.cancel();
        }
    }

    pub(crate) fn abandon(&self, run: RunId) {
        if let Some(live) = self.lock().runs.get(&run) {
            live.abandon.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no code panics while it holds this lock")
    }
}

/// Sums over the runs of each step.
#[derive(Debug, Clone, Default)]
struct Totals {
    steps: BTreeMap<(PipelineName, StepName), StepCounts>,
    other: StepCounts,
}

impl Totals {
    fn add(&mut self, live: &LiveRun) {
        for (step, counts) in live.meters.counts() {
            let key = (live.pipeline.clone(), step);
            let is_told = self.steps.contains_key(&key) || self.steps.len() < STEPS_TOLD_MAX;
            let sum = if is_told { self.steps.entry(key).or_default() } else { &mut self.other };
            sum.add(&counts);
        }
    }
}
