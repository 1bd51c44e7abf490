//! Rates and short histories, computed from successive vital figures over a window of five seconds: totals that the engine
//! counts anyway are all that crosses the link.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use flexcore_engine::{
    event::run::StepCounts,
    id::{PipelineName, QueueName, RunId},
    port::queue::QueueStats,
    projection::ReadModels,
    vitals::{RunVitals, Vitals},
};
use jiff::Timestamp;

/// The window of a rate, in milliseconds.
pub const WINDOW_MS: i64 = 5_000;
/// The most figures kept for rates: twice a second, and some to spare.
pub const RECENT_MAX: usize = 16;
/// The most points of a short history: a minute at two a second.
pub const HISTORY_MAX: usize = 120;
/// The most minutes of a pipeline's sparkline.
pub const MINUTES_MAX: usize = 30;

/// What goes through a queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueFigures {
    /// Accepted, a second.
    pub in_per_s: f64,
    /// Acked, a second.
    pub out_per_s: f64,
    /// Messages that are not dead, oldest first; at most [`HISTORY_MAX`].
    pub depth_history: VecDeque<u64>,
}

impl QueueFigures {
    /// Seconds until a depth has drained at today's rates; `None`: it does not drain.
    pub fn drain_s(&self, depth: u64) -> Option<f64> {
        let falls = self.out_per_s - self.in_per_s;
        (falls > 0.05).then(|| depth as f64 / falls)
    }

    /// Whether it fills faster than it empties.
    pub fn grows(&self) -> bool {
        self.in_per_s - self.out_per_s > 0.05
    }
}

/// What goes through a step of a live run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepFigures {
    /// Records in, a second.
    pub in_per_s: f64,
    /// Records out, a second.
    pub out_per_s: f64,
}

/// What goes through a pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PipelineFigures {
    /// Records a second through the busiest step of each live run: sources read ahead in bursts, and sinks may be given
    /// few of what is read.
    pub records_per_s: f64,
    /// Records a minute, by minute since the epoch, oldest first; at most [`MINUTES_MAX`].
    pub minutes: VecDeque<(i64, u64)>,
}

impl PipelineFigures {
    fn add(&mut self, minute: i64, records: u64) {
        let at = self.minutes.partition_point(|(known, _)| *known < minute);
        match self.minutes.get_mut(at) {
            Some((known, sum)) if *known == minute => *sum += records,
            _ => self.minutes.insert(at, (minute, records)),
        }
        while self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_front();
        }
    }

    /// The last `count` minutes up to now, oldest first; 0 where nothing moved.
    pub fn last_minutes(&self, now: Timestamp, count: u8) -> Vec<u64> {
        let last = now.as_second().div_euclid(60);
        let value = |minute: i64| self.minutes.iter().find(|(known, _)| *known == minute).map_or(0, |(_, sum)| *sum);
        (0..i64::from(count)).rev().map(|back| value(last - back)).collect()
    }
}

/// Rates and short histories.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    recent: VecDeque<Arc<Vitals>>,
    queues: BTreeMap<QueueName, QueueFigures>,
    pipelines: BTreeMap<PipelineName, PipelineFigures>,
    steps: BTreeMap<RunId, Vec<StepFigures>>,
    /// Events appended, a second.
    pub events_per_s: f64,
    /// Processor use; 1.0 is one core.
    pub cpu: f64,
    /// Events a second, oldest first; at most [`HISTORY_MAX`].
    pub events_history: VecDeque<u64>,
    /// Resident bytes, oldest first; at most [`HISTORY_MAX`].
    pub rss_history: VecDeque<u64>,
    /// Processor use in per mille of a core, oldest first; at most [`HISTORY_MAX`].
    pub cpu_history: VecDeque<u64>,
}

/// Keeps a value for each half second that it stood for: at rest figures come less often.
fn keep(history: &mut VecDeque<u64>, value: u64, halves: usize) {
    history.extend(std::iter::repeat_n(value, halves));
    while history.len() > HISTORY_MAX {
        history.pop_front();
    }
}

fn per_s(then: u64, now: u64, length_s: f64) -> f64 {
    if length_s > 0.0 { now.saturating_sub(then) as f64 / length_s } else { 0.0 }
}

fn depth(stats: &QueueStats) -> u64 {
    stats.ready + stats.delayed + stats.leased
}

/// Records that went into a run.
fn given(run: &RunVitals) -> u64 {
    run.totals.records_in
}

impl Figures {
    /// What goes through a queue.
    pub fn queue(&self, name: &QueueName) -> Option<&QueueFigures> {
        self.queues.get(name)
    }

    /// What goes through a pipeline.
    pub fn pipeline(&self, name: &PipelineName) -> Option<&PipelineFigures> {
        self.pipelines.get(name)
    }

