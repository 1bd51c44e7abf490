//! Edges: what waits between two steps. Bounded in records and in bytes, so that a slow step holds up the ones before it
//! and memory stays flat; the bound is of records, not batches, because sources give batches of very different sizes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};

use crate::port::step::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Record};

use super::{ledger::Token, log::StepLog};

/// The most bytes that wait before one step, unless a single record is larger.
pub const EDGE_BYTES_MAX: usize = 8 << 20;

const BYTES_PER_PERMIT: usize = 1 << 10;

/// Records on their way, with the acknowledgement that they carry.
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// Of the source batch that they come from.
    pub(super) token: Token,
}

impl Batch {
    pub(super) fn new(records: Vec<Record>, token: Token) -> Self {
        Self { records, token }
    }

    /// Takes the first records off, as a batch that is acknowledged on its own.
    pub(super) fn split_front(&mut self, count: usize) -> Self {
        let rest = self.records.split_off(count);
        Self { records: std::mem::replace(&mut self.records, rest), token: self.token.clone() }
    }

    /// The batch in pieces of at most [`BATCH_RECORDS_MAX`] records and [`BATCH_BYTES_MAX`] bytes.
    pub(super) fn pieces(mut self) -> Vec<Self> {
        let mut pieces = Vec::with_capacity(1);
        loop {
            let count = fitting(&self.records);
            if count == self.records.len() {
                pieces.push(self);
                return pieces;
            }
            pieces.push(self.split_front(count));
        }
    }
}

/// How many records from the front make a whole batch: at least one.
fn fitting(records: &[Record]) -> usize {
    let mut bytes = 0;
    for (index, record) in records.iter().enumerate().take(BATCH_RECORDS_MAX) {
        bytes += record.json.len();
        if bytes > BATCH_BYTES_MAX && index > 0 {
            return index;
        }
    }
    records.len().min(BATCH_RECORDS_MAX)
}

/// Bytes of records.
pub(super) fn bytes_of(records: &[Record]) -> usize {
    records.iter().map(|record| record.json.len()).sum()
}

struct Waiting {
    batch: Batch,
    _records: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

/// The sending end: one for each step that gives records to the step behind it.
#[derive(Clone)]
pub(super) struct Outlet {
    sender: mpsc::UnboundedSender<Waiting>,
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    records_max: usize,
    backlog: Arc<AtomicU64>,
    overflow: Option<Overflow>,
}

/// Drops what comes when there is no room, and says so.
#[derive(Clone)]
struct Overflow {
    dropped: Arc<AtomicU64>,
    /// Dropped here.
    count: Arc<AtomicU64>,
    log: StepLog,
}

impl Overflow {
    fn drop(&self, batch: Batch) {
        let here = batch.records.len() as u64;
        self.dropped.fetch_add(here, Ordering::Relaxed);
        let before = self.count.fetch_add(here, Ordering::Relaxed);
        // The first time, and whenever it has doubled: the log is not to be flooded by what floods the step.
        if before == 0 || (before + here).ilog2() > before.ilog2() {
            let count = before + here;
            self.log.warn(&format!("{count} records dropped so far, because the buffer was full and `when_full` says so"));
        }
        batch.token.settle();
    }
}

/// The receiving end.
pub(super) struct Inlet {
    receiver: mpsc::UnboundedReceiver<Waiting>,
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    backlog: Arc<AtomicU64>,
}

/// The step behind the edge has gone; its own error says why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// An edge that holds so many records; `backlog` shows how many it holds.
pub(super) fn edge(records_max: usize, backlog: Arc<AtomicU64>) -> (Outlet, Inlet) {
    let records_max = records_max.clamp(1, Semaphore::MAX_PERMITS);
    let (sender, receiver) = mpsc::unbounded_channel();
    let records = Arc::new(Semaphore::new(records_max));
    let bytes = Arc::new(Semaphore::new(EDGE_BYTES_MAX / BYTES_PER_PERMIT));
    let inlet = Inlet { receiver, records: records.clone(), bytes: bytes.clone(), backlog: backlog.clone() };
    (Outlet { sender, records, bytes, records_max, backlog, overflow: None }, inlet)
}

impl Outlet {
    /// How many records more it takes at once.
    pub(super) fn room(&self) -> usize {
        self.records.available_permits()
    }

