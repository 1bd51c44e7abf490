//! The contract of every log: on a real disk, and on one where the journal is closed and opened between calls.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tempfile::TempDir;

use super::{super::Settings, Journal};
use crate::segment::sim::SimDisk;
use crate::{
    event::Envelope,
    id::{Position, StreamName, Version},
    port::{
        BoxFuture, Reply,
        store::{AppendError, Appended, Expired, Filter, Page, ReadError, Snapshot, Store, StoreStats, StreamAppend},
    },
};

/// Long enough for the longest append of the contract, short enough that most checks need several.
const SETTINGS: Settings =
    Settings { segment_bytes: 1 << 20, limits: crate::store::memory::Limits { events_max: 200_000, bytes_max: 128 << 20 } };

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = TempDir::new().unwrap();
    (Arc::new(Journal::open(folder.path(), SETTINGS).unwrap()), folder)
}

crate::store_contract!(fresh);

/// A journal that is opened anew after every few calls that change it.
struct Reopened {
    disk: SimDisk,
    journal: Mutex<Option<Arc<Journal>>>,
    changes: Mutex<u32>,
}

impl Reopened {
    fn on(disk: SimDisk) -> Self {
        let journal = Mutex::new(Some(Arc::new(Self::open(&disk))));
        Self { disk, journal, changes: Mutex::new(0) }
    }

    fn open(disk: &SimDisk) -> Journal {
        Journal::on(Arc::new(disk.clone()), SETTINGS).unwrap()
    }

    fn journal(&self) -> Arc<Journal> {
        self.journal.lock().unwrap().clone().unwrap()
    }

    fn changed(&self) {
        let mut changes = self.changes.lock().unwrap();
        *changes += 1;
        if changes.is_multiple_of(3) {
            let mut journal = self.journal.lock().unwrap();
            drop(journal.take());
            *journal = Some(Arc::new(Self::open(&self.disk)));
        }
    }
}

impl Store for Reopened {
    fn append(&self, batch: Vec<StreamAppend>) -> Reply<'_, Result<Appended, AppendError>> {
        Reply::Pending(Box::pin(async move {
            let outcome = self.journal().append(batch).await;
            self.changed();
            outcome
        }))
    }

    fn read(&self, after: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        let filter = filter.clone();
        Reply::Pending(Box::pin(async move { self.journal().read(after, &filter, max).await }))
    }

    fn read_back(&self, before: Position, filter: &Filter, max: usize) -> Reply<'_, Result<Page, ReadError>> {
        let filter = filter.clone();
        Reply::Pending(Box::pin(async move { self.journal().read_back(before, &filter, max).await }))
    }

    fn read_stream(&self, stream: &StreamName, after: Version, max: usize) -> Reply<'_, Result<Vec<Envelope>, ReadError>> {
        let stream = stream.clone();
        Reply::Pending(Box::pin(async move { self.journal().read_stream(&stream, after, max).await }))
    }

    fn version(&self, stream: &StreamName) -> Reply<'_, Result<Version, ReadError>> {
        let stream = stream.clone();
        Reply::Pending(Box::pin(async move { self.journal().version(&stream).await }))
    }

    fn head(&self) -> Position {
        self.journal().head()
    }

    fn wait_past(&self, seen: Position) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.journal().wait_past(seen).await })
    }

    fn put_snapshot(&self, stream: &StreamName, snapshot: Snapshot) -> Reply<'_, Result<(), AppendError>> {
        let stream = stream.clone();
        Reply::Pending(Box::pin(async move {
            let outcome = self.journal().put_snapshot(&stream, snapshot).await;
            self.changed();
            outcome
        }))
    }

    fn snapshot(&self, stream: &StreamName) -> Reply<'_, Result<Option<Snapshot>, ReadError>> {
        let stream = stream.clone();
        Reply::Pending(Box::pin(async move { self.journal().snapshot(&stream).await }))
    }

    fn keep_state(&self, name: &'static str, data: Bytes) -> Reply<'_, Result<(), AppendError>> {
        Reply::Pending(Box::pin(async move {
            let outcome = self.journal().keep_state(name, data).await;
            self.changed();
            outcome
        }))
    }

    fn kept_state(&self, name: &'static str) -> Reply<'_, Result<Option<Bytes>, ReadError>> {
        Reply::Pending(Box::pin(async move { self.journal().kept_state(name).await }))
    }

    fn truncate(&self, before: Position, forget: &[StreamName]) -> Reply<'_, Result<(), AppendError>> {
        let forget = forget.to_vec();
        Reply::Pending(Box::pin(async move {
            let outcome = self.journal().truncate(before, &forget).await;
            self.changed();
            outcome
        }))
    }

    fn let_go(&self, expired: &[Expired]) -> Reply<'_, Result<u64, AppendError>> {
        let expired = expired.to_vec();
        Reply::Pending(Box::pin(async move { self.journal().let_go(&expired).await }))
    }

    fn stats(&self) -> StoreStats {
        self.journal().stats()
    }
}

#[test]
fn it_agrees_with_the_model_however_often_it_is_opened() {
    async fn fresh() -> (Arc<dyn Store>, ()) {
        (Arc::new(Reopened::on(SimDisk::default())), ())
    }
    crate::testing::store_contract::model::it_agrees_with_the_model(fresh);
}
