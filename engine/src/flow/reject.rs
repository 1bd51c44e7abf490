//! What happens to records that cannot be processed: the attempt fails, they are skipped, or they go to the dead letters,
//! up to the share that the step allows.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use crate::{
    pipeline::definition::{ErrorAction, ErrorPolicy},
    port::{
        queue::{BATCH_MAX, NewDeadLetter, Origin, QueueError},
        step::{Record, RecordError, StepError},
    },
};

use super::{
    call::{Caller, Halt},
    meter::StepMeter,
};

/// The failed records of one step, as one of its workers sees them.
#[derive(Clone)]
pub(super) struct Rejects {
    caller: Caller,
    policy: ErrorPolicy,
    seen: Arc<Mutex<Seen>>,
}

/// What all workers of a step have seen.
struct Seen {
    window: Window,
    /// Workers that are not at their end.
    going: usize,
}

impl Rejects {
    pub(super) fn new(caller: Caller) -> Self {
        Self::of_workers(caller, 1)
    }

    /// For so many workers, each of which has a clone and says when it is at its end.
    pub(super) fn of_workers(caller: Caller, workers: usize) -> Self {
        let mut policy = caller.step().on_error.policy();
        if caller.shared.is_replay() {
            policy = ErrorPolicy { action: ErrorAction::DeadLetter, ratio_max: 1.0, ..policy };
        }
        let seen = Seen { window: Window::new(policy.window), going: workers };
        Self { seen: Arc::new(Mutex::new(seen)), caller, policy }
    }

    /// Takes note of records that passed and handles those that did not. When this returns, dead letters are kept.
    pub(super) async fn handle(&mut self, passed: usize, refused: Vec<(Record, RecordError)>) -> Result<(), Halt> {
        self.seen().window.push(passed as u64, false);
        let Some((record, error)) = refused.last().cloned() else { return Ok(()) };
        let count = refused.len();
        match self.policy.action {
            ErrorAction::Fail => return Err(self.caller.fail_record(&refused[0].0, &refused[0].1)),
            ErrorAction::Skip => {
                self.caller.log.warn(&format!("{count} skipped; the last: {} {}", error.message, record.origin));
                StepMeter::add(&self.caller.meter().dropped, count);
            }
            ErrorAction::DeadLetter => self.bury(&refused).await?,
        }
        let mut seen = self.seen();
        seen.window.push(count as u64, true);
        let (failed, total) = (seen.window.failed, seen.window.total);
        drop(seen);
        if self.policy.ratio_max < 1.0 && failed as f64 > self.policy.ratio_max * f64::from(self.policy.window) {
            return Err(self.too_many(failed, total, &record, &error));
        }
        Ok(())
    }

    /// Nothing more comes: a run that is shorter than the window is judged by what there was, when the last worker is here.
    pub(super) fn at_end(&self) -> Result<(), Halt> {
        let mut seen = self.seen();
        seen.going = seen.going.saturating_sub(1);
        let (failed, total, going) = (seen.window.failed, seen.window.total, seen.going);
        drop(seen);
        if going > 0 {
            return Ok(());
        }
        let share = failed as f64 / total.max(1) as f64;
        if self.policy.ratio_max < 1.0 && share > self.policy.ratio_max {
            let error = RecordError { message: "see the records that failed".into(), retryable: false };
            return Err(self.too_many(failed, total, &Record::new("null"), &error));
        }
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn too_many(&self, failed: u64, total: u64, record: &Record, error: &RecordError) -> Halt {
        let allowed = self.policy.ratio_max * 100.0;
        let message = format!("{failed} of the last {total} records failed, more than the {allowed} % that `ratio_max` allows");
        let error = StepError { message, causes: vec![error.message.clone()], retryable: false };
        self.caller.fail(&error, 1, (record.json != "null").then_some(record))
    }

    async fn bury(&self, refused: &[(Record, RecordError)]) -> Result<(), Halt> {
        for part in refused.chunks(BATCH_MAX) {
            let mut state = (self, part);
            self.caller.call(&mut state, |(rejects, part)| Box::pin(rejects.bury_part(part))).await?;
            self.caller.meter().buried(part.len(), &part[0].1.message);
        }
        Ok(())
    }

    async fn bury_part(&self, part: &[(Record, RecordError)]) -> Result<(), StepError> {
        let shared = &self.caller.shared;
        let letters = part.iter().map(|(record, error)| self.letter(record, error)).collect();
        let kept = match shared.dead_letters().await {
            Ok(queue) => shared.context.queues.bury(&queue, letters).await.map(|_| ()),
            Err(error) => Err(error),
        };
        kept.map_err(|error| {
            let message = format!("records could not go to the dead letters: {error}");
            let retryable = matches!(error, QueueError::Unavailable { .. });
            StepError { message, causes: vec![part[0].1.message.clone()], retryable }
        })
    }

    fn letter(&self, record: &Record, error: &RecordError) -> NewDeadLetter {
        let context = &self.caller.shared.context;
        let origin = Origin {
            pipeline: context.pipeline.to_string(),
            run: context.run.to_string(),
            step: self.caller.step().name.to_string(),
            revision: context.revision.to_string(),
            source: record.origin.to_string(),
        };
        NewDeadLetter { body: record.json.clone(), error: error.message.clone(), origin }
    }
}

/// Which of the last records failed, in runs of equal fate.
struct Window {
    size: u64,
    runs: VecDeque<(u64, bool)>,
    total: u64,
    failed: u64,
}

impl Window {
    fn new(size: u32) -> Self {
        Self { size: u64::from(size), runs: VecDeque::new(), total: 0, failed: 0 }
    }

    fn push(&mut self, count: u64, failed: bool) {
        if count == 0 {
            return;
        }
        match self.runs.back_mut() {
            Some(last) if last.1 == failed => last.0 += count,
            _ => self.runs.push_back((count, failed)),
        }
        self.total += count;
        self.failed += if failed { count } else { 0 };
        while self.total > self.size {
            self.forget(self.total - self.size);
        }
    }

    fn forget(&mut self, count: u64) {
        let Some(first) = self.runs.front_mut() else { return };
        let gone = first.0.min(count);
        first.0 -= gone;
        self.total -= gone;
        self.failed -= if first.1 { gone } else { 0 };
        if first.0 == 0 {
            self.runs.pop_front();
        }
    }
}

/// Adds to a counter of dropped records.
pub(super) fn dropped(counter: &AtomicU64, count: usize) {
    if count > 0 {
        StepMeter::add(counter, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_the_oldest() {
        let mut window = Window::new(10);
        window.push(4, true);
        window.push(6, false);
        assert_eq!((window.total, window.failed), (10, 4));
        window.push(3, false);
        assert_eq!((window.total, window.failed), (10, 1));
        window.push(25, true);
        assert_eq!((window.total, window.failed), (10, 10));
    }
}
