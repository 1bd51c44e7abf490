//! How the scheduler keeps its times: what is due next, and how late the last tick came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{id::PipelineName, port::clock::between, unit::Duration};

/// Written by the scheduler, read by the sampler. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Punctuality {
    inner: Arc<Mutex<Times>>,
}

/// What is known of ticks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Times {
    /// The next tick of each pipeline that has one; past, when it could not be dealt with yet.
    pub(crate) due: BTreeMap<PipelineName, Timestamp>,
    /// The last tick that was dealt with, and how late.
    pub(crate) last: Option<(PipelineName, Timestamp, Duration)>,
}

impl Times {
    /// The tick that comes first, or that waits longest.
    pub(crate) fn first(&self) -> Option<(&PipelineName, Timestamp)> {
        self.due.iter().map(|(name, at)| (name, *at)).min_by_key(|(_, at)| *at)
    }
}

impl Punctuality {
    /// When a pipeline is due next; `None`: never.
    pub(crate) fn due(&self, pipeline: &PipelineName, at: Option<Timestamp>) {
        let mut times = self.lock();
        match at {
            Some(at) => times.due.insert(pipeline.clone(), at),
            None => times.due.remove(pipeline),
        };
    }

    /// A tick started a run, or is on record as one that did not.
    pub(crate) fn dealt_with(&self, pipeline: &PipelineName, tick: Timestamp, now: Timestamp) {
        let mut times = self.lock();
        times.due.remove(pipeline);
        times.last = Some((pipeline.clone(), tick, Duration(between(tick, now))));
    }

    /// Forgets pipelines that are no longer due at all.
    pub(crate) fn retain(&self, is_scheduled: impl Fn(&PipelineName) -> bool) {
        self.lock().due.retain(|name, _| is_scheduled(name));
    }

    pub(crate) fn read(&self) -> Times {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