    /// Does not wait for room: what finds none is dropped and added to `dropped`.
    pub(super) fn dropping(self, dropped: Arc<AtomicU64>, log: StepLog) -> Self {
        Self { overflow: Some(Overflow { dropped, count: Arc::default(), log }), ..self }
    }

    /// Waits for room, then hands the batch over. A batch larger than the whole edge goes when the edge is empty.
    pub(super) async fn send(&self, batch: Batch) -> Result<(), Closed> {
        let count = batch.records.len();
        let wanted = count.min(self.records_max) as u32;
        let size = bytes_of(&batch.records).div_ceil(BYTES_PER_PERMIT).min(EDGE_BYTES_MAX / BYTES_PER_PERMIT) as u32;
        let (records, bytes) = (self.records.clone(), self.bytes.clone());
        let (records, bytes) = match &self.overflow {
            None => (records.acquire_many_owned(wanted).await, bytes.acquire_many_owned(size).await),
            Some(overflow) => match (records.try_acquire_many_owned(wanted), bytes.try_acquire_many_owned(size)) {
                (Ok(records), Ok(bytes)) => (Ok(records), Ok(bytes)),
                (Err(TryAcquireError::Closed), _) | (_, Err(TryAcquireError::Closed)) => return Err(Closed),
                _ => {
                    overflow.drop(batch);
                    return Ok(());
                }
            },
        };
        let (records, bytes) = (records.map_err(|_| Closed)?, bytes.map_err(|_| Closed)?);
        self.backlog.fetch_add(count as u64, Ordering::Relaxed);
        self.sender.send(Waiting { batch, _records: records, _bytes: bytes }).map_err(|_| Closed)
    }
}

impl Inlet {
    /// The next batch; `None` when all that send have ended and nothing waits. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        let waiting = self.receiver.recv().await;
        waiting.map(|waiting| self.taken(waiting))
    }

    /// The next batch, if one is there.
    pub(super) fn next_now(&mut self) -> Option<Batch> {
        let waiting = self.receiver.try_recv().ok();
        waiting.map(|waiting| self.taken(waiting))
    }

    fn taken(&self, waiting: Waiting) -> Batch {
        self.backlog.fetch_sub(waiting.batch.records.len() as u64, Ordering::Relaxed);
        waiting.batch
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.records.close();
        self.bytes.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flow::ledger::Ledger, port::clock::SystemClock};

    fn batch(count: usize, size: usize) -> Batch {
        let records = (0..count).map(|_| Record::new("7".repeat(size))).collect();
        let ledger = Ledger::new(SystemClock::shared(), Arc::default());
        Batch::new(records, ledger.enter(&"a".into(), serde_json::json!(1), count as u64))
    }

    #[tokio::test]
    async fn a_full_edge_takes_nothing_more_until_something_is_taken_out() {
        let backlog = Arc::new(AtomicU64::new(0));
        let (outlet, mut inlet) = edge(10, backlog.clone());
        outlet.send(batch(6, 1)).await.unwrap();
        let mut second = Box::pin(outlet.send(batch(6, 1)));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert_eq!(backlog.load(Ordering::Relaxed), 6);
        assert_eq!(inlet.next().await.unwrap().records.len(), 6);
        assert_eq!(second.await, Ok(()));
    }

    #[tokio::test]
    async fn an_edge_is_bounded_in_bytes_too_and_lets_a_giant_pass_alone() {
        let (outlet, mut inlet) = edge(1_000_000, Arc::default());
        outlet.send(batch(1, EDGE_BYTES_MAX + 1)).await.unwrap();
        let mut second = Box::pin(outlet.send(batch(1, 1)));
        assert!(futures_util::poll!(&mut second).is_pending());
        inlet.next().await.unwrap();
        second.await.unwrap();
        drop(inlet);
        assert_eq!(outlet.send(batch(1, 1)).await, Err(Closed));
    }

    #[test]
    fn a_batch_is_cut_into_pieces_of_a_bounded_size() {
        let pieces = batch(2_500, 2).pieces();
        assert_eq!(pieces.iter().map(|piece| piece.records.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
        let pieces = batch(3, BATCH_BYTES_MAX).pieces();
        assert_eq!(pieces.len(), 3);
    }
}
