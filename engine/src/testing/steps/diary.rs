//! What happened, in order, by steps and by reports alike.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;
use tokio::sync::Notify;

use super::Place;
use crate::{
    command::Mark,
    event::run::{RunError, StepCounts, StepOutcome},
    id::StepName,
    port::{
        BoxFuture,
        report::{ReportError, RunReport},
    },
};

/// One thing that happened; steps by name.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// A step came to a place in its life.
    At(String, Place),
    /// A source gave these.
    Gave(String, Vec<Value>),
    /// A sink took these.
    Took(String, Vec<Value>),
    /// All that a sink took so far is durable.
    Durable(String),
    /// A source was told that everything up to here is safe.
    Acked(String, Value),
    /// A checkpoint was kept: cursor, safe records.
    Checkpoint(String, Value, u64),
    /// A step was reported to begin.
    Started(String),
    /// A step was reported to end.
    Ended(String, StepOutcome, Option<RunError>),
    /// So many dead letters were reported.
    Dead(String, u64, String),
}

/// What happened so far. Clones are the same diary.
#[derive(Debug, Clone, Default)]
pub struct Diary {
    pages: Arc<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    deeds: Mutex<Vec<Deed>>,
    written: Notify,
}

impl Diary {
    /// Adds a line.
    pub fn note(&self, deed: Deed) {
        self.pages.deeds.lock().unwrap_or_else(PoisonError::into_inner).push(deed);
        self.pages.written.notify_waiters();
    }

    /// All of it.
    pub fn deeds(&self) -> Vec<Deed> {
        self.pages.deeds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many deeds are like this.
    pub fn count(&self, like: impl Fn(&Deed) -> bool) -> usize {
        self.deeds().iter().filter(|deed| like(deed)).count()
    }

    /// Resolves when so many deeds are like this.
    pub async fn wait_for(&self, times: usize, like: impl Fn(&Deed) -> bool) {
        loop {
            let mut written = pin!(self.pages.written.notified());
            written.as_mut().enable();
            if self.count(&like) >= times {
                return;
            }
            written.await;
        }
    }

    /// Everything that a sink took, in order.
    pub fn taken_by(&self, sink: &str) -> Vec<Value> {
        let of = |deed| match deed {
            Deed::Took(step, records) if step == sink => records,
            _ => Vec::new(),
        };
        self.deeds().into_iter().flat_map(of).collect()
    }
}

/// A report that writes in the diary.
#[derive(Debug, Clone, Default)]
pub struct DiaryReport {
    diary: Diary,
    fenced: Arc<AtomicBool>,
    unavailable: Arc<AtomicBool>,
}

impl DiaryReport {
    /// Writes there.
    pub fn new(diary: Diary) -> Self {
        Self { diary, ..Self::default() }
    }

    /// From now on the lease is somebody else's.
    pub fn fence(&self) {
        self.fenced.store(true, Ordering::Release);
    }

    /// The log cannot be written, or can again.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::Release);
    }

    fn take(&self, deeds: Vec<Deed>) -> BoxFuture<'_, Result<(), ReportError>> {
        Box::pin(async move {
            if self.fenced.load(Ordering::Acquire) {
                return Err(ReportError::Fenced);
            }
            if self.unavailable.load(Ordering::Acquire) {
                return Err(ReportError::Unavailable("the disk is full".into()));
            }
            for deed in deeds {
                self.diary.note(deed);
            }
            Ok(())
        })
    }
}

impl RunReport for DiaryReport {
    fn step_started<'a>(&'a self, step: &'a StepName) -> BoxFuture<'a, Result<(), ReportError>> {
        self.take(vec![Deed::Started(step.to_string())])
    }

    fn step_ended<'a>(
        &'a self,
        step: &'a StepName,
        outcome: StepOutcome,
        _: StepCounts,
        error: Option<RunError>,
    ) -> BoxFuture<'a, Result<(), ReportError>> {
        self.take(vec![Deed::Ended(step.to_string(), outcome, error)])
    }

    fn checkpoint(&self, marks: Vec<Mark>) -> BoxFuture<'_, Result<(), ReportError>> {
        let deed = |Mark { step, cursor, records, .. }| Deed::Checkpoint(step.to_string(), cursor, records);
        self.take(marks.into_iter().map(deed).collect())
    }

    fn dead_lettered<'a>(&'a self, step: &'a StepName, count: u64, error: &'a str) -> BoxFuture<'a, Result<(), ReportError>> {
        self.take(vec![Deed::Dead(step.to_string(), count, error.into())])
    }
}
