//! The figures of one attempt: written by the steps without locks on the way of records, read by whoever looks.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use jiff::Timestamp;

use crate::{
    event::run::StepCounts,
    id::{PipelineName, RunId, StepName},
    pipeline::{Definition, Plan},
    port::step::{Record, StepKind},
    vitals::{FlowTotals, RunVitals, StepVitals},
};

/// Records that a tap shows: the last ones that left the step, one of each batch.
pub const TAP_RECORDS_MAX: usize = 5;

/// Figures of every step, in the definition's order. Shared by the flow and those who watch it.
#[derive(Debug)]
pub struct FlowMeters {
    steps: Vec<StepMeter>,
    /// What each step is.
    kinds: Vec<StepKind>,
    /// What feeds a replay.
    feeder: StepMeter,
    pub(super) unacked: Arc<AtomicU64>,
    moved_at_ms: AtomicI64,
}

/// Figures of one step.
#[derive(Debug)]
pub struct StepMeter {
    step: StepName,
    pub(super) records_in: AtomicU64,
    pub(super) records_out: AtomicU64,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) dead: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) backlog: Arc<AtomicU64>,
    backlog_max: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    retrying: Option<(Timestamp, String)>,
    tap: VecDeque<Record>,
    /// Dead letters that no report named yet, with the error of the first.
    unreported: Option<(u64, String)>,
}

impl FlowMeters {
    /// Figures at zero.
    pub fn new(definition: &Definition, plan: &Plan) -> Arc<Self> {
        let meter = |step: &crate::pipeline::Step| StepMeter::new(step.name.clone(), u64::from(step.buffer.records_max));
        Arc::new(Self {
            steps: definition.steps.iter().map(meter).collect(),
            kinds: plan.kinds.clone(),
            feeder: StepMeter::new(super::replay::feeder().name, 0),
            unacked: Arc::default(),
            moved_at_ms: AtomicI64::new(0),
        })
    }

    /// What flows now.
    pub fn vitals(&self, run: RunId, pipeline: &PipelineName) -> RunVitals {
        let moved_at = self.moved_at_ms.load(Ordering::Relaxed);
        RunVitals {
            run,
            pipeline: pipeline.clone(),
            steps: self.steps.iter().map(StepMeter::vitals).collect(),
            totals: self.totals(),
            unacked: self.unacked.load(Ordering::Relaxed),
            moved_at: Timestamp::from_millisecond(moved_at).unwrap_or_default(),
        }
    }

    /// What went through each step so far.
    pub fn counts(&self) -> impl Iterator<Item = (StepName, StepCounts)> {
        self.steps.iter().map(|meter| (meter.step.clone(), meter.counts()))
    }

    /// Records of the run as a whole. A step that takes no part has counted nothing.
    pub fn totals(&self) -> FlowTotals {
        let fed = self.feeder.counts();
        let begun = FlowTotals { records_in: fed.records_in, records_out: 0, dead: fed.dead };
        self.steps.iter().zip(&self.kinds).fold(begun, |mut totals, (meter, kind)| {
            let counts = meter.counts();
            match kind {
                StepKind::Source => totals.records_in += counts.records_in,
                StepKind::Sink => totals.records_out += counts.records_out,
                StepKind::Transform | StepKind::Task => {}
            }
            totals.dead += counts.dead;
            totals
        })
    }

    /// The last records that left each step, oldest first: one of each batch. For a sink, those that it took.
    pub fn taps(&self) -> Vec<(StepName, Vec<Record>)> {
        let tap = |meter: &StepMeter| (meter.step.clone(), meter.seen().tap.iter().cloned().collect());
        self.steps.iter().map(tap).collect()
    }

    pub(super) fn step(&self, index: usize) -> &StepMeter {
        self.steps.get(index).unwrap_or(&self.feeder)
    }

    pub(super) fn moved(&self, at: Timestamp) {
        self.moved_at_ms.store(at.as_millisecond(), Ordering::Relaxed);
    }
}

impl StepMeter {
    fn new(step: StepName, backlog_max: u64) -> Self {
        Self {
            step,
            records_in: AtomicU64::new(0),
            records_out: AtomicU64::new(0),
            dropped: Arc::default(),
            dead: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            backlog: Arc::default(),
            backlog_max,
            seen: Mutex::default(),
        }
    }

    /// What went through so far.
    pub fn counts(&self) -> StepCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StepCounts {
            records_in: of(&self.records_in),
            records_out: of(&self.records_out),
            dropped: of(&self.dropped),
            dead: of(&self.dead),
            bytes: of(&self.bytes),
            retries: of(&self.retries),
        }
    }

    fn vitals(&self) -> StepVitals {
        StepVitals {
            step: Some(self.step.clone()),
            counts: self.counts(),
            backlog: self.backlog.load(Ordering::Relaxed),
            backlog_max: self.backlog_max,
            retrying: self.seen().retrying.clone(),
        }
    }

    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Says that the step waits for another try; keeps the moment of the first failure in a row.
    pub(super) fn retrying(&self, at: Timestamp, why: &str) {
        let mut seen = self.seen();
        let since = seen.retrying.as_ref().map_or(at, |(since, _)| *since);
        seen.retrying = Some((since, why.to_owned()));
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn works_again(&self) {
        self.seen().retrying = None;
    }

    pub(super) fn show(&self, record: &Record) {
        let mut seen = self.seen();
        if seen.tap.len() == TAP_RECORDS_MAX {
            seen.tap.pop_front();
        }
        seen.tap.push_back(record.clone());
    }

    pub(super) fn buried(&self, count: usize, error: &str) {
        Self::add(&self.dead, count);
        let mut seen = self.seen();
        let unreported = seen.unreported.get_or_insert_with(|| (0, error.to_owned()));
        unreported.0 += count as u64;
    }

    pub(super) fn take_unreported(&self) -> Option<(u64, String)> {
        self.seen().unreported.take()
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