    /// What goes through the steps of a live run, in the order of its vital figures.
    pub fn steps(&self, run: RunId) -> &[StepFigures] {
        self.steps.get(&run).map_or(&[], Vec::as_slice)
    }

    /// Sparklines begin with what ended runs are known to have moved.
    pub fn begin(&mut self, models: &ReadModels) {
        self.pipelines.clear();
        for run in models.runs.runs.values() {
            if let Some(at) = run.ended_at {
                let minute = at.as_second().div_euclid(60);
                self.pipelines.entry(run.pipeline.clone()).or_default().add(minute, run.records_in.max(run.records_out));
            }
        }
    }

    /// Takes newer figures in. Older ones change nothing.
    pub fn observe(&mut self, next: &Arc<Vitals>) {
        let before = self.recent.back().cloned();
        if before.as_ref().is_some_and(|before| next.at <= before.at) {
            return;
        }
        if before.as_ref().is_some_and(|before| before.started_at != next.started_at) {
            self.recent.clear();
        }
        self.recent.push_back(next.clone());
        self.forget_old(next.at);
        let oldest = self.recent.front().cloned().unwrap_or_else(|| next.clone());
        let length_s = next.at.duration_since(oldest.at).as_secs_f64();
        let passed = before.as_ref().map_or(0, |before| next.at.duration_since(before.at).as_millis());
        let halves = usize::try_from((passed + 250) / 500).unwrap_or(HISTORY_MAX).clamp(1, HISTORY_MAX);
        self.observe_process(&oldest, next, length_s, halves);
        self.observe_queues(&oldest, next, length_s, halves);
        self.observe_runs(&oldest, next, length_s);
        if let Some(before) = before {
            self.observe_minutes(&before, next);
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        let is_old = |vitals: &Arc<Vitals>| now.duration_since(vitals.at).as_millis() > i128::from(WINDOW_MS);
        while self.recent.len() > RECENT_MAX || (self.recent.len() > 2 && self.recent.front().is_some_and(is_old)) {
            self.recent.pop_front();
        }
    }

    fn observe_process(&mut self, oldest: &Vitals, next: &Vitals, length_s: f64, halves: usize) {
        self.events_per_s = per_s(oldest.store.head.0, next.store.head.0, length_s);
        self.cpu = per_s(oldest.process.cpu_ms, next.process.cpu_ms, length_s) / 1e3;
        keep(&mut self.events_history, self.events_per_s.round() as u64, halves);
        keep(&mut self.rss_history, next.process.rss_bytes, halves);
        keep(&mut self.cpu_history, (self.cpu * 1e3).round() as u64, halves);
    }

    fn observe_queues(&mut self, oldest: &Vitals, next: &Vitals, length_s: f64, halves: usize) {
        let mut queues = std::mem::take(&mut self.queues);
        for (name, stats) in &next.queues {
            let mut figures = queues.remove(name).unwrap_or_default();
            let then = oldest.queues.iter().find(|(known, _)| known == name).map_or(stats, |(_, then)| then);
            figures.in_per_s = per_s(then.sent_total, stats.sent_total, length_s);
            figures.out_per_s = per_s(then.acked_total, stats.acked_total, length_s);
            keep(&mut figures.depth_history, depth(stats), halves);
            self.queues.insert(name.clone(), figures);
        }
    }

    fn observe_runs(&mut self, oldest: &Vitals, next: &Vitals, length_s: f64) {
        self.steps.clear();
        for pipeline in self.pipelines.values_mut() {
            pipeline.records_per_s = 0.0;
        }
        for run in &next.runs {
            let then = oldest.runs.iter().find(|known| known.run == run.run);
            let rates = run.steps.iter().enumerate().map(|(at, step)| {
                let then = then.and_then(|then| then.steps.get(at)).map_or(step.counts, |step| step.counts);
                step_rates(then, step.counts, length_s)
            });
            let rates: Vec<StepFigures> = rates.collect();
            let figures = self.pipelines.entry(run.pipeline.clone()).or_default();
            figures.records_per_s += rates.iter().map(|rates| rates.in_per_s.max(rates.out_per_s)).fold(0.0, f64::max);
            self.steps.insert(run.run, rates);
        }
    }

    fn observe_minutes(&mut self, before: &Vitals, next: &Vitals) {
        let minute = next.at.as_second().div_euclid(60);
        for run in &next.runs {
            let then = before.runs.iter().find(|known| known.run == run.run).map_or(0, given);
            self.pipelines.entry(run.pipeline.clone()).or_default().add(minute, given(run).saturating_sub(then));
        }
    }
}

fn step_rates(then: StepCounts, now: StepCounts, length_s: f64) -> StepFigures {
    StepFigures {
        in_per_s: per_s(then.records_in, now.records_in, length_s),
        out_per_s: per_s(then.records_out, now.records_out, length_s),
    }
}
