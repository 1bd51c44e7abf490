//! What was asked of the log, and what became of commands. There is one appender, so this is the one place to count.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use jiff::Timestamp;

use super::{Accepted, Engine, Refusal};
use crate::{
    port::store::{AppendError, Appended, StreamAppend},
    vitals::{AppendVitals, CommandVitals, latency::LatencyMeter},
};

/// Counts since the process began.
#[derive(Debug, Default)]
pub(super) struct Meter {
    events: AtomicU64,
    failed: AtomicU64,
    took: LatencyMeter,
    last: Mutex<Last>,
    accepted: AtomicU64,
    rejected: AtomicU64,
    commands_failed: AtomicU64,
}

#[derive(Debug, Clone, Default)]
struct Last {
    taken: Option<Timestamp>,
    failed: Option<(Timestamp, String)>,
}

impl Engine {
    /// The one call of the log's append.
    pub(super) async fn append(&self, batch: Vec<StreamAppend>) -> Result<Appended, AppendError> {
        let began = Instant::now();
        let outcome = self.inner.store.append(batch).await;
        self.inner.meter.appended(&outcome, began, || self.inner.clock.now());
        if outcome.is_err() {
            self.stir();
        }
        outcome
    }

    /// Lets a log that refused its last append try whether it can be written again. Once it can, that append says nothing of
    /// it any more.
    pub async fn try_again(&self) -> Result<(), AppendError> {
        self.inner.store.try_again().await?;
        self.inner.meter.last.lock().unwrap_or_else(PoisonError::into_inner).failed = None;
        Ok(())
    }

    /// What was asked of the log since this process began.
    pub fn append_vitals(&self) -> AppendVitals {
        let meter = &self.inner.meter;
        let last = meter.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        AppendVitals {
            events: meter.events.load(Ordering::Relaxed),
            failed: meter.failed.load(Ordering::Relaxed),
            took: meter.took.read(),
            last_at: last.taken,
            last_failure: last.failed,
        }
    }

    /// What became of commands since this process began.
    pub fn command_vitals(&self) -> CommandVitals {
        let meter = &self.inner.meter;
        CommandVitals {
            accepted: meter.accepted.load(Ordering::Relaxed),
            rejected: meter.rejected.load(Ordering::Relaxed),
            failed: meter.commands_failed.load(Ordering::Relaxed),
        }
    }
}

impl Meter {
    /// A writer that was too late, or an append that is not allowed, says nothing of the log.
    fn appended(&self, outcome: &Result<Appended, AppendError>, began: Instant, now: impl FnOnce() -> Timestamp) {
        match outcome {
            Ok(appended) => {
                self.took.record(began.elapsed());
                self.events.fetch_add(appended.last.0 + 1 - appended.first.0, Ordering::Relaxed);
                self.last.lock().unwrap_or_else(PoisonError::into_inner).taken = Some(now());
            }
            Err(AppendError::Unavailable { reason, .. }) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.last.lock().unwrap_or_else(PoisonError::into_inner).failed = Some((now(), reason.clone()));
            }
            Err(AppendError::Conflict { .. } | AppendError::Unfit { .. }) => {}
        }
    }

    pub(super) fn answered(&self, answer: &Result<Accepted, Refusal>) {
        let counter = match answer {
            Ok(_) => &self.accepted,
            Err(Refusal::Rejected(_)) => &self.rejected,
            Err(Refusal::Unavailable(_) | Refusal::Unrecorded(_)) => &self.commands_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
