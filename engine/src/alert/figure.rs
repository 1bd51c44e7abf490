//! The figures that rules look at: of the vital figures and the read models, each with what it is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::About;
use crate::{
    port::{clock::between, queue::QueueStats},
    projection::{ReadModels, board::PipelineState},
    vitals::{CheckState, Vitals},
};

/// What a rule may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Figure {
    /// Of each pipeline: runs that failed since one succeeded.
    #[serde(rename = "pipeline.failed_in_row")]
    FailedInRow,
    /// Of each pipeline: records that its runs gave up so far.
    #[serde(rename = "pipeline.dead_letters")]
    DeadLetters,
    /// Of each queue: messages that a receiver would get now.
    #[serde(rename = "queue.ready")]
    QueueReady,
    /// Of each queue: dead letters in it.
    #[serde(rename = "queue.dead")]
    QueueDead,
    /// Of each queue: seconds that its oldest ready message waits.
    #[serde(rename = "queue.oldest_age")]
    QueueOldestAge,
    /// Of each queue: how full it is, 0 to 1.
    #[serde(rename = "queue.fill")]
    QueueFill,
    /// Of each check: 0 ok, 1 warns, 2 fails.
    #[serde(rename = "check.state")]
    CheckState,
    /// Of each reader of the log: events between it and the head.
    #[serde(rename = "subscription.lag")]
    SubscriptionLag,
    /// Appends that the log could not take, since the process began.
    #[serde(rename = "log.append_failures")]
    AppendFailures,
    /// Bytes that may still be written where the data is.
    #[serde(rename = "disk.free_bytes")]
    DiskFreeBytes,
    /// Of the disk that the data is on, the free part, 0 to 1.
    #[serde(rename = "disk.free_share")]
    DiskFreeShare,
    /// Seconds that the process is held up.
    #[serde(rename = "event_loop.lag")]
    EventLoopLag,
    /// Bytes of memory in use.
    #[serde(rename = "process.memory")]
    ProcessMemory,
    /// Of the slots for runs, the busy part, 0 to 1.
    #[serde(rename = "workers.busy")]
    WorkersBusy,
}

/// A figure of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which.
    pub figure: Figure,
    /// Of what: the name of a pipeline, queue, check or reader; empty when there is one of it.
    pub subject: String,
    /// Where to look.
    pub about: About,
    /// The value.
    pub value: f64,
}

/// Every figure of a moment.
pub fn figures(vitals: &Vitals, models: &ReadModels) -> Vec<Reading> {
    let mut all = engine(vitals);
    pipelines(&mut all, models);
    queues(&mut all, vitals);
    for check in vitals.checks.iter().filter(|check| check.state() != CheckState::Unknown) {
        let value = f64::from(u8::from(check.state() >= CheckState::Warn) + u8::from(check.state() == CheckState::Fail));
        all.push(Reading { figure: Figure::CheckState, subject: check.name().to_owned(), about: About::Engine, value });
    }
    for reader in &vitals.readers {
        let (subject, value) = (reader.name.clone(), reader.lag as f64);
        all.push(Reading { figure: Figure::SubscriptionLag, subject, about: About::Engine, value });
    }
    all
}

fn engine(vitals: &Vitals) -> Vec<Reading> {
    let disk = vitals.disk.as_ref();
    let values = [
        (Figure::AppendFailures, Some(vitals.appends.failed as f64)),
        (Figure::DiskFreeBytes, disk.map(|disk| disk.free_bytes as f64)),
        (Figure::DiskFreeShare, disk.map(|disk| disk.free_bytes as f64 / disk.total_bytes.max(1) as f64)),
        (Figure::EventLoopLag, Some(vitals.lag_ms as f64 / 1e3)),
        (Figure::ProcessMemory, (vitals.process.rss_bytes > 0).then_some(vitals.process.rss_bytes as f64)),
        (Figure::WorkersBusy, Some(f64::from(vitals.workers_busy) / f64::from(vitals.workers.max(1)))),
    ];
    let reading = |(figure, value): (Figure, Option<f64>)| {
        value.map(|value| Reading { figure, subject: String::new(), about: About::Engine, value })
    };
    values.into_iter().filter_map(reading).collect()
}

fn pipelines(all: &mut Vec<Reading>, models: &ReadModels) {
    for row in models.board.pipelines.values().filter(|row| row.state != PipelineState::Archived) {
        let values = [(Figure::FailedInRow, f64::from(row.failed_in_row)), (Figure::DeadLetters, row.dead_total as f64)];
        let about = About::Pipeline(row.name.clone());
        let reading = |(figure, value)| Reading { figure, subject: row.name.to_string(), about: about.clone(), value };
        all.extend(values.map(reading));
    }
}

fn queues(all: &mut Vec<Reading>, vitals: &Vitals) {
    for (name, stats) in &vitals.queues {
        let values = [
            (Figure::QueueReady, stats.ready as f64),
            (Figure::QueueDead, stats.dead as f64),
            (Figure::QueueOldestAge, stats.oldest.map_or(0.0, |oldest| between(oldest, vitals.at).as_secs_f64())),
            (Figure::QueueFill, fill(stats)),
        ];
        let reading = |(figure, value)| Reading { figure, subject: name.to_string(), about: About::Queue(name.clone()), value };
        all.extend(values.map(reading));
    }
}

fn fill(stats: &QueueStats) -> f64 {
    let held = (stats.ready + stats.delayed + stats.leased) as f64;
    (held / stats.limits.messages_max.max(1) as f64).max(stats.bytes as f64 / stats.limits.bytes_max.0.max(1) as f64)
}
