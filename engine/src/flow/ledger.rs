//! Who may be told what: each source batch has a token that everything derived from it shares. When the last share is
//! settled the batch is safe; the ledger of the source then knows up to where, per stream, all batches are safe.
//!
//! A share that is dropped without being settled (a step failed, panicked, was stopped) makes its batch never safe, so
//! that no way out of a step can turn loss into progress.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Notify;

use crate::port::clock::Clock;

/// The most batches of one stream that are kept apart; beyond it, later batches are acknowledged together.
pub const BATCHES_MAX: usize = 10_000;

/// A share of one source batch.
pub(super) struct Token {
    batch: Arc<OpenBatch>,
    settled: bool,
}

/// Whether the records of a batch are in a checkpoint. Sinks remember it for what they wrote.
#[derive(Debug, Default)]
pub(super) struct Fate(AtomicBool);

impl Fate {
    pub(super) fn is_kept(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// In a checkpoint that is being kept, or that could not be kept after all.
    pub(super) fn set_kept(&self, kept: bool) {
        self.0.store(kept, Ordering::Release);
    }
}

struct OpenBatch {
    ledger: Arc<Ledger>,
    stream: Arc<str>,
    number: u64,
    lost: AtomicBool,
    fate: Arc<Fate>,
}

impl Token {
    /// What carried this share is durable, dropped on purpose, or a dead letter.
    pub(super) fn settle(mut self) {
        self.settled = true;
    }

    /// What will have become of the batch.
    pub(super) fn fate(&self) -> &Arc<Fate> {
        &self.batch.fate
    }

    /// Whether both are shares of the same batch.
    pub(super) fn same_batch(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.batch, &other.batch)
    }
}

impl Clone for Token {
    fn clone(&self) -> Self {
        Self { batch: self.batch.clone(), settled: false }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.settled {
            self.batch.lost.store(true, Ordering::Release);
        }
    }
}

impl Drop for OpenBatch {
    fn drop(&mut self) {
        if !self.lost.load(Ordering::Acquire) {
            self.ledger.settled(&self.stream, self.number);
        }
    }
}

/// How far one source is safe.
pub(super) struct Ledger {
    state: Mutex<State>,
    changed: Notify,
    clock: Arc<dyn Clock>,
    unacked: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<Arc<str>, Stream>,
    safe: u64,
    /// Records that are safe and not in a checkpoint yet, and since when there are some.
    ready: u64,
    ready_since: Option<Timestamp>,
    open: usize,
}

#[derive(Default)]
struct Stream {
    first: u64,
    batches: VecDeque<Entry>,
    ready: Option<Value>,
    /// Of the batches up to there.
    ready_fates: Vec<Arc<Fate>>,
}

struct Entry {
    cursor: Value,
    records: u64,
    settled: bool,
    batch: Weak<OpenBatch>,
    fate: Arc<Fate>,
}

/// A stream's new safe point.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) stream: Arc<str>,
    pub(super) cursor: Value,
    /// Records of the whole source that are safe.
    pub(super) records: u64,
    /// Of the batches that are safe since the last time.
    pub(super) fates: Vec<Arc<Fate>>,
}

impl Ledger {
    /// An empty ledger; `unacked` shows how many batches are open, of this source and others.
    pub(super) fn new(clock: Arc<dyn Clock>, unacked: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Notify::new(), clock, unacked })
    }

    /// Enters a batch: its records, and where the source stands after them.
    pub(super) fn enter(self: &Arc<Self>, stream: &Arc<str>, cursor: Value, records: u64) -> Token {
        let mut state = self.lock();
        let entries = state.streams.entry(stream.clone()).or_default();
        let number = entries.first + entries.batches.len() as u64;
        // A full ledger gives the newest batch a longer reach instead of growing.
        if entries.batches.len() >= BATCHES_MAX
            && let Some(last) = entries.batches.back_mut()
            && let Some(batch) = last.batch.upgrade()
        {
            last.cursor = cursor;
            last.records += records;
            return Token { batch, settled: false };
        }
        let fate = Arc::<Fate>::default();
        let (ledger, lost) = (self.clone(), AtomicBool::new(false));
        let batch = Arc::new(OpenBatch { ledger, stream: stream.clone(), number, lost, fate: fate.clone() });
        entries.batches.push_back(Entry { cursor, records, settled: false, batch: Arc::downgrade(&batch), fate });
        state.open += 1;
        self.unacked.fetch_add(1, Ordering::Relaxed);
        Token { batch, settled: false }
    }

    fn settled(&self, stream: &Arc<str>, number: u64) {
        let mut state = self.lock();
        state.settle(stream, number, &self.unacked);
        if state.ready_since.is_none() && state.streams.get(stream).is_some_and(|stream| stream.ready.is_some()) {
            state.ready_since = Some(self.clock.now());
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Takes the new safe points, to be made durable and told to the source.
    pub(super) fn take_ready(&self) -> Vec<Progress> {
        let mut state = self.lock();
        (state.ready, state.ready_since) = (0, None);
        let records = state.safe;
        let taken = |(name, stream): (&Arc<str>, &mut Stream)| {
            let fates = std::mem::take(&mut stream.ready_fates);
            stream.ready.take().map(|cursor| Progress { stream: name.clone(), cursor, records, fates })
        };
        let progress = state.streams.iter_mut().filter_map(taken).collect();
        state.streams.retain(|_, stream| !stream.batches.is_empty());
        progress
    }

    /// Records that are safe and in no checkpoint yet, and since when.
    pub(super) fn ready(&self) -> Option<(u64, Timestamp)> {
        let state = self.lock();
        state.ready_since.map(|since| (state.ready, since))
    }

    /// Whether every batch is safe.
    pub(super) fn all_safe(&self) -> bool {
        self.lock().open == 0
    }

    /// Resolves when a batch became safe since the last call that resolved. For one waiter.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds this lock")
    }
}

