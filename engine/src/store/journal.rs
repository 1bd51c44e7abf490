//! The log on a disk, in this process: what was acknowledged is there after a crash.
//!
//! The journal is its files; what is kept of them is also in memory, in the very structures of the memory log, built anew
//! when it is opened. So readers never wait for the disk, and both logs answer alike. See `segment::frame` for the
//! layout, `segment::scan` for what counts after a crash, `writer` for how many callers share one sync.

mod contents;
mod crusher;
pub mod doctor;
mod drafting;
mod group;
mod look;
mod open;
mod record;
mod rewrite;
mod thin;
mod writer;

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use super::memory::{Limits, MemoryLog, steps, unfit, weigh};
use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::{
        BoxFuture, Reply,
        store::{AppendError, Appended, Condition, Expired, Filter, Page, ReadError, Snapshot, Store, StoreStats, StreamAppend},
    },
    segment::{self, disk::Folder, lock::Lock, pen::SharedCondition, state::States},
    vitals::latency::{Latencies, LatencyMeter},
};

pub use crate::segment::capture::{Capture, CapturedFile};
pub use crate::segment::{OpenError, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN};
pub use look::capture_files;

use group::{Answer, Append, Ask, Put, Truncation};
use record::TRUNCATE_BYTES;
use thin::Thinner;
use writer::{Desk, ended};

/// Callers whose appends wait for the writer; the next ones wait to be let in.
const ASKS_MAX: usize = 4_096;

/// How a journal is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The length of a file, in bytes, within [`SEGMENT_BYTES_MIN`] and [`SEGMENT_BYTES_MAX`]; 16 MiB if not set. One append
    /// must fit into 15/16 of it. What was written with another length stays as it is.
    pub segment_bytes: u64,
    /// What is kept in memory and so, but for the granularity of files, on disk.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: 16 << 20, limits: Limits::default() }
    }
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Events that are kept.
    pub events: u64,
    /// Files that were read.
    pub segments: u64,
    /// A write that was not finished, and so not acknowledged: the file, where it began, and its length in bytes.
    pub torn: Option<(String, u64, u64)>,
    /// The process that had the journal before and ended without closing it.
    pub died: Option<u32>,
}

/// The log in a folder. Share it by `Arc`; dropping it writes what was asked of it and gives the folder back.
///
/// What was acknowledged is there when the journal is opened again. What was refused as unavailable may be there too: after
/// a write or a sync that failed, nobody can say what a crash would leave of it.
pub struct Journal {
    index: Arc<MemoryLog>,
    desk: Arc<Desk>,
    asks: Option<mpsc::Sender<Ask>>,
    writer: Option<JoinHandle<()>>,
    condition: SharedCondition,
    states: States,
    thinner: Arc<Mutex<Thinner>>,
    syncs: Arc<LatencyMeter>,
    recovered: Recovered,
    batch_bytes_max: usize,
    /// Of what makes room.
    relief_bytes_max: usize,
    /// Given back at the very end.
    lock: Option<Lock>,
}

