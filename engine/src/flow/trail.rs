//! What of a sink's output belongs to records that are in a checkpoint. Another attempt gets the records behind the
//! checkpoint again, so the output behind it has to go, and nothing before it may.
//!
//! The output is followed in stretches, each of one source batch. While batches reach the sink in the order in which they
//! become safe, which one source and the order of edges give, the kept stretches are the front of the output, and going on
//! repeats nothing. Where several sources mix, the output is kept up to the last stretch that is safe: what lies between and
//! is not safe comes twice, and nothing is lost.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::Value;

use super::ledger::Fate;
use crate::port::step::Resume;

/// The most stretches that are kept apart; further records count to the newest of them, and may come twice.
const STRETCHES_MAX: usize = 100_000;

/// How the sinks of one flow can be gone on with.
#[derive(Default)]
pub(super) struct Trails {
    all: Mutex<Vec<Arc<Trail>>>,
    /// Held while a checkpoint is kept, so that marks are kept in the order in which they were made.
    pub(super) keeping: tokio::sync::Mutex<()>,
}

impl Trails {
    /// Begins to follow a sink, if it can be gone on with.
    pub(super) fn enter(&self, index: usize, resume: Option<Arc<dyn Resume>>) -> Option<Arc<Trail>> {
        let trail = Arc::new(Trail::new(index, resume?));
        self.lock().push(trail.clone());
        Some(trail)
    }

    pub(super) fn all(&self) -> Vec<Arc<Trail>> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Trail>>> {
        self.all.lock().expect("no code panics while it holds this lock")
    }
}

/// The output of one sink.
pub(super) struct Trail {
    /// The sink.
    pub(super) index: usize,
    pub(super) resume: Arc<dyn Resume>,
    stretches: Mutex<Stretches>,
}

struct Stretches {
    /// Everything up to here is kept, and so many records.
    kept: u64,
    records: u64,
    open: VecDeque<Stretch>,
    /// The mark that was kept last.
    last: Value,
}

struct Stretch {
    end: u64,
    records: u64,
    /// `None`: of no source batch, so nothing says that it is safe but the end of the run.
    fate: Option<Arc<Fate>>,
}

impl Stretch {
    fn is_kept(&self) -> bool {
        self.fate.as_ref().is_some_and(|fate| fate.is_kept())
    }
}

impl Trail {
    fn new(index: usize, resume: Arc<dyn Resume>) -> Self {
        let stretches = Stretches { kept: resume.begin(), records: 0, open: VecDeque::new(), last: Value::Null };
        Self { index, resume, stretches: Mutex::new(stretches) }
    }

    /// The output now reaches to `end`, with records of a batch.
    pub(super) fn extend(&self, fate: Option<&Arc<Fate>>, end: u64, records: u64) {
        let mut stretches = self.lock();
        let stretches_max = stretches.open.len() >= STRETCHES_MAX;
        match (stretches.open.back_mut(), fate) {
            (Some(Stretch { end: reaches, records: count, fate: Some(known) }), Some(fate)) if Arc::ptr_eq(known, fate) => {
                *reaches = end;
                *count += records;
            }
            (Some(last), _) if stretches_max => {
                last.end = end;
                last.records += records;
            }
            _ => stretches.open.push_back(Stretch { end, records, fate: fate.cloned() }),
        }
    }

    /// Up to where the output is kept, and how many records of this attempt that are.
    pub(super) fn reach(&self) -> (u64, u64) {
        let mut stretches = self.lock();
        while let Some(stretch) = stretches.open.pop_front_if(|stretch| stretch.is_kept()) {
            stretches.kept = stretch.end;
            stretches.records += stretch.records;
        }
        let beyond = stretches.open.iter().filter(|stretch| stretch.is_kept());
        let (end, records) = beyond.fold((stretches.kept, 0), |(_, records), stretch| (stretch.end, records + stretch.records));
        (end, stretches.records + records)
    }

    /// Whether all of the output is kept.
    pub(super) fn is_whole(&self) -> bool {
        self.reach();
        self.lock().open.is_empty()
    }

    /// Whether a mark is another one than the last.
    pub(super) fn is_news(&self, mark: &Value) -> bool {
        self.lock().last != *mark
    }

    /// A mark was kept.
    pub(super) fn kept(&self, mark: Value) {
        self.lock().last = mark;
    }

    fn lock(&self) -> MutexGuard<'_, Stretches> {
        self.stretches.lock().expect("no code panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{BoxFuture, step::StepError};

    struct FromTen;

    impl Resume for FromTen {
        fn stream(&self) -> Arc<str> {
            "out".into()
        }

        fn begin(&self) -> u64 {
            10
        }

        fn mark(&self, end: u64) -> BoxFuture<'_, Result<Value, StepError>> {
            Box::pin(async move { Ok(end.into()) })
        }
    }

    fn fates(count: usize) -> Vec<Arc<Fate>> {
        (0..count).map(|_| Arc::default()).collect()
    }

    #[test]
    fn the_output_is_kept_up_to_the_batches_that_are_in_a_checkpoint() {
        let trail = Trail::new(0, Arc::new(FromTen));
        let batches = fates(3);
        trail.extend(Some(&batches[0]), 20, 1);
        trail.extend(Some(&batches[1]), 25, 1);
        trail.extend(Some(&batches[1]), 30, 1);
        trail.extend(Some(&batches[2]), 40, 1);
        assert_eq!(trail.reach(), (10, 0));
        batches[0].set_kept(true);
        assert_eq!(trail.reach(), (20, 1));
        batches[1].set_kept(true);
        assert_eq!(trail.reach(), (30, 3));
        assert!(!trail.is_whole());
        batches[2].set_kept(true);
        assert!(trail.is_whole());
    }

    #[test]
    fn what_is_safe_stays_even_when_something_before_it_is_not() {
        let trail = Trail::new(0, Arc::new(FromTen));
        let batches = fates(2);
        trail.extend(Some(&batches[0]), 20, 1);
        trail.extend(Some(&batches[1]), 30, 1);
        trail.extend(None, 40, 5);
        batches[1].set_kept(true);
        assert_eq!(trail.reach(), (30, 1));
        batches[0].set_kept(true);
        assert_eq!(trail.reach(), (30, 2));
        assert!(!trail.is_whole());
    }
}