impl State {
    fn settle(&mut self, stream: &Arc<str>, number: u64, unacked: &AtomicU64) {
        let Some(stream) = self.streams.get_mut(stream) else { return };
        let at = number.checked_sub(stream.first).and_then(|at| stream.batches.get_mut(at as usize));
        let Some(entry) = at else { return };
        entry.settled = true;
        self.open -= 1;
        unacked.fetch_sub(1, Ordering::Relaxed);
        while let Some(entry) = stream.batches.pop_front_if(|entry| entry.settled) {
            stream.first += 1;
            stream.ready = Some(entry.cursor);
            stream.ready_fates.push(entry.fate);
            self.safe += entry.records;
            self.ready += entry.records;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::port::clock::SystemClock;

    fn ledger() -> Arc<Ledger> {
        Ledger::new(SystemClock::shared(), Arc::default())
    }

    fn taken(ledger: &Ledger) -> Vec<(String, Value, u64)> {
        ledger.take_ready().into_iter().map(|progress| (progress.stream.to_string(), progress.cursor, progress.records)).collect()
    }

    #[test]
    fn only_the_unbroken_front_of_a_stream_is_safe() {
        let ledger = ledger();
        let a: Arc<str> = "a".into();
        let tokens: Vec<_> = (1..=3).map(|at| ledger.enter(&a, json!(at), 10)).collect();
        let [first, second, third] = tokens.try_into().ok().unwrap();
        second.settle();
        assert_eq!(taken(&ledger), []);
        first.settle();
        assert_eq!(taken(&ledger), [("a".into(), json!(2), 20)]);
        assert!(!ledger.all_safe());
        third.settle();
        assert_eq!(taken(&ledger), [("a".into(), json!(3), 30)]);
        assert!(ledger.all_safe());
    }

    #[test]
    fn a_batch_is_safe_when_all_its_shares_are() {
        let ledger = ledger();
        let token = ledger.enter(&"a".into(), json!(1), 1);
        let share = token.clone();
        token.settle();
        assert_eq!(taken(&ledger), []);
        share.settle();
        assert_eq!(taken(&ledger), [("a".into(), json!(1), 1)]);
    }

    #[test]
    fn a_share_that_is_lost_holds_its_stream_for_ever_and_no_other() {
        let ledger = ledger();
        let token = ledger.enter(&"a".into(), json!(1), 1);
        let later = ledger.enter(&"a".into(), json!(2), 1);
        let other = ledger.enter(&"b".into(), json!(9), 1);
        drop(token.clone());
        token.settle();
        later.settle();
        other.settle();
        assert_eq!(taken(&ledger), [("b".into(), json!(9), 1)]);
        assert!(!ledger.all_safe());
    }

    #[test]
    fn a_full_ledger_acknowledges_later_batches_together() {
        let ledger = ledger();
        let a: Arc<str> = "a".into();
        let tokens: Vec<_> = (0..BATCHES_MAX + 5).map(|at| ledger.enter(&a, json!(at), 1)).collect();
        assert_eq!(ledger.lock().open, BATCHES_MAX);
        let last = tokens.len() - 1;
        for token in tokens {
            token.settle();
        }
        assert_eq!(taken(&ledger), [("a".into(), json!(last), last as u64 + 1)]);
    }
}