impl Journal {
    /// Opens the journal in a folder, which is made if it is not there, and reads all of it: about a second for a million
    /// events. Waits for the disk.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, OpenError> {
        segment::make(folder).map_err(|error| OpenError::disk("make", ".", error))?;
        let (lock, died) = Lock::take(folder)?;
        let mut journal = Self::on(Arc::new(Folder::new(folder)), settings)?;
        (journal.lock, journal.recovered.died) = (Some(lock), died);
        Ok(journal)
    }

    /// What was found when it was opened.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    fn fitting(&self, parts: Vec<StreamAppend>, answer: Answer<Appended>) -> Result<Append, AppendError> {
        let append = Append::new(weigh(&parts)?, parts, answer);
        self.fits(append.bytes).map(|()| append)
    }

    fn fits(&self, bytes: usize) -> Result<(), AppendError> {
        if bytes <= self.batch_bytes_max {
            return Ok(());
        }
        let bytes_max = self.batch_bytes_max;
        Err(unfit(format!(
            "{bytes} bytes on disk, where {bytes_max} fit into a segment; append less at once, or set longer segments"
        )))
    }

    async fn ask<T>(&self, ask: Ask, answer: oneshot::Receiver<Result<T, AppendError>>) -> Result<T, AppendError> {
        let asks = self.asks.as_ref().ok_or_else(ended)?;
        asks.send(ask).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    fn reply<T: Send + 'static>(
        &self,
        ask: Ask,
        answered: oneshot::Receiver<Result<T, AppendError>>,
    ) -> Reply<'_, Result<T, AppendError>> {
        let waiting = self.desk.wait();
        Reply::Pending(Box::pin(async move {
            let _waiting = waiting;
            self.ask(ask, answered).await
        }))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl Store for Journal {
    fn append(&self, batch: Vec<StreamAppend>) -> Reply<'_, Result<Appended, AppendError>> {
        let (answer, mut answered) = oneshot::channel();
        match self.fitting(batch, answer).map(|append| self.desk.write_alone(append)) {
            Ok(None) => Reply::ready(answered.try_recv().unwrap_or_else(|_| Err(ended()))),
            Ok(Some(append)) => self.reply(Ask::Append(append.made()), answered),
            Err(refusal) => Reply::ready(Err(refusal)),
        }
    }

    fn read(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.index.read(after, filter, max)
    }

    fn read_some(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.index.read_some(after, filter, max)
    }

    fn read_back(&self, before: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        self.index.read_back(before, filter, max)
    }

    fn read_stream(&self, stream: &StreamName, after: Version, max: usize) -> Reply<'_, Result<Vec<Envelope>, ReadError>> {
        self.index.read_stream(stream, after, max)
    }

    fn version(&self, stream: &StreamName) -> Reply<'_, Result<Version, ReadError>> {
        self.index.version(stream)
    }

    fn head(&self) -> Position {
        self.index.head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()> {
        self.index.wait_past(seen)
    }

    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>> {
        let (answer, answered) = oneshot::channel();
        let put = Put::new(stream.clone(), snapshot, answer);
        match self.fits(put.records.len()) {
            Ok(()) => self.reply(Ask::Snapshot(put), answered),
            Err(refusal) => Reply::ready(Err(refusal)),
        }
    }

    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>> {
        self.index.snapshot(stream)
    }

    fn keep_state(&self, name: &'static str, data: Bytes) -> Reply<'_, Result<(), AppendError>> {
        let states = self.states.clone();
        Reply::Pending(Box::pin(async move {
            let kept = spawn_blocking(move || states.keep(name, &data)).await;
            let unwritten = |error: io::Error| AppendError::Unavailable {
                reason: format!("the state `{name}` cannot be kept"),
                source: Some(error),
            };
            kept.unwrap_or_else(|ended| Err(io::Error::other(ended))).map_err(unwritten)
        }))
    }

    fn kept_state(&self, name: &'static str) -> Reply<'_, Result<Option<Bytes>, ReadError>> {
        let states = self.states.clone();
        Reply::Pending(Box::pin(async move {
            let kept = spawn_blocking(move || states.kept(name)).await;
            let unread =
                |error: io::Error| ReadError::Unavailable { reason: format!("the state `{name}`: {error}"), source: Some(error) };
            kept.unwrap_or_else(|ended| Err(io::Error::other(ended))).map_err(unread)
        }))
    }

    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>> {
        let forget = forget.to_vec();
        Reply::Pending(Box::pin(async move {
            let (oldest, next) = self.index.reach();
            for step in steps(oldest, before.0.min(next), &forget, self.relief_bytes_max - TRUNCATE_BYTES) {
                let ((answer, answered), forget) = (oneshot::channel(), step.forget.to_vec());
                let truncation = Truncation { before: step.before, forget, drops_files: step.is_last, answer };
                self.ask(Ask::Truncate(truncation), answered).await?;
            }
            Ok(())
        }))
    }

    fn let_go(&self, expired: &[Expired]) -> Reply<'_, Result<u64, AppendError>> {
        let (index, thinner, expired) = (self.index.clone(), self.thinner.clone(), expired.to_vec());
        Reply::Pending(Box::pin(async move {
            let thin = move || {
                let mut thinner = thinner.lock().unwrap_or_else(PoisonError::into_inner);
                let thinned = index.let_go_now(&expired);
                if let Err(error) = thinner.thin(&thinned, &expired) {
                    tracing::warn!(%error, "events that were let go take room on disk until the journal is tidied again");
                }
                thinned.events
            };
            Ok(spawn_blocking(thin).await.unwrap_or_default())
        }))
    }

    fn try_again(&self) -> Reply<'_, Result<(), AppendError>> {
        let (answer, answered) = oneshot::channel();
        self.reply(Ask::TryAgain(answer), answered)
    }

    fn stats(&self) -> StoreStats {
        self.index.stats()
    }

    fn condition(&self) -> Condition {
        self.condition.get()
    }

    fn syncs(&self) -> Option<Latencies> {
        Some(self.syncs.read())
    }
}

#[cfg(test)]
mod tests;
